"""The commands `dragoman backup` and `restore`: copies of a whole host.

dragoman backup /backups/office --recipient age1qz… --data DIR
dragoman backup verify /backups/office
dragoman restore /backups/office --data NEW --identity backup.key
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from dragoman import bootstrap, data_directory
from dragoman.backup import backup_check, host_restore, key_bundle, restore_plan, retention
from dragoman.backup.backup_check import VerifiedBackup
from dragoman.backup.backup_run import BackupRun, RunningHost
from dragoman.backup.folder import BackupFolder, opened
from dragoman.backup.host_restore import LogToRestore, RestoreTarget
from dragoman.backup.manifest import BackupError, BackupInvalid
from dragoman.cli.common import UNREACHABLE, UNVERIFIED, UsageError, out, out_json, say, table
from dragoman.domain.record import nesting
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.restore import CopyMismatch
from dragoman.service_factory import witness_factory
from dragoman.settings import Settings, load
from dragoman.stores.tokens_and_sessions import Grant

backup = App(
    name="backup",
    help="Back up a running host into a folder, and verify, list and remove its backups.",
)

Folder = Annotated[Path, Parameter(help="The folder of the backups.")]
Number = Annotated[
    int | None, Parameter(help="The number of the backup. Default: the newest finished one.")
]
Digest = Annotated[
    str | None, Parameter(help="The digest that `dragoman backup` printed for this backup.")
]
NatsUrl = Annotated[
    str | None, Parameter(help="The broker's URL. Default: the broker of the data directory.")
]
NatsKeys = Annotated[
    Path | None,
    Parameter(help="The folder with the keys of the broker's users. Default: DIR/keys."),
]
Config = Annotated[Path | None, Parameter(help="A settings file in TOML.")]
Json = Annotated[bool, Parameter(negative=(), help="Print JSON.")]

_NICE: Final = 10
"""The niceness of a backup: the service beside it goes first."""
_PROBE_SECONDS: Final = 2.0
_GRANTS: Final = {"token": "token", "subject": "OIDC subject", "link": "calendar link"}


@backup.default
async def backup_command(
    folder: Folder,
    *,
    recipient: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(),
            help="An age recipient (age1…, or a public key of ssh) who can open the keys in the "
            "backup; may be repeated.",
        ),
    ] = (),
    recipients_file: Annotated[
        Path | None, Parameter(help="A file with such recipients, one a line.")
    ] = None,
    without_keys: Annotated[
        bool, Parameter(negative=(), help="Leave the keys out; keep a copy of them elsewhere.")
    ] = False,
    data: Annotated[
        Path | None, Parameter(help="The data directory of the host. Default: dragoman-data.")
    ] = None,
    nats_url: NatsUrl = None,
    nats_keys: NatsKeys = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Back up a running host; a second backup into FOLDER adds only what is new.

    The service goes on meanwhile. Logs, people, files, drafts, endpoints and tokens are
    read from the broker, marks and keys from the data directory. A backup that is
    killed does not count, and the next one goes on from there.
    """
    recipients = [*recipient, *_recipients_in(recipients_file)]
    if bool(recipients) == without_keys:
        raise UsageError(
            "name who can open the keys in the backup with --recipient (`age-keygen` makes such a "
            "key), or leave the keys out with --without-keys; one of the two"
        )
    settings, _ = load({"data": data, "nats.url": nats_url, "nats.keys": nats_keys}, config=config)
    os.nice(_NICE)
    with opened(folder, new=True) as backups:
        unfinished = backups.unfinished
        if unfinished is not None:
            say(f"the backup that began at {unfinished.begun} was not finished; it does not count")
        async with _source(settings) as source:
            run = BackupRun(backups, source, recipients)
            try:
                with _part() as report:
                    result = await run.run(lambda what: report(what, 0, 0))
            except LogUnreachable as error:
                say(f"dragoman: {error}; call it again: it goes on where it stopped")
                return UNREACHABLE
            except LogBroken as error:
                raise BackupError(
                    f"{error}; see docs/operating-faults.md, when a log is read-only"
                ) from None
        lingering = retention.lingering(backups, result.manifest)
    if json:
        out_json(
            {
                **msgspec.to_builtins(result.manifest),
                "added": {
                    "records": result.records,
                    "files": result.files,
                    "bytes": result.file_bytes,
                },
                "seconds": round(result.seconds, 3),
            }
        )
    else:
        out(str(backups.manifest_path(result.manifest.number)))
        total = sum(copy.records for copy in result.manifest.channels)
        say(
            f"backup {result.manifest.number} took {result.seconds:.1f} s: {total} records in "
            f"{len(result.manifest.channels)} logs, {result.records} of them new; {result.files} "
            f"new files of {result.file_bytes / 2**20:.1f} MiB"
        )
        say(
            f"digest {result.manifest.digest}: note it away from the folder; `backup verify` and "
            "`restore` take it with --digest"
        )
    if lingering:
        say(
            f"{lingering} people, rosters or files that were erased since are still in older "
            "backups here: "
            f"`dragoman backup prune {folder} --keep 1` removes them"
        )
    return 0


