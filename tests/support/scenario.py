"""A scenario played through HTTP on a service whose clock the test sets."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp

from dragoman.cli.scenario_posts import ROLES
from dragoman.domain.acts.act_registry import RULES
from patience import PATIENCE_S
from service import Answer, Service, TimedGateway, new_key

_STEPPED = Path(__file__).with_name("stepped.py")
_BEATS = 3
"""A watch that was looking when the clock was set has to look again, and once more at what came of
that.
"""


def moment(text: str) -> datetime:
    """A time as scenarios write it."""
    return datetime.fromisoformat(text)


class Timed(Service):
    """The service beside its own broker, with a clock of its own that its guard does not compare
    with the broker's.
    """

    def __init__(self, data: Path) -> None:
        self.off = data.parent / "off"
        self.off.write_text("0")
        self.program = (sys.executable, str(_STEPPED), "--alone", str(self.off))
        super().__init__(data)

    def command(self) -> list[str | Path]:
        return ["up", "--data", self.data]

    def set(self, moment: datetime) -> None:
        """Let it be that time now."""
        fresh = self.off.with_suffix(".new")
        fresh.write_text(str(moment.timestamp() - time.time()))
        fresh.rename(self.off)

    async def watched(self) -> None:
        """Wait until the watch has looked at all clocks by the time that it is now."""
        beats = self.off.with_suffix(".beats")
        async with asyncio.timeout(PATIENCE_S):
            while not beats.exists():
                await asyncio.sleep(0.05)
            least = int(beats.read_text()) + _BEATS
            while int(beats.read_text()) < least:
                await asyncio.sleep(0.05)


@dataclass
class Play:
    """A scenario: its channels opened, its sides in office, and its entries posted at their times."""

    name: str
    service: TimedGateway
    session: aiohttp.ClientSession
    tokens: dict[str, str] = field(default_factory=dict)
    exchanges: dict[str, str] = field(default_factory=dict)
    start: datetime | None = None
    besides: tuple[str, ...] = ()
    """Other channels that the tokens of its people are for as well."""

    def __post_init__(self) -> None:
        file = resources.files("dragoman.cli").joinpath(f"scenarios/{self.name}.json")
        self.scenario: dict[str, Any] = json.loads(file.read_text())

    async def call(
        self, who: str, method: str, path: str, body: Any = None, **headers: str
    ) -> Answer:
        """One call, which must succeed."""
        token = self.service.operator.strip() if who == "operator" else self.tokens[who]
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        raw = (
            None
            if body is None
            else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        )
        async with self.session.request(
            method, self.service.base_url + path, data=raw, headers=sent
        ) as response:
            answer = Answer(response.status, response.headers.copy(), await response.read())
        assert answer.status < 300, (method, path, body, answer.body)
        return answer

    async def open(self, moment: datetime) -> None:
        """Open the channels at that time, give everybody a token, and let every side adopt the
        scenario's profile.
        """
        self.service.set(moment)
        for channel in self.scenario["channels"]:
            body = {
                name: channel[name]
                for name in ("name", "kind", "sides", "languages", "exercise_of")
                if name in channel
            }
            body["officers"] = [
                {"side": side, "officer": name, "office": "capital", "roles": [role]}
                for side in channel["sides"]
                for role, name in ROLES.items()
            ]
            await self.call("operator", "POST", "/v1/channels", body)
        for side in dict.fromkeys(
            side for channel in self.scenario["channels"] for side in channel["sides"]
        ):
            for role, name in ROLES.items():
                channels = [
                    channel["name"]
                    for channel in self.scenario["channels"]
                    if side in channel["sides"]
                ]
                channels += self.besides
                answer = await self.call(
                    "operator",
                    "POST",
                    "/v1/tokens",
                    {"actor": f"{side}/{name}", "channels": channels},
                )
                self.tokens[f"{side}/{role}"] = answer.json["token"]
        if not any(
            entry.get("body", {}).get("act") == "profile-adoption"
            for entry in self.scenario["entries"]
        ):
            for channel in self.scenario["channels"]:
                for side in channel["sides"]:
                    body = {"act": "profile-adoption", "profile": self.scenario["profile"]}
                    path = f"/v1/channels/{channel['name']}/channel"
                    await self.call(
                        f"{side}/administrator", "POST", path, body, Idempotency_Key=new_key()
                    )

    async def until(self, moment: datetime) -> None:
        """Post what comes before that time, each entry at its own."""
        while self.scenario["entries"] and self._at(self.scenario["entries"][0]) <= moment:
            entry = self.scenario["entries"].pop(0)
            if "body" in entry:
                self.service.set(self._at(entry))
                await self._post(entry)
        self.service.set(moment)
        await self.service.watched()

    def _at(self, entry: dict[str, Any]) -> datetime:
        if "at" in entry:
            return datetime.fromisoformat(entry["at"])
        assert self.start is not None
        return self.start + timedelta(seconds=entry["after_s"])

    async def _post(self, entry: dict[str, Any]) -> None:
        body = self._named(entry["body"])
        channel, who = f"/v1/channels/{entry['channel']}", f"{entry['side']}/{entry['role']}"
        where, _, named = entry["post"].partition("exchanges/")
        exchange = self.exchanges[named.removesuffix("/acts")] if named else ""
        path = f"{channel}/exchanges/{exchange}/acts" if exchange else f"{channel}/{where}"
        headers = {"Idempotency_Key": new_key()}
        if RULES[body["act"]].consenting:
            view = await self.call(who, "GET", f"{channel}/exchanges/{exchange}")
            headers["If_Match"] = view.headers["ETag"]
            named = [
                each["sha256"] for each in view.json.get("terms", ()) if each["act"] == body["act"]
            ]
            body |= {"terms": named[0]} if named else {}
        if entry.get("two_key"):
            draft = await self.call(
                f"{entry['side']}/officer",
                "POST",
                f"{channel}/drafts",
                {"act": body},
                Idempotency_Key=new_key(),
            )
            kept = await self.call(
                who,
                "POST",
                f"{channel}/drafts/{draft.json['id']}/release",
                If_Match=draft.headers["ETag"],
            )
        else:
            kept = await self.call(who, "POST", path, body, **headers)
        if kept.json.get("one_key"):
            colleague = (
                f"{entry['side']}/{'officer' if entry['role'] != 'officer' else 'duty_officer'}"
            )
            await self.call(
                colleague,
                "POST",
                path,
                {"act": "second-key", "of": kept.json["id"]},
                Idempotency_Key=new_key(),
            )
        if "as" in entry:
            self.exchanges[entry["as"]] = kept.json["exchange"]

    def _named(self, value: Any) -> Any:
        """With every name of an exchange made its id, and every `start+Ns` a time."""
        if isinstance(value, dict):
            return {name: self._named(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._named(inner) for inner in value]
        if isinstance(value, str) and value.startswith("start+"):
            assert self.start is not None
            return (self.start + timedelta(seconds=int(value[6:-1]))).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.exchanges.get(value, value) if isinstance(value, str) else value

    async def view(self, channel: str, name: str, who: str) -> Any:
        """An exchange by the name that the scenario gives it."""
        return (
            await self.call(who, "GET", f"/v1/channels/{channel}/exchanges/{self.exchanges[name]}")
        ).json
