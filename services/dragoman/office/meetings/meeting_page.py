"""The page of one meeting, call or visit.

It shows the meeting's life in steps, and the sides' texts about it beside each other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.console.display import translations as translated
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.meeting_summary import (
    MeetingSummary,
    TimeWindow,
    known_windows,
    offices_of,
    other_deadlines,
    summarize,
    together,
)
from dragoman.console.display.office_clocks import Office
from dragoman.console.forms import people_choices
from dragoman.console.matter.agreement_words import AgreementWords
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.domain.acts.event_windows import MEETINGS
from dragoman.domain.views.undertakings import OPEN, in_order, undertaking_view
from dragoman.i18n.words import Words, as_moment
from dragoman.members import shapes
from dragoman.office.meetings.meeting_words import MeetingWords
from dragoman.projection.queries import exchange_view
from dragoman.projection.view import View
from dragoman.text import sentence
from dragoman_schemas.agreement_responses import UndertakingView
from dragoman_schemas.responses import Entry, ExchangeView, Link
from dragoman_schemas.state import Exchange, decode_exchange

_ACTS: Final = {
    **dict.fromkeys(MEETINGS, "proposed"),
    "counter-proposal": "countered",
    "postponement": "postponed",
    "acceptance": "accepted",
    "decline": "declined",
    "agenda": "agenda",
    "agenda-agreement": "agenda_taken",
    "meeting-held": "held",
    "non-attendance": "absent",
    "readout": "readout",
    "readout-agreement": "readout_taken",
    "correction": "corrected",
    "cancellation": "cancelled",
    "closure": "closed",
}
"""The acts of a meeting's life, with their steps. Other records appear with the
exchange.
"""

ANSWERS: Final = ("acceptance", "counter-proposal", "decline")
"""The acts by which a side answers a request to meet, in the order of their buttons."""

_AFTERWARDS: Final = ("readout-agreement", "readout")
"""The acts by which a side says what a meeting was about."""

_TOLD: Final = ("venue", "reason", "topics", "side", "kind", "text")
"""Members that a step shows besides its windows."""

_PARAGRAPH: Final = re.compile(r"\n[ \t]*\n\s*")


class MeetingStep(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a meeting's life.

    The step `agreed` has no act of its own. It follows when every side that was asked
    has answered.
    """

    what: str
    position: int
    time: str
    side: str = ""
    act: str = ""
    windows: tuple[TimeWindow, ...] = ()
    content: dict[str, Raw] = {}


class MeetingTopic(Struct, frozen=True, kw_only=True):
    """A topic, and the sides that name it."""

    topic: str
    sides: tuple[str, ...]


class ReadoutView(Struct, frozen=True, kw_only=True):
    """A side's valid readout.

    `earlier` are the positions of the readouts that it replaced.
    """

    side: str
    time: str
    position: int
    kind: str
    topics: tuple[str, ...]
    text: Raw
    earlier: tuple[int, ...] = ()


class MeetingView(Struct, frozen=True, kw_only=True):
    """A meeting with its life, its agendas and its readouts.

    `topics` and `agenda` say which sides name which topic. `undertakings` came out of
    it. `carried` are the open undertakings of the channel, for its agenda; a meeting
    that was held carries none. `mechanism` is the mechanism to which it belongs.
    """

    position: int
    meeting: MeetingSummary
    steps: tuple[MeetingStep, ...]
    agenda: tuple[MeetingTopic, ...]
    topics: tuple[MeetingTopic, ...]
    readouts: tuple[ReadoutView, ...]
    linked: tuple[Link, ...] = ()
    mechanism: str = ""
    undertakings: tuple[UndertakingView, ...] = ()
    carried: tuple[UndertakingView, ...] = ()


class MeetingParagraph(NamedTuple):
    """A paragraph of a side's text, in the language that is shown.

    It is empty if the side's text has no paragraph at that place.
    """

    side: str
    language: str = ""
    lines: tuple[str, ...] = ()


def _offered(context: PageContext, view: MeetingView, allowed: Sequence[str]) -> list[str]:
    """Return the acts that a meeting gives a reason for, in the order of their buttons.

    They differ before and after the meeting.
    """
    begun = view.meeting.state == "agreed" and any(
        as_moment(window.begins) <= context.moment for window in view.meeting.windows
    )
    acts = (
        _AFTERWARDS
        if view.meeting.state == "held"
        else ("meeting-held", *ANSWERS)
        if begun
        else ANSWERS
    )
    return [act for act in acts if act in allowed]


class _MeetingParts(NamedTuple):
    view: MeetingView
    offices: tuple[Office, ...]
    allowed: tuple[str, ...]
    translations: dict[int, tuple[translated.Translated, ...]]


