"""The extensions that the front door runs with: add a line here."""

from collections.abc import Callable
from typing import Final

from webhookctl.local import waf_gate, xray_extension
from webhookctl.local.extensions import Extension, FrontDoorContext

EXTENSIONS: Final[tuple[Callable[[FrontDoorContext], Extension], ...]] = (
    waf_gate.make,
    xray_extension.make,
)
"""Makers of extensions, in the order in which their gates are asked."""
