import platform
import subprocess
import sys
from pathlib import Path

import pytest

from lambdas.shared.settings import AuditSettings, FunctionSettings, ProcessorSettings, ReceiverSettings
from stack import outputs
from stack.layer import copy_layer
from tests.stack.template import Template

HANDLERS = {
    "lambdas.receiver.handler.handle": outputs.receiver_name,
    "lambdas.processor.handler.handle": outputs.processor_name,
    "lambdas.audit.handler.handle": outputs.audit_name,
}


def test_the_three_functions_share_one_asset(dev: Template) -> None:
    """One upload, one hash; only the handler differs."""
    functions = dev.all("AWS::Lambda::Function")
    assert {f["Handler"] for f in functions} == set(HANDLERS)
    assert len({str(f["Code"]) for f in functions}) == 1


def test_the_asset_holds_the_lambdas_alone(assembly: Path) -> None:
    """Editing the CLI or the tests does not redeploy a function."""
    (asset,) = [folder for folder in assembly.glob("asset.*") if (folder / "lambdas").is_dir()]
    assert [entry.name for entry in asset.iterdir()] == ["lambdas"]
    assert not list(asset.rglob("__pycache__"))


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_imports_from_the_bare_asset_and_layer(
    assembly: Path, tmp_path_factory: pytest.TempPathFactory, handler: str
) -> None:
    """In an interpreter without this project's packages but boto3, as on Lambda: no dependency goes unnoticed."""
    (asset,) = [folder for folder in assembly.glob("asset.*") if (folder / "lambdas").is_dir()]
    layer = copy_layer(tmp_path_factory.mktemp("layer"))
    module = handler.rpartition(".")[0]
    script = (
        f"import sys; sys.path[:0] = {[str(asset), str(layer / 'python'), str(_boto3_alone(tmp_path_factory))]!r}\n"
    )
    script += f"import {module}; print({module}.__file__)"
    result = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().startswith(str(asset))


def _boto3_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what Lambda's runtime brings, and nothing else of this environment."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py"):
        module = __import__(name.removesuffix(".py"))
        assert module.__file__ is not None
        source = Path(module.__file__) if name.endswith(".py") else Path(module.__file__).parent
        (folder / name).symlink_to(source)
    return folder


def test_aws_runs_the_newest_python_on_arm(prod: Template) -> None:
    """Cheaper than x86, and the runtime that the layer's wheels are for."""
    for function in prod.all("AWS::Lambda::Function"):
        assert function["Runtime"] == "python3.14"
        assert function["Architectures"] == ["arm64"]
    layer = prod.one("AWS::Lambda::LayerVersion")
    assert layer["CompatibleRuntimes"] == ["python3.14"]


def test_the_local_environment_runs_this_machines_python(local: Template) -> None:
    """The engine runs the functions on its own interpreter."""
    for function in local.all("AWS::Lambda::Function"):
        assert function["Runtime"] == f"python{sys.version_info.major}.{sys.version_info.minor}"
        assert function["Architectures"] == ["arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"]


def test_only_the_local_environment_reserves_concurrency(local: Template, prod: Template) -> None:
    """There it bounds worker processes; on AWS it can fail a deployment and lose messages to the DLQ."""
    assert {f["ReservedConcurrentExecutions"] for f in local.all("AWS::Lambda::Function")} == {8, 4, 2}
    assert all("ReservedConcurrentExecutions" not in f for f in prod.all("AWS::Lambda::Function"))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (outputs.receiver_name("dev"), ReceiverSettings),
        (outputs.processor_name("dev"), ProcessorSettings),
        (outputs.audit_name("dev"), AuditSettings),
    ],
)
def test_a_function_understands_its_environment(
    dev: Template,
    name: str,
    settings: type[FunctionSettings],
) -> None:
    """Every variable that it needs is set, in a form that it parses."""
    variables = dev.function(name)["Environment"]["Variables"]
    parsed = settings.from_environ({k: v if isinstance(v, str) else "arn" for k, v in variables.items()})
    assert parsed.environment == "dev"


def test_test_aids_are_off_in_production(prod: Template, dev: Template) -> None:
    """Neither the test CA nor failing on purpose."""
    for template, name, expected in ((prod, "prod", "false"), (dev, "dev", "true")):
        receiver = template.function(outputs.receiver_name(name))["Environment"]["Variables"]
        processor = template.function(outputs.processor_name(name))["Environment"]["Variables"]
        assert (receiver["ALLOW_TEST_CA"], processor["ALLOW_FAILURE_INJECTION"]) == (expected, expected)


def test_functions_log_json_and_only_warnings_of_the_platform(dev: Template) -> None:
    """The platform's START and END lines would cost more than our one line."""
    for function in dev.all("AWS::Lambda::Function"):
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        assert function["LoggingConfig"]["SystemLogLevel"] == "WARN"
        assert function["TracingConfig"] == {"Mode": "Active"}
