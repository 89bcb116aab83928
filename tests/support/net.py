"""The net under a redesign of the read side: the words of every page and paper of every scenario,
in files that two trees can be compared by.

    make net NET=build/net/before      in the tree before
    make net NET=build/net/after       in the tree after
    diff -ru build/net/before build/net/after

    NET/SCENARIO/CHANNEL/SIDE-ROLE/MOMENT.txt     each page with its address, and its words line by line

Each role reads all pages at the end of a scenario. Its officers read them at each decisive moment
too, by `?at=`. The clock stands, so that two runs of one tree differ in nothing. What is drawn by
lot is named by what it is: ids, digests, keys and check words.

It goes once a test holds each sentence against its source (`docs/decisions`).
"""

import argparse
import asyncio
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from dragoman.cli import past_event
from dragoman.console.routes import ROUTES
from dragoman.interop.check_words import WORDS
from everywhere import NO_PAGE
from person import Person
from stage import Stage, staged

_AFTER: Final = timedelta(days=5)
"""So long after its last act a scenario is read: by then each limit for objections has passed."""

_TOKEN_LIFE: Final = timedelta(days=90)
_DELIVERED_S: Final = 3.0
"""So long it takes at most until what a page has delivered is on record."""

_PAPERS: Final = ("situation", "turn-over", "period", "year", "audit")
_PLACE: Final = re.compile(r"{(\w+)[^{}]*(?:{[^{}]*}[^{}]*)*}")
_DRAWN: Final = (
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\b[0-9a-f]{8,}…?"), "DIGEST"),
    (re.compile(r"(?=[a-z+/]*[A-Z0-9])[A-Za-z0-9+/]{40,}={0,2}"), "KEY"),
    (re.compile(r"127\.0\.0\.1:[0-9]+"), "HOST"),
)
_OF_CHANCE: Final = "contains(@class, 'check-words') or contains(@class, 'checkwords')"


def addresses(stage: Stage, channel: str) -> Iterator[str]:
    """Yield the pages of a channel that need no more than a matter of the scenario."""
    for route in ROUTES:
        path = route.path if route.anywhere else f"/c/{{channel}}{route.path}"
        if route.method != "GET" or route.streams or path in NO_PAGE:
            continue
        places = _PLACE.findall(route.path)
        if not places:
            yield route.path if route.anywhere else f"/c/{channel}{route.path}"
        elif places == ["exchange"]:
            for id in stage.event.exchanges.values():
                yield f"/c/{channel}{_PLACE.sub(id, route.path)}"


def words_of(person: Person, names: dict[str, str]) -> str:
    """Return the words of the page that is open, a line for each text."""
    texts = person.tree.xpath(
        "//main//text()[normalize-space(.)][not(ancestor::script) and not(ancestor::template)]"
        f"[not(ancestor::*[{_OF_CHANCE}])]"
    )
    if not texts:
        texts = person.body.decode(errors="replace").splitlines()
    return "\n".join(_named(" ".join(text.split()), names) for text in texts)


def _named(text: str, names: dict[str, str]) -> str:
    for id, name in names.items():
        text = text.replace(id, name)
    for pattern, what in (*_DRAWN, (_of_today(), "NOW")):
        text = pattern.sub(what, text)
    parts = text.split(" ")
    return "CHECK WORDS" if len(parts) == 4 and {*parts} <= {*WORDS} else text


def _of_today() -> re.Pattern[str]:
    """Return the pattern of a time that the host's own clock gave: that of a head or a token."""
    today = datetime.now(UTC)
    days = "|".join(
        f"{day:%Y-%m-%d}T|{day.day} {day:%b %Y} " for day in (today, today + _TOKEN_LIFE)
    )
    return re.compile(rf"(?:{days})[0-9:.]+Z")


def read(stage: Stage, folder: Path, moments: list[str]) -> None:
    """Write what each reader of a scenario reads at the end, and the officers before."""
    names = {id: name for name, id in stage.event.exchanges.items()}
    for definition in stage.scene["channels"]:  # the pages of an officer deliver what is new
        for who, token in stage.tokens.items():
            if who.partition("/")[0] in definition["sides"] and who.endswith("/duty_officer"):
                Person(stage.url, token).open(f"/c/{definition['name']}")
                time.sleep(_DELIVERED_S)
    for definition in stage.scene["channels"]:
        channel = str(definition["name"])
        for who, token in sorted(stage.tokens.items()):
            side, _, role = who.partition("/")
            if side not in definition["sides"]:
                continue
            person = Person(stage.url, token)
            for moment in ("", *(moments if role == "officer" else ())):
                asked = f"?at={moment}" if moment else ""
                parts = []
                for path in addresses(stage, channel):
                    person.headers["Accept"] = "text/html"
                    person.open(path + asked)
                    parts.append(f"== {person.status} {_named(path, names)}")
                    if person.status == 200:
                        parts.append(words_of(person, names))
                for paper in _PAPERS:
                    person.headers["Accept"] = "text/markdown"
                    path = f"/v1/channels/{channel}/reports/{paper}?language=en"
                    person.open(path + (f"&to={moment}" if moment else ""))
                    parts += [f"== {person.status} {path}", words_of(person, names)]
                to = folder / channel / f"{side}-{role}" / f"{moment or 'end'}.txt"
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_text("\n".join(parts) + "\n")


async def played(name: str, folder: Path) -> None:
    """Play a scenario to some days after its end, and let everybody read it."""
    data = Path(tempfile.mkdtemp())
    try:
        async with staged(data / "data", name) as stage:
            last = max(datetime.fromisoformat(entry["at"]) for entry in stage.scene["entries"])
            await stage.until((last + _AFTER).isoformat())
            moments = [str(moment["at"]) for moment in stage.scene["moments"]]
            await asyncio.to_thread(read, stage, folder / name, moments)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def of_one(name: str, folder: Path) -> str:
    """Write the net of one scenario."""
    asyncio.run(played(name, folder))
    return name


def main() -> None:
    """Write the net of all scenarios, or of those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("scenarios", nargs="*", default=past_event.NAMES)
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    with ProcessPoolExecutor(2) as pool:
        for name in pool.map(of_one, asked.scenarios, [asked.folder] * len(asked.scenarios)):
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
