"""The commands `dragoman channel`, `officer`, `token` and `subject`."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter

from dragoman.cli.common import (
    File,
    Target,
    UsageError,
    channel_of,
    connected,
    home,
    out,
    out_json,
    read_input,
    say,
    table,
)
from dragoman.cli.signature import Sign, post_signed, seed_of
from dragoman.client import Client
from dragoman.tlog import dsse
from dragoman_schemas.acts.office.channel import Role

channel = App(name="channel", help="Open channels and list them.")
officer = App(name="officer", help="Enter and revoke officers, as an administrator of their side.")
token = App(name="token", help="Issue and revoke tokens, as the operator.")
subject = App(
    name="subject", help="Map the subjects of an OIDC provider to officers, as the operator."
)

EVERYWHERE = Target()


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
    actor: str,
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
    actor: str,
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


@token.command
async def issue(
    actor: str,
    *,
    save: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Save it with the gateway's address, as your own token on this machine.",
        ),
    ] = False,
    label: Annotated[str | None, Parameter(help="A note for the list of tokens.")] = None,
    scope: Annotated[
        Literal["act", "read"], Parameter(help="read: the token cannot post.")
    ] = "act",
    expires: Annotated[
        str | None,
        Parameter(help="The time at which it ends, like 2027-01-01T00:00Z. Default: never."),
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Issue a token to an officer, and print it once.

    It is for --channel, or for the only channel that the officer is in.
    """
    request = (
        _grant_of(target, actor)
        | {"scope": scope}
        | ({"label": label} if label else {})
        | ({"expires": expires} if expires else {})
    )
    async with connected(target, operator=True) as caller:
        issued = (await caller.call("POST", "/v1/tokens", msgspec.json.encode(request))).json()
        address = caller.base_url
    if save:
        _save(home() / "token", issued["token"])
        _save(home() / "server", address)
        say(f"saved in {home()}; `dragoman post` now speaks as {actor}")
    if target.json:
        out_json(issued)
    elif not save:
        out(issued["token"])
        say(
            f"token {issued['id']} speaks for {actor} in {', '.join(issued['channels'])}; "
            "it is not shown again"
        )
    return 0


def _grant_of(target: Target, actor: str) -> dict[str, Any]:
    return {"actor": actor, "channels": [target.channel] if target.channel else []}


def _save(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")


@token.command(name="list")
async def token_list(*, target: Target = EVERYWHERE) -> int:
    """List the tokens in force."""
    async with connected(target, operator=True) as caller:
        tokens = (await caller.call("GET", "/v1/tokens")).json()["tokens"]
    if target.json:
        out_json(tokens)
    else:
        rows = [
            [
                t["id"],
                t["actor"],
                ", ".join(t["channels"]),
                t.get("scope", "act"),
                t["issued"],
                t.get("expires", "never"),
                t.get("label", ""),
            ]
            for t in tokens
        ]
        table(rows, ["TOKEN", "SPEAKS FOR", "CHANNELS", "SCOPE", "ISSUED", "EXPIRES", "LABEL"])
    return 0


@token.command(name="revoke")
async def token_revoke(id: str, *, target: Target = EVERYWHERE) -> int:
    """Revoke a token by its id."""
    async with connected(target, operator=True) as caller:
        await caller.call("DELETE", f"/v1/tokens/{quote(id)}")
    say(f"token {id} is revoked")
    return 0


@subject.command(name="add")
async def subject_add(
    subject: Annotated[str, Parameter(help="The `sub` of the provider's access tokens.")],
    actor: str,
    *,
    scope: Annotated[Literal["act", "read"], Parameter(help="read: it cannot post.")] = "act",
    target: Target = EVERYWHERE,
) -> int:
    """Let the access tokens of a subject speak for an officer.

    They do so in --channel, or in the only channel that the officer is in.
    """
    request = _grant_of(target, actor) | {"subject": subject, "scope": scope}
    async with connected(target, operator=True) as caller:
        mapped = (await caller.call("POST", "/v1/subjects", msgspec.json.encode(request))).json()
    if target.json:
        out_json(mapped)
    else:
        out(mapped["id"])
        say(f"{subject} speaks for {actor} in {', '.join(mapped['channels'])}")
    return 0


@subject.command(name="list")
async def subject_list(*, target: Target = EVERYWHERE) -> int:
    """List the mapped subjects."""
    async with connected(target, operator=True) as caller:
        subjects = (await caller.call("GET", "/v1/subjects")).json()["subjects"]
    if target.json:
        out_json(subjects)
    else:
        rows = [
            [
                s["id"],
                s["subject"],
                s["actor"],
                ", ".join(s["channels"]),
                s.get("scope", "act"),
                s["issued"],
            ]
            for s in subjects
        ]
        table(rows, ["ID", "SUBJECT", "SPEAKS FOR", "CHANNELS", "SCOPE", "MAPPED"])
    return 0


@subject.command(name="remove")
async def subject_remove(id: str, *, target: Target = EVERYWHERE) -> int:
    """Remove a subject by its id.

    Its access tokens then speak for nobody.
    """
    async with connected(target, operator=True) as caller:
        await caller.call("DELETE", f"/v1/subjects/{quote(id)}")
    say(f"subject {id} is forgotten")
    return 0


def _report(target: Target, recorded: Any, words: str) -> None:
    if target.json:
        out_json(recorded)
    else:
        say(words)
