"""The settings of a process: one frozen value, and the source of each setting.

    flags > DRAGOMAN_* > a file > defaults

The file is --config FILE or $DRAGOMAN_CONFIG, or else the first of these that exists:
./dragoman.toml, $XDG_CONFIG_HOME/dragoman/config.toml, /etc/dragoman/dragoman.toml.

In the environment a nested name is written with two underscores, and a list as JSON:
DRAGOMAN_HTTP__PORT=8471. Secrets are always in files.
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
    """The address at which the gateway listens.

    `public_url` is its address for callers from outside. Port 0 chooses a free port.
    With `certificate` and `key`, both PEM files, it uses TLS; both are read again when
    they change. `trusted_proxies` are the networks whose X-Forwarded-For is believed. A
    connection without a complete request for `idle_s` seconds is closed. After SIGTERM
    the gateway says that it is not ready. It serves on for `drain_s` seconds, while
    proxies turn to another gateway. With `gateways` above 1, several gateways of this
    machine share the port, and `up` starts as many processes.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8470
    public_url: str = ""
    certificate: Path | None = None
    key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    idle_s: Annotated[float, Meta(ge=1, le=3600)] = 75.0
    drain_s: Annotated[float, Meta(ge=0, le=600)] = 5.0
    gateways: Annotated[int, Meta(ge=1, le=64)] = 1


class Admin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator's own address of a process, with probes and metrics.

    It has no tokens. So it belongs on loopback, on a network of the operators, or on
    the Unix socket `socket`. Port 0 turns it off. Without a `port`, each service has
    its own: 8479 the gateway and `up`, 8481 the scheduler, 8482 the notifier, 8483 the
    signer, 8484 a witness and 8485 a mirror. It answers requests for addresses, for
    names without a dot, for the machine's own name and for `names`: with others, a page
    on the Internet could read it in the operator's browser.
    """

    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    socket: Path | None = None


class MetricsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The amount that `/metrics` shows.

    With `channels`, some gauges are shown for each channel, by its name. Whoever reads
    the metrics then learns which channels there are.
    """

    channels: bool = False


