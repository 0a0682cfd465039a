"""The logic behind the commands: pure Python over ports, returning dataclasses."""
