"""AWS X-Ray: the daemon, the API, and the segments that AWS services write."""
