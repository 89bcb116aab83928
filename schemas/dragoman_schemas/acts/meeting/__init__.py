"""Shapes of the meeting family."""
