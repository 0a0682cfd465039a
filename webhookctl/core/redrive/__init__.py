"""Dead letters back to the processing queue: judged, journalled, moved, followed."""
