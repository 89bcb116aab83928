"""Log events of the broker and of the connection to it."""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "access.fresh": LogEvent(
        "Tokens are read again. Those that were issued or revoked elsewhere are known here now.",
    ),
    "access.not_fresh": LogEvent(
        "The broker does not say which tokens were issued or revoked elsewhere. Known tokens stay "
        "valid, also one that was revoked elsewhere.",
        "Check the broker. `access.fresh` says that it is over.",
    ),
    "append.copy_forgotten": LogEvent(
        "A leader of the cluster says that an earlier copy of a record is on its way, and has "
        "forgotten it. The service publishes it under another message id, and it is stored once.",
    ),
    "broker.awaited": LogEvent(
        "The service waits for the broker, which does not answer or has no leader yet. At most "
        "one line in ten seconds, and `left_out` counts the others.",
        "Start the broker, or see why it elects no leader. The service goes on by itself.",
        ("left_out",),
    ),
    "broker.died": LogEvent(
        "The embedded broker ended with the exit code `code`. It is started again.",
        "Nothing, if it is rare. Else read `nats/nats.log` in the data directory.",
    ),
    "broker.guard": LogEvent(
        "The proof that the broker syncs every write was gained (info) or lost (error). Without "
        "it nothing is recorded.",
        "If it was lost, `reason` says why: the broker's settings, its clock, its version, or "
        "silence.",
    ),
    "broker.not_listed": LogEvent(
        "The broker does not permit the list of streams. Each stream is asked for itself, which "
        "costs more.",
        "Copy the users' permissions from `deploy/nats/`, and reload the broker's configuration.",
    ),
    "broker.not_started": LogEvent(
        "The embedded broker could not be started again. It is tried again after a longer wait.",
        "Read `error` and `nats/nats.log`. Mostly its disk is full or its store damaged.",
    ),
    "broker.restarts_with_room": LogEvent(
        "The disk of the embedded broker was full, and has room again: `free_bytes`. The broker is "
        "restarted, because it writes no more to a log that it once could not write.",
        "Nothing: `broker.died` and `broker.started` follow. Find what filled the disk.",
    ),
    "broker.restoring": LogEvent(
        "The broker reads a large store before it listens.",
        "Wait: it takes seconds per million records. If its memory grows without end, stop it and "
        "put a copy of the store back.",
    ),
    "broker.started": LogEvent(
        "The embedded broker runs as process `pid`, and listens at `url`.",
    ),
    "bucket.value_not_read": LogEvent(
        "A value beside the logs is not JSON, or is nested too deep. No gateway has written it. "
        "It counts as deleted.",
        "Find out who else writes to the broker, and delete the value.",
    ),
    "erasing.put_off": LogEvent(
        "An erasure that was begun cannot be finished while the broker is away. It is tried again.",
    ),
    "mark.not_kept": LogEvent(
        "A mark of a log could not be written: how far the log had come, or what it meant (`.fold`). It "
        "is tried again, and said once.",
        "Make room, or let this user write there. What was acknowledged is in the broker's log.",
    ),
    "nats.disconnected": LogEvent(
        "The connection to the broker broke. The service connects again by itself.",
        "Check the broker, unless `nats.reconnected` follows.",
    ),
    "nats.error": LogEvent(
        "The broker refused something, or cannot be reached. `user` is the broker's user. At most "
        "one line in ten seconds, and `left_out` counts the others.",
        "For `Authorization Violation` enter the user's public key in the broker's configuration "
        "(`dragoman keys broker`), and reload it. Else check the broker.",
        ("left_out",),
    ),
    "nats.not_answered": LogEvent(
        "A request of another process was carried out, and the answer to it could not be sent. "
        "The asker sees an unknown outcome.",
        "Check the broker.",
    ),
    "nats.reconnected": LogEvent(
        "The connection to the broker is up again.",
    ),
    "tail.failed": LogEvent(
        "The task that wakes the readers of all logs met a fault of the program. It goes on "
        "after a moment.",
        "Nothing, unless it repeats itself. Then keep the traceback, and report it.",
    ),
    "tail.waits": LogEvent(
        "The task that wakes the readers of all logs waits for the broker.",
    ),
}
