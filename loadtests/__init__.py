"""Locust scenarios and the verdicts on them."""
