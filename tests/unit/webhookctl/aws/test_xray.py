"""Reading X-Ray: whether it shows all traces that there are."""

from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from webhookctl.aws.xray import XRay

if TYPE_CHECKING:
    from webhookctl.aws.session import AwsSession


class Account:
    """An account's X-Ray settings; `refused` operations are denied, `silent` ones not answered. Remembers all asked."""

    def __init__(
        self,
        destination: str,
        percent: float | None = 1.0,
        *,
        refused: tuple[str, ...] = (),
        silent: tuple[str, ...] = (),
    ) -> None:
        self._destination = destination
        self._percent = percent
        self._refused = refused
        self._silent = silent
        self.asked: list[str] = []

    def client(self, _service: str) -> "Account":
        """Return itself, as the session's client."""
        return self

    def get_trace_segment_destination(self) -> dict[str, Any]:
        """Tell where segments go."""
        self._ask("GetTraceSegmentDestination")
        return {"Destination": self._destination, "Status": "ACTIVE"}

    def get_indexing_rules(self) -> dict[str, Any]:
        """Tell how many traces are indexed."""
        self._ask("GetIndexingRules")
        rule = {} if self._percent is None else {"Probabilistic": {"DesiredSamplingPercentage": self._percent}}
        return {"IndexingRules": [{"Name": "Default", "Rule": rule}]}

    def _ask(self, operation: str) -> None:
        self.asked.append(operation)
        if operation in self._silent:
            raise ReadTimeoutError(endpoint_url="https://xray.test")
        if operation in self._refused:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)


def _reason(account: Account) -> str | None:
    return XRay(cast("AwsSession", account)).hidden_reason()


@pytest.mark.parametrize(
    ("account", "says"),
    [
        (Account("CloudWatchLogs"), "X-Ray shows only 1 % of the traces"),
        (Account("CloudWatchLogs", 12.5), "X-Ray shows only 12.5 % of the traces"),
        (Account("CloudWatchLogs", None), "X-Ray shows only a part of the traces"),
        (Account("CloudWatchLogs", refused=("GetIndexingRules",)), "X-Ray shows only a part of the traces"),
        (Account("CloudWatchLogs", silent=("GetIndexingRules",)), "X-Ray shows only a part of the traces"),
    ],
)
def test_transaction_search_is_named_with_the_share_that_is_left(account: Account, says: str) -> None:
    """Without the share, where that can't be asked."""
    assert says in (_reason(account) or "")


@pytest.mark.parametrize(
    "account",
    [
        Account("XRay"),
        Account("CloudWatchLogs", 100.0),
        Account("CloudWatchLogs", refused=("GetTraceSegmentDestination",)),
        Account("CloudWatchLogs", silent=("GetTraceSegmentDestination",)),
    ],
)
def test_nothing_is_said_where_nothing_is_hidden_or_nobody_may_ask(account: Account) -> None:
    """Traces that are all indexed are all shown."""
    assert _reason(account) is None


def test_a_command_asks_once() -> None:
    """However many of its readings come out empty."""
    account = Account("CloudWatchLogs")
    reader = XRay(cast("AwsSession", account))
    assert reader.hidden_reason() == reader.hidden_reason()
    assert account.asked == ["GetTraceSegmentDestination", "GetIndexingRules"]
