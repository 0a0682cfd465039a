"""The root command: global options, the table of lazily loaded commands, and the one map from errors to exit codes."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Final, cast

import typer
from typer.core import TyperGroup

from webhookctl import __version__
from webhookctl.config import LOCAL, OUTPUTS, Settings, data_home, load_settings
from webhookctl.console import Console
from webhookctl.context import AppContext, Context
from webhookctl.errors import INTERRUPTED_EXIT_CODE, ConfigError, UsageError, WebhookctlError
from webhookctl.render import check_query


@dataclass(frozen=True, slots=True)
class Entry:
    """One command of the root. `module` defines `app` (a group) or a function named `attribute` (a single command).

    `help` repeats the command's first line, so that the root's help loads no command; a test compares them.
    """

    section: str
    name: str
    help: str
    attribute: str = "app"
    module: str = ""

    def load(self) -> Any:  # noqa: ANN401 - Typer's command classes are private
        """Import the command's module and build the command."""
        module = importlib.import_module(self.module or f"webhookctl.commands.{self.name}")
        target = getattr(module, self.attribute)
        parent = typer.Typer(add_completion=False, rich_markup_mode=None, callback=_nothing)
        if isinstance(target, typer.Typer):
            parent.add_typer(target, name=self.name)
        else:
            parent.command(self.name)(target)
        return typer.main.get_group(parent).commands[self.name]


def _nothing() -> None:
    """Make a group of the parent, so that its one command keeps its name."""


COMMANDS: Final = (
    Entry("Set up", "demo", "Show the whole trip: deploy, send, refuse forgeries, break one, redrive, audit.", "demo"),
    Entry("Set up", "deploy", "Deploy the environment, or bring it up to date.", "deploy"),
    Entry("Set up", "diff", "Show what deploy would change.", "diff", "webhookctl.commands.deploy"),
    Entry(
        "Set up", "destroy", "Take the environment away, and say what stays.", "destroy", "webhookctl.commands.deploy"
    ),
    Entry("Look", "doctor", "Check account, machine and stack; each finding with its remedy.", "doctor"),
    Entry("Look", "status", "Show the environment's health on one screen.", "status"),
    Entry("Set up", "outputs", "Print the stack's outputs.", "outputs"),
    Entry("Send", "send", "Send signed test webhooks, one request each.", "send"),
    Entry("Send", "verify", "Explain why a request does or does not verify."),
    Entry("Look", "events", "Look at the stored webhooks."),
    Entry("Look", "trace", "See one webhook's way through all services."),
    Entry("Look", "payments", "Show what a payment's events come to."),
    Entry("Look", "audit", "Query and verify the audit log."),
    Entry("Look", "dlq", "Look into the dead-letter queue and move it back safely."),
    Entry("Look", "logs", "Read what the deployed functions write."),
    Entry("Look", "incident", "Gather what a post-mortem needs."),
    Entry("Prove", "load", "Prove the limits under load."),
    Entry("Prove", "waf", "Show and measure the web ACL's limit."),
    Entry("Set up", "secrets", "The providers' signing keys: list, set, rotate, retire."),
    Entry("Look", "cost", "What the environment costs, per service, with the levers."),
    Entry("Set up", "reference", "Print the reference of all commands as Markdown.", "reference"),
    Entry("Set up", "config", "Show the settings in force."),
    Entry("Set up", "local", "The AWS environment on this machine: start, stop, look inside."),
)
"""Every command, in the order of the help."""

_WITH_VALUE: Final = {
    "-e": "--env",
    "--env": "--env",
    "--profile": "--profile",
    "--region": "--region",
    "-o": "--output",
    "--output": "--output",
    "--query": "--query",
}
_SWITCHES: Final = frozenset({"-q", "--quiet", "-v", "--verbose", "--no-input", "--no-color"})


