"""Composing, sending, retrying, adding up: one request per webhook, in the order and at the pace asked for."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from tests.fakes_sender import NOW, SQUARE_URL, FakeClock, FakeTransport, at, secret_of
from webhookctl.core.samples import catalogue as samples
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.samples.overrides import Overrides
from webhookctl.core.samples.render import Money
from webhookctl.core.send.compose import Recipe, Repetition, compose, compose_many
from webhookctl.core.send.dispatch import Pace, Sender, dispatch
from webhookctl.core.send.http import Answer, HttpTransport
from webhookctl.core.send.report import check, percentile, summary
from webhookctl.core.send.request import Draft, Outgoing, Tamper, Target
from webhookctl.core.send.run import catalogue, send
from webhookctl.errors import CheckFailedError, PartialError, UsageError, WebhookctlError

TARGETS = {name: Target(url=SQUARE_URL, secret=secret_of(name)) for name in samples.providers()}


def drafts(provider: str = "stripe", *, count: int = 1, duplicates: int = 0) -> Iterator[Draft]:
    repetition = Repetition(count=count, duplicates=duplicates)
    return compose_many(Recipe(provider=provider), repetition, ids=IdSource(3), now=at(NOW))


def sender(transport: FakeTransport, **more: object) -> Sender:
    return Sender(targets=TARGETS, transport=transport, now=at(NOW), **more)  # type: ignore[arg-type]


def test_one_request_goes_out_per_webhook() -> None:
    """Count five is five requests with five ids, whatever the answers are."""
    transport = FakeTransport(statuses=(500, None, 401, 200))
    found = send(drafts(count=5), sender(transport), pace=Pace())
    assert len(transport.sent) == 5
    assert len({delivery.webhook_id for delivery in found.deliveries}) == 5
    assert found.by_status == {"200": 2, "401": 1, "500": 1, "no answer": 1}


def test_duplicates_carry_the_same_event() -> None:
    """Two duplicates of two events are six requests with two ids, each signed anew."""
    transport = FakeTransport()
    found = send(drafts(count=2, duplicates=2), sender(transport), pace=Pace())
    assert found.sent == 6
    assert len({delivery.webhook_id for delivery in found.deliveries}) == 2


def test_a_seed_repeats_ids_and_order() -> None:
    """The same seed sends the same events in the same shuffled order."""
    one, two = (
        [
            d.webhook_id
            for d in compose_many(
                Recipe(provider="square"), Repetition(count=9, shuffle=True), ids=IdSource(5), now=at(NOW)
            )
        ]
        for _ in range(2)
    )
    assert one == two
    assert len(set(one)) == 9


def test_an_override_that_does_not_fit_sends_nothing() -> None:
    """The fault shows while composing, before the first request."""
    recipe = Recipe(provider="stripe", changes=Overrides(sets=["data.object.nope=1"]))
    with pytest.raises(UsageError, match="nothing was sent"):
        compose_many(recipe, Repetition(count=3), ids=IdSource(1), now=at(NOW))


def test_amount_and_currency_reach_every_part() -> None:
    """The receiver finds the amount that was asked for."""
    recipe = Recipe(
        provider="stripe", event_type="checkout.session.completed", money=Money(amount=1100, currency="EUR")
    )
    session = json.loads(compose(recipe, ids=IdSource(1), now=at(NOW)).body)["data"]["object"]
    assert session["amount_total"] == session["amount_subtotal"] + session["total_details"]["amount_tax"] == 1100
    assert session["currency"] == "eur"


@pytest.mark.parametrize("provider", samples.providers())
def test_an_order_to_fail_stands_beside_the_event(provider: str) -> None:
    """`--fail-times` adds one member of our own and changes nothing else."""
    body = json.loads(compose(Recipe(provider=provider, fail_times=5), ids=IdSource(1), now=at(NOW)).body)
    assert body.pop("webhookctl") == {"failTimes": 5}
    assert body == json.loads(compose(Recipe(provider=provider), ids=IdSource(1), now=at(NOW)).body)


def test_bytes_that_are_not_json_can_t_be_changed() -> None:
    """Overrides of a file need JSON; the bytes alone do not."""
    with pytest.raises(UsageError, match="not JSON"):
        compose(Recipe(provider="stripe", body=b"\xff", fail_times=1), ids=IdSource(1), now=at(NOW))


def test_a_refused_webhook_is_sent_again_only_when_asked() -> None:
    """With a factor, the provider's schedule is followed, compressed; the first 2xx ends it."""
    transport, clock = FakeTransport(statuses=(503, 503, 200)), FakeClock()
    done = sender(transport, retry_factor=60.0, sleep=clock.sleep).deliver(next(drafts("square")))
    assert (done.status, done.attempts) == (200, 3)
    assert clock.slept == [1.0, 2.0]
    assert [out.headers.get("square-retry-number") for out in transport.sent] == [None, "1", "2"]
    assert transport.sent[1].headers["square-retry-reason"] == "http_error"


