"""Pages of the host's operator."""
