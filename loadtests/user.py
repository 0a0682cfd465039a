"""The Locust user that all scenarios build on: one role, one source address, a steady share of the role's rate."""

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from locust import FastHttpUser, task
from locust.exception import StopUser

from lambdas.shared.webhook import webhook_id
from loadtests.bodies import fresh_body
from loadtests.observations import BLOCKED, THROTTLED
from loadtests.run import Run
from loadtests.source_address import OWN_ADDRESS, BoundClientPool

GOOD: Final = range(200, 300)
SERVER_ERROR: Final = 500
RETRY_PAUSES_S: Final = (1.0, 4.0)
"""A provider delivers again what got a 5xx or no answer; each try is a request of its own in the verdict."""
REQUESTS_PER_USER_S = 2.0
"""A user waits for each answer, so a role gets one user for each so many requests a second."""

STORM_LENGTH = 20
"""How often a flooding user delivers one webhook before it takes the next: a flood is a retry storm, not new payments,
and the end-to-end capacity of a small machine (tens of new webhooks a second) must not hide the firewall's limit."""


def users_for(rate_rps: float) -> int:
    """Return how many users a role needs to offer `rate_rps` although each waits for its answers."""
    return max(1, round(rate_rps / REQUESTS_PER_USER_S))


class WebhookUser(FastHttpUser):
    """Sends signed webhooks of a role. A scenario subclasses it, sets the class variables and writes its tasks.

    A role sends from its `address`, or each of its users from one of its `addresses`; at its `rate_rps`, or where it
    `takes_rate` at the run's (`--rate`).
    """

    abstract = True
    run_state: ClassVar[Run]
    role: ClassVar[str]
    address: ClassVar[str]
    addresses: ClassVar[Sequence[str]] = ()
    rate_rps: ClassVar[float]
    takes_rate: ClassVar[bool] = False
    catch_up_s: ClassVar[float] = 1.0
    """How much of what a slow answer held up is sent after it; what is older is dropped."""
    expects: ClassVar[tuple[int, ...]] = (200,)
    network_timeout = 35.0
    connection_timeout = 10.0

    def __init__(self, environment: Any) -> None:  # noqa: ANN401 - Locust's own
        settings = self.run_state.settings
        self.host = settings.host  # the checked one: the web interface may name another at any time
        self._from = OWN_ADDRESS if settings.is_one_address else self.source()
        self.client_pool = BoundClientPool(self._from, concurrency=1, network_timeout=35.0, connection_timeout=10.0)
        super().__init__(environment)
        self._due = time.time()
        self._delay_s: float | None = None

    def source(self) -> str:
        """Return the address that this user sends from."""
        return random.choice(self.addresses or (self.address,))

    def wait_time(self) -> float:
        """Return the seconds until this user's next turn, so that the role keeps its rate whatever the latency."""
        if self._delay_s is not None:
            delay_s, self._delay_s = self._delay_s, None
            return delay_s
        self._due = max(self._due, time.time() - self.catch_up_s) + self.interval_s
        return max(0.0, self._due - time.time())

    @property
    def interval_s(self) -> float:
        """Seconds between two requests of one of the role's users."""
        settings = self.run_state.settings
        rate_rps = settings.rate_rps if self.takes_rate else self.rate_rps * settings.others_scale
        return (self.fixed_count or 1) / rate_rps

    @property
    def starts_s(self) -> float:
        """When this user's role begins, in seconds after the test did."""
        return 0.0

    @property
    def is_absent(self) -> bool:
        """Whether this run has no place for the role; its `turn` then ends at once."""
        return False

    def on_start(self) -> None:
        """Wait for the role's turn, spread over its first interval; the run's end does not wait for that."""
        if self.is_absent:
            return
        self._delay_s = self.starts_s + random.random() * self.interval_s
        self._due = time.time() + self._delay_s
        self.wait()

    def send_fresh(self, provider: str | None = None) -> int:
        """Send a new signed webhook, again where the intake fails, and return the last answer's status (0: none)."""
        name = provider or random.choice(self.run_state.signer.providers)
        event_id, body = fresh_body(name)
        for pause_s in (*RETRY_PAUSES_S, None):
            status = self.send(name, event_id, body, self.run_state.signer.headers(name, body))
            if pause_s is None or 0 < status < SERVER_ERROR:
                break
            time.sleep(pause_s)
        return status

    def send_forged(self) -> int:
        """Sign one body and send another, and return the answer's status (0: none)."""
        provider = random.choice(self.run_state.signer.providers)
        event_id, body = fresh_body(provider)
        return self.send(provider, event_id, body + b" ", self.run_state.signer.headers(provider, body))

    def send(self, provider: str, event_id: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send these bytes once, record the answer under this role, and return its status."""
        started = time.time()
        path = f"/webhook/{provider}"
        post: Any = self.client.post  # Locust's annotation leaves out bytes, which it sends as they are
        with post(path, data=body, headers=dict(headers), name=self.role, catch_response=True) as response:
            status = int(response.status_code or 0)
            if status in self.expects:
                response.success()
            else:
                response.failure(f"answered {status}")
        self.run_state.observations.add(
            at=started,
            role=self.role,
            address=self._from,
            status=status,
            latency_ms=(time.time() - started) * 1000,
            webhook_id=webhook_id(provider, event_id),
        )
        return status


class AboveTheLimit(WebhookUser):
    """Goes on above the limit until blocked and a while longer; then, if it probes, waits to be let in again."""

    abstract = True
    expects = (200, BLOCKED, THROTTLED)
    hold_s: ClassVar[float] = 15.0
    is_probing: ClassVar[bool] = True
    probe_interval_s: ClassVar[float] = 2.0

    def __init__(self, environment: Any) -> None:  # noqa: ANN401 - Locust's own
        super().__init__(environment)
        self._blocked_at: float | None = None
        self._storm: list[tuple[str, str, bytes, Mapping[str, str]]] = []
        self._silent_since: float | None = None

    def wait_time(self) -> float:
        """Keep the rate while hammering, then probe slowly; at random, as all users of the role fell silent at once."""
        if self._silent_since is None:
            return super().wait_time()
        return random.random() * 2 * self.probe_interval_s * (self.fixed_count or 1)

    @task
    def turn(self) -> None:
        """Send one webhook and move on to the next phase when it is time."""
        if self.is_absent:
            self.leave()
        mark = self.run_state.observations.mark(self.role)
        mark.first_request = mark.first_request or time.time()
        status = self.send_stormily()
        is_blocked = status == BLOCKED
        if self._silent_since is not None:
            if status in GOOD:
                mark.first_allowed_after = mark.first_allowed_after or time.time()
                self.leave()
            return
        if is_blocked:
            self._blocked_at = self._blocked_at or time.time()
            mark.first_block = mark.first_block or self._blocked_at
        if self._blocked_at is not None and time.time() - self._blocked_at >= self.hold_s:
            self._silent_since = mark.silent_since = time.time()
            if not self.is_probing:
                self.leave()

    def send_stormily(self) -> int:
        """Deliver the webhook in hand once more, or a new one after `STORM_LENGTH` deliveries; return the status."""
        if not self._storm:
            name = random.choice(self.run_state.signer.providers)
            event_id, body = fresh_body(name)
            self._storm = [(name, event_id, body, self.run_state.signer.headers(name, body))] * STORM_LENGTH
        return self.send(*self._storm.pop())

    def leave(self) -> None:
        """Tell the run that this user is done, and end. Raises StopUser."""
        self.run_state.done()
        raise StopUser
