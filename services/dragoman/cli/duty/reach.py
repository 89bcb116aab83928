"""The commands `dragoman reach`: how you are reached when the pages are closed."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter

from dragoman.cli.common import EVERYWHERE, Target, channel_of, connected, out, out_json, say, table
from dragoman.client import new_key

reach = App(name="reach", help="Say how you are reached when the pages are closed, and test it.")


@reach.command(name="list")
async def reach_list(*, target: Target = EVERYWHERE) -> int:
    """List your ways, whether each is proven, and the ways that the operator offers."""
    async with connected(target) as caller:
        view = (await caller.call("GET", "/v1/reach")).json()
    if target.json:
        out_json(view)
        return 0
    rows = [
        [
            way["id"],
            way["channel"],
            way.get("label") or way["title"] or way["way"],
            way["shown"],
            way["state"],
            way.get("proven", ""),
            way.get("answered", ""),
        ]
        for way in view["endpoints"]
    ]
    table(rows, ["ID", "CHANNEL", "WAY", "TO", "PROOF", "PROVEN", ""])
    offered = ", ".join(f"{way['name']} ({way['to']})" for way in view["ways"])
    say(f"you can add: {offered}")
    say(f"a proof counts for {view['days_of_proof']} days")
    return 0


@reach.command
async def add(
    way: Annotated[str, Parameter(help="A way that `dragoman reach list` offers, or e-mail.")],
    to: Annotated[str, Parameter(help="The address, number or name. It is sealed.")],
    *,
    label: Annotated[str, Parameter(help="Your own name for it.")] = "",
    every: Annotated[
        bool,
        Parameter(negative=(), help="Send every record, not only what the ladder brings to you."),
    ] = False,
    precedence: Annotated[
        Literal["flash", "immediate", "priority", "routine"] | None,
        Parameter(help="Only messages of this precedence or a higher one."),
    ] = None,
    language: Annotated[
        Literal["en", "fr", "zh"], Parameter(help="The language of the messages.")
    ] = "en",
    details: Annotated[
        bool, Parameter(negative=(), help="Name the sender, the act and the number.")
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Add a way to reach you. Test it afterwards."""
    async with connected(target) as caller:
        request: dict[str, Any] = {
            "channel": await channel_of(target, caller),
            "way": way,
            "to": to,
            "label": label,
            "called": not every,
            "language": language,
            "details": details,
            **({"precedence": precedence} if precedence else {}),
        }
        added = (
            await caller.call(
                "POST", "/v1/reach", msgspec.json.encode(request), {"Idempotency-Key": new_key()}
            )
        ).json()
    if target.json:
        out_json(added)
        return 0
    out(added["id"])
    say(f"added {added['shown']}; now send a test: dragoman reach test")
    return 0


@reach.command(name="test")
async def send_tests(*, target: Target = EVERYWHERE) -> int:
    """Send a test by each of your ways. Confirm each one that arrives."""
    async with connected(target) as caller:
        tested = (await caller.call("POST", "/v1/reach/tests", b"{}")).json()["endpoints"]
    if target.json:
        out_json(tested)
        return 0
    if tested:
        say(f"{len(tested)} on the way; open the link in each, or: dragoman reach confirm CODE")
    else:
        say("nothing was sent: you have no way, or each was tested within the last minute")
    return 0


@reach.command
async def confirm(
    code: Annotated[str, Parameter(help="The code that came with the test.")],
    *,
    target: Target = EVERYWHERE,
) -> int:
    """Confirm that a test has arrived."""
    async with connected(target) as caller:
        confirmed = (
            await caller.call(
                "POST", "/v1/reach/confirmations", msgspec.json.encode({"code": code})
            )
        ).json()
    if target.json:
        out_json(confirmed)
        return 0
    say(f"confirmed: {confirmed['endpoint']} reaches you")
    return 0


@reach.command
async def remove(
    id: Annotated[str, Parameter(help="The id of the way.")], *, target: Target = EVERYWHERE
) -> int:
    """Remove a way, by which nothing more is sent."""
    async with connected(target) as caller:
        await caller.call("DELETE", f"/v1/reach/{quote(id)}")
    say(f"{id} is removed")
    return 0