class MeetingQuery(Struct, frozen=True, kw_only=True):
    """The order of the readouts: `swapped` is the other one."""

    swapped: bool = False


async def meeting(context: PageContext) -> Page:
    """Return the page of one meeting.

    Raises `Refused` if the exchange is not a meeting, or `NoSuchExchange`.
    """
    exchange = context.request.match_info["exchange"]
    as_of = context.service.as_of(context.projection)
    view, offices, allowed, translations = await context.ask(
        _read, exchange, as_of, context.grant.actor
    )
    swapped = context.asked(MeetingQuery).swapped
    sides = [party.side for party in view.meeting.parties][:: -1 if swapped else 1]
    readouts = sorted(view.readouts, key=lambda readout_view: sides.index(readout_view.side))
    people = await people_choices.seen_in(
        context, *(people_choices.decoded(step.content) for step in view.steps)
    )
    display = Display(context.words, offices, people, context.link)
    return Page(
        template="meeting.html",
        view=view,
        rows=view.steps,
        values={
            "sides": sides,
            "swapped": swapped,
            "readouts": readouts,
            "paragraphs": list(
                level({readout.side: readout.text for readout in readouts}, context.words)
            ),
            "others": [(readout, _others(readout.text, context.words)) for readout in readouts],
            "translations": translations,
            "facts": lambda step: _facts(display, step),
            "meets": MeetingWords(context, offices),
            "display": display,
            "together": together,
            "besides": other_deadlines,
            "answers": _offered(context, view, allowed) if context.may_post else [],
            "agreements": AgreementWords(context),
            "may_agenda": context.may_post and "agenda" in allowed,
            "in_agenda": lambda item: [
                agenda.side
                for agenda in view.meeting.agendas
                if any((item.number or item.exchange) in topic for topic in agenda.topics)
            ],
            "agreed_to": {step.position for step in view.steps if step.what == "readout_taken"},
        },
    )


def _read(view: View, exchange: str, as_of: str, reader: str) -> _MeetingParts:
    shown = exchange_view.exchange_view(view, exchange, as_of, reader, most=0)
    state = decode_exchange(bytes(shown.state))
    if state.meeting is None:
        raise refused(
            "not-found",
            sentence(
                "%(exchange)s is not a meeting, call or visit. Look for it among the exchanges.",
                exchange=state.number or sentence("This exchange"),
            ),
        )
    meeting_summary = summarize(view.registry, state, view.calendars, view.moment)
    promised = [
        undertaking_view(item, view.sides, view.moment) for item in view.every("undertaking")
    ]
    return _MeetingParts(
        _view(view.position, shown, state, meeting_summary, in_order(promised)),
        offices_of(view),
        shown.allowed,
        translated.by_record(state),
    )


def _view(
    position: int,
    view: ExchangeView,
    state: Exchange,
    meeting_summary: MeetingSummary,
    promised: Sequence[UndertakingView],
) -> MeetingView:
    assert state.meeting is not None
    order = [party.side for party in meeting_summary.parties]
    return MeetingView(
        position=position,
        meeting=meeting_summary,
        steps=tuple(steps(view.timeline, state)),
        agenda=topics({agenda.side: agenda.topics for agenda in meeting_summary.agendas}),
        topics=topics(
            {
                side: readout[-1].topics
                for side in order
                if (readout := state.meeting.readouts.get(side))
            }
        ),
        readouts=tuple(
            ReadoutView(
                side=side,
                time=readout[-1].given.time,
                position=readout[-1].given.position,
                kind=readout[-1].kind,
                topics=readout[-1].topics,
                text=readout[-1].text,
                earlier=tuple(state_readout.given.position for state_readout in readout[:-1]),
            )
            for side in order
            if (readout := state.meeting.readouts.get(side))
        ),
        linked=view.linked,
        mechanism=str(msgspec.json.decode(state.content["mechanism"]))
        if "mechanism" in state.content
        else "",
        undertakings=tuple(item for item in promised if item.of in (state.id, state.number)),
        carried=tuple(item for item in promised if item.standing in OPEN)
        if meeting_summary.state in ("asked", "agreed")
        else (),
    )


# The life of a meeting


class _MeetingRecord(Struct, frozen=True, kw_only=True):
    type: str
    time: str
    actor: str
    data: dict[str, Raw]


_record = msgspec.json.Decoder(_MeetingRecord).decode


