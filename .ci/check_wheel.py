"""Build the wheel, install it into a new environment in an empty folder, and deploy and send from there.

Run by `make wheel-check` from the root of the project: about a minute, no checkout and no network needed beyond the
packages that `make setup` has fetched.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
NEEDED = (
    "stack/app.py",
    "stack/layer.lock",
    "lambdas/receiver/handler.py",
    "lambdas/shared/body_dictionary_1.txt",
    "lambdas/shared/body_dictionary_2.txt",
    "webhookctl/cdk.json",
    "webhookctl/prices.json",
    "webhookctl/samples/stripe/payment_intent.succeeded.json",
    "webhookctl/scenarios/checkout.yaml",
)


def main() -> int:
    """Return 0 when a webhook was processed by an installed wheel."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        folder = Path(name)
        wheel = build(folder)
        missing = sorted(set(NEEDED) - set(zipfile.ZipFile(wheel).namelist()))
        if missing:
            print(f"FAILED the wheel lacks {', '.join(missing)}")
            return 1
        return deploy_and_send(install(folder, wheel), folder)


def build(folder: Path) -> Path:
    """Build the wheel without isolation: hatchling is in the lock."""
    run([str(BIN / "uv"), "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", str(folder)], cwd=ROOT)
    return next(folder.glob("*.whl"))


def install(folder: Path, wheel: Path) -> Path:
    """Install the wheel and its locked dependencies into a new environment; return its programs' folder."""
    environment = folder / "venv"
    uv = str(BIN / "uv")
    run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)], cwd=folder)
    variables = {"VIRTUAL_ENV": str(environment)}
    lock = str(ROOT / "requirements.lock")
    run([uv, "pip", "install", "--quiet", "--constraint", lock, f"{wheel}[local]"], cwd=folder, **variables)
    return environment / "bin"


def deploy_and_send(programs: Path, folder: Path) -> int:
    """Deploy to a local environment of its own and send one webhook of each kind of signature."""
    command = str(programs / "webhookctl")
    state = {"WEBHOOKCTL_HOME": str(folder / "home")}
    empty = folder / "empty"
    empty.mkdir()
    try:
        run([command, "deploy", "--env", "local", "--no-input", "--no-smoke-test"], cwd=empty, **state)
        for provider in ("stripe", "paypal", "square"):
            run([command, "send", provider, "--wait", "--quiet", "--query", "by_status"], cwd=empty, **state)
    finally:
        subprocess.run([command, "local", "down"], cwd=empty, env={**os.environ, **state}, check=False)
    print("The wheel deploys and processes webhooks from an empty folder.")
    return 0


def run(command: list[str], *, cwd: Path, **variables: str) -> None:
    """Run a command that must succeed, without the checkout on its path."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(command, cwd=cwd, env={**environment, **variables}, check=True)


if __name__ == "__main__":
    sys.exit(main())
