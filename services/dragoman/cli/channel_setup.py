"""The commands of `dragoman channel` that take every side (docs/own-keys.md).

They are `arrangement`, `draft`, `sign`, `open`, `admit`, `end`, `consent`, `erase` and
`post`.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from cyclopts import Parameter
from msgspec import UnsetType

from dragoman.cli.channel import channel
from dragoman.cli.common import (
    EVERYWHERE,
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
from dragoman.cli.signature import Passphrase, Sign, post_signed, seed_of, sign_act
from dragoman.client import Client
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.erasure import Naming, exchanges_of, left_of
from dragoman.domain.acts.families import genesis
from dragoman.domain.record import nesting
from dragoman.domain.record.codec import parse_stored, read_act
from dragoman.tlog import dsse
from dragoman.tlog.note import ED25519, NotANote, Verifier
from dragoman_schemas.act_frame import Signed
from dragoman_schemas.acts.office.channel import (
    ChannelEnd,
    ChannelOpening,
    ErasedRecord,
    Erasure,
    ErasureConsent,
    LogHandover,
    Predecessor,
    SideAdmission,
    Successor,
)
from dragoman_schemas.fields import Words, or_default
from dragoman_schemas.host_responses import Opening
from dragoman_schemas.responses import ExchangeView, Recorded


@channel.command(name="arrangement")
def channel_arrangement() -> int:
    """Print a template of the arrangement that an opening can have.

    It is the text to which all sides agree by signing the opening. Write it into a
    file, change it as the sides agree, and give it to `channel draft --arrangement`.
    """
    out(_ARRANGEMENT.read_text().rstrip("\n"), lines=True)
    return 0


_ARRANGEMENT: Final = Path(__file__).with_name("arrangement.txt")


@channel.command(name="draft")
async def channel_draft(
    file: File,
    *,
    arrangement: Annotated[
        list[str] | None,
        Parameter(
            help="A file with the text of the arrangement, or LANGUAGE=FILE; may be repeated.",
            negative=(),
        ),
    ] = None,
    to: Annotated[
        Path | None, Parameter(help="The file to write. Default: NAME.opening.json.")
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Draft the opening of a channel whose sides keep their own keys.

    FILE is JSON with the name and the sides' root keys. Every side signs the draft with
    `channel sign`; then `channel open` opens the channel.
    """
    try:
        request: Any = nesting.decode(read_input(file), object)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not JSON: {error}") from None
    if not isinstance(request, dict) or not isinstance(request.get("name"), str):
        raise UsageError(
            "the file must be one JSON object with name, sides and other members of an opening; "
            "see docs/own-keys.md"
        )
    async with connected(target, operator=True) as caller:
        terms = (await caller.call("GET", f"/v1/openings/{quote(request['name'])}")).json()
    sides = [
        {"threshold": 1, **side} if isinstance(side, dict) else side
        for side in request.get("sides", [])
    ]
    act = {
        "act": "channel-opening",
        "type": "dragoman.channel-opening.v1",
        "kind": "official",
        "languages": ["en"],
        "rules": terms["rules"],
        **request,
        **({"arrangement": _texts(arrangement)} if arrangement else {}),
        "sides": sides,
        "log_key": terms["log_key"],
        "origin": terms["origin"],
        "nonce": secrets.token_hex(32),
    }
    if isinstance(request.get("policy"), str) and "witnesses" not in request:
        act["witnesses"] = _witnesses(terms, request["policy"])
    raw, data = _opening(json.dumps(act, separators=(",", ":"), ensure_ascii=False).encode())
    path = to or Path(f"{data.name}.opening.json")
    path.write_bytes(raw)
    _describe(raw, data)
    out(str(path))
    return 0


def _texts(files: list[str]) -> str | dict[str, str]:
    """Return the text of a file, or of several files, each under its language.

    Raises `UsageError`.
    """
    texts: dict[str, str] = {}
    for argument in files:
        language, _, path = argument.rpartition("=")
        try:
            text = read_input(path).decode()
        except UnicodeDecodeError:
            raise UsageError(f"{path} is not text in UTF-8") from None
        if language in texts or (texts and "" in (language, *texts)):
            raise UsageError("name each file of the arrangement as LANGUAGE=FILE, each once")
        texts[language] = text.rstrip("\n")
    return texts.get("", texts)


def _witnesses(terms: dict[str, Any], text: str) -> list[str]:
    """Return the verifier keys of the witnesses that a policy names.

    Raises `UsageError`.
    """
    log = Verifier(terms["origin"], ED25519, dsse.decode_base64(terms["log_key"], 32) or bytes(32))
    try:
        return [str(witness) for witness in log_policy.read_policy(log, text).witnesses.values()]
    except NotANote as error:
        raise UsageError(f"policy: {error}") from None


