"""Signatures on acts: key files, the members that a signature binds, and the headers.

    {"act":…, …, "signed":{channel, type, exchange, id, author, after, seen}}
    Dragoman-Key-Id, Dragoman-Signature

The first line is the signed and recorded act. The headers go with it, one entry for
each key.

The channel and its log's key are those of the genesis. The genesis must have been
opened under the requested name, and must be the one of earlier signatures. So no host
can have an act signed for an exercise that is valid in the live channel. `seen` is the
newest signed head. It is verified under the log's key and stored, so that a head that
goes back is noticed.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cyclopts import Parameter
from msgspec import Struct

from dragoman.audit.compare import of_messages
from dragoman.audit.replay import messages_of
from dragoman.cli.common import (
    HEAD_SECONDS,
    Target,
    UsageError,
    channel_of,
    connected,
    head_of,
    home,
)
from dragoman.client import Client, new_key
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.genesis import cid_of, handed_over
from dragoman.domain.acts.membership import public_of
from dragoman.domain.record.codec import NotARecord, parse_stored, read_act, type_of
from dragoman.eventlog.kept_handovers import KeptHandovers, digest_of
from dragoman.tlog import checkpoint, dsse, merkle, tiles
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import ED25519, NotANote, Verifier
from dragoman.tlog.tiles import Tile
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts import rules_versions
from dragoman_schemas.acts.office.channel import ChannelOpening, GenesisSide, LogHandover
from dragoman_schemas.responses import Recorded

Sign = Annotated[
    tuple[Path, ...],
    Parameter(name="--sign", negative=(), help="Sign with the key in this file; may be repeated."),
]
Passphrase = Annotated[
    Path | None,
    Parameter(
        help="A file with the passphrase of your key files. "
        "Default: the file that DRAGOMAN_PASSPHRASE_FILE names."
    ),
]

_OTHERS: Final = 0o077
_LOCKED: Final = b"ENCRYPTED"
"""A marker at the beginning of a key file that has a passphrase."""


class SignedAct(Struct, frozen=True, kw_only=True):
    """A signed act: its bytes, its id, and the headers that go with it."""

    act: bytes
    id: str
    headers: dict[str, str]


# Keys in files


def make_key(path: Path, passphrase: Path | None) -> bytes:
    """Make a key in a new file, and return its public part.

    Only the owner of the file can read it. Raises `UsageError`.
    """
    key = Ed25519PrivateKey.generate()
    word = _word(passphrase)
    encryption = (
        serialization.NoEncryption()
        if word is None
        else serialization.BestAvailableEncryption(word)
    )
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            f"{path} exists already, and a key is never overwritten; name a new file"
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
    return key.public_key().public_bytes_raw()


def seed_of(path: Path, passphrase: Path | None = None) -> bytes:
    """Return the private part of the key in a PEM file.

    The file is PKCS #8, as openssl writes it. `passphrase` names a file with the
    passphrase of a key that has one. Raises `UsageError`.
    """
    try:
        raw = path.read_bytes()
        locked = _LOCKED in raw
        if not locked and path.stat().st_mode & _OTHERS:
            raise UsageError(
                f"others may read {path}: chmod 600 {path}, or keep it under a passphrase"
            )
        key = serialization.load_pem_private_key(raw, _word(passphrase) if locked else None)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"{path} is not a readable key: {error}; give --passphrase if it has one"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} is not an Ed25519 key; make one with `dragoman keys new`")
    return key.private_bytes_raw()


def _word(passphrase: Path | None) -> bytes | None:
    path = passphrase or os.environ.get("DRAGOMAN_PASSPHRASE_FILE")
    try:
        return Path(path).read_bytes().rstrip(b"\r\n") if path else None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


# What a signature binds an act to


class KnownChannel(Struct, frozen=True, kw_only=True):
    """A channel that may be signed in: its name, its id, and the key of its log."""

    name: str
    cid: str
    log: Verifier
    sides: tuple[GenesisSide, ...]


async def known_channel(caller: Client, channel: str, folder: Path | None = None) -> KnownChannel:
    """Return a channel by its genesis.

    It must be the channel in which earlier acts were signed from here, as a folder
    says: without one, that of a person's own settings. Raises `UsageError`.
    """
    raw = (await caller.call("GET", f"/v1/channels/{channel}/records/1")).body
    try:
        genesis = parse_stored(raw)
    except NotARecord as error:
        raise UsageError(
            f"the gateway gives no opening of {channel}: {error}; sign nothing, and ask why"
        ) from None
    opening = genesis.data
    if not isinstance(opening, ChannelOpening) or opening.name != channel:
        opened = (
            f"the opening of {opening.name}"
            if isinstance(opening, ChannelOpening)
            else "a record that is not an opening"
        )
        raise UsageError(f"the gateway gives {opened} for {channel}: sign nothing, and ask why")
    known_head = KnownChannel(
        name=channel,
        cid=cid_of(genesis.act),
        log=Verifier(opening.origin, ED25519, public_of(opening.log_key)),
        sides=opening.sides,
    )
    server = hashlib.sha256(caller.base_url.encode()).hexdigest()[:16]
    path = (folder or home()) / "channels" / f"{channel}-{server}"
    text = f"{known_head.cid} {known_head.log}\n"
    if path.exists() and path.read_text() != text:
        raise UsageError(
            f"{channel} is not the channel in which you signed before, which {path} names: "
            "sign nothing, and ask why; remove that file only if the sides have opened the "
            "channel again"
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text)
    return known_head


async def newest_head(
    caller: Client, about: KnownChannel, folder: Path | None = None
) -> dict[str, Any]:
    """Return the newest signed head of a channel, verified and stored.

    The first head is compared with the records themselves, each later one with the one
    before. Raises `UsageError` if it goes back.
    """
    signed = await head_of(caller, about.name, wait_s=HEAD_SECONDS)
    if signed is None:
        raise UsageError(
            "no head of this log is signed yet: see that a signer runs (dragoman doctor), "
            "and try again"
        )
    log = about.log
    try:
        try:
            head, _ = checkpoint.read_signed(signed, log)
        except NotANote:
            log = await _followed_key(caller, about, folder)
            head, _ = checkpoint.read_signed(signed, log)
    except NotANote as error:
        raise UsageError(
            f"the gateway's head is not signed by the log's key: {error}; sign nothing, and ask "
            "why. If your side has handed the log over: `dragoman host follow`"
        ) from None
    path = (folder or home()) / "heads" / about.cid
    if log.later and path.exists() and not _is_of(path.read_bytes(), log):
        path.unlink()  # The old host signed it beyond a cut, so it is no head of this log.
    if not path.exists() and not await _is_of_records(caller, about.name, head):
        raise UsageError(
            f"the gateway shows a head of {head.size} records that is not of its own records: "
            "sign nothing, and ask why"
        )
    before = (
        checkpoint.read(path.read_text().rpartition("\n\n")[0] + "\n") if path.exists() else None
    )
    if before is not None and not await _goes_on(caller, about.name, before, head):
        (beside := path.with_suffix(".contradiction")).write_bytes(signed)
        raise UsageError(
            f"the gateway shows a head of {head.size} records, {beside}, which does not go on "
            f"from the head of {before.size} in {path}: sign nothing, keep both, ask why"
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(signed)
    return {"size": head.size, "root": dsse.encode_base64(head.root)}


def _is_of(signed: bytes, log: Verifier) -> bool:
    """Return whether a head is signed with the log's key for its size."""
    try:
        checkpoint.read_signed(signed, log)
    except NotANote:
        return False
    return True


