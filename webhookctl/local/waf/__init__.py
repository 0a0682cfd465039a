"""AWS WAF at the front door."""
