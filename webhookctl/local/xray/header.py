"""Trace headers as Lambda meets them, from an API or a queue, where the sampling decision may still be open."""

import re
import secrets
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


def new_trace_id(now: float) -> str:
    """Return a fresh trace id for a request that came at `now` (epoch seconds)."""
    return f"1-{int(now):08x}-{secrets.token_hex(12)}"


def new_segment_id() -> str:
    """Return a fresh segment id."""
    return secrets.token_hex(8)
