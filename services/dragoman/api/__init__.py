"""The HTTP API: routes, their description, authentication and live streams."""
