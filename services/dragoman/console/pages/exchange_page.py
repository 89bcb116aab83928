"""One exchange: who has it, the message in its frame, its clocks, what happened in order, two accounts beside each other, its proof, its copies."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from markupsafe import Markup, escape
from msgspec import Raw, Struct

from dragoman.application.http.submission import whole
from dragoman.application.operations import exchange_view, report_requests
from dragoman.console.charts import charts, svg
from dragoman.console.display import field_history, receipt_rows, text_versions
from dragoman.console.display import translations as translated
from dragoman.console.display.accounts_compared import compared, points_of
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.deadline_rows import Level, urgency
from dragoman.console.display.log_rows import LogLine, line_of
from dragoman.console.display.meeting_summary import instant, windows
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.console.forms import exchange_choices, field_types
from dragoman.console.pages import alarm, alarm_shelving, duty_numbers, release_preview
from dragoman.console.rendering import Page, PageContext, PageRoute
from dragoman.domain.acts import consent, developments, si_units, two_keys
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.acts.families import exchange as exchanges
from dragoman.domain.acts.families import notification, release
from dragoman.domain.acts.families.contact import promised, reply_wanted
from dragoman.domain.acts.families.exchange import content_of, precedence_of
from dragoman.domain.record.codec import parse
from dragoman.domain.views import accounts
from dragoman.domain.views.accounts import accounts_of
from dragoman.domain.views.flags import AREAS, flags
from dragoman.i18n.words import Words, as_moment
from dragoman.projection import ladder, reads
from dragoman.stores.watch_floor import ShelvedAlarm
from dragoman_schemas.responses import ClockView, Entry, ExchangeView
from dragoman_schemas.state import Exchange, Said, decode_exchange

_FIRST: Final = (
    *(
        "second-key",
        "amendment-agreement",
        "amendment-refusal",
        "release-consent",
        "reply",
        "acceptance",
        "counter-account",
        "echo",
        "restatement",
        "endorsement",
        "agreement",
        "clarification-request",
    ),
    *("readout-agreement", "amendment"),
    *(
        "interim-reply",
        "update",
        "readout",
        "meeting-held",
        "contained",
        "final-report",
        "all-clear",
        "call-attempt",
    ),
)
"""Acts in the order in which an officer looks for them; the first that is allowed is the page's one primary button."""

_BESIDES: Final = frozenset({"acknowledgement", "reminder", "lapse"})
_KEYS: Final = {"reply": "r", "interim-reply": "h", "call-attempt": "t"}
_ICONS: Final = {
    "acknowledgement": "person",
    "echo": "person",
    "reply": "reply",
    "interim-reply": "reply",
    "delivery": "delivered",
}
_SHOWN: Final = 5


class TimelineStep(Struct, frozen=True, kw_only=True):
    """One record of the exchange, and what it says."""

    line: LogLine
    icon: str
    facts: tuple[DisplayedMember, ...]
    translations: tuple[translated.Translated, ...] = ()


