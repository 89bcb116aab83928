"""Pages about how an officer is reached away from the pages."""
