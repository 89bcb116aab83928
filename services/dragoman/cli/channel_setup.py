"""`dragoman channel draft`, `sign`, `open`, `admit`, `consent`, `erase` and `post`: what takes every side (docs/own-keys.md)."""

import json
import secrets
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from cyclopts import Parameter

from dragoman.cli.channel import EVERYWHERE, channel
from dragoman.cli.common import (
    File,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    read_input,
    say,
    timeline_of,
)
from dragoman.cli.signature import Passphrase, Sign, posted, seed_of, signed
from dragoman.client import Client
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.erasure import Naming, exchanges_of, left_of
from dragoman.domain.acts.families import channel as channels
from dragoman.domain.record.codec import parse, read_act
from dragoman.tlog import dsse
from dragoman.tlog.note import ED25519, NotANote, Verifier
from dragoman_schemas.act_frame import Signed
from dragoman_schemas.acts.office.channel import (
    ChannelOpening,
    ErasedRecord,
    Erasure,
    ErasureConsent,
    SideAdmission,
)
from dragoman_schemas.host_responses import Opening
from dragoman_schemas.responses import ExchangeView, Recorded


@channel.command(name="draft")
async def channel_draft(
    file: File,
    *,
    to: Annotated[
        Path | None, Parameter(help="Where to write it. Default: NAME.opening.json.")
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Draft the opening of a channel whose sides keep their own keys, from a JSON file with its name and the sides' root keys.

    It goes to every side, which signs it with `channel sign`; then `channel open` opens
    the channel.
    """
    try:
        given = json.loads(read_input(file))
    except ValueError as error:
        raise UsageError(f"{file} is no JSON: {error}") from None
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise UsageError(
            "the file is one JSON object with name, sides, and what else the opening says; see docs/own-keys.md"
        )
    async with connected(target, operator=True) as caller:
        terms = (await caller.call("GET", f"/v1/openings/{quote(given['name'])}")).json()
    sides = [
        {"threshold": 1, **side} if isinstance(side, dict) else side
        for side in given.get("sides", [])
    ]
    act = {
        "act": "channel-opening",
        "type": "dragoman.channel-opening.v1",
        "kind": "official",
        "languages": ["en"],
        **given,
        "sides": sides,
        "log_key": terms["log_key"],
        "origin": terms["origin"],
        "rules": 1,
        "nonce": secrets.token_hex(32),
    }
    if isinstance(given.get("policy"), str) and "witnesses" not in given:
        act["witnesses"] = _witnesses(terms, given["policy"])
    raw, data = _opening(json.dumps(act, separators=(",", ":"), ensure_ascii=False).encode())
    path = to or Path(f"{data.name}.opening.json")
    path.write_bytes(raw)
    _describe(raw, data)
    out(str(path))
    return 0


def _witnesses(terms: dict[str, str], text: str) -> list[str]:
    """Return the verifier keys of the witnesses that a policy names. Raises `UsageError`."""
    log = Verifier(terms["origin"], ED25519, dsse.decode_base64(terms["log_key"], 32) or bytes(32))
    try:
        return [str(witness) for witness in log_policy.whole(log, text).witnesses.values()]
    except NotANote as error:
        raise UsageError(f"policy: {error}") from None


def _opening(raw: bytes) -> tuple[bytes, ChannelOpening]:
    """Return an opening that the sides may sign. Raises `UsageError`, `Malformed`."""
    act, data = read_act(raw.rstrip(b"\n"), cut=False)
    if not isinstance(data, ChannelOpening):
        raise UsageError("this is no channel-opening; draft one with `dragoman channel draft`")
    refusal = channels.check_opening(data)
    if refusal is not None:
        raise UsageError(
            "; ".join(f"{fault.pointer}: {fault.detail}" for fault in refusal.faults)
            or str(refusal.detail)
        )
    return act, data


def _describe(raw: bytes, data: ChannelOpening) -> None:
    """Say what is signed, in words."""
    say(f"{data.name}, {data.kind}, log {data.origin}, languages {', '.join(data.languages)}")
    for side in data.sides:
        ids = ", ".join(dsse.key_id(dsse.decode_base64(root, 32) or b"") for root in side.roots)
        say(f"  {side.name}: {side.threshold} of the root keys {ids}")
    for witness in data.witnesses if isinstance(data.witnesses, tuple) else ():
        say(f"  witness {witness}")
    if isinstance(data.required_signatures, tuple):
        say(f"  every officer's act must be signed in: {', '.join(data.required_signatures)}")
    say(
        "write these down: auditors of your side start from them, and from nothing that a server says"
    )
    say(f"  cid {channels.cid_of(raw)}")
    say(
        f"  log {Verifier(data.origin, ED25519, dsse.decode_base64(data.log_key, 32) or bytes(32))}"
    )


@channel.command(name="sign")
def channel_sign(file: File, *, key: Path, passphrase: Passphrase = None) -> int:
    """Sign an opening with a root key of your side, or an admission or erasure with root or as administrator, after reading what it says.

    The signature goes to who opens the channel, or posts the act.
    """
    raw = read_input(file).rstrip(b"\n")
    seed = seed_of(key, passphrase)
    mine = dsse.encode_base64(dsse.public_of(seed))
    data = read_act(raw, cut=False)[1]
    if isinstance(data, SideAdmission | Erasure):
        _describe_consent(data)
        say("signed")
    else:
        opening = _opening(raw)[1]
        side = next((side.name for side in opening.sides if mine in side.roots), None)
        if side is None:
            raise UsageError(
                f"the key in {key} is no root key of this opening: {dsse.key_id(dsse.public_of(seed))}"
            )
        _describe(raw, opening)
        say(f"signed for {side}")
    out(dsse.write_signatures({dsse.key_id(dsse.public_of(seed)): dsse.sign(seed, raw)}))
    return 0


def _describe_consent(data: SideAdmission | Erasure) -> None:
    if isinstance(data, Erasure):
        say(
            f"{_counted(data)} are taken out of the record, for ever: {', '.join(exchanges_of(data))}"
        )
        say("look at each of them before you sign: dragoman show ID")
        return
    ids = ", ".join(dsse.key_id(dsse.decode_base64(root, 32) or b"") for root in data.side.roots)
    where = data.signed.channel if isinstance(data.signed, Signed) else ""
    say(
        f"{data.side.name} is admitted to the channel {where}, and reads the whole log: {data.side.threshold} of the root keys {ids}"
    )


@channel.command(name="admit")
async def channel_admit(
    side: str,
    *,
    root: Annotated[
        list[str],
        Parameter(help="A root key of the new side, as `keys new` prints it; once for each."),
    ],
    threshold: int = 1,
    next_roots: str = "",
    to: Annotated[
        Path | None, Parameter(help="Where to write it. Default: SIDE.admission.json.")
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Draft the admission of a further side, as root or an administrator. Every side signs it with `channel sign`; `channel post` records it."""
    admitted: dict[str, Any] = {"name": side, "roots": root, "threshold": threshold} | (
        {"next_roots": next_roots} if next_roots else {}
    )
    act, data = read_act(
        msgspec.json.encode({"act": "side-admission", "side": admitted}), cut=False
    )
    async with connected(target) as caller:
        drafted = await signed(caller, await channel_of(target, caller), act, data, [])
    path = to or Path(f"{side}.admission.json")
    path.write_bytes(drafted.act)
    out(str(path))
    say(
        "every side signs it, and the new side as well, with `dragoman channel sign`; its author posts it with `dragoman channel post`"
    )
    return 0


@channel.command(name="erase")
async def channel_erase(
    *exchanges: str,
    reason: str = "",
    to: Annotated[
        Path | None, Parameter(help="Where to write it. Default: CHANNEL.erasure.json.")
    ] = None,
    yes: Annotated[
        bool,
        Parameter(negative=(), help="In a trial: do it, after every other side has consented."),
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Draft an erasure of whole exchanges, as root or an administrator. Every side signs it with `channel sign`; `channel post` records it.

    In a trial, whose keys the host keeps, nobody signs it: with --yes it is recorded if
    every other side has consented with `channel consent`.
    """
    async with connected(target) as caller:
        name = await channel_of(target, caller)
        act, data = await _naming(
            "erasure", caller, name, exchanges, {"reason": reason} if reason else {}
        )
        if (await caller.call("GET", f"/v1/channels/{quote(name)}")).json()["custody"] == "host":
            if not yes:
                raise UsageError(
                    f"{_counted(data)} are taken out of the record, for ever: {', '.join(exchanges_of(data))}; --yes does it"
                )
            return _tell_erased(target, (await caller.post(name, act)).recorded)
        drafted = await signed(caller, name, act, data, [])
    path = to or Path(f"{name}.erasure.json")
    path.write_bytes(drafted.act)
    out(str(path))
    say(
        "every side signs it with `dragoman channel sign`; its author posts it with `dragoman channel post`"
    )
    return 0


@channel.command(name="consent")
async def channel_consent(
    *exchanges: str,
    read: Annotated[
        int,
        Parameter(
            help="The last position that you have read: what was said in them later is not consented to."
        ),
    ] = 0,
    reason: str = "",
    withdraw: Annotated[
        bool, Parameter(negative=(), help="Take a consent back that nothing has come of yet.")
    ] = False,
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Record your side's consent to the erasure of whole exchanges, as root or an administrator, after reading them.

    It is to just what they hold by now: whatever is said in one of them later takes a
    consent anew.
    """
    more = ({"reason": reason} if reason else {}) | ({"withdrawn": True} if withdraw else {})
    async with connected(target) as caller:
        act, data = await _naming(
            "erasure-consent", caller, await channel_of(target, caller), exchanges, more
        )
    newest = max(record.position for record in data.records)
    if read and newest > read:
        raise UsageError(
            f"something was said at {newest}, after what you have read: read it, then name that position"
        )
    recorded = await posted(target, act, [seed_of(path) for path in sign])
    if target.json:
        out_json(recorded)
    else:
        what = "the consent is taken back" if withdraw else "consented"
        say(
            f"{what} at position {recorded.position}: the erasure of {_counted(data)}, as they are by now"
        )
    return 0


async def _naming(
    name: str, caller: Client, channel: str, exchanges: tuple[str, ...], more: dict[str, Any]
) -> tuple[bytes, Naming]:
    """Return an act that names every record of these exchanges."""
    if not exchanges:
        raise UsageError("name the exchanges, by their ids")
    erased_records = [
        record
        for exchange in dict.fromkeys(exchanges)
        for record in await _records_of(caller, channel, exchange)
    ]
    body = {
        "act": name,
        "records": sorted(erased_records, key=lambda erased_record: erased_record.position),
    } | more
    act, data = read_act(msgspec.json.encode(body), cut=False)
    assert isinstance(data, Erasure | ErasureConsent)
    return act, data


def _counted(data: Naming) -> str:
    return f"{len(data.records)} records of {len(exchanges_of(data))} exchanges"


def _tell_erased(target: Target, recorded: Recorded) -> int:
    if target.json:
        out_json(recorded)
    else:
        say(
            f"erased at position {recorded.position}; the bytes go from the host's disks with `dragoman log rebuild --erase`, and from a side's mirror by itself"
        )
    return 0


async def _records_of(caller: Client, channel: str, exchange: str) -> list[ErasedRecord]:
    """Return what an erasure keeps of every record of an exchange, from the records' own bytes."""
    answer = await caller.call("GET", f"/v1/channels/{quote(channel)}/exchanges/{quote(exchange)}")
    timeline = await timeline_of(
        caller, channel, exchange, msgspec.json.decode(answer.body, type=ExchangeView)
    )
    return [
        left_of(entry.position, parse(bytes(entry.record)), void=not entry.valid)
        for entry in timeline
        if isinstance(entry.record, msgspec.Raw)
    ]


@channel.command(name="post")
async def channel_post(file: File, *signatures: Path, target: Target = EVERYWHERE) -> int:
    """Post an admission or an erasure that all sides have signed, with the files of their signatures. Its author's token; once more changes nothing."""
    raw = read_input(file).rstrip(b"\n")
    lines = [
        line
        for path in signatures
        for line in read_input(str(path)).decode(errors="replace").split()
    ]
    data = read_act(raw, cut=False)[1]
    if (
        not lines
        or not isinstance(data, SideAdmission | Erasure)
        or not isinstance(data.signed, Signed)
    ):
        raise UsageError(
            "name what `channel admit` or `channel erase` wrote, and the files of all signatures that `channel sign` printed"
        )
    keyids, rows = zip(
        *(line.split(":", 1) if ":" in line else (line, "") for line in lines), strict=True
    )
    headers = {"Dragoman-Key-Id": " ".join(keyids), "Dragoman-Signature": " ".join(rows)}
    async with connected(target) as caller:
        recorded = (
            await caller.post(
                await channel_of(target, caller), raw, key=data.signed.id, headers=headers
            )
        ).recorded
    if isinstance(data, Erasure):
        return _tell_erased(target, recorded)
    if target.json:
        out_json(recorded)
    else:
        say(
            f"{data.side.name} is a side from position {recorded.position}; its root enters its officers"
        )
    return 0


@channel.command(name="open")
async def channel_open(opening: File, *signatures: Path, target: Target = EVERYWHERE) -> int:
    """Open a channel by its opening and the files with the signatures that `channel sign` printed, of every side. Once more changes nothing."""
    raw, data = _opening(read_input(opening))
    lines = [
        line
        for path in signatures
        for line in read_input(str(path)).decode(errors="replace").split()
    ]
    if not lines:
        raise UsageError(
            "name the files with the signatures, as `dragoman channel sign` printed them"
        )
    body = msgspec.json.encode(Opening(act=msgspec.Raw(raw), signatures=tuple(lines)))
    async with connected(target, operator=True) as caller:
        opened = (await caller.call("POST", "/v1/openings", body)).json()
    if target.json:
        out_json(opened)
    else:
        _describe(raw, data)
        out(opened["name"])
        say(
            "opened; the operator issues tokens to each SIDE/root, which enters the side's officers: see docs/own-keys.md"
        )
    return 0


__all__ = ["channel"]
