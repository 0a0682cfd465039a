"""Traces: found, read whole, drawn."""
