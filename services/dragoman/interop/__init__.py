"""Other people's formats: pure writers and readers of what officers' other tools speak."""

from dragoman.text import Spoken


class NotUnderstood(Spoken):
    """What came in is nothing that can be taken in here; says why, and what to do."""