def test_retries_end_with_the_provider_s_schedule() -> None:
    """Square gives up after eleven retries."""
    transport, clock = FakeTransport(statuses=(None,)), FakeClock()
    done = sender(transport, retry_factor=3600.0, sleep=clock.sleep).deliver(next(drafts("square")))
    assert done.attempts == 12
    assert transport.sent[1].headers["square-retry-reason"] == "other_error"
    assert sum(clock.slept) == pytest.approx(24.1, abs=0.3)


def test_a_replay_is_the_same_bytes_and_headers() -> None:
    """Nothing is signed anew."""
    transport = FakeTransport()
    dispatch(drafts("paypal"), sender(transport, tamper=Tamper.REPLAY), pace=Pace())
    first, second = transport.sent
    assert (first.headers, first.body) == (second.headers, second.body)


def test_the_rate_is_kept() -> None:
    """Ten at a hundred a second leave over at least 90 ms."""
    started = time.perf_counter()
    dispatch(drafts(count=10), sender(FakeTransport()), pace=Pace(rate=100.0, concurrency=4))
    assert time.perf_counter() - started >= 0.09


def test_concurrency_is_used_and_never_exceeded() -> None:
    """With four places, four requests are under way at once, and never five."""

    class Slow:
        def __init__(self) -> None:
            self.now, self.most, self.lock = 0, 0, threading.Lock()

        def post(self, outgoing: Outgoing) -> Answer:
            assert outgoing.headers
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            time.sleep(0.02)
            with self.lock:
                self.now -= 1
            return Answer(status=200, latency_ms=20.0)

    slow = Slow()
    made = Sender(targets=TARGETS, transport=slow)
    assert len(dispatch(drafts(count=16), made, pace=Pace(concurrency=4))) == 16
    assert slow.most == 4


def test_a_fault_of_ours_ends_the_sending() -> None:
    """A webhook that can't be signed stops the rest, and the error comes out."""
    bare = {"paypal": Target(url=SQUARE_URL, secret=secret_of("stripe"))}
    transport = FakeTransport()
    with pytest.raises(WebhookctlError, match="no test certificate"):
        dispatch(drafts("paypal", count=50), Sender(targets=bare, transport=transport), pace=Pace())
    assert transport.sent == []


@pytest.mark.parametrize(
    ("statuses", "expected", "error"),
    [
        ((200,), None, None), ((204,), None, None), ((401,), 401, None), ((200, 500), None, PartialError),
        ((500,), None, WebhookctlError), ((301,), None, WebhookctlError), ((200, 401), 401, CheckFailedError),
        ((None,), None, WebhookctlError), ((None,), 401, CheckFailedError),
    ],
)  # fmt: skip
def test_the_verdict_decides_the_exit_code(
    statuses: tuple[int | None, ...], expected: int | None, error: type[WebhookctlError] | None
) -> None:
    """All accepted is fine, some is partial, none is failed; an expectation that is not met is a failed check."""
    found = send(drafts(count=3), sender(FakeTransport(statuses=statuses)), pace=Pace())
    if error is None:
        check(found, expected=expected)
    else:
        with pytest.raises(error) as caught:
            check(found, expected=expected)
        assert type(caught.value) is error


