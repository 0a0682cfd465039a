"""Is this the account and the stack that the operator means? Asked before a protected environment is changed."""

from dataclasses import dataclass

from webhookctl.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls, and where: the account id, the caller's ARN and the region."""

    account: str
    arn: str
    region: str


def fingerprint(stack_id: str) -> str:
    """Return what tells this stack from a namesake: the unique last part of its ARN, empty when there is none."""
    return stack_id.rpartition("/")[2]


def check_target(
    *,
    environment: str,
    identity: Identity,
    stack_id: str | None,
    expected_account: str | None,
    expected_fingerprint: str | None,
    is_protected: bool,
) -> None:
    """Compare where the calls would go with what webhookctl.toml says. `stack_id` is None before the first deployment.

    Raises ConfigError on a mismatch, and when a protected environment names no account.
    """
    table = f"[environments.{environment}]"
    if expected_account is None and is_protected:
        raise ConfigError(
            f"{environment!r} is protected and webhookctl.toml does not say which account it is in",
            hint=f'add to webhookctl.toml: {table} account = "{identity.account}" (if that is the right one)',
        )
    if expected_account is not None and identity.account != expected_account:
        raise ConfigError(
            f"{environment!r} belongs to account {expected_account}, but the credentials are of {identity.account}",
            hint="choose another --profile",
        )
    if stack_id and expected_fingerprint and fingerprint(stack_id) != expected_fingerprint:
        raise ConfigError(
            f"the stack of {environment!r} is not the one that webhookctl.toml names: it was made anew, or the region "
            f"{identity.region} is wrong",
            hint=f'if it is right, set {table} fingerprint = "{fingerprint(stack_id)}"',
        )
