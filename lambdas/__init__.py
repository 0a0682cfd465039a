"""What runs in AWS: receiver, processor and audit logger, shipped as one asset."""
