"""The dead-letter queue: what is in it, why, and at what stake."""
