"""Open many channels of two sides, and look at all of them as one officer: the board, the inbox,
and one stream in which each flash rings. Prints JSON.
"""

import argparse
import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from dragoman.stores.identities import canonical

_SIDES: Final = ("nato", "china")
_AT_ONCE: Final = 8
_PAUSE_S: Final = 0.05
_PATIENCE_S: Final = 20.0
_INCIDENT: Final = {
    "act": "hazardous-incident",
    "kind": "near_miss",
    "time": "2026-11-24T03:05+08:00",
    "place": {"lat": 15.12, "lon": 116.44},
    "facts": "Two aircraft passed close. Rest unknown.",
}


class Office:
    """The service, and who calls it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, operator: str) -> None:
        self.session = session
        self.url = url
        self.tokens = {"operator": operator}

    async def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        """One call, which must succeed; the decoded answer."""
        headers = {
            "Authorization": f"Bearer {self.tokens[who]}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
            "Accept-Encoding": "identity",
        }
        data = None if body is None else msgspec.json.encode(body)
        async with self.session.request(
            method, self.url + path, data=data, headers=headers
        ) as answer:
            raw = await answer.read()
            if answer.status >= 300:
                raise SystemExit(f"{method} {path}: {answer.status} {raw.decode()}")
            return json.loads(raw)

    async def post(self, side: str, channel: str, body: Any) -> str:
        """Open an exchange; its id."""
        path = f"/v1/channels/{channel}/notifications"
        return str((await self.call(side, "POST", path, body))["exchange"])


async def furnish(office: Office, first: str, channels: int, waiting: int) -> list[str]:
    """Open the channels, and let messages wait in each; the names of all."""
    names = [first, *(f"office-{number}" for number in range(1, channels))]
    officers = [
        {"side": side, "officer": "d-1", "office": "hq", "roles": ["officer", "duty_officer"]}
        for side in _SIDES
    ]
    for name in names[1:]:
        body = {"name": name, "sides": list(_SIDES), "officers": officers}
        await office.call("operator", "POST", "/v1/channels", body)
    listed = (await office.call("operator", "GET", "/v1/channels"))["channels"]
    cids = {channel["name"]: channel["cid"] for channel in listed}
    for side in _SIDES:
        entry = canonical(f"{side}-office", 1, [(cids[name], side) for name in names])
        await office.call(
            "operator", "PUT", f"/v1/identities/{side}-office", {"entry": msgspec.Raw(entry)}
        )
        asked = {"actor": f"{side}/d-1", "identity": f"{side}-office"}
        issued = await office.call("operator", "POST", "/v1/tokens", asked)
        office.tokens[side] = issued["token"]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def fill(name: str) -> None:
        async with turn:
            for number in range(waiting):
                sender = _SIDES[number % 4 == 0]
                await office.post(sender, name, {**_INCIDENT, "facts": f"Report {number}."})

    await asyncio.gather(*map(fill, names))
    return names


async def looked(office: Office, cookie: str, path: str, looks: int) -> tuple[list[float], int]:
    """Milliseconds of each look at a page, and the bytes of the last, compressed."""
    headers = {"Cookie": cookie, "Accept": "text/html", "Accept-Encoding": "gzip"}
    times: list[float] = []
    size = 0
    for _ in range(looks + 1):
        begun = time.perf_counter()
        async with office.session.get(
            office.url + path, headers=headers, allow_redirects=False
        ) as answer:
            size = len(await answer.read())
            if answer.status != 200:
                raise SystemExit(f"{path}: {answer.status}")
        times.append((time.perf_counter() - begun) * 1000)
    return times[1:], size


async def signed_in(office: Office, side: str) -> str:
    """A cookie of a duty officer's."""
    async with office.session.post(
        f"{office.url}/sign-in", data={"token": office.tokens[side]}, allow_redirects=False
    ) as answer:
        return str(answer.headers["Set-Cookie"]).partition(";")[0]


async def events(content: aiohttp.StreamReader) -> AsyncIterator[tuple[str, str, bytes]]:
    """Yield the events of a stream: id, name and data."""
    fields: dict[bytes, bytes] = {}
    async for line in content:
        if line := line.rstrip(b"\n"):
            name, _, value = line.partition(b": ")
            fields[name] = value
        else:
            if b"event" in fields:
                id = fields.get(b"id", b"").decode()
                yield id, fields[b"event"].decode(), fields[b"data"]
            fields = {}


async def rung(office: Office, names: list[str], flashes: int) -> tuple[list[float], int]:
    """Milliseconds from the first byte of each flash to its alarm, and the longest cursor."""
    chance = random.Random(5)
    begun: dict[str, float] = {}
    arrived: dict[str, float] = {}
    cursor = 0
    every = asyncio.Event()
    headers = {"Authorization": f"Bearer {office.tokens['china']}"}
    done = False

    async def listen() -> None:
        nonlocal cursor
        async with office.session.get(f"{office.url}/v1/stream", headers=headers) as answer:
            async for id, name, data in events(answer.content):
                cursor = max(cursor, len(id))
                if name == "channels":
                    every.set()
                if name == "alarm":
                    exchange = json.loads(data)["alarm"].get("exchange", "")
                    arrived.setdefault(exchange, time.perf_counter())

    async def disturb() -> None:
        while not done:
            await office.post("nato", chance.choice(names), _INCIDENT)
            await asyncio.sleep(_PAUSE_S)

    listening = asyncio.create_task(listen())
    await asyncio.wait_for(every.wait(), _PATIENCE_S)
    disturbing = asyncio.create_task(disturb())
    for _ in range(flashes):
        begin = time.perf_counter()
        exchange = await office.post(
            "nato", chance.choice(names), {**_INCIDENT, "precedence": "flash"}
        )
        begun[exchange] = begin
        await asyncio.sleep(_PAUSE_S)
    async with asyncio.timeout(_PATIENCE_S):
        while begun.keys() - arrived.keys():
            await asyncio.sleep(_PAUSE_S)
    done = True
    await disturbing
    listening.cancel()
    return [(arrived[exchange] - begin) * 1000 for exchange, begin in begun.items()], cursor


async def measured(asked: argparse.Namespace) -> dict[str, Any]:
    """All that is asked for."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        office = Office(session, asked.url, asked.operator.read_text().strip())
        names = await furnish(office, asked.first, asked.channels, asked.open)
        cookie = await signed_in(office, "china")
        boards, size = await looked(office, cookie, "/board", asked.looks)
        singles: list[float] = []
        for _ in range(3):
            begun = time.perf_counter()
            for name in names:
                await looked(office, cookie, f"/c/{name}", 0)
            singles.append((time.perf_counter() - begun) * 1000)
        inboxes: list[float] = []
        for _ in range(asked.looks):
            begun = time.perf_counter()
            inbox = await office.call("china", "GET", "/v1/inbox")
            inboxes.append((time.perf_counter() - begun) * 1000)
        rings, cursor = await rung(office, names, asked.flashes)
        return {
            "boards": boards,
            "bytes": size,
            "singles": singles,
            "inboxes": inboxes,
            "owed": inbox["owed"],
            "rings": rings,
            "cursor": cursor,
        }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    for name in ("channels", "open", "flashes", "looks"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("url")
    parser.add_argument("operator", type=Path)
    parser.add_argument("first")
    print(json.dumps(asyncio.run(measured(parser.parse_args()))))  # noqa: T201


if __name__ == "__main__":
    main()
