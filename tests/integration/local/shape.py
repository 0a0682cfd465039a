"""A small stack of the product's shape, with Lambdas of a few lines, for tests of the local environment itself."""

import io
import json
import time
import zipfile
from typing import Any

import boto3

from tests.integration.local.shape_template import template
from webhookctl.local.state import LocalEnvironment, client_variables

STACK = "Shape"
CODE = """
import base64, json, os, time
import boto3

def api(event, context):
    body = event.get("body") or ""
    raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    do = event["headers"].get("x-do", "")
    print(json.dumps({"do": do, "bytes": len(raw)}))
    if do == "crash":
        raise RuntimeError("a secret detail")
    if do.startswith("sleep"):
        time.sleep(float(do[5:]))
    if do.startswith("store"):
        time.sleep(0.3)
        boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(Item={"id": do[5:]})
    if do.startswith("send"):
        boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=do[4:])
    answer = {
        "path": event["path"],
        "query": event.get("multiValueQueryStringParameters"),
        "headers": event["headers"],
        "ip": event["requestContext"]["identity"]["sourceIp"],
        "body": base64.b64encode(raw).decode(),
        "environment": sorted(os.environ),
        "daemon": os.environ.get("AWS_XRAY_DAEMON_ADDRESS"),
    }
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(answer)}

def work(event, context):
    failures = [r["messageId"] for r in event["Records"] if "bad" in r["body"]]
    print(json.dumps({"failures": len(failures)}))
    return {"batchItemFailures": [{"itemIdentifier": i} for i in failures]}

def audit(event, context):
    for record in event["Records"]:
        print(json.dumps({"audited": record["dynamodb"]["Keys"]["id"]["S"]}))
    return {"batchItemFailures": []}
"""


def client(environment: LocalEnvironment, service: str) -> Any:
    """Return a boto3 client of the local environment."""
    variables = client_variables(environment)
    make: Any = boto3.client  # typed for literal names only
    return make(
        service,
        endpoint_url=variables.get(f"AWS_ENDPOINT_URL_{service.upper()}", environment.endpoint_url),
        region_name=environment.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def deploy(environment: LocalEnvironment, **parameters: str) -> dict[str, str]:
    """Create or update the stack and return its outputs."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("shape.py", CODE)
    s3, cloudformation = client(environment, "s3"), client(environment, "cloudformation")
    s3.create_bucket(Bucket="shape")
    s3.put_object(Bucket="shape", Key="code.zip", Body=archive.getvalue())
    names = {stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]}
    act, finished = (
        (cloudformation.update_stack, "UPDATE_COMPLETE")
        if STACK in names
        else (cloudformation.create_stack, "CREATE_COMPLETE")
    )
    act(
        StackName=STACK,
        TemplateBody=json.dumps(template()),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    return _outputs(cloudformation, finished)


def outputs(environment: LocalEnvironment) -> dict[str, str]:
    """Return the outputs of the stack as it is now: a test may have made it anew."""
    found = client(environment, "cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in found}


def _outputs(cloudformation: Any, finished: str) -> dict[str, str]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] == finished:
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if "FAILED" in stack["StackStatus"] or "ROLLBACK" in stack["StackStatus"]:
            events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
            raise AssertionError([event.get("ResourceStatusReason") for event in events])
        time.sleep(0.1)
    raise AssertionError("the stack was not ready in time")
