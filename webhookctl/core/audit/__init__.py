"""The audit log: read, shown, exported, and proven."""
