"""What a delivery does in the model, step by step: claim, put, keep another body beside, send, answer."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from tests.model.state import ABSENT, PROCESSED, State, acknowledged, moved, queued, received, spent

OTHER = "other"
"""Another body than the event's own."""


class ReceiverSteps(ABC):
    """The steps of the receiver. A delivery's step may name whose body it carries: `send`, or `send other`."""

    @abstractmethod
    def guarded(self, guard: str) -> bool:
        """Say whether a guard is in place."""

    def delivery(self, s: State, i: int, at: str) -> Iterator[tuple[str, State]]:
        """Return what the ith delivery can do next."""
        step, _, whose = at.partition(" ")
        if step == "forged":
            yield "forgery written", moved(received(s)._replace(forged=True), i, "done")
        elif step == "claim":
            yield from self._claim(s, i, is_counterfeit=bool(whose))
        elif step == "start":
            yield from self._put(s, i, whose)
        elif step.startswith("beside"):
            yield from self._keep(s, i, step, whose)
        elif step == "send":
            yield from self._send(s, i, whose)
        elif step == "late_send":
            yield "sent late", moved(queued(s), i, "done")
        if step != "forged" and s.budget.receiver_crashes:
            crashed = spent(s, "receiver_crashes")
            yield f"receiver crashes before {step}", moved(crashed, i, "done")

    def _claim(self, s: State, i: int, *, is_counterfeit: bool) -> Iterator[tuple[str, State]]:
        """Hold the delivery id for the event's body. Whoever counterfeits it has its signature from a delivery."""
        if not is_counterfeit:
            is_taken = s.claimed and not self.guarded("claim_compares")
            after = (
                moved(s._replace(refused=True), i, "done") if is_taken else moved(s._replace(claimed=True), i, "start")
            )
            yield ("refused, 401" if is_taken else "claimed"), after
        elif s.claimed and self.guarded("claim_first"):
            yield "counterfeit refused, 401", moved(s, i, "done")
        elif s.claimed:
            yield "counterfeit taken", moved(s._replace(forged=True), i, "done")

    def _put(self, s: State, i: int, whose: str) -> Iterator[tuple[str, State]]:
        if s.budget.call_faults:
            yield from self._failed_put(spent(s, "call_faults"), i, whose)
        if s.status == ABSENT:
            yield "put", self._to_send(received(s, whose), i, whose)
            if self.guarded("resend_duplicate"):
                return  # after a lost reply our own item stands there, and it is sent all the same
            yield "put, reply lost, tried again: our own item stands there", acknowledged(received(s), i)
        elif not self.guarded("put_condition"):
            yield "put over what stood there", self._to_send(received(s, whose), i, whose)
        elif s.body != whose and self.guarded("conflict_kept"):
            yield "another body", moved(s, i, f"beside{'' if s.status == PROCESSED else '+'} {whose}")
        elif s.status == PROCESSED or not self.guarded("resend_duplicate"):
            yield "duplicate, 200", acknowledged(s, i, whose)
        else:
            yield "duplicate", self._to_send(s, i, whose)

    def _failed_put(self, less: State, i: int, whose: str) -> Iterator[tuple[str, State]]:
        yield "put failed, 503", moved(less, i, "done")
        if less.status == ABSENT:
            yield "put, every reply lost, 503", moved(received(less, whose), i, "done")
        if not self.guarded("failed_put_is_503"):
            yield "put failed, 200", acknowledged(less, i, whose)

    def _keep(self, s: State, i: int, step: str, whose: str) -> Iterator[tuple[str, State]]:
        """Keep another body beside the item, then send the item's own message unless it was PROCESSED when seen."""
        kept = s if whose in s.kept else s._replace(kept=tuple(sorted((*s.kept, whose))))
        yield "kept beside", self._to_send(kept, i, whose) if step.endswith("+") else acknowledged(kept, i, whose)

    def _to_send(self, s: State, i: int, whose: str) -> State:
        if self.guarded("send_before_ack"):
            return moved(s, i, f"send {whose}".rstrip())
        return moved(acknowledged(s, i, whose), i, "late_send")

    def _send(self, s: State, i: int, whose: str) -> Iterator[tuple[str, State]]:
        yield "sent, 200", acknowledged(queued(s), i, whose)
        if s.budget.receiver_crashes:
            crashed = spent(s, "receiver_crashes")
            yield "sent, receiver crashes before 200", moved(queued(crashed), i, "done")
        if s.budget.call_faults:
            less = spent(s, "call_faults")
            yield "send failed, 503", moved(less, i, "done")
            yield "sent, every reply lost, 503", moved(queued(less), i, "done")
            yield "sent, reply lost, sent again, 200", acknowledged(queued(queued(less)), i, whose)
            if not self.guarded("failed_send_is_503"):
                yield "send failed, 200", acknowledged(less, i, whose)