async def _followed_key(caller: Client, about: KnownChannel, folder: Path | None) -> Verifier:
    """Return a log's key with those of its handovers that may be followed here.

    The roots of every side have signed them, or this person has followed them with
    `dragoman host follow`.
    """
    registry = (await caller.call("GET", f"/v1/channels/{about.name}/state")).json()["registry"]
    accepted = {item.act for item in KeptHandovers(handovers_of(about.cid, folder)).every}
    log = about.log
    for number, handover in enumerate(registry.get("handovers", ()), 1):
        path = f"/v1/channels/{about.name}/records/{handover['since']}"
        try:
            record = parse_stored((await caller.call("GET", path)).body)
        except NotARecord:
            break
        followed = handed_over(log, about.cid, about.sides, handover["since"], record)
        if len(followed.later) == number:
            log = followed
        elif digest_of(record.act) in accepted and isinstance(record.data, LogHandover):
            key = public_of(record.data.key)
            log = Verifier(log.name, log.type, log.public, (*log.later, (handover["since"], key)))
        else:
            break
    return log


def handovers_of(cid: str, folder: Path | None = None) -> Path:
    """Return the folder with the handovers of a channel that a person follows."""
    return (folder or home()) / "handovers" / cid


async def _is_of_records(caller: Client, channel: str, head: Checkpoint) -> bool:
    """Return whether a head is that of the gateway's records."""
    messages: list[bytes] = []
    async for page in messages_of(caller.records(channel)):
        messages += [raw for _, raw in page[: head.size - len(messages)] if isinstance(raw, bytes)]
        if len(messages) == head.size:
            break
    return (
        len(messages) == head.size and of_messages("", messages, None).root(head.size) == head.root
    )


