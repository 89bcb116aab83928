"""A scenario of a past event on a gateway in this process, whose clock stands where the scenario
is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from dragoman import bootstrap
from dragoman.application.clock import AdjustableClock
from dragoman.application.service import Service
from dragoman.audit import tables
from dragoman.audit.replay import Replay, messages_of, replayed
from dragoman.audit.replay_view import ReplayedChannel
from dragoman.cli import past_event
from dragoman.cli.past_event import PastEvent
from dragoman.cli.scenario_posts import Scenario, scenario
from dragoman.client import ApiResponse, Client
from dragoman.lifecycle import Lifecycle
from dragoman.reports.audit_answers import AuditAnswers, answers
from dragoman.settings import BudgetSettings, load
from patience import PATIENCE_S
from person import Person


@dataclass
class Stage:
    """A scenario that is being played, with the people of its sides."""

    scene: Scenario
    event: PastEvent
    people: dict[str, Client]
    tokens: dict[str, str]
    url: str
    service: Service

    @property
    def channel(self) -> str:
        """The scenario's first channel."""
        return str(self.scene["channels"][0]["name"])

    @property
    def sides(self) -> list[str]:
        """The sides of the first channel."""
        return self._sides_of("")

    def _sides_of(self, channel: str) -> list[str]:
        return next(
            list(definition["sides"])
            for definition in self.scene["channels"]
            if definition["name"] == (channel or self.channel)
        )

    async def until(self, moment: str) -> None:
        """Play on to a moment, and stop there. The gateway has looked at the log by then."""
        await self.event.until(datetime.fromisoformat(moment))
        await self._looked()

    async def finish(self) -> None:
        """Play to the end, up to the present."""
        await self.event.finish()
        await self._looked()

    async def _looked(self) -> None:
        now = self.service.now()
        async with asyncio.timeout(PATIENCE_S):
            while any(
                projection.checked is None or projection.checked < now
                for projection in self.service.channels.values()
            ):
                await asyncio.sleep(0.02)

    async def call(self, who: str, path: str, channel: str = "", **headers: str) -> ApiResponse:
        """Read a path of the channel."""
        where = f"/v1/channels/{channel or self.channel}{path}"
        return await self.people[who].call("GET", where, headers=headers)

    async def read(self, who: str, path: str, channel: str = "") -> Any:
        """Read a path of the channel, as JSON."""
        return (await self.call(who, path, channel)).json()

    async def alike(self, path: str, channel: str = "", *, without: str = "") -> Any:
        """Read a path as every side of the channel: all get the same, but for one member. The clock
        must stand.
        """
        first, *others = [
            await self.read(f"{side}/officer", path, channel) for side in self._sides_of(channel)
        ]
        for answer in (first, *others):
            answer.pop(without, None)
        differing = [name for name in first for other in others if other.get(name) != first[name]]
        assert all(other == first for other in others), (path, differing)
        return first

    async def exchange(self, who: str, name: str, channel: str = "") -> Any:
        """Read an exchange by the name that the scenario gives it."""
        return await self.read(who, f"/exchanges/{self.event.exchanges[name]}", channel)

    async def state(self, name: str, channel: str = "") -> Any:
        """Return the state of an exchange by its name, alike for every side."""
        first, *others = [
            (await self.exchange(f"{side}/officer", name, channel))["state"]
            for side in self._sides_of(channel)
        ]
        assert all(other == first for other in others), (name, first, others)
        return first

    async def shown(self, name: str, member: str, channel: str = "") -> Any:
        """Return a member of the view of an exchange, alike for every side."""
        first, *others = [
            (await self.exchange(f"{side}/officer", name, channel)).get(member)
            for side in self._sides_of(channel)
        ]
        assert all(other == first for other in others), (name, first, others)
        return first

    async def stated(self, name: str, member: str, channel: str = "") -> list[tuple[Any, ...]]:
        """Return the statements on a member as side, change and value, the oldest first."""
        return [
            (row["side"], row["change"], row["value"])
            for row in await self.shown(name, "stated", channel)
            if row["member"] == member
        ]

    async def answered(self, name: str, channel: str = "") -> dict[str, str]:
        """Return the answer of each side that was asked."""
        return {row["side"]: row["answer"] for row in await self.shown(name, "answers", channel)}

    async def page(self, side: str, name: str, channel: str = "") -> str:
        """Return the words of the page of an exchange, as the auditor of a side reads it. The page
        of an officer would deliver the newest records, which adds a record of its own.
        """
        return await self.read_page(side, f"/exchanges/{self.event.exchanges[name]}", channel)

    async def read_page(self, side: str, path: str, channel: str = "") -> str:
        """Return the words of a page of a channel, as the auditor of a side reads it."""
        url, token = self.url, self.tokens[f"{side}/auditor"]
        address = f"/c/{channel or self.channel}{path}"
        return (await asyncio.to_thread(lambda: Person(url, token).open(address))).text

    async def assert_refused(self, name: str, *refusing: str, channel: str = "") -> None:
        """Assert that sides refuse, and that no side reads that their answer is to come."""
        answers = await self.answered(name, channel)
        assert {side for side, answer in answers.items() if answer == "refused"} == {*refusing}
        assert await self.statuses(name, channel=channel) == ["refused"]
        for side in self._sides_of(channel):
            page = await self.page(side, name, channel)
            for other in refusing:
                assert f"refused by {other.upper()}" in page, (side, other)
                assert f"{other.upper()} has not answered" not in page, (side, other)

    async def statuses(self, *names: str, channel: str = "") -> list[str]:
        """Return the statuses of exchanges, alike for every side."""
        return [(await self.state(name, channel))["status"] for name in names]

    async def open_matters(self, channel: str = "") -> dict[str, Any]:
        """Return the open matters by the names of the scenario, alike for every side."""
        names = {id: name for name, id in self.event.exchanges.items()}
        state = await self.alike("/state", channel)
        return {names[matter["exchange"]]: matter for matter in state["open_matters"]}

    async def report(self, kind: str, channel: str = "", *, who: str = "") -> Any:
        """Return a report as of the clock. That of no side is alike for every side."""
        path = f"/reports/{kind}"
        return await (self.read(who, path, channel) if who else self.alike(path, channel))

    async def audit(self, channel: str = "") -> Any:
        """Return the five answers on the gateway's word, alike for every side. The first is left
        out: a head may be signed between two questions.
        """
        return await self.alike("/reports/audit", channel, without="whole")

    async def text(self, who: str, kind: str) -> str:
        """Return a report as Markdown."""
        answer = await self.call(who, f"/reports/{kind}?language=en", Accept="text/markdown")
        return answer.body.decode().replace("\N{NO-BREAK SPACE}", " ")

    async def replayed(self, channel: str = "") -> tuple[Replay, list[bytes]]:
        """Return the log as an auditor replays it, up to now."""
        name = channel or self.channel
        auditor = self.people[f"{self._sides_of(name)[0]}/auditor"]
        messages = [
            message if isinstance(message, bytes) else message.raw
            async for page in messages_of(auditor.records(name))
            for _, message in page
        ]
        return replayed(messages, len(messages)), messages

    async def answers(self, channel: str = "") -> AuditAnswers:
        """Return the auditor's own five answers, from the records alone."""
        past = ReplayedChannel(*await self.replayed(channel))
        return answers(past, past.period(), 1, [])

    async def rows(self, channel: str = "") -> dict[str, list[dict[str, Any]]]:
        """Return the log as tables for analysis, each row by its columns."""
        replay, messages = await self.replayed(channel)
        return {
            name: [
                dict(zip((column for column, _ in tables.COLUMNS[name]), row, strict=True))
                for row in rows
            ]
            for name, rows in tables.rows(replay, messages).items()
        }


Staging = Callable[[str], AbstractAsyncContextManager[Stage]]


@asynccontextmanager
async def staged(data: Path, name: str) -> AsyncIterator[Stage]:
    """Yield a scenario at its opening, on a gateway with everything but the witness."""
    ample = {f"budgets.{budget}": 1_000_000 for budget in BudgetSettings.__struct_fields__}
    settings, _ = load({"data": data, "http.port": 0, **ample}, config=None)
    bootstrap.initialise(data)
    clock, scene = AdjustableClock(), scenario(name)
    clock.set(datetime.fromisoformat(scene["opens"]))
    async with (
        bootstrap.broker_of(settings) as endpoint,
        bootstrap.gateway(settings, endpoint, Lifecycle("up"), whole=True, clock=clock) as running,
        aiohttp.ClientSession() as session,
    ):
        event, tokens = await past_event.opened(
            running.service, clock, session, running.own_url, data, scene
        )
        people = {who: Client(session, running.own_url, token) for who, token in tokens.items()}
        yield Stage(scene, event, people, tokens, running.own_url, running.service)
