"""SIGKILL of the local environment under a stream of webhooks, and the books of what that lost.

Nothing of this exists on AWS: there is no engine, and an acknowledged write is on several disks. Here the state is in
memory and saved now and then, so what came after the last snapshot is gone: that, and nothing else.
"""

import contextlib
import io
import json
import os
import random
import re
import signal
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from lambdas.shared.clock import iso
from lambdas.shared.webhook import Status, StoredWebhook
from tests.conftest import Cli
from tests.dead_letters import DeadLetters
from tests.eventually import eventually
from tests.soak.stream import PROVIDERS, Journal, Stream
from webhookctl.core.reconcile.provider_events import LISTINGS
from webhookctl.core.send.request import Draft
from webhookctl.local import environment
from webhookctl.local.engine import snapshots
from webhookctl.local.places import Places

RATE = 20
EARLIEST, LATEST = 0.25, 0.75
"""The share of the stream's events that is acknowledged when the kill comes, at least and at most."""
SNAPSHOT_WITHIN_S = 2 * snapshots.INTERVAL_S + 30
SETTLED_WITHIN_S = 180
_SLACK_S = 5.0
"""For a machine that is busy with something else at the moment of the snapshot."""
_TAKEN = re.compile(r"snapshot: ([\d.]+) s standing still, ([\d.]+) s in all")
TRIES = 5