def _opening(raw: bytes) -> tuple[bytes, ChannelOpening]:
    """Return an opening that the sides may sign.

    Raises `UsageError`, `Malformed`.
    """
    act, data = read_act(raw.rstrip(b"\n"), cut=False)
    if not isinstance(data, ChannelOpening):
        raise UsageError("this is not a channel-opening; draft one with `dragoman channel draft`")
    refusal = genesis.check_opening(data)
    if refusal is not None:
        raise UsageError(
            "; ".join(f"{fault.pointer}: {fault.detail}" for fault in refusal.faults)
            or str(refusal.detail)
        )
    return act, data


def _by_language(words: Words | UnsetType) -> Iterator[tuple[str, str]]:
    """Yield a text with its language, or each of several; nothing for none."""
    if not isinstance(words, UnsetType):
        yield from (words.items() if isinstance(words, dict) else [("", words)])


def _say_text(name: str, text: str) -> None:
    """Print a text of several lines under its name."""
    for line in (f"  {name}:", *(f"    {line}" for line in text.splitlines())):
        say(line.rstrip())


def _describe(raw: bytes, data: ChannelOpening) -> None:
    """Print the content of an opening in words."""
    say(f"{data.name}, {data.kind}, log {data.origin}, languages {', '.join(data.languages)}")
    for side in data.sides:
        ids = ", ".join(dsse.key_id(dsse.decode_base64(root, 32) or b"") for root in side.roots)
        say(f"  {side.name}: {side.threshold} of the root keys {ids}")
    for witness in data.witnesses if isinstance(data.witnesses, tuple) else ():
        say(f"  witness {witness}")
    for tag, text in _by_language(data.arrangement):
        _say_text(f"arrangement{tag and f' ({tag})'}, to which you agree by signing", text)
    if isinstance(data.continues, Predecessor):
        say(f"  goes on from the channel {data.continues.cid} at {data.continues.size} records")
    if isinstance(data.required_signatures, tuple):
        say(f"  every officer's act must be signed in: {', '.join(data.required_signatures)}")
    if isinstance(data.file_types, tuple):
        say(f"  types of files that acts may attach: {', '.join(data.file_types) or 'none'}")
    say("write these down: auditors of your side start from them, and from no server's word")
    say(f"  cid {genesis.cid_of(raw)}")
    say(
        f"  log {Verifier(data.origin, ED25519, dsse.decode_base64(data.log_key, 32) or bytes(32))}"
    )


@channel.command(name="sign")
def channel_sign(
    file: File,
    *,
    key: Annotated[Path, Parameter(help="The file of the key that signs.")],
    passphrase: Passphrase = None,
) -> int:
    """Read an opening, an admission, an end or an erasure, and sign it.

    An opening is signed with a root key of your side, the others with the key of root
    or of an administrator. The signature goes to the person who opens the channel, or
    posts the act.
    """
    raw = read_input(file).rstrip(b"\n")
    seed = seed_of(key, passphrase)
    mine = dsse.encode_base64(dsse.public_of(seed))
    data = read_act(raw, cut=False)[1]
    if isinstance(data, LogHandover):
        raise UsageError("a handover is compared with your own copy first: `dragoman host sign`")
    if isinstance(data, SideAdmission | ChannelEnd | Erasure):
        _describe_consent(data)
        say("signed")
    else:
        opening = _opening(raw)[1]
        side = next((side.name for side in opening.sides if mine in side.roots), None)
        if side is None:
            raise UsageError(
                f"the key in {key} is not a root key of this opening: "
                f"{dsse.key_id(dsse.public_of(seed))}"
            )
        _describe(raw, opening)
        say(f"signed for {side}")
    out(dsse.write_signatures({dsse.key_id(dsse.public_of(seed)): dsse.sign(seed, raw)}))
    return 0


def _describe_consent(data: SideAdmission | ChannelEnd | Erasure) -> None:
    if isinstance(data, Erasure):
        say(
            f"{_size_in_words(data)} will be removed from the record, for ever: "
            f"{', '.join(exchanges_of(data))}"
        )
        say("read each of them before you sign: dragoman show ID")
        return
    where = data.signed.channel if isinstance(data.signed, Signed) else ""
    if isinstance(data, ChannelEnd):
        say(f"the channel {where} will end for all sides; nobody can say anything in it afterwards")
        if isinstance(data.successor, Successor):
            say(f"  go on in {data.successor.name} {or_default(data.successor.cid, '')}".rstrip())
        for tag, text in _by_language(data.reason):
            _say_text(f"reason{tag and f' ({tag})'}", text)
        return
    ids = ", ".join(dsse.key_id(dsse.decode_base64(root, 32) or b"") for root in data.side.roots)
    say(
        f"{data.side.name} will be admitted to the channel {where}, and read the whole log: "
        f"{data.side.threshold} of the root keys {ids}"
    )


