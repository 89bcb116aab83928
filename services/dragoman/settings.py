"""The settings: one frozen value from file, environment and flags, with the source of each.

    flags > DRAGOMAN_* > --config FILE or $DRAGOMAN_CONFIG > ./dragoman.toml > $XDG_CONFIG_HOME/dragoman/config.toml
          > /etc/dragoman/dragoman.toml > defaults

A nested name is written with two underscores in the environment, and a list as JSON:
DRAGOMAN_HTTP__PORT=8471. Secrets are only ever files.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

PREFIX: Final = "DRAGOMAN_"
_WHERE: Final = re.compile(r"at `\$\.([^`]+)`")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]+)`")
_NOT_SETTINGS: Final = frozenset(
    {
        "DRAGOMAN_CONFIG",
        "DRAGOMAN_SERVER",
        "DRAGOMAN_TOKEN_FILE",
        "DRAGOMAN_CHANNEL",
        "DRAGOMAN_REQUIRE_BROWSER",
    }
)


class Http(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the gateway listens. `public_url` is what it is called from outside; port 0 takes a free one.

    With `certificate` and `key`, PEM files, it speaks TLS; both are read again when
    they change. `trusted_proxies` are networks whose X-Forwarded-For is believed. A
    connection on which no whole request came for `idle_s` seconds is closed.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8470
    public_url: str = ""
    certificate: Path | None = None
    key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    idle_s: Annotated[float, Meta(ge=1, le=3600)] = 75.0


class Oidc(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose access tokens are taken beside our own: those of `issuer` for `audience`, signed with one of `algorithms`.

    The issuer's keys are at `jwks_url`, by default where its discovery document says.
    Its subjects are mapped to officers with `dragoman subject`.
    """

    issuer: str = ""
    audience: str = ""
    algorithms: tuple[
        Literal[
            "RS256",
            "RS384",
            "RS512",
            "PS256",
            "PS384",
            "PS512",
            "ES256",
            "ES384",
            "ES512",
            "Ed25519",
            "EdDSA",
        ],
        ...,
    ] = (
        "RS256",
        "PS256",
        "ES256",
        "Ed25519",
        "EdDSA",
    )
    jwks_url: str = ""


class Smtp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server that takes the courier's mail; without a `host` none is sent. The password stands in a file."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = "dragoman@localhost"
    username: str = ""
    password_file: Path | None = None


class NotifierSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the courier brings records to where a side wants to be told.

    What is not taken is tried again after each of `retries_s` seconds, and then parked.
    Webhooks are called at public addresses, and in `private_networks` where such are
    named.
    """

    retries_s: tuple[Annotated[float, Meta(gt=0)], ...] = (
        5,
        300,
        1_800,
        7_200,
        18_000,
        36_000,
        50_400,
        72_000,
        86_400,
    )
    private_networks: tuple[str, ...] = ()
    smtp: Smtp = Smtp()


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an officer, a side and an address may ask of one gateway, so that none starves another. Officers and sides have one in each channel.

    Requests and MiB (sent and received together) are a second's worth, of which ten may
    be used at once; `stranger_requests` are those of an address without a valid token.
    `open_exchanges` are those of a side in a channel, `acts` those of a side in one
    exchange, `streams` an officer's, `connections` those of an address at once; own
    proxies have no such limit. `officer_work` and `side_work` are seconds of a
    processor a second, which reading what they send takes.
    """

    officer_requests: Annotated[float, Meta(gt=0)] = 50.0
    side_requests: Annotated[float, Meta(gt=0)] = 200.0
    address_requests: Annotated[float, Meta(gt=0)] = 500.0
    stranger_requests: Annotated[float, Meta(gt=0)] = 5.0
    officer_mib: Annotated[float, Meta(gt=0)] = 8.0
    side_mib: Annotated[float, Meta(gt=0)] = 32.0
    open_exchanges: Annotated[int, Meta(gt=0)] = 20_000
    acts: Annotated[int, Meta(gt=0)] = 2_000
    streams: Annotated[int, Meta(gt=0)] = 50
    connections: Annotated[int, Meta(gt=0)] = 100
    officer_work: Annotated[float, Meta(gt=0)] = 0.2
    side_work: Annotated[float, Meta(gt=0)] = 0.4


