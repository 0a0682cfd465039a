"""What is running: the environment's addresses and process ids, in one small file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from webhookctl.local.ports import LOOPBACK, Ports

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
ENGINE_HEALTH_PATH = "/_ministack/health"
FRONT_DOOR_HEALTH_PATH = "/_webhookctl/health"
"""On the port of the AWS APIs; the public port belongs to the stack."""


@dataclass(frozen=True)
class LocalEnvironment:
    """A running local environment: where it listens, what it is made of."""

    ports: Ports
    engine_pid: int
    front_door_pid: int
    root: Path
    region: str = REGION
    account_id: str = ACCOUNT_ID

    @property
    def endpoint_url(self) -> str:
        """Every AWS API that the engine has."""
        return f"http://{LOOPBACK}:{self.ports.engine}"

    @property
    def front_door_url(self) -> str:
        """The public side; a stage's URL is this and `/<stage>`."""
        return f"http://{LOOPBACK}:{self.ports.front_door}"

    @property
    def aws_url(self) -> str:
        """The AWS APIs that the engine lacks; passes the others on to the engine."""
        return f"http://{LOOPBACK}:{self.ports.aws}"

    @property
    def xray_endpoint_url(self) -> str:
        """The X-Ray API."""
        return self.aws_url

    @property
    def wafv2_endpoint_url(self) -> str:
        """The WAFv2 API, with sampled requests and limited keys."""
        return self.aws_url


def client_variables(environment: LocalEnvironment) -> dict[str, str]:
    """Return the environment variables that point any AWS client (SDKs, AWS CLI, CDK) at the local environment."""
    return {
        "AWS_ENDPOINT_URL": environment.endpoint_url,
        "AWS_ENDPOINT_URL_XRAY": environment.xray_endpoint_url,
        "AWS_ENDPOINT_URL_WAFV2": environment.wafv2_endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": environment.region,
        "AWS_DEFAULT_REGION": environment.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


UNSET_VARIABLES = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
"""Variables that would send a client elsewhere or make it sign as somebody else."""


def read(path: Path) -> LocalEnvironment | None:
    """Read the state file; None when there is none or it is damaged."""
    try:
        data = json.loads(path.read_text())
        return LocalEnvironment(
            ports=Ports(**data["ports"]),
            engine_pid=int(data["engine_pid"]),
            front_door_pid=int(data["front_door_pid"]),
            root=Path(data["root"]),
            region=str(data["region"]),
            account_id=str(data["account_id"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(path: Path, environment: LocalEnvironment) -> None:
    """Write the state file in one step, so that no reader sees half of it."""
    fresh = path.with_suffix(".new")
    addresses = {
        "endpoint_url": environment.endpoint_url,
        "front_door_url": environment.front_door_url,
        "xray_endpoint_url": environment.xray_endpoint_url,
        "wafv2_endpoint_url": environment.wafv2_endpoint_url,
    }
    fresh.write_text(json.dumps({**asdict(environment), "root": str(environment.root), **addresses}, indent=2))
    fresh.replace(path)
