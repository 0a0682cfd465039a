"""A signed head of the audit log: the Merkle root over every webhook's last recorded state, to be kept elsewhere.

A chain alone cannot show that a whole webhook, row and lines, is gone, nor that its end was cut off on both sides at
once. A checkpoint that lies where the log's owner cannot reach it can: every later log must still contain it.

Leaves are SHA-256(0x00 | webhook id | 0x00 | seq | 0x00 | chain hash), nodes SHA-256(0x01 | left | right) (the
prefixes of RFC 6962, so that a node can't be taken for a leaf). Webhooks fall into 256 buckets by the first byte of
the SHA-256 of their id, so that a mismatch can be narrowed down. Operators' lines have a tree
of their own: its leaves are the SHA-256 of the lines, in the order of these. The head is sealed with an
HMAC by the audit key.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lambdas.shared.audit_record import AuditKey, canonical
from webhookctl.core.audit.findings import Finding, Kind
from webhookctl.errors import CheckFailedError, UsageError

VERSION = 1
BUCKETS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The webhooks whose hashed id begins with the same byte."""

    items: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A signed head. `states` holds (seq, chain hash) by webhook where it was asked for: then verify names names.

    `at` is the moment up to which log lines count. `fingerprint` is what to note down on paper: it covers everything.
    """

    environment: str
    at: str
    items: int
    root: str
    buckets: tuple[Bucket, ...]
    operators: Bucket
    states: Mapping[str, tuple[int, str]] | None = None
    key_id: str = ""
    hmac: str = ""
    v: int = VERSION

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the whole sealed head."""
        return hashlib.sha256(canonical(asdict(self))).hexdigest()

    def to_json(self) -> str:
        """Return the file's text."""
        return json.dumps(asdict(self), indent=1) + "\n"


class MerkleTree:
    """Folds leaves into a root as they come, holding one node per level."""

    def __init__(self) -> None:
        self.items = 0
        self._stack: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Take the next leaf."""
        self.items += 1
        level, node = 0, hashlib.sha256(b"\x00" + leaf).digest()
        while self._stack and self._stack[-1][0] == level:
            node = _node(self._stack.pop()[1], node)
            level += 1
        self._stack.append((level, node))

    def root(self) -> str:
        """Return the root of what was added, in hexadecimal; the hash of nothing when there was nothing."""
        if not self._stack:
            return hashlib.sha256(b"").hexdigest()
        nodes = [node for _, node in self._stack]
        folded = nodes.pop()
        while nodes:
            folded = _node(nodes.pop(), folded)
        return folded.hex()


State = tuple[str, int, bytes]


def make(
    states: Iterable[State],
    operators: Iterable[bytes],
    *,
    environment: str,
    at: str,
    key: AuditKey,
    with_states: bool = False,
) -> Checkpoint:
    """Return the sealed checkpoint over the states (in the order of webhook ids) and the hashes of operators' lines."""
    trees, kept = _trees(states, keep=with_states)
    head = Checkpoint(
        environment=environment,
        at=at,
        items=sum(tree.items for tree in trees),
        root=_top(trees),
        buckets=tuple(Bucket(items=tree.items, root=tree.root()) for tree in trees),
        operators=_bucket(operators),
        states=kept,
        key_id=key.id,
    )
    return replace(head, hmac=_mac(head, key))


def load(text: str, keys: Sequence[AuditKey]) -> Checkpoint:
    """Read a checkpoint. Raises UsageError when it is none, CheckFailedError when its seal does not hold."""
    try:
        raw = json.loads(text)
        states = raw["states"]
        head = Checkpoint(
            **{
                **raw,
                "buckets": tuple(Bucket(**bucket) for bucket in raw["buckets"]),
                "operators": Bucket(**raw["operators"]),
                "states": None if states is None else {k: (int(s), str(c)) for k, (s, c) in states.items()},
            }
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError("the file is not an audit checkpoint", hint="webhookctl audit checkpoint") from error
    try:
        holds = any(key.id == head.key_id and hmac.compare_digest(_mac(head, key), head.hmac) for key in keys)
    except (TypeError, ValueError, RecursionError):  # what no checkpoint of ours holds
        holds = False
    if not holds:
        raise CheckFailedError("the checkpoint's seal does not hold: it was changed, or sealed with another key")
    return head


def compare(checkpoint: Checkpoint, states: Iterable[State], operators: Iterable[bytes]) -> Iterator[Finding]:
    """Yield what today's states and operators' lines (up to the checkpoint's moment) lack of it or have otherwise."""
    told, then = _bucket(operators), checkpoint.operators
    if told != then:
        counted = f"{then.items} operators' lines then, {told.items} of that time now"
        yield _finding("operators", None, f"{counted}: edited, removed or added")
    trees, now = _trees(states, keep=checkpoint.states is not None)
    if _top(trees) == checkpoint.root:
        return
    if checkpoint.states is not None and now is not None:
        yield from _named(checkpoint.states, now)
        return
    for number, (tree, bucket) in enumerate(zip(trees, checkpoint.buckets, strict=True)):
        if tree.root() != bucket.root:
            yield _finding(
                "?",
                None,
                f"bucket {number:02x}: {bucket.items} webhooks then, {tree.items} of that time now, or altered",
            )


def bucket_of(webhook_id: str) -> int:
    """Return the bucket that a webhook falls into."""
    return hashlib.sha256(webhook_id.encode()).digest()[0]


def _named(then: Mapping[str, tuple[int, str]], now: Mapping[str, tuple[int, str]]) -> Iterator[Finding]:
    for webhook_id, (seq, chain) in then.items():
        if webhook_id not in now:
            yield _finding(webhook_id, seq, "the checkpoint knows this webhook; the log no longer does")
        elif now[webhook_id] != (seq, chain):
            yield _finding(webhook_id, seq, "the log's past is not what it was at the checkpoint")
    for webhook_id in now.keys() - then.keys():
        yield _finding(
            webhook_id, now[webhook_id][0], "the checkpoint does not know this webhook: its lines were added"
        )


def _bucket(leaves: Iterable[bytes]) -> Bucket:
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    return Bucket(items=tree.items, root=tree.root())


def _finding(webhook_id: str, seq: int | None, detail: str) -> Finding:
    return Finding(finding=Kind.CHECKPOINT, webhook_id=webhook_id, seq=seq, detail=detail)


def _trees(states: Iterable[State], *, keep: bool) -> tuple[list[MerkleTree], dict[str, tuple[int, str]] | None]:
    trees = [MerkleTree() for _ in range(BUCKETS)]
    kept: dict[str, tuple[int, str]] = {}
    for webhook_id, seq, chain in states:
        trees[bucket_of(webhook_id)].add(webhook_id.encode() + b"\x00" + str(seq).encode() + b"\x00" + chain)
        if keep:
            kept[webhook_id] = (seq, chain.hex())
    return trees, kept if keep else None


def _top(trees: Sequence[MerkleTree]) -> str:
    top = MerkleTree()
    for tree in trees:
        top.add(bytes.fromhex(tree.root()))
    return top.root()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _mac(head: Checkpoint, key: AuditKey) -> str:
    fields: dict[str, Any] = asdict(head)
    del fields["hmac"]
    return hmac.new(key.value, canonical(fields), hashlib.sha256).hexdigest()
