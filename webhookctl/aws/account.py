"""STS: which account the credentials belong to."""

from webhookctl.aws.session import AwsSession
from webhookctl.core.guard import Identity


def identity(session: AwsSession) -> Identity:
    """Return the account and the principal behind the session's credentials."""
    answer = session.client("sts").get_caller_identity()
    return Identity(account=str(answer["Account"]), arn=str(answer["Arn"]), region=session.region)
