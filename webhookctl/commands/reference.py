"""`webhookctl reference`: docs/commands.md, made from the commands themselves."""

from collections.abc import Iterator
from typing import Any

from webhookctl.context import Context

_WIDTH = 80


def reference(ctx: Context) -> None:
    """Print the reference of all commands as Markdown.

    docs/commands.md is its output: webhookctl reference > docs/commands.md
    """
    root = ctx.find_root()
    ctx.obj.console.write_lines(_pages(root.command, "webhookctl"))


def _pages(command: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - Typer's classes are private
    context = command.make_context(path, [], parent=None, resilient_parsing=True, terminal_width=_WIDTH)
    context.info_name = path
    yield f"{'#' if path == 'webhookctl' else '##'} {path}"
    yield ""
    yield "```text"
    yield from command.get_help(context).splitlines()
    yield "```"
    yield ""
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            yield from _pages(command.get_command(context, name), f"{path} {name}")
