"""The prober's wire: unsigned requests from one address, at a rate, over kept-alive connections."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any, Final, Self

import urllib3

from webhookctl.errors import UsageError

_THREADS: Final = 16
LOCAL_SOURCE: Final = "127.0.0.77"
_BODY: Final = b'{"probe": "webhookctl"}'


def check_source(source: str | None, *, is_local: bool) -> str:
    """Return the address to send from, "" for this machine's own. Raises UsageError for one that can't be sent from."""
    if not is_local:
        if source:
            raise UsageError(
                "--source is for the local environment: beyond this machine there is one address", hint="leave it out"
            )
        return ""
    chosen = LOCAL_SOURCE if source is None else source
    try:
        is_loopback = ip_address(chosen).is_loopback and ":" not in chosen
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise UsageError(
            f"--source {chosen} is no address that reaches the local environment",
            hint=f"an IPv4 loopback address, as {LOCAL_SOURCE}",
        )
    return chosen


class Prober:
    """Offers requests that the receiver refuses (no signature). `source` binds the sender's address, or is empty."""

    def __init__(self, endpoint: str, *, source: str = "") -> None:
        self.address = source
        options: dict[str, Any] = {"source_address": (source, 0)} if source else {}
        self._url = f"{endpoint.rstrip('/')}/webhook/stripe"
        self._http = urllib3.PoolManager(maxsize=_THREADS, retries=False, timeout=10.0, **options)
        self._threads = ThreadPoolExecutor(_THREADS)

    def offer(self, rate: float) -> Iterator[tuple[float, int]]:
        """Send `rate` requests, spread over a second, and yield (moment, status) in the order of sending."""
        begin, answers = time.monotonic(), []
        for n in range(max(1, round(rate))):
            time.sleep(max(0.0, begin + n / rate - time.monotonic()))
            answers.append((time.monotonic(), self._threads.submit(self._send)))
        for moment, answer in answers:
            yield moment, answer.result()
        time.sleep(max(0.0, begin + 1 - time.monotonic()))

    def _send(self) -> int:
        try:
            headers = {"Content-Type": "application/json", "User-Agent": "webhookctl-waf-probe"}
            return int(self._http.request("POST", self._url, body=_BODY, headers=headers).status)
        except (OSError, urllib3.exceptions.HTTPError):
            return 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._http.clear()
