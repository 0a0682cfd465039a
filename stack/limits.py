"""The numbers that the stack, the local environment, the CLI and the load tests share. Plain data, no CDK."""

WAF_RATE_LIMIT = 600
"""Requests that one address may send in a window before AWS WAF blocks it."""
WAF_WINDOW_S = 60
"""AWS WAF's evaluation window. 600 in 60 s is the 10 requests a second of the product."""
WAF_CHECK_INTERVAL_S = 10
"""AWS WAF looks at the rate about this often (AWS WAF developer guide, rate-based rule caveats)."""

STAGE_RATE_LIMIT = 1000
STAGE_BURST_LIMIT = 1000

MAX_BODY_BYTES = 256 * 1024
"""The receiver answers 413 above this; the largest genuine webhook is a tenth of it."""
GATEWAY_MAX_BODY_BYTES = 10 * 1024 * 1024
"""API Gateway's own cap."""

RECEIVER_TIMEOUT_S = 9
PROCESSOR_TIMEOUT_S = 30
AUDIT_TIMEOUT_S = 60

MEMORY_MB = {"receiver": 512, "processor": 512, "audit": 256}

QUEUE_VISIBILITY_S = 6 * PROCESSOR_TIMEOUT_S
QUEUE_RETENTION_S = 4 * 24 * 3600
DLQ_RETENTION_S = 14 * 24 * 3600
MAX_RECEIVE_COUNT = 5
QUEUE_BATCH_SIZE = 10
QUEUE_POLLERS = 5
"""Lambda reads a queue with five pollers, each with a batch of its own; without a bound (`maximum_concurrency`) it may
go down to two on a quiet queue (AWS Lambda developer guide, "Configuring scaling behavior for SQS")."""
STREAM_BATCH_SIZE = 100
