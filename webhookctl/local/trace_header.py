"""The X-Amzn-Trace-Id header: `Root=1-<time>-<random>;Parent=<id>;Sampled=0|1` (AWS X-Ray developer guide)."""

import re
import secrets
import time
from dataclasses import dataclass

NAME = "X-Amzn-Trace-Id"
_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class TraceHeader:
    """Which trace a request belongs to and whether it is recorded."""

    root: str
    segment_id: str
    """The segment of the gateway itself; what it calls has this as its parent."""
    is_sampled: bool
    parent: str | None = None
    """The segment of the caller, where it sent one."""

    def __str__(self) -> str:
        return f"Root={self.root};Parent={self.segment_id};Sampled={int(self.is_sampled)}"


def receive(incoming: str | None, *, samples: bool, now: float | None = None) -> TraceHeader:
    """Continue the caller's trace where its header is valid, else begin one. The caller's sampling decision is kept."""
    parts = dict(part.strip().partition("=")[::2] for part in (incoming or "").split(";"))
    root, parent, sampled = parts.get("Root", ""), parts.get("Parent", ""), parts.get("Sampled", "")
    return TraceHeader(
        root=root if _ROOT.fullmatch(root) else _new_root(time.time() if now is None else now),
        segment_id=secrets.token_hex(8),
        is_sampled=sampled == "1" if sampled in {"0", "1"} else samples,
        parent=parent if _ID.fullmatch(parent) else None,
    )


def _new_root(now: float) -> str:
    return f"1-{int(now):08x}-{secrets.token_hex(12)}"
