"""The engine's process: `python -m webhookctl.local.engine.process FOLDER`, with the variables of `engine_environment`.

The engine (ministack) reads its settings from environment variables when it is imported, so its modules are imported
here only, after the patches' version check.
"""

import os
import sys
from pathlib import Path

from webhookctl.local.engine import iam
from webhookctl.local.places import Places
from webhookctl.local.ports import LOOPBACK, Ports
from webhookctl.local.state import ACCOUNT_ID, REGION

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH")


def worker_limit() -> int:
    """Return how many Lambdas may run at once: each is a process of about 50 MB."""
    return max(4, 2 * (os.cpu_count() or 1))


def engine_environment(places: Places, ports: Ports, *, region: str = REGION) -> dict[str, str]:
    """Return the engine's whole environment. The Lambdas inherit it, so nothing of the operator's shell is in it."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {
        "GATEWAY_PORT": str(ports.engine),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": region,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(places.engine_state),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(places.objects),
        "TMPDIR": str(places.scratch),
        "LOG_LEVEL": "INFO",
        "DOCKER_HOST": f"unix://{places.scratch}/no-docker",  # the engine would sweep other people's containers
        "LAMBDA_ACCOUNT_CONCURRENCY": str(3 * worker_limit()),
        "LAMBDA_WARM_TTL_SECONDS": "30",
        "PYTHONUNBUFFERED": "1",
        # For the Lambdas:
        "AWS_XRAY_DAEMON_ADDRESS": f"{LOOPBACK}:{ports.xray_daemon}",
        "AWS_EC2_METADATA_DISABLED": "true",
        **iam.variables(),
    }


def main(arguments: list[str]) -> None:
    """Run the engine in the foreground until SIGTERM."""
    from ministack import app

    from webhookctl.local.engine import capacity, log_events, meters, patches, resources, snapshots, web_acls

    patches.apply()
    log_events.install()
    meters.install()
    capacity.install()
    resources.register()
    web_acls.keep_whole()
    iam.trust_loopback()
    snapshots.start(Path(arguments[0]))
    sys.argv = ["ministack"]  # it parses its own arguments
    app.main()


if __name__ == "__main__":
    main(sys.argv[1:])
