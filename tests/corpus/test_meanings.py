"""What every body of the corpus means: `meanings.tsv` was read beside the bodies, line by line."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lambdas.shared.providers import PROVIDERS
from lambdas.shared.webhook import PaymentEvent
from tests.provider_cases import CASES, NOW

with (Path(__file__).parent / "meanings.tsv").open(newline="") as table:
    MEANINGS = {row["file"]: row for row in csv.DictReader(table, delimiter="\t")}


def test_every_body_is_in_the_table(corpus: Path) -> None:
    """A body that is added to the corpus is reviewed before this passes."""
    found = {f"{name}/{path.name}" for name in PROVIDERS for path in (corpus / name).glob("*.json")}
    assert found == set(MEANINGS)


@pytest.mark.parametrize("file", MEANINGS)
def test_every_body_is_accepted_when_signed_and_means_what_the_table_says(corpus: Path, file: str) -> None:
    """Signed, verified, identified and normalised without error, to the reviewed meaning."""
    case = next(case for case in CASES if case.name == file.partition("/")[0])
    body = (corpus / file).read_bytes()
    case.provider.verify(case.request(body), case.secret, now=NOW)
    identity = case.provider.identify(body)
    assert identity.event_type == Path(file).name.removesuffix(".json").partition("--")[0]
    assert identity.created_at is None or identity.created_at < datetime(2026, 1, 1, tzinfo=UTC)
    assert _row(file, case.provider.normalise(body)) == MEANINGS[file]


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