class Nats(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker: an own one started from `server`, or the one at `url` with the seeds of our users in `keys`.

    Of a cluster, `url` names several servers with commas between, and `replicas` on how
    many each log is kept.
    """

    server: Path | None = None
    url: str = ""
    keys: Path | None = None
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is logged, and in which form."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class SignerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom the registrar asks to cosign: each a witness's verifier key, a space, and its URL.

    `up` signs heads itself, unless they are signed by a registrar elsewhere (`beside`),
    with an archive on another disk.
    """

    beside: bool = False
    witnesses: tuple[str, ...] = ()


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a process. `uvloop` is used where it is installed, by the extra `fast`.

    `origin` names the logs of new channels, as a URL without a scheme: `{channel}` in
    it is the channel's name, `{key}` the hex SHA-256 of the log's key, by which some
    witnesses know a log. By default a name that is nobody's.
    """

    data: Path = Path("dragoman-data")
    origin: str = ""
    http: Http = Http()
    nats: Nats = Nats()
    log: LogSettings = LogSettings()
    registrar: SignerSettings = SignerSettings()
    oidc: Oidc = Oidc()
    budgets: BudgetSettings = BudgetSettings()
    courier: NotifierSettings = NotifierSettings()
    uvloop: bool = True


class SettingsError(Exception):
    """A setting is unknown or does not fit; the message names it and its source."""


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Settings, dict[str, str]]:
    """Return the settings, and for each dotted name where its value comes from. Raises `SettingsError`."""
    environment = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for path in _files(config, environment):
        try:
            table = tomllib.loads(path.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path}: {error}") from None
        _merge(values, sources, table, str(path))
        break
    for name, text in environment.items():
        if name.startswith(PREFIX) and name not in _NOT_SETTINGS:
            keys = name.removeprefix(PREFIX).lower().split("__")
            _merge(values, sources, _nested(keys, _given(text)), f"${name}")
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    for name, value in given.items():
        _merge(values, sources, _nested(name.split("."), value), "flag")
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(_explained(str(error), sources)) from None
    for name, _ in flattened(settings):
        sources.setdefault(name, "default")
    return settings, sources


def _given(text: str) -> Any:
    """Return what an environment variable says: a list as JSON, anything else as it stands."""
    try:
        return msgspec.json.decode(text) if text.startswith("[") else text
    except msgspec.DecodeError:
        return text


def _path(wanted: type, value: Any) -> Any:
    if wanted is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError  # how msgspec is told that a type is not ours to convert


def _files(config: Path | None, environ: Mapping[str, str]) -> Iterator[Path]:
    named = config or (Path(environ["DRAGOMAN_CONFIG"]) if environ.get("DRAGOMAN_CONFIG") else None)
    if named is not None:
        yield named
        return
    home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "/")) / ".config")
    for path in (
        Path("dragoman.toml"),
        home / "dragoman" / "config.toml",
        Path("/etc/dragoman/dragoman.toml"),
    ):
        if path.exists():
            yield path


def _nested(keys: list[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def _merge(
    values: dict[str, Any],
    sources: dict[str, str],
    table: Mapping[str, Any],
    source: str,
    path: str = "",
) -> None:
    for key, value in table.items():
        name = f"{path}{key}"
        if isinstance(value, dict):
            inner = values.setdefault(key, {})
            if isinstance(inner, dict):
                _merge(inner, sources, value, source, f"{name}.")
                continue
        values[key] = value
        sources[name] = source


def _explained(text: str, sources: Mapping[str, str]) -> str:
    where = _WHERE.search(text)
    unknown = _UNKNOWN.search(text)
    path = [
        step
        for step in ((where.group(1) if where else ""), (unknown.group(1) if unknown else ""))
        if step
    ]
    name = ".".join(path)
    source = next(
        (
            origin
            for value, origin in sources.items()
            if value == name or value.startswith(f"{name}.")
        ),
        "",
    )
    lists = (
        """; in the environment a list is JSON: '["one","two"]'"""
        if "Expected `array`" in text and source.startswith("$")
        else ""
    )
    return f"{text}{f' (from {source})' if source else ''}{lists}; `dragoman config show` lists what there is"


def flattened(settings: Struct, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every setting by its dotted name."""
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, Struct):
            yield from flattened(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
