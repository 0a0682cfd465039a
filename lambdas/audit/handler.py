"""Stream batch in, audit lines out."""
