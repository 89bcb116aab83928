"""The demonstration of one past event, recorded at the times of then.

    dragoman up --demo --scenario collision-2001

The scenario is played on a clock that it sets. At each step of a deadline the clock
stops, and the scheduler records the step. So reminders, notices and lapses have the
times at which a running service would have recorded them. After the last entry the
clock goes on to the present in the same way, and is released.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp

from dragoman.application.clock import AdjustableClock, utc_now
from dragoman.application.service import Service
from dragoman.cli.common import UsageError
from dragoman.cli.demo import adopt, connector, open_channel, tokens_of
from dragoman.cli.scenario_posts import Scenario, ScenarioPosts, scenario
from dragoman.client import Client
from dragoman.eventlog.broker import write_secret
from dragoman.scheduler import Scheduler
from dragoman.settings import Settings

NAMES: Final = (
    "balloon-2023",
    "collision-2001",
    "convoy-2024",
    "explosion-2022",
    "flight-2020",
    "pipelines-2022",
    "rivers-2017",
    "rocket-1995",
    "sailors-2016",
    "talks-2021",
)
"""The scenarios that can be played."""

_MILLISECOND: Final = timedelta(milliseconds=1)
_STUCK: Final = 100
"""Steps without any progress after which the play is given up."""


def check_name(name: str) -> None:
    """Raise `UsageError` with the names of the scenarios if this is not one of them."""
    if name not in NAMES:
        raise UsageError(f"there is no scenario {name[:63]!r}; there are {', '.join(NAMES)}")


def check(name: str, settings: Settings) -> None:
    """Raise `UsageError` if a scenario cannot be played in this place."""
    if settings.nats.url or settings.registrar.witnesses:
        raise UsageError(
            "a scenario dates its records in the past: play it on a service of its own, "
            "without a shared broker and without witnesses"
        )
    earlier = settings.data / "demo.json"
    if earlier.exists() and json.loads(earlier.read_text()).get("scenario") != name:
        raise UsageError(
            f"{settings.data} has another demonstration: name a new directory with --data, "
            "or delete this one with --fresh"
        )


class PastEvent:
    """A scenario that is played on a service, step by step, through the HTTP API."""

    def __init__(
        self,
        service: Service,
        clock: AdjustableClock,
        scene: Scenario,
        cast: Mapping[str, Client],
    ) -> None:
        """Play the scene as the people of `cast`, by `side/role`.

        The service must date its records by the clock.
        """
        self._clock = clock
        self._scheduler = Scheduler(service.channels, service.command_handler, now=clock.now)
        self._entries = [entry for entry in scene["entries"] if "body" in entry]
        self._number = 0
        began = datetime.fromisoformat(scene["opens"])
        self._posts = ScenarioPosts(cast, scene["scenario"], began, now=clock.now)

    @property
    def exchanges(self) -> Mapping[str, str]:
        """The ids of the exchanges that the scenario has named."""
        return self._posts.exchanges

    async def until(self, moment: datetime) -> None:
        """Post every entry up to a moment at its own time, and stop the clock there."""
        while self._number < len(self._entries):
            entry = self._entries[self._number]
            at = datetime.fromisoformat(entry["at"])
            if at > moment:
                break
            await self._watch_until(at)
            await self._posts.post(self._number, entry)
            self._number += 1
        await self._watch_until(moment)

    async def finish(self) -> None:
        """Post all that is left, go on to the present, and release the clock."""
        await self.until(utc_now())
        self._scheduler.leave()
        self._clock.release()

    async def _watch_until(self, moment: datetime) -> None:
        """Record every step of a deadline up to a moment, each at its own time."""
        last, tries = None, 0
        while True:
            await self._scheduler.tick()
            due = await self._scheduler.next_step()
            if due is None or due > moment:
                break
            tries = tries + 1 if due == last else 0
            if tries > _STUCK:
                raise AssertionError(f"the step of {due} is not recorded")
            last = due
            self._clock.set(max(_milliseconds(due), self._clock.now()))
        self._clock.set(moment)


def _milliseconds(moment: datetime) -> datetime:
    """Return the first full millisecond at or after a moment."""
    return moment + -timedelta(microseconds=moment.microsecond) % _MILLISECOND


async def seed(
    service: Service,
    clock: AdjustableClock,
    settings: Settings,
    addresses: tuple[str, str],
    name: str,
) -> dict[str, Any]:
    """Play a scenario to its end, write `demo.json`, and return its content.

    `addresses` are that for callers from outside, and that of the gateway itself. A
    scenario that was played to its end is not played again.
    """
    scene, path = scenario(name), settings.data / "demo.json"
    base_url, own_url = addresses
    if path.exists() and json.loads(path.read_text()).get("played"):
        tokens = json.loads(path.read_text())["tokens"]
    else:
        clock.set(datetime.fromisoformat(scene["opens"]).astimezone(UTC))
        certificate = settings.http.certificate
        async with aiohttp.ClientSession(connector=connector(certificate)) as session:
            event, tokens = await opened(service, clock, session, own_url, settings.data, scene)
            await event.finish()
    seeded = {
        "base_url": base_url,
        "scenario": name,
        "played": True,
        "channels": [definition["name"] for definition in scene["channels"]],
        "tokens": tokens,
    }
    write_secret(path, f"{json.dumps(seeded, indent=1)}\n".encode())
    return {**seeded, "file": str(path), "moments": scene["moments"]}


async def opened(
    service: Service,
    clock: AdjustableClock,
    session: aiohttp.ClientSession,
    own_url: str,
    data: Path,
    scene: Scenario,
) -> tuple[PastEvent, dict[str, str]]:
    """Open the channels of a scenario at the time of the clock, with its profile.

    Return the scenario, ready to be played, and the tokens of its people.
    """
    caller = Client(session, own_url, (data / "operator.token").read_text().strip())
    for definition in scene["channels"]:
        await open_channel(caller, definition)
    tokens = await tokens_of(caller, data, scene["channels"])
    cast = {name: Client(session, own_url, token) for name, token in tokens.items()}
    await adopt(cast, scene)
    return PastEvent(service, clock, scene, cast), tokens


def introduce(seeded: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Print the address of the demonstration, its moments and its tokens."""
    tokens: Mapping[str, str] = seeded["tokens"]
    (first, *_) = seeded["channels"]
    say("")
    say(f"  Open {seeded['base_url']}/ and sign in with a token.")
    say(f"  {seeded['scenario']} was played to its end. See it as it was:")
    say("")
    for moment in seeded["moments"]:
        say(f"  {moment['about']}")
        channel = moment.get("channel", first)
        say(f"    {seeded['base_url']}/c/{channel}?at={moment['at']}")
    say("")
    width = max(map(len, tokens))
    for name, token in tokens.items():
        say(f"  {name.ljust(width)}  {token}")
    say("")
    say("  The host keeps the keys of all sides: this is a trial. Ctrl-C stops it.")
    say("")
