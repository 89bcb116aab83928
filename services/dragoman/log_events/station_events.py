"""Log events of a station: its lines, its copies and its outbox."""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "station.answer_contradicted": LogEvent(
        "The host said that it recorded an act at a position, and its log has something else "
        "there. Its answer is kept in the file that `evidence` names. Nothing is sent any more.",
    ),
    "station.copy_in_doubt": LogEvent(
        "The copy of a channel cannot be read or written. It is tried again by itself.",
    ),
    "station.duty_refused": LogEvent(
        "A line check or the report of an outage was refused. `reason` says why.",
        "Nothing, unless it repeats. Then see that the station is in office.",
    ),
    "station.file_awaited": LogEvent(
        "A file that a record names did not come from the host, or not whole. It is fetched again.",
        "Nothing, unless it repeats. Then ask the host's operator for that file.",
    ),
    "station.head_not_proven": LogEvent(
        "The host did not prove that its signed head continues the copy here. Nothing is taken. It "
        "is asked again.",
        "Ask the host's operator, if it lasts: a tile of its tree is missing or wrong.",
    ),
    "station.host_convicted": LogEvent(
        "The host has signed two heads that contradict each other. `reason` names the evidence. "
        "Nothing more is taken from it or sent to it.",
    ),
    "station.line_lost": LogEvent(
        "The stream of a channel broke. The station connects again by itself.",
        "Look at the line to the host, if it lasts: `dragoman doctor` says since when.",
    ),
    "station.not_cosigned": LogEvent(
        "The cosignature of a head could not be handed in. It is tried again.",
    ),
    "station.not_taken": LogEvent(
        "The host did not take what the station handed in, and said nothing of the act itself. It "
        "is tried again.",
        "See what the host says in `reason`.",
    ),
    "station.outbox_held": LogEvent(
        "The data of the station were moved, copied or restored. The acts that were on their way "
        "are held. `acts` is their number.",
        "Have their officers open the page Outbox, and send or withdraw each act.",
    ),
    "station.outbox_waits": LogEvent(
        "An entry of the outbox could not be written. It stays as it was.",
        "Check this station's broker and its disk.",
    ),
    "station.own_act_dropped": LogEvent(
        "A delivery, a line check or the report of an outage by the station itself was refused or "
        "came too late. It is not sent again.",
        "Nothing. The next one says what it said.",
    ),
    "station.own_voice": LogEvent(
        "A record in this side's name came that this station did not send: an officer posted at "
        "the host, somebody else has a key, or the host writes in the side's name.",
    ),
    "station.parcel_refused": LogEvent(
        "A parcel of another station cannot be opened, or has an entry of another side. No receipt "
        "is signed.",
        "Tell the operator of that station. It stays at the host until then.",
    ),
    "station.parcels_wait": LogEvent(
        "Parcels could not be sent or fetched. It is tried again.",
    ),
    "station.refused": LogEvent(
        "The host refuses this station its log. It is asked again by itself.",
    ),
    "station.send_failed": LogEvent(
        "Sending an entry of the outbox failed unexpectedly. It is tried again.",
        "Report it with the lines around it.",
    ),
}
