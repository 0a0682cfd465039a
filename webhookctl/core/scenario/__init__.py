"""Sequences of events that belong together."""