def steps(timeline: Iterable[Entry], state: Exchange) -> Iterator[MeetingStep]:
    """Yield the steps of a meeting in order, from the records of its exchange."""
    request = _MeetingRequest(state)
    for entry in timeline:
        if not entry.valid or not isinstance(entry.record, Raw):
            continue
        record = _record(bytes(entry.record))
        act = record.type.split(".")[1]
        if act not in _ACTS:
            continue
        proposed = act == "readout" and bytes(record.data["kind"]) == b'"joint"'
        step = MeetingStep(
            what="readout_proposed" if proposed else _ACTS[act],
            position=entry.position,
            time=record.time,
            side=record.actor.partition("/")[0],
            act=act,
            content={
                name: record.data[name]
                for name in (() if act == "readout" else _TOLD)
                if name in record.data
            },
        )
        yield replace(step, windows=request.hear(step, record.data))
        if request.agreed:
            yield MeetingStep(
                what="agreed", position=step.position, time=step.time, windows=tuple(request.chosen)
            )
            request.agreed = False


class _MeetingRequest:
    """The state of a request to meet: the windows asked for, and the answers.

    It reads act by act, and notes when every side has just answered.
    """

    def __init__(self, state: Exchange) -> None:
        self._parties = {state.side, *state.to}
        self._proposed_by = state.side
        self._terms: list[Any] = []
        self._accepted: set[str] = set()
        self._declined: set[str] = set()
        self.chosen: list[TimeWindow] = []
        self.agreed = False

    def hear(self, step: MeetingStep, data: Mapping[str, Raw]) -> tuple[TimeWindow, ...]:
        """Apply an act; return the windows that it names."""
        match step.what:
            case "proposed" | "countered" | "postponed":
                self._propose(
                    step.side,
                    _terms(data) if _terms(data) or step.what != "postponed" else self._terms,
                )
                return tuple(known_windows(_terms(data)))
            case "corrected":
                corrected = _terms(msgspec.json.decode(data["fields"], type=dict[str, Raw]))
                self._terms = corrected or self._terms
                return tuple(known_windows(corrected))
            case "accepted":
                place = int(bytes(data["window"])) if "window" in data else 0
                self.chosen = [*known_windows(self._terms[place : place + 1])]
                self._answer(self._accepted, step.side)
                return tuple(self.chosen)
            case "declined":
                self._answer(self._declined, step.side)
            case "held":
                return tuple(
                    known_windows([{end: msgspec.json.decode(data[end]) for end in ("from", "to")}])
                )
            case _:
                pass
        return ()

    def _propose(self, side: str, terms: list[Any]) -> None:
        self._proposed_by, self._terms = side, terms
        self._accepted, self._declined = set(), set()

    def _answer(self, texts: set[str], side: str) -> None:
        texts.add(side)
        (self._declined if texts is self._accepted else self._accepted).discard(side)
        answered = self._accepted | self._declined
        self.agreed = bool(self._accepted) and self._parties - {self._proposed_by} <= answered


def _terms(data: Mapping[str, Raw]) -> list[Any]:
    rows: Any = next(
        (msgspec.json.decode(data[name]) for name in ("windows", "dates") if name in data), []
    )
    return rows if isinstance(rows, list) else [rows]


def _facts(display: Display, step: MeetingStep) -> list[DisplayedMember]:
    """Return the content of a step besides its windows."""
    members = shapes.members(step.act) if step.content else ()
    return [
        display.fact(member, step.content[member.name])
        for member in members
        if member.name in step.content
    ]


# Texts beside each other


def topics(texts: Mapping[str, tuple[str, ...]]) -> tuple[MeetingTopic, ...]:
    """Return every topic in the order of its first mention.

    Each has the sides that name it.
    """
    mentioned = dict.fromkeys(topic for text in texts.values() for topic in text)
    return tuple(
        MeetingTopic(
            topic=topic, sides=tuple(side for side, text in texts.items() if topic in text)
        )
        for topic in mentioned
    )


def level(texts: Mapping[str, Raw], words: Words) -> Iterator[tuple[MeetingParagraph, ...]]:
    """Yield texts beside each other, paragraph by paragraph.

    A text that has ended leaves its place empty.
    """
    split = {}
    for side, raw in texts.items():
        tag, text = words.text(raw)
        split[side] = [
            MeetingParagraph(side, tag, tuple(part.splitlines()))
            for part in _PARAGRAPH.split(text.strip())
        ]
    for place in range(max(map(len, split.values()), default=0)):
        yield tuple(
            meeting_paragraphs[place] if place < len(meeting_paragraphs) else MeetingParagraph(side)
            for side, meeting_paragraphs in split.items()
        )


def _others(raw: Raw, words: Words) -> dict[str, str]:
    """Return the languages of a text besides the one that is shown."""
    value = msgspec.json.decode(bytes(raw))
    shown, _ = words.text(raw)
    return (
        {tag: text for tag, text in value.items() if tag != shown}
        if isinstance(value, dict)
        else {}
    )


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/meetings/{exchange:[0-9a-f-]{36}}", handler=meeting),
)