async def exchange(context: PageContext) -> Page:
    """The page of one exchange."""
    id = context.request.match_info["exchange"]
    cursor = whole(context.request.query.get("before", "")) or 0
    view = await exchange_view.viewed(
        context.call, context.projection, id, context.at or None, context.newest, cursor
    )
    state = decode_exchange(bytes(view.state))
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    display = Display(context.words, offices, view.people, context.link)
    release_preview.name_records(context, display)
    alarm.note_read(context, context.projection)
    account_statements = accounts_of(state)
    points = points_of(account_statements)
    rang = await receipt_rows.ladder_of(context, state)
    return Page(
        template="exchange.html",
        view=view,
        rows=[line_of(entry) for entry in view.timeline],
        values={
            "state": state,
            "headline": headline(context, state),
            "flags": await _flags(context, state),
            "cells": [*_agreed(display, offices, state), *_cells(display, state)],
            "prose": [
                fact
                for fact in field_history.dated(
                    display, state, display.facts(state.act, state.content, leave=("subject",))
                )
                if fact.said
            ],
            "defaults": display.facts(state.act, state.defaults, leave=("dtg", "subject")),
            "corrections": list(_corrections(display, state)),
            "consent": _consent(display, state),
            "versions": len(text_versions.changes(state)),
            "release_public": release.is_public(state, context.moment),
            "may_release": release_preview.may_release(context, state),
            "opening_key": two_keys.sent(state, state.id),
            "keys_due": two_keys.due(state),
            "calls": await _calls(context, view),
            "received": receipt_rows.of(context, state, view.facts, rang),
            "steps": [_step(display, offices, state, entry, rang) for entry in view.timeline],
            "paged": bool(cursor),
            "clock_level": lambda clock: level_of(context, state, clock),
            "spent": lambda clock: _spent(context, clock),
            "clock_bar": charts.clock,
            "may_shelve": not context.past and alarm_shelving.may_shelve(context),
            "shelf_hours": alarm_shelving.HOURS,
            "shelved": {} if context.past else _shelved(context, state),
            "accounts": account_statements if len(account_statements) > 1 else [],
            "compared": compared(state, account_statements, display)
            if len(account_statements) > 1
            else [],
            "sketch": _sketch(context, state, points),
            "developed": list(field_history.series(display, state)),
            "acts": acts_of(context, view.allowed, state),
            "keys": _KEYS,
            "wanted": reply_wanted(state),
            "promised": promised(state),
            "waits": [
                fact
                for fact in view.facts
                if fact.side == context.side and fact.owes and not fact.acknowledged
            ],
            "said": context.request.query.get("said", ""),
            "base": context.service.public_url
            or f"{context.request.scheme}://{context.request.host}",
            "display": display,
            "translations": translated.of_message(state, state.id),
        },
    )


async def _calls(
    context: PageContext, view: ExchangeView
) -> list[tuple[duty_numbers.NumberToRing, int]]:
    """Return whom to ring next, and how often each was tried: nobody of the reader's own side, who is there."""
    next_calls = [call for call in view.next_calls if call.point.side != context.side]
    ringing = await duty_numbers.ringing(
        context, context.projection, [call.point for call in next_calls]
    )
    return [(value, call.tried) for value, call in zip(ringing, next_calls, strict=True)]


async def _flags(context: PageContext, state: Exchange) -> list[tuple[str, str]]:
    """What there is to notice about an exchange, and what that rests on, in the reader's language."""
    areas = (
        await context.in_thread(reads.areas, context.service.store, context.name, context.position)
        if state.act in AREAS
        else []
    )
    return [
        (flag.flag, context.words.sentence(flag.detail))
        for flag in flags(context.registry, state, areas, context.moment)
    ]


def headline(context: PageContext, state: Exchange) -> Markup:
    """What an exchange is about, in a line: its kind in the reader's language where it has one, or else its subject."""
    words = context.words
    kind = next(
        (
            state.content[name]
            for name in ("kind", "hazard", "threat", "form")
            if name in state.content
        ),
        None,
    )
    if kind is not None and state.act in (
        "hazardous-incident",
        "danger-area",
        "terrorism-warning",
        "emergency-notification",
    ):
        value = words.value(str(msgspec.json.decode(bytes(kind))))
        return Markup("{}").format(value[:1].upper() + value[1:])
    tag, text = context.subject(state)
    lang = Markup(' lang="{}"').format(tag) if tag else ""
    return Markup('<span class="said" dir="auto"{}>{}</span>').format(lang, text)


def _cells(display: Display, state: Exchange) -> Iterator[DisplayedMember]:
    """What a message says in boxes: everything that is no prose."""
    facts = display.facts(
        state.act, state.content, leave=("subject", "to", "info", "precedence", "original")
    )
    for fact in field_history.dated(display, state, facts):
        if not fact.said:
            yield fact


def _agreed(
    display: Display, offices: Sequence[Office], state: Exchange
) -> Iterator[DisplayedMember]:
    """Return the time of a meeting that its sides agreed on, before the times that were possible once."""
    if (
        state.meeting is not None
        and state.meeting.accepted
        and state.status in ("accepted", "held")
    ):
        terms = msgspec.json.decode(next(iter(state.meeting.accepted.values())).terms)
        if terms is not None:
            yield DisplayedMember(
                name="agreed",
                label=display.words.say("Time agreed"),
                shown=exchange_choices.window(display, offices, terms),
                wide=True,
            )


