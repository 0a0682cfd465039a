"""The embedded environment behind --env local."""