def _recipients_in(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    recipients = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not recipients:
        raise UsageError(f"{path} names no recipient: write one a line, such as age1…")
    return recipients


@asynccontextmanager
async def _source(settings: Settings) -> AsyncIterator[RunningHost]:
    """Yield the host of the settings, with connections to its broker."""
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(_broker_of_host(settings))
        for user in ("gateway", "auditor"):
            if not endpoint.seed(user).exists():
                raise BackupError(
                    f"{endpoint.seed(user)} is missing, the key of the broker's user {user}: back "
                    "up where `dragoman init` made the keys, or name their folder with --nats-keys"
                )
        bus, auditor = [
            await stack.enter_async_context(endpoint.connected(user))
            for user in ("gateway", "auditor")
        ]
        yield RunningHost(
            data=settings.data,
            keys=endpoint.keys,
            bus=bus,
            auditor=auditor,
            replicas=settings.nats.replicas,
        )


@asynccontextmanager
async def _broker_of_host(settings: Settings) -> AsyncIterator[BrokerEndpoint]:
    """Yield the broker of the settings or of the running service.

    The broker of a service that is stopped is started for the time of the backup.
    """
    if not settings.nats.url and not (settings.data / "nats").exists():
        raise BackupError(
            f"{settings.data} has no broker: name the data directory with --data, or the broker "
            "with --nats-url or with a settings file ($DRAGOMAN_CONFIG)"
        )
    server_file = data_directory.server_file(settings.data)
    if not settings.nats.url and server_file is not None:
        endpoint = bootstrap.broker_of_gateway(server_file, settings.data / "keys")
        if await _answers(endpoint.url):
            yield replace(endpoint, keys=settings.nats.keys or endpoint.keys)
            return
    async with bootstrap.broker_of(settings) as endpoint:
        yield endpoint


async def _answers(url: str) -> bool:
    host, _, port = url.rpartition("/")[2].rpartition(":")
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError, ValueError):
        return False
    writer.close()
    return True


@contextmanager
def _part() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on standard error, and yield a function that names its part."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    disable = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disable) as bar:
        task = bar.add_task("", total=None)
        yield lambda part, done, total: bar.update(
            task, description=part, completed=done, total=total or None
        )


