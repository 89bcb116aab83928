"""Pages that officers read."""
