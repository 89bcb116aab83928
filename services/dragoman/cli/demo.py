"""The demonstration: public events of sides that seldom talk, and an exercise.

The exercise contains a present flash whose deadline runs. Everything is posted through
the HTTP API, with keys that make a second seeding change nothing.
"""

import asyncio
import hashlib
import json
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import structlog

from dragoman.cli.common import UsageError
from dragoman.cli.scenario_posts import (
    ROLES,
    Scenario,
    ScenarioPosts,
    compact,
    draft_and_release,
    scenario,
    with_times,
)
from dragoman.client import Client, ProblemResponse
from dragoman.eventlog.broker import write_secret
from dragoman.stores.identities import canonical
from dragoman_schemas.identity_responses import NewIdentity

log = structlog.get_logger()

OFFICES: Final = {"nato": "brussels", "china": "beijing"}
_DRILL: Final = "nato-china-exercise"
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

_ARRIVAL_TRIES: Final = 50
_ARRIVAL_PAUSE_SECONDS: Final = 0.1
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


def check(data: Path) -> None:
    """Raise `UsageError` if the data directory has a scenario of a past event."""
    path = data / "demo.json"
    if path.exists() and "scenario" in json.loads(path.read_text()):
        raise UsageError(
            f"{data} has another demonstration: name a new directory with --data, "
            "or delete this one with --fresh"
        )


def connector(certificate: Path | None) -> aiohttp.TCPConnector:
    """Return a connector that trusts the gateway's own certificate."""
    if certificate is None:
        return aiohttp.TCPConnector()
    trusted = ssl.create_default_context(cafile=certificate)
    # The gateway is called at its own address, which the certificate need not contain.
    trusted.check_hostname = False
    return aiohttp.TCPConnector(ssl=trusted)


async def seed(
    data: Path, base_url: str, own_url: str, certificate: Path | None, *, has_stations: bool = False
) -> dict[str, Any]:
    """Seed a running gateway, write `demo.json`, and return its content.

    Where the sides have stations, they name their points of contact there.
    The gateway is called at its own address with its own certificate. `demo.json`
    contains the address for callers from outside.
    """
    operator = (data / "operator.token").read_text().strip()
    scenes = [scenario("nato-china"), scenario("vienna-2022"), scenario("drill")]
    definitions = [channel for scene in scenes for channel in scene["channels"]]
    async with aiohttp.ClientSession(connector=connector(certificate)) as session:
        caller = Client(session, own_url, operator)
        opened = {
            definition["name"]: await open_channel(caller, definition) for definition in definitions
        }
        tokens = await tokens_of(caller, data, definitions)
        cast = {name: Client(session, own_url, token) for name, token in tokens.items()}
        began = {
            name: datetime.fromisoformat(moment) - _DRILL_BEGAN for name, moment in opened.items()
        }
        following = {"nato-china": (scenario("years"),)}
        playing = [
            _play(
                cast,
                scene,
                began[scene["channels"][0]["name"]],
                *following.get(scene["scenario"], ()),
            )
            for scene in scenes
        ]
        await asyncio.gather(*playing, _play(cast, scenario("talks"), began["nato-china-track2"]))
        waiting = compact(with_times(_WAITING, began[_DRILL]))
        await cast["nato/duty_officer"].post(_DRILL, waiting, key="demonstration-waiting")
        if not has_stations:
            await staff(cast)
        await _check_line(cast)
    seeded = {
        "base_url": base_url,
        "channels": [definition["name"] for definition in definitions],
        "tokens": tokens,
    }
    path = data / "demo.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    write_secret(path, f"{json.dumps(before | seeded, indent=1)}\n".encode())
    return {**seeded, "file": str(path)}


