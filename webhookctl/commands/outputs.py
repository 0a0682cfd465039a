"""`webhookctl outputs`: what the deployed stack says about itself."""

from typing import Annotated

import typer

from webhookctl.context import Context
from webhookctl.errors import NotFoundError


def outputs(
    ctx: Context,
    name: Annotated[str | None, typer.Argument(help="Print only this output, e.g. APIEndpoint.")] = None,
) -> None:
    """Print the stack's outputs.

    APIEndpoint comes in the form that is reachable from here.
    """
    found = ctx.obj.outputs
    if name and name not in found.values:
        raise NotFoundError(f"there is no output {name!r}", hint=f"one of: {', '.join(found.values)}")
    ctx.obj.show(found[name] if name else found.values)