class BracketView(Struct, frozen=True, kw_only=True):
    """A part of a text that is not agreed: what it is called, and the other words of each side for it."""

    label: str
    words: tuple[tuple[str, Markup], ...]


class ConsentStatus(Struct, frozen=True, kw_only=True):
    """Who has consented to the text as it is, and the amendment that waits, or was taken, with what it replaces."""

    consented: tuple[str, ...]
    missing: tuple[str, ...]
    proposed: tuple[str, ...] = ()
    amendment: Said | None = None
    taken: bool = False
    waiting_for: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    facts: tuple[tuple[DisplayedMember, Markup | None], ...] = ()
    ad_referendum: tuple[str, ...] = ()
    brackets: tuple[BracketView, ...] = ()


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
            (side, display.text(msgspec.json.decode(bytes(value.content["text"]))))
            for side, value in sides.items()
        )
        bracket_views.append(BracketView(label=text, words=shown))
    return tuple(bracket_views)


def _consent(display: Display, state: Exchange) -> ConsentStatus | None:
    """Return whose word the text of an exchange is; None where nobody consents to it as a whole."""
    if not FORMATS[state.act].moves.keys() & set(consent.BINDING):
        return None
    every, behind = (state.side, *state.to, *state.info), consent.agreed(state)
    changes = state.acts.get("status-change", ())
    step = exchanges.said_status(changes[-1]) if changes else ""
    names = (
        exchanges.confirming(state)
        if step in exchanges.JOINT and step != state.status and step in changes_of(state)
        else set()
    )
    amendments = state.acts.get("amendment", ())
    newest = amendments[-1] if amendments else None
    waits, taken = (
        consent.open_amendment(state),
        newest is not None and consent.is_taken(state, newest),
    )
    shown = waits or (newest if taken else None)
    answered = (
        set()
        if shown is None
        else {shown.said.side, *(item.said.side for item in consent.taking(state, shown))}
    )
    fields = {} if shown is None else consent.fields_of(shown)
    before = state.amended[-1].was if taken and state.amended else state.content
    return ConsentStatus(
        consented=tuple(side for side in every if side in behind),
        missing=tuple(side for side in every if side not in behind),
        proposed=(step, *(side for side in every if side in names)) if names else (),
        amendment=shown,
        taken=taken,
        refused=() if shown is not None or newest is None else _refusing(state, newest),
        waiting_for=tuple(side for side in every if shown is not None and side not in answered),
        ad_referendum=tuple(side for side in every if side in consent.ad_referendum(state)),
        brackets=brackets(display, state),
        facts=tuple(
            (
                display.fact(member, raw),
                display.fact(member, before[name]).shown if name in before else None,
            )
            for name, raw in fields.items()
            if (member := field_types.member(state.act, name)) is not None
        ),
    )


def _refusing(state: Exchange, amendment: Said) -> tuple[str, ...]:
    """Return the side that proposed an amendment, and those that refused it; nothing where nobody did."""
    sides = [
        item.said.side
        for item in state.acts.get("amendment-refusal", ())
        if msgspec.json.decode(item.content["of"]) == amendment.id
    ]
    return (amendment.said.side, *dict.fromkeys(sides)) if sides else ()


def _corrections(display: Display, state: Exchange) -> Iterator[dict[str, Any]]:
    """What was corrected or became known: the value as it is, what it was, why, and both times."""
    for correction in state.corrections:
        for name, raw in correction.fields.items():
            member = field_types.member(state.act, name)
            if member is not None:
                was = correction.was.get(name)
                yield {
                    "fact": display.fact(member, raw),
                    "was": None if was is None else display.fact(member, was).shown,
                    "reason": correction.reason,
                    "stamp": correction.corrected,
                    "number": correction.number,
                }


