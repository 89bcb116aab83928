"""The demonstration: public events of sides that seldom talk, and an exercise.

The exercise contains a present flash whose deadline runs. Everything is posted through
the HTTP API, with keys that make a second seeding change nothing.
"""

import asyncio
import json
import os
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Final

import aiohttp
import structlog

from dragoman.client import Client, ProblemResponse
from dragoman.domain.acts import two_keys
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.record import ids
from dragoman_schemas.responses import DraftView

log = structlog.get_logger()

ROLES: Final = {
    "officer": "o-1",
    "duty_officer": "d-1",
    "head_of_office": "h-1",
    "auditor": "a-1",
    "administrator": "adm-1",
}
OFFICES: Final = {"nato": "brussels", "china": "beijing"}
_DRILL: Final = "nato-china-exercise"
_AHEAD: Final = timedelta(days=3)
"""The time by which the windows of an old case are moved into the future."""

_DRILL_BEGAN: Final = timedelta(hours=1, minutes=32)
"""The time of the exercise's beginning, before its opening. So the last of its entries,
an hour and a half into it, has just been posted.
"""

_WAITING: Final[dict[str, Any]] = {
    "act": "hazardous-incident",
    "precedence": "flash",
    "kind": "lost_drone_or_missile",
    "time": "start+5490s",
    "place": {"lat": 15.0417, "lon": 116.5083},
    "facts": (
        "A drone of ours does not answer and drifts towards your ships. "
        "It is unarmed. The rest is unknown."
    ),
    "request": "Please hold fire.",
}
"""The last entry of the exercise: a flash that nobody has acknowledged, for the
visitor.
"""

_CALM: Final = "nato-china"
_DESKS: Final[dict[str, dict[str, Any]]] = {
    "nato": {
        "seat": "Brussels",
        "zone": "Europe/Brussels",
        "telephone": "+32 2 555 01 10",
        "languages": ["en", "fr"],
    },
    "china": {
        "seat": "Beijing",
        "zone": "Asia/Shanghai",
        "telephone": "+86 10 5550 1190",
        "languages": ["zh", "en"],
    },
}
"""The seats and telephones of the liaison offices in the live channel. The numbers
belong to nobody.
"""


def _connector(certificate: Path | None) -> aiohttp.TCPConnector:
    if certificate is None:
        return aiohttp.TCPConnector()
    trusted = ssl.create_default_context(cafile=certificate)
    # The gateway is called at its own address, which the certificate need not contain.
    trusted.check_hostname = False
    return aiohttp.TCPConnector(ssl=trusted)


async def seed(data: Path, base_url: str, own_url: str, certificate: Path | None) -> dict[str, Any]:
    """Seed a running gateway, write `demo.json`, and return its content.

    The gateway is called at its own address with its own certificate. `demo.json`
    contains the address for callers from outside.
    """
    operator = (data / "operator.token").read_text().strip()
    scenarios = [_scenario("nato-china"), _scenario("vienna-2022"), _scenario("drill")]
    talks = _scenario("talks")
    definitions = [channel for scenario in scenarios for channel in scenario["channels"]]
    async with aiohttp.ClientSession(connector=_connector(certificate)) as session:
        caller = Client(session, own_url, operator)
        opened = {definition["name"]: await _open(caller, definition) for definition in definitions}
        tokens = await _tokens(caller, data, definitions)
        cast = {name: Client(session, own_url, token) for name, token in tokens.items()}
        began = {
            name: datetime.fromisoformat(moment) - _DRILL_BEGAN for name, moment in opened.items()
        }
        playing = [
            _play(cast, scenario, began[scenario["channels"][0]["name"]]) for scenario in scenarios
        ]
        await asyncio.gather(*playing, _play(cast, talks, began["nato-china-track2"]))
        waiting = _compact(_with_times(_WAITING, began[_DRILL]))
        await cast["nato/duty_officer"].post(_DRILL, waiting, key="demonstration-waiting")
        for side, desk in _DESKS.items():
            await _staff(cast, side, desk)
        await _check_line(cast)
    seeded = {
        "base_url": base_url,
        "channels": [definition["name"] for definition in definitions],
        "tokens": tokens,
    }
    _write(data / "demo.json", json.dumps(seeded, indent=1) + "\n")
    return {**seeded, "file": str(data / "demo.json")}


