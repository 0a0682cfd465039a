"""The front door between a client and the engine, over real sockets."""

import base64
import gzip
import http.client
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.eventually import eventually
from tests.integration.local import shape
from webhookctl.local import gateway, processes
from webhookctl.local.engine.process import worker_limit
from webhookctl.local.state import LocalEnvironment

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("outputs")]

Post = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def post(shape_environment: LocalEnvironment) -> Post:
    """Return a function that posts to the public side: `post(body, path=..., **headers)`."""

    def send(
        body: bytes = b"{}", path: str = "/prod/stripe", method: str = "POST", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", shape_environment.ports.front_door, timeout=60)
        connection.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        answer = response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
        connection.close()
        return answer

    return send


def seen(answer: tuple[int, dict[str, str], bytes]) -> dict[str, Any]:
    """Return what the Lambda says that it got."""
    assert answer[0] == 200, answer
    value: dict[str, Any] = json.loads(answer[2])
    return value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe not UTF-8",
        b"\xef\xbb\xbf{}\r\n",
        '{"name": "ünï"}  '.encode(),
        gzip.compress(b"{}", mtime=0),
        bytes(range(256)) * 4096,
    ],
    ids=["empty", "binary", "bom", "unicode", "gzip", "megabyte"],
)
def test_bodies_reach_the_lambda_byte_for_byte(post: Post, body: bytes) -> None:
    """A signature is over the exact bytes."""
    assert base64.b64decode(seen(post(body, content_encoding="gzip"))["body"]) == body


def test_query_and_path_reach_the_lambda(post: Post) -> None:
    """Repeated parameters and escapes survive."""
    got = seen(post(path="/prod/a%20b?x=1&x=%2F&y="))
    assert got["query"] == {"x": ["1", "/"], "y": [""]}


def test_the_source_address_is_the_peers_whatever_the_client_claims(post: Post) -> None:
    """X-Forwarded-For of the client is not believed."""
    got = seen(post(x_forwarded_for="8.8.8.8"))
    assert got["ip"] == "127.0.0.1"
    assert got["headers"]["x-forwarded-proto"] == "https"


def test_a_callers_trace_goes_on(post: Post) -> None:
    """Root and sampling decision are kept, the parent is the gateway's segment."""
    root = "1-5759e988-bd862e3fe1be46a994272793"
    status, headers, body = post(x_amzn_trace_id=f"Root={root};Parent=53995c3f42cd8ad8;Sampled=0")
    passed_on = json.loads(body)["headers"]["x-amzn-trace-id"]
    assert status == 200
    assert passed_on.startswith(f"Root={root};Parent=")
    assert passed_on.endswith(";Sampled=0")
    assert "53995c3f42cd8ad8" not in passed_on
    assert headers["x-amzn-trace-id"].startswith(f"Root={root}")


def test_without_a_trace_one_begins_as_the_stage_samples(post: Post) -> None:
    """The stage has tracing on, so a new trace is sampled."""
    passed_on = seen(post())["headers"]["x-amzn-trace-id"]
    assert passed_on.startswith("Root=1-")
    assert passed_on.endswith(";Sampled=1")


def test_a_crash_shows_no_detail(post: Post) -> None:
    """502 and API Gateway's body, not the error's text."""
    status, _, body = post(x_do="crash")
    assert (status, json.loads(body)) == (502, {"message": "Internal server error"})


def test_an_unknown_route_and_an_unknown_stage_are_refused_as_on_aws(post: Post) -> None:
    """403 with API Gateway's two bodies."""
    status, _, body = post(path="/prod/stripe/deeper")
    assert (status, json.loads(body)) == (403, {"message": "Missing Authentication Token"})
    status, _, body = post(path="/dev/stripe")
    assert (status, json.loads(body)) == (403, {"message": "Forbidden"})


def test_more_than_10_mb_is_too_long(post: Post) -> None:
    """413 whether the length is announced or not."""
    status, _, body = post(b"x" * (10 * 1024 * 1024 + 1))
    assert (status, json.loads(body)) == (413, {"message": "Request Too Long"})


def test_exactly_10_mb_passes_the_gateway(post: Post) -> None:
    """The cap is inclusive; AWS would refuse it at the 6 MB of Lambda, and the receiver refuses far less."""
    assert len(base64.b64decode(seen(post(b"x" * (10 * 1024 * 1024)))["body"])) == 10 * 1024 * 1024


