"""Shapes of the contact family."""