def _scenario(name: str) -> dict[str, Any]:
    scenario: dict[str, Any] = json.loads(
        resources.files("dragoman.cli").joinpath(f"scenarios/{name}.json").read_text()
    )
    return scenario


async def _open(caller: Client, definition: dict[str, Any]) -> str:
    """Open a channel with one officer for each role and side, or find it.

    Return its channel time at the genesis.
    """
    body: dict[str, Any] = {
        name: definition[name]
        for name in ("name", "kind", "sides", "languages", "exercise_of")
        if name in definition
    }
    body["officers"] = [
        {"side": side, "officer": name, "office": OFFICES.get(side, "secretariat"), "roles": [role]}
        for side in definition["sides"]
        for role, name in ROLES.items()
    ]
    try:
        await caller.call("POST", "/v1/channels", json.dumps(body).encode())
    except ProblemResponse as error:
        if not error.problem.type.endswith("/exists"):
            raise
    opened = (await caller.call("GET", f"/v1/channels/{definition['name']}")).json()["opened"]
    return str(opened)


async def _tokens(caller: Client, data: Path, definitions: list[dict[str, Any]]) -> dict[str, str]:
    """Return a token for each role of each side, in all of its channels.

    Tokens of an earlier demonstration are used again.
    """
    path = data / "demo.json"
    tokens: dict[str, str] = json.loads(path.read_text())["tokens"] if path.exists() else {}
    sides = [side for definition in definitions for side in definition["sides"]]
    names = {
        f"{side}/{role}": name for side in dict.fromkeys(sides) for role, name in ROLES.items()
    }

    async def issued(holder: str) -> str:
        actor = f"{holder.partition('/')[0]}/{names[holder]}"
        channels = [
            definition["name"]
            for definition in definitions
            if holder.partition("/")[0] in definition["sides"]
        ]
        body = json.dumps({"actor": actor, "channels": channels, "label": "demonstration"}).encode()
        return str((await caller.call("POST", "/v1/tokens", body)).json()["token"])

    missing = [holder for holder in names if holder not in tokens]
    return tokens | dict(zip(missing, await asyncio.gather(*map(issued, missing)), strict=True))


async def _draft_and_release(
    drafter: Client, releaser: Client, entry: dict[str, Any], act: bytes, key: str
) -> str:
    """Let an officer draft an act and the releaser release it; return its exchange.

    This is done only once, whatever the number of seedings.
    """
    channel, exchange = (
        entry["channel"],
        ids.from_key(entry["channel"], f"{entry['side']}/{ROLES['officer']}", key),
    )
    try:
        await releaser.call("GET", f"/v1/channels/{channel}/exchanges/{exchange}")
    except ProblemResponse:
        recorded = (
            await releaser.release(channel, await drafter.draft(channel, act, key=key))
        ).recorded
        return recorded.exchange
    return exchange


async def _release_by_colleague(
    drafted: Awaitable[DraftView], colleague: Client, entry: dict[str, Any], key: str
) -> str:
    """Let a colleague release the draft of an officer, and return the id of its record.

    This is done only once, whatever the number of seedings.
    """
    try:
        await colleague.release(entry["channel"], await drafted)
    except ProblemResponse as error:
        if error.problem.type != "/problems/key-reused":
            raise
    return ids.from_key(entry["channel"], f"{entry['side']}/{ROLES[entry['role']]}", key)


