"""Commands of `dragoman host`: a channel goes on at another host, or under another key.

    at the new host     dragoman host succeed COPY --author china/root --url https://…
                        dragoman up
    at each side        dragoman station join …; then, once its copy is whole:
                        dragoman host sign nato-china.handover.json --copy DIR --key KEY
    at the new host     dragoman host open nato-china.handover.json nato.sig china.sig

docs/handover.md has the whole procedure.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter
from msgspec import Struct

from dragoman import bootstrap
from dragoman.audit.verification import Verification
from dragoman.cli.audit.copies import archive_in, existing_path
from dragoman.cli.audit.log import write_log
from dragoman.cli.audit.verify import progress, say_failed
from dragoman.cli.channel_setup import read_signature_files
from dragoman.cli.common import (
    EVERYWHERE,
    UNVERIFIED,
    File,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    read_input,
    say,
)
from dragoman.cli.signature import Passphrase, handovers_of, seed_of, sign_act
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.access import ROOT, full_sides
from dragoman.domain.acts.erasure import named_in
from dragoman.domain.record import ids, nesting
from dragoman.domain.record.codec import read_act
from dragoman.eventlog.archive import Archive, root_in
from dragoman.eventlog.archive_damage import ArchiveDamaged
from dragoman.eventlog.archive_format import PINNED, Pinned
from dragoman.eventlog.kept_handovers import KeptHandover, KeptHandovers, digest_of
from dragoman.interop.check_words import check_words
from dragoman.settings import Settings, load
from dragoman.stores.keystore import Keystore
from dragoman.tlog import dsse
from dragoman.tlog.note import read_verifier
from dragoman_schemas.act_frame import Signed
from dragoman_schemas.acts.office.channel import LogHandover
from dragoman_schemas.responses import Recorded
from dragoman_schemas.state import Registry

host = App(name="host", help="Let a channel go on at another host, or under another key.")

_TRIES: Final = 5

Copy = Annotated[
    Path,
    Parameter(help="The side's own copy: a station's copies/CHANNEL, or a mirror's folder."),
]
Url = Annotated[
    str, Parameter(help="The address of the host for stations, like https://liaison.example.")
]
Reason = Annotated[str, Parameter(help="The reason, which is recorded.")]


@host.command(name="new-key")
def new_key(
    *,
    data: Annotated[Path, Parameter(env_var="DRAGOMAN_DATA", help="The data directory.")] = Path(
        "dragoman-data"
    ),
) -> int:
    """Make one more log key on a data directory, and print it.

    Heads are signed with it from the record at which the sides hand the log over to it.
    Restart the signer after this.
    """
    bootstrap.initialise(data)
    keys = Keystore(data / "keys" / "log")
    number = len(keys.seeds("log", "log")) + 1
    out(dsse.encode_base64(keys.make("log", f"log/log-{number}")))
    return 0


@host.command
async def draft(
    key: Annotated[str, Parameter(help="The new log key, from `host new-key` or `host succeed`.")],
    *,
    url: Url = "",
    reason: Reason = "",
    to: Annotated[
        Path | None, Parameter(help="The file to write. Default: CHANNEL.handover.json.")
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Draft a handover while the host works, as root or an administrator.

    Every side signs it with `host sign`, and `channel post` records it.
    """
    async with connected(target) as caller:
        name = await channel_of(target, caller)
        state = (await caller.call("GET", f"/v1/channels/{quote(name)}/state")).json()
        body = _body(len(state["registry"].get("handovers", ())) + 1, key, url, reason)
        act, data = read_act(msgspec.json.encode(body), cut=False)
        drafted = await sign_act(caller, name, act, data, [])
    path = to or Path(f"{name}.handover.json")
    path.write_bytes(drafted.act)
    out(str(path))
    say(f"the four words of this handover: {_words(drafted.act)}")
    return 0


def _body(epoch: int, key: str, url: str, reason: str) -> dict[str, Any]:
    return (
        {"act": "log-handover", "epoch": epoch, "key": key}
        | ({"host_url": url} if url else {})
        | ({"reason": reason} if reason else {})
    )


def _words(act: bytes) -> str:
    """Return the four words that the sides read to each other."""
    return " ".join(check_words(digest_of(act)))


@host.command
async def succeed(
    copy: Copy,
    *,
    author: Annotated[
        str, Parameter(help="The root or administrator in whose name it is drafted: SIDE/NAME.")
    ],
    url: Url = "",
    reason: Reason = "",
    to: Annotated[
        Path | None, Parameter(help="The file to write. Default: CHANNEL.handover.json.")
    ] = None,
    data: Annotated[
        Path, Parameter(env_var="DRAGOMAN_DATA", help="The data directory of the new host.")
    ] = Path("dragoman-data"),
) -> int:
    """Restore a channel from a copy at a new host, and draft its handover.

    The copy is verified first. The new host can only read the channel until it has
    recorded the handover that every side has signed. Take the copy with the most
    records. Stop the service on the data directory before.
    """
    settings, _ = load({"data": data})
    _pins(existing_path(copy))
    with tempfile.TemporaryDirectory() as folder:
        archive = _snapshot(copy, Path(folder) / "copy")
        try:
            return await _succeed(archive, settings, author, url, reason, to)
        finally:
            archive.close()


