"""Growth: what a post and what reads cost with a long log, over what they cost with a short one,
asked by turns of two services.
"""

import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from asking import Asker, Question
from plan import Plan
from programs import Numbers, Server, cli, seeded, service
from table import Line, Section

_TARGET: Final = 1.3
_START_SECONDS: Final = 600.0
_AUDIT_SECONDS: Final = 300.0

_ROWS: Final = 15
"""Rows that a short log has as well: pages of as many are compared."""

# Posts come last: what they open would fill the pages of the narrowed lists, however long the log
# is.
_QUESTIONS: Final[dict[str, Callable[[Asker], Question]]] = {
    "list": lambda asker: asker.about("/exchanges"),
    "list_open": lambda asker: asker.about(
        f"/exchanges?family=notification&status=open&side=china&limit={_ROWS}"
    ),
    "list_unacknowledged": lambda asker: asker.about(
        f"/exchanges?unacknowledged_by=china&limit={_ROWS}"
    ),
    "search": lambda asker: asker.about(asker.searched()),
    "search_common": lambda asker: asker.about("/exchanges?q=the"),
    "state": lambda asker: asker.about("/state"),
    "state_past": lambda asker: asker.about("/state?at=700"),
    "statistics": lambda asker: asker.about("/statistics"),
    "post": lambda asker: asker.post(),
}

_PROMISED: Final = ("list", "list_open", "list_unacknowledged", "post")


@contextmanager
def _grown(data: Path, records: int) -> Iterator[Server]:
    seeded(data, records)
    with service(data, start_seconds=_START_SECONDS) as server:
        yield server


def _by_turns(
    short: Asker, long: Asker, question: Callable[[Asker], Question], turns: int
) -> Numbers:
    asked = [(asker, question(asker)) for asker in (short, long)]
    times: list[list[float]] = [[], []]
    for _ in range(turns):
        for number, (asker, each) in enumerate(asked):
            times[number].append(asker.time(each))
    few, many = (statistics.median(each) * 1000 for each in times)
    return {
        "short_p50_ms": round(few, 3),
        "long_p50_ms": round(many, 3),
        "ratio": round(many / few, 3),
    }


def measure(plan: Plan, folder: Path) -> Numbers:
    """`growth_ratio`, the worst of the post and the pages of lists; the other questions beside it."""
    with _grown(folder / "short", plan.few) as few, _grown(folder / "long", plan.many) as many:
        short, long = Asker(few), Asker(many)
        for asker in (short, long):
            asker.settled()
        found = {
            name: _by_turns(short, long, question, plan.turns)
            for name, question in _QUESTIONS.items()
        }
        short.close()
        long.close()
        failures = _unsound(many)
    growth = {"short": plan.few, "long": plan.many, "questions": found}
    return {
        "growth_ratio": max(found[name]["ratio"] for name in _PROMISED),
        "growth": growth,
        "failures": failures,
    }


def _unsound(server: Server) -> list[str]:
    """Return the faults of a log that was seeded: void records, or a fold that does not agree with
    the gateway's fold.
    """
    audit = cli(
        server, "audit", "replay", "--from-log", "--sample", "0", "--json", seconds=_AUDIT_SECONDS
    )
    if audit.returncode != 0:
        return [
            f"dragoman audit replay --from-log ended with {audit.returncode}: {audit.stderr[-500:]}"
        ]
    return [
        f"record {void['position']} is void: {void['reason']}"
        for void in json.loads(audit.stdout)["void"][:3]
    ]


def section(found: Numbers) -> Section:
    """Its part of the table."""
    growth = found["growth"]
    table = Section("p50 ms as the log grows", f"{growth['short']:,}", f"{growth['long']:,}")
    for name, each in growth["questions"].items():
        table.lines.append(
            Line(name, each["short_p50_ms"], each["long_p50_ms"], each["ratio"], f"≤ {_TARGET}", 2)
        )
    return table
