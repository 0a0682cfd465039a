"""What a rule does with a request that it matches, and what the client is answered.

Source: AWS WAF developer guide, "CAPTCHA and Challenge action behavior" (405 and 202 with `x-amzn-waf-action` for a
client without a token; no client of the local environment can have one), "Custom responses for Block actions" and
"Inserting custom request headers" (names are prefixed `x-amzn-waf-`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from multidict import CIMultiDict

from webhookctl.local.exchange import Answer
from webhookctl.local.waf.members import Json, UnsupportedStatementError, choice, only, single

INSERTED_PREFIX: Final = "x-amzn-waf-"
_FORBIDDEN: Final = b'{"message":"Forbidden"}'
_TYPES: Final = {"TEXT_PLAIN": "text/plain", "TEXT_HTML": "text/html", "APPLICATION_JSON": "application/json"}
_TOKEN_STATUS: Final = {"CAPTCHA": 405, "CHALLENGE": 202}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomResponse:
    """What a Block answers instead of 403."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """ALLOW, BLOCK, COUNT, CAPTCHA or CHALLENGE. `inserts` are the headers that the protected API then sees."""

    kind: str
    inserts: Mapping[str, str] = field(default_factory=dict)
    response: CustomResponse | None = None

    @property
    def ends(self) -> bool:
        """Whether no later rule is looked at."""
        return self.kind != "COUNT"

    @property
    def refuses(self) -> bool:
        """Whether the request goes no further."""
        return self.kind not in {"ALLOW", "COUNT"}

    @property
    def status(self) -> int:
        """The HTTP status that a refused client gets."""
        return self.response.status if self.response else _TOKEN_STATUS.get(self.kind, 403)


COUNT: Final = Action(kind="COUNT")
BLOCK: Final = Action(kind="BLOCK")


def compile_action(action: Json, bodies: Json, of: str) -> Action:
    """Return a RuleAction or DefaultAction; `bodies` are the ACL's custom ones. Raises UnsupportedStatementError."""
    name, body = single(action, of)
    if name == "Block":
        only(body, "Block", "CustomResponse")
        custom = body.get("CustomResponse")
        return Action(kind="BLOCK", response=_response(custom, bodies) if custom else None)
    if name not in {"Allow", "Count", "Captcha", "Challenge"}:
        raise UnsupportedStatementError(f"{of} {name}")
    inserts = _inserts(only(body, name, "CustomRequestHandling").get("CustomRequestHandling"))
    has_token_check = name in {"Captcha", "Challenge"}  # their headers are for clients with a token alone
    return Action(kind=name.upper(), inserts={} if has_token_check else inserts)


def answer(action: Action) -> Answer:
    """Return what a refused client gets."""
    if action.response:
        return Answer(action.status, CIMultiDict(action.response.headers), action.response.body)
    if action.kind in _TOKEN_STATUS:
        return Answer(action.status, CIMultiDict({"x-amzn-waf-action": action.kind.lower()}), b"")
    headers = CIMultiDict({"Content-Type": "application/json", "x-amzn-ErrorType": "ForbiddenException"})
    return Answer(action.status, headers, _FORBIDDEN)


def _response(custom: Json, bodies: Json) -> CustomResponse:
    only(custom, "CustomResponse", "ResponseCode", "CustomResponseBodyKey", "ResponseHeaders")
    status, key = int(custom["ResponseCode"]), custom.get("CustomResponseBodyKey")
    headers = _named(custom.get("ResponseHeaders", ()), "ResponseHeaders")
    if key is None:
        return CustomResponse(status=status, headers=headers)
    if key not in bodies:
        raise UnsupportedStatementError(f"custom response body {key!r}, which the web ACL does not have")
    body = only(bodies[key], "CustomResponseBody", "ContentType", "Content")
    content_type = _TYPES[choice(body, "CustomResponseBody", "ContentType", *_TYPES)]
    return CustomResponse(
        status=status, headers={"Content-Type": content_type} | headers, body=body["Content"].encode()
    )


def _inserts(handling: Json | None) -> dict[str, str]:
    headers = only(handling or {}, "CustomRequestHandling", "InsertHeaders").get("InsertHeaders", ())
    return {INSERTED_PREFIX + name: value for name, value in _named(headers, "InsertHeaders").items()}


def _named(headers: object, of: str) -> dict[str, str]:
    listed: list[Json] = [only(header, of, "Name", "Value") for header in headers]  # type: ignore[attr-defined]
    return {str(header["Name"]): str(header["Value"]) for header in listed}
