"""IAM evaluation on the local environment: off unless WEBHOOKCTL_LOCAL_IAM=1 is set when it starts.

The engine then gives every function the credentials of its role and refuses what the role's policies do not allow.
It does not evaluate what the services do on a function's behalf: the pollers of queue and stream, KMS, log delivery.
The operator's dummy key stays all-powerful. It is a test of the policies, not a security boundary.
"""

import os
from typing import Any, Final

SWITCH: Final = "WEBHOOKCTL_LOCAL_IAM"


def variables() -> dict[str, str]:
    """Return the engine's variables that turn the evaluation on, where the operator's shell asks for it."""
    return {"AUTH": "true"} if os.environ.get(SWITCH) == "1" else {}


def trust_loopback() -> None:
    """Treat loopback as TLS: policies refuse plain HTTP, and nothing leaves this machine."""
    from ministack.core import iam_evaluator

    resolve = iam_evaluator._resolve_condition_key

    def resolve_as_tls(key: str, context: Any) -> Any:  # noqa: ANN401 - an untyped module
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = resolve_as_tls
