"""Log events of webhooks, mails and their endpoints."""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "courier.bringing": LogEvent(
        "The notifier has started, with `channels` channels.",
    ),
    "courier.not_fresh": LogEvent(
        "The notifier cannot read the endpoints, because the broker is away. Nothing is sent "
        "meanwhile.",
        "Check the broker.",
    ),
    "courier.not_kept": LogEvent(
        "A delivery was tried, and its result cannot be stored yet. The notifier waits, so that "
        "nothing is sent twice.",
        "Check the broker.",
    ),
    "courier.not_reached": LogEvent(
        "Nobody answered at an endpoint. `reason` has the details, which its side does not see.",
        "Nothing at first: it is tried again. If it lasts, see whether this machine may reach the "
        "address.",
    ),
    "courier.noticed": LogEvent(
        "A notice about a side's own watch was sent to an endpoint. `ok` says if it was accepted.",
        "With `ok` false call that office: nobody watches there, and the notice did not arrive.",
    ),
    "courier.outcome_not_recorded": LogEvent(
        "The result of a delivery could not be recorded in its channel. With `again` true it is "
        "tried later.",
    ),
    "courier.parked": LogEvent(
        "An endpoint did not accept a record, and its last try is over. Nothing more is sent of "
        "that record.",
        "`dragoman webhook show ID` has the answer. Call `dragoman webhook resend` once its "
        "receiver is fixed.",
    ),
    "courier.put_off": LogEvent(
        "The deliveries to an endpoint wait, because the broker or the channel's log is not ready.",
        "Check the broker, if it lasts.",
    ),
    "courier.taken_over": LogEvent(
        "Another notifier serves this endpoint from now on.",
        "Nothing, if you run several notifiers. Else find out where the other one runs.",
    ),
    "courier.tried": LogEvent(
        "A record was sent to an endpoint. `ok` says if it was accepted, and `answered` what the "
        "receiver said.",
        "Nothing. A failed delivery is tried again, and `courier.parked` ends the tries.",
    ),
    "endpoint.added": LogEvent(
        "An officer added an endpoint for a side. `means` is webhook or e-mail.",
    ),
    "endpoint.removed": LogEvent(
        "An officer removed an endpoint. Nothing more is sent there.",
    ),
    "endpoint.resent": LogEvent(
        "An officer asked to send a record to an endpoint again.",
    ),
}
