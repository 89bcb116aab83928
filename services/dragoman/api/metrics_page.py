"""The page docs/metrics.md, made from the metrics themselves."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, Info

from dragoman import metrics

_HEAD: Final = """# Metrics

After this page you know every metric that `/metrics` shows at the operator's own address \
([operating-watch.md](operating-watch.md#the-operators-own-address)). `deploy/prometheus/` \
has the alert rules that use them, and `deploy/grafana/` a dashboard. This page is generated \
(`make schemas`).

Counters begin at 0 when a process starts, and count what that process did. Gauges are \
measured when they are read. Deadlines, flashes and watches are counted every ten seconds while \
somebody reads the metrics. They are `NaN` until they are counted for the first time. So are \
gauges that this service does not have.

No label names a channel, a side, an officer or an id. The last two metrics do, and they are \
empty unless `[metrics] channels = true`.

| metric | kind | labels | what it says |
|---|---|---|---|
"""

_KINDS: Final = {Counter: "counter", Gauge: "gauge", Histogram: "histogram", Info: "info"}
_SUFFIXES: Final = {"counter": "_total", "info": "_info"}


def rows() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield our metrics: name as shown, kind, labels and meaning."""
    for value in vars(metrics).values():
        if isinstance(value, Counter | Gauge | Histogram | Info):
            kind = _KINDS[type(value)]
            family = next(iter(value.describe()))
            name = family.name + _SUFFIXES.get(kind, "")
            labels = ("version", "python") if kind == "info" else value._labelnames  # noqa: SLF001
            yield name, kind, tuple(labels), family.documentation


def page() -> str:
    """Return the page."""
    lines = [
        f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {text} |"
        for name, kind, labels, text in rows()
    ]
    process = (
        "\nBeside these, `process_cpu_seconds_total`, `process_resident_memory_bytes`, "
        "`process_open_fds` and the others that the Prometheus client gives of its process.\n"
    )
    return _HEAD + "\n".join(lines) + "\n" + process
