"""The error tree of the Lambdas: the class says what failed, `reason` is its stable code for logs and metrics."""


class WebhookError(Exception):
    """Root of everything the Lambdas raise on purpose."""

    reason = "error"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class UnknownProviderError(WebhookError):
    """The path names a provider that the registry does not know: 404."""

    reason = "unknown_provider"


class VerificationError(WebhookError):
    """The request is not proven to come from the provider: 401. `reason` is one of `providers.base.Reason`."""

    reason = "unverified"


class MalformedError(WebhookError):
    """The request is not well formed (headers or body): 400."""

    reason = "malformed"


class TooLargeError(WebhookError):
    """The body exceeds what the receiver takes: 413."""

    reason = "too_large"


class UnavailableError(WebhookError):
    """A service that the trip needs (table, queue, key, secret) did not do its part: 503, so the provider retries."""

    reason = "unavailable"


class ProcessingError(WebhookError):
    """A stored webhook could not be processed; the message goes back and is tried again."""

    reason = "processing_failed"
