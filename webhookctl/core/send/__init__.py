"""Test webhooks: composed, signed, sent, followed."""
