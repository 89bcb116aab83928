"""What is shared but is not the truth: tokens and sessions, and the keys that a host keeps for a trial."""
