"""Pages on which an officer writes, checks and sends an act."""
