"""What `deploy` prints when the stack is up and the webhook sent through it is another matter."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from stack.settings import settings_for
from tests.cli.conftest import Ran
from tests.fakes_doctor import IDENTITY, NOW, Clinic, OneSecret
from tests.fakes_outputs import stack_outputs
from webhookctl.config import Settings
from webhookctl.context import AppContext

CHANGED = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
NO_KEY = '{"v": 1, "keys": [], "notificationUrlSetBy": "operator"}'
WITH_KEY = (
    '{"v": 1, "notificationUrlSetBy": "operator",'
    ' "keys": [{"id": "k", "value": "whsec_x", "createdAt": "2026-01-01T00:00:00Z"}]}'
)


@dataclass
class Nobody:
    """An endpoint that answers 503 to everything."""

    sent: list[Any] = field(default_factory=list)

    def deliver(self, draft: Any) -> Any:
        self.sent.append(draft)

        class Answer:
            is_accepted = False
            status = 503
            problem = None
            answer = "try again"

        return Answer()


def _context(secret: str, sender: Nobody) -> Callable[[Settings], AppContext]:
    def make(settings: Settings) -> AppContext:
        clinic = Clinic()
        clinic.cdk.wanted = CHANGED
        app = AppContext(settings)
        parts: dict[str, Any] = {
            "stack_settings": settings_for("dev", overrides={"allow_test_ca": False}),
            "outputs": stack_outputs(status="UPDATE_COMPLETE"),
            "identity": IDENTITY,
            "secrets": OneSecret(secret),
            "deployment": clinic.deployment(),
            "table": None,
            "sender": lambda *_providers: sender,
            "now": lambda: NOW + timedelta(minutes=1),
        }
        for name, part in parts.items():
            setattr(app, name, part)
        return app

    return make


def test_a_stack_without_keys_yet_is_deployed_and_the_smoke_test_says_why_it_did_not_run(
    cli: Callable[..., Ran],
) -> None:
    """A first production deployment: the keys are set after it, so it must end well."""
    sender = Nobody()
    ran = cli("deploy", "-e", "dev", "--yes", "-o", "json", make_context=_context(NO_KEY, sender))
    assert ran.exit_code == 0, ran.err
    told = json.loads(ran.out)
    assert (told["result"], sender.sent) == ("deployed", [])
    assert told["smoke_test"] == "not run: no key is set yet (webhookctl secrets set stripe --env dev)"


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_failed_smoke_test_does_not_hide_the_deployment(cli: Callable[..., Ran], output: str) -> None:
    """The result with its endpoint is on stdout all the same; the exit code is the failure's."""
    ran = cli("deploy", "-e", "dev", "--yes", "-o", output, make_context=_context(WITH_KEY, Nobody()))
    assert ran.exit_code == 1
    assert "deployed" in ran.out
    assert "failed: the smoke test's webhook was answered 503" in " ".join(ran.out.split())
    assert "logs tail receiver" in ran.err
