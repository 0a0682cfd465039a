"""What can go wrong with the local environment itself."""

from webhookctl.errors import ConfigError, WebhookctlError


class MissingExtraError(ConfigError):
    """The packages of the `local` extra are not installed."""

    code = "missing_extra"


class NotRunningError(ConfigError):
    """The local environment is down."""

    code = "local_not_running"


class StartError(WebhookctlError):
    """A process of the local environment did not start; the message ends with its log's last lines."""

    code = "local_start_failed"
