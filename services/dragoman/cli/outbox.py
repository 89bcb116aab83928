"""Commands of `dragoman outbox`: what waits at a station for its host."""

from typing import Annotated
from urllib.parse import quote

from cyclopts import App, Parameter
from msgspec import UNSET

from dragoman.cli.common import EVERYWHERE, Target, channel_of, connected, out, out_json, say, table
from dragoman.client import Client
from dragoman_schemas.responses import OutboxEntryView, OutboxView

outbox = App(
    name="outbox", help="Show what waits at a station for its host, withdraw it, or send it on."
)

Id = Annotated[str, Parameter(help="The id of the entry.")]


async def _path(target: Target, caller: Client) -> str:
    return f"/v1/channels/{quote(await channel_of(target, caller))}/outbox"


@outbox.command(name="list")
async def outbox_list(*, target: Target = EVERYWHERE) -> int:
    """List the acts of your side that wait at this station, and say how its line is."""
    async with connected(target) as caller:
        answer = await caller.call("GET", await _path(target, caller))
    view = answer.of("outbox", OutboxView)
    if target.json:
        out_json(view)
        return 0
    if view.doubt:
        say(f"{view.host}: in doubt: {view.doubt}")
    elif view.cut:
        say(f"{view.host}: the line is cut; last known {view.last_known or 'never'}")
    rows = [
        [entry.id, entry.kept, entry.precedence, entry.act, entry.actor, _standing(entry)]
        for entry in view.entries
    ]
    table(rows, ["ID", "WRITTEN", "URGENCY", "ACT", "BY", "STANDING"])
    return 0


def _standing(entry: OutboxEntryView) -> str:
    match entry.state:
        case "returned":
            return f"returned: {'' if entry.problem is UNSET else entry.problem.detail}"
        case "unanswered":
            return f"left at {entry.left}, no answer yet"
        case "recorded":
            return f"record {entry.position}"
        case state:
            return state


@outbox.command(name="withdraw")
async def outbox_withdraw(id: Id, *, target: Target = EVERYWHERE) -> int:
    """Withdraw an act that never left the station, or that came back."""
    async with connected(target) as caller:
        await caller.call("DELETE", f"{await _path(target, caller)}/{quote(id)}")
    out(f"withdrawn {id}: it was never sent")
    return 0


@outbox.command(name="send")
async def outbox_send(id: Id, *, target: Target = EVERYWHERE) -> int:
    """Send an act on that had grown too old, or that is held since a restoration."""
    async with connected(target) as caller:
        answer = await caller.call("POST", f"{await _path(target, caller)}/{quote(id)}/send")
    entry = answer.of("entry of the outbox", OutboxEntryView)
    out(f"{entry.id}: {_standing(entry)}")
    return 0
