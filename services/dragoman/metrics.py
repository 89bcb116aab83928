"""The metrics of a process, as Prometheus reads them (docs/metrics.md).

    metrics.REMINDERS.inc()
    metrics.APPEND_SECONDS.observe(0.004)

Names are in seconds and bytes, and counters end in `_total`. The values of labels come
from closed sets. No label names a channel, a side, an officer or an id. Two gauges do,
and only if the operator says so with `[metrics] channels = true`.

Counters count what this process did. Gauges of the host's state are measured when they
are read, or a few seconds before. They are NaN until the first measurement.
"""

import math
import platform
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest as _text
from prometheus_client.openmetrics.exposition import generate_latest as _open_metrics

from dragoman import __version__

REGISTRY: Final = CollectorRegistry(auto_describe=False)

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

disable_created_metrics()  # type: ignore[no-untyped-call]  # A second series for each counter says nothing that the first does not.
ProcessCollector(registry=REGISTRY)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"dragoman_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    gauge = Gauge(f"dragoman_{name}", text, labels, registry=REGISTRY)
    if not labels:
        gauge.set(math.nan)
    return gauge


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = _FAST) -> Histogram:
    return Histogram(f"dragoman_{name}", text, labels, buckets=buckets, registry=REGISTRY)


BUILD: Final = Info("dragoman_build", "The release that runs, and its Python.", registry=REGISTRY)
BUILD.info({"version": __version__, "python": platform.python_version()})

STARTED: Final = _gauge("start_done", "1 once the service has started, 0 before.")
STOPPING: Final = _gauge("stopping", "1 while the service stops, 0 before.")

# Requests

HTTP_REQUESTS: Final = _counter(
    "http_requests",
    "Requests that were answered. `route` is the path with the names of its variables, `status` "
    "the class of the status, such as 2xx.",
    "route",
    "method",
    "status",
)
HTTP_SECONDS: Final = _histogram(
    "http_request_duration_seconds",
    "Seconds from the head of a request to its answer. Streams are left out. `group` is post, "
    "read, page, probe or other.",
    "group",
)
POSTS: Final = _counter(
    "posts",
    "Acts that were sent. `outcome` is recorded, replayed, refused or failed; `family` is that "
    "of the act, any if it belongs to none, or unknown if it could not be read.",
    "family",
    "outcome",
)
REFUSALS: Final = _counter(
    "budget_refusals",
    "Requests that were refused because a budget was spent, by budget.",
    "budget",
)
SIGN_INS: Final = _counter(
    "sign_ins", "Sign-ins at the pages. `outcome` is accepted or refused.", "outcome"
)
STREAMS: Final = _gauge("streams_open", "Event streams that are open now.")
STREAMS.set(0)
SLOW_REQUESTS: Final = _counter(
    "slow_requests", "Requests that took more than a quarter of a second of a processor."
)
SHED: Final = _counter(
    "shed_requests", "Requests that were refused because the event loop was late."
)

# The log

APPEND_SECONDS: Final = _histogram(
    "append_duration_seconds", "Seconds until the broker has stored a batch and said so."
)
APPEND_RECORDS: Final = _histogram(
    "append_batch_records", "Records that were stored together.", buckets=_SIZES
)
APPEND_FAILURES: Final = _counter(
    "append_failures",
    "Batches that were not stored. `outcome` is conflict, unavailable or unknown.",
    "outcome",
)
CHANNELS: Final = _gauge(
    "channels",
    "Channels by state: live, late (not read to the end lately), broken (read-only), doubted "
    "(built again), newer (under rules that this release lacks), judged_otherwise (by another "
    "release before) or unsigned (their log key is not here).",
    "state",
)
FOLD_LAG: Final = _gauge(
    "fold_lag_seconds",
    "Seconds since this process last saw the end of a log, of the channel that is furthest behind.",
)
BROKER_CONNECTED: Final = _gauge("broker_connected", "1 while the broker is connected, else 0.")
BROKER_DURABLE: Final = _gauge(
    "broker_durable", "1 while it is proven that the broker syncs every write, else 0."
)
BROKER_LOSSES: Final = _counter("broker_connection_losses", "Connections to the broker that broke.")
CLOCK_OFFSET: Final = _gauge(
    "clock_offset_seconds",
    "Seconds by which this clock is ahead of the broker's, as far as the last answer shows.",
)
LOOP_LAG: Final = _gauge("loop_lag_seconds", "Seconds by which the event loop was late just now.")
TASKS_FAILING: Final = _gauge(
    "background_tasks_failing", "Background tasks that failed and are tried again."
)

# Heads

