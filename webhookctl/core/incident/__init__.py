"""What a post-mortem needs, in one folder."""
