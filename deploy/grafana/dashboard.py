"""Writes the Grafana dashboard beside this file, from the panels below.

    python deploy/grafana/dashboard.py

Each panel shows metrics of docs/metrics.md. A test asks a running service for each of them,
and looks for each metric in a panel or an alert.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("dragoman.json")
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_COLUMNS, _HEIGHT = 24, 8


@dataclass(frozen=True)
class Panel:
    """One panel: its title, its unit, and what it draws, each with its legend."""

    title: str
    unit: str
    draws: dict[str, str]
    width: int = 8
    kind: str = "timeseries"


def _quantile(metric: str, of: float, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({of}, sum by ({labels}) (rate({metric}_bucket[5m])))"


ROWS: dict[str, list[Panel]] = {
    "Now": [
        Panel(
            "Unacknowledged flashes",
            "none",
            {"max(dragoman_flashes_unacknowledged)": "flashes"},
            4,
            "stat",
        ),
        Panel("Oldest flash", "s", {"max(dragoman_flash_oldest_seconds)": "age"}, 4, "stat"),
        Panel("Watches unmanned", "none", {"max(dragoman_watches_unmanned)": "watches"}, 4, "stat"),
        Panel("Overdue deadlines", "none", {"max(dragoman_deadlines_overdue)": "over"}, 4, "stat"),
        Panel("Last backup", "dateTimeFromNow", {
            "max(dragoman_last_backup_timestamp_seconds) * 1000": "finished",
        }, 4, "stat"),
        Panel("Certificate ends", "dateTimeFromNow", {
            "min(dragoman_certificate_expiry_timestamp_seconds) * 1000": "ends",
        }, 4, "stat"),
    ],
    "Processes": [
        Panel("Started, and stopping", "none", {
            "dragoman_start_done": "started {{instance}}",
            "dragoman_stopping": "stopping {{instance}}",
        }),
        Panel("Releases", "none", {"dragoman_build_info": "{{instance}} {{version}} {{python}}"}),
        Panel("Event loop late by", "s", {"dragoman_loop_lag_seconds": "{{instance}}"}),
        Panel("Processor", "percentunit", {
            "rate(process_cpu_seconds_total[5m])": "{{instance}}",
        }),
        Panel("Memory", "bytes", {"process_resident_memory_bytes": "{{instance}}"}),
        Panel("Background tasks that fail", "none", {
            "dragoman_background_tasks_failing": "{{instance}}",
        }),
    ],
    "Requests": [
        Panel("Requests by status", "reqps", {
            "sum by (status) (rate(dragoman_http_requests_total[5m]))": "{{status}}",
        }),
        Panel("99th percentile by group", "s", {
            _quantile("dragoman_http_request_duration_seconds", 0.99, "group"): "{{group}}",
        }),
        Panel("Posts by outcome", "ops", {
            "sum by (family, outcome) (rate(dragoman_posts_total[5m]))": "{{family}} {{outcome}}",
        }),
        Panel("Refused by budgets, and slow", "ops", {
            "sum by (budget) (rate(dragoman_budget_refusals_total[5m]))": "{{budget}}",
            "sum(rate(dragoman_shed_requests_total[5m]))": "shed",
            "sum(rate(dragoman_slow_requests_total[5m]))": "slow",
        }),
        Panel("Open streams", "none", {"dragoman_streams_open": "{{instance}}"}),
        Panel("Sign-ins", "ops", {
            "sum by (outcome) (rate(dragoman_sign_ins_total[5m]))": "{{outcome}}",
        }),
    ],
    "Log": [
        Panel("Append, 50th and 99th percentile", "s", {
            _quantile("dragoman_append_duration_seconds", 0.5): "half",
            _quantile("dragoman_append_duration_seconds", 0.99): "99 %",
        }),
        Panel("Records in a batch", "none", {
            "sum(rate(dragoman_append_batch_records_sum[5m])) / "
            "sum(rate(dragoman_append_batch_records_count[5m]))": "records",
        }),
        Panel("Batches that were not stored", "ops", {
            "sum by (outcome) (rate(dragoman_append_failures_total[5m]))": "{{outcome}}",
        }),
        Panel("Channels by state", "none", {
            "max by (state) (dragoman_channels)": "{{state}}",
        }),
        Panel("Seconds since the end of the log was seen", "s", {
            "dragoman_fold_lag_seconds": "{{instance}}",
        }),
        Panel("Broker", "none", {
            "dragoman_broker_connected": "connected {{instance}}",
            "dragoman_broker_durable": "durable {{instance}}",
            "rate(dragoman_broker_connection_losses_total[5m])": "losses {{instance}}",
        }),
        Panel("Clock ahead of the broker's", "s", {"dragoman_clock_offset_seconds": "{{instance}}"}),
        Panel("Records by channel", "none", {"max by (channel) (dragoman_channel_records)": "{{channel}}"}),
    ],
    "Heads and witnesses": [
        Panel("Seconds without a head", "s", {
            "max by (instance) (dragoman_unsigned_seconds)": "unsigned {{instance}}",
            "max by (instance) (dragoman_uncosigned_seconds)": "uncosigned {{instance}}",
        }),
        Panel("Heads signed", "ops", {"rate(dragoman_heads_signed_total[5m])": "{{instance}}"}),
        Panel("Answers of witnesses", "ops", {
            "sum by (outcome) (rate(dragoman_witness_answers_total[5m]))": "{{outcome}}",
        }),
        Panel("Our own witness", "ops", {
            "rate(dragoman_witness_cosigned_total[5m])": "cosigned {{instance}}",
            "rate(dragoman_witness_refused_total[5m])": "not cosigned {{instance}}",
        }),
        Panel("Our own mirror", "none", {
            "dragoman_mirror_records": "records {{instance}}",
            "dragoman_mirror_fault": "fault {{instance}}",
        }),
    ],
    "Stations": [
        Panel("Seconds without a word from a host", "s", {
            "max by (instance) (dragoman_station_line_silent_seconds)": "{{instance}}",
        }),
        Panel("Outbox by state", "none", {
            "max by (instance, state) (dragoman_station_outbox_entries)": "{{state}} {{instance}}",
            "max by (instance) (dragoman_station_outbox_old)": "old {{instance}}",
        }),
        Panel("Copies in doubt, and own voice", "none", {
            "max by (instance) (dragoman_station_copies_in_doubt)": "in doubt {{instance}}",
            "sum by (instance) (dragoman_station_own_voice_total)": "own voice {{instance}}",
        }),
        Panel("Oldest parcel without a receipt", "s", {
            "max by (instance) (dragoman_station_parcel_unanswered_seconds)": "{{instance}}",
        }),
    ],
    "Deadlines and deliveries": [
        Panel("Deadlines that run", "none", {"max(dragoman_deadlines_open)": "open"}),
        Panel("Overdue by channel", "none", {
            "max by (channel) (dragoman_channel_deadlines_overdue)": "{{channel}}",
        }),
        Panel("Reminders and lapses", "ops", {
            "sum(rate(dragoman_reminders_total[5m]))": "reminders",
            "sum(rate(dragoman_lapses_total[5m]))": "lapses",
        }),
        Panel("Deliveries", "ops", {
            "sum by (means, outcome) (rate(dragoman_deliveries_total[5m]))": "{{means}} {{outcome}}",
        }),
        Panel("Deliveries that wait", "none", {
            "max(dragoman_deliveries_waiting)": "tried again",
            "max(dragoman_deliveries_parked)": "given up",
        }),
        Panel("Scans of files", "ops", {
            "sum by (outcome) (rate(dragoman_file_scans_total[5m]))": "{{outcome}}",
        }),
        Panel("Oldest file without a verdict", "s", {
            "max by (instance) (dragoman_files_held_oldest_seconds)": "{{instance}}",
        }),
        Panel("Oldest waiting", "s", {"max(dragoman_delivery_oldest_waiting_seconds)": "age"}),
    ],
}  # fmt: skip


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana reads it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        at = {"h": 1, "w": _COLUMNS, "x": 0, "y": y}
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "gridPos": at})
        y, x = y + 1, 0
        for panel in row:
            if x + panel.width > _COLUMNS:
                x, y = 0, y + _HEIGHT
            at = {"h": _HEIGHT, "w": panel.width, "x": x, "y": y}
            panels.append(_panel(len(panels) + 1, panel, at))
            x += panel.width
        y += _HEIGHT
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}
    return {
        "uid": "dragoman",
        "title": "Dragoman",
        "tags": ["dragoman"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "templating": {"list": [source]},
        "panels": panels,
    }


def _panel(number: int, panel: Panel, at: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": at,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "expr": draw, "legendFormat": legend}
            for place, (draw, legend) in enumerate(panel.draws.items())
        ],
    }


def text() -> str:
    """Return the file's content."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