async def _adopt(cast: dict[str, Client], scenario: dict[str, Any]) -> None:
    """Let every side adopt the scenario's profile, if its entries do not."""
    act = _compact({"act": "profile-adoption", "profile": scenario["profile"]})
    for channel in scenario["channels"]:
        for side in channel["sides"]:
            await cast[f"{side}/administrator"].post(
                channel["name"], act, key=f"demonstration-adopts-{channel['name']}"
            )


async def _play(cast: dict[str, Client], scenario: dict[str, Any], began: datetime) -> None:
    """Post a scenario's entries in their order."""
    exchanges: dict[str, str] = {}
    records: dict[str, dict[str, str]] = {}
    if not any(entry.get("post") == "channel" for entry in scenario["entries"]):
        await _adopt(cast, scenario)
    for number, entry in enumerate(scenario["entries"]):
        if "body" not in entry:
            continue
        body = _with_future_windows(_with_ids(_with_times(entry["body"], began), exchanges))
        if body["act"] == "release":
            body["records"] = [records[record] for record in body["records"]]
        act = _compact(body)
        key = f"demonstration-{scenario['scenario']}-{number:04d}"
        label = entry["post"].partition("exchanges/")[2].removesuffix("/acts")
        exchange = exchanges[label] if label else ""
        caller = cast[f"{entry['side']}/{entry['role']}"]
        if entry.get("two_key"):
            exchanges[entry["as"]] = await _draft_and_release(
                cast[f"{entry['side']}/officer"], caller, entry, act, key
            )
            continue
        if_match = (
            await _read_etag(caller, entry["channel"], exchange)
            if RULES[body["act"]].consenting
            else ""
        )
        if exchange:
            act = await caller.with_terms(entry["channel"], exchange, act)
        if body["act"] in two_keys.CONSENTS | {"amendment"}:
            colleague = cast[
                f"{entry['side']}/{'officer' if entry['role'] != 'officer' else 'duty_officer'}"
            ]
            drafted = caller.draft(
                entry["channel"], act, key=key, exchange=exchange, if_match=if_match
            )
            id = await _release_by_colleague(drafted, colleague, entry, key)
            if "record_as" in entry:
                exchanges[entry["record_as"]] = id
            continue
        recorded = (
            await caller.post(entry["channel"], act, key=key, exchange=exchange, if_match=if_match)
        ).recorded
        records[recorded.id] = {
            "record": recorded.id,
            "exchange": recorded.exchange,
            "commit": recorded.commit,
        }
        if "as" in entry:
            exchanges[entry["as"]] = recorded.exchange
        if "record_as" in entry:
            exchanges[entry["record_as"]] = recorded.id


async def _staff(cast: dict[str, Client], side: str, desk: dict[str, Any]) -> None:
    """Enter a side's liaison office with its hours, and a point of contact.

    The other side acknowledges the point of contact.
    """
    hours = {
        "days": ["mon", "tue", "wed", "thu", "fri"],
        "from": "08:00",
        "to": "18:00",
        "zone": desk["zone"],
    }
    office = {
        "act": "liaison-office",
        "side": side,
        "seat": desk["seat"],
        "status": "open",
        "hours": hours,
        "for_the_record": True,
    }
    head, other = (
        cast[f"{side}/head_of_office"],
        cast["china/duty_officer" if side == "nato" else "nato/duty_officer"],
    )
    await head.post(_CALM, _compact(office), key="demonstration-office")
    person = {
        "name": "Duty desk",
        "telephones": [desk["telephone"]],
        "languages": desk["languages"],
    }
    key = {"Idempotency-Key": f"demonstration-person-{side}"}
    entry_of_person = (
        await cast[f"{side}/duty_officer"].call(
            "POST", f"/v1/channels/{_CALM}/people", _compact(person), key
        )
    ).json()
    point = {
        "act": "point-of-contact",
        "role": "duty desk",
        "person": {"id": entry_of_person["id"], "commitment": entry_of_person["commitment"]},
        "institution": f"Liaison office {desk['seat']}",
        "languages": desk["languages"],
        "hours": "24x7",
        "channels": ["telephone", "page"],
        "valid_from": "2026-01-01T00:00:00Z",
    }
    entry = {"channel": _CALM, "side": side}
    exchange = await _draft_and_release(
        cast[f"{side}/officer"], head, entry, _compact(point), "demonstration-contact"
    )
    await other.post(
        _CALM,
        _compact({"act": "acknowledgement"}),
        key=f"demonstration-received-{side}",
        exchange=exchange,
    )


