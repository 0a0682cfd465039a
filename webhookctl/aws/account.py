"""STS: which account the credentials belong to."""

import getpass

from webhookctl.aws.session import AwsSession
from webhookctl.core.audit.operator_lines import Operator
from webhookctl.core.guard import Identity


def identity(session: AwsSession) -> Identity:
    """Return the account and the principal behind the session's credentials."""
    answer = session.client("sts").get_caller_identity()
    return Identity(account=str(answer["Account"]), arn=str(answer["Arn"]), region=session.region)


def operator(principal: str) -> Operator:
    """Return who acts: the principal, and the account's name on this machine."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        user = "unknown"
    return Operator(principal=principal, user=user)
