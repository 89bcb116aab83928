"""Other people's formats: pure writers and readers of what officers' other tools speak."""

from dragoman.text import TextError


class NotUnderstood(TextError):
    """What came in is nothing that can be taken in here; says why, and what to do."""
