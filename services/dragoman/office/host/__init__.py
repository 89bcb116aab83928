"""The host: its channels, tokens and health."""
