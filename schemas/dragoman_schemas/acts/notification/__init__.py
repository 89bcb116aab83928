"""Shapes of the notification family."""
