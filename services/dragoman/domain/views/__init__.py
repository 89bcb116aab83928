"""Values that follow from the state and are never stored, pure."""
