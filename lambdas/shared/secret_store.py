"""Secrets with a short life in memory: refreshed when old or when a signature does not match, kept when AWS is down."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from lambdas.shared import aws
from lambdas.shared.errors import UnavailableError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

T = TypeVar("T")

FRESH_S = 60.0
"""A cached secret this young is used without asking. A retired key is refused at most this much later."""
STALE_S = 3600.0
"""While Secrets Manager can't be reached, a cached secret is used up to this age."""
REFRESH_EVERY_S = 5.0
"""Forgeries can't make us ask more often than this."""


@dataclass(frozen=True, slots=True)
class _Cached(Generic[T]):
    value: T
    at: float


class SecretStore(Generic[T]):
    """Parsed secrets by ARN."""

    def __init__(
        self,
        client: "SecretsManagerClient",
        parse: Callable[[str], T],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._parse = parse
        self._monotonic = monotonic
        self._cache: dict[str, _Cached[T]] = {}

    def get(self, arn: str) -> T:
        """Return the secret, at most `FRESH_S` old; up to `STALE_S` while Secrets Manager fails.

        Raises UnavailableError when there is none to be had.
        """
        cached = self._cache.get(arn)
        if cached is not None and self._age(cached) < FRESH_S:
            return cached.value
        try:
            return self._fetch(arn)
        except UnavailableError:
            if cached is not None and self._age(cached) < STALE_S:
                return cached.value
            raise

    def refresh(self, arn: str) -> T | None:
        """Return a newer secret after a signature did not match the cached one, or None if there is no newer one."""
        cached = self._cache.get(arn)
        if cached is not None and self._age(cached) < REFRESH_EVERY_S:
            return None
        try:
            fresh = self._fetch(arn)
        except UnavailableError:
            return None
        return None if cached is not None and fresh == cached.value else fresh

    def _fetch(self, arn: str) -> T:
        answer = aws.call("secretsmanager", lambda: self._client.get_secret_value(SecretId=arn))
        value = self._parse(answer["SecretString"])
        self._cache[arn] = _Cached(value, self._monotonic())
        return value

    def _age(self, cached: _Cached[T]) -> float:
        return self._monotonic() - cached.at
