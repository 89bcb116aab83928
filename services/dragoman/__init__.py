"""Dragoman: the message service of a liaison office, with one shared record that every side can replay and prove."""

__version__ = "0.1.0"
