"""Hold the stack against cdk-nag, cfn-lint and checkov; every finding is acknowledged in `stack/nag.py` or fails.

Run by `make check` from the root of the project. Works offline once the environments are made.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stack import outputs  # noqa: E402 - the root must be on the path first
from stack.app import use_bundled_node  # noqa: E402
from stack.nag import ACKNOWLEDGED, Acknowledgement  # noqa: E402

ENVIRONMENTS = ("prod", "dev")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One rule that one construct of one environment does not meet."""

    rule: str
    environment: str
    place: str
    message: str


def main() -> int:
    """Print what is acknowledged and why, then what is not. Exit 1 if anything is left over."""
    with tempfile.TemporaryDirectory() as folder:
        assembly = Path(folder)
        synthesise(assembly)
        checkov, cfn_lint = start_checkov(assembly), start_cfn_lint(assembly)
        found = {
            *nag_findings(assembly),
            *cfn_lint_findings(assembly, cfn_lint),
            *checkov_findings(assembly, checkov),
        }
    return judge(sorted(found))


def synthesise(assembly: Path) -> None:
    """Synthesise both environments in one app with the nag packs and CDK's own validation turned on."""
    use_bundled_node()
    os.environ["CDK_VALIDATION"] = "true"
    from aws_cdk import App, Validations  # noqa: PLC0415 - Node must be chosen first
    from cdk_nag import AwsSolutionsChecks, ServerlessChecks  # noqa: PLC0415

    from stack.settings import settings_for  # noqa: PLC0415
    from stack.webhook_stack import WebhookStack  # noqa: PLC0415

    layer = assembly / "layer"
    (layer / "python").mkdir(parents=True)
    app = App(analytics_reporting=False, outdir=str(assembly / "out"), context=_context())
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    for name in ENVIRONMENTS:
        WebhookStack(app, outputs.stack_name(name), settings=settings_for(name), layer_dir=layer)
    app.synth()


def _context() -> dict[str, object]:
    context: dict[str, object] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return {**context, "@aws-cdk/core:failSynthOnValidationErrors": False, "aws:cdk:enable-path-metadata": True}


def templates(assembly: Path) -> dict[str, Path]:
    """Return each environment's template."""
    return {name: assembly / "out" / f"{outputs.stack_name(name)}.template.json" for name in ENVIRONMENTS}


def nag_findings(assembly: Path) -> Iterator[Finding]:
    """Read what the packs, and CDK's own validation of the template, reported."""
    report = json.loads((assembly / "out" / "validation-report.json").read_text())
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                stack, _, place = (construct.get("constructPath") or "?/?").partition("/")
                environment = stack.removeprefix(outputs.STACK_PREFIX)
                yield Finding(violation["ruleName"], environment, _bare(place), violation["description"])


def start_cfn_lint(assembly: Path) -> subprocess.Popen[str]:
    """Start cfn-lint on both templates."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json"]
    command += [word for template in templates(assembly).values() for word in ("--template", str(template))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def cfn_lint_findings(assembly: Path, process: subprocess.Popen[str]) -> Iterator[Finding]:
    """Read what cfn-lint found."""
    output, _ = process.communicate(timeout=300)
    matches = json.loads(output)
    for environment, template in templates(assembly).items():
        places = _places(template)
        for match in (m for m in matches if Path(m["Filename"]).name == template.name):
            path = match["Location"]["Path"] or []
            logical_id = str(path[1]) if len(path) > 1 else "?"
            yield Finding(match["Rule"]["Id"], environment, places.get(logical_id, logical_id), match["Message"])


def start_checkov(assembly: Path) -> subprocess.Popen[str]:
    """Start checkov, in its own environment, without any call to its maker."""
    files = [word for template in templates(assembly).values() for word in ("--file", str(template))]
    command = [str(ROOT / ".checkov-venv" / "bin" / "checkov"), "--skip-download", "--quiet", "--compact"]
    command += ["--framework", "cloudformation", "--output", "json", *files]
    environment = {**os.environ, "BC_SKIP_MAPPING": "TRUE"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)


def checkov_findings(assembly: Path, process: subprocess.Popen[str]) -> Iterator[Finding]:
    """Read what checkov found."""
    output, _ = process.communicate(timeout=300)
    report = json.loads(output)
    if report["summary"]["parsing_errors"]:
        raise SystemExit("checkov could not read a template")
    for environment, template in templates(assembly).items():
        places = _places(template)
        for check in report["results"]["failed_checks"]:
            if Path(check["file_path"]).name == template.name:
                logical_id = check["resource"].rpartition(".")[2]
                yield Finding(check["check_id"], environment, places[logical_id], check["check_name"])


def _places(template: Path) -> dict[str, str]:
    """Map logical ids to construct paths below the stack."""
    resources = json.loads(template.read_text())["Resources"]
    paths = {
        name: resource.get("Metadata", {}).get("aws:cdk:path", f"?/{name}") for name, resource in resources.items()
    }
    return {name: _bare(path.partition("/")[2]) for name, path in paths.items()}


def _bare(place: str) -> str:
    return place.removesuffix("/Resource")


def judge(found: Iterable[Finding]) -> int:
    """Compare findings and acknowledgements both ways, print the verdict, return the exit code."""
    open_findings = []
    met: Counter[Acknowledgement] = Counter()
    for finding in found:
        acknowledgement = next((a for a in ACKNOWLEDGED if _covers(a, finding)), None)
        if acknowledgement is None:
            open_findings.append(finding)
        else:
            met[acknowledgement] += 1
    for acknowledgement, count in met.items():
        print(f"  {count:2} x {acknowledgement.rule}: {acknowledgement.reason}")
    stale = [a for a in ACKNOWLEDGED if a not in met]
    for finding in open_findings:
        print(f"FAILED {finding.rule} at {finding.environment}: {finding.place}: {finding.message}")
    for acknowledgement in stale:
        print(f"STALE  {acknowledgement.rule}: no finding needs it any more; delete it from stack/nag.py")
    print(f"{met.total()} findings acknowledged under {len(met)} rules; {len(open_findings)} open, {len(stale)} stale")
    return 1 if open_findings or stale else 0


def _covers(acknowledgement: Acknowledgement, finding: Finding) -> bool:
    in_environment = not acknowledgement.environments or finding.environment in acknowledgement.environments
    return in_environment and acknowledgement.rule == finding.rule and finding.place in acknowledgement.places


if __name__ == "__main__":
    sys.exit(main())
