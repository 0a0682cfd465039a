"""The one door to boto3: where calls go, and what an operator is told when they fail."""

import pytest
from botocore import exceptions as aws_errors
from botocore.exceptions import ClientError

from webhookctl.aws.session import AwsError, AwsSession, error_code, translated
from webhookctl.errors import ConfigError


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide what this machine may have of AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def answer(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}}, "PutItem")


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        (answer("ExpiredToken"), "AWS refuses the credentials (ExpiredToken): because", "aws sso login"),
        (answer("AccessDeniedException"), "not allowed: PutItem: because", "docs/aws.md"),
        (aws_errors.NoCredentialsError(), "no usable AWS credentials", "--env local needs none"),
        (aws_errors.InvalidRegionError(region_name="us east"), "'us east' doesn't match", "config show"),
        (aws_errors.ProfileNotFound(profile="nope"), "The config profile (nope) could not be found", "config show"),
        (aws_errors.EndpointConnectionError(endpoint_url="http://x"), "AWS can't be reached", "endpoint URL"),
    ],
)
def test_trouble_with_access_is_a_matter_of_configuration(error: Exception, words: str, hint: str) -> None:
    """Exit 4, in one sentence, with what to do."""
    found = translated(error)
    assert isinstance(found, ConfigError)
    assert words in found.message
    assert hint in (found.hint or "")


def test_any_other_answer_keeps_its_operation_and_code() -> None:
    """Exit 1: nothing that a command expects."""
    found = translated(answer("ValidationException"))
    assert isinstance(found, AwsError)
    assert found.message == "PutItem failed (ValidationException): because"
    assert error_code(answer("AWS.SimpleQueueService.NonExistentQueue")) == "NonExistentQueue"


def test_an_unknown_profile_is_told_at_once() -> None:
    """Before any call."""
    with pytest.raises(ConfigError, match="nope"):
        AwsSession(profile="nope")


def test_a_missing_credential_is_translated_where_it_is_missed() -> None:
    """An emulator takes any; AWS wants real ones."""
    with pytest.raises(ConfigError) as caught:
        AwsSession(endpoints={"": "http://127.0.0.1:9"}).client("sts").get_caller_identity()
    assert "AWS_ACCESS_KEY_ID=test" in (caught.value.hint or "")
    with pytest.raises(ConfigError) as caught:
        AwsSession().client("sts").get_caller_identity()
    assert "aws sso login" in (caught.value.hint or "")


def test_an_endpoint_that_does_not_answer_has_the_environments_hint() -> None:
    """The embedded environment says how to start it."""
    session = AwsSession(
        endpoints={"": "http://127.0.0.1:9"}, credentials=("a", "b"), unreachable_hint="webhookctl local up"
    )
    with pytest.raises(ConfigError, match=r"nothing answers at http://127\.0\.0\.1:9") as caught:
        session.client("sts").get_caller_identity()
    assert caught.value.hint == "webhookctl local up"


def test_another_client_gets_the_same_environment() -> None:
    """What the CDK CLI is started with: credentials, region, and each endpoint under its name."""
    endpoints = {"": "http://127.0.0.1:1", "xray": "http://127.0.0.1:2"}
    session = AwsSession(region="eu-west-1", endpoints=endpoints, credentials=("a", "b"))
    assert session.environment_variables() == {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_XRAY": "http://127.0.0.1:2",
    }
    assert session.endpoint("sqs") == "http://127.0.0.1:1"
    assert session.client("sqs") is session.client("sqs")
