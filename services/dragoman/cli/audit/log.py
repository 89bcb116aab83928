"""The command `dragoman log`, which restores a log from a copy."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from msgspec import Struct

from dragoman import bootstrap
from dragoman.audit.checks import nodes_of, tile_in
from dragoman.audit.export import Export
from dragoman.audit.verification import Verification
from dragoman.cli.audit.copies import archive_in
from dragoman.cli.audit.replay import checked_cid, verifier_of
from dragoman.cli.audit.verify import Cid, progress, say_failed
from dragoman.cli.common import FAILED, UNREACHABLE, UNVERIFIED, UsageError, out, say
from dragoman.domain.acts.erasure import entry_of, named_in
from dragoman.eventlog import broker, stream_config
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.high_water_mark import accept_stream
from dragoman.eventlog.restore import CopyMismatch, RestoreCopy, WithoutErased, restore_log
from dragoman.settings import Settings, load
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.tlog import checkpoint
from dragoman.tlog.difference import sources_of
from dragoman.tlog.merkle import Nodes

log = App(name="log", help="Restore a damaged or lost log from a copy, with the same positions.")

Data = Annotated[Path | None, Parameter(help="The data directory. Default: dragoman-data.")]


class Messages(Struct, frozen=True):
    """A copy of a log in memory."""

    messages: Sequence[bytes]
    signed: bytes | None = None

    @property
    def size(self) -> int:
        """Return the number of messages."""
        return len(self.messages)

    def raw(self, position: int) -> bytes:
        """Return the message at a position."""
        return self.messages[position - 1]

    @property
    def sealed(self) -> bytes | None:
        """Return the newest signed head that came with the copy."""
        return self.signed


@log.command(name="rebuild")
async def rebuild_command(
    source: Annotated[
        Path,
        Parameter(
            help="The copy: a mirror's folder, a signer's archive of the channel, or an export."
        ),
    ],
    *,
    cid: Cid,
    log_key: Annotated[
        str,
        Parameter(
            name="--log", help="The verifier key of the log, from your notes of the opening."
        ),
    ],
    set_aside: Annotated[
        bool,
        Parameter(
            negative=(),
            help="First move the log of the broker on this data directory into DIR/set-aside.",
        ),
    ] = False,
    erase: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Carry out the erasures to which every side consented, in the restored log and "
            "in the rest of this data directory. The broker's old log is deleted.",
        ),
    ] = False,
    data: Data = None,
    nats_url: Annotated[
        str | None,
        Parameter(
            help="The broker's URL. Default: the broker of the data directory, which is started."
        ),
    ] = None,
    config: Annotated[Path | None, Parameter(help="A settings file in TOML.")] = None,
) -> int:
    """Write the records that the broker lacks, from a copy that is verified first.

    Stop the service before, and start it afterwards. The records that the broker still
    has must be those of the copy. Otherwise nothing is written: exit code 7.
    """
    settings, _ = load({"data": data, "nats.url": nats_url}, config=config)
    if (set_aside or erase) and settings.nats.url:
        raise UsageError(
            "--set-aside and --erase are for the broker of a data directory; "
            "on another broker its administrator deletes the stream"
        )
    copy = _open_copy(source)
    verification = Verification(cid=checked_cid(cid), log=verifier_of(log_key))
    with progress("verifying the copy", copy.size) as report:
        verification.erasures = lambda: named_in(enumerate(_messages(copy), 1))
        verification.take(_messages(copy), report)
    verification.head(copy.sealed, whole=not source.is_dir(), sources=_sources(source, copy))
    if verification.lie is not None:
        say_failed(verification.lie)
        return UNVERIFIED
    channel = verification.result().channel
    entries = (
        {
            erased_record.position: entry_of(erased_record)
            for erased_record in verification.replay.erased.values()
        }
        if erase
        else {}
    )
    if erase and not entries:
        raise UsageError(
            "no record of this log was erased by the consent of every side; "
            "draft an erasure with `dragoman channel erase`"
        )
    aside = None
    if set_aside or erase:
        async with broker.lease(settings.data):
            aside = broker.set_aside(settings.data, stream_config.stream_of(channel))
        say(f"the broker's old log is in {aside}" if aside else "the broker had nothing of it")
    try:
        written = await write_log(settings, channel, WithoutErased(copy, entries), copy.sealed)
    except (CopyMismatch, LogBroken) as error:
        say(f"dragoman: VERIFICATION FAILED: {error}")
        return UNVERIFIED
    except LogUnreachable as error:
        say(f"dragoman: {error}; call it again: it goes on where it stopped")
        return UNREACHABLE
    except WriteConflict:
        say("dragoman: somebody else signs heads meanwhile; stop the signers, and call it again")
        return FAILED
    _accept_streams(settings, channel)
    if erase:
        _erase(settings, channel, copy, entries)
        if aside is not None:
            shutil.rmtree(aside)
        say(
            f"{len(entries)} records are erased from the broker, the signer's archive and the "
            "projections here; the others erase their own copies"
        )
    out(channel)
    say(f"{written} records were written, of {copy.size}; start the service again")
    return 0


def _open_copy(source: Path) -> Archive | Messages:
    if source.is_dir():
        return archive_in(source)
    with Export(source) as opened:
        return Messages(list(opened.messages()), opened.checkpoint)


def _sources(source: Path, copy: Archive | Messages) -> Callable[[int], list[Nodes]]:
    """Return the hashes that came with a copy.

    They lead to the first record that is not the signed one.
    """
    if isinstance(copy, Archive):
        return lambda size: [nodes_of(copy)]

    def read(path: str) -> bytes | None:
        with Export(source) as opened:
            return tile_in(opened)(path)

    return lambda size: sources_of(size, read)


def _messages(copy: Archive | Messages) -> Iterator[bytes]:
    return (copy.raw(position) for position in range(1, copy.size + 1))


def _erase(
    settings: Settings, channel: str, copy: Archive | Messages, entries: Mapping[int, bytes]
) -> None:
    """Erase records from a copy in a folder, and from the data directory.

    The projections are deleted, and built again from the log.
    """
    path = settings.data / "archive" / channel
    if isinstance(copy, Archive):
        copy.erase(entries)
        copy.close()
    if path.exists():
        archive = Archive(path)
        archive.erase(
            {position: entry for position, entry in entries.items() if position <= archive.size}
        )
        archive.close()
    for file in (settings.data / "projection").glob("*.sqlite*"):
        file.unlink()


async def write_log(
    settings: Settings,
    channel: str,
    copy: RestoreCopy,
    signed: bytes | None,
    *,
    log_key: bytes | None = None,
) -> int:
    """Write the log, and the newest signed head if the broker has lost it.

    A `log_key` becomes that of the host, if it has none yet.

    If the log is lost, the store of signed heads is made before it. If the log is
    there, the store is made after the log has been compared with the copy. A signer
    tells by this order which logs had heads before.
    """
    replicas = settings.nats.replicas
    async with (
        bootstrap.broker_of(settings) as endpoint,
        endpoint.connected("steward") as steward,
    ):
        if channel not in await stream_config.channels(steward):
            await SignedHeadStore.create(steward, replicas)
        await stream_config.create(steward, channel, replicas)
        async with endpoint.connected("gateway") as bus:
            with progress("writing", copy.size) as report:
                written = await restore_log(bus, channel, copy, report)
            if log_key is not None:
                await HostKeyStore.create(steward, replicas)
                await HostKeyStore(bus, steward).enter(log_key)
        await SignedHeadStore.create(steward, replicas)
        async with endpoint.connected("registrar") as bus:
            newest = await SignedHeadStore(bus).newest(channel)
            if signed is not None and (newest is None or _size(newest.note) < _size(signed)):
                await SignedHeadStore(bus).put(channel, signed, newest, restored=True)
    return written


def _size(signed: bytes) -> int:
    return checkpoint.read(signed.decode().rpartition("\n\n")[0] + "\n").size


def _accept_streams(settings: Settings, channel: str) -> list[Path]:
    return [
        path
        for path in sorted((settings.data / "marks").glob(f"*/{channel}.json"))
        if accept_stream(path)
    ]


@log.command(name="accept")
def accept(
    channel: Annotated[str, Parameter(help="The channel.")],
    *,
    data: Data = None,
    config: Annotated[Path | None, Parameter(help="A settings file in TOML.")] = None,
) -> int:
    """Let a stopped gateway accept a stream that was restored from a copy.

    The gateway still compares every record.
    """
    settings, _ = load({"data": data}, config=config)
    paths = _accept_streams(settings, channel)
    if not paths:
        raise UsageError(f"{settings.data} has no high-water mark of {channel}")
    say(f"{len(paths)} high-water marks of {channel} are valid for the present stream")
    return 0
