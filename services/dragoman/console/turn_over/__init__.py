"""The turn-over of a watch, point by point: its page, and its lines on the board."""
