"""What a message itself holds: all there is to judge a dead letter by that has no webhook."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from lambdas.shared.card_data import redact
from webhookctl.core.dlq.dead_letter import Attribute, DeadLetter
from webhookctl.core.wrapped import wrapped

_LONGEST: Final = 500
"""Characters that are shown of a body or an attribute; an export has them all."""
_CUT: Final = " …"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContent:
    """A message's body and attributes, without card data and without what is over 500 characters.

    `characters` is the whole body's length.
    """

    body: str
    characters: int
    attributes: Mapping[str, str | bytes]

    @classmethod
    def of(cls, letter: DeadLetter) -> Self | None:
        """Return what the message of a dead letter holds; None where its webhook tells more."""
        if letter.webhook is not None:
            return None
        message = letter.message
        return cls(
            body=_shown(message.body),
            characters=len(message.body),
            attributes={name: _value(attribute) for name, attribute in message.attributes.items()},
        )

    def draw(self, width: int) -> Iterator[str]:
        """Yield the attributes and the body in lines of the width."""
        for name, value in self.attributes.items():
            told = value if isinstance(value, str) else f"{len(value):,} bytes"
            yield from wrapped(f"{name}: {told}", width, indent=4)
        yield from wrapped(self.body.strip() or "an empty body", width, indent=4)
        if self.body.endswith(_CUT):
            yield from wrapped(f"({self.characters:,} characters; dlq export has them all)", width, indent=4)


def _value(attribute: Attribute) -> str | bytes:
    return _shown(attribute.value) if isinstance(attribute.value, str) else attribute.value[:_LONGEST]


def _shown(text: str) -> str:
    """Blot out card data in the whole text, then cut it: half a card number would not be known as one."""
    clean = redact(text.encode("utf-8", "replace")).body.decode("utf-8", "replace")
    return clean if len(clean) <= _LONGEST else clean[:_LONGEST] + _CUT
