"""One Typer module per command group: parse, call core, render."""