@backup.command(name="verify")
def verify_command(
    folder: Folder, *, number: Number = None, digest: Digest = None, json: Json = False
) -> int:
    """Verify a backup: every piece, every file and every record of every log.

    It asks nobody. A fault is named: exit code 7. A backup that was not finished is
    named as well; it does not count. With --digest the backup is the one that you noted
    down; without it, whoever can write the folder may have made another one.
    """
    with opened(folder) as backups:
        unfinished = backups.unfinished
        chosen = number or backup_check.newest_of(backups)
        with _part() as report:
            verified = backup_check.check_backup(backups, chosen, report, digest)
    if json:
        out_json(
            {
                "number": chosen,
                "digest": verified.manifest.digest,
                "ended": verified.manifest.ended,
                "records": {log.channel: log.records for log in verified.logs},
                "files": verified.files,
                "bytes": verified.file_bytes,
                "keys": verified.manifest.keys is not None,
                "unfinished": None if unfinished is None else unfinished.begun,
            }
        )
    else:
        rows = [[log.channel, str(log.records), log.cid] for log in verified.logs]
        table(rows, ["CHANNEL", "RECORDS", "CID"])
        say(
            f"backup {chosen} of {verified.manifest.ended} is valid: {verified.files} files of "
            f"{verified.file_bytes / 2**20:.1f} MiB, "
            + ("with keys" if verified.manifest.keys else "WITHOUT the keys of the host")
        )
        if digest is None:
            say(f"its digest is {verified.manifest.digest}: compare it with the one that you noted")
    if unfinished is not None:
        say(f"the backup that began at {unfinished.begun} was not finished; it does not count")
    _say_newer(verified)
    return 0


def _say_newer(verified: VerifiedBackup) -> None:
    for log in verified.logs:
        if log.newer:
            say(f"{log.channel}: {log.newer}: what follows is only hashed")


@backup.command(name="list")
def list_command(folder: Folder, *, json: Json = False) -> int:
    """List the finished backups in FOLDER."""
    with opened(folder) as backups:
        manifests = [backups.read(number) for number in backups.numbers]
        unfinished = backups.unfinished
    if json:
        out_json([msgspec.to_builtins(manifest) for manifest in manifests])
    else:
        rows = [
            [
                str(manifest.number),
                manifest.begun,
                manifest.ended,
                str(len(manifest.channels)),
                str(sum(copy.records for copy in manifest.channels)),
                "sealed" if manifest.keys else "none",
            ]
            for manifest in manifests
        ]
        table(rows, ["BACKUP", "BEGUN", "ENDED", "LOGS", "RECORDS", "KEYS"])
    if unfinished is not None:
        say(f"the backup that began at {unfinished.begun} was not finished; it does not count")
    return 0


@backup.command(name="prune")
def prune_command(
    folder: Folder,
    *,
    keep: Annotated[int, Parameter(help="The number of newest backups to keep.")],
) -> int:
    """Remove older backups, with the pieces and files that only they have.

    What was erased on the host is then gone here as well. The logs stay.
    """
    if keep < 1:
        raise UsageError("--keep is at least 1: to remove all backups, delete the folder")
    with opened(folder) as backups:
        removed, pieces, files = retention.prune(backups, keep)
    say(f"{removed} backups were removed, with {pieces} pieces and {files} files")
    return 0


async def restore(
    folder: Folder,
    *,
    data: Annotated[Path, Parameter(help="A new data directory, which is made.")],
    number: Number = None,
    digest: Digest = None,
    identity: Annotated[
        Path | None, Parameter(help="The file with the age identity that opens the keys.")
    ] = None,
    without_keys: Annotated[
        bool,
        Parameter(negative=(), help="Restore no keys; put them into DATA/keys before the start."),
    ] = False,
    from_mirror: Annotated[
        tuple[Path, ...],
        Parameter(
            negative=(),
            help="A side's mirror, which may have more records of its log; may be repeated.",
        ),
    ] = (),
    nats_url: Annotated[
        str | None,
        Parameter(help="The URL of an empty broker. Default: a broker of the new directory."),
    ] = None,
    nats_keys: NatsKeys = None,
    config: Config = None,
) -> int:
    """Restore a host from a backup that verifies, into a new data directory.

    The backup is verified first; if it is not valid, nothing is written: exit code 7.
    All sessions are ended. Called again with --from-mirror on the restored directory,
    it fetches the records that a log waits for.
    """
    settings, _ = load({"data": data, "nats.url": nats_url, "nats.keys": nats_keys}, config=config)
    try:
        with opened(folder) as backups:
            if from_mirror and _is_restored(data):
                return await _complete(settings, from_mirror)
            host_restore.check_new(data)
            return await _restore(
                settings,
                backups,
                number or backup_check.newest_of(backups),
                digest,
                identity,
                from_mirror,
                without_keys=without_keys,
            )
    except CopyMismatch as error:
        say(f"dragoman: VERIFICATION FAILED: {error}")
        return UNVERIFIED
    except (LogUnreachable, LogBroken) as error:
        say(f"dragoman: {error}; delete {data}, and call it again")
        return UNREACHABLE


