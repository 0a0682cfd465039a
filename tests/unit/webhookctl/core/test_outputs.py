"""The stack's outputs as the commands see them."""

import pytest

from webhookctl.core.outputs import StackDescription, read_outputs
from webhookctl.errors import NotFoundError

STACK = StackDescription(
    name="TapStackdev",
    stack_id="arn:aws:cloudformation:us-east-1:1:stack/TapStackdev/x",
    status="CREATE_COMPLETE",
    outputs={"APIEndpoint": "https://abc.execute-api.us-east-1.amazonaws.com/prod/", "ApiId": "abc"},
)


class OneStack:
    """A CloudFormation that knows one stack, or none."""

    def __init__(self, stack: StackDescription | None) -> None:
        self._stack = stack

    def describe(self, stack_name: str) -> StackDescription | None:
        """Return the stack by its name."""
        assert stack_name == "TapStackdev"
        return self._stack


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [
        (None, "https://abc.execute-api.us-east-1.amazonaws.com/prod"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/prod"),
        ("http://h:4566/_aws/execute-api/{api_id}", "http://h:4566/_aws/execute-api/abc/prod"),
    ],
)
def test_the_endpoint_is_the_reachable_one(public_url: str | None, expected: str) -> None:
    """AWS's own address, the local front door's, or an emulator's."""
    found = read_outputs(OneStack(STACK), "dev", public_url=public_url)
    assert found["APIEndpoint"] == found.api_endpoint == expected
    assert found.webhook_url("stripe") == f"{expected}/webhook/stripe"


def test_an_environment_without_a_stack_is_not_deployed() -> None:
    """Exit code 5, with the command that deploys it."""
    with pytest.raises(NotFoundError) as caught:
        read_outputs(OneStack(None), "dev")
    assert caught.value.hint == "webhookctl deploy --env dev"
