"""Shapes of the dialogue family."""
