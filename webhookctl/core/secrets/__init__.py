"""The providers' keys: read, seeded, rotated."""