def test_a_client_that_hangs_up_does_not_stop_the_work(shape_environment: LocalEnvironment) -> None:
    """Twenty clients that close at once: all twenty items are stored."""
    names = [f"hangup-{index}" for index in range(20)]
    for name in names:
        with socket.create_connection(("127.0.0.1", shape_environment.ports.front_door)) as client:
            client.sendall(
                f"POST /prod/stripe HTTP/1.1\r\nHost: x\r\nX-Do: store{name}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
            )
    table = shape.client(shape_environment, "dynamodb")

    def stored() -> set[str]:
        items = table.scan(TableName="shape", ConsistentRead=True)["Items"]
        return {item["id"]["S"] for item in items} & set(names)

    assert eventually(lambda: len(stored()) == len(names), within_s=30), stored()


def test_a_slow_client_holds_up_nobody(shape_environment: LocalEnvironment, post: Post) -> None:
    """Two hundred clients that never finish their request; others are served meanwhile."""
    slow = []
    for _ in range(200):
        client = socket.create_connection(("127.0.0.1", shape_environment.ports.front_door))
        client.sendall(b"POST /prod/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        slow.append(client)
    started = time.monotonic()
    assert post()[0] == 200
    assert time.monotonic() - started < 5
    for client in slow:
        client.close()


def test_a_request_that_never_ends_is_dropped() -> None:
    """The time to read a request is bounded, and shorter than a client's patience."""
    assert gateway.READ_TIMEOUT_S <= 30
    assert gateway.INTEGRATION_TIMEOUT_S == 29


def test_a_burst_does_not_spawn_workers_without_bound(shape_environment: LocalEnvironment, post: Post) -> None:
    """Sixty-four clients at once: all are answered, by no more workers of the function than the limit."""
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: post()[0], range(256)))
    assert set(answers) == {200}
    # The pollers' functions are not counted: how many of those run follows from what other tests left in the queue.
    of_the_api = f"/{processes.WORKER_PREFIX}shape-api-"
    workers = [command for command in processes.of(shape_environment.root) if of_the_api in command.line]
    assert 1 <= len(workers) <= worker_limit()


def test_a_function_at_its_reserved_concurrency_is_waited_for(shape_environment: LocalEnvironment, post: Post) -> None:
    """Two processes for sixteen slow requests at once: all are answered, none is throttled."""
    shape.deploy(shape_environment, Reserved="2")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: post(x_do="sleep0.1")[0], range(16)))
    shape.deploy(shape_environment, Reserved="20")
    assert set(answers) == {200}


def test_every_request_is_in_the_access_log(shape_environment: LocalEnvironment, post: Post) -> None:
    """With the stage's format, the request id that the client got, and safe against injected quotes."""
    _, headers, _ = post(user_agent='"} evil')
    post(path="/prod/stripe/deeper")
    logs = shape.client(shape_environment, "logs")

    def line() -> dict[str, Any] | None:
        events = logs.filter_log_events(logGroupName="shape/access")["events"]
        lines = [json.loads(event["message"]) for event in events]
        return next((entry for entry in lines if entry["requestId"] == headers["x-amzn-requestid"]), None)

    assert eventually(lambda: line() is not None, within_s=10)
    entry = line() or {}
    assert entry["status"] == "200"
    assert (entry["path"], entry["resource"]) == ("/prod/stripe", "/{provider}")
    assert entry["sourceIp"] == "127.0.0.1"
    assert entry["userAgent"] == "?} evil"
    assert int(entry["integrationLatency"]) >= 0
    assert entry["waf"] == "-"


def test_other_aws_calls_pass_through_to_the_engine(
    shape_environment: LocalEnvironment, outputs: dict[str, str]
) -> None:
    """The AWS port answers what the engine answers."""
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{outputs['Api']}/stages/prod"
    wafv2 = shape.client(shape_environment, "wafv2")
    assert wafv2.meta.endpoint_url == shape_environment.aws_url
    assert wafv2.get_web_acl_for_resource(ResourceArn=arn)["WebACL"]["Name"] == "shape"


def test_lambdas_see_nothing_of_the_operators_shell(post: Post) -> None:
    """No credentials, profiles or tokens of the shell that started the environment."""
    names = set(seen(post())["environment"])
    assert not names & {"AWS_PROFILE", "AWS_CONFIG_FILE", "VIRTUAL_ENV", "SHELL", "SSH_AUTH_SOCK", "WEBHOOKCTL_HOME"}
    assert seen(post())["daemon"].startswith("127.0.0.1:")


def test_a_redeployed_api_needs_no_restart(shape_environment: LocalEnvironment, post: Post) -> None:
    """After destroying and deploying again the stage has another API id; requests follow within two seconds."""
    cloudformation = shape.client(shape_environment, "cloudformation")
    cloudformation.delete_stack(StackName=shape.STACK)
    assert eventually(lambda: post()[0] == 403, within_s=10)
    shape.deploy(shape_environment)
    assert eventually(lambda: post()[0] == 200, within_s=5)
