"""The tally that is kept of a channel's newest state."""

from threading import Lock

from dragoman.domain.views.tally import Tally


class KeptTally:
    """One channel's tally, with the position and the terms of deadlines that it is of.

    A thread that brings it up to date has its lock. See `queries/tallies.py`.
    """

    __slots__ = ("lock", "position", "tally", "terms")

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.lock = Lock()
        self.tally: Tally | None = None
        self.position = 0
        self.terms: object = None
