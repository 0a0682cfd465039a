"""Synthesises every environment once a session."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stack import outputs
from stack.app import use_bundled_node
from stack.settings import Settings, settings_for
from tests.stack.template import Template

ROOT = Path(__file__).parents[2]
ALLOW_LIST = {"provider_addresses": ["192.0.2.0/24", "2001:db8::/32"], "failed_index": True, "alert_email": "a@b.test"}
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "dev": ("dev", {}),
    "prod": ("prod", {}),
    "local": ("local", {}),
    "options": ("options", ALLOW_LIST),
}


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cloud assembly with one stack per variant."""
    variants = [settings_for(environment, overrides=overrides) for environment, overrides in VARIANTS.values()]
    return _synthesise(tmp_path_factory.mktemp("assembly"), variants)


@pytest.fixture(scope="session")
def production_named_dev(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Return production's template under dev's name, so that only the settings differ from dev's."""
    settings = replace(settings_for("prod"), environment="dev")
    return _template(_synthesise(tmp_path_factory.mktemp("assembly"), [settings]), "dev")


def _synthesise(folder: Path, variants: list[Settings]) -> Path:
    """Synthesise in this process, with the Node from PyPI and no other program on PATH."""
    layer = folder / "layer"
    (layer / "python").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")
        patch.setenv("PATH", "/nowhere")
        use_bundled_node()
        from aws_cdk import App  # noqa: PLC0415 - Node must be chosen first

        from stack.webhook_stack import WebhookStack  # noqa: PLC0415

        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        app = App(analytics_reporting=False, outdir=str(folder / "out"), context=context)
        for settings in variants:
            WebhookStack(app, outputs.stack_name(settings.environment), settings=settings, layer_dir=layer)
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
