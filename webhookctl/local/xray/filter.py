"""Parse AWS X-Ray filter expressions into a tree.

The language is that of the X-Ray developer guide, "Using filter expressions": boolean, number and string keywords,
`annotation.key` or `annotation[key]`, `service()`, `edge()`, `id()`, `rootcause.*`, AND, OR, `!`, parentheses; two
terms side by side mean AND. Keywords and operators are not case-sensitive, values are.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from webhookctl.local.xray.expression import (
    BOOLEANS,
    NUMBER_OPERATORS,
    NUMBERS,
    ROOT_CAUSE_KINDS,
    ROOT_CAUSE_PARTS,
    STRING_OPERATORS,
    STRINGS,
    And,
    Annotation,
    Edge,
    Expression,
    FilterError,
    Not,
    Or,
    RootCause,
    Selector,
    Service,
    Test,
    Value,
)

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<number>[+-]?\d+(?:\.\d+)?(?![\w.:]))"""
    r"""|(?P<op><=|>=|!=|=|<|>)"""
    r"""|(?P<punct>[(){}\[\],:!])"""
    r"""|(?P<word>[A-Za-z_][\w.\-]*)"""
    r"""|(?P<bare>\d[\w.:\-]*))"""
)
"""`bare` is a value without quotes that is no number and no word: an address."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse(text: str) -> Expression | None:
    """Return the tree of a filter expression, None for an empty one. Raises FilterError."""
    tokens = _tokenise(text)
    if not tokens:
        return None
    parser = _Parser(tokens)
    expression = parser.disjunction()
    if parser.token is not None:
        parser.fail("unexpected text")
    return expression


def _tokenise(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterError(f"unexpected character at position {position}: {text[position : position + 12]!r}")
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match.group(kind), match.start(kind)))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens; `depth` counts the braces of service, edge and root cause filters."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def fail(self, message: str) -> NoReturn:
        token = self.token
        where = f"at position {token.position}: {token.text!r}" if token else "at the end of the expression"
        raise FilterError(f"{message} {where}")

    def _is(self, text: str) -> bool:
        return self.token is not None and self.token.kind != "string" and self.token.text.lower() == text

    def _take(self, text: str) -> bool:
        if self._is(text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            self.fail(f"expected {text!r}")

    def _next(self, *kinds: str) -> _Token:
        token = self.token
        if token is None or token.kind not in kinds:
            self.fail(f"expected a {' or '.join(kinds)}")
        self._at += 1
        return token

    def disjunction(self) -> Expression:
        terms = [self._conjunction()]
        while self._take("or"):
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _conjunction(self) -> Expression:
        terms = [self._unary()]
        while self._take("and") or self._starts_a_term():
            terms.append(self._unary())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _starts_a_term(self) -> bool:
        token = self.token
        if token is None or self._is("or"):
            return False
        return token.kind == "word" or token.text in ("!", "(")

    def _unary(self) -> Expression:
        if self._take("!"):
            return Not(self._unary())
        if self._take("("):
            inner = self.disjunction()
            self._expect(")")
            return inner
        return self._term()

    def _term(self) -> Expression:
        word = self._next("word")
        lower = word.text.lower()
        if lower in ("service", "edge") and self._is("("):
            return self._service() if lower == "service" else self._edge()
        if lower == "annotation" or lower.startswith("annotation."):
            return self._annotation(word.text)
        if lower.startswith("rootcause."):
            return self._root_cause(lower)
        return self._keyword(lower)

    def _keyword(self, keyword: str) -> Expression:
        kind: type[Value]
        if keyword in BOOLEANS:
            allowed, kind = frozenset({"=", "!="}), bool
        elif keyword in NUMBERS:
            allowed, kind = NUMBER_OPERATORS, float
        elif keyword in STRINGS:
            allowed, kind = STRING_OPERATORS, str
        else:
            self._at -= 1
            self.fail("unknown keyword")
        operator, value = self._comparison()
        if operator is not None and operator not in allowed:
            self.fail(f"{keyword} does not take the operator {operator.upper()}; the error is just before")
        if operator is not None and not isinstance(value, kind):
            self.fail(f"{keyword} is compared with a {kind.__name__}; the error is just before")
        return Test(keyword, operator, value)

    def _comparison(self) -> tuple[str | None, Value | None]:
        token = self.token
        if token is None or (token.kind != "op" and token.text.lower() not in STRING_OPERATORS):
            return None, None
        self._at += 1
        return token.text.lower(), self._value()

    def _value(self) -> Value:
        token = self._next("string", "number", "word", "bare")
        if token.kind == "string":
            return _unquote(token.text)
        if token.kind == "number":
            return float(token.text)
        return token.text.lower() == "true" if token.text.lower() in ("true", "false") else token.text

    def _annotation(self, word: str) -> Expression:
        if self._depth:
            self.fail("an annotation can't be used inside service() or edge(); the error is just before")
        if word.lower() == "annotation":
            self._expect("[")
            token = self._next("word", "string", "number")
            key = _unquote(token.text) if token.kind == "string" else token.text
            self._expect("]")
        else:
            key = word.partition(".")[2]
        if not key:
            self.fail("an annotation needs a key; the error is just before")
        operator, value = self._comparison()
        if operator in NUMBER_OPERATORS - {"=", "!="} and not isinstance(value, float):
            self.fail(f"the operator {operator} takes a number; the error is just before")
        return Annotation(key, operator, value)

    def _service(self) -> Expression:
        self._expect("(")
        selector = Selector() if self._is(")") else self._selector()
        self._expect(")")
        return Service(selector, self._block())

    def _edge(self) -> Expression:
        self._expect("(")
        source = target = Selector()
        if not self._is(")"):
            source = self._selector()
            self._expect(",")
            target = self._selector()
        self._expect(")")
        return Edge(source, target, self._block())

    def _root_cause(self, word: str) -> Expression:
        parts = word.split(".")
        if len(parts) != 3 or parts[1] not in ROOT_CAUSE_KINDS or parts[2] not in ROOT_CAUSE_PARTS:  # noqa: PLR2004
            self._at -= 1
            self.fail("unknown root cause keyword")
        return RootCause(parts[1], parts[2], self._block())

    def _selector(self) -> Selector:
        if not self._take("id"):
            return Selector(name=_unquote(self._next("string").text))
        self._expect("(")
        fields: dict[str, str] = {}
        while True:
            name = self._next("word").text.lower()
            self._expect(":")
            fields[name] = _unquote(self._next("string").text)
            if not self._take(","):
                break
        self._expect(")")
        if not fields.keys() <= {"name", "type", "account.id"}:
            self.fail("id() takes name, type and account.id; the error is just before")
        return Selector(fields.get("name"), fields.get("type"), fields.get("account.id"))

    def _block(self) -> Expression | None:
        if not self._take("{"):
            return None
        self._depth += 1
        inner = self.disjunction()
        self._expect("}")
        self._depth -= 1
        return inner


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
