"""Duty: the roster, the turn-over of a watch, and the reach of officers."""
