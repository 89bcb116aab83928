"""The page of the duty roster, and its lines on the board."""
