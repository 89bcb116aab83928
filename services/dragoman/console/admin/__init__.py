"""Pages of a channel's administration."""
