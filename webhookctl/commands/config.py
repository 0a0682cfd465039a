"""`webhookctl config`: the settings in force."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from webhookctl.config import Settings
from webhookctl.context import AppContext, Context
from webhookctl.errors import ConfigError

app = typer.Typer(help="Show the settings in force.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting, its value and the source that won."""

    setting: str
    value: Any
    origin: str


@app.callback()
def config() -> None:
    """Show the settings in force."""


@app.command()
def show(
    ctx: Context, origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False
) -> None:
    """Print every setting with its value.

    First the command line's own, then those of the environment's stack. Exits with 4 when these are not usable, after
    printing what the files say.
    """
    app = ctx.obj
    rows, fault = list(_rows(app.settings)), None
    try:
        rows += _stack_rows(app)
    except ConfigError as error:
        fault = error
        rows += _written_rows(app.settings)
    app.show(rows if origin else {row.setting: row.value for row in rows})
    if fault is not None:
        raise ConfigError(fault.message, hint="its names and what each takes: stack/settings.py, docs/aws.md")


def _rows(settings: Settings) -> Iterator[SettingRow]:
    own = [field.name for field in fields(settings) if field.name not in ("origins", "environment_table")]
    for name in own:
        yield SettingRow(name, getattr(settings, name), settings.origins.get(name, "default"))


def _stack_rows(app: AppContext) -> Iterator[SettingRow]:
    """Yield what the stack is deployed with. Raises ConfigError."""
    settings, written = app.settings, app.settings.stack_table
    for field in fields(app.stack_settings):
        if field.name not in ("environment", "protected"):
            where = settings.origins[field.name] if field.name in written else f"default of {app.environment}"
            name = f"environments.{app.environment}.{field.name}"
            yield SettingRow(name, getattr(app.stack_settings, field.name), where)


def _written_rows(settings: Settings) -> Iterator[SettingRow]:
    for key, value in settings.stack_table.items():
        yield SettingRow(f"environments.{settings.environment}.{key}", value, settings.origins[key])
