"""Log events of a process: its start, its tasks, its connections and its end."""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "admin.listening": LogEvent(
        "The operator's own address is open, with its probes and metrics. `url` is where.",
    ),
    "admin.not_listening": LogEvent(
        "Another process has the usual port of the operator's address. The service goes on "
        "without probes and metrics.",
        "Name another port as `[admin] port`, or 0 for none.",
    ),
    "certificate.not_taken": LogEvent(
        "A certificate or its key has changed, and the new pair cannot be used. The old pair "
        "stays in use. It is that of the gateway's address, or that for the broker.",
        "See that certificate and key belong together, and that this user may read both.",
    ),
    "certificate.taken": LogEvent(
        "The gateway uses the new certificate and key for new connections.",
    ),
    "connection.failed": LogEvent(
        "An error outside the application ended a connection. Other connections go on.",
        "Nothing, if it is rare. Else keep the lines, and report them.",
    ),
    "connection.not_made": LogEvent(
        "A client left before its connection was made, or spoke no TLS on the port for TLS.",
        "Nothing, unless one of your own clients is refused: then check its address and scheme.",
    ),
    "connections.full": LogEvent(
        "Connections are refused: of the whole `process`, or of one `address`. One line a minute "
        "counts the refused ones.",
        "See who holds them. Raise `ulimit -n`, or `[budgets] connections` for an office behind "
        "one address.",
        ("address", "reason"),
    ),
    "data.closed_to_others": LogEvent(
        "Other users of the machine could read the data directory. The service took that right "
        "away.",
        "See who could read it until now: keys and messages are in it.",
    ),
    "data.open_to_others": LogEvent(
        "Other users of the machine can read the data directory, and the service may not change "
        "that.",
        "As the owner of the directory, call `chmod 700` on it.",
    ),
    "gateway.listening": LogEvent(
        "The gateway answers requests at `url`.",
    ),
    "gateway.without_tls": LogEvent(
        "The gateway is reachable from other machines, and is not encrypted. Tokens cross the "
        "network in clear.",
        "Name `[http] certificate` and `key`, or put a proxy with TLS before it and set "
        "`public_url`.",
    ),
    "log.lines_lost": LogEvent(
        "`lines` lines could not be written, mostly because the disk of the log was full. This "
        "line is the first one after the gap; the line before it may be cut off.",
        "Make room where the log is written. Records are not affected.",
    ),
    "loop.held": LogEvent(
        "One piece of work held up all others for `ms` milliseconds. `where` names its functions.",
        "Nothing, if it stays rare on a busy machine. Else keep the lines, and report them.",
    ),
    "metrics.heads_not_read": LogEvent(
        "The age of the newest signed head could not be measured. Its gauge keeps the last value.",
    ),
    "metrics.not_measured": LogEvent(
        "Some gauges could not be read in time. They are as old as the last reading.",
        "See to what `reason` names, mostly the broker.",
    ),
    "place.elsewhere": LogEvent(
        "The data directory was copied, moved or restored. The service is read-only, so that two "
        "copies do not write two histories.",
        "Stop the service that the data came from, for good. Then start here with `--take-over` "
        "([how](operating-back-up.md#moving-copying-and-restoring-a-data-directory)).",
    ),
    "place.no_id": LogEvent(
        "The id or the place of the data directory could not be read or written. The notifier goes "
        "on under a name that only this start has. After a restart it waits up to a minute for its "
        "endpoints.",
        "Make room, or let this user write in the data directory.",
    ),
    "place.not_taken_over": LogEvent(
        "`--take-over` has no effect yet: a witness does not answer, or knows a newer or another "
        "head.",
        "Do what `do` says. The service asks again each second.",
    ),
    "place.not_written": LogEvent(
        "`place.json` could not be written. The service goes on.",
        "Make room, or let this user write in the data directory.",
    ),
    "place.taken_over": LogEvent(
        "The data directory belongs to this place from now on. `confirmed_by` names the "
        "witnesses that agreed, or says that nobody did.",
        "If nobody confirmed, make sure that the other copy never starts again.",
    ),
    "request": LogEvent(
        "A request was answered. `path` has the names of the path's variables, not their values. "
        "A request that was refused has `error`, and one that posted an act has the last five.",
        "Group the lines with `status` 500 and above by `error`. The lines of one request share "
        "`request_id`.",
        (
            "method",
            "path",
            "status",
            "ms",
            "actor",
            "token_id",
            "channel",
            "error",
            "address",
            "act",
            "exchange",
            "position",
            "number",
            "replayed",
        ),
    ),
    "request.failed": LogEvent(
        "A request met a fault of the program, and was answered with 500. Nothing else stops.",
        "Keep the lines with the same `request_id`, and report them.",
    ),
    "request.slow": LogEvent(
        "One request took `work_ms` milliseconds of a processor. It did not hold up others for so "
        "long, unless `loop.held` says so.",
        "Nothing, if it stays rare. Else keep the lines, and report the `path`.",
    ),
    "service.failed": LogEvent(
        "A task without which the service cannot go on has failed. The process ends.",
        "Start it again, and report the traceback if it comes back.",
    ),
    "service.process_killed": LogEvent(
        "A process that `up` had started did not stop in time, and was ended at once.",
        "Nothing, if it stays rare: what it had not finished is done at the next start.",
    ),
    "service.process_started": LogEvent(
        "`up` has started a service as a process of its own.",
    ),
    "service.ready": LogEvent(
        "The service has started, and does its work. `seconds` is how long the start took.",
    ),
    "service.starting": LogEvent(
        "The start has reached another step, which `step` names.",
    ),
    "service.stopped": LogEvent(
        "The service has stopped in order, `seconds` seconds after the signal.",
    ),
    "service.stopping": LogEvent(
        "A signal asks the service to stop. A gateway turns proxies away first, and then ends its "
        "streams.",
        "Nothing. A second signal ends the wait.",
    ),
    "settings.not_reloaded": LogEvent(
        "After SIGHUP a setting was not valid, so none was taken over. The old ones stay in use.",
        "Correct what `reason` names, and send SIGHUP again.",
    ),
    "settings.reloaded": LogEvent(
        "After SIGHUP the settings that `taken` names are in use.",
        "Nothing. Restart the service if you changed another setting.",
    ),
    "task.failed": LogEvent(
        "A task of the service failed unexpectedly, and is tried again after `again_in_s` seconds. "
        "A channel whose own task fails is read-only meanwhile.",
        "Nothing, if `task.recovered` follows. Else keep the line, restart, and report it.",
        ("channel", "endpoint"),
    ),
    "task.recovered": LogEvent(
        "A task that had failed works again.",
        members=("channel", "endpoint"),
    ),
}
