"""Table stream in, tamper-evident audit lines out."""
