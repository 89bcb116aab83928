"""The parts of an exchange's page.

They are the timeline, the consent, the brackets, the corrections, and the map.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.console.charts import map_projection, map_sketch
from dragoman.console.display import translations as translated
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.log_rows import LogLine, line_of
from dragoman.console.display.office_clocks import Office
from dragoman.console.matter import translation_versions
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import accounts, consent, developments, si_units
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.families import common_acts
from dragoman.domain.acts.families import exchange as exchanges
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import parse_stored
from dragoman.domain.views.answers import answers
from dragoman.domain.views.stated import stated_values
from dragoman.i18n.words import as_moment
from dragoman.members import shapes
from dragoman.reports.stated_values import change_words
from dragoman_schemas.responses import Entry, SideAnswer, StatedValue
from dragoman_schemas.state import Exchange, Said

_ICONS: Final = {
    "acknowledgement": "person",
    "echo": "person",
    "reply": "reply",
    "interim-reply": "reply",
    "delivery": "delivered",
}


class TimelineStep(Struct, frozen=True, kw_only=True):
    """One record of the exchange, with its content."""

    line: LogLine
    icon: str
    facts: tuple[DisplayedMember, ...]
    translations: tuple[translated.Translated, ...] = ()
    message: str = ""
    compared_languages: tuple[str, ...] = ()


class BracketView(Struct, frozen=True, kw_only=True):
    """A part of a text that is not agreed.

    It has a label, and each side's alternative words for the part.
    """

    label: str
    words: tuple[tuple[str, Markup], ...]


class ConsentStatus(Struct, frozen=True, kw_only=True):
    """The answers of the sides to the text of an author, and its newest amendment.

    The amendment waits, or it was taken. `facts` show its words beside the words that
    it replaces.
    """

    author: str
    answers: tuple[SideAnswer, ...]
    proposed: tuple[str, ...] = ()
    amendment: Said | None = None
    is_taken: bool = False
    waiting_for: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    facts: tuple[tuple[DisplayedMember, Markup | None], ...] = ()
    brackets: tuple[BracketView, ...] = ()


def signatories(state: Exchange) -> tuple[str, ...]:
    """Return the sides that must stand behind a text, the opener first."""
    parties = consent.parties(state)
    return tuple(side for side in (state.side, *state.to, *state.info) if side in parties)


class DraftStatus(Struct, frozen=True, kw_only=True):
    """The draft of a deliverable that was tabled last, and the sides that adopt it."""

    tabled: Said
    facts: tuple[DisplayedMember, ...]
    adopting: tuple[str, ...]
    missing: tuple[str, ...]


def draft_status(display: Display, state: Exchange) -> DraftStatus | None:
    """Return a deliverable's draft and who adopts it; None without a draft."""
    tabled = consent.tabled(state)
    if tabled is None:
        return None
    adopting = consent.adopting(state)
    return DraftStatus(
        tabled=tabled,
        facts=tuple(display.at(tabled.said.position).draft(state)),
        adopting=tuple(side for side in signatories(state) if side in adopting),
        missing=tuple(side for side in signatories(state) if side not in adopting),
    )


def brackets(display: Display, state: Exchange) -> tuple[BracketView, ...]:
    """Return the parts of a text for which a side has other words, in their order."""
    bracket_views = []
    for (field, item), sides in sorted(consent.alternatives(state).items()):
        label = display.words.field(field)
        text = (
            display.words.say("%(what)s %(n)s", what=label, n=display.words.number(item))
            if item
            else label
        )
        shown = tuple(
            (
                side,
                display.at(value.said.position).text(
                    msgspec.json.decode(bytes(value.content["text"]))
                ),
            )
            for side, value in sides.items()
        )
        bracket_views.append(BracketView(label=text, words=shown))
    return tuple(bracket_views)


def consent_status(display: Display, state: Exchange) -> ConsentStatus | None:
    """Return the state of consent to the text of an exchange.

    Return None if the format has no consent to a text as a whole, or if nobody is asked
    for one.
    """
    if not FORMATS[state.act].moves.keys() & set(consent.BINDING):
        return None
    every = signatories(state)
    if len(every) == 1:
        return None
    changes = state.acts.get("status-change", ())
    step = common_acts.said_status(changes[-1]) if changes else ""
    names = (
        common_acts.confirming(state)
        if step in exchanges.JOINT and step != state.status and step in changes_of(state)
        else set()
    )
    amendments = state.acts.get("amendment", ())
    newest = amendments[-1] if amendments else None
    waits, is_taken = (
        consent.open_amendment(state),
        newest is not None and consent.is_taken(state, newest),
    )
    shown = waits or (newest if is_taken else None)
    answered = (
        set()
        if shown is None
        else {shown.said.side, *(item.said.side for item in consent.taking(state, shown))}
    )
    fields = {} if shown is None else consent.fields_of(shown)
    proposal = display if shown is None else display.at(shown.said.position)
    before = state.amended[-1].was if is_taken and state.amended else state.content
    return ConsentStatus(
        author=state.side,
        answers=tuple(answers(state).values()),
        proposed=(step, *(side for side in every if side in names)) if names else (),
        amendment=shown,
        is_taken=is_taken,
        refused=() if shown is not None or newest is None else _refusing(state, newest),
        waiting_for=tuple(side for side in every if shown is not None and side not in answered),
        brackets=brackets(display, state),
        facts=tuple(
            (
                proposal.fact(member, raw),
                display.fact(member, before[name]).shown if name in before else None,
            )
            for name, raw in fields.items()
            if (member := shapes.member(state.act, name)) is not None
        ),
    )


