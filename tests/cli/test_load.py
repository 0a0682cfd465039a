"""`webhookctl load` and `webhookctl waf`, as a person types them. Nothing is loaded here."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from webhookctl.config import Settings
from webhookctl.context import AppContext
from webhookctl.core.guard import Identity


class Production(AppContext):
    """An environment on AWS; anything beyond who calls is out of reach."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.identity = Identity(account="123456789012", arn="arn:aws:iam::123456789012:user/ann", region="us-east-1")
        self.stacks: Any = SimpleNamespace(describe=lambda _: None)


def test_the_scenarios_are_listed(cli: Callable[..., Any], snapshot: SnapshotAssertion) -> None:
    """One row each, with what it does."""
    ran = cli("load", "list")
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out == snapshot


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("load", "run", "flood"), "no scenario 'flood'"),
        (("load", "run", "steady", "--rate", "401"), "--rate"),
        (("load", "run", "steady", "--seconds", "3601"), "--seconds"),
        (("load", "run", "steady", "--workers", "9"), "--workers"),
        (("waf", "probe", "--waf-lag", "500"), "--waf-lag"),
    ],
)
def test_what_is_out_of_bounds_is_refused(cli: Callable[..., Any], words: tuple[str, ...], message: str) -> None:
    """Exit 2 before anything is looked for."""
    ran = cli(*words)
    assert ran.exit_code == 2
    assert message in ran.err


@pytest.mark.parametrize("words", [("load", "run", "steady"), ("waf", "probe")])
@pytest.mark.parametrize("consent", [(), ("--yes",), ("--confirm", "staging")])
def test_production_is_loaded_only_by_its_name(
    cli: Callable[..., Any], words: tuple[str, ...], consent: tuple[str, ...]
) -> None:
    """Neither silence nor a yes nor another environment's name is enough."""
    Path("webhookctl.toml").write_text('[environments.prod]\naccount = "123456789012"\n')
    ran = cli(*words, "--env", "prod", "--no-input", *consent, make_context=Production)
    assert ran.exit_code == 3
    assert "prod" in ran.err


def test_an_ordinary_environment_on_aws_asks_first(cli: Callable[..., Any]) -> None:
    """It costs money and blocks the operator's own address, and the question says so."""
    ran = cli("waf", "probe", "--env", "dev", "--no-input", make_context=Production)
    assert ran.exit_code == 3
    assert "blocks your own address" in ran.err
