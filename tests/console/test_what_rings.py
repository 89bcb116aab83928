"""Every view of a message that rings shows the content of its record: the takeover, alarm events,
mails, webhooks and `tail`.

The tests are generated from the tables of acts. They cover every format, and in it every act that
is a message, where both sides have spoken in other words.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from markupsafe import Markup

from dragoman.cli import show
from dragoman.console.display.act_display import Display
from dragoman.console.page import alarm_views, duty_numbers
from dragoman.console.page.rendering import render_template
from dragoman.domain.acts import consent
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import parse
from dragoman.domain.record.errors import Refusal
from dragoman.eventlog.event_log import StoredMessage as Stored
from dragoman.eventlog.memory import MemoryLog
from dragoman.i18n.words import words
from dragoman.members import shapes
from dragoman.members.places import PlaceKind
from dragoman.members.texts import TextKind
from dragoman.notifier import selection
from dragoman.notifier.mail import message as mail_of
from dragoman.office.alarm import alarm
from dragoman.projection.open_deadlines import OpenDeadlines
from dragoman.projection.projection import Projection
from dragoman.projection.queries import duty_watch
from dragoman.projection.store import Store
from dragoman.stores.endpoints import NotificationEndpoint
from dragoman.stores.rosters import StoredRoster
from dragoman_schemas.watch_responses import Alarm
from samples import SAMPLES
from views import found
from world import World

NAME = "nato-china"
OPENER, OTHER = "nato/h-1", "china/h-1"
FORMATS_AN_ACT = 3
AGREED = ((OTHER, {"act": "agreement"}), ("china/d-1", {"act": "second-key"}))
BEFORE: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "acceptance": ((OTHER, {"act": "counter-proposal"}),),
    "fairness": ((OTHER, {"act": "restatement"}),),
    "amendment-refusal": (
        (
            OTHER,
            {"act": "amendment", "fields": {"deliverable": "A chart", "text": "Another text."}},
        ),
    ),
    "consent-withdrawal": ((OTHER, {"act": "agreement"}),),
    "help-acceptance": ((OTHER, {"act": "help-offer"}),),
    "help-delivery": ((OTHER, {"act": "help-offer"}),),
    "arrival": ((OTHER, {"act": "grant"}),),
    "departure": ((OTHER, {"act": "grant"}), (OTHER, {"act": "arrival"})),
    "visit-report": ((OTHER, {"act": "grant"}), (OTHER, {"act": "arrival"})),
    "data-values": AGREED,
    "fulfilment-dispute": ((OTHER, {"act": "fulfilment"}),),
    **dict.fromkeys(("mechanism-suspension", "mechanism-end"), AGREED),
    "mechanism-resumption": (*AGREED, (OTHER, {"act": "mechanism-suspension"})),
}
"""Acts that must be recorded before an act is allowed."""


@dataclass(frozen=True)
class Said:
    """A message that waits: its exchange, its record and what it says."""

    exchange: str
    id: str
    position: int
    actor: str
    act: str
    body: dict[str, Any]


def marked(act: str, n: int, **changes: Any) -> dict[str, Any]:
    """A sample whose words, times and places are its own."""
    body: dict[str, Any] = {
        name: value
        for name, value in {**SAMPLES[act], **changes}.items()
        if name not in ("original", "of")
    }
    for member in shapes.members(act):
        match member.kind, body.get(member.name):
            case TextKind(), str() | dict():
                body[member.name] = f"Words {n:04d} of {member.name}."
            case PlaceKind(many=False), {"lat": _, "lon": _}:
                body[member.name] = {"lat": 10 + n / 200, "lon": 116.44}
    if (
        RULES[act].message
        and act not in FORMATS
        and "text" not in body
        and shapes.member(act, "text")
    ):
        body["text"] = f"Words {n:04d} of text."
    if act in ("hazardous-incident", "counter-account", "encounter-report"):
        body["time"] = f"2026-11-{1 + n % 20:02d}T{n // 20 % 24:02d}:{n % 60:02d}Z"
    return body


def spoken() -> tuple[World, list[Said]]:
    """A channel in which every act that is a message is the newest of an exchange, as far as each
    format allows it.
    """
    world, n = World(), 0
    found: list[Said] = []

    def kept(actor: str, body: dict[str, Any], exchange: str = "") -> Said | None:
        for second in ("", f"{actor.partition('/')[0]}/d-1"):
            folded: Folded | Refusal = world.keep(
                actor, body, exchange, seen=bool(exchange), released_by=second
            )
            if isinstance(folded, Folded) and folded.valid and folded.record is not None:
                envelope = folded.record.envelope
                terms = {"terms": folded.record.data.terms} if body["act"] in consent.ACTS else {}
                named = (
                    {"records": [*msgspec.to_builtins(folded.record.data.records)]}
                    if body["act"] == "release"
                    else {}
                )
                return Said(
                    exchange or envelope.id,
                    envelope.id,
                    folded.position,
                    actor,
                    body["act"],
                    {**body, **terms, **named},
                )
        return None

    for form in (
        each for name, each in FORMATS.items() if "official" in each.kinds and name != "line-check"
    ):
        for act in (
            "",
            *(name for name, rule in RULES.items() if rule.message and name not in FORMATS),
        ):
            if sum(each.act == act for each in found) >= FORMATS_AN_ACT:
                continue
            n += 1
            reported = kept(OTHER, marked("hazardous-incident", n)) if act == "joinder" else None
            n += 1
            opening = kept(OPENER, marked(form.rule.act, n, precedence="flash"))
            assert opening is not None, form.rule.act
            if not act:
                found.append(opening)
                continue
            own = RULES[act].who in (Who.OPENER, Who.CONVENER) or act in (
                "acceptance",
                "retraction",
                "amendment-refusal",
                "help-acceptance",
                "fulfilment-dispute",
            )
            given: Said | None = None
            earlier = BEFORE.get(act, ((OTHER, {"act": "interim-reply"}),) if own else ())
            n += len(earlier)
            for actor, step in earlier:
                turned = {"of": given.id} if given and step["act"] == "second-key" else {}
                given = kept(actor, {**marked(step["act"], n), **step, **turned}, opening.exchange)
            n += 1
            named = (
                {"of": given.id}
                if given is not None and act in ("amendment-refusal", "consent-withdrawal")
                else {"of": reported.id}
                if reported is not None
                else {}
            )
            newest = kept(OPENER if own else OTHER, {**marked(act, n), **named}, opening.exchange)
            if newest is not None:
                found.append(newest)
    return world, found


@dataclass
class Office:
    """Everything that shows what waits, over one channel."""

    world: World
    said: list[Said]
    projection: Projection
    duties: OpenDeadlines
    store: Store
    marks: dict[str, list[tuple[int, set[str]]]]


def marks_of(world: World) -> dict[str, list[tuple[int, set[str]]]]:
    """By exchange: the position of each record, and the marks in its words."""
    found: dict[str, list[tuple[int, set[str]]]] = {}
    for n, raw in enumerate(world.raws, 1):
        found.setdefault(parse(raw).envelope.subject, []).append(
            (n, set(re.findall(r"Words \d{4}", raw.decode())))
        )
    return found


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    store = Store(tmp_path_factory.mktemp("rings") / "projection.sqlite")
    world, said = spoken()

    async def begun() -> tuple[Projection, OpenDeadlines]:
        projection = Projection(MemoryLog(world.name), store)
        projection.take(
            [Stored(position=n, subject=f"s.{n}", raw=raw) for n, raw in enumerate(world.raws, 1)]
        )
        await projection.in_file()
        known = OpenDeadlines(projection)
        await known.begin()
        return projection, known

    projection, known = asyncio.run(begun())
    yield Office(world, said, projection, known, store, marks_of(world))
    store.close()


def texts(said: Said) -> list[str]:
    """The words of a message."""
    return [
        value
        for member in shapes.members(said.act)
        if isinstance(member.kind, TextKind)
        and isinstance(value := said.body.get(member.name), str)
        and value.startswith("Words ")
    ]


def others(office: Office, said: Said) -> set[str]:
    """The marks in the words of all other messages of the exchange."""
    return {
        mark
        for position, marks in office.marks[said.exchange]
        if position != said.position
        for mark in marks
    }


def test_every_act_that_is_a_message_is_among_them(office: Office) -> None:
    messages = {
        name
        for name, rule in RULES.items()
        if rule.message and (name not in FORMATS or "official" in FORMATS[name].kinds)
    }
    assert messages - {each.act for each in office.said} == {"line-check"}


def test_the_takeover_shows_the_words_place_time_and_sender_of_the_record(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(duty_numbers, "of_channel", nobody)
    projection, now = office.projection, office.world.clock + timedelta(seconds=30)
    rung: set[str] = set()
    display = Display(words("en"), ())
    for said in office.said:
        reader = "china" if said.actor == OPENER else "nato"
        here: Any = SimpleNamespace(
            service=SimpleNamespace(
                channels={NAME: projection},
                now=lambda: now,
                station=None,
                is_live=lambda _: True,
                rosters=SimpleNamespace(known=lambda cid, side: StoredRoster(cid=cid, side=side)),
            ),
            channel=None,
            is_officer=True,
            words=words("en"),
            side=reader,
        )
        duty = next(
            (
                each
                for each in office.duties.of(said.exchange)
                if each.clock.started_by == said.id and each.clock.side == reader
            ),
            None,
        )
        if duty is None or duty.clock.clock != "acknowledgement":
            continue
        rung.add(said.act)
        ring = alarm._ring(projection, duty, lambda *_: 0, words("en"), now, officer=True)
        assert (ring.sender, ring.by, ring.act, ring.record) == (
            said.actor.partition("/")[0],
            said.actor,
            said.act,
            said.position,
        )
        found = alarm_views.Alarms(
            rings=(ring,), details=(asyncio.run(alarm._detail(here, ring)),), recent=1, officer=True
        )
        shown = render_template(here, words("en"), "alarm.html", alarms=found, settled=[], now=now)
        assert f"From {ring.sender.upper()}, h-1" in shown
        assert not texts(said) or any(text in shown for text in texts(said)), (said.act, said.body)
        for strange in others(office, said):
            assert strange not in shown, (said.act, strange)
        place, time = said.body.get("place"), said.body.get("time")
        if isinstance(place, dict) and "lat" in place:
            assert display.place(place) in Markup(shown), said.act
        if time not in (None, "unknown"):
            assert display.time(time) in Markup(shown), said.act
        if said.id != said.exchange:
            number = projection.exchange(said.exchange).number.replace("/", "/<wbr>")  # type: ignore[union-attr]
            whose = "In the matter: " if said.actor == OPENER else "In your matter: "
            assert re.search(f"{whose}[^<]*, {re.escape(number)}", shown), said.act
    assert len(rung) > 40, sorted(rung)


def test_alarm_events_and_tail_name_the_record_and_what_it_says(office: Office) -> None:
    then = office.world.clock + timedelta(seconds=30)
    view = found(office.store, NAME, duty_watch.watch_view, "china", now=then)
    by_id = {said.id: said for said in office.said}
    heard = [
        each
        for each in view.alarms
        if each.alarm == "flash_unacknowledged" and each.message in by_id
    ]
    assert {each.act for each in heard} & {"counter-account", "reply", "acceptance"}
    for event in heard:
        said = by_id[event.message]
        assert (event.record, event.act, event.by) == (said.position, said.act, said.actor)
        given = {name: msgspec.json.decode(bytes(raw)) for name, raw in event.said.items()}
        assert given == {name: value for name, value in said.body.items() if name != "act"}
        line = show._alarm(msgspec.json.decode(msgspec.json.encode(event), type=Alarm))
        assert f"{said.actor} {said.act}, record {said.position}" in line
        assert all(
            str(said.body[name]) in line
            for name in ("facts", "text")
            if isinstance(said.body.get(name), str)
        )


def test_a_mail_and_a_webhook_are_of_the_record(office: Office) -> None:
    endpoint = NotificationEndpoint(
        id="e", cid="c", side="nato", means="e-mail", target="watch@example.org"
    )
    for said in office.said:
        item = asyncio.run(_item(office, said.position))
        assert item is not None
        assert msgspec.json.decode(item.raw)["data"] == said.body
        mail = mail_of(endpoint, item, "office@example.org", "")
        exchange = office.projection.exchange(said.exchange)
        assert exchange is not None
        text = mail.get_content()
        assert f"From {said.actor.partition('/')[0].upper()}: {words('en').act(said.act)}, " in text
        assert (item.number or exchange.number) in text
        assert not any(each in text for each in texts(said)), (
            "a mail says that something waits, and not what"
        )
        assert item.precedence == precedence_of(
            exchange, next(each for each in exchange.messages if each.id == said.id)
        )


async def _item(office: Office, position: int) -> Any:
    return await selection.RecordReader(office.projection).at(position)
