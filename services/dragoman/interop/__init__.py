"""Readers and writers of the formats of officers' other tools, without side effects."""

from dragoman.text import TextError


class NotUnderstood(TextError):
    """A document that cannot be taken in; the message says why, and what to do."""
