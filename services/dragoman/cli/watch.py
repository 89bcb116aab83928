"""The commands `dragoman watch` and `adopt`."""

import secrets
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from dragoman.cli.common import (
    EVERYWHERE,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    say,
    say_whether_live,
    table,
)
from dragoman.cli.signature import post_signed, seed_of
from dragoman.client import ApiResponse, Client
from dragoman_schemas.responses import Recorded

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
    say_whether_live(answer)
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
async def points(*, target: Target = EVERYWHERE) -> int:
    """Show the points of your side's turn-over, and how they were answered."""
    async with connected(target) as caller:
        answer = await _points(caller, await channel_of(target, caller))
    if target.json:
        out_json(answer.body)
        return 0
    view = answer.json()
    table([[point["key"], point["text"]] for point in view["points"]], ["POINT", "WHAT"])
    if not view["points"]:
        out("Nothing is open, owed, set aside or silenced. The list has no point.")
    if view.get("has_sheet"):
        out("")
        rows = [
            [point["key"], _ANSWERS[point.get("answer", "")], point.get("reason", "")]
            for point in view["signed"]
        ]
        table(rows, ["PRESENT WATCH", "ANSWER", "REASON"])
        say(
            f"The list was made at record {view['signed_position']}. The record that took the "
            f"watch {'commits' if view.get('committed') else 'does not commit'} to it."
        )
    return 0


_ANSWERS = {
    "": "not signed",
    "taken_over": "taken over",
    "not_clear": "not clear",
    "explained": "explained",
}


async def _points(caller: Client, channel: str) -> ApiResponse:
    return await caller.call("GET", f"/v1/channels/{channel}/watch/turn-over")


@watch.command
async def take(
    *,
    taken_over: Annotated[
        tuple[str, ...],
        Parameter(help="A point that you take over, as `watch points` names it. Repeatable."),
    ] = (),
    not_clear: Annotated[
        tuple[str, ...],
        Parameter(help="A point that is not clear, as POINT=REASON. Repeatable."),
    ] = (),
    target: Target = EVERYWHERE,
) -> int:
    """Take the watch of your side, and sign the points of its turn-over.

    The record commits to your answers. Only your side reads them. Points without an
    answer do not keep you from taking the watch; your board shows them.
    """
    body = {"act": "watch-assumption"}
    if not taken_over and not not_clear:
        await post(target, body)
        return 0
    answers = [{"key": key, "answer": "taken_over"} for key in taken_over]
    for text in not_clear:
        key, _, reason = text.partition("=")
        answers.append({"key": key, "answer": "not_clear", "reason": reason})
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        view = (await _points(caller, channel)).json()
        unknown = {answer["key"] for answer in answers} - {item["key"] for item in view["points"]}
        if unknown:
            raise UsageError(
                f"The turn-over has no point {', '.join(sorted(unknown))}. `dragoman watch "
                "points` lists its points."
            )
        form = {
            "position": view["position"],
            "time": view["time"],
            "salt": secrets.token_hex(16),
            "answers": answers,
        }
        sheet = (
            await caller.call(
                "PUT", f"/v1/channels/{channel}/watch/turn-over", msgspec.json.encode(form)
            )
        ).json()
        recorded = (await caller.post(channel, body, key=sheet["key"])).recorded
    _print(target, recorded)
    for key in sheet.get("unsigned", ()):
        say(f"not signed: {key}")
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
    _print(target, await post_signed(target, body, [seed_of(path) for path in sign]))


def _print(target: Target, recorded: Recorded) -> None:
    if target.json:
        out_json(recorded)
    else:
        say(
            f"{recorded.act} recorded at position {recorded.position} of {recorded.channel}, "
            f"{recorded.time}"
        )
