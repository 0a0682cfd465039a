"""Keys of providers: set, rotated and retired so that no genuine webhook is refused, and never printed."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes_doctor import LogLines
from tests.fakes_operator import FakeAuditLogger
from tests.fakes_outputs import stack_outputs
from webhookctl.core.audit.operator_lines import Operator, OperatorAudit, UnrecordedError
from webhookctl.core.secrets.keys import SecretDesk
from webhookctl.errors import CheckFailedError, NotFoundError, UsageError

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
RECEIVER_LOG = "/aws/lambda/receiver"


@dataclass
class Store:
    """Secrets Manager, one secret per provider."""

    secrets: dict[str, str] = field(default_factory=dict)

    def read(self, arn: str) -> str:
        return self.secrets.get(arn, '{"v": 1, "keys": [], "generated": "filler"}')

    def write(self, arn: str, text: str) -> None:
        self.secrets[arn] = text


@dataclass
class World:
    """A desk with everything that it writes to in sight."""

    store: Store = field(default_factory=Store)
    audit: FakeAuditLogger = field(default_factory=FakeAuditLogger)
    logs: LogLines = field(default_factory=LogLines)
    made_at: datetime = NOW
    counts_tests: bool = True

    @property
    def desk(self) -> SecretDesk:
        return SecretDesk(
            store=self.store,
            outputs=stack_outputs(),
            logs=self.logs,
            audit=OperatorAudit(logger=self.audit),
            operator=Operator(principal="arn:aws:iam::1:user/ada", user="ada"),
            now=lambda: self.made_at,
            counts_tests=self.counts_tests,
        )

    def values(self, provider: str = "stripe") -> list[str]:
        """Return the stored keys' values, newest first."""
        return [key["value"] for key in json.loads(self.store.read(f"arn:{provider}"))["keys"]]

    def verified(self, *key_ids: str) -> None:
        """Let the receiver accept a webhook with each key, one after the other."""
        self.logs = LogLines(apart=timedelta(seconds=1))
        self.logs.lines[RECEIVER_LOG] = [json.dumps({"keyId": key, "outcome": "accepted"}) for key in key_ids]


def test_a_first_key_is_set_and_the_filler_goes() -> None:
    """CloudFormation's filler was only there because a secret can't be empty."""
    world = World()
    world.desk.set_key("stripe", "whsec_abcdefgh", replaces=False)
    assert world.values() == ["whsec_abcdefgh"]
    assert "generated" not in world.store.secrets["arn:stripe"]


def test_a_second_key_is_not_set_over_the_first() -> None:
    """Webhooks signed with the first would be refused: rotating keeps it, replacing says so."""
    world = World()
    world.desk.set_key("stripe", "whsec_first123", replaces=False)
    with pytest.raises(UsageError, match="has a key already") as caught:
        world.desk.set_key("stripe", "whsec_second12", replaces=False)
    assert "secrets rotate stripe" in (caught.value.hint or "")
    world.desk.set_key("stripe", "whsec_second12", replaces=True)
    assert world.values() == ["whsec_second12"]


def test_a_rotation_keeps_the_old_key_behind_the_new() -> None:
    """Both verify until the old one is retired."""
    world = World()
    world.desk.set_key("stripe", "whsec_first123", replaces=False)
    world.desk.rotate("stripe", "whsec_second12")
    assert world.values() == ["whsec_second12", "whsec_first123"]
    with pytest.raises(UsageError, match="has this key already"):
        world.desk.rotate("stripe", "whsec_first123")


def rotated() -> tuple[World, str, str]:
    """Return a world with two keys, and the new and the old one's id."""
    world = World()
    world.desk.set_key("stripe", "whsec_first123", replaces=False)
    new, old = world.desk.rotate("stripe", "whsec_second12").keys
    return world, new, old


def test_an_old_key_stays_until_the_new_one_verifies() -> None:
    """The provider may not sign with it yet."""
    world, new, _ = rotated()
    with pytest.raises(CheckFailedError, match=f"{new} has not verified any webhook"):
        world.desk.retire("stripe", None, is_forced=False)
    assert len(world.values()) == 2


def test_an_old_key_stays_while_it_is_in_use() -> None:
    """The last webhook was still signed with it."""
    world, new, old = rotated()
    world.verified(new, old)
    with pytest.raises(CheckFailedError, match=f"still signed with {old}"):
        world.desk.retire("stripe", None, is_forced=False)


