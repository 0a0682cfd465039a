"""The extensions that the front door runs with: add a line here."""

from collections.abc import Callable
from typing import Final

from webhookctl.local.extensions import Extension, FrontDoorContext
from webhookctl.local.waf import gate as waf_gate
from webhookctl.local.xray import extension as xray_extension

EXTENSIONS: Final[tuple[Callable[[FrontDoorContext], Extension], ...]] = (
    waf_gate.make,
    xray_extension.make,
)
"""Makers of extensions, in the order in which their gates are asked."""
