"""`webhookctl load`: Locust scenarios with a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar

import typer

from webhookctl.commands import load_ports
from webhookctl.commands.options import Confirm, Yes
from webhookctl.context import Context
from webhookctl.core.load import run as load
from webhookctl.core.load.runner import LocustRunner
from webhookctl.errors import CheckFailedError

app = typer.Typer(help="Prove the limits under load.", no_args_is_help=True)

Scenario = Annotated[str, typer.Argument(metavar="SCENARIO", help="One of: webhookctl load list.")]


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """One line of `load list`."""

    TABLE: ClassVar = ("scenario", "what")
    scenario: str
    what: str


@app.command("list")
def list_(ctx: Context) -> None:
    """List the scenarios."""
    ctx.obj.show([ScenarioRow(name, what) for name, what in load.SCENARIOS.items()])


@app.command()
def run(
    ctx: Context,
    scenario: Scenario,
    rate: Annotated[float | None, typer.Option("--rate", min=0.1, max=400, help="Main rate, requests/s.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=1, max=3600, help="How long.")] = None,
    waf_lag: load_ports.Lag = None,
    workers: Annotated[int, typer.Option("--workers", min=0, max=8, help="Locust workers; 0: one process.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Where the report goes.")] = None,
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Run a scenario, prove that nothing acknowledged is missing, and write the report.

    Exit 7 when a bound is broken.
    """
    load.check_scenario(scenario)
    if not ctx.obj.settings.is_embedded:
        ctx.obj.guard(f"Load scenario {scenario!r} costs money and may block this address", yes=yes, confirm=confirm)
    stage = load_ports.stage_limits(ctx.obj)
    lag_s = load_ports.choose_waf_lag(ctx.obj, waf_lag)
    plan = load.LoadPlan(
        scenario=scenario,
        environment=ctx.obj.environment,
        host=ctx.obj.outputs.api_endpoint,
        folder=out or Path("reports") / f"{scenario}-{ctx.obj.now():%Y%m%dT%H%M%S}",
        waf_lag_s=lag_s,
        rate_rps=rate,
        seconds=seconds,
        stage_rate=stage.rate_rps if scenario == "burst" else None,
        stage_burst=stage.burst if scenario == "burst" else None,
        provider_address=load_ports.provider_address(ctx.obj),
        workers=workers,
    )
    with TemporaryDirectory() as folder, ctx.obj.console.progress(f"Load {scenario}") as progress:
        secrets_file = Path(folder) / "secrets.json"
        load_ports.write_load_secrets(ctx.obj, secrets_file)
        found = load.run_load(
            plan,
            runner=LocustRunner(secrets_file),
            witness=load_ports.witness(ctx.obj),
            on_progress=lambda line: progress.update(_progress_line(line)),
        )
    ctx.obj.show(found)
    ctx.obj.console.say(f"report: {found.report}")
    if found.is_interrupted:
        ctx.obj.console.warn("interrupted: the verdict is on what was sent until then")
        raise KeyboardInterrupt
    if found.broken:
        raise CheckFailedError(f"{len(found.broken)} bounds broken: {'; '.join(found.broken)}", hint=found.report)


@app.command()
def secrets(
    ctx: Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="Written with mode 0600.")]
) -> None:
    """Write the secrets file that plain Locust signs with: locust -f loadtests/rate_limit.py --secrets FILE.

    Delete it after the run.
    """
    load_ports.write_load_secrets(ctx.obj, file)
    target = f"--host {ctx.obj.outputs.api_endpoint} --secrets {file}"
    confirm = "" if ctx.obj.settings.is_embedded else " --confirm NAME-OF-THE-ENVIRONMENT"
    ctx.obj.console.say(f"locust -f loadtests/rate_limit.py {target}{confirm}")


def _progress_line(line: Mapping[str, Any]) -> str:
    if "note" in line:
        return str(line["note"])
    counts = " ".join(f"{name} {count}/s" for name, count in sorted(line.get("counts", {}).items()))
    return f"{line.get('elapsed_s', 0):.0f} s, {line.get('total', 0)} requests: {counts}"