@dataclass(frozen=True, kw_only=True)
class KillBooks:
    """The reconciliation of one kill or several. From `lost_though_saved` on everything must be zero.

    `lost` are acknowledged webhooks that the new start does not find; all of them must have come after the last
    snapshot, and no longer before the kill than `bound_s`. `unnamed`: lost webhooks that `events reconcile <provider>`
    does not name, or others that it does.
    """

    kills: int
    acknowledged: int
    saved_before_the_kill: int
    lost: int
    seconds_lost_at_most: float
    bound_s: float
    sent_again: int
    forgeries: int
    lost_though_saved: int
    lost_beyond_the_bound: int
    unnamed: int
    unprocessed: int
    duplicate_effects: int
    forged_stored: int
    audit_gaps: int

    @property
    def is_clean(self) -> bool:
        """What was lost is within the bound, and everything else is as if nobody had been killed."""
        names = [member.name for member in fields(self)]
        return not any(getattr(self, name) for name in names[names.index("lost_though_saved") :])

    def plus(self, other: "KillBooks") -> "KillBooks":
        """Return the books of both: sums, and the longer of two times."""
        pairs = {f.name: (getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        return KillBooks(**{name: max(two) if name in _TIMES else sum(two) for name, two in pairs.items()})


_TIMES = ("seconds_lost_at_most", "bound_s")


@dataclass
class Killing:
    """One kill: a part that is saved, a stream with a SIGKILL in it, a new start, and the same webhooks once more."""

    cli: Cli
    seed: int
    count: int
    kills_front_door: bool
    folder: Path
    killed_at: float = 0.0
    saved: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.letters = DeadLetters(self.cli)
        self.places = Places(self.cli.home / "local")
        self.calm = Stream(seed=self.seed, count=max(4, self.count // 8))
        self.stream = Stream(seed=self.seed + 10, count=self.count)
        self.events = self.calm.events | self.stream.events
        self.forged = self.calm.forged | self.stream.forged
        targets = dict(self.letters.app.sender(*PROVIDERS).targets)
        self.journal = Journal(targets, forged={name: tamper for name, (_, tamper) in self.forged.items()})

    def run(self) -> KillBooks:
        """Kill, start again, reconcile, send again, and check everything."""
        self._send_all(self.calm.deliveries, ids=self.calm.events)
        self._await_snapshot()
        self._send_and_kill()
        acknowledged = dict(self.journal.acknowledged)
        environment.up(self.places)
        stored = self._stored(acknowledged)
        lost = {name: at for name, at in acknowledged.items() if name not in stored}
        unnamed = self._unnamed()
        again = self._missing()
        self._send_all([*again, *(draft for draft, _ in self.forged.values())], ids=self.events)
        self.cli.code("events", "reconcile", "--older-than", "0s", "--yes")
        settled = self.letters.settled(list(self.events), within_s=SETTLED_WITHIN_S)
        return KillBooks(
            kills=1,
            acknowledged=len(acknowledged),
            saved_before_the_kill=len(stored),
            lost=len(lost),
            seconds_lost_at_most=max((self.killed_at - at for at in lost.values()), default=0.0),
            sent_again=len(again),
            forgeries=len(self.forged),
            bound_s=self._bound_s(),
            lost_though_saved=len(self.saved & lost.keys()),
            lost_beyond_the_bound=sum(self.killed_at - at > self._bound_s() for at in lost.values()),
            unnamed=unnamed,
            unprocessed=sum(not _is_processed(settled.get(name)) for name in self.events),
            duplicate_effects=self._repeated(settled),
            forged_stored=len(self._stored(self.forged) | self.forged.keys() & self.journal.acknowledged.keys()),
            audit_gaps=self._audit_gaps(),
        )

    # -- the kill ----------------------------------------------------------------------------------------------

    def _send_and_kill(self) -> None:
        """Send the stream; at a seeded acknowledgement kill the engine, perhaps the front door too, and go on."""
        running = environment.up(self.places)
        victims = [running.engine_pid, *([running.front_door_pid] if self.kills_front_door else [])]
        chosen = random.Random(f"{self.seed} kill").uniform(EARLIEST, LATEST)
        before = len(self.journal.acknowledged)

        def happened() -> None:
            if not self.killed_at and len(self.journal.acknowledged) - before >= chosen * self.count:
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
                self.killed_at = time.time()

        self.journal.send(self.stream.deliveries, rate=RATE, happened=happened)
        assert self.killed_at, "the stream was over before the kill"
        saved = self._table_file.read_text()
        self.saved = frozenset(name for name in self.events if f'"{name}"' in saved)

    @property
    def _table_file(self) -> Path:
        return self.places.engine_state / "dynamodb.json"

    def _await_snapshot(self) -> None:
        """Wait until the engine has saved the calm stream; it may have been already, and nothing changes since."""

        def is_saved() -> bool:
            saved = self._table_file.read_text() if self._table_file.exists() else ""
            return all(f'"{name}"' in saved for name in self.calm.events)

        assert eventually(is_saved, within_s=SNAPSHOT_WITHIN_S)

    def _bound_s(self) -> float:
        """Return how long before the kill the last snapshot may have been: where saving is slow, it is rarer."""
        taken = _TAKEN.findall(self.places.log_of("engine").read_text(errors="replace"))
        still_s, whole_s = (max((float(each[n]) for each in taken), default=0.0) for n in (0, 1))
        return max(snapshots.LATEST_S, still_s / snapshots.PAUSE_SHARE) + whole_s + _SLACK_S

    # -- what is there, and what is not ------------------------------------------------------------------------

    def _stored(self, ids: Iterable[str]) -> set[str]:
        return set(self.letters.table.get_many(ids))

    def _missing(self) -> list[Draft]:
        """Return what the providers send again: what was never acknowledged, and what reconciling named as lost."""
        stored = self._stored(self.events)
        return [d for name, d in self.events.items() if name not in stored or name not in self.journal.acknowledged]

    def _unnamed(self) -> int:
        """Compare what the providers' own lists come to with what is not in the table.

        `events reconcile` reads the audit log, which may take a moment to tell of the last saved rows.
        """
        missing = set(self.events) - self._stored(self.events)
        eventually(lambda: self._named() == missing, within_s=60)
        return len(self._named() ^ missing)

    def _named(self) -> set[str]:
        return {name for provider in PROVIDERS for name in self._named_by(provider)}

    def _named_by(self, provider: str) -> set[str]:
        listing, now = LISTINGS[provider], datetime.now(UTC)
        at = int(now.timestamp()) if provider == "stripe" else iso(now)
        ids = [name.partition(":")[2] for name in self.events if name.startswith(f"{provider}:")]
        listed = [{listing.id[0]: name, listing.type[0]: "x", listing.at[0]: at} for name in ids]
        file = self.folder / f"{provider}.json"
        file.write_text(json.dumps({listing.members[0]: listed}))
        with contextlib.redirect_stderr(io.StringIO()):  # it says that events are missing
            _, text = self.cli.code("events", "reconcile", provider, "--since", "1h", "--file", str(file), "-o", "json")
        return {row["webhook_id"] for row in json.loads(text)["events"] if row["standing"] == "missing"}

    def _send_all(self, drafts: list[Draft], *, ids: Iterable[str]) -> None:
        """Send until every genuine webhook is acknowledged, as providers do."""
        wanted, waiting = set(ids), drafts
        for _ in range(TRIES):
            done = self.journal.send(waiting)
            refused = {each.webhook_id for each in done if each.status != 200} & wanted
            waiting = [draft for draft in waiting if draft.webhook_id in refused]
            if not waiting:
                return
        raise AssertionError(f"{len(waiting)} webhooks are never acknowledged")

    # -- the books ---------------------------------------------------------------------------------------------

    def _repeated(self, settled: dict[str, StoredWebhook]) -> int:
        """Count the webhooks with more than one effect, by their rows' writes and by their audit lines."""
        effects: dict[str, set[int]] = defaultdict(set)
        for record in self.cli.json("audit", "query", "--status", "PROCESSED", "--since", "1h"):
            effects[record["webhook_id"]].add(record["seq"])
        written_often = {name for name, webhook in settled.items() if webhook.seq > 2}
        return len(written_often | {name for name in self.events if len(effects[name]) > 1})

    def _audit_gaps(self) -> int:
        """Count what `audit verify` finds about these webhooks, once no line is on its way any more."""
        eventually(lambda: self._findings() == (0, 0), within_s=180)
        return sum(self._findings())

    def _findings(self) -> tuple[int, int]:
        _, text = self.cli.code("audit", "verify", "-o", "json")
        report = json.loads(text)
        ours = {*self.events, *self.forged}
        return sum(found["webhook_id"] in ours for found in report["findings"]), report["pending"]


def _is_processed(webhook: StoredWebhook | None) -> bool:
    return webhook is not None and webhook.status is Status.PROCESSED