@channel.command(name="admit")
async def channel_admit(
    side: Annotated[str, Parameter(help="The name of the new side.")],
    *,
    root: Annotated[
        list[str],
        Parameter(help="A root key of the new side, from `keys new`; may be repeated."),
    ],
    threshold: Annotated[int, Parameter(help="The number of root keys that must sign.")] = 1,
    next_roots: Annotated[
        str, Parameter(help="The hash of the next root keys, from `keys next-roots`.")
    ] = "",
    to: Annotated[
        Path | None, Parameter(help="The file to write. Default: SIDE.admission.json.")
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Draft the admission of a further side, as root or an administrator.

    Every side signs it with `channel sign`, and `channel post` records it.
    """
    admitted: dict[str, Any] = {"name": side, "roots": root, "threshold": threshold} | (
        {"next_roots": next_roots} if next_roots else {}
    )
    act, data = read_act(
        msgspec.json.encode({"act": "side-admission", "side": admitted}), cut=False
    )
    async with connected(target) as caller:
        drafted = await sign_act(caller, await channel_of(target, caller), act, data, [])
    path = to or Path(f"{side}.admission.json")
    path.write_bytes(drafted.act)
    out(str(path))
    say(
        "every side signs it with `dragoman channel sign`, the new side as well; "
        "its author posts it with `dragoman channel post`"
    )
    return 0


@channel.command(name="end")
async def channel_end(
    *,
    reason: Annotated[str, Parameter(help="The reason, which is recorded.")],
    successor: Annotated[str, Parameter(help="The channel in which the sides go on.")] = "",
    cid: Annotated[str, Parameter(help="The id of that channel, if it is open already.")] = "",
    to: Annotated[
        Path | None, Parameter(help="The file to write. Default: CHANNEL.end.json.")
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Draft the end of the channel, as root or an administrator.

    Every side signs it with `channel sign`, and `channel post` records it. Then nothing
    is owed any more. Only erasures and the changes of officers and keys are possible.
    """
    if cid and not successor:
        raise UsageError("--cid is the id of a successor: name it with --successor")
    following = {"name": successor} | ({"cid": cid} if cid else {})
    body = {"act": "channel-end", "reason": reason} | (
        {"successor": following} if successor else {}
    )
    act, data = read_act(msgspec.json.encode(body), cut=False)
    async with connected(target) as caller:
        name = await channel_of(target, caller)
        drafted = await sign_act(caller, name, act, data, [])
    path = to or Path(f"{name}.end.json")
    path.write_bytes(drafted.act)
    out(str(path))
    say(
        "every side signs it with `dragoman channel sign`; "
        "its author posts it with `dragoman channel post`"
    )
    return 0


@channel.command(name="erase")
async def channel_erase(
    *exchanges: Annotated[str, Parameter(help="The exchanges to erase, by their numbers or ids.")],
    reason: Annotated[str, Parameter(help="The reason, which is recorded.")] = "",
    to: Annotated[
        Path | None, Parameter(help="The file to write. Default: CHANNEL.erasure.json.")
    ] = None,
    yes: Annotated[
        bool,
        Parameter(negative=(), help="In a trial: erase, after every other side has consented."),
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Draft an erasure of whole exchanges, as root or an administrator.

    Every side signs it with `channel sign`, and `channel post` records it. In a trial
    the host keeps the keys, and nobody signs. With --yes the erasure is then recorded,
    if every other side has consented with `channel consent`.
    """
    async with connected(target) as caller:
        name = await channel_of(target, caller)
        act, data = await _naming(
            "erasure", caller, name, exchanges, {"reason": reason} if reason else {}
        )
        if (await caller.call("GET", f"/v1/channels/{quote(name)}")).json()["custody"] == "host":
            if not yes:
                raise UsageError(
                    f"{_size_in_words(data)} will be removed from the record, for ever: "
                    f"{', '.join(exchanges_of(data))}; --yes does it"
                )
            return _tell_erased(target, (await caller.post(name, act)).recorded)
        drafted = await sign_act(caller, name, act, data, [])
    path = to or Path(f"{name}.erasure.json")
    path.write_bytes(drafted.act)
    out(str(path))
    say(
        "every side signs it with `dragoman channel sign`; "
        "its author posts it with `dragoman channel post`"
    )
    return 0


@channel.command(name="consent")
async def channel_consent(
    *exchanges: Annotated[str, Parameter(help="The exchanges, by their numbers or ids.")],
    read: Annotated[
        int,
        Parameter(help="The last position that you have read. Later records are not consented to."),
    ] = 0,
    reason: Annotated[str, Parameter(help="The reason, which is recorded.")] = "",
    withdraw: Annotated[
        bool, Parameter(negative=(), help="Withdraw a consent that has had no effect yet.")
    ] = False,
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Record your side's consent to the erasure of whole exchanges.

    You act as root or as an administrator, after reading the exchanges. The consent
    covers their present content only. A later record in one of them needs a new
    consent.
    """
    more = ({"reason": reason} if reason else {}) | ({"withdrawn": True} if withdraw else {})
    async with connected(target) as caller:
        act, data = await _naming(
            "erasure-consent", caller, await channel_of(target, caller), exchanges, more
        )
    newest = max(record.position for record in data.records)
    if read and newest > read:
        raise UsageError(f"there is a later record at {newest}: read it, then name that position")
    recorded = await post_signed(target, act, [seed_of(path) for path in sign])
    if target.json:
        out_json(recorded)
    else:
        outcome = "the consent is withdrawn" if withdraw else "consented"
        say(
            f"{outcome} at position {recorded.position}: the erasure of {_size_in_words(data)}, "
            "as they are now"
        )
    return 0


async def _naming(
    name: str, caller: Client, channel: str, exchanges: tuple[str, ...], more: dict[str, Any]
) -> tuple[bytes, Naming]:
    """Return an act that names every record of some exchanges."""
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


def _size_in_words(data: Naming) -> str:
    return f"{len(data.records)} records of {len(exchanges_of(data))} exchanges"


def _tell_erased(target: Target, recorded: Recorded) -> int:
    if target.json:
        out_json(recorded)
    else:
        say(
            f"erased at position {recorded.position}; `dragoman log rebuild --erase` removes the "
            "bytes from the host's disks, a side's mirror removes them by itself"
        )
    return 0


async def _records_of(caller: Client, channel: str, exchange: str) -> list[ErasedRecord]:
    """Return the remains that an erasure leaves of every record of an exchange.

    They are computed from the bytes of the records.
    """
    answer = await caller.call("GET", f"/v1/channels/{quote(channel)}/exchanges/{quote(exchange)}")
    timeline = await timeline_of(caller, channel, exchange, answer.of("exchange", ExchangeView))
    return [
        left_of(entry.position, parse_stored(bytes(entry.record)), void=not entry.valid)
        for entry in timeline
        if isinstance(entry.record, msgspec.Raw)
    ]


_WHAT_TO_POST: Final = (
    "name the file of `channel admit`, `channel end`, `channel erase` or `host draft`, "
    "and the files of all signatures from `channel sign` or `host sign`"
)


def read_signature_files(files: Sequence[Path]) -> dict[str, str]:
    """Return the headers with the signatures in files. Raises `UsageError`."""
    lines = [
        line for path in files for line in read_input(str(path)).decode(errors="replace").split()
    ]
    if not lines:
        raise UsageError(_WHAT_TO_POST)
    keyids, signature_texts = zip(
        *(line.split(":", 1) if ":" in line else (line, "") for line in lines), strict=True
    )
    return {"Dragoman-Key-Id": " ".join(keyids), "Dragoman-Signature": " ".join(signature_texts)}


@channel.command(name="post")
async def channel_post(
    file: File,
    *signatures: Annotated[Path, Parameter(help="The files of the sides' signatures.")],
    target: Target = EVERYWHERE,
) -> int:
    """Post an admission, an end, an erasure or a handover that all sides have signed.

    Name the files of their signatures, and use the token of its author. Posting it
    again changes nothing.
    """
    raw = read_input(file).rstrip(b"\n")
    data = read_act(raw, cut=False)[1]
    if not isinstance(data, SideAdmission | ChannelEnd | Erasure | LogHandover) or not isinstance(
        data.signed, Signed
    ):
        raise UsageError(_WHAT_TO_POST)
    headers = read_signature_files(signatures)
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
    elif isinstance(data, LogHandover):
        say(f"from position {recorded.position} the heads of the log are signed with {data.key}")
    elif isinstance(data, ChannelEnd):
        say(f"the channel ended at position {recorded.position}")
    else:
        say(
            f"{data.side.name} is a side from position {recorded.position}; "
            "its root enters its officers"
        )
    return 0


@channel.command(name="open")
async def channel_open(
    opening: File,
    *signatures: Annotated[Path, Parameter(help="The files of the sides' signatures.")],
    target: Target = EVERYWHERE,
) -> int:
    """Open a channel from its opening and the signatures of every side.

    The signatures are files from `channel sign`. Opening it again changes nothing.
    """
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
            "opened; the operator issues tokens to each SIDE/root, which enters the side's "
            "officers: see docs/own-keys.md"
        )
    return 0


__all__ = ["channel"]