def _refusing(state: Exchange, amendment: Said) -> tuple[str, ...]:
    """Return the proposer of a refused amendment, and the sides that refused it.

    Return nothing if no side refused.
    """
    sides = [
        item.said.side
        for item in state.acts.get("amendment-refusal", ())
        if msgspec.json.decode(item.content["of"]) == amendment.id
    ]
    return (amendment.said.side, *dict.fromkeys(sides)) if sides else ()


class StatedRow(Struct, frozen=True, kw_only=True):
    """One statement in the table of what each side stated."""

    label: str
    shown: Markup
    how: str
    value: StatedValue


def stated_rows(display: Display, state: Exchange) -> tuple[StatedRow, ...]:
    """Return the statements of each side on members that have more than one."""
    values = stated_values(state)
    several = {
        value.member for value in values if sum(one.member == value.member for one in values) > 1
    }
    rows = []
    for value in values:
        member = shapes.member(state.act, value.member)
        if member is not None and value.member in several:
            fact = display.at(value.position).fact(member, value.value)
            how = change_words(value.change, display.words)
            rows.append(StatedRow(label=fact.label, shown=fact.shown, how=how, value=value))
    return tuple(rows)


def step_of(
    display: Display,
    offices: Sequence[Office],
    state: Exchange,
    entry: Entry,
) -> TimelineStep:
    """Return a record of an exchange as its page shows it.

    Of a record of the service, side and clock are shown: its own page has the rest.
    """
    display, line = display.sheet(entry.position), line_of(entry)
    content: Mapping[str, Raw] = {}
    translations: tuple[translated.Translated, ...] = ()
    message = ""
    if entry.valid and isinstance(entry.record, Raw) and entry.position != state.opened.position:
        record = parse_stored(bytes(entry.record))
        message = record.envelope.id
        content, translations = content_of(record.newest), translated.of_message(state, message)
    facts = (
        display.facts(line.act, content, leave=("of", "fields", "started_by"))
        if line.act in RULES and content
        else []
    )
    if "fields" in content:
        fields = msgspec.json.decode(content["fields"], type=dict[str, Raw])
        facts = [*display.facts(state.act, fields), *facts]
    if line.service:
        facts = [fact for fact in facts if fact.name in ("side", "clock")]
    accepted = _accepted(state, entry)
    if accepted is not None:
        markup = display.span(accepted)
        facts = [
            msgspec.structs.replace(fact, label=display.words.say("Time accepted"), shown=markup)
            if fact.name == "window"
            else fact
            for fact in facts
        ]
        if not any(fact.name == "window" for fact in facts):
            facts.insert(
                0,
                DisplayedMember(
                    name="window", label=display.words.say("Time accepted"), shown=markup, wide=True
                ),
            )
    icon = (
        "service"
        if line.service
        else _ICONS.get(line.act, "sent" if entry.position == state.opened.position else "writing")
    )
    return TimelineStep(
        line=line,
        icon=icon,
        facts=tuple(facts),
        translations=translations,
        message=message,
        compared_languages=translation_versions.compared_languages(state, message)
        if translations
        else (),
    )


def _accepted(state: Exchange, entry: Entry) -> Any:
    """Return the window that a record accepted, as it was then.

    Return None for every other record, and for a time that is no longer known.
    """
    accepted = {} if state.meeting is None else state.meeting.accepted
    return next(
        (
            msgspec.json.decode(item.terms)
            for item in accepted.values()
            if item.accepted.position == entry.position
        ),
        None,
    )


def _track(context: PageContext, state: Exchange) -> list[tuple[str, float, float]]:
    """Return the successive places that the opener reported, with their times.

    Return an empty list if the opener reported only one place.
    """
    series = [
        (
            f"{state.side.upper()} {context.words.written(as_moment(timed_value.as_of), 'clock')}",
            point.lat,
            point.lon,
        )
        for timed_value in reversed(developments.series(state, "place"))
        if (point := accounts.point_of(msgspec.json.decode(timed_value.value))) is not None
    ]
    return series if len(series) > 1 else []


def sketch(
    context: PageContext, state: Exchange, points: list[tuple[str, float, float]]
) -> Markup | str:
    """Return a map of the places that the sides entered; a moving place is a track."""
    area, track = _area(state), _track(context, state)
    points = [*points, *_further(state)]
    if track:
        others = [point for point in points if point[0] != state.side.upper()]
        title = context.words.say("Sketch of the places that were entered")
        return map_sketch.sketch(
            "sketch", title, [*track, *others], None, context.words, track=len(track)
        )
    if not points and area is None:
        return ""
    title = context.words.say("Sketch of the places that were entered")
    return map_sketch.sketch(
        "sketch",
        title,
        [] if area is not None and len(points) == 1 else points,
        area,
        context.words,
    )


def _further(state: Exchange) -> Iterator[tuple[str, float, float]]:
    """Yield the further places that the opener named, numbered from 2."""
    raw = state.content.get("places")
    for number, value in enumerate(() if raw is None else msgspec.json.decode(raw), 2):
        point = accounts.point_of(value)
        if point is not None:
            yield f"{state.side.upper()} {number}", point.lat, point.lon


def _area(state: Exchange) -> map_projection.Disc | map_projection.Outline | None:
    raw = state.content.get("place")
    value = None if raw is None else msgspec.json.decode(bytes(raw))
    if not isinstance(value, dict):
        return None
    if "circle" in value:
        return map_projection.Disc(
            value["circle"]["pos"]["lat"],
            value["circle"]["pos"]["lon"],
            si_units.metres(value["circle"]["radius"]),
        )
    if "polygon" in value:
        return map_projection.Outline(
            tuple(map_projection.MapPoint(item["lat"], item["lon"]) for item in value["polygon"])
        )
    return None


def changes_of(state: Exchange) -> tuple[str, ...]:
    """Return the statuses to which an exchange may change now."""
    return FORMATS[state.act].changes.get(state.status, ())