async def _goes_on(caller: Client, channel: str, before: Checkpoint, head: Checkpoint) -> bool:
    """Return whether the tree under a head begins with an earlier head.

    A proof from the log's tiles shows it.
    """
    if head.size < before.size:
        return False
    contents: dict[Tile, bytes] = {}

    def wanted(tile: Tile) -> bytes:
        contents.setdefault(tile, b"")
        return bytes(tile.width * 32)

    merkle.consistency(
        lambda level, index: tiles.node(level, index, head.size, wanted), before.size, head.size
    )
    for tile in contents:
        contents[tile] = (await caller.call("GET", f"/v1/channels/{channel}/log/{tile.path}")).body
    try:
        proof = merkle.consistency(
            lambda level, index: tiles.node(level, index, head.size, contents.__getitem__),
            before.size,
            head.size,
        )
    except ValueError:
        return False
    return merkle.is_consistent(before.size, head.size, before.root, head.root, proof)


async def context(
    caller: Client,
    channel: str,
    exchange: str = "",
    *,
    of_channel: bool = False,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Return the members of `signed` for an act, but for its type and id."""
    about = await known_channel(caller, channel, folder)
    author = (await caller.call("GET", "/v1/me")).json()["actor"]
    after = ""
    if of_channel:
        registry = (await caller.call("GET", f"/v1/channels/{channel}/state")).json()["registry"]
        exchange, after = registry["id"], registry["etag"]
    elif exchange:
        after = (await caller.call("GET", f"/v1/channels/{channel}/exchanges/{exchange}")).json()[
            "state"
        ]["revision"]
    return {
        "channel": about.cid,
        "exchange": exchange,
        "author": author,
        "after": after,
        "seen": await newest_head(caller, about, folder),
    }


async def sign_act(
    caller: Client,
    channel: str,
    act: bytes,
    data: Act,
    seeds: list[bytes],
    *,
    exchange: str = "",
    key: str | None = None,
    folder: Path | None = None,
) -> SignedAct:
    """Return an act with `signed` as its last member, and all signatures over it.

    `folder` has the channels and heads that were seen before; without it, a person's
    own settings have them.
    """
    name = str(data.__struct_config__.tag)
    of_channel = RULES[name].family == "channel"
    bound = await context(caller, channel, exchange, of_channel=of_channel, folder=folder)
    id = key or new_key()
    bound |= {"type": type_of(name, await _version_in_force(caller, channel, name)), "id": id}
    raw = act[:-1] + b',"signed":' + msgspec.json.encode(bound) + b"}"
    return SignedAct(act=raw, id=id, headers=signature_headers(raw, seeds))


async def _version_in_force(caller: Client, channel: str, name: str) -> int:
    """Return the version of an act that the rules in force in a channel list.

    Raises `UsageError` if they do not list the act, or if this program lacks them.
    """
    registry = (await caller.call("GET", f"/v1/channels/{channel}/state")).json()["registry"]
    version = rules_versions.ACTS.get(registry["rules"], {}).get(name)
    if version is None:
        raise UsageError(
            f"{channel} goes by rules {registry['rules']}, under which this program knows no "
            f"{name}; see `dragoman adopt rules`, or install a newer release"
        )
    return version


async def post_signed(target: Target, body: dict[str, Any] | bytes, seeds: list[bytes]) -> Recorded:
    """Post an act of the channel itself, signed with some keys.

    Without keys it is an act in a trial, whose host keeps the administrators' keys.
    """
    raw = (
        body
        if isinstance(body, bytes)
        else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    )
    act, data = read_act(raw, cut=False)
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        if not seeds:
            return (await caller.post(channel, act)).recorded
        signature = await sign_act(caller, channel, act, data, seeds)
        return (
            await caller.post(channel, signature.act, key=signature.id, headers=signature.headers)
        ).recorded


def signature_headers(act: bytes, seeds: list[bytes]) -> dict[str, str]:
    """Return the headers with the signatures of keys over an act's bytes."""
    signatures = {
        dsse.key_id(dsse.public_of(seed)): dsse.encode_base64(dsse.sign(seed, act))
        for seed in seeds
    }
    return (
        {
            "Dragoman-Key-Id": " ".join(signatures),
            "Dragoman-Signature": " ".join(signatures.values()),
        }
        if seeds
        else {}
    )


def public_line(public: bytes) -> str:
    """Return a public key in the form of acts, and its id."""
    return f"{dsse.encode_base64(public)}  {dsse.key_id(public)}"
