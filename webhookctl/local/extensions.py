"""What plugs into the front door: a gate, an observer, an AWS operation or a background task."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from webhookctl.local.aws_listener import Handler
from webhookctl.local.engine_client import EngineClient
from webhookctl.local.exchange import Gate, Observer
from webhookctl.local.ports import Ports
from webhookctl.local.stage_directory import StageDirectory


@dataclass(frozen=True)
class FrontDoorContext:
    """What an extension may need, ready when it is made (inside the running event loop)."""

    root: Path
    """The environment's folder; an extension keeps its files in a subfolder of its own."""
    ports: Ports
    engine: EngineClient
    stages: StageDirectory


@dataclass(frozen=True)
class Extension:
    """The parts that an extension adds. Background tasks run until they are cancelled and clean up then."""

    gates: tuple[Gate, ...] = ()
    observers: tuple[Observer, ...] = ()
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    background: tuple[Callable[[], Awaitable[None]], ...] = ()
