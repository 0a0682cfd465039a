"""Stored webhooks, and the payments that they tell of."""
