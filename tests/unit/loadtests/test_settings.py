"""Laws of the load tests' safety."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from loadtests.settings import LoadSettingsError, read_settings


def options(tmp_path: Path, **changes: Any) -> Namespace:
    secrets = tmp_path / "secrets.json"
    secrets.write_text("{}")
    values = {
        "host": "http://127.0.0.1:8080/prod",
        "secrets": str(secrets),
        "out": "",
        "waf_lag": 30.0,
        "rate": 0.0,
        "seconds": 0.0,
        "allow_host": "",
        "provider_address": "",
    }
    return Namespace(**(values | changes))


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:1/prod", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9"]
)
def test_loopback_may_be_loaded(tmp_path: Path, host: str) -> None:
    """Any address of this machine is a target."""
    assert read_settings(options(tmp_path, host=host), rate_rps=5, duration_s=9).rate_rps == 5


def test_another_host_must_be_allowed_by_name(tmp_path: Path) -> None:
    """A public target passes only when the caller names exactly that one."""
    url = "https://abc.execute-api.us-east-1.amazonaws.com/prod"
    with pytest.raises(LoadSettingsError, match="not on this machine"):
        read_settings(options(tmp_path, host=url), rate_rps=5, duration_s=9)
    with pytest.raises(LoadSettingsError):
        read_settings(options(tmp_path, host=url, allow_host="https://abc.execute-api"), rate_rps=5, duration_s=9)
    assert read_settings(options(tmp_path, host=url, allow_host=url + "/"), rate_rps=5, duration_s=9).host == url


@pytest.mark.parametrize(
    "changes", [{"rate": 401.0}, {"rate": -1.0}, {"seconds": 3601.0}, {"host": ""}, {"secrets": ""}]
)
def test_rates_and_durations_have_ceilings(tmp_path: Path, changes: dict[str, Any]) -> None:
    """An option out of bounds stops the run before the first request."""
    with pytest.raises(LoadSettingsError):
        read_settings(options(tmp_path, **changes), rate_rps=5, duration_s=9)
