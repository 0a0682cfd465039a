"""`webhookctl config`: the settings in force."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from webhookctl.config import Settings
from webhookctl.context import Context

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
    """Print every setting with its value."""
    rows = list(_rows(ctx.obj.settings))
    ctx.obj.show(rows if origin else {row.setting: row.value for row in rows})


def _rows(settings: Settings) -> Iterator[SettingRow]:
    own = [field.name for field in fields(settings) if field.name not in ("origins", "environment_table")]
    for name in own:
        yield SettingRow(name, getattr(settings, name), settings.origins.get(name, "default"))
    for key, value in settings.environment_table.items():
        if key not in own:
            yield SettingRow(f"environments.{settings.environment}.{key}", value, settings.origins[key])
