"""Dragoman: the message service of a liaison office, with one shared record that every side can replay and prove.

Time zones are those of the packaged `tzdata`, and never the machine's: limits are
counted in the working days of offices, and two hosts with different zones would call
each other's records void.
"""

import zoneinfo

__version__ = "0.1.0"

zoneinfo.reset_tzpath(to=())