async def open_channel(caller: Client, definition: dict[str, Any]) -> str:
    """Open a channel with one officer for each role and side, or find it.

    Return its channel time at the genesis.
    """
    body: dict[str, Any] = {
        name: definition[name]
        for name in ("name", "kind", "sides", "languages", "exercise_of")
        if name in definition
    }
    offices = definition.get("offices", OFFICES)
    body["officers"] = [
        {"side": side, "officer": name, "office": offices.get(side, "secretariat"), "roles": [role]}
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


async def tokens_of(
    caller: Client, data: Path, definitions: list[dict[str, Any]]
) -> dict[str, str]:
    """Return a token for each role of each side, in all of its channels.

    Tokens of an earlier demonstration are used again, as long as they are in force.
    """
    path = data / "demo.json"
    earlier: dict[str, str] = json.loads(path.read_text())["tokens"] if path.exists() else {}
    tokens = await tokens_in_force(caller, earlier)
    sides = [side for definition in definitions for side in definition["sides"]]
    names = {
        f"{side}/{role}": name for side in dict.fromkeys(sides) for role, name in ROLES.items()
    }

    async def issued_to(holder: str) -> str:
        actor = f"{holder.partition('/')[0]}/{names[holder]}"
        channels = [
            definition["name"]
            for definition in definitions
            if holder.partition("/")[0] in definition["sides"]
        ]
        return await issued(caller, actor, channels)

    missing = [holder for holder in names if holder not in tokens]
    if missing:
        await _identify(caller, definitions)
    return tokens | dict(zip(missing, await asyncio.gather(*map(issued_to, missing)), strict=True))


async def tokens_in_force(operator: Client, earlier: dict[str, str]) -> dict[str, str]:
    """Return the valid tokens of an earlier demonstration, by holder."""
    listed = (await operator.call("GET", "/v1/tokens")).json()["tokens"] if earlier else ()
    ids = {token["id"] for token in listed}
    return {
        holder: token
        for holder, token in earlier.items()
        if hashlib.sha256(token.encode()).hexdigest()[:12] in ids
    }


async def issued(operator: Client, actor: str, channels: Sequence[str]) -> str:
    """Return a new token of an officer in some channels."""
    body = json.dumps({"actor": actor, "channels": channels, "label": "demonstration"}).encode()
    return str((await operator.call("POST", "/v1/tokens", body)).json()["token"])


async def _identify(caller: Client, definitions: list[dict[str, Any]]) -> None:
    """Enter one identity for each side that is in several channels, exercises apart.

    Its officers then have one token for all of these channels.
    """
    channels = [definition for definition in definitions if "exercise_of" not in definition]
    sides = Counter(side for definition in channels for side in definition["sides"])
    for side in (side for side, count in sides.items() if count > 1):
        pairs = [
            (str((await caller.call("GET", f"/v1/channels/{channel['name']}")).json()["cid"]), side)
            for channel in channels
            if side in channel["sides"]
        ]
        body = NewIdentity(entry=msgspec.Raw(canonical(side, 1, pairs)))
        try:
            await caller.call("PUT", f"/v1/identities/{side}", msgspec.json.encode(body))
        except ProblemResponse as error:
            if not error.problem.type.endswith("/moved"):  # an earlier start has entered it
                raise


async def adopt(cast: dict[str, Client], played: Scenario) -> None:
    """Let every side adopt the scenario's profile, if its entries do not."""
    act = compact({"act": "profile-adoption", "profile": played["profile"]})
    for channel in played["channels"]:
        for side in channel["sides"]:
            await cast[f"{side}/administrator"].post(
                channel["name"], act, key=f"demonstration-adopts-{channel['name']}"
            )


async def _play(
    cast: dict[str, Client], played: Scenario, began: datetime, *following: Scenario
) -> None:
    """Post a scenario's entries in their order, then those that build on them."""
    if not any(entry.get("post") == "channel" for entry in played["entries"]):
        await adopt(cast, played)
    exchanges: dict[str, str] = {}
    for scene in (played, *following):
        posts = ScenarioPosts(cast, scene["scenario"], began, exchanges=exchanges)
        for number, entry in enumerate(scene["entries"]):
            if "body" in entry:
                await posts.post(number, entry)


async def staff(cast: dict[str, Client]) -> None:
    """Enter the liaison offices of both sides in the live channel."""
    for side, desk in _DESKS.items():
        await _staff(cast, side, desk)


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
    await head.post(_CALM, compact(office), key="demonstration-office")
    person = {
        "name": "Duty desk",
        "telephones": [desk["telephone"]],
        "languages": desk["languages"],
    }
    key = {"Idempotency-Key": f"demonstration-person-{side}"}
    entry_of_person = (
        await cast[f"{side}/duty_officer"].call(
            "POST", f"/v1/channels/{_CALM}/people", compact(person), key
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
    exchange = await draft_and_release(
        cast[f"{side}/officer"], head, entry, compact(point), "demonstration-contact"
    )
    await _arrived(other, exchange)
    await other.post(
        _CALM,
        compact({"act": "acknowledgement"}),
        key=f"demonstration-received-{side}",
        exchange=exchange,
    )


async def _arrived(caller: Client, exchange: str) -> None:
    """Wait until an exchange is there, which it is later at another station."""
    for _ in range(_ARRIVAL_TRIES):
        try:
            await caller.call("GET", f"/v1/channels/{_CALM}/exchanges/{exchange}")
        except ProblemResponse as error:
            if error.problem.status != 404:
                raise
            await asyncio.sleep(_ARRIVAL_PAUSE_SECONDS)
        else:
            return


async def _check_line(cast: dict[str, Client]) -> None:
    """Check the line once: a challenge in both scripts, echoed exactly."""
    check = {
        "act": "line-check",
        "sequence": 1,
        "challenge": "The quick brown fox 联络官",
        "circuit": "primary",
    }
    opened = (
        await cast["nato/duty_officer"].post(_CALM, compact(check), key="demonstration-line-check")
    ).recorded
    echo = {"act": "echo", "text": check["challenge"]}
    await cast["china/duty_officer"].post(
        _CALM, compact(echo), key="demonstration-line-echo", exchange=opened.exchange
    )


def introduce(seeded: dict[str, Any], say: Callable[[str], None]) -> None:
    """Print the address of the demonstration and its tokens."""
    tokens: dict[str, str] = seeded["tokens"]
    say("")
    say(f"  Open {seeded['base_url']}/ and sign in with a token.")
    say(f"  A flash waits for China: {seeded['base_url']}/c/{_DRILL}")
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
