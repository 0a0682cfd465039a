"""What every body of the corpus means: `meanings.tsv` was read beside the bodies, line by line."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lambdas.shared.providers import PROVIDERS, get_provider
from lambdas.shared.webhook import PaymentEvent, Status
from tests.fakes_trip import Trip

with (Path(__file__).parent / "meanings.tsv").open(newline="") as table:
    MEANINGS = {row["file"]: row for row in csv.DictReader(table, delimiter="\t")}


def test_every_body_is_in_the_table(corpus: Path) -> None:
    """A body that is added to the corpus is reviewed before this passes."""
    found = {f"{name}/{path.name}" for name in PROVIDERS for path in (corpus / name).glob("*.json")}
    assert found == set(MEANINGS)


@pytest.mark.parametrize("file", MEANINGS)
def test_every_body_is_stored_as_it_came_and_means_what_the_table_says(corpus: Path, file: str) -> None:
    """Signed, received, queued and processed by the real handlers: no byte changes, and the item has the meaning."""
    trip, provider, body = Trip(refuse_outlived=False), file.partition("/")[0], (corpus / file).read_bytes()
    assert trip.send(body, provider=provider) == 200
    trip.drain()
    (stored,) = (found for found in map(trip.stored, trip.aws.items) if found.status is not Status.DELIVERY)
    assert (stored.status, stored.redactions, stored.attempts) == (Status.PROCESSED, None, 1)
    assert stored.body == body
    assert stored.event_type == Path(file).name.removesuffix(".json").partition("--")[0]
    assert stored.event_created_at < datetime(2026, 1, 1, tzinfo=UTC) or _has_no_readable_time(provider, body)
    assert stored.event is not None
    assert _row(file, stored.event) == MEANINGS[file]


def _has_no_readable_time(provider: str, body: bytes) -> bool:
    return get_provider(provider).identify(body).created_at is None


def _row(file: str, event: PaymentEvent) -> dict[str, str]:
    claim = "running-total" if event.is_cumulative else "counted-elsewhere" if event.is_secondary else "-"
    return {
        "file": file,
        "kind": event.kind,
        "amount": "-" if event.amount_minor is None else f"{event.amount_minor} {event.currency}",
        "payment": event.payment_id or "-",
        "object": event.object_id or "-",
        "claim": claim,
    }
