"""A notification says in whose name its sender spoke, and which side has confirmed it."""

from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from dragoman.domain.fold import Folded
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.notifier import mail, selection
from dragoman.notifier.message_text import message_of
from dragoman.notifier.spoken_text import spoken_text
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.endpoints import NotificationEndpoint
from samples import act
from world import World

SIDES: Final = ("canada", "iran", "sweden", "uk", "ukraine")
LINES: Final = {
    "en": "Said in the name of other sides: SWEDEN (confirmed), UKRAINE (not confirmed)",
    "fr": "Dit au nom d’autres parties\N{NO-BREAK SPACE}: SWEDEN (confirmé), UKRAINE (non confirmé)",
    "zh": "以其他各方名义发表：SWEDEN（已确认）、UKRAINE（未确认）",  # noqa: RUF001
}


def _projection(world: World, store: Store) -> Projection:
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=position, subject="x", raw=raw)
            for position, raw in enumerate(world.raws, 1)
        ]
    )
    projection.caught_up.set()
    return projection


@pytest.mark.parametrize("language", LINES)
async def test_a_notification_says_which_side_has_confirmed_what_was_said_in_its_name(
    tmp_path: Path, language: Any
) -> None:
    world, store = World(sides=SIDES), Store(tmp_path / "projection.sqlite")
    line = act("public-line", to=["iran"], on_behalf_of=["canada", "sweden", "ukraine"])
    opening = world.keep("canada/h-1", line)
    assert isinstance(opening, Folded) and opening.valid and opening.record is not None
    id = opening.record.envelope.id
    answers = {}
    for side in ("sweden", "iran"):
        answers[side] = world.keep(f"{side}/h-1", {"act": "agreement"}, id, seen=True)
    projection = _projection(world, store)
    endpoint = NotificationEndpoint(
        id="e",
        cid=projection.registry.cid,
        side="iran",
        means="e-mail",
        target="duty@example.org",
        created_by="iran/h-1",
        language=language,
        details=True,
    )
    item = await selection.RecordReader(projection).at(opening.position)
    assert item is not None
    for text in (
        message_of(endpoint, item, "https://host.example")[1],
        spoken_text(endpoint, item),
        mail.message(endpoint, item, "host@example.org", "").get_content(),
    ):
        assert LINES[language] in text
    assert LINES[language] not in message_of(replace(endpoint, details=False), item, "")[1]
    answer = answers["sweden"]
    assert isinstance(answer, Folded) and answer.valid
    other = await selection.RecordReader(projection).at(answer.position)
    assert other is not None and other.represented == ()
    store.close()