def _step(
    display: Display,
    offices: Sequence[Office],
    state: Exchange,
    entry: Entry,
    rang: Sequence[ladder.LadderStep],
) -> TimelineStep:
    line = line_of(entry)
    content: Mapping[str, Raw] = {}
    translations: tuple[translated.Translated, ...] = ()
    if entry.valid and isinstance(entry.record, Raw) and entry.position != state.opened.position:
        record = parse(bytes(entry.record))
        content, translations = (
            content_of(record.newest),
            translated.of_message(state, record.envelope.id),
        )
    facts = (
        display.facts(line.act, content, leave=("of", "fields", "started_by"))
        if line.act in RULES and content
        else []
    )
    if "fields" in content:
        fields = msgspec.json.decode(content["fields"], type=dict[str, Raw])
        facts = [*display.facts(state.act, fields), *facts]
    if line.act == "reminder" and content:
        facts.append(_meant_for(display.words, content, line, rang))
    accepted = _accepted(state, entry)
    if accepted is not None:
        markup = exchange_choices.window(display, offices, accepted)
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
    return TimelineStep(line=line, icon=icon, facts=tuple(facts), translations=translations)


def _meant_for(
    words: Words, content: Mapping[str, Raw], line: LogLine, rang: Sequence[ladder.LadderStep]
) -> DisplayedMember:
    """Return whom a reminder was meant for: of a flash, for whom it rang by then; of anything else the side that owes it, on its pages."""
    clock, side, message = (
        str(msgspec.json.decode(content[name])) for name in ("clock", "side", "started_by")
    )
    reached = [
        ladder_step
        for ladder_step in rang
        if (ladder_step.message, ladder_step.side) == (message, side)
        and as_moment(ladder_step.time) <= as_moment(line.time)
    ]
    if clock == "acknowledgement" and reached:
        who = words.listed(receipt_rows.rung_of(words, ladder_step) for ladder_step in reached)
        text = words.say("%(side)s: it had rung for %(who)s", side=side.upper(), who=who)
    else:
        text = words.say(
            "%(side)s: it is shown on the pages of its officers, and rings for nobody",
            side=side.upper(),
        )
    return DisplayedMember(
        name="meant_for", label=words.say("Meant for"), shown=escape(text), wide=True
    )


def _accepted(state: Exchange, entry: Entry) -> Any:
    """Return the window that a record accepted, as it stood then; None for every other record, and for a time that is not known any more."""
    accepted = {} if state.meeting is None else state.meeting.accepted
    return next(
        (
            msgspec.json.decode(item.terms)
            for item in accepted.values()
            if item.accepted.position == entry.position
        ),
        None,
    )


def level_of(context: PageContext, state: Exchange, clock: ClockView) -> Level:
    """How urgent a clock of an exchange is; off where it does not run any more."""
    if clock.met or clock.ended:
        return "off"
    started = next(
        (message for message in state.messages if message.id == clock.started_by), state.messages[0]
    )
    return urgency(
        clock.clock,
        precedence_of(state, started),
        gone=_spent(context, clock),
        late=clock.late,
        binding=clock.binding,
    )


def _shelved(context: PageContext, state: Exchange) -> dict[tuple[str, str], ShelvedAlarm]:
    """What the watch of the reader's side has put aside of an exchange, by clock and what started it."""
    floor = report_requests.floor_of(context.service, context.projection, context.side)
    standing = {} if floor is None else alarm_shelving.in_force(floor, context.service.now())
    return {
        (clock, started_by): shelved_alarm
        for (exchange, clock, started_by), shelved_alarm in standing.items()
        if exchange == state.id
    }


def _spent(context: PageContext, clock: ClockView) -> float:
    begins, due = as_moment(clock.begins), as_moment(clock.due)
    whole = (due - begins).total_seconds()
    return (context.moment - begins).total_seconds() / whole if whole > 0 else 1.0


def _track(context: PageContext, state: Exchange) -> list[tuple[str, float, float]]:
    """Return where the opener said that it was, one position after the other, by their times; empty where it told only one."""
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


def _sketch(
    context: PageContext, state: Exchange, points: list[tuple[str, float, float]]
) -> Markup | str:
    """Where it was, drawn from what the sides entered; a place that moved as a track."""
    area, track = _area(state), _track(context, state)
    if track:
        rows = [point for point in points if point[0] != state.side.upper()]
        title = context.words.say("Sketch of the places that were entered")
        return charts.sketch(
            "sketch", title, [*track, *rows], None, context.words, track=len(track)
        )
    if not points and area is None:
        return ""
    title = context.words.say("Sketch of the places that were entered")
    return charts.sketch(
        "sketch",
        title,
        [] if area is not None and len(points) == 1 else points,
        area,
        context.words,
    )


