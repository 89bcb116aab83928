"""Log events of duty rosters.

No line names an officer of a shift, or the address of a calendar.
"""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "roster.not_reached": LogEvent(
        "The server of a subscribed calendar could not be reached. `reason` is the kind of error. "
        "The last good copy stays, for three days.",
        "See whether this machine may reach the address, if several rosters are named.",
    ),
    "roster.not_read": LogEvent(
        "A calendar of a side's roster could not be read. The side sees why, on the page of its "
        "roster. The last good copy stays, for three days.",
        "Nothing. The side corrects its calendar.",
    ),
    "roster.officer_erased": LogEvent(
        "A side has erased an officer from its roster.",
    ),
    "roster.put": LogEvent(
        "A side has put a calendar as its roster, with so many `events` and `shifts`.",
    ),
    "roster.put_off": LogEvent(
        "The calendars of rosters are not read, because the broker is away. They are read later.",
        "Check the broker.",
    ),
    "roster.removed": LogEvent(
        "A side has removed its roster.",
    ),
    "roster.subscribed": LogEvent(
        "A side has a calendar at an address read as its roster.",
    ),
}
