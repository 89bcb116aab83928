"""Openings of an exchange: each side sees in its lane exactly when it has looked, and no other side
sees anything of it.
"""

import asyncio
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from patience import PATIENCE_S
from service import INCIDENT, Caller, Gateway, Second, Service, at_a_screen

C = "/v1/channels/nato-china"
SIDES = ("nato", "china")
OTHER = {"nato": "china", "china": "nato"}
_CALL = {"act": "call-attempt", "post": "Watch", "means": "telephone", "outcome": "no_answer"}
SAID: dict[str, list[dict[str, Any]]] = {
    "nato": [{"act": "update", "text": "No injuries."}, {**_CALL, "side": "china"}],
    "china": [{**_CALL, "side": "nato"}, {"act": "acknowledgement"}],
}
NAMES = {"officer": "o-1", "duty_officer": "d-1", "head_of_office": "h-1"}
BACKGROUND = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
ROUNDS = 16

Marks = list[tuple[int, str]]


class Readers:
    """People of both sides at two gateways, and what each side has looked at."""

    def __init__(self, session: aiohttp.ClientSession, gateways: tuple[Gateway, Gateway]) -> None:
        self.session, self.gateways = session, gateways
        self.exchange = ""
        self.newest = 0
        self.newest_of = dict.fromkeys(SIDES, 0)
        self.looked: dict[str, dict[int, tuple[int, str]]] = {side: {} for side in SIDES}
        self._screens: dict[tuple[int, str], dict[str, str]] = {}

    def caller(self, who: str, gateway: int = 0) -> Caller:
        return Caller(self.session, self.gateways[gateway], who)

    def expected(self, side: str) -> Marks:
        return [entry for _, entry in sorted(self.looked[side].items())]

    async def post(self, side: str, act: dict[str, Any]) -> None:
        officer = self.caller(f"{side}/duty_officer")
        answer = await (officer.act(self.exchange, act) if self.exchange else officer.open(act))
        assert answer.status == 201, answer.body
        self.exchange = answer.json["exchange"]
        self.newest = self.newest_of[side] = answer.json["position"]

    async def page(self, gateway: int, who: str, path: str = "", **headers: str) -> Any:
        """Return the page that a browser gets, once the gateway has all records."""
        auditor = self.caller("nato/auditor", gateway)
        reached = await auditor.get(f"{C}/state", Dragoman_Min_Position=str(self.newest))
        assert int(reached.headers["Dragoman-Position"]) >= self.newest
        if (gateway, who) not in self._screens:
            self._screens[gateway, who] = await at_a_screen(
                self.session, self.gateways[gateway], who
            )
        url = f"{self.gateways[gateway].base_url}/c/nato-china/exchanges/{self.exchange}{path}"
        sent = {
            **self._screens[gateway, who],
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        method = sent.pop("method", "GET")
        async with self.session.request(method, url, headers=sent) as answer:
            assert answer.status == 200, (path, answer.status, await answer.text())
            return await answer.json() if path.endswith(".json") else await answer.text()

    async def marks(self, gateway: int, who: str) -> Marks:
        """The openings in the lanes of a reader, who must see those of the own side alone."""
        view = await self.page(gateway, who, "/lanes.json")
        opened = [mark for mark in view["marks"] if mark["kind"] == "opened"]
        assert {mark["side"] for mark in opened} <= {who.partition("/")[0]}
        return [(mark["position"], mark["by"]) for mark in opened]

    async def agree(self) -> None:
        """The lanes of both sides have what the sides have looked at, at both gateways."""
        for side in SIDES:
            for gateway in range(2):
                # An opening is stored after the page has left.
                async with asyncio.timeout(PATIENCE_S):
                    while (marks := await self.marks(gateway, f"{side}/auditor")) != self.expected(
                        side
                    ) and len(marks) < len(self.expected(side)):
                        await asyncio.sleep(0.02)
                assert marks == self.expected(side)

    async def say_nothing_elsewhere(self) -> None:
        """No other page, no answer and no file of either side has an opening of any side."""
        times = {
            (mark["side"], mark["at"])
            for side in SIDES
            for mark in (await self.page(0, f"{side}/head_of_office", "/lanes.json"))["marks"]
            if mark["kind"] == "opened"
        }
        assert {side for side, _ in times} == {*SIDES}
        for side in SIDES:
            reader = self.caller(f"{side}/auditor")
            for path in (
                f"{C}/exchanges/{self.exchange}",
                f"{C}/exchanges/{self.exchange}/evidence",
                f"{C}/records",
                f"{C}/state",
                f"{C}/statistics",
                f"{C}/reports/period",
                f"{C}/reports/audit",
                f"{C}/watch",
            ):
                answer = await reader.get(path)
                assert answer.status == 200, (path, answer.body)
                assert not [at for _, at in times if at.encode() in answer.body], path
            for form in ("", ".json", ".csv"):
                text = str(await self.page(0, reader.who, f"/lanes{form}"))
                for of, at in times:
                    assert (at in text) == (of == side), (form, of, side)

    async def look(self, gateway: int, side: str, role: str, dice: random.Random) -> None:
        """Look on purpose, in one of the ways in which people do."""
        who = f"{side}/{role}"
        if dice.random() < 0.4:
            answer = await self.caller(who, gateway).get(
                f"{C}/exchanges/{self.exchange}", Dragoman_Min_Position=str(self.newest)
            )
            assert answer.status == 200
        else:
            await self.page(gateway, who, dice.choice(("", "/form", "/card", ".json")))
        after = self.newest_of[OTHER[side]]
        if after:
            self.looked[side].setdefault(after, (self.newest, f"{side}/{NAMES[role]}"))

    async def pass_by(self, gateway: int, side: str) -> None:
        """Ask for the same in every way that opens nothing."""
        who = f"{side}/duty_officer"
        await self.page(gateway, who, **BACKGROUND)
        await self.page(gateway, who, "/card", **BACKGROUND)
        await self.page(gateway, who, Sec_Purpose="prefetch;anonymous-client-ip")
        await self.page(gateway, who, method="HEAD")
        await self.page(gateway, who, "/lanes")
        await self.page(gateway, who, f"?at={self.newest}")
        for role in ("auditor", "administrator"):
            await self.page(gateway, f"{side}/{role}")


@pytest.mark.process
async def test_a_lane_shows_exactly_what_its_side_has_looked_at_at_any_gateway(
    own: Service, session: aiohttp.ClientSession, tmp_path: Path, dice: random.Random
) -> None:
    second = await asyncio.to_thread(Second, own, tmp_path / "second")
    try:
        readers = Readers(session, (own, second))
        await readers.post("nato", {**INCIDENT, "precedence": "flash"})
        for _ in range(ROUNDS):
            side, gateway = dice.choice(SIDES), dice.randrange(2)
            if dice.random() < 0.4:
                await readers.post(side, dice.choice(SAID[side]))
            else:
                role = dice.choice(("officer", "duty_officer", "head_of_office"))
                await readers.look(gateway, side, role, dice)
            await readers.agree()
        for gateway, side in enumerate(SIDES):
            # Nothing of this shows, although the other side has said something each time.
            await readers.post(OTHER[side], SAID[OTHER[side]][0])
            await readers.pass_by(gateway, side)
            await readers.post(OTHER[side], SAID[OTHER[side]][0])
            await readers.look(1 - gateway, side, "duty_officer", dice)
            await readers.agree()
        await readers.say_nothing_elsewhere()
    finally:
        await asyncio.to_thread(second.stop)
