"""The command `dragoman roster`: the duty roster of your side in a channel.

The roster is beside the log, so that it can be erased. No other side reads it.
"""

from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter

from dragoman.cli.common import (
    EVERYWHERE,
    FAILED,
    File,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    read_input,
    say,
    table,
)
from dragoman.client import Client, new_key
from dragoman_schemas.roster import RosterRung

roster = App(
    name="roster",
    help="Put, show and check the duty roster of your side, and change its shifts.",
)
swap = App(name="swap", help="Offer a shift of yours, and take one of a colleague.")
roster.command(swap)

From = Annotated[str, Parameter(name="from", help="The beginning, like 2026-11-29T18:00Z.")]
To = Annotated[str, Parameter(name="to", help="The end, like 2026-11-30T06:00Z.")]
Rung = Annotated[RosterRung, Parameter(help="The duty, which is a rung of the ladder of a flash.")]
Change = Annotated[str, Parameter(help="The id of the offer or cover, from `roster show`.")]

_JSON: Final = {"Content-Type": "application/json"}
_CALENDAR: Final = {"Content-Type": "text/calendar"}


@roster.command
async def put(
    file: File,
    *,
    subscribe: Annotated[
        bool,
        Parameter(
            negative=(),
            help="FILE has the https address of a calendar, which the host reads every 15 minutes.",
        ),
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Put the calendar in FILE as the roster of your side.

    An address may hold a secret, so it is read from a file and never from the command
    line.
    """
    raw = read_input(file)
    async with connected(target) as caller:
        path = await _path(target, caller)
        if subscribe:
            body = msgspec.json.encode({"url": raw.decode(errors="replace").strip()})
            answer = await caller.call("PUT", f"{path}/subscription", body, _JSON)
        else:
            answer = await caller.call("PUT", path, raw, _CALENDAR)
    view = answer.json()
    if target.json:
        out_json(view)
        return 0
    if subscribe:
        say("the host reads the calendar within seconds; see `dragoman roster show`")
    else:
        say(f"the roster of {view['side']} has {len(view.get('shifts', ()))} shifts in 14 days")
    _warn(view)
    return 0


@roster.command
async def show(*, target: Target = EVERYWHERE) -> int:
    """Show the shifts of the next 14 days, and the offers and covers."""
    view = await _view(target)
    if target.json:
        out_json(view)
        return 0
    out(_standing(view))
    for title, shifts in (("NOW", view.get("now", ())), ("NEXT", view.get("next", ()))):
        for shift in shifts:
            out(
                f"{title:<5} {_rung(shift)}: {shift['officer']}, "
                f"{_time(shift['begins'])} to {_time(shift['ends'])}"
            )
    out("")
    rows = [
        [_time(s["begins"]), _time(s["ends"]), _rung(s), s["officer"], s.get("change", "")]
        for s in view.get("shifts", ())
    ]
    table(rows, ["FROM", "TO", "DUTY", "OFFICER", "CHANGE"])
    if view.get("changes"):
        out("")
        changes = [
            [
                c["id"],
                c["kind"] if c.get("to") else "open offer",
                _time(c["begins"]),
                _time(c["ends"]),
                _rung(c),
                c.get("of", ""),
                c.get("to", ""),
                c["by"],
            ]
            for c in view["changes"]
        ]
        table(changes, ["CHANGE", "KIND", "FROM", "TO", "DUTY", "OF", "BY NOW", "MADE BY"])
    _warn(view)
    return 0


@roster.command
async def check(*, target: Target = EVERYWHERE) -> int:
    """Check the roster for the days ahead.

    The exit code is 1 if it warns of anything, or does not count at all. It warns of
    gaps, of a rung with nobody new, and of officers who are not in office.
    """
    view = await _view(target)
    if target.json:
        out_json({"status": view["status"], "warnings": view.get("warnings", [])})
    else:
        out(_standing(view))
        _warn(view)
    return FAILED if view.get("warnings") or view["status"] != "in_force" else 0


@swap.command
async def offer(
    begins: From,
    ends: To,
    *,
    rung: Rung = "duty_officer",
    target: Target = EVERYWHERE,
) -> int:
    """Offer a shift of yours, or a part of it.

    It stays yours until a colleague takes it.
    """
    request = {"do": "offer", "begins": begins, "ends": ends, "rung": rung}
    return await _post(target, "changes", request, "offered")


@swap.command
async def take(change: Change, *, target: Target = EVERYWHERE) -> int:
    """Take a shift that a colleague offers."""
    return await _post(target, "changes", {"do": "take", "change": change}, "yours")


@swap.command
async def withdraw(change: Change, *, target: Target = EVERYWHERE) -> int:
    """Withdraw an offer of yours, or any offer or cover as head of office."""
    return await _post(target, "changes", {"do": "withdraw", "change": change}, "withdrawn")


@roster.command
async def cover(
    officer: Annotated[str, Parameter(help="The officer who covers.")],
    begins: From,
    ends: To,
    *,
    of: Annotated[
        str, Parameter(help="The officer who is replaced. Default: everybody on this duty.")
    ] = "",
    rung: Rung = "duty_officer",
    target: Target = EVERYWHERE,
) -> int:
    """Set a cover, as a head of office."""
    request = {"officer": officer, "begins": begins, "ends": ends, "rung": rung}
    return await _post(target, "covers", {**request, **({"of": of} if of else {})}, "covered")


@roster.command
async def export(*, target: Target = EVERYWHERE) -> int:
    """Print the roster as a calendar, with the offers and covers in it."""
    async with connected(target) as caller:
        answer = await caller.call("GET", f"{await _path(target, caller)}.ics")
    out(answer.body.decode(), lines=True)
    return 0


@roster.command(name="settings")
async def roster_settings(
    *,
    warn_days: Annotated[int, Parameter(help="Warn of faults so many days before.")] = 3,
    remind: Annotated[
        list[int] | None,
        Parameter(negative=(), help="Remind so many minutes before. Default: 60 and 15."),
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Choose how early the roster warns of faults, and reminds of a hand-over."""
    if not 1 <= warn_days <= 14:
        raise UsageError("--warn-days is a number from 1 to 14")
    body = msgspec.json.encode({"warn_days": warn_days, "reminders": remind or [60, 15]})
    async with connected(target) as caller:
        path = await _path(target, caller)
        answer = await caller.call("PUT", f"{path}/settings", body, _JSON)
    return _done(target, answer.json(), "stored")


@roster.command
async def erase(
    officer: Annotated[str, Parameter(help="The officer, without the side.")],
    *,
    target: Target = EVERYWHERE,
) -> int:
    """Erase an officer from the roster: all shifts, offers and covers.

    A subscribed calendar brings the officer back while it still has them.
    """
    async with connected(target) as caller:
        path = await _path(target, caller)
        answer = await caller.call("DELETE", f"{path}/officers/{quote(officer)}")
    return _done(target, answer.json(), "erased")


@roster.command
async def remove(*, target: Target = EVERYWHERE) -> int:
    """Remove the roster of your side, with its offers and covers."""
    async with connected(target) as caller:
        await caller.call("DELETE", await _path(target, caller))
    say("the roster is removed")
    return 0


async def _path(target: Target, caller: Client) -> str:
    return f"/v1/channels/{quote(await channel_of(target, caller))}/roster"


async def _view(target: Target) -> dict[str, Any]:
    async with connected(target) as caller:
        view: dict[str, Any] = (await caller.call("GET", await _path(target, caller))).json()
    return view


async def _post(target: Target, path: str, request: dict[str, Any], outcome: str) -> int:
    headers = {"Idempotency-Key": new_key()}
    async with connected(target) as caller:
        base = await _path(target, caller)
        answer = await caller.call("POST", f"{base}/{path}", msgspec.json.encode(request), headers)
    return _done(target, answer.json(), outcome)


def _done(target: Target, view: dict[str, Any], outcome: str) -> int:
    if target.json:
        out_json(view)
    else:
        say(f"the roster of {view['side']}: {outcome}")
        _warn(view)
    return 0


def _standing(view: dict[str, Any]) -> str:
    """Return a line on whether the roster counts."""
    match view["status"]:
        case "in_force":
            read = f", read {_time(view['read'])}" if view.get("url") else ""
            return f"The roster of {view['side']} is in force{read}."
        case "none":
            return f"{view['side']} has no roster. The log's ladder holds."
        case "waiting":
            return "The calendar was not read yet. The log's ladder holds."
        case status:
            fault = f": {view['fault']}" if view.get("fault") else ""
            return f"The roster is {status}{fault}. The log's ladder holds."


def _warn(view: dict[str, Any]) -> None:
    for warning in view.get("warnings", ()):
        out(
            f"WARNING {_rung(warning)}, {_time(warning['begins'])} to {_time(warning['ends'])}: "
            f"{warning['text']}"
        )


def _rung(of: dict[str, Any]) -> str:
    return str(of["rung"]).replace("_", " ")


def _time(text: str) -> str:
    return f"{text[:16]}Z"
