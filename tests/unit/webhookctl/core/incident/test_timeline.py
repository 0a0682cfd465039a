"""The timeline of an incident stays readable in a flood, and loses no deed of a person."""

from datetime import timedelta

from tests.fakes_audit import START
from webhookctl.core.incident.timeline import SINGLE, Moment, Timeline


def _failed(second: float, *, what: str = "retried: injected", n: int = 0) -> Moment:
    return Moment(at=START + timedelta(seconds=second), who="processor", what=what, webhook_id=f"stripe:evt_{n}")


def _deed(second: float) -> Moment:
    return Moment(at=START + timedelta(seconds=second), who="operator:alice", what="dlq.redrive done", is_deed=True)


def test_alike_moments_of_a_minute_are_one_row_with_their_count() -> None:
    """A minute's flood is one row at its first moment; what stands in another minute, or fails otherwise, is not."""
    flood = [_failed(second / 10, n=second) for second in range(500)]
    found, left_out = Timeline([*flood, _failed(61), _failed(2, what="dead_lettered: injected")]).rows()
    assert [(row.moments, row.what) for row in found] == [
        (500, "500 x retried: injected"),
        (1, "dead_lettered: injected"),
        (1, "retried: injected"),
    ]
    assert found[0].webhooks == "500, first stripe:evt_0"
    assert left_out == 0


def test_a_few_moments_stand_alone() -> None:
    """Nothing is gained by merging them."""
    found, _ = Timeline(_failed(second, n=second) for second in range(SINGLE)).rows()
    assert [row.webhooks for row in found] == ["stripe:evt_0", "stripe:evt_1", "stripe:evt_2"]


def test_above_the_limit_deeds_and_floods_stay_and_the_rest_is_counted() -> None:
    """Whatever came first or last: what people did has its row, then what stands for most moments."""
    early = [_failed(second, what=f"reason {second}") for second in range(50)]
    late = [_failed(600 + second / 10) for second in range(100)]
    deeds = [_deed(second) for second in (30, 700, 701, 702, 703)]
    found, left_out = Timeline([*early, *late, *deeds]).rows(limit=8)
    assert sum(row.is_deed for row in found) == 5
    assert max(row.moments for row in found) == 100
    assert [row.at for row in found] == sorted(row.at for row in found)
    assert left_out == 48


def test_no_deed_is_left_out_however_many_there_are() -> None:
    """The limit is for what machines did."""
    found, left_out = Timeline([*(_deed(second) for second in range(9)), _failed(3)]).rows(limit=5)
    assert (len(found), left_out) == (9, 1)


def test_the_order_in_which_moments_come_does_not_matter() -> None:
    """Logs are read one after the other."""
    flood = [_failed(second / 10, n=second) for second in range(100)]
    assert Timeline(flood).rows() == Timeline(reversed(flood)).rows()
