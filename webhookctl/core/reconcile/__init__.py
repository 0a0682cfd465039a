"""What is missing: webhooks that are stuck here, and events that only the provider has."""
