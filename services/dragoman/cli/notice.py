"""The command `dragoman notice`: one notice to many channels, and who has it."""

from typing import Annotated
from urllib.parse import quote

import msgspec
from cyclopts import Parameter
from msgspec import Raw

from dragoman.cli.common import EVERYWHERE, Target, connected, out_json, read_input, say, table
from dragoman.cli.post import Key
from dragoman.client import new_key
from dragoman_schemas.notice_responses import NewNotice, NoticeEntry, NoticeTable

_HEAD = ["channel", "number", "side", "delivered", "acknowledged", "answered"]


async def notice(
    file: Annotated[
        str | None,
        Parameter(allow_leading_hyphen=True, help="A file with the act, or - for standard input."),
    ] = None,
    *,
    channels: Annotated[
        tuple[str, ...],
        Parameter(
            help="The channels, each with its own --channels, or all.", consume_multiple=True
        ),
    ] = (),
    key: Key = None,
    target: Target = EVERYWHERE,
) -> int:
    """Post the act in FILE once in each channel, and print who has it.

    Without FILE, print who has the notice that was posted with --key. The exit code is
    1 if a channel has no record.
    """
    used = key or new_key()
    async with connected(target) as caller:
        if file is None:
            answer = await caller.call("GET", f"/v1/notices/{quote(used, safe='')}")
        else:
            body = msgspec.json.encode(NewNotice(channels=channels, act=Raw(read_input(file))))
            sent = {"Idempotency-Key": f'"{used}"', "Content-Type": "application/json"}
            answer = await caller.call("POST", "/v1/notices", body, sent)
    entries = answer.of("table of a notice", NoticeTable)
    if target.json:
        out_json(entries)
    else:
        table([row for entry in entries.entries for row in _rows(entry)], _HEAD)
        say(f"who has it later:  dragoman notice --key {used}")
    return int(any(not entry.exchange for entry in entries.entries))


def _rows(entry: NoticeEntry) -> list[list[str]]:
    """Return a line for each addressee of a channel, or one with its refusal."""
    if not entry.exchange:
        return [[entry.channel, f"not recorded: {entry.detail}", "", "", "", ""]]
    return [
        [
            entry.channel,
            entry.number,
            fact.side,
            fact.delivered or "-",
            fact.acknowledged or "-",
            fact.answered or "-",
        ]
        for fact in entry.facts
    ]
