"""The deployed stack as the commands see it: its outputs, with the API in the form that is reachable from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from stack import outputs as names
from webhookctl.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class StackDescription:
    """One CloudFormation stack. `outputs` is empty while the first deployment runs."""

    name: str
    stack_id: str
    status: str
    outputs: Mapping[str, str]


class StackReader(Protocol):
    """Reads CloudFormation."""

    def describe(self, stack_name: str) -> StackDescription | None:
        """Return the stack, or None when there is none (deleted ones do not count)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOutputs:
    """The outputs of a deployed environment, by name. `api_endpoint` has no trailing slash."""

    environment: str
    stack_id: str
    status: str
    values: Mapping[str, str]
    api_endpoint: str

    def __getitem__(self, name: str) -> str:
        """Return an output. Raises NotFoundError when the deployed stack is older than the CLI and lacks it."""
        try:
            return self.values[name]
        except KeyError:
            raise NotFoundError(
                f"the deployed stack {names.stack_name(self.environment)!r} has no output {name!r}",
                hint=f"webhookctl deploy --env {self.environment}",
            ) from None

    def webhook_url(self, provider: str) -> str:
        """Return the URL that a provider posts to."""
        return f"{self.api_endpoint}/webhook/{provider}"


def read_outputs(reader: StackReader, environment: str, *, public_url: str | None = None) -> StackOutputs:
    """Return the outputs of an environment. Raises NotFoundError when it is not deployed.

    `public_url` (no stage, `{api_id}` filled in) replaces the API's own host where that can't be resolved from here.
    """
    stack = reader.describe(names.stack_name(environment))
    if stack is None or not stack.outputs:
        raise NotFoundError(
            f"environment {environment!r} is not deployed (no stack {names.stack_name(environment)!r})",
            hint=f"webhookctl deploy --env {environment}",
        )
    own = stack.outputs.get(names.API_ENDPOINT, "")
    api_id = stack.outputs.get(names.API_ID, "")
    endpoint = f"{public_url.format(api_id=api_id)}/{names.STAGE}" if public_url else own
    endpoint = endpoint.rstrip("/")
    return StackOutputs(
        environment=environment,
        stack_id=stack.stack_id,
        status=stack.status,
        values={**stack.outputs, names.API_ENDPOINT: endpoint},
        api_endpoint=endpoint,
    )
