"""Commands of `dragoman identity`: which sides of which channels are the same side.

dragoman identity draft nato-lo nato@nato-china nato@nato-serbia --to entry.json
dragoman identity sign entry.json --key nato-root.pem > nato.sig
dragoman identity enter entry.json nato.sig
"""

import re
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter

from dragoman.cli.common import (
    EVERYWHERE,
    NOT_FOUND,
    File,
    Target,
    UsageError,
    connected,
    exit_code,
    out,
    out_json,
    read_input,
    say,
    table,
)
from dragoman.cli.signature import Passphrase, seed_of
from dragoman.client import Client, ProblemResponse
from dragoman.domain.record import nesting
from dragoman.stores.identities import Pair, canonical
from dragoman.tlog import dsse
from dragoman_schemas.identity_responses import IdentityEntry, IdentityView, NewIdentity

identity = App(
    name="identity", help="Say which sides of several channels are the same side on this host."
)

_PAIR: Final = re.compile(r"([a-z0-9-]{1,63})@([a-z0-9-]{1,63})")

Operator = Annotated[
    bool, Parameter(negative=(), help="Call as the operator, who enters trial channels.")
]


@identity.command(name="list")
async def identity_list(*, operator: Operator = False, target: Target = EVERYWHERE) -> int:
    """List the identities that you may see."""
    async with connected(target, operator=operator) as caller:
        identities = (await caller.call("GET", "/v1/identities")).json()["identities"]
    if target.json:
        out_json(identities)
    else:
        rows = [
            [
                line["identity"],
                str(line["version"]),
                ", ".join(line["sides"]),
                str(line["channels"]),
                line["changed"],
            ]
            for line in identities
        ]
        table(rows, ["IDENTITY", "VERSION", "SIDES", "CHANNELS", "CHANGED"])
    return 0


@identity.command(name="show")
async def identity_show(
    name: Annotated[str, Parameter(help="The name of the identity.")],
    *,
    operator: Operator = False,
    target: Target = EVERYWHERE,
) -> int:
    """Show an identity with its channels."""
    async with connected(target, operator=operator) as caller:
        view = (await caller.call("GET", f"/v1/identities/{quote(name)}")).json()
    if target.json:
        out_json(view)
    else:
        rows = [[pair["side"], pair.get("name", "-"), pair["channel"]] for pair in view["pairs"]]
        table(rows, ["SIDE", "CHANNEL", "CID"])
        say(f"version {view['version']} of {view['changed']}")
    return 0


@identity.command(name="draft")
async def identity_draft(
    name: Annotated[str, Parameter(help="The name of the identity.")],
    *pairs: Annotated[str, Parameter(help="A side and its channel, like nato@nato-china.")],
    to: Annotated[
        Path | None, Parameter(help="The file to write. Default: NAME.identity.json.")
    ] = None,
    remove: Annotated[
        tuple[str, ...], Parameter(negative=(), help="A pair to take out; may be repeated.")
    ] = (),
    operator: Operator = False,
    target: Target = EVERYWHERE,
) -> int:
    """Write the next entry of an identity, for its side to sign.

    The entry has the pairs of the version in force, the PAIRS given, and not those to
    remove.
    """
    async with connected(target, operator=operator) as caller:
        view = await _view(caller, name)
        added = [await _pair(caller, text) for text in pairs]
        removed = {await _pair(caller, text) for text in remove}
    before = {(pair.channel, pair.side) for pair in view.pairs} if view else set[Pair]()
    wanted = (before | set(added)) - removed
    if wanted == before:
        raise UsageError("the entry has these channels already; name one to add or to --remove")
    raw = canonical(name, view.version + 1 if view else 1, wanted)
    path = to or Path(f"{name}.identity.json")
    path.write_bytes(raw)
    _describe(raw)
    out(str(path))
    return 0


async def _view(caller: Client, name: str) -> IdentityView | None:
    """Return an identity, or None if it does not exist yet."""
    try:
        answer = await caller.call("GET", f"/v1/identities/{quote(name)}")
    except ProblemResponse as error:
        if exit_code(error) == NOT_FOUND:
            return None
        raise
    return answer.of("identity", IdentityView)


async def _pair(caller: Client, text: str) -> Pair:
    """Return a pair that is written as side@channel. Raises `UsageError`."""
    match = _PAIR.fullmatch(text)
    if match is None:
        raise UsageError(f"{text} is not a side and its channel: write it like nato@nato-china")
    answer = await caller.call("GET", f"/v1/channels/{match[2]}")
    channel: dict[str, Any] = answer.json()
    if match[1] not in channel["sides"]:
        raise UsageError(f"{match[2]} has the sides {', '.join(channel['sides'])}, not {match[1]}")
    return str(channel["cid"]), match[1]


def _describe(raw: bytes) -> None:
    """Print the content of an entry in words."""
    entry = _read(raw)
    say(f"{entry.identity}, version {entry.version}, is:")
    for pair in entry.pairs:
        say(f"  {pair.side} in the channel with the cid {pair.channel}")


def _read(raw: bytes) -> IdentityEntry:
    try:
        entry = nesting.decode(raw, IdentityEntry)
    except msgspec.DecodeError as error:
        raise UsageError(
            f"not an entry of an identity: {error}; write one with `dragoman identity draft`"
        ) from None
    if raw != canonical(
        entry.identity, entry.version, [(pair.channel, pair.side) for pair in entry.pairs]
    ):
        raise UsageError("the file was changed after `dragoman identity draft`; draft it again")
    return entry


@identity.command(name="sign")
def identity_sign(
    file: File,
    *,
    key: Annotated[Path, Parameter(help="The file of the key that signs.")],
    passphrase: Passphrase = None,
) -> int:
    """Read an entry and sign it, with the key of root or of an administrator.

    Each new channel needs a key of your side in that channel, and a change needs one of
    a channel that the identity has already.
    """
    raw = read_input(file).rstrip(b"\n")
    seed = seed_of(key, passphrase)
    _describe(raw)
    signature = dsse.sign(seed, raw, payload_type=dsse.IDENTITY_TYPE)
    out(dsse.write_signatures({dsse.key_id(dsse.public_of(seed)): signature}))
    return 0


@identity.command(name="enter")
async def identity_enter(
    file: File,
    *signatures: Annotated[Path, Parameter(help="The files of the sides' signatures.")],
    operator: Operator = False,
    target: Target = EVERYWHERE,
) -> int:
    """Enter an entry with its signatures, which are files from `identity sign`.

    Entering it again changes nothing.
    """
    raw = read_input(file).rstrip(b"\n")
    entry = _read(raw)
    new = NewIdentity(
        entry=msgspec.Raw(raw),
        signatures=tuple(path.read_text().strip() for path in signatures),
    )
    async with connected(target, operator=operator) as caller:
        answer = await caller.call(
            "PUT", f"/v1/identities/{quote(entry.identity)}", msgspec.json.encode(new)
        )
    if target.json:
        out_json(answer.body)
    else:
        view = answer.of("identity", IdentityView)
        say(f"{view.identity} has version {view.version} and {len(view.pairs)} channels")
    return 0
