"""Secrets Manager: reads and replaces secret values."""

from typing import TYPE_CHECKING

from webhookctl.aws.session import AwsSession, ClientError, error_code
from webhookctl.errors import NotFoundError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


class Secrets:
    """Implements core's secret store."""

    def __init__(self, session: AwsSession) -> None:
        self._client: SecretsManagerClient = session.client("secretsmanager")

    def read(self, arn: str) -> str:
        """Return the current value. Raises NotFoundError."""
        try:
            return self._client.get_secret_value(SecretId=arn)["SecretString"]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise NotFoundError(
                    f"the secret {arn} does not exist or has no value", hint="aws secretsmanager list-secrets"
                ) from error
            raise

    def write(self, arn: str, text: str) -> None:
        """Make `text` the current value."""
        self._client.put_secret_value(SecretId=arn, SecretString=text)
