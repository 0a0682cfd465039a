import socket
from pathlib import Path

from webhookctl.local import ports
from webhookctl.local.ports import Ports


def test_free_ports_are_kept_and_taken_ones_replaced() -> None:
    """Only the port that somebody has moves."""
    wanted = ports.any_free()
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, wanted.aws))
        other.listen()
        chosen = ports.choose(wanted)
    assert (chosen.engine, chosen.front_door, chosen.xray_daemon) == (
        wanted.engine,
        wanted.front_door,
        wanted.xray_daemon,
    )
    assert chosen.aws != wanted.aws


def test_no_port_is_given_twice() -> None:
    """Even when the preferences are the same."""
    chosen = ports.choose(Ports(engine=0, front_door=0, aws=0, xray_daemon=0))
    assert len({chosen.engine, chosen.front_door, chosen.aws, chosen.xray_daemon}) == 4


def test_a_damaged_ports_file_means_the_usual_ports(tmp_path: Path) -> None:
    """A start never fails over a memory."""
    path = tmp_path / "ports.json"
    for text in ("", "[]", '{"engine": "x"}', '{"other": 1}'):
        path.write_text(text)
        assert ports.load(path) == Ports()
    ports.save(path, Ports(engine=5))
    assert ports.load(path).engine == 5
