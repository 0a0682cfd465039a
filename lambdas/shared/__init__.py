"""The domain, the providers and the AWS edge that the three functions share."""
