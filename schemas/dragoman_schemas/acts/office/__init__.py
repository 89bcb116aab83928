"""Shapes of a channel's own families: keys, officers, watches, internal tasks."""
