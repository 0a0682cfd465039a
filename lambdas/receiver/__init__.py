"""API Gateway request in, stored and queued webhook out."""
