"""The commands `dragoman statistics` and `report`, which sum up a period."""

from typing import Annotated, Any
from urllib.parse import urlencode

from cyclopts import App, Parameter

from dragoman.cli.common import EVERYWHERE, Target, channel_of, connected, out, out_json, say, table

report = App(
    name="report",
    help="Write a report in Markdown: the situation, a turn-over note, or a period.",
)

From = Annotated[
    str | None,
    Parameter(
        name="--from",
        help="The beginning, like 2026-11-24T06:00Z. Default: the channel's opening.",
    ),
]
To = Annotated[str | None, Parameter(help="The end, which is not included. Default: now.")]
At = Annotated[int | None, Parameter(help="A past position.")]
In = Annotated[
    str | None,
    Parameter(
        name="--language",
        help="The language of the report: en, fr or zh. Texts stay in the languages of their "
        "authors.",
    ),
]


def _query(**parameters: object) -> str:
    query = {
        name.rstrip("_"): value for name, value in parameters.items() if value not in (None, "")
    }
    return "?" + urlencode(query) if query else ""


async def statistics(
    *,
    from_: From = None,
    to: To = None,
    at: At = None,
    side: Annotated[str | None, Parameter(help="Only this side.")] = None,
    format: Annotated[
        str | None, Parameter(help="Only this format, named by its opening act.")
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Show in numbers what each side owed and did in a period.

    Every side has the same rows.
    """
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        query = _query(from_=from_, to=to, at=at, side=side, format=format)
        answer = await caller.call("GET", f"/v1/channels/{channel}/statistics{query}")
    if target.json:
        out_json(answer.body)
        return 0
    _print_statistics(answer.json())
    return 0


def _print_statistics(report: dict[str, Any]) -> None:
    binding = "binding" if report.get("binding") else "as a courtesy"
    limits = f"limits of profile {report['profile']}, {binding}"
    say(
        f"{report['channel']}, {report['kind']}, from {report['from']} to {report['to']}, "
        f"record {report['position']}; {limits}"
    )
    for title, name, columns in _TABLES:
        rows = report[name]
        if rows:
            out("")
            out(title)
            table(
                [[_cell(row, column) for column in columns] for row in rows],
                [_head(column) for column in columns],
            )


_SPREAD = (".measured", ".median_s", ".p95_s", ".worst_s")
_TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("opened", "opened", ("side", "format", "opened", "flash", "immediate", "priority", "routine")),
    (
        "what was owed",
        "clocks",
        (
            *("format", "clock", "side", *("took" + part for part in _SPREAD)),
            *("in_time", "late", "share_in_time", "ended", "open", "overdue", "courtesy"),
        ),
    ),
    (
        "notice given",
        "notices",
        (
            "format",
            "side",
            "owed_s",
            "notices",
            "median_given_s",
            "shortest_given_s",
            "in_time",
            "short",
            "share_in_time",
        ),
    ),
    (
        "corrections and cancellations",
        "changes",
        (
            "format",
            "side",
            "corrections",
            "corrected_after.median_s",
            "cancellations",
            "cancelled_after.median_s",
        ),
    ),
    (
        "meetings",
        "meetings",
        ("format", "side", "asked", "accepted", "declined", "held", "not_attended"),
    ),
    ("translations", "translations", ("side", "translations", "delay.median_s", "delay.worst_s")),
    (
        "line checks",
        "line",
        (
            "side",
            "checks",
            "echoed",
            "echoed_with_errors",
            "missed",
            "share_echoed",
            "run",
            "missed_run",
        ),
    ),
    ("last words", "areas", ("area", "last_word", "days_since_last_word")),
    ("blind", "blindness", ("side", "watch_nobody_s", "line_down_s", "broker_down_s")),
)


def _cell(row: dict[str, Any], column: str) -> str:
    name, _, inner = column.partition(".")
    value = row.get(name)
    value = value.get(inner) if inner and isinstance(value, dict) else value
    return "no statement" if value in (None, "") else str(value)


def _head(column: str) -> str:
    return column.replace(".", " ").replace("_", " ").upper()


async def _report(target: Target, name: str, **query: object) -> int:
    """Print a report as Markdown, or its parts with --json."""
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        accept = {"Accept": "application/json" if target.json else "text/markdown"}
        answer = await caller.call(
            "GET", f"/v1/channels/{channel}/reports/{name}{_query(**query)}", headers=accept
        )
    if target.json:
        out_json(answer.body)
    else:
        out(answer.body.decode().rstrip("\n"), lines=True)
    if answer.headers.get("Dragoman-Stale"):
        say(
            "NOT LIVE: the end of the log was last seen at "
            f"{answer.headers.get('Dragoman-As-Of') or 'no time'}"
        )
    return 0


@report.command(name="situation")
async def report_situation(
    *,
    from_: From = None,
    to: To = None,
    at: At = None,
    language: In = None,
    target: Target = EVERYWHERE,
) -> int:
    """Write the situation report.

    It has the state of the channel, and the acts since 06:00Z.
    """
    return await _report(target, "situation", from_=from_, to=to, at=at, language=language)


@report.command(name="turn-over")
async def report_turn_over(
    *,
    from_: From = None,
    to: To = None,
    at: At = None,
    language: In = None,
    target: Target = EVERYWHERE,
) -> int:
    """Write the turn-over note for the next watch of your side."""
    return await _report(target, "turn-over", from_=from_, to=to, at=at, language=language)


@report.command(name="period")
async def report_period(
    *,
    from_: From = None,
    to: To = None,
    at: At = None,
    language: In = None,
    target: Target = EVERYWHERE,
) -> int:
    """Write the record of a period: all acts, by family."""
    return await _report(target, "period", from_=from_, to=to, at=at, language=language)
