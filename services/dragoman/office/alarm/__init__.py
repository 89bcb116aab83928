"""Alarm: the board, the takeover of a page, the wall display and the drill."""
