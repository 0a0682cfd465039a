"""The error tree of the CLI: the class says what failed and fixes the exit code, the hint says what to do next."""


class WebhookctlError(Exception):
    """Root of everything the CLI raises on purpose. Exit code 1.

    `code` is the stable name in JSON errors; `hint` is the next command to try, or a sentence.
    """

    exit_code = 1
    code = "failed"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(WebhookctlError):
    """The command line asks for something that can't be: exit 2."""

    exit_code = 2
    code = "usage"


class CancelledError(WebhookctlError):
    """The operator said no, or could not be asked: exit 3."""

    exit_code = 3
    code = "cancelled"


class ConfigError(WebhookctlError):
    """Credentials, settings or the environment's connection are not usable: exit 4."""

    exit_code = 4
    code = "config"


class NotFoundError(WebhookctlError):
    """The named thing does not exist, or the environment is not deployed: exit 5."""

    exit_code = 5
    code = "not_found"


class PartialError(WebhookctlError):
    """Some of the work was done and some was not: exit 6."""

    exit_code = 6
    code = "partial"


class CheckFailedError(WebhookctlError):
    """The command worked and its verdict is negative (threshold, audit, WAF, doctor): exit 7."""

    exit_code = 7
    code = "check_failed"


class WaitTimeoutError(WebhookctlError):
    """What was waited for did not happen in time: exit 8."""

    exit_code = 8
    code = "timed_out"


INTERRUPTED_EXIT_CODE = 130
"""What a shell reports for a process that Ctrl-C ended (128 + SIGINT)."""
