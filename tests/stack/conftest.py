"""Synthesises every environment once a session."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stack import outputs
from stack.app import use_bundled_node
from tests.stack.template import Template

ROOT = Path(__file__).parents[2]
ALLOW_LIST = {"provider_addresses": ["192.0.2.0/24", "2001:db8::/32"], "failed_index": True, "alert_email": "a@b.test"}
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "dev": ("dev", {}),
    "prod": ("prod", {}),
    "local": ("local", {}),
    "options": ("options", ALLOW_LIST),
}

Synthesise = Callable[..., Template]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cloud assembly with one stack per variant."""
    folder = tmp_path_factory.mktemp("assembly")
    layer = folder / "layer"
    (layer / "python").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")
        patch.setenv("PATH", "/nowhere")
        use_bundled_node()
        from aws_cdk import App  # noqa: PLC0415 - Node must be chosen first

        from stack.settings import settings_for  # noqa: PLC0415
        from stack.webhook_stack import WebhookStack  # noqa: PLC0415

        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        app = App(analytics_reporting=False, outdir=str(folder / "out"), context=context)
        for environment, overrides in VARIANTS.values():
            settings = settings_for(environment, overrides=overrides)
            WebhookStack(app, outputs.stack_name(environment), settings=settings, layer_dir=layer)
        app.synth()
    return folder / "out"


def _template(assembly: Path, variant: str) -> Template:
    name = outputs.stack_name(VARIANTS[variant][0])
    return Template(json.loads((assembly / f"{name}.template.json").read_text()))


@pytest.fixture(scope="session")
def dev(assembly: Path) -> Template:
    """Return the template of a disposable environment."""
    return _template(assembly, "dev")


@pytest.fixture(scope="session")
def prod(assembly: Path) -> Template:
    """Return the production template."""
    return _template(assembly, "prod")


@pytest.fixture(scope="session")
def local(assembly: Path) -> Template:
    """Return the template of the local environment."""
    return _template(assembly, "local")


@pytest.fixture(scope="session")
def options(assembly: Path) -> Template:
    """Return a template with every optional part turned on."""
    return _template(assembly, "options")