def _snapshot(folder: Path, into: Path) -> Archive:
    """Copy a folder in which a station may be writing, until the copy is whole.

    Raises `ArchiveDamaged` if it does not become whole.
    """
    for remaining in reversed(range(_TRIES)):
        shutil.rmtree(into, ignore_errors=True)
        shutil.copytree(folder, into, ignore=shutil.ignore_patterns("audit"))
        try:
            return archive_in(into)
        except ArchiveDamaged:
            if not remaining:
                raise
        time.sleep(0.5)
    raise AssertionError


async def _succeed(
    archive: Archive, settings: Settings, author: str, url: str, reason: str, to: Path | None
) -> int:
    pins = _pins(archive.folder)
    verification = Verification(cid=pins.cid, log=read_verifier(pins.log))
    with progress("verifying the copy", archive.size) as report:
        verification.erasures = lambda: named_in(enumerate(archive.messages(), 1))
        verification.take(archive.messages(), report)
    verification.head(archive.sealed, whole=True)
    if verification.lie is not None:
        say_failed(verification.lie)
        return UNVERIFIED
    registry = verification.replay.standing.state.registry
    assert registry is not None
    _check_author(registry, author)
    bootstrap.initialise(settings.data)
    keys = Keystore(settings.data / "keys" / "log")
    public = dsse.public_of(keys.seeds("log", "log")[-1])
    await write_log(settings, registry.name, archive, archive.sealed, log_key=public)
    key = dsse.encode_base64(public)
    out(registry.name)
    say(f"{archive.size} records of {registry.name} are here; the log key of this host: {key}")
    if log_policy.key_in_force(registry) == key:
        say("the sides have handed the log over to this key already: start this host")
        return 0
    size = archive.size
    act = _drafted(registry, size, archive.root(size), author, key, url, reason)
    path = to or Path(f"{registry.name}.handover.json")
    path.write_bytes(act)
    out(str(path))
    say(f"the four words of this handover: {_words(act)}")
    say("next: start this host; each side signs that file with `dragoman host sign`; then")
    say(f"dragoman host open {path} SIGNATURES --data {settings.data}")
    return 0


def _check_author(registry: Registry, author: str) -> None:
    """Raise `UsageError` unless an author may draft a handover."""
    side, _, name = author.partition("/")
    officer = registry.officers.get(author)
    keeps = officer is not None and officer.until is None and "administrator" in officer.roles
    if side not in full_sides(registry) or not (keeps or name == ROOT):
        raise UsageError(
            f"{author} may not draft a handover: name the root or an administrator in office of "
            f"a side, like {full_sides(registry)[0]}/{ROOT}; it must sign with that key as well"
        )


def _pins(folder: Path) -> Pinned:
    path = folder / PINNED
    if not path.exists():
        raise UsageError(
            f"{folder} has no {PINNED}: name the copy of a station, or of `dragoman audit mirror`"
        )
    return nesting.decode(path.read_bytes(), Pinned)


