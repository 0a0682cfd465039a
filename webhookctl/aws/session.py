"""The only door to boto3: clients for one environment, with AWS's errors translated once."""

import re
from collections.abc import Mapping
from typing import Any, Final

import boto3
import botocore.exceptions as aws_errors
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from webhookctl.errors import ConfigError, WebhookctlError

__all__ = ["AwsError", "AwsSession", "BotoCoreError", "ClientError", "error_code", "translated"]

DEFAULT_REGION: Final = "us-east-1"
_UNCHECKED: Final = frozenset({"sqs"})
"""Services whose calls botocore does not check first: a redrive makes thousands, and it is a tenth of each."""
_CREDENTIAL_CODES: Final = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED_CODES: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_MISSING_CREDENTIALS: Final = (
    aws_errors.NoCredentialsError,
    aws_errors.PartialCredentialsError,
    aws_errors.CredentialRetrievalError,
    aws_errors.TokenRetrievalError,
    aws_errors.SSOTokenLoadError,
    aws_errors.UnauthorizedSSOTokenError,
)
_UNREACHABLE: Final = (aws_errors.ConnectionError, aws_errors.HTTPClientError)
_UNUSABLE_SETTINGS: Final = (
    aws_errors.ProfileNotFound,
    aws_errors.NoRegionError,
    aws_errors.InvalidRegionError,
    aws_errors.ConfigParseError,
    aws_errors.InvalidConfigError,
)


_DEPLOYING: Final = ("cloudformation", "sts", "s3", "ssm", "iam", "ecr")
"""What the CDK CLI calls. It must reach the same places as our own calls."""
_AWS_HOST: Final = re.compile(r"//[^/]*\.(amazonaws\.com(\.cn)?|api\.aws)(:\d+)?(/|$)")


class AwsError(WebhookctlError):
    """An AWS call failed in a way that no command expects: exit 1."""

    code = "aws"


class AwsSession:
    """Makes the clients of one environment.

    `endpoints` maps a service name to its URL; the key `""` is every other service's. `credentials` is
    (access key, secret key) where the environment brings its own, as the embedded one does; else boto3 finds them.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        endpoints: Mapping[str, str] | None = None,
        credentials: tuple[str, str] | None = None,
        unreachable_hint: str | None = None,
    ) -> None:
        self._endpoints = dict(endpoints or {})
        self._unreachable_hint = unreachable_hint
        self._clients: dict[str, Any] = {}
        key_id, secret = credentials or (None, None)
        try:
            self._session = boto3.Session(
                profile_name=None if credentials else profile,
                region_name=region,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret,
            )
        except BotoCoreError as error:
            raise self.translate(error) from error
        self._session.events.register("creating-client-class", self._add_translation)

    @property
    def region(self) -> str:
        """The region that calls go to."""
        return self._session.region_name or DEFAULT_REGION

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        """Return the (cached) client of a service.

        Its calls raise ConfigError for trouble with credentials or reach, and botocore's ClientError for answers
        that the caller must judge.
        """
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service,  # type: ignore[call-overload]
                region_name=self.region,
                endpoint_url=self._endpoints.get(service) or self._endpoints.get("") or None,
                config=Config(
                    connect_timeout=5,
                    read_timeout=60,
                    retries={"mode": "standard", "max_attempts": 1 if self._endpoints else 5},
                    user_agent_extra="webhookctl",
                    max_pool_connections=32,
                    parameter_validation=service not in _UNCHECKED,
                ),
            )
        return self._clients[service]

    def unsigned_client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        """Return a client of a service whose calls carry no signature."""
        return self._session.client(
            service,  # type: ignore[call-overload]
            region_name=self.region,
            endpoint_url=self.endpoint(service),
            config=Config(signature_version=UNSIGNED, connect_timeout=5, read_timeout=10, retries={"max_attempts": 1}),
        )

    def endpoint(self, service: str) -> str | None:
        """Return the URL that a service's calls go to, or None where AWS's own is used."""
        return self._endpoints.get(service) or self._endpoints.get("")

    def environment_variables(self) -> dict[str, str]:
        """Return the variables that make another AWS client reach the same environment with the same credentials."""
        found = self._session.get_credentials()
        if found is None:
            raise self.translate(aws_errors.NoCredentialsError())
        frozen = found.get_frozen_credentials()
        variables = {
            "AWS_ACCESS_KEY_ID": frozen.access_key,
            "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
            "AWS_SESSION_TOKEN": frozen.token,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }
        for service, url in self._endpoints.items():
            variables[f"AWS_ENDPOINT_URL_{service.upper()}" if service else "AWS_ENDPOINT_URL"] = url
        for service in () if self._endpoints else _DEPLOYING:
            url = self.client(service).meta.endpoint_url
            if not _AWS_HOST.search(url):  # AWS_ENDPOINT_URL or the profile says so
                variables[f"AWS_ENDPOINT_URL_{service.upper()}"] = url
        return {name: value for name, value in variables.items() if value}

    def translate(self, error: Exception) -> WebhookctlError:
        """Return our error for an AWS one."""
        if isinstance(error, _UNREACHABLE) and self._unreachable_hint:
            return ConfigError(
                f"nothing answers at {self._endpoints.get('', 'the endpoint')}", hint=self._unreachable_hint
            )
        if isinstance(error, _MISSING_CREDENTIALS) and self._endpoints:
            return ConfigError(
                f"no AWS credentials: {error}",
                hint="an emulator takes any: AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
            )
        return translated(error)

    def _add_translation(self, base_classes: list[type], **_: object) -> None:
        base_classes.insert(0, _translating(self))


def _translating(session: AwsSession) -> type:
    class Translating:
        """Mixed into every client: the one place where AWS's errors become ours."""

        def _make_api_call(self, operation: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - botocore's
            try:
                return super()._make_api_call(operation, arguments)  # type: ignore[misc]
            except ClientError as error:
                if error_code(error) in _CREDENTIAL_CODES | _DENIED_CODES:
                    raise session.translate(error) from error
                raise
            except BotoCoreError as error:
                raise session.translate(error) from error

    return Translating


def error_code(error: ClientError) -> str:
    """Return the code of an AWS answer, without the service prefix and the query protocol's suffix."""
    code = error.response.get("Error", {}).get("Code", "")
    return code.rpartition(".")[2]


def translated(error: Exception) -> WebhookctlError:
    """Return our error for any botocore one."""
    if isinstance(error, _MISSING_CREDENTIALS):
        return ConfigError(
            f"no usable AWS credentials: {error}",
            hint="choose a profile with --profile, or sign in: aws sso login; --env local needs none",
        )
    if isinstance(error, _UNUSABLE_SETTINGS):
        return ConfigError(str(error), hint="webhookctl config show --origin")
    if isinstance(error, _UNREACHABLE):
        return ConfigError(f"AWS can't be reached: {error}", hint="check the network, --region and the endpoint URL")
    if isinstance(error, ClientError):
        return _from_answer(error)
    return AwsError(f"AWS call failed: {error}")


def _from_answer(error: ClientError) -> WebhookctlError:
    code, message = error_code(error), error.response.get("Error", {}).get("Message", "")
    if code in _CREDENTIAL_CODES:
        return ConfigError(
            f"AWS refuses the credentials ({code}): {message}",
            hint="sign in again (aws sso login), or choose another --profile",
        )
    if code in _DENIED_CODES:
        return ConfigError(
            f"not allowed: {error.operation_name}: {message}",
            hint="docs/aws.md lists the permissions that the operator needs",
        )
    return AwsError(f"{error.operation_name} failed ({code}): {message}")
