"""The append-only log of a channel: the port, its memory and JetStream implementations, and the supervised broker."""