def test_an_old_key_goes_when_the_new_one_has_taken_over() -> None:
    """The counter moved: old, then new."""
    world, new, old = rotated()
    world.verified(old, new)
    assert world.desk.retire("stripe", None, is_forced=False).keys == (new,)
    assert world.values() == ["whsec_second12"]


def test_force_takes_an_old_key_whatever_is_in_use() -> None:
    """A stolen key must go at once."""
    world, new, old = rotated()
    assert world.desk.retire("stripe", old, is_forced=True).keys == (new,)


def test_the_only_key_is_never_retired() -> None:
    """Every webhook would be refused; a key that is not there can't be either."""
    world = World()
    world.desk.set_key("stripe", "whsec_first123", replaces=False)
    with pytest.raises(UsageError, match="is the only key"):
        world.desk.retire("stripe", None, is_forced=True)
    with pytest.raises(NotFoundError, match="has no key nope"):
        world.desk.retire("stripe", "nope", is_forced=True)


@pytest.mark.parametrize(
    ("provider", "value"), [("stripe", "sk_live_abcdefgh"), ("paypal", "lower-case"), ("square", "has spaces in it")]
)
def test_a_value_that_is_no_key_is_refused_and_not_repeated(provider: str, value: str) -> None:
    """Something else was pasted, perhaps another secret: the message must not show it."""
    with pytest.raises(UsageError) as caught:
        World().desk.set_key(provider, value, replaces=False)
    assert value not in caught.value.message


def test_every_change_is_in_the_audit_log_without_the_value() -> None:
    """Before and after, with who did it and which key."""
    world, new, _ = rotated()
    actions = world.audit.lines
    assert [(a["action"], a["outcome"]) for a in actions] == [
        ("secrets.set", "started"),
        ("secrets.set", "done"),
        ("secrets.rotate", "started"),
        ("secrets.rotate", "done"),
    ]
    assert actions[-1]["keyId"] == new
    assert "whsec_" not in json.dumps(actions)


def test_a_change_that_can_not_be_recorded_is_not_made() -> None:
    """The secret stays as it was."""
    world, *_ = rotated()
    before = dict(world.store.secrets)
    world.audit.is_down = True
    with pytest.raises(UnrecordedError):
        world.desk.rotate("stripe", "whsec_third123")
    assert world.store.secrets == before


def test_the_list_counts_what_each_key_verified() -> None:
    """A provider without a key is told as missing one."""
    world, new, old = rotated()
    world.verified(old, new, new)
    lines = {line.key_id: line for line in world.desk.list_keys(since=NOW)}
    assert (lines[new].role, lines[new].verified, lines[old].role, lines[old].verified) == ("newest", 2, "old", 1)
    assert [line.provider for line in world.desk.list_keys(since=NOW) if line.role == "missing"] == ["paypal", "square"]
    assert not any("whsec_" in str(line) for line in lines.values())


def test_other_members_are_set_and_taken_away() -> None:
    """Square's URL, PayPal's certificates: None takes one away, the keys stay."""
    world = World()
    world.desk.set_key("square", "square-key-1", replaces=False)
    world.desk.set_members("square", {"notificationUrl": "https://x", "notificationUrlSetBy": "operator"})
    world.desk.set_members("square", {"notificationUrlSetBy": None})
    stored = json.loads(world.store.secrets["arn:square"])
    assert (stored["notificationUrl"], "notificationUrlSetBy" in stored) == ("https://x", False)
    assert world.values("square") == ["square-key-1"]


def test_test_webhooks_do_not_retire_a_key_where_a_provider_signs() -> None:
    """What we signed ourselves says nothing of the provider: its old key stays until its own webhooks use the new."""
    world = World(counts_tests=False)
    world.desk.set_key("stripe", "whsec_oldoldold", replaces=False)
    world.desk.rotate("stripe", "whsec_newnewnew")
    new = world.desk.list_keys(since=NOW)[0].key_id
    world.logs.lines[RECEIVER_LOG] = [json.dumps({"keyId": new, "outcome": "accepted", "test": True})]
    with pytest.raises(CheckFailedError, match="has not verified any webhook"):
        world.desk.retire("stripe", None, is_forced=False)
    assert world.desk.list_keys(since=NOW)[0].verified == 0
    world.verified(new)
    world.desk.retire("stripe", None, is_forced=False)
    assert world.values() == ["whsec_newnewnew"]
