"""The template of the small stack that the tests of the local environment deploy."""

import json
from typing import Any

ACCESS_LOG_FORMAT = json.dumps(
    {
        "requestId": "$context.requestId",
        "status": "$context.status",
        "sourceIp": "$context.identity.sourceIp",
        "path": "$context.path",
        "resource": "$context.resourcePath",
        "userAgent": "$context.identity.userAgent",
        "integrationLatency": "$context.integrationLatency",
        "xrayTraceId": "$context.xrayTraceId",
        "waf": "$context.waf.status",
    }
)


def template() -> dict[str, Any]:
    """Return the template: API, table with stream, queues, alarm, topic, key, secret, web ACL."""
    return {
        "Parameters": {
            "Reserved": {"Type": "Number", "Default": 20},
            "Ttl": {"Type": "String", "Default": "expiresAt"},
        },
        "Resources": {**_storage(), **_functions(), **_api(), **_queues()},
        "Outputs": {
            name: {"Value": value}
            for name, value in {
                "Secret": {"Ref": "Secret"},
                "Table": {"Ref": "Table"},
                "Topic": {"Ref": "Topic"},
                "Key": {"Fn::GetAtt": ["Key", "Arn"]},
                "Queue": {"Ref": "Queue"},
                "DeadLetters": {"Ref": "DeadLetters"},
                "Acl": {"Fn::GetAtt": ["Acl", "Arn"]},
                "Api": {"Ref": "Rest"},
            }.items()
        },
    }


def _storage() -> dict[str, Any]:
    return {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}}},
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "Name": "shape/secret",
                "GenerateSecretString": {
                    "SecretStringTemplate": '{"keys": []}',
                    "GenerateStringKey": "filler",
                    "ExcludePunctuation": True,
                    "ExcludeNumbers": True,
                    "PasswordLength": 40,
                },
            },
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "shape",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
                "TimeToLiveSpecification": {"AttributeName": {"Ref": "Ttl"}, "Enabled": True},
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "SSESpecification": {
                    "SSEEnabled": True,
                    "SSEType": "KMS",
                    "KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
                },
            },
        },
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": "shape", "KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}},
        },
    }


def _function(name: str, *, timeout: int = 5, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": f"shape-{name}",
            "Runtime": "python3.12",
            "Handler": f"shape.{name}",
            "Timeout": timeout,
            "Code": {"S3Bucket": "shape", "S3Key": "code.zip"},
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            **properties,
        },
    }


def _functions() -> dict[str, Any]:
    environment = {"Variables": {"TABLE": {"Ref": "Table"}, "QUEUE": {"Ref": "Queue"}}}
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}},
        "Api": _function("api", timeout=40, Environment=environment, ReservedConcurrentExecutions={"Ref": "Reserved"}),
        "Worker": _function("work"),
        "Audit": _function("audit"),
        "FromQueue": _source({"Fn::GetAtt": ["Queue", "Arn"]}, "Worker"),
        "FromStream": _source({"Fn::GetAtt": ["Table", "StreamArn"]}, "Audit", StartingPosition="TRIM_HORIZON"),
    }


def _source(arn: dict[str, Any], function: str, **properties: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "FunctionName": {"Ref": function},
            "EventSourceArn": arn,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            **properties,
        },
    }


def _api() -> dict[str, Any]:
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Api.Arn}/invocations"}
    stage_arn = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}::/restapis/${Rest}/stages/prod"}
    return {
        "Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "shape", "BinaryMediaTypes": ["*/*"]}},
        "Path": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": {"Ref": "Rest"},
                "ParentId": {"Fn::GetAtt": ["Rest", "RootResourceId"]},
                "PathPart": "{provider}",
            },
        },
        "Post": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": {"Ref": "Rest"},
                "ResourceId": {"Ref": "Path"},
                "HttpMethod": "POST",
                "AuthorizationType": "NONE",
                "Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri},
            },
        },
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": "Post",
            "Properties": {"RestApiId": {"Ref": "Rest"}},
        },
        "AccessLog": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "shape/access"}},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": {"Ref": "Rest"},
                "DeploymentId": {"Ref": "Deployment"},
                "StageName": "prod",
                "TracingEnabled": True,
                "AccessLogSetting": {
                    "DestinationArn": {"Fn::GetAtt": ["AccessLog", "Arn"]},
                    "Format": ACCESS_LOG_FORMAT,
                },
            },
        },
        "Acl": {
            "Type": "AWS::WAFv2::WebACL",
            "Properties": {
                "Name": "shape",
                "Scope": "REGIONAL",
                "DefaultAction": {"Allow": {}},
                "VisibilityConfig": {
                    "CloudWatchMetricsEnabled": True,
                    "MetricName": "shape",
                    "SampledRequestsEnabled": True,
                },
                "Rules": [],
            },
        },
        "Association": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "DependsOn": "Stage",
            "Properties": {"ResourceArn": stage_arn, "WebACLArn": {"Fn::GetAtt": ["Acl", "Arn"]}},
        },
    }


def _queues() -> dict[str, Any]:
    return {
        "DeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "shape-dead"}},
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": "shape",
                "VisibilityTimeout": 1,
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]},
                    "maxReceiveCount": 2,
                },
            },
        },
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": "shape-dead-letters",
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Dimensions": [{"Name": "QueueName", "Value": "shape-dead"}],
                "Statistic": "Maximum",
                "Period": 10,
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": [{"Ref": "Topic"}],
                "OKActions": [{"Ref": "Topic"}],
            },
        },
    }
