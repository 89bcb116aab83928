"""Log events of webhooks, mails and their endpoints."""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "courier.bringing": LogEvent(
        "The notifier has started, with `channels` channels.",
    ),
    "courier.cannot_unseal": LogEvent(
        "This notifier cannot read the secrets of an endpoint. It sends nothing there.",
        "Copy `keys/endpoints.seed` from the host whose notifier ran first, and start this one "
        "again. If no host has that file any more, ask its officer to add the endpoint again.",
    ),
    "courier.cost_limit": LogEvent(
        "The money of a side for a way is spent for this month, or that of all sides, so a message "
        "was held back. `limit` names the setting. Flashes may use the last fifth of the money.",
        "Raise that limit of the way in the settings, or wait for the next month.",
    ),
    "courier.held": LogEvent(
        "A message was held back: its officer has had 20 within an hour, or the money for its way "
        "is spent.",
        "Nothing. The officer had a summary, and the board says so.",
    ),
    "courier.no_message_library": LogEvent(
        "A message cannot be sent, because the library for it is not installed.",
        "Install the program with the extra `notify`.",
    ),
    "courier.no_unsealing_key": LogEvent(
        "This notifier has no key for the secrets of endpoints, or another one than the notifier "
        "that ran first on this host. It leaves such endpoints to other notifiers.",
        "Copy the named `file` from the first notifier's data directory, with mode 0600, and start "
        "this notifier again.",
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
    "courier.reach_tested": LogEvent(
        "A test was sent to an endpoint. `ok` says if its service accepted it.",
    ),
    "courier.reminded": LogEvent(
        "A reminder of a hand-over, or a warning of the roster, was sent to an officer. `ok` says if "
        "its service accepted it.",
    ),
    "courier.replaced": LogEvent(
        "A later notifier of the same name has started, so this one sends nothing more. Otherwise "
        "both would send every message. It happens if a machine was cloned with its data.",
        "Do what `do` says.",
    ),
    "courier.sender_ended": LogEvent(
        "A process that sends messages has ended. Both are started again with the next message.",
        "Nothing, unless it comes back. Then see the system's log for the reason.",
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
    "courier.way_unusable": LogEvent(
        "A way to reach people is set up wrongly, so a message was not sent.",
        "See `reason`, correct the setting or its file, and call `dragoman config check`.",
    ),
    "endpoint.added": LogEvent(
        "An officer added an endpoint for a side, or a way to reach the officer. `means` is webhook, "
        "e-mail or message.",
    ),
    "endpoint.ended": LogEvent(
        "An officer has left, so the address at which the officer was reached was deleted.",
    ),
    "endpoint.removed": LogEvent(
        "An officer removed an endpoint. Nothing more is sent there.",
    ),
    "endpoint.resent": LogEvent(
        "An officer asked to send a record to an endpoint again.",
    ),
    "reach.confirmed": LogEvent(
        "Somebody confirmed that a test of an endpoint has arrived.",
    ),
}
