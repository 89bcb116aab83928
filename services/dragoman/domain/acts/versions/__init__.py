"""Versions of the rules: what later ones change, and how the sides adopt them."""