def _drafted(
    registry: Registry, size: int, root: bytes, author: str, key: str, url: str, reason: str
) -> bytes:
    """Return a handover that follows the last record of a copy."""
    body = _body(len(registry.handovers) + 1, key, url, reason) | {"cut": True}
    signed = Signed(
        channel=registry.cid,
        type="dragoman.log-handover.v1",
        exchange=registry.id,
        id=ids.v7(time.time_ns() // 1_000_000, os.urandom(10)),
        author=author,
        after=registry.etag,
        seen={"size": size, "root": dsse.encode_base64(root)},  # type: ignore[arg-type]
    )
    act = msgspec.json.encode(body | {"signed": signed})
    read_act(act, cut=False)
    return act


class _Read(Struct, frozen=True):
    act: bytes
    data: LogHandover
    signed: Signed


def _handover(file: str) -> _Read:
    act = read_input(file).rstrip(b"\n")
    data = read_act(act, cut=False)[1]
    if not isinstance(data, LogHandover) or not isinstance(data.signed, Signed):
        raise UsageError(f"{file} is not the file of `dragoman host succeed` or `host draft`")
    return _Read(act, data, data.signed)


@host.command
def sign(
    file: File,
    *,
    copy: Copy,
    key: Annotated[Path, Parameter(help="The file of the key of root or an administrator.")],
    passphrase: Passphrase = None,
) -> int:
    """Compare a handover with your side's own copy, follow it there, and sign it.

    From now on this copy takes heads of the new key from the handover on. With a cut,
    its witness cosigns nothing more of the old host. The signature goes to the new
    host.
    """
    seed = seed_of(key, passphrase)
    handover = _handover(file)
    _follow(handover, copy, signs=True)
    keyid = dsse.key_id(dsse.public_of(seed))
    out(dsse.write_signatures({keyid: dsse.sign(seed, handover.act)}))
    return 0


@host.command
def follow(
    file: File,
    *,
    copy: Annotated[
        Path | None, Parameter(help="A further copy of your side, such as that of a witness.")
    ] = None,
) -> int:
    """Follow a handover that your side has signed, in a further copy or for yourself.

    Without this, a copy takes no head of the new key. Without --copy it is for the
    commands here that sign with your own key.
    """
    handover = _handover(file)
    if copy is not None:
        _follow(handover, copy, signs=False)
        return 0
    folder = handovers_of(handover.signed.channel)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handovers = KeptHandovers(folder)
    if _as_kept(handover) not in handovers.every:
        handovers.add(_as_kept(handover))
    say(f"commands here follow it; its four words: {_words(handover.act)}")
    return 0


def _as_kept(handover: _Read) -> KeptHandover:
    is_cut = handover.data.cut is True
    return KeptHandover(
        key=handover.data.key,
        first=handover.signed.seen.size + 1 if is_cut else 0,
        act=digest_of(handover.act),
        cut=is_cut,
    )


def _follow(handover: _Read, folder: Path, *, signs: bool) -> None:
    """Compare a handover with a copy, and follow it there. Raises `UsageError`.

    A side that `signs` has all records before it. A further copy may still get them.
    """
    data, head, pins = handover.data, handover.signed.seen, _pins(folder)
    handovers = KeptHandovers(folder)
    followed = next((item for item in handovers.every if item.act == digest_of(handover.act)), None)
    if handover.signed.channel != pins.cid:
        raise UsageError(f"this hands another channel over than that of {folder}")
    size = root_in(folder, head.size)[0]
    if followed is None:
        _compare(handover, folder, handovers, size, signs=signs)
        handovers.add(_as_kept(handover))
    say(f"after record {head.size}, the heads of this log are signed with {data.key}")
    if isinstance(data.host_url, str):
        say(f"the host is {data.host_url}")
    if isinstance(data.reason, str):
        say(f"reason: {data.reason}")
    words = _words(handover.act)
    say(f"read these words to the other side before you hand the signature on: {words}")


def _compare(
    handover: _Read, folder: Path, handovers: KeptHandovers, size: int, *, signs: bool
) -> None:
    data, head = handover.data, handover.signed.seen
    is_cut = data.cut is True
    newest = handovers.every[-1] if handovers.every else None
    if signs and newest is not None and not 0 < newest.first <= size:
        raise UsageError(
            "your side has signed another handover, and its record is not here: follow that one to "
            "its host, or agree with the others that it is void before you sign again"
        )
    if data.epoch != len(handovers.every) + 1:
        raise UsageError(
            f"it is handover {data.epoch} of the channel, and this copy has followed "
            f"{len(handovers.every)}: follow the earlier ones first, with `dragoman host follow`"
        )
    if size < head.size:
        if not signs:
            return
        raise UsageError(
            f"this copy has {size} records, and the handover follows record {head.size}: join the "
            "new host, and sign once the copy has them all"
        )
    if root_in(folder, head.size)[1] != head.root:
        raise UsageError(
            f"the first {head.size} records of this copy are others than those of the handover: "
            "sign nothing, keep both, and compare them with `dragoman audit compare`"
        )
    if is_cut and size > head.size:
        raise UsageError(
            f"this copy has {size} records, and the handover keeps {head.size} of them: have the "
            "new host begin with this copy, `dragoman host succeed`"
        )


@host.command(name="open")
async def open_(
    file: File,
    *signatures: Annotated[Path, Parameter(help="The files of the sides' signatures.")],
    target: Target = EVERYWHERE,
) -> int:
    """Record a handover at the new host, as its operator; the channel goes on then."""
    handover = _handover(file)
    headers = read_signature_files(signatures)
    async with connected(target, operator=True) as caller:
        view = (await caller.call("GET", "/v1/channels")).json()["channels"]
        name = next((item["name"] for item in view if item["cid"] == handover.signed.channel), None)
        if name is None:
            raise UsageError("this host has no such channel: `dragoman host succeed` first")
        answer = await caller.call(
            "POST",
            f"/v1/channels/{quote(name)}/handovers",
            handover.act,
            headers | {"Content-Type": "application/json"},
        )
    say(f"{name} goes on here after record {answer.of('handover', Recorded).position}")
    say("print the invitation for the sides' stations with `dragoman station invite`")
    return 0
