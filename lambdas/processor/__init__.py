"""Queued webhook in, processed payment event out."""
