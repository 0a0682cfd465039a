"""What FilterLogEvents leaves out: the ids of lines that functions wrote, and every line after the ten-thousandth.

Patches like those of `patches`, which check the engine's version first; each has its test.
"""

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from webhookctl.local.engine.patches import Wire

Answer = tuple[int, Wire, bytes]
_PAGE: Final = 10_000
"""The largest page (FilterLogEvents, `limit`), of the engine too."""


def install() -> None:
    """Apply the patches. Call after `patches.apply`."""
    name_events()
    continue_pages()


def name_events() -> None:
    """Gap: only what PutLogEvents stores has an `eventId`; `aws logs tail --follow` ends without."""
    from ministack.services import cloudwatch_logs

    append = cloudwatch_logs._append_log_events

    def append_named(stream: Wire, events: list[Wire]) -> None:
        for event in events:
            event.setdefault("eventId", cloudwatch_logs.new_uuid())
        append(stream, events)

    cloudwatch_logs._append_log_events = append_named


def continue_pages() -> None:
    """Gap: FilterLogEvents gives no token, so that paginators end after the first page as if there were no more."""
    from ministack.services import cloudwatch_logs

    find = cloudwatch_logs._filter_log_events

    def find_page(data: Wire) -> Answer:
        try:
            return page(find, data)
        except ValueError:
            return cloudwatch_logs.error_response_json(  # type: ignore[no-any-return]
                "InvalidParameterException", "The specified nextToken is invalid.", 400
            )

    cloudwatch_logs._filter_log_events = find_page


def page(find: Callable[[Wire], Answer], data: Wire) -> Answer:
    """Answer one call of FilterLogEvents by `find`, which knows no tokens. Raises ValueError for a token not of ours.

    A token holds the time of the last line given and the ids of those given of that time: there the next call begins.
    """
    limit = min(int(data.get("limit") or _PAGE), _PAGE)
    at, given = _read(data.get("nextToken"))
    start = data.get("startTime") if at is None else at
    asked = {**data, "limit": limit + len(given)} | ({} if start is None else {"startTime": start})
    status, headers, body = find(asked)
    if status != 200:  # noqa: PLR2004 - HTTP's OK
        return status, headers, body
    answer = json.loads(body)
    found = answer["events"]
    is_full = len(found) >= min(limit + len(given), _PAGE)
    unnamed = [event for event in found if "eventId" not in event]
    if not (unnamed or is_full or given):
        return status, headers, body
    for event in unnamed:  # of a state from before `name_events`
        event["eventId"] = sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
    answer["events"] = [event for event in found if event["eventId"] not in given]
    if is_full:
        answer["nextToken"] = _token(found)
    return status, headers, json.dumps(answer, ensure_ascii=False).encode()


def _token(found: list[Wire]) -> str:
    last = found[-1]["timestamp"]
    names = [event["eventId"] for event in found if event["timestamp"] == last]
    begin = last if len(names) < _PAGE else last + 1  # else the same page would come for ever
    return base64.urlsafe_b64encode(json.dumps([begin, names if begin == last else []]).encode()).decode()


def _read(token: Any) -> tuple[int | None, frozenset[str]]:  # noqa: ANN401 - whatever a client sends
    if not token:
        return None, frozenset()
    match json.loads(base64.urlsafe_b64decode(str(token))):
        case [int(at), [*names]]:
            return at, frozenset(map(str, names))
    raise ValueError(token)
