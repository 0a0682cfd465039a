"""Loopback ports: the usual ones where they are free, the same ones again after a restart."""

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """The ports of the local environment, all on the loopback address."""

    engine: int = 4570
    front_door: int = 4571
    aws: int = 4572
    xray_daemon: int = 4573
    """UDP, where the Lambdas send their trace segments."""


def is_free(port: int, *, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Tell whether a loopback port can be bound now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(preferred: Ports) -> Ports:
    """Return the preferred ports, with a free one in place of each that is taken."""
    taken: set[int] = set()
    chosen: dict[str, int] = {}
    for name, port in asdict(preferred).items():
        kind = socket.SOCK_DGRAM if name == "xray_daemon" else socket.SOCK_STREAM
        chosen[name] = port if port and port not in taken and is_free(port, kind=kind) else _any_free(kind, taken)
        taken.add(chosen[name])
    return Ports(**chosen)


def any_free() -> Ports:
    """Return ports that nobody uses now: for an environment beside the usual one."""
    return choose(Ports(engine=0, front_door=0, aws=0, xray_daemon=0))


def load(path: Path) -> Ports:
    """Read the ports of the last start; the usual ones when there are none or the file is damaged."""
    try:
        return Ports(**{name: int(port) for name, port in json.loads(path.read_text()).items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return Ports()


def save(path: Path, ports: Ports) -> None:
    """Remember the ports for the next start."""
    path.write_text(json.dumps(asdict(ports)))


def _any_free(kind: socket.SocketKind, taken: set[int]) -> int:
    while True:
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
