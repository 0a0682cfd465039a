"""Pages of log lines over an engine that gives the first page only."""

import json
from typing import Any

import pytest

from webhookctl.local.engine.log_events import page

TIMES = (1, 1, 2, 2, 2, 2, 2, 2, 3, 3)
LINES: list[dict[str, Any]] = [
    {"timestamp": at, "message": "m", "eventId": str(number)} for number, at in enumerate(TIMES)
]


def _find(data: dict[str, Any]) -> tuple[int, dict[str, Any], bytes]:
    """Answer as the engine does: the oldest lines from `startTime` on, and no token."""
    found = [line for line in LINES if line["timestamp"] >= data.get("startTime", 0)][: data["limit"]]
    return 200, {}, json.dumps({"events": found}).encode()


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 9, 10, 11])
def test_pages_together_hold_every_line_once_in_order(limit: int) -> None:
    """Also where several lines of one millisecond lie on both sides of a page's end; no page is longer than asked."""
    ids: list[str] = []
    token: dict[str, str] = {}
    for _ in range(20):
        _, _, body = page(_find, {"limit": limit, "startTime": 1, **token})
        answer = json.loads(body)
        assert len(answer["events"]) <= limit
        ids += [event["eventId"] for event in answer["events"]]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert ids == [line["eventId"] for line in LINES]


def test_a_page_that_holds_everything_is_passed_on_as_it_is() -> None:
    """There is nothing to continue; an error neither."""
    status, _, body = page(_find, {})
    assert (status, "nextToken" in json.loads(body)) == (200, False)
    assert page(lambda _: (400, {}, b"{}"), {}) == (400, {}, b"{}")


@pytest.mark.parametrize("token", ["x", "bnVsbA==", "WzEsMl0=", "eyJhIjoxfQ=="])
def test_a_token_of_somebody_elses_is_refused(token: str) -> None:
    """Not base64, no JSON, another shape."""
    with pytest.raises(ValueError, match=r".*"):
        page(_find, {"nextToken": token})


def test_a_line_of_an_older_state_has_always_the_same_id() -> None:
    """Stored without one, it is named by what it says."""
    body = json.dumps({"events": [{"timestamp": 1, "message": text, "logStreamName": "s"} for text in "ab"]}).encode()
    first, second = (
        [event["eventId"] for event in json.loads(page(lambda _: (200, {}, body), {})[2])["events"]] for _ in range(2)
    )
    assert first == second
    assert len(set(first)) == 2