def _is_restored(data: Path) -> bool:
    note = data_directory.restored(data)
    return note is not None and note.finished


async def _restore(
    settings: Settings,
    backups: BackupFolder,
    number: int,
    digest: str | None,
    identity: Path | None,
    mirrors: Sequence[Path],
    *,
    without_keys: bool,
) -> int:
    manifest = backups.read(number)
    if without_keys == (identity is not None) and (manifest.keys is not None or without_keys):
        raise UsageError(
            "name the age identity that opens the keys with --identity, or restore none with "
            "--without-keys; one of the two"
        )
    if manifest.keys is None and identity is not None:
        raise UsageError(f"backup {number} has no keys: leave --identity out, see --without-keys")
    with _part() as report:
        verified = backup_check.check_backup(backups, number, report, digest)
    _say_newer(verified)
    keys: dict[str, bytes] = {}
    if manifest.keys is not None and identity is not None:
        keys = key_bundle.unseal(backups.piece(manifest.pieces["keys"]), identity)
        if key_bundle.digest_of(keys) != manifest.keys.content:
            raise BackupInvalid("the sealed keys are not those that the manifest names")
    logs = restore_plan.of_backup(backups, verified)
    for path in mirrors:
        logs = restore_plan.with_mirror(logs, path)
    logs = await _ask_witnesses(settings, logs)
    later, unread = backup_check.later_snapshots(backups, number)
    snapshots = host_restore.without_erased(verified.snapshots, later)
    host_restore.begin(settings.data, number, manifest.place)
    key_bundle.write(settings.data, keys)
    async with bootstrap.broker_of(settings) as endpoint:
        target = RestoreTarget(
            data=settings.data, endpoint=endpoint, replicas=settings.nats.replicas
        )
        with _part() as report:
            await host_restore.restore(target, backups, number, logs, snapshots, report)
    out(str(settings.data))
    _say_restored(settings, verified, logs, unread)
    if not keys:
        say(
            f"the keys are NOT restored: put keys/log, keys/channels and operator.token of the "
            f"lost host into {settings.data} before you start it; a start would make other keys"
        )
    _print_grants(verified, snapshots["access"])
    return 0


async def _ask_witnesses(settings: Settings, logs: list[LogToRestore]) -> list[LogToRestore]:
    """Ask the witnesses of the settings whether they know more of the logs.

    A log of which one has cosigned more waits for these records.
    """
    if not logs:
        return logs
    if not settings.registrar.witnesses:
        say(
            "NOBODY was asked whether these logs are the newest: no witness is named in the "
            "settings. Two hosts with one log key would sign two histories: make sure that the "
            "old host is stopped for good"
        )
        return logs
    answered = []
    async with AsyncExitStack() as stack:
        witnesses = await witness_factory(stack, settings)
        for log in logs:
            answer = await restore_plan.ask_witnesses(log, witnesses())
            if answer.beyond:
                say(f"{log.channel}: a witness has cosigned a head of {answer.beyond} records")
            elif not answer.agreed:
                say(
                    f"{log.channel}: no witness answers; the signer waits for one, and so does "
                    "--take-over: have the sides start them"
                )
            answered.append(
                msgspec.structs.replace(log, awaited=max(log.awaited, answer.beyond))
                if answer.beyond
                else log
            )
    return answered


