"""Log events of deadlines, line checks and watches."""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "clock.not_recorded": LogEvent(
        "A reminder or a lapse was not recorded: the deadline was met in the same moment, or the "
        "log cannot be reached. It is tried again if it is still due.",
    ),
    "clock.recorded": LogEvent(
        "The scheduler has recorded a reminder, a lapse or a notice. `clock` is the deadline, and "
        "`side` owes it.",
        "Nothing. The exchange shows what is owed.",
    ),
    "console.not_kept": LogEvent(
        "The sign of life of an open page could not be stored. The page sends the next one after "
        "some seconds.",
        "Check the broker, if it lasts.",
    ),
    "line.checked": LogEvent(
        "The scheduler has sent a line check by the schedule of the sides.",
    ),
    "line.not_checked": LogEvent(
        "A line check that was due could not be sent. The scheduler tries again.",
        "Read the lines about the broker and the channel before this one.",
    ),
    "opened.not_kept": LogEvent(
        "It could not be stored that a side opened a flash. Another gateway may remind the side "
        "once too often.",
    ),
    "watch.keeping": LogEvent(
        "The scheduler has started, with `channels` channels.",
    ),
    "watch.loaded": LogEvent(
        "The scheduler has loaded the open deadlines of a channel. `clocks` is their number.",
    ),
    "watch.nobody_there": LogEvent(
        "A side has the watch, and no page of it can ring (`unarmed`), or its officer does not "
        "answer (`no_answer`). The notifier tells the person that `step` names.",
        "Call that office, if several lines follow. See whether browsers reach the gateway, if "
        "many sides are named.",
    ),
    "watch.not_kept": LogEvent(
        "The deadlines of a channel could not be looked at, because its log is late or "
        "read-only. They are tried again.",
        "See `log.broken` and the lines about the broker.",
    ),
    "watch.not_reckoned": LogEvent(
        "A deadline of one exchange cannot be computed, because a time in it is not possible. The "
        "other exchanges go on.",
        "Find out who wrote that record past the gateways. Keep the traceback, and report it.",
    ),
    "watchkeeping.failed": LogEvent(
        "The monitor of the watches met a fault of the program. It goes on after a moment.",
        "Keep the traceback, and report it.",
    ),
    "watchkeeping.put_off": LogEvent(
        "The watches could not be looked at while the broker is away.",
        "Check the broker. Nobody is notified of an unmanned watch meanwhile.",
    ),
}
