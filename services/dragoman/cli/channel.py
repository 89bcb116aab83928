"""The commands `dragoman channel`, `officer`, `token` and `subject`."""

from urllib.parse import quote

from cyclopts import App

from dragoman.cli.common import (
    EVERYWHERE,
    File,
    Target,
    connected,
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


@channel.command(name="list")
async def channel_list(*, target: Target = EVERYWHERE) -> int:
    """List the channels that the token can see."""
    async with connected(target, operator=target.token_file is None) as caller:
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
async def channel_show(name: str, *, target: Target = EVERYWHERE) -> int:
    """Show a channel: its cid, its sides and the length of its log."""
    async with connected(target, operator=target.token_file is None) as caller:
        out_json((await caller.call("GET", f"/v1/channels/{quote(name)}")).json())
    return 0
