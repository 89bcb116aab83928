"""The meaning of each event in the logs, for the page docs/log-events.md.

    "nats.disconnected": LogEvent(
        "The connection to the broker broke. The service connects again by itself.",
        "Check the broker, unless `nats.reconnected` follows.",
    )

A test compares these tables with the calls in the code, both ways: an event that is
written has an entry, and an entry has an event that is written.
"""

from typing import Final, NamedTuple

from dragoman.log_events import (
    access_events,
    broker_events,
    channel_events,
    delivery_events,
    duty_events,
    roster_events,
    running_events,
    signing_events,
    station_events,
)
from dragoman.log_events.entry import LogEvent


class EventSection(NamedTuple):
    """A section of the page: its title, and its events by name."""

    title: str
    events: dict[str, LogEvent]


SECTIONS: Final = (
    EventSection("Starting, running and stopping", running_events.EVENTS),
    EventSection("The broker", broker_events.EVENTS),
    EventSection("Channels and the gateway's copy", channel_events.EVENTS),
    EventSection("Deadlines and watches", duty_events.EVENTS),
    EventSection("Deliveries", delivery_events.EVENTS),
    EventSection("Duty rosters", roster_events.EVENTS),
    EventSection("A station and its lines", station_events.EVENTS),
    EventSection("Signing, keys and witnesses", signing_events.EVENTS),
    EventSection("Tokens, people, files and sign-ins", access_events.EVENTS),
)
