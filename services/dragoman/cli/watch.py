"""The commands `dragoman watch` and `adopt`."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from dragoman.cli.common import EVERYWHERE, Target, channel_of, connected, out, out_json, say, table
from dragoman.cli.signature import post_signed, seed_of

watch = App(name="watch", help="Take the watch, hand it over, and show its alarms and deadlines.")


@watch.command(name="show")
async def watch_show(*, target: Target = EVERYWHERE) -> int:
    """Show the duty watch of each side, the line, the alarms and the next deadlines."""
    async with connected(target) as caller:
        answer = await caller.call("GET", f"/v1/channels/{await channel_of(target, caller)}/watch")
    view = answer.json()
    if target.json:
        out_json(answer.body)
        return 0
    for alarm in view["alarms"]:
        out(f"ALARM  {alarm.get('number') or alarm['alarm'].replace('_', ' ')}: {alarm['detail']}")
    if not view["alarms"]:
        out("Quiet: no alarm.")
    out("")
    rows = [
        [side["side"], side.get("manned_since") or "not manned", side.get("officer", "")]
        for side in view["sides"]
    ]
    table(rows, ["SIDE", "MANNED SINCE", "BY"])
    out("")
    table(
        [_line(line) for line in view["lines"]],
        ["LINE", "STATE", "ECHOED LAST", "AFTER", "RUNNING"],
    )
    if view["due"]:
        out("")
        due = [
            [
                deadline["clock"]["due"],
                deadline["clock"]["side"],
                deadline["clock"]["clock"],
                deadline["number"],
            ]
            for deadline in view["due"]
        ]
        table(due, ["DUE", "OWED BY", "WHAT", "EXCHANGE"])
    return 0


def _line(line: dict[str, Any]) -> list[str]:
    latency = line.get("latency_s")
    running = (
        f"{line['missed_running']} missed"
        if line.get("missed_running")
        else f"{line.get('echoed_running', 0)} echoed"
    )
    state = line["state"].replace("_", " ")
    return [
        line["circuit"],
        state,
        line.get("checked") or "never",
        "" if latency is None else f"{latency:.0f} s",
        running,
    ]


@watch.command
async def take(*, target: Target = EVERYWHERE) -> int:
    """Take the watch of your side."""
    await post(target, {"act": "watch-assumption"})
    return 0


@watch.command(name="hand-over")
async def hand_over(
    to: Annotated[
        str | None, Parameter(help="The duty officer who takes it. Without one the watch ends.")
    ] = None,
    *,
    note: Annotated[
        str | None,
        Parameter(help="A remark. It is in the log, where the other side reads it."),
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Hand the watch over to another duty officer of your side, or end it.

    The turn-over note is written from the present state. It is not repeated in the log.
    It can be read again at any time; `watch show` says where.
    """
    async with connected(target) as caller:
        path = f"/v1/channels/{await channel_of(target, caller)}/reports/turn-over"
        written = (
            await caller.call("GET", path, headers={"Accept": "text/markdown"})
        ).body.decode()
    await post(
        target,
        {"act": "watch-relief"}
        | ({"to": to.rpartition("/")[2]} if to else {})
        | ({"note": note} if note else {}),
    )
    out(written, lines=True)
    return 0


async def post(target: Target, body: dict[str, Any], sign: tuple[Path, ...] = ()) -> None:
    """Post an act to the channel, signed with the given keys, and print its place."""
    recorded = await post_signed(target, body, [seed_of(path) for path in sign])
    if target.json:
        out_json(recorded)
    else:
        say(
            f"{recorded.act} recorded at position {recorded.position} of {recorded.channel}, "
            f"{recorded.time}"
        )
