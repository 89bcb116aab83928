"""The gateway: the HTTP API and the pages of a liaison office."""
