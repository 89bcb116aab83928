"""Commands of `dragoman officer`: enter and revoke officers of a side."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from dragoman.cli.common import (
    EVERYWHERE,
    Target,
    UsageError,
    channel_of,
    connected,
    out_json,
    say,
    table,
)
from dragoman.cli.signature import Sign, post_signed, seed_of
from dragoman.client import Client
from dragoman.tlog import dsse
from dragoman_schemas.acts.office.channel import Role

officer = App(name="officer", help="Enter and revoke officers, as an administrator of their side.")


def _side_and_name(actor: str) -> tuple[str, str]:
    side, slash, name = actor.partition("/")
    if not slash or not name:
        raise UsageError(f"an officer is written side/name, like nato/o-17, not {actor}")
    return side, name


async def _own_side(caller: Client, side: str) -> None:
    me = (await caller.call("GET", "/v1/me")).json()["actor"]
    if me.partition("/")[0] != side:
        raise UsageError(
            f"this token speaks for {me}, who enters and revokes officers of their own side only"
        )


@officer.command
async def add(
    actor: Annotated[str, Parameter(help="The officer, as SIDE/OFFICER.")],
    *,
    office: Annotated[str, Parameter(help="The name of the office.")],
    role: Annotated[list[Role], Parameter(help="A role; may be repeated.")],
    key: Annotated[
        tuple[Path, ...],
        Parameter(
            negative=(), help="A file with one of the officer's own keys, which signs as well."
        ),
    ] = (),
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Enter an officer, or change the office and the roles of one.

    ACTOR is side/name: the name of an office, never of a person. If the sides keep
    their own keys, --sign has the key of root or of an administrator.
    """
    side, name = _side_and_name(actor)
    seeds = [seed_of(path) for path in key]
    body: dict[str, Any] = {"act": "officer", "officer": name, "office": office, "roles": role}
    if seeds:
        body["keys"] = [dsse.encode_base64(dsse.public_of(seed)) for seed in seeds]
    async with connected(target) as caller:
        await _own_side(caller, side)
    recorded = await post_signed(target, body, [*seeds, *map(seed_of, sign)])
    _report(
        target,
        recorded,
        f"{actor} is in office from position {recorded.position}; the operator can issue a token",
    )
    return 0


@officer.command
async def revoke(
    actor: Annotated[str, Parameter(help="The officer, as SIDE/OFFICER.")],
    *,
    reason: Annotated[str | None, Parameter(help="The reason, which is recorded.")] = None,
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Revoke an officer, who can then do nothing in the channel.

    The name cannot be entered again.
    """
    side, name = _side_and_name(actor)
    body: dict[str, Any] = {"act": "officer-revocation", "officer": name} | (
        {"reason": reason} if reason else {}
    )
    async with connected(target) as caller:
        await _own_side(caller, side)
    recorded = await post_signed(target, body, [seed_of(path) for path in sign])
    _report(target, recorded, f"{actor} is revoked from position {recorded.position}")
    return 0


@officer.command(name="list")
async def officer_list(*, target: Target = EVERYWHERE) -> int:
    """List the officers of a channel."""
    async with connected(target) as caller:
        registry = (
            await caller.call("GET", f"/v1/channels/{await channel_of(target, caller)}/state")
        ).json()["registry"]
    officers = registry.get("officers", {})
    if target.json:
        out_json(officers)
        return 0
    rows = [
        [
            actor,
            value["office"],
            ", ".join(value["roles"]),
            f"revoked at {value['until']}" if "until" in value else "in office",
        ]
        for actor, value in sorted(officers.items())
    ]
    table(rows, ["OFFICER", "OFFICE", "ROLES", "STANDING"])
    return 0


def _report(target: Target, recorded: Any, words: str) -> None:
    if target.json:
        out_json(recorded)
    else:
        say(words)
