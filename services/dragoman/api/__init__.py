"""The HTTP API: routes, descriptions, authentication and live streams."""
