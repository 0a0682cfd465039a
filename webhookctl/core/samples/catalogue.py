"""The catalogue of sample events: which there are, what each provider's words look like, and the nearest to a typo."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from webhookctl.errors import UsageError

SAMPLES = Path(str(files("webhookctl").joinpath("samples")))
_VOCABULARY = "_vocabulary.yaml"
_VERSION = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(\.\w+)?", re.ASCII)
_DAY = len("2024-06-20")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """How one provider's events are written; read from `samples/<provider>/_vocabulary.yaml`.

    `ids` maps a kind of object to its id's pattern (see `ids`). `amount_style` is `minor` (an integer) or
    `decimal` (a string). `signature_header` is in lower case. `signs_time`: the signature covers a time, so that old
    ones are refused; `signs_url`: it covers the notification URL; `sends_certificate`: it is made with a certificate
    that the request names. `retry_after_s` are the waits between the provider's delivery attempts.
    `oldest_api_version` and `api_version` are the first and the last whose shapes are carried.
    """

    default: str
    event: str
    signature_header: str
    ids: Mapping[str, str] = field(default_factory=dict)
    amount_style: str = "minor"
    currency_case: str = "upper"
    indent: int | None = None
    api_version: str | None = None
    oldest_api_version: str | None = None
    since: Mapping[str, str] = field(default_factory=dict)
    signs_time: bool = True
    signs_url: bool = False
    sends_certificate: bool = False
    retry_after_s: Sequence[float] = ()
    retry_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One event type's template: JSON whose strings may hold placeholders (see `render`)."""

    provider: str
    event_type: str
    template: Mapping[str, Any]
    vocabulary: Vocabulary
    api_version: str | None = None


def providers() -> tuple[str, ...]:
    """Return the providers that have samples, in the order in which they are shown."""
    return tuple(sorted(p.parent.name for p in SAMPLES.glob(f"*/{_VOCABULARY}")))


@lru_cache
def event_types(provider: str) -> tuple[str, ...]:
    """Return a provider's event types, sorted. Raises UsageError for a provider without samples."""
    return tuple(sorted(p.stem for p in _folder(provider).glob("*.json")))


@lru_cache
def vocabulary(provider: str) -> Vocabulary:
    """Return how a provider's events are written. Raises UsageError for a provider without samples."""
    return Vocabulary(**yaml.safe_load((_folder(provider) / _VOCABULARY).read_text(encoding="utf-8")))


def load(provider: str, event_type: str | None = None, *, api_version: str | None = None) -> Sample:
    """Return the template of an event type (None: the provider's usual one).

    `api_version` (such as `2024-06-20`) selects the shape that was current then, where there is an older one.
    Raises UsageError, naming the nearest event types, when there is none of this name.
    """
    words = vocabulary(provider)
    chosen = event_type or words.default
    if chosen not in event_types(provider):
        raise UsageError(f"{provider} has no sample event '{chosen}'", hint=_did_you_mean(provider, chosen))
    path = _shape(provider, chosen, words, api_version)
    return Sample(
        provider=provider,
        event_type=chosen,
        template=_read(path),
        vocabulary=words,
        api_version=api_version or words.api_version,
    )


def older_shapes(provider: str, event_type: str) -> tuple[str, ...]:
    """Return the API versions before which the event had another shape, oldest first."""
    found = _folder(provider).glob(f"before-*/{event_type}.json")
    return tuple(sorted(path.parent.name.removeprefix("before-") for path in found))


def _shape(provider: str, event_type: str, words: Vocabulary, api_version: str | None) -> Path:
    """Return the file with the shape of `api_version`: a folder `before-<date>` holds what was current before it."""
    folder = _folder(provider)
    if api_version is None:
        return folder / f"{event_type}.json"
    if words.api_version is None:
        raise UsageError(f"{provider} events carry no API version", hint="leave --api-version out")
    _check_version(provider, words, api_version)
    if api_version < words.since.get(event_type, ""):
        raise UsageError(
            f"{event_type} does not exist before API version {words.since[event_type]}",
            hint="choose a later --api-version",
        )
    older = sorted(p for p in folder.glob("before-*") if api_version < p.name.removeprefix("before-"))
    return next((p for o in older if (p := o / f"{event_type}.json").exists()), folder / f"{event_type}.json")


def _check_version(provider: str, words: Vocabulary, api_version: str) -> None:
    """Refuse what is no version, and those whose shapes are not known. The day counts, the name after it does not."""
    oldest, newest = words.oldest_api_version or "", words.api_version or ""
    if not _VERSION.fullmatch(api_version):
        raise UsageError(f"'{api_version}' is not an API version of {provider}", hint=f"such as {oldest} or {newest}")
    if not oldest <= api_version[:_DAY] <= newest[:_DAY]:
        raise UsageError(
            f"the shapes of {provider}'s API version {api_version} are not known here",
            hint=f"from {oldest} to {newest}; to write another in the event: --set api_version=...",
        )


@cache
def _read(path: Path) -> Mapping[str, Any]:
    template: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return template


def _folder(provider: str) -> Path:
    folder = SAMPLES / provider
    if not (folder / _VOCABULARY).exists():
        raise UsageError(f"unknown provider '{provider}'", hint=f"one of: {', '.join(providers())}")
    return folder


def _did_you_mean(provider: str, wanted: str) -> str:
    by_folded = {name.casefold(): name for name in event_types(provider)}
    near = [by_folded[n] for n in get_close_matches(wanted.casefold(), by_folded, n=3, cutoff=0.5)]
    if near:
        return f"did you mean {' or '.join(near)}? All: webhookctl send --list {provider}"
    return f"webhookctl send --list {provider}"
