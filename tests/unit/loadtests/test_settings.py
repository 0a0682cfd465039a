"""Laws of the load tests' safety."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from loadtests.settings import Load, LoadSettingsError, read_settings

API = "https://abc.execute-api.us-east-1.amazonaws.com/prod"
LOAD = Load(name="steady", rate_rps=5, duration_s=9)


def options(tmp_path: Path, **changes: Any) -> Namespace:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"environment": "prod", "endpoint": API, "secrets": {}}))
    values = {
        "host": "http://127.0.0.1:8080/prod",
        "secrets": str(secrets),
        "out": "",
        "waf_lag": 30.0,
        "rate": 0.0,
        "seconds": 0.0,
        "confirm": "",
        "provider_address": "",
    }
    return Namespace(**(values | changes))


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:1/prod", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9"]
)
def test_loopback_may_be_loaded(tmp_path: Path, host: str) -> None:
    """Any address of this machine is a target, and its many addresses are sources."""
    found = read_settings(options(tmp_path, host=host), LOAD)
    assert (found.rate_rps, found.is_one_address) == (5, False)


def test_an_environment_is_loaded_only_by_its_name(tmp_path: Path) -> None:
    """Neither its URL alone nor another environment's name is enough."""
    for name in ("", "dev", "yes"):
        with pytest.raises(LoadSettingsError, match="--confirm prod"):
            read_settings(options(tmp_path, host=API, confirm=name), LOAD)
    found = read_settings(options(tmp_path, host=API + "/", confirm="prod"), LOAD)
    assert (found.host, found.is_one_address) == (API, True)


@pytest.mark.parametrize(
    "host",
    ["https://other.example/prod", API.replace("abc", "ab-d"), "http://127.0.0.1@192.0.2.2/", "ftp://127.0.0.1/"],
)
def test_secrets_of_one_environment_are_no_key_to_another_host(tmp_path: Path, host: str) -> None:
    """The file names the one API beyond this machine that it is good for."""
    with pytest.raises(LoadSettingsError, match="not on this machine"):
        read_settings(options(tmp_path, host=host, confirm="prod"), LOAD)


def test_the_web_interfaces_host_is_checked_like_the_command_lines(tmp_path: Path) -> None:
    """What is typed there stands in for --host, and is no way round."""
    with pytest.raises(LoadSettingsError, match="not on this machine"):
        read_settings(options(tmp_path), LOAD, host="http://192.0.2.2:18999/elsewhere")
    assert read_settings(options(tmp_path), LOAD, host="http://127.0.0.2:1/").host == "http://127.0.0.2:1"


@pytest.mark.parametrize(
    "changes", [{"rate": 401.0}, {"rate": -1.0}, {"seconds": 3601.0}, {"host": ""}, {"secrets": ""}]
)
def test_rates_and_durations_have_ceilings(tmp_path: Path, changes: dict[str, Any]) -> None:
    """An option out of bounds stops the run before the first request."""
    with pytest.raises(LoadSettingsError):
        read_settings(options(tmp_path, **changes), LOAD)


def test_the_ceiling_is_on_all_roles_together(tmp_path: Path) -> None:
    """The main role may offer what the others leave of 400/s."""
    forged = Load(name="forged", rate_rps=30, others_rps=10, duration_s=45)
    assert read_settings(options(tmp_path, rate=390.0), forged).rate_rps == 390
    with pytest.raises(LoadSettingsError, match="of the other roles"):
        read_settings(options(tmp_path, rate=391.0), forged)


def test_from_one_address_a_scenario_stays_under_the_limit(tmp_path: Path) -> None:
    """Beyond this machine all roles shrink alike to 8/s together; a rate that was asked for is refused, not changed."""
    beyond = {"host": API, "confirm": "prod"}
    found = read_settings(options(tmp_path, **beyond), Load(name="f", rate_rps=30, others_rps=10, duration_s=45))
    assert (found.rate_rps, found.others_scale) == (6, 0.2)
    with pytest.raises(LoadSettingsError, match="one address"):
        read_settings(options(tmp_path, rate=9.0, **beyond), LOAD)


def test_from_one_address_a_burst_is_refused(tmp_path: Path) -> None:
    """The firewall would block it long before the stage could be judged."""
    burst = Load(name="burst", rate_rps=160, duration_s=45, from_one_address="refused")
    with pytest.raises(LoadSettingsError, match="many source addresses"):
        read_settings(options(tmp_path, host=API, confirm="prod"), burst)


def test_from_one_address_the_roles_take_turns(tmp_path: Path) -> None:
    """The rates stay, the run grows by the turn of the one that is under the limit."""
    turns = Load(
        name="rate_limit",
        rate_rps=25,
        duration_s=150,
        lags=2,
        from_one_address="in_sequence",
        sequence_s=140,
        sequence_lags=1,
    )
    found = read_settings(options(tmp_path, host=API, confirm="prod"), turns)
    assert (found.rate_rps, found.duration_s) == (25, 150 + 140 + 3 * 30)
    assert read_settings(options(tmp_path), turns).duration_s == 210
