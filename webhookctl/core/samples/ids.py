"""Fresh ids in each provider's format, the same for the same name within one cast."""

import re
import secrets
import string
import uuid
from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

_ALPHABETS = {
    "mixed": string.ascii_letters + string.digits,
    "upper": string.ascii_uppercase + string.digits,
    "lower": string.ascii_lowercase + string.digits,
    "hex": "0123456789abcdef",
    "digits": string.digits,
}
_PART = re.compile(r"\{(\w+)(?::(\d+))?\}")


class IdSource:
    """Makes ids from patterns such as `pi_{mixed:24}` or `{uuid}`. The same seed gives the same ids."""

    def __init__(self, seed: int | None = None) -> None:
        # Ids of test events need to be distinct and, with a seed, repeatable; they are not secrets.
        self._random = Random(secrets.randbits(64) if seed is None else seed)  # noqa: S311

    def make(self, pattern: str) -> str:
        """Return a fresh id. `pattern` parts: `{mixed|upper|lower|hex|digits:LENGTH}` and `{uuid}`."""
        return _PART.sub(self._part, pattern)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order that a seed repeats."""
        return self._random.sample(items, len(items))

    def _part(self, found: re.Match[str]) -> str:
        name, length = found[1], int(found[2] or 0)
        if name == "uuid":
            return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        return "".join(self._random.choices(_ALPHABETS[name], k=length))


class Cast:
    """The objects that appear in one event, or in all events of a scenario: a name has one id throughout.

    A name is a kind of the provider's vocabulary, with an optional suffix after `.` to tell two of a kind apart:
    `pi`, `ch`, `ch.second`.
    """

    def __init__(self, ids: IdSource, patterns: Mapping[str, str]) -> None:
        self._ids = ids
        self._patterns = patterns
        self._named: dict[str, str] = {}

    def id(self, name: str) -> str:
        """Return the id of the object called `name`, made on first use. Raises KeyError for an unknown kind."""
        if name not in self._named:
            self._named[name] = self._ids.make(self._patterns[name.split(".", maxsplit=1)[0]])
        return self._named[name]

    def fresh(self, pattern: str) -> str:
        """Return an id that nothing else has, such as the event's own."""
        return self._ids.make(pattern)