class RootGroup(TyperGroup):
    """The root: its options work before and after the subcommand, its commands load on use."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's context class is private
        """Parse with the global options moved to the front."""
        return super().parse_args(ctx, hoisted(args))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        """Return the commands in the order of the help."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """Load a command."""
        entry = next((e for e in COMMANDS if e.name == cmd_name), None)
        return None if entry is None else entry.load()

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Find the command, or say which names come close."""
        self.commands = dict.fromkeys(self.list_commands(ctx), self)  # names for the suggestions only
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """List the commands by section, without loading them, before the options."""
        width = max(len(e.name) for e in COMMANDS)
        for section in dict.fromkeys(e.section for e in COMMANDS):
            with formatter.section(section):
                formatter.write_dl([(e.name.ljust(width), e.help) for e in COMMANDS if e.section == section])
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Add nothing: `format_options` has listed them."""


def hoisted(args: Sequence[str]) -> list[str]:
    """Return `args` with the global options first, wherever they stood. Nothing after `--` moves."""
    front: list[str] = []
    rest: list[str] = []
    queue = list(args)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest += [word, *queue]
            break
        name, equals, _ = word.partition("=")
        if word in _SWITCHES or (equals and name in _WITH_VALUE and name.startswith("--")):
            front.append(word)
        elif word in _WITH_VALUE:
            front += [word, *queue[:1]]
            del queue[:1]
        elif word[:2] in ("-e", "-o") and len(word) > 2 and not word.startswith("--"):  # noqa: PLR2004 - attached value
            front += [word[:2], word[2:].removeprefix("=")]
        else:
            rest.append(word)
    return front + rest


app = typer.Typer(
    name="webhookctl",
    cls=RootGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"webhookctl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: Context,
    env: Annotated[
        str | None, typer.Option("--env", "-e", metavar="NAME", help=f"Environment. Default: {LOCAL}.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FORMAT", help="table, json or jsonl.")
    ] = None,
    query: Annotated[str | None, typer.Option("--query", metavar="JMESPATH", help="Print only this part.")] = None,
    profile: Annotated[str | None, typer.Option("--profile", metavar="NAME", help="AWS profile.")] = None,
    region: Annotated[str | None, typer.Option("--region", metavar="NAME", help="AWS region.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No talk on stderr, only errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="More talk on stderr.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask; fail instead.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run your own Stripe, PayPal and Square webhook intake on AWS, and operate it from this terminal.

    Global options work before and after the command.

    Start with: webhookctl demo
    """
    flags = {
        "env": env, "output": output, "query": query, "profile": profile, "region": region,
        "quiet": quiet, "verbose": verbose, "no_input": no_input, "no_color": no_color,
    }  # fmt: skip
    make = cast("Callable[[Settings], AppContext]", ctx.obj)
    settings = load_settings(flags)
    if settings.query:
        check_query(settings.query)
    ctx.obj = make(settings)


def run(args: Sequence[str] | None = None, *, make_context: Callable[[Settings], AppContext] = AppContext) -> int:
    """Run one command line and return its exit code. Everything that a command raises ends here."""
    words = list(sys.argv[1:] if args is None else args)
    console = Console(is_json=_wants_json(words), is_verbose="--verbose" in words or "-v" in words)
    try:
        code = typer.main.get_command(app).main(words, prog_name="webhookctl", standalone_mode=False, obj=make_context)
        sys.stdout.flush()
    except WebhookctlError as error:
        console.fail(error)
        return error.exit_code
    except typer.TyperException as error:
        return _usage(error, console)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED_EXIT_CODE
    except (BrokenPipeError, SystemExit) as end:
        return _silenced(end)
    except Exception as error:  # noqa: BLE001 - the last stop: a person never gets a traceback unasked
        return _unexpected(error, console)
    return code if isinstance(code, int) else 0


def _wants_json(words: Sequence[str]) -> bool:
    front = hoisted(words)
    given = next((v for f, v in pairwise(front) if f in ("-o", "--output")), None)
    attached = next((w.partition("=")[2] for w in front if w.startswith("--output=")), None)
    return (given or attached or os.environ.get("WEBHOOKCTL_OUTPUT")) in OUTPUTS[1:]


def _usage(error: typer.TyperException, console: Console) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message())
        return 0
    found = getattr(error, "ctx", None)
    hint = f"{found.command_path} --help" if found is not None else "webhookctl --help"
    console.fail(UsageError(error.format_message().replace("Value error, ", ""), hint=hint))
    return UsageError.exit_code


def _refused(path: object, reason: str) -> UsageError | ConfigError:
    said = f"{path} can't be used: {reason}"
    if str(path).startswith(str(data_home())):
        return ConfigError(said, hint="the state is kept there; WEBHOOKCTL_HOME names another folder")
    return UsageError(said, hint="name a file or folder that exists and is yours")


def _silenced(end: BrokenPipeError | SystemExit) -> int:
    """Point stdout at nothing, so that the interpreter's last flush does not complain about the closed pipe.

    Typer turns a closed pipe into SystemExit(1); that the reader has seen enough is no failure.
    """
    if isinstance(end, SystemExit) and not isinstance(end.__context__, BrokenPipeError):
        raise end
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _unexpected(error: Exception, console: Console) -> int:
    if "botocore" in sys.modules:
        aws = importlib.import_module("webhookctl.aws.session")
        if isinstance(error, aws.ClientError | aws.BotoCoreError):
            ours: WebhookctlError = aws.translated(error)
            console.fail(ours)
            return ours.exit_code
    if console.is_verbose:
        raise error
    if isinstance(error, OSError) and error.filename and error.strerror:
        refused = _refused(error.filename, error.strerror)
        console.fail(refused)
        return refused.exit_code
    console.fail(
        WebhookctlError(
            f"unexpected {type(error).__name__}: {error}", hint="run again with --verbose for the traceback"
        )
    )
    return WebhookctlError.exit_code
