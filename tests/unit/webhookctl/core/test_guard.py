"""The guard of protected environments."""

import pytest

from webhookctl.core.guard import Identity, check_target
from webhookctl.errors import ConfigError

HERE = Identity(account="111111111111", arn="arn:aws:iam::111111111111:user/a", region="us-east-1")
STACK = "arn:aws:cloudformation:us-east-1:111111111111:stack/TapStackprod/one"


def check(
    *, account: str | None, fingerprint: str | None = None, stack_id: str | None = STACK, is_protected: bool = True
) -> None:
    """Ask the guard about prod."""
    check_target(
        environment="prod",
        identity=HERE,
        stack_id=stack_id,
        expected_account=account,
        expected_fingerprint=fingerprint,
        is_protected=is_protected,
    )


def test_the_named_account_and_stack_pass() -> None:
    """The account matches, and the fingerprint too where there is one."""
    check(account="111111111111")
    check(account="111111111111", fingerprint="one")
    check(account="111111111111", fingerprint="one", stack_id=None)


@pytest.mark.parametrize(
    ("account", "fingerprint", "words"),
    [
        (None, None, "does not say which account"),
        ("222222222222", None, "belongs to account 222222222222"),
        ("111111111111", "other", "not the one that webhookctl.toml names"),
    ],
)
def test_anything_else_is_refused(account: str | None, fingerprint: str | None, words: str) -> None:
    """No account named, another account, another stack of the same name."""
    with pytest.raises(ConfigError, match=words):
        check(account=account, fingerprint=fingerprint)


def test_what_is_said_of_an_unprotected_environment_holds_too() -> None:
    """Nothing has to be said; what is said is compared."""
    check(account=None, is_protected=False)
    with pytest.raises(ConfigError, match="belongs to account"):
        check(account="222222222222", is_protected=False)
    with pytest.raises(ConfigError, match="not the one"):
        check(account=None, fingerprint="other", is_protected=False)