def _area(state: Exchange) -> svg.Disc | svg.Outline | None:
    raw = state.content.get("place")
    value = None if raw is None else msgspec.json.decode(bytes(raw))
    if not isinstance(value, dict):
        return None
    if "circle" in value:
        return svg.Disc(
            value["circle"]["pos"]["lat"],
            value["circle"]["pos"]["lon"],
            si_units.metres(value["circle"]["radius"]),
        )
    if "polygon" in value:
        return svg.Outline(
            tuple(svg.MapPoint(item["lat"], item["lon"]) for item in value["polygon"])
        )
    return None


def acts_of(
    context: PageContext, allowed: tuple[str, ...], state: Exchange
) -> tuple[list[str], list[str]]:
    """What the reader's side may do next: the few that stand on the page, the first of them as its primary button; and the rest."""
    if not context.may_post:
        return [], []
    names = _BESIDES | _pointless(context, state)
    mine = [act for act in allowed if act not in names and _may(context, act)]
    alone = [
        act for act in mine if RULES[act].two_key or not RULES[act].roles.isdisjoint(context.roles)
    ]
    ordered = sorted(
        mine,
        key=lambda act: (act not in alone, _FIRST.index(act) if act in _FIRST else len(_FIRST)),
    )
    early = {"meeting-held"} if _lies_ahead(state, context.moment) else set()
    few = [act for act in ordered if act in _FIRST and act not in early][:_SHOWN] or ordered[:1]
    return few, [act for act in ordered if act not in few]


def _lies_ahead(state: Exchange, now: datetime) -> bool:
    """Return whether a meeting is to be held later, by every time that stands."""
    begins = (
        [instant(window.begins) for window in windows(state)] if state.meeting is not None else []
    )
    return bool(begins) and all(begin is not None and begin > now for begin in begins)


def _pointless(context: PageContext, state: Exchange) -> frozenset[str]:
    """Acts that the table allows and the exchange gives no occasion for."""
    second = any(
        sent.sent.side == context.side and sent.sent.by != context.grant.actor
        for sent in two_keys.due(state)
    )
    has_translation = bool(exchange_choices.translations(context.words, state, context.side))
    waits = bool(exchange_choices.amendments(context.words, state, context.side))
    bound = consent.is_bound(state)
    occasions = {
        "correction": not bound,
        "amendment": (bound or context.side != state.side)
        and consent.open_amendment(state) is None,
        "amendment-agreement": waits,
        "amendment-refusal": waits,
        "consent-withdrawal": bool(exchange_choices.consents(context.words, state, context.side)),
        "agenda-agreement": any(
            side != context.side for side in consent.authors(state, "agenda-agreement")
        ),
        "readout-agreement": any(
            side != context.side for side in consent.authors(state, "readout-agreement")
        ),
        "assessment": any(message.answered for message in state.messages),
        "help-offer": not notification.in_need(state) <= {context.side},
        "help-acceptance": any(
            item.said.side != context.side for item in state.acts.get("help-offer", ())
        ),
        "help-delivery": bool(state.acts.get("help-offer")),
        "decline": state.meeting is None or state.status == "requested",
        "agreement": context.side not in consent.agreed(state),
        "endorsement": context.side not in consent.agreed(state),
        "second-key": second,
        "translation-agreement": has_translation,
        "translation-dispute": has_translation,
        "release-consent": context.side not in consent.agreed(state),
        "status-change": bool(changes_of(state)),
    }
    return frozenset(act for act, occasion in occasions.items() if not occasion)


def changes_of(state: Exchange) -> tuple[str, ...]:
    """Return the statuses to which an exchange may be changed as it stands."""
    return FORMATS[state.act].changes.get(state.status, ())


def _may(context: PageContext, act: str) -> bool:
    """Whether one of the reader's roles does such an act, or a colleague's, to whom it can be handed over."""
    return not RULES[act].roles.isdisjoint(OFFICERS)


SHEETS: Final = (PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}", handler=exchange),)
