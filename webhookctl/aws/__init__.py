"""The ports of core implemented on AWS, one module per service."""
