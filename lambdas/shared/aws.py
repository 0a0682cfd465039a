"""The only module of the Lambdas that imports boto3."""