async def _check_line(cast: dict[str, Client]) -> None:
    """Check the line once: a challenge in both scripts, echoed exactly."""
    check = {
        "act": "line-check",
        "sequence": 1,
        "challenge": "The quick brown fox 联络官",
        "circuit": "primary",
    }
    opened = (
        await cast["nato/duty_officer"].post(_CALM, _compact(check), key="demonstration-line-check")
    ).recorded
    echo = {"act": "echo", "text": check["challenge"]}
    await cast["china/duty_officer"].post(
        _CALM, _compact(echo), key="demonstration-line-echo", exchange=opened.exchange
    )


def _compact(act: dict[str, Any]) -> bytes:
    return json.dumps(act, ensure_ascii=False, separators=(",", ":")).encode()


async def _read_etag(caller: Client, channel: str, exchange: str) -> str:
    """Return the ETag of an exchange, which a consenting act must name."""
    return (await caller.call("GET", f"/v1/channels/{channel}/exchanges/{exchange}")).headers[
        "ETag"
    ]


def _with_ids(value: Any, exchanges: dict[str, str]) -> Any:
    """Return a body with the names of the scenario replaced by ids."""
    if isinstance(value, dict):
        return {
            name: _with_ids(inner, exchanges)
            if name in ("references", "trigger", "of", "under", "records")
            else inner
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_ids(inner, exchanges) for inner in value]
    return exchanges.get(value, value) if isinstance(value, str) else value


def _with_times(value: Any, began: datetime) -> Any:
    """Return a body with each `start+Ns` replaced by a time."""
    if isinstance(value, dict):
        return {name: _with_times(inner, began) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_times(inner, began) for inner in value]
    if isinstance(value, str) and value.startswith("start+") and value.endswith("s"):
        moment = began + timedelta(seconds=int(value[6:-1]))
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return value


def _with_future_windows(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body whose windows are in the future.

    The windows of an old case are moved by whole days, because no gateway accepts past
    ones.
    """
    windows = body.get("windows", ())
    if not windows or body.get("for_the_record"):
        return body
    ahead = (
        datetime.now(UTC)
        + _AHEAD
        - min(datetime.fromisoformat(window["from"]) for window in windows)
    )
    if ahead <= timedelta():
        return body
    moved = timedelta(days=ahead.days + 1)
    return body | {
        "windows": [
            {
                end: f"{datetime.fromisoformat(window[end]) + moved:%Y-%m-%dT%H:%M:%SZ}"
                for end in ("from", "to")
            }
            for window in windows
        ]
    }


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def introduce(seeded: dict[str, Any], say: Callable[[str], None]) -> None:
    """Print the address of the demonstration and its tokens."""
    tokens: dict[str, str] = seeded["tokens"]
    say("")
    say(
        f"  Open {seeded['base_url']}/ and sign in with a token. "
        "A flash waits for China in nato-china-exercise."
    )
    say("")
    width = max(len(name) for name in tokens if name.partition("/")[0] in OFFICES)
    for name, token in tokens.items():
        if name.partition("/")[0] in OFFICES:
            say(f"  {name.ljust(width)}  {token}")
    say("")
    say(f"  {seeded['file']} has those of the other sides.")
    say("")
    say("  The host keeps the keys of all sides: this is a trial. Ctrl-C stops it.")
    say("")