def _say_restored(
    settings: Settings, verified: VerifiedBackup, logs: Sequence[LogToRestore], unread: int
) -> None:
    """Say what is restored, what waits, what may be wrong, and what to do next."""
    ended = verified.manifest.ended
    is_station = "station" in verified.snapshots
    say(
        f"restored {sum(log.records for log in logs)} records in {len(logs)} logs, "
        f"{verified.files} files, and everything beside the logs as of {ended}"
    )
    for log in logs:
        if log.entries:
            say(f"{log.channel}: {len(log.entries)} erased records were left out again")
        if log.waits:
            say(
                f"{log.channel} is READ-ONLY: {log.records} records are here, and a signed head "
                f"has {log.awaited}. Call `dragoman restore … --data {settings.data} "
                "--from-mirror FOLDER` with a mirror that has them"
            )
    if not is_station or logs:
        say(
            f"what was recorded after {ended} is lost, unless a side's mirror has it: --from-mirror"
        )
    if is_station:
        say(
            f"what the host recorded after {ended} is fetched from it; tokens, drafts and people "
            "of this station from after that time are lost"
        )
    say(
        f"RISK: people, rosters and files that were erased after {ended} are back. The lines "
        "`person.erased` and `file.erased` in the lost service's log name them: erase them again"
    )
    if unread:
        say(f"RISK: {unread} later backups cannot be read; erasures that only they know are back")
    say("all sessions are ended, and positions of streams over all channels begin again")
    if is_station:
        say(
            "this is a station: what was on its way is held until its officers decide on the page "
            "Outbox, and its copies are fetched again. A witness here cosigns nothing until you "
            f"release it: `dragoman witness release {settings.data}/copies/CHANNEL`; see "
            "docs/operating-station.md"
        )
    program = "up --station" if is_station else "serve gateway" if settings.nats.url else "up"
    say(
        f"next: `dragoman {program} --data {settings.data} --take-over`, with your settings, once "
        f"the old {'station' if is_station else 'host'} is stopped"
    )


def _print_grants(verified: VerifiedBackup, access: Any) -> None:
    """Print the tokens, subjects and links: revoked ones may have come back."""
    names = {copy.cid: copy.name for copy in verified.manifest.channels}
    rows = []
    for key, value in sorted(access.items()):
        kind = _GRANTS.get(key.partition(".")[0])
        if kind is None or value is None:
            continue
        grant = nesting.decode(value, Grant)
        where = grant.identity or ", ".join(names.get(cid, cid) for cid in grant.channels)
        expires = (
            f"{datetime.fromtimestamp(grant.expires, UTC):%Y-%m-%dT%H:%MZ}"
            if grant.expires
            else "never"
        )
        rows.append(
            [grant.id, kind, grant.actor, where, grant.scope, grant.issued, expires, grant.label]
        )
    table(
        rows,
        ["ID", "KIND", "SPEAKS FOR", "CHANNELS", "SCOPE", "ISSUED", "EXPIRES", "LABEL"],
    )
    say(
        "LOOK AT THESE TOKENS AGAIN: one that was revoked after the backup is valid again. "
        "Revoke it with `dragoman token revoke ID`"
    )


async def _complete(settings: Settings, mirrors: Sequence[Path]) -> int:
    """Fetch the records for which a restored log waits."""
    note = data_directory.restored(settings.data)
    assert note is not None
    names = sorted(path.name for path in (settings.data / "archive").iterdir())
    before = logs = restore_plan.of_restored(settings.data, names)
    for path in mirrors:
        logs = restore_plan.with_mirror(logs, path)
    longer = [
        msgspec.structs.replace(log, awaited=max(log.awaited, note.awaited.get(log.channel, 0)))
        for old, log in zip(before, logs, strict=True)
        if log.path != old.path
    ]
    if longer:
        async with bootstrap.broker_of(settings) as endpoint:
            target = RestoreTarget(
                data=settings.data, endpoint=endpoint, replicas=settings.nats.replicas
            )
            with _part() as report:
                added = await host_restore.complete(target, longer, report)
        say(f"{added} records were fetched; start the service again")
    else:
        say("the mirrors have no more records than are here")
    for channel, size in sorted(note.awaited.items()):
        records = next((log.records for log in logs if log.channel == channel), 0)
        if records < size:
            say(f"{channel} is still READ-ONLY: {records} of {size} records are here")
    return 0