def test_percentiles_are_nearest_rank() -> None:
    """A hundred values have their fiftieth as the median."""
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, p) for p in (50, 90, 99, 100)] == [50.0, 90.0, 99.0, 100.0]
    assert percentile([7.0], 50) == 7.0


def test_a_long_report_shows_what_went_wrong() -> None:
    """Up to twenty deliveries are listed; of more, those that were not accepted."""
    found = send(drafts(count=30), sender(FakeTransport(statuses=(200, 500, 200))), pace=Pace())
    assert len(summary(found).deliveries) == 1
    assert (len(found.deliveries), summary(found).answers) == (30, "29 x 200, 1 x 500")


def test_our_receiver_s_outcome_is_shown() -> None:
    """What the answer says is kept with the delivery."""
    transport = FakeTransport(text='{"received": true, "webhookId": "stripe:evt_1", "outcome": "duplicate"}')
    assert sender(transport).deliver(next(drafts())).outcome == "duplicate"


def test_the_catalogue_says_what_events_mean() -> None:
    """Each row names its canonical kind; without a provider all are listed."""
    kinds = {row.event_type: row.kind for row in catalogue("stripe", now=NOW)}
    assert kinds["payment_intent.succeeded"] == "payment.succeeded"
    assert len(catalogue(None, now=NOW)) == sum(len(samples.event_types(p)) for p in samples.providers())


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, bytes]]] = []
    peers: ClassVar[set[tuple[str, int]]] = set()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, body))
        self.peers.add((self.client_address[0], self.client_address[1]))
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def receiver() -> Iterator[str]:
    Receiver.seen, Receiver.peers = [], set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def posted(url: str, transport: HttpTransport, body: bytes = b"{}") -> Answer:
    item = Draft(provider="stripe", body=body)
    return transport.post(Outgoing(draft=item, url=url, headers={"content-type": "application/json"}, body=body))


def test_the_connection_is_used_again(receiver: str) -> None:
    """Ten requests one after the other take one connection."""
    transport = HttpTransport()
    assert {posted(f"{receiver}/hook", transport).status for _ in range(10)} == {200}
    assert len(Receiver.peers) == 1


def test_a_redirect_is_not_followed(receiver: str) -> None:
    """3xx is an answer like any other."""
    assert posted(f"{receiver}/moved", HttpTransport()).status == 302
    assert [path for path, _ in Receiver.seen] == ["/moved"]


def test_the_source_address_can_be_chosen(receiver: str) -> None:
    """Connections come from the address that was asked for."""
    posted(f"{receiver}/hook", HttpTransport(source_address="127.0.0.7"))
    assert {host for host, _ in Receiver.peers} == {"127.0.0.7"}


def test_a_slow_body_arrives_whole(receiver: str) -> None:
    """A body sent in pieces is the same body, and takes its time."""
    answer = posted(f"{receiver}/hook", HttpTransport(body_delay_s=0.2), b"0123456789" * 7)
    assert Receiver.seen == [("/hook", b"0123456789" * 7)]
    assert answer.latency_ms >= 190


def test_no_answer_is_an_answer() -> None:
    """A closed port gives the reason instead of an exception."""
    answer = posted("http://127.0.0.1:9/hook", HttpTransport(timeout_s=2))
    assert answer.status is None
    assert "refused" in str(answer.problem)


def test_waiting_too_long_is_told_apart() -> None:
    """A server that never answers is a timeout."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        answer = posted(f"http://127.0.0.1:{listening.getsockname()[1]}/", HttpTransport(timeout_s=0.2))
    assert answer.is_timeout


def test_pauses_between_drafts_are_kept() -> None:
    """A draft's own pause comes before it."""
    clock = FakeClock()
    items = [Draft(provider="stripe", body=b"{}"), Draft(provider="stripe", body=b"{}", pause_s=2.0)]
    dispatch(items, sender(FakeTransport(), sleep=clock.sleep), pace=Pace())
    assert clock.slept == [2.0]
    assert timedelta(seconds=clock.seconds) == timedelta(seconds=2)
