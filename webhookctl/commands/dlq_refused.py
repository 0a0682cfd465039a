"""Options of `dlq redrive` that would have no effect beside others: refused by name, never left out silently."""

from typing import Final

from webhookctl.commands.dlq_options import FILTERS
from webhookctl.context import Context
from webhookctl.errors import UsageError

_CONFIRMING: Final = frozenset({"yes", "confirm"})
_WITH_NATIVE: Final = frozenset({"native", "rate"}) | _CONFIRMING
_WITH_RESUME: Final = frozenset({"resume", "journal", "rate", "most", "wait", "timeout", "deadline"}) | _CONFIRMING
_SPELLED: Final = {"most": "--max", "guard": "--guard or --no-guard"}


def given_options(ctx: Context) -> set[str]:
    """Return the names of the parameters that the operator gave; defaults are not among them."""
    return {name for name in ctx.params if str(getattr(ctx.get_parameter_source(name), "name", "")) in _BY_HAND}


_BY_HAND: Final = ("COMMANDLINE", "ENVIRONMENT", "PROMPT")


def refuse_contradictions(given: set[str]) -> None:
    """Raise UsageError for options that have no effect in this company."""
    if "native" in given and (wrong := given - _WITH_NATIVE):
        raise UsageError(
            f"SQS's own redrive moves everything: it knows no {_named(wrong)}", hint="leave out --native, or the others"
        )
    if "resume" in given and (wrong := given - _WITH_RESUME):
        raise UsageError(
            f"--resume takes no {_named(wrong)}: the journal has the plan of the interrupted redrive",
            hint="of a plan it takes --rate, --max, --wait, --timeout and --deadline anew",
        )
    if "patch" in given and given & {"edit", "edit_all"}:
        raise UsageError("--edit and --patch are two ways to the same change", hint="leave out one of them")
    if "stop_if_fail" in given and "canary" not in given:
        raise UsageError("--stop-if-fail is about a canary's steps", hint="add --canary N")
    if "timeout" in given and not given & {"wait", "canary", "resume"}:
        raise UsageError("--timeout bounds the wait for outcomes", hint="add --wait or --canary N")
    if {"dry_run", "journal"} <= given:
        raise UsageError("a dry run keeps no journal", hint="leave out --journal")


def _named(options: set[str]) -> str:
    own = {_SPELLED.get(name, "--" + name.replace("_", "-")) for name in options - FILTERS}
    return ", ".join([*(["filters"] if options & FILTERS else []), *sorted(own)])
