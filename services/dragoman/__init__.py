"""Dragoman: the message service of a liaison office, with one shared record.

Every side can replay the record and prove it.

Time zones come from the packaged `tzdata`, never from the machine. Limits are counted
in the working days of offices, and two hosts with different zones would call each
other's records void.
"""

import zoneinfo

__version__ = "0.1.0"

zoneinfo.reset_tzpath(to=())
