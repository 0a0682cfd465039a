"""Locust clients that send from a chosen source address.

Only a loopback target can be reached from another loopback address; beyond this machine everything leaves from the
one address that its network gives it.

Linux offers all of 127.0.0.0/8 as source without set-up; macOS wants an alias for each address first:
`sudo ifconfig lo0 alias 127.0.0.12`.
"""

from functools import partial
from typing import Any, Final

import gevent.socket
from geventhttpclient.client import HTTPClientPool

OWN_ADDRESS: Final = "own address"
"""Stands for the address that the network gives this machine, wherever load is not bound to another."""


def _bound_socket(address: str, family: int, socktype: int, protocol: int) -> Any:  # noqa: ANN401 - gevent is untyped
    sock = gevent.socket.socket(family, socktype, protocol)
    if family == gevent.socket.AF_INET:
        sock.bind((address, 0))
    return sock


class BoundClientPool(HTTPClientPool):
    """A geventhttpclient pool whose connections leave from `address`; the library offers no option for that."""

    def __init__(self, address: str, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.address = address

    def get_client(self, url: Any) -> Any:  # noqa: ANN401
        """Return the client for a URL, its sockets bound to this pool's address."""
        client: Any = super().get_client(url)
        if self.address != OWN_ADDRESS:
            client._connection_pool._create_tcp_socket = partial(_bound_socket, self.address)  # noqa: SLF001
        return client
