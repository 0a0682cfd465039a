"""The catalogue of sample events."""
