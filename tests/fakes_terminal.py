"""A terminal of any width."""

from dataclasses import dataclass

from webhookctl.console import Console


@dataclass(kw_only=True)
class Terminal(Console):
    """A console behind which there is a terminal of so many columns."""

    columns: int | None = None

    @property
    def width(self) -> int | None:
        return self.columns
