"""Shapes of the families of a channel itself: its keys, officers, watches and internal tasks."""
