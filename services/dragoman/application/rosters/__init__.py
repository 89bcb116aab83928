"""Duty rosters: their reading, their changes, and the views of them."""
