"""The pure rules of a channel: records, legal acts, and the state of the log."""