class Oidc(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The provider whose access tokens are accepted, and where officers sign in.

    The API accepts tokens of `issuer` for `audience`, signed with one of `algorithms`.
    The issuer's keys are at `jwks_url`, or else at the address that its discovery
    document names. Its subjects are mapped to officers with `dragoman subject`.

    With `client_id`, the sign-in page offers the provider under `name`, and asks for
    `scopes`. The secret is in the file `client_secret_file`. Without the file this is a
    public client. In its path, `$CREDENTIALS_DIRECTORY` is the folder that systemd
    names. The provider sends browsers back to `redirect_url`. By default that is
    `/signin/oidc/return` below `http.public_url`.
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
    client_id: str = ""
    client_secret_file: Path | None = None
    scopes: tuple[str, ...] = ("openid",)
    redirect_url: str = ""
    name: str = ""


class TokenSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The life of the tokens that the operator issues.

    A request for a token may name its end. Without one, the token ends after
    `default_days`; 0 means that it never ends. No request may name an end after
    `longest_days`; 0 means that it may be any time. The operator's own token never
    ends.
    """

    default_days: Annotated[int, Meta(ge=0, le=36_500)] = 90
    longest_days: Annotated[int, Meta(ge=0, le=36_500)] = 0


class Smtp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mail server of the notifier.

    Without a `host` no mail is sent. The password is in a file.
    """

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = "dragoman@localhost"
    username: str = ""
    password_file: Path | None = None


class Way(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to reach people that the operator offers: SMS, a call, Matrix, a pager.

    Officers see it as `title`, or else as `name`. `url_file` has the address of the
    service in the notation of apprise, with `{to}` in place of the recipient. It has
    the operator's credentials, so the file is readable by its owner alone. `to` says
    what an officer enters: a `phone` number, a `matrix` room, or a `topic`, which may
    be the name of a user or device.

    A `spoken` way is a call that reads its text aloud: twice, without links, and the
    code of a test is ten digits. `{language}` in the file is en, fr or zh.

    With `to = "url"` there is no file: a side enters a whole address of its own, of one
    of the `services`, such as `ntfys`, `gotifys` or `signals`.

    A message costs `cost`, in a currency of your own. In a calendar month the messages
    of this way to one side of a channel cost no more than `cost_limit`. Those to all
    sides together cost no more than `total_limit`. 0 is no limit.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]
    title: str = ""
    to: Literal["phone", "matrix", "topic", "url"] = "phone"
    url_file: Path | None = None
    services: tuple[str, ...] = ()
    spoken: bool = False
    cost: Annotated[float, Meta(ge=0)] = 0.0
    cost_limit: Annotated[float, Meta(ge=0)] = 0.0
    total_limit: Annotated[float, Meta(ge=0)] = 0.0


class NotifierSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delivery of records to the endpoints that a side has named.

    A failed delivery is tried again after each of `retries_s` seconds, and then parked.
    Webhooks must have public addresses, or addresses in `private_networks`. `ways` are
    the ways to reach people beside webhooks and e-mail. Each way to reach people is
    tested every `proof_days` days; 0 turns that off. A proof counts five days longer,
    or 35 days where the tests are off.
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
    ways: tuple[Way, ...] = ()
    proof_days: Annotated[int, Meta(ge=0, le=366)] = 30


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The share of one gateway that an officer, a side or an address may use.

    Budgets keep one caller from starving the others. Officers and sides have one in
    each channel. Requests and MiB (sent and received together) are the budget of a
    second; ten seconds' worth may be used at once. `stranger_requests` are those of an
    address without a valid token. `open_exchanges` are those of a side in a channel,
    `acts` those of a side in one exchange. `streams` are those of an officer.
    `connections` are those of an address at once; our own proxies have no such limit.
    `officer_work`, `side_work` and `address_work` are seconds of a processor for each
    second, used to answer the caller, or an address without a valid token.
    `urgent_requests` are the acknowledgements and urgent acts of an officer that go
    through where any other budget is used up. While the gateway is late by `lag_s`
    seconds, it refuses new streams and lists, and posts at five times that.
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
    officer_work: Annotated[float, Meta(gt=0)] = 0.3
    side_work: Annotated[float, Meta(gt=0)] = 0.5
    address_work: Annotated[float, Meta(gt=0)] = 0.1
    urgent_requests: Annotated[float, Meta(gt=0)] = 5.0
    lag_s: Annotated[float, Meta(gt=0)] = 1.0


class Nats(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker: one that is started from `server`, or the one at `url`.

    `keys` is the folder with the seeds of the broker's users. Of a cluster, `url` names
    several servers with commas between, and `replicas` is the number of copies of each
    log. With `ca`, PEM certificates of authorities, the connection is encrypted. The
    broker then needs a certificate of one of them for the host in `url`. `certificate`
    and `key` are our own, for a broker that asks for one.
    """

    server: Path | None = None
    url: str = ""
    keys: Path | None = None
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The amount and the form of the log."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class FileSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The scanner that must pass a file of another side before anybody gets it.

    `scanner` is a command and its arguments, with the whole path of the command. It
    gets the file on standard input and runs without a shell. Status 0 passes the file
    and 1 refuses it. With any other status, or after `scanner_timeout_s` seconds, the
    file stays held and is scanned again later. Without a command no file is held. See
    docs/scanning.md.
    """

    scanner: tuple[str, ...] = ()
    scanner_timeout_s: Annotated[float, Meta(ge=1, le=600)] = 60.0


class SignerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The witnesses that the signer asks to cosign.

    Each of `witnesses` is a witness's verifier key, a space, and its URL. `up` signs
    heads itself, unless `beside` says that a signer elsewhere does, with an archive on
    another disk.
    """

    beside: bool = False
    witnesses: tuple[str, ...] = ()


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a process.

    `services` says where `up` runs the scheduler, the notifier and the signer:
    `together` with the gateway, or `apart`, each in a process of its own.
    `uvloop` is used if it is installed, by the extra `fast`. `origin` names the logs of
    new channels, as a URL without a scheme. In it, `{channel}` stands for the name of
    the channel. `{key}` stands for the hex SHA-256 of the log's key, by which some
    witnesses know a log. By default the origin is a name that belongs to nobody.
    """

    data: Path = msgspec.field(default_factory=lambda: Path("dragoman-data"))
    services: Literal["together", "apart"] = "together"
    origin: str = ""
    http: Http = Http()
    admin: Admin = Admin()
    metrics: MetricsSettings = MetricsSettings()
    nats: Nats = Nats()
    log: LogSettings = LogSettings()
    registrar: SignerSettings = SignerSettings()
    oidc: Oidc = Oidc()
    tokens: TokenSettings = TokenSettings()
    budgets: BudgetSettings = BudgetSettings()
    files: FileSettings = FileSettings()
    courier: NotifierSettings = NotifierSettings()
    uvloop: bool = True


class SettingsError(Exception):
    """An unknown setting, or one that is not valid.

    The message names the setting and its source.
    """


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Settings, dict[str, str]]:
    """Return the settings, and the source of each by its dotted name.

    Raises `SettingsError`.
    """
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
            _merge(values, sources, _nested(keys, _environment_value(text)), f"${name}")
    overrides = {name: value for name, value in (flags or {}).items() if value is not None}
    for name, value in overrides.items():
        _merge(values, sources, _nested(name.split("."), value), "flag")
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error), sources)) from None
    for name, _ in flattened(settings):
        sources.setdefault(name, "default")
    return settings, sources


def _environment_value(text: str) -> Any:
    """Return the value of an environment variable.

    A list is JSON, any other value is the text itself.
    """
    try:
        return msgspec.json.decode(text) if text.startswith("[") else text
    except msgspec.DecodeError:
        return text


def _path(wanted: type, value: Any) -> Any:
    if wanted is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError  # msgspec then reports the type as not supported


def _files(config: Path | None, environ: Mapping[str, str]) -> Iterator[Path]:
    chosen = config or (
        Path(environ["DRAGOMAN_CONFIG"]) if environ.get("DRAGOMAN_CONFIG") else None
    )
    if chosen is not None:
        yield chosen
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


def _explain(text: str, sources: Mapping[str, str]) -> str:
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
            for setting, origin in sources.items()
            if setting == name or setting.startswith(f"{name}.")
        ),
        "",
    )
    lists = (
        """; in the environment a list is JSON: '["one","two"]'"""
        if "Expected `array`" in text and source.startswith("$")
        else ""
    )
    origin = f" (from {source})" if source else ""
    return f"{text}{origin}{lists}; `dragoman config show` lists all settings"


def flattened(settings: Struct, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting with its dotted name."""
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, Struct):
            yield from flattened(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
