"""The `X-Amzn-Trace-Id` header, and the decision whether a request is traced."""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHeader:
    """Root, parent and sampling decision of a request. `sampled` None: nobody has decided yet."""

    root: str
    parent: str | None = None
    sampled: bool | None = None

    @classmethod
    def parse(cls, text: str | None) -> "TraceHeader | None":
        """Read a header; None when there is none or its root is not a trace id."""
        fields = dict(part.strip().split("=", 1) for part in (text or "").split(";") if "=" in part)
        root, parent, sampled = fields.get("Root", ""), fields.get("Parent", ""), fields.get("Sampled")
        if not _ROOT.fullmatch(root):
            return None
        return cls(
            root=root,
            parent=parent if _PARENT.fullmatch(parent) else None,
            sampled={"1": True, "0": False}.get(sampled or ""),
        )

    def __str__(self) -> str:
        parts = [f"Root={self.root}"]
        if self.parent:
            parts.append(f"Parent={self.parent}")
        if self.sampled is not None:
            parts.append(f"Sampled={int(self.sampled)}")
        return ";".join(parts)


class Sampler:
    """X-Ray's rule: the first `reservoir` requests of each second, then a fixed `rate` (0 to 1) of the rest."""

    def __init__(
        self,
        *,
        rate: float = 1.0,
        reservoir: int = 1,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = lambda: secrets.randbelow(2**32) / 2**32,
    ) -> None:
        self._rate = rate
        self._reservoir = reservoir
        self._clock = clock
        self._chance = chance
        self._second = 0
        self._taken = 0

    def decide(self) -> bool:
        """Return whether the next request is traced."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._taken = second, 0
        if self._taken < self._reservoir:
            self._taken += 1
            return True
        return self._chance() < self._rate


def new_trace_id(now: float) -> str:
    """Return a fresh trace id for a request that came at `now` (epoch seconds)."""
    return f"1-{int(now):08x}-{secrets.token_hex(12)}"


def new_segment_id() -> str:
    """Return a fresh segment id."""
    return secrets.token_hex(8)
