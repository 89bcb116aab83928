"""The demonstration: public events of sides that talk rarely, and an exercise with a flash whose clock runs.

Seeded through the HTTP API like everything else, with keys that make a second seeding change nothing.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Final

import structlog

from dragoman.client import Answered, Client, client
from dragoman.domain import ids
from dragoman.domain.table import RULES
from dragoman_schemas.acts import SHAPES

log = structlog.get_logger()

ROLES: Final = {"officer": "o-1", "duty_officer": "d-1", "head_of_office": "h-1", "auditor": "a-1", "administrator": "adm-1"}
OFFICES: Final = {"nato": "brussels", "china": "beijing"}
_DRILL_BEGAN: Final = timedelta(hours=1, minutes=1)
"""Before the exercise's opening, so that its incident, an hour into it, has just been reported."""


async def seed(data: Path, base_url: str) -> dict[str, Any]:
    """Seed a running gateway and write `demo.json`; what it holds."""
    operator = (data / "operator.token").read_text().strip()
    scenarios = [_scenario("nato-china"), _scenario("vienna-2022"), _scenario("drill")]
    definitions = [channel for scenario in scenarios for channel in scenario["channels"]]
    async with client(base_url, operator) as caller:
        opened = {definition["name"]: await _open(caller, definition) for definition in definitions}
        tokens = await _tokens(caller, data, [side for definition in definitions for side in definition["sides"]])
    for scenario in scenarios:
        drill = scenario["scenario"] == "drill"
        began = datetime.fromisoformat(opened[scenario["channels"][0]["name"]]) - _DRILL_BEGAN
        if not any(entry.get("post") == "channel" for entry in scenario["entries"]):
            await _adopt(base_url, tokens, scenario)
        await _play(base_url, tokens, scenario["scenario"], _chosen(scenario) if drill else scenario["entries"], began)
    seeded = {"base_url": base_url, "channels": [definition["name"] for definition in definitions], "tokens": tokens}
    _write(data / "demo.json", json.dumps(seeded, indent=1) + "\n")
    return {**seeded, "file": str(data / "demo.json")}


def _scenario(name: str) -> dict[str, Any]:
    scenario: dict[str, Any] = json.loads(resources.files("dragoman.cli").joinpath(f"scenarios/{name}.json").read_text())
    return scenario


def _chosen(drill: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the drill, what makes clocks run, and the flash incident, left unacknowledged for whoever looks."""
    return [entry for entry in drill["entries"] if entry.get("as") == "NEARMISS" or entry.get("post") == "channel"]


async def _open(caller: Client, definition: dict[str, Any]) -> str:
    """Open a channel with one officer a role and side, or find it; its channel time at the genesis."""
    body: dict[str, Any] = {name: definition[name] for name in ("name", "kind", "sides", "languages", "exercise_of") if name in definition}
    body["officers"] = [
        {"side": side, "officer": name, "office": OFFICES.get(side, "secretariat"), "roles": [role]}
        for side in definition["sides"]
        for role, name in ROLES.items()
    ]
    try:
        await caller.call("POST", "/v1/channels", json.dumps(body).encode())
    except Answered as error:
        if not error.problem.type.endswith("/exists"):
            raise
    opened = (await caller.call("GET", f"/v1/channels/{definition['name']}")).json()["opened"]
    return str(opened)


async def _tokens(caller: Client, data: Path, sides: list[str]) -> dict[str, str]:
    """A token for each role of each side, those of an earlier demonstration if they still hold."""
    path = data / "demo.json"
    if path.exists():
        known: dict[str, str] = json.loads(path.read_text())["tokens"]
        return known
    tokens: dict[str, str] = {}
    for side in dict.fromkeys(sides):
        for role, name in ROLES.items():
            body = json.dumps({"actor": f"{side}/{name}", "label": "demonstration"}).encode()
            tokens[f"{side}/{role}"] = (await caller.call("POST", "/v1/tokens", body)).json()["token"]
    return tokens


async def _released(base_url: str, drafter: str, releaser: Client, entry: dict[str, Any], act: bytes, key: str) -> str:
    """Have an officer draft an act and the releaser release it, unless an earlier seeding did; its exchange."""
    channel, made = entry["channel"], ids.from_key(entry["channel"], f"{entry['side']}/{ROLES['officer']}", key)
    try:
        await releaser.call("GET", f"/v1/channels/{channel}/exchanges/{made}")
    except Answered:
        async with client(base_url, drafter) as caller:
            draft = await caller.draft(channel, act, key=key)
        recorded, _ = await releaser.release(channel, draft)
        return recorded.exchange
    return made


async def _adopt(base_url: str, tokens: dict[str, str], scenario: dict[str, Any]) -> None:
    """Every side adopts the scenario's profile, as the scenarios ask where their entries do not."""
    act = json.dumps({"act": "profile-adoption", "profile": scenario["profile"]}, separators=(",", ":")).encode()
    for channel in scenario["channels"]:
        for side in channel["sides"]:
            async with client(base_url, tokens[f"{side}/administrator"]) as caller:
                await caller.post(channel["name"], act, key=f"demonstration-adopts-{channel['name']}")


async def _play(base_url: str, tokens: dict[str, str], scenario: str, entries: list[dict[str, Any]], began: datetime) -> None:
    """Post a scenario's entries in their order."""
    exchanges: dict[str, str] = {}
    for number, entry in enumerate(entries):
        body = _dated(entry.get("body"), began)
        _, _, named = entry.get("post", "").partition("exchanges/")
        named = named.removesuffix("/acts")
        if body is None or body["act"] not in SHAPES or (named and named not in exchanges):
            continue
        body = _named(body, exchanges)
        act = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        key = f"demonstration-{scenario}-{number:04d}"
        exchange = exchanges.get(named, "")
        async with client(base_url, tokens[f"{entry['side']}/{entry['role']}"]) as caller:
            if entry.get("two_key"):
                exchanges[entry["as"]] = await _released(base_url, tokens[f"{entry['side']}/officer"], caller, entry, act, key)
                continue
            if_match = await _read_etag(caller, entry["channel"], exchange) if RULES[body["act"]].consenting else ""
            recorded, _ = await caller.post(entry["channel"], act, key=key, exchange=exchange, if_match=if_match)
        if "as" in entry:
            exchanges[entry["as"]] = recorded.exchange


async def _read_etag(caller: Client, channel: str, exchange: str) -> str:
    """The exchange's ETag, on which a consenting act rests."""
    return (await caller.call("GET", f"/v1/channels/{channel}/exchanges/{exchange}")).headers["ETag"]


def _named(value: Any, exchanges: dict[str, str]) -> Any:
    """A body with the names that the scenario gives exchanges made their ids."""
    if isinstance(value, dict):
        return {name: _named(inner, exchanges) if name in ("references", "trigger") else inner for name, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, exchanges) for inner in value]
    return exchanges.get(value, value) if isinstance(value, str) else value


def _dated(value: Any, began: datetime) -> Any:
    """A body with `start+Ns` made a time."""
    if isinstance(value, dict):
        return {name: _dated(inner, began) for name, inner in value.items()}
    if isinstance(value, list):
        return [_dated(inner, began) for inner in value]
    if isinstance(value, str) and value.startswith("start+") and value.endswith("s"):
        moment = began + timedelta(seconds=int(value[6:-1]))
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return value


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def introduce(seeded: dict[str, Any], say: Callable[[str], None]) -> None:
    """Say where to go, and with which token."""
    tokens: dict[str, str] = seeded["tokens"]
    say("")
    say(f"  Open {seeded['base_url']}/ and sign in with a token. A flash waits for China in nato-china-exercise.")
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
