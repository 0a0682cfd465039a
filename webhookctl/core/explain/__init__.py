"""Why a captured request verifies or does not."""