UNSIGNED: Final = _gauge(
    "unsigned_seconds",
    "Seconds for which records wait for a signed head, of the channel that waits longest; else 0.",
)
UNCOSIGNED: Final = _gauge(
    "uncosigned_seconds",
    "Seconds for which a signed head waits for its witnesses, of the channel that waits longest; "
    "0 if none waits or no witness is named.",
)
HEADS_SIGNED: Final = _counter("heads_signed", "Heads that this signer signed.")
WITNESS_ANSWERS: Final = _counter(
    "witness_answers",
    "Answers of witnesses. `outcome` is cosigned, behind (the witness has cosigned another size), "
    "later (it waits for records, or is held), refused or unreachable.",
    "outcome",
)
COSIGNED: Final = _counter("witness_cosigned", "Heads that this witness cosigned.")
COSIGN_REFUSED: Final = _counter("witness_refused", "Heads that this witness did not cosign.")
MIRRORED: Final = _gauge("mirror_records", "Records in this mirror, all of them verified.")
MIRROR_LIE: Final = _gauge("mirror_fault", "1 once the log has failed verification here, else 0.")

# A station

STATION_LINE_SILENT: Final = _gauge(
    "station_line_silent_seconds",
    "Seconds for which this station has not heard from a host, of the line that is silent longest.",
)
STATION_COPIES_IN_DOUBT: Final = _gauge(
    "station_copies_in_doubt",
    "Copies of shared channels that this station cannot rely on or fill: their host contradicts "
    "itself or refuses the station, their disk fails, or they are built again.",
)
STATION_OUTBOX: Final = _gauge(
    "station_outbox_entries",
    "Acts in the outbox of this station by state: waiting, unanswered, unsigned, returned or "
    "ended.",
    "state",
)
STATION_OUTBOX_OLD: Final = _gauge(
    "station_outbox_old",
    "Acts in the outbox that are on their way for longer than their precedence permits, or came "
    "back an hour ago and nobody has decided.",
)
STATION_OWN_VOICE: Final = _counter(
    "station_own_voice", "Records in the side's name that no station of it sent."
)
STATION_PARCEL_UNANSWERED: Final = _gauge(
    "station_parcel_unanswered_seconds",
    "Seconds for which the oldest parcel for another station has waited for its receipt; 0 if "
    "none waits.",
)

# People

DEADLINES_OPEN: Final = _gauge("deadlines_open", "Deadlines that run.")
DEADLINES_OVERDUE: Final = _gauge("deadlines_overdue", "Deadlines that run and are over.")
REMINDERS: Final = _counter("reminders", "Reminders that this scheduler recorded.")
LAPSES: Final = _counter("lapses", "Lapses that this scheduler recorded.")
FLASHES: Final = _gauge("flashes_unacknowledged", "Flashes that nobody has acknowledged.")
FLASH_AGE: Final = _gauge(
    "flash_oldest_seconds", "Age of the oldest such flash in seconds; 0 without one."
)
WATCHES_UNMANNED: Final = _gauge(
    "watches_unmanned", "Watches of sides that somebody should keep, and no console is armed."
)
DELIVERIES: Final = _counter(
    "deliveries",
    "Deliveries by the notifier. `means` is webhook or e-mail, `outcome` delivered or failed.",
    "means",
    "outcome",
)
PARKED: Final = _gauge("deliveries_parked", "Deliveries that were given up and wait for somebody.")
WAITING: Final = _gauge("deliveries_waiting", "Deliveries that failed and will be tried again.")
OLDEST_WAITING: Final = _gauge(
    "delivery_oldest_waiting_seconds",
    "Seconds for which the oldest of them has waited; 0 if none waits.",
)

# Files

FILE_SCANS: Final = _counter(
    "file_scans",
    "Scans of files of other sides. `outcome` is passed, refused or failed (tried again).",
    "outcome",
)
FILES_HELD_OLDEST: Final = _gauge(
    "files_held_oldest_seconds",
    "Seconds for which the oldest file without a verdict has been stored; 0 if each has one.",
)
FILES_HELD_OLDEST.set(0)

# The operator's own matters

DISK_FREE: Final = _gauge(
    "disk_free_bytes",
    "Free bytes of a disk. `what` is data (the data directory), archive or store (what the "
    "broker's store can still take).",
    "what",
)
DISK_SIZE: Final = _gauge("disk_size_bytes", "Size of the same disks in bytes.", "what")

LAST_BACKUP: Final = _gauge(
    "last_backup_timestamp_seconds",
    "Time of the last backup that was finished, in Unix seconds; 0 if there was none.",
)
CERTIFICATE_EXPIRES: Final = _gauge(
    "certificate_expiry_timestamp_seconds",
    "Time at which a certificate ends, in Unix seconds. `what` is gateway (of this gateway's own "
    "address), client (of this process, for the broker), authority (of the broker's nodes) or "
    "node (of the broker's node whose certificate ends first).",
    "what",
)

# By channel, if the operator wants that

CHANNEL_RECORDS: Final = _gauge("channel_records", "Records in the log of a channel.", "channel")
CHANNEL_OVERDUE: Final = _gauge(
    "channel_deadlines_overdue", "Deadlines of a channel that are over.", "channel"
)

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def exposition(accept: str) -> tuple[bytes, str]:
    """Return all metrics as text, and the media type that the reader accepts."""
    if "application/openmetrics-text" in accept:
        return _open_metrics(REGISTRY), OPEN_METRICS  # type: ignore[no-untyped-call]
    return _text(REGISTRY), TEXT
