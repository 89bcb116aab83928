"""`dragoman audit`: replay a log without trusting the gateway."""

import json
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from dragoman import wiring
from dragoman.audit import Hole, Replay, Replayed, messages_of, replay
from dragoman.cli.common import (
    UNREACHABLE,
    UNVERIFIED,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    say,
    table,
)
from dragoman.client import Client
from dragoman.log.port import LogBroken, LogUnreachable

EVERYWHERE = Target()

audit = App(name="audit", help="Replay a channel's log, believing nobody.")


@audit.command(name="replay")
async def replay_command(
    *,
    at: Annotated[int | None, Parameter(help="Fold up to this position only.")] = None,
    from_log: Annotated[
        bool, Parameter(negative=(), help="Read the broker's log itself, with the keys in --data, not the gateway's copy.")
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Fold the log from the first record, print the state and its digest, and hold it against the live one.

    Unequal to what the gateway says of the same position: exit code 7.
    """
    async with connected(target, operator=False) as caller:
        channel = await channel_of(target, caller)
        newest = int((await caller.call("GET", f"/v1/channels/{channel}")).json()["position"])
        if at is not None and not 1 <= at <= newest:
            raise UsageError(f"--at is a position from 1 to {newest}")
        last = at or newest
        try:
            fold = await _fold(caller, channel, last, _broker_of(target) if from_log else None, target.data)
        except (Hole, LogBroken) as error:
            say(f"dragoman: VERIFICATION FAILED: the log is not whole: {error}")
            return UNVERIFIED
        except LogUnreachable as error:
            say(f"dragoman: the broker's log cannot be read: {error}")
            return UNREACHABLE
        result = fold.result()
        live = (await caller.call("GET", f"/v1/channels/{channel}/records/{result.position}")).headers.get("Dragoman-Digest", "")
    _print(result, target, live)
    if result.position != last:
        say(f"dragoman: VERIFICATION FAILED: the log ends at {result.position}, the gateway speaks of {last}")
        return UNVERIFIED
    if live != result.digest:
        say(f"dragoman: VERIFICATION FAILED: at position {result.position} the replay gives {result.digest}, the gateway says {live}")
        return UNVERIFIED
    say(f"the replay and the gateway agree at position {result.position}")
    return 0


def _broker_of(target: Target) -> str:
    path = target.data / "server.json"
    if not path.exists():
        raise UsageError(f"{path} is not there; --from-log needs the data directory of the gateway, with --data")
    return str(json.loads(path.read_text())["nats_url"])


async def _fold(caller: Client, channel: str, last: int, broker: str | None, data: Path) -> Replay:
    columns = TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("replay", total=last)

        def told(position: int) -> None:
            progress.update(task, completed=position)

        if broker is None:
            return await replay(messages_of(caller.records(channel)), upto=last, progress=told)
        async with aclosing(wiring.messages_of(broker, data / "keys", channel)) as messages:
            return await replay(messages, upto=last, progress=told)


def _print(result: Replayed, target: Target, live: str) -> None:
    if target.json:
        out_json({**msgspec.to_builtins(result), "live_digest": live})
        return
    out(f"{result.channel}, cid {result.cid}")
    out(f"position {result.position}, channel time {result.time}, {result.exchanges} exchanges, {len(result.void)} void records")
    out(f"tree root {result.root}")
    out(f"digest    {result.digest}\n")
    table([[c.family, c.status, str(c.exchanges)] for c in result.counts], ["FAMILY", "STATUS", "EXCHANGES"])
    out("")
    rows = [[owed.side, str(owed.unacknowledged), str(owed.unanswered), str(owed.delivered)] for owed in result.owed]
    table(rows, ["SIDE", "NOT ACKNOWLEDGED", "NOT ANSWERED", "DELIVERED UP TO"])
    for void in result.void:
        out(f"void at {void.position}: {void.reason}")
