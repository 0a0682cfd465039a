"""What the engine would hide: it runs the Lambdas on this machine's Python, where everything is installed."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from stack.layer import copy_layer

ROOT = Path(__file__).resolve().parents[3]
RUNTIME = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
"""What Lambda's own runtime brings beside the standard library."""
HANDLERS = ("lambdas.receiver.handler", "lambdas.processor.handler", "lambdas.audit.handler")
_PROGRAM = """
import importlib, sys
sys.path[:0] = sys.argv[2:]
assert callable(importlib.import_module(sys.argv[1]).handle)
import aws_xray_sdk.core, lambdas.shared.providers, cryptography
for absent in ("typer", "webhookctl", "stack", "aws_cdk", "ministack", "pytest"):
    try:
        importlib.import_module(absent)
    except ImportError:
        continue
    raise SystemExit(f"{absent} is in reach: this is no bare interpreter")
"""


@pytest.fixture(scope="module")
def opt(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Lay out the asset, the layer and the runtime's packages in folders of their own; return them in order."""
    base = tmp_path_factory.mktemp("bare")
    shutil.copytree(ROOT / "lambdas", base / "task" / "lambdas", ignore=shutil.ignore_patterns("__pycache__"))
    layer = copy_layer(base / "layer")
    runtime = base / "runtime"
    for name in RUNTIME:
        for file in metadata.distribution(name).files or ():
            top = Path(file.parts[0])
            target = runtime / top
            if ".." not in file.parts and top.suffix != ".dist-info" and not target.exists():
                target.parent.mkdir(exist_ok=True)
                target.symlink_to(Path(str(metadata.distribution(name).locate_file(top))).resolve())
    return [str(base / "task"), str(layer / "python"), str(runtime)]


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_imports_from_the_bare_asset_and_layer(handler: str, opt: list[str]) -> None:
    """No dependency is missing from asset and layer, and importing reads no environment and calls nothing."""
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, handler, *opt]
    done = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
