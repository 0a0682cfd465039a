"""Which options of `send` go together: one table. What would have no effect is refused, never ignored."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from stack.outputs import PROVIDERS
from webhookctl.commands.send_options import SendOptions, flag_of
from webhookctl.core.samples import catalogue
from webhookctl.core.send.request import Tamper
from webhookctl.errors import UsageError

PROVIDER: Final = "provider"
EVENT_TYPE: Final = "event_type"


class Mode(StrEnum):
    """What is asked for. The value is how an error names it; the first whose option is given counts."""

    LIST = "--list"
    CHAOS = "--chaos"
    SCENARIO = "--scenario"
    FILE = "--file"
    EVENT = "an event of the catalogue"


_AIM: Final = frozenset({"url", "secret_from", "source_address"})
_CHANGES: Final = frozenset({"sets", "adds", "removes", "fail_times"})
_MONEY: Final = frozenset({"amount", "currency"})
_WAITING: Final = frozenset({"wait", "timeout"})
_SENDING: Final = frozenset({"tamper", "duplicate", "rate", "concurrency", "retry", "expect"}) | _AIM | _WAITING
_MANY: Final = frozenset({"count", "shuffle", "seed"})
_ONE: Final = _SENDING | _CHANGES | {PROVIDER, "timestamp", "print"}

GOES_WITH: Final[Mapping[Mode, frozenset[str]]] = {
    Mode.LIST: frozenset({"list", PROVIDER}),
    Mode.CHAOS: frozenset({"chaos", PROVIDER, "seed", "timeout"}) | _AIM,
    Mode.SCENARIO: frozenset({"scenario", PROVIDER}) | _SENDING | _MONEY | _MANY,
    Mode.FILE: frozenset({"file"}) | _ONE,
    Mode.EVENT: frozenset({EVENT_TYPE, "api_version"}) | _ONE | _MONEY | _MANY,
}
"""The parameters of `send` that do something in each mode. What is not here is refused there."""

PRINTED: Final = frozenset().union(*GOES_WITH.values()) - _WAITING - {
    "rate", "concurrency", "retry", "source_address", "expect",
}  # fmt: skip
"""What still does something with --print: nothing is sent, so nothing about sending does."""

_INSTEAD: Final[Mapping[tuple[str, str], str]] = {
    (Mode.FILE, "count"): "the bytes are the same each time: --duplicate N delivers them N more times",
    (Mode.FILE, "amount"): "change the file's own fields with --set",
    (Mode.FILE, "currency"): "change the file's own fields with --set",
    (Mode.SCENARIO, EVENT_TYPE): "the scenario's file names its events",
    (Mode.SCENARIO, "print"): "print its events one by one: webhookctl send PROVIDER EVENT_TYPE --print body",
    **{(Mode.SCENARIO, name): f"a step of the scenario's file may have '{name[:-1]}'" for name in ("sets", "adds")},
    (Mode.SCENARIO, "removes"): "a step of the scenario's file may have 'remove'",
}
"""What to do instead, where that is more than leaving it out."""


def mode_of(options: SendOptions) -> Mode:
    """Return what is asked for."""
    asked = {Mode.LIST: options.list, Mode.CHAOS: options.chaos, Mode.SCENARIO: options.scenario is not None}
    asked |= {Mode.FILE: options.file is not None, Mode.EVENT: True}
    return next(mode for mode in Mode if asked[mode])


def check(given: Collection[str], provider: str | None, options: SendOptions) -> None:
    """Raise UsageError for a parameter that stands on the command line and would have no effect."""
    mode = mode_of(options)
    for name in given:
        if name not in GOES_WITH[mode]:
            raise _refused(name, mode, _goes_with(mode))
        if options.print and name not in PRINTED:
            raise _refused(name, "--print", "it sends nothing: leave one of them out")
    _check_values(given, mode, provider, options)


def _check_values(given: Collection[str], mode: Mode, provider: str | None, options: SendOptions) -> None:
    """Refuse what goes with the mode, but not with the value of another option."""
    replays = options.tamper is Tamper.REPLAY
    if mode is Mode.CHAOS and provider in set(catalogue.providers()) - set(PROVIDERS):
        raise UsageError(
            f"--chaos is for what the stack takes, not for {provider}", hint=f"one of {', '.join(PROVIDERS)}"
        )
    if "timeout" in given and not options.wait and (mode is not Mode.CHAOS or options.url is not None):
        hint = "with --url the table is not asked" if mode is Mode.CHAOS else "add --wait"
        raise UsageError("--timeout is for waiting, and nothing is waited for", hint=hint)
    if replays and options.print:
        raise _refused("tamper", "--print", "a replay is the same request twice: send the printed one twice")
    if replays and options.retry is not None:
        raise _refused("retry", "--tamper replay", "a replay sends the same bytes twice and no more")
    if options.timestamp and provider in catalogue.providers() and not catalogue.vocabulary(provider).signs_time:
        raise UsageError(f"--timestamp has no effect: {provider} signs no time", hint="leave --timestamp out")


def _refused(name: str, beside: str, hint: str) -> UsageError:
    return UsageError(f"{flag_of(name)} has no effect with {beside}", hint=_INSTEAD.get((beside, name), hint))


def _goes_with(mode: Mode) -> str:
    own = {mode_name.removeprefix("--") for mode_name in Mode}
    names = sorted(flag_of(name) for name in GOES_WITH[mode] - own)
    return f"{mode} goes with {', '.join(names)}"
