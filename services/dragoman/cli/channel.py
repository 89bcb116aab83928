"""The commands `dragoman channel`, `officer`, `token` and `subject`."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from dragoman.cli.common import (
    EVERYWHERE,
    File,
    Target,
    UsageError,
    connected,
    in_context,
    out,
    out_json,
    read_input,
    say,
    table,
)

channel = App(name="channel", help="Open channels and list them.")


@channel.command(name="new")
async def channel_new(file: File, *, target: Target = EVERYWHERE) -> int:
    """Open a trial channel from a JSON file.

    The file has its name, kind, sides, languages and first officers. The host keeps all
    keys, which the channel says of itself.
    """
    async with connected(target, operator=True) as caller:
        opened = (await caller.call("POST", "/v1/channels", read_input(file))).json()
    if target.json:
        out_json(opened)
    else:
        out(opened["name"])
        say(
            f"opened {opened['name']} between {' and '.join(opened['sides'])}; "
            "write its cid down, auditors start from it:"
        )
        say(f"  {opened['cid']}")
        say("the keys of all sides are kept by this host: a trial")
    return 0


@channel.command(name="example")
def channel_example(
    name: Annotated[str, Parameter(help="The name of the channel.")] = "north-south",
    *,
    sides: Annotated[
        tuple[str, ...],
        Parameter(negative=(), help="A side's name; may be repeated.", consume_multiple=True),
    ] = ("north", "south"),
) -> int:
    """Print the file of a first channel, for `dragoman channel new`.

    Write it into a file, and put in your own names, languages and officers. Every side
    needs an administrator, who enters further officers later.
    """
    if len(sides) < 2 or len(set(sides)) < len(sides):
        raise UsageError("a channel has two sides or more, each with a name of its own")
    out_json(example(name, sides))
    return 0


def example(name: str, sides: Sequence[str]) -> dict[str, Any]:
    """Return an official channel with a duty officer and an administrator a side."""
    return {
        "name": name,
        "kind": "official",
        "sides": list(sides),
        "languages": ["en", "fr"],
        "officers": [
            {"side": side, "officer": officer, "office": f"{side}-office", "roles": [role]}
            for side in sides
            for officer, role in (("d-1", "duty_officer"), ("adm-1", "administrator"))
        ],
    }


@channel.command(name="list")
async def channel_list(*, target: Target = EVERYWHERE) -> int:
    """List the channels that the token can see."""
    async with connected(target, operator=_asks_as_operator(target)) as caller:
        channels = (await caller.call("GET", "/v1/channels")).json()["channels"]
    if target.json:
        out_json(channels)
    else:
        table(
            [[c["name"], c["kind"], ", ".join(c["sides"]), str(c["position"])] for c in channels],
            ["CHANNEL", "KIND", "SIDES", "POSITION"],
        )
    return 0


@channel.command(name="show")
async def channel_show(
    name: Annotated[str, Parameter(help="The channel.")], *, target: Target = EVERYWHERE
) -> int:
    """Show a channel: its cid, its sides and the length of its log."""
    async with connected(target, operator=_asks_as_operator(target)) as caller:
        out_json((await caller.call("GET", f"/v1/channels/{quote(name)}")).json())
    return 0


def _asks_as_operator(target: Target) -> bool:
    """Return whether a question is the operator's: nobody else's token is named."""
    return in_context(target, operator=True).token_file is None
