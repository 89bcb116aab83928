"""The page of one exchange, with everything that is known about it.

It shows who has the message, the message itself, its deadlines and its timeline. It
also shows two accounts beside each other, the proof, and the copies.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from markupsafe import Markup

from dragoman.application.http.submission import whole
from dragoman.application.operations import exchange_view, report_requests
from dragoman.console.agreements import panel as agreement_panel
from dragoman.console.agreements.agreement_words import AgreementWords
from dragoman.console.charts import charts
from dragoman.console.context import PageContext
from dragoman.console.display import (
    field_history,
    receipt_rows,
    report_views,
    text_versions,
    translation_versions,
)
from dragoman.console.display import translations as translated
from dragoman.console.display.accounts_compared import compared, points_of
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.deadline_rows import Level, urgency
from dragoman.console.display.log_rows import line_of
from dragoman.console.display.meeting_summary import instant, windows
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.console.forms import exchange_choices
from dragoman.console.incident import passing_on_panel, people_panel, window_panel
from dragoman.console.pages import acknowledging, alarm_shelving, duty_numbers, release_preview
from dragoman.console.pages.exchange_parts import (
    consent_status,
    corrections,
    draft_status,
    retractions,
    sketch,
    stated_rows,
    step_of,
)
from dragoman.console.rendering import Page, PageRoute
from dragoman.domain.acts import developments, two_keys
from dragoman.domain.acts.accounts import accounts_of
from dragoman.domain.acts.families import release
from dragoman.domain.acts.families.contact import promised, reply_wanted
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.views.answers import answers
from dragoman.domain.views.flags import AREAS, flags
from dragoman.domain.views.offers import OFFERS, buttons
from dragoman.domain.views.stated import differences
from dragoman.domain.views.titles import danger
from dragoman.i18n.words import as_moment
from dragoman.interop.check_words import check_words
from dragoman.projection.view import View
from dragoman.stores.watch_floor import ShelvedAlarm
from dragoman_schemas.responses import ClockView, ExchangeView
from dragoman_schemas.state import Exchange, decode_exchange

_IN_THE_HEAD: Final = ("subject", "to", "info", "precedence")
"""Members that the headline and the head of the message's frame show."""


async def exchange(context: PageContext) -> Page:
    """Return the page of one exchange."""
    id = context.request.match_info["exchange"]
    cursor = whole(context.request.query.get("before", "")) or 0
    view = await exchange_view.viewed(
        context.call, context.projection, id, context.past_moment, context.newest, cursor
    )
    state = decode_exchange(bytes(view.state))
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    display = release_preview.display_of(context, offices, view.people)
    acknowledging.note_read(context, context.projection)
    await acknowledging.note_own_reading(context, state)
    account_statements = accounts_of(state)
    points = points_of(account_statements)
    ladder_steps = await receipt_rows.ladder_of(context, state)
    return Page(
        template="exchange.html",
        view=view,
        rows=[line_of(entry) for entry in view.timeline],
        values={
            **await message_values(context, display, offices, state),
            "agreements": AgreementWords(context),
            "agreement": await agreement_panel.panel_of(context, state),
            "release_public": release.is_public(state, context.moment),
            "may_release": release_preview.may_release(context, state),
            "check_words": check_words(context.projection.bytes_at(state.opened.position)[1]),
            "calls": await _calls(context, view),
            "people": people_panel.panel(context, state, display, view.allowed),
            "kinds": people_panel.KINDS,
            "window": window_panel.panel(context, state, display, view.allowed),
            "passing": passing_on_panel.panel(context, state),
            "received": receipt_rows.of(context, state, view.facts, ladder_steps),
            "steps": [
                step_of(display, offices, state, entry, ladder_steps) for entry in view.timeline
            ],
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
            "sketch": sketch(context, state, points),
            "acts": acts_of(context, view.allowed, state) if context.may_post else ([], []),
            "keys": {act: offer.shortcut for act, offer in OFFERS.items() if offer.shortcut},
            "wanted": reply_wanted(state),
            "promised": promised(state),
            "waits": [
                fact
                for fact in view.facts
                if fact.side == context.side and fact.owes and not fact.acknowledged
            ],
            "said": context.request.query.get("said", ""),
            "display": display,
        },
    )


async def message_values(
    context: PageContext, display: Display, offices: Sequence[Office], state: Exchange
) -> dict[str, Any]:
    """Return the values that show an exchange's message, and the state of its matter.

    The frame of the message has the words of the opening's own record and nothing else.
    The state has what later records said, each with its record. The page of the
    exchange has both, and so has the preview of a message that is not sent.
    """
    content = developments.opening_as_sent(state)
    sent = field_history.marked(
        display, state, display.facts(state.act, content, leave=_IN_THE_HEAD)
    )
    return {
        "state": state,
        "headline": headline(context, state),
        "flags": await _flags(context, state),
        "cells": [
            agreement_panel.relabelled(display.words, state, fact)
            for fact in sent
            if not fact.is_own_text and fact.name != "original"
        ],
        "prose": [fact for fact in sent if fact.is_own_text],
        "sent_precedence": precedence_of(state, state.messages[0]),
        "agreed": list(_agreed(display, offices, state)),
        "standing": [
            item
            for item in field_history.standing(display, state)
            if item.is_present and item.how in ("amended", "proposed")
        ],
        "corrections": list(corrections(display, state)),
        "retractions": list(retractions(display, state)),
        "stated": stated_rows(display, state),
        "answers": tuple(answers(state).values()),
        "differences": differences(state),
        "consent": consent_status(display, state),
        "draft": draft_status(display, state),
        "dissents": report_views.standing_dissents(display, state),
        "versions": len(text_versions.changes(state)),
        "opening_key": two_keys.one_key_entry(state, state.id),
        "keys_due": two_keys.due(state),
        "developed": list(field_history.series(display, state)),
        "translations": translated.of_message(state, state.id),
        "compared_languages": translation_versions.compared_languages(state, state.id),
    }


async def _calls(
    context: PageContext, view: ExchangeView
) -> list[tuple[duty_numbers.NumberToRing, int]]:
    """Return the points of contact to ring next, each with its number of attempts.

    The reader's own side is not among them.
    """
    next_calls = [call for call in view.next_calls if call.point.side != context.side]
    ringing = await duty_numbers.ringing(
        context, context.projection, [call.point for call in next_calls]
    )
    return [(value, call.tried) for value, call in zip(ringing, next_calls, strict=True)]


async def _flags(context: PageContext, state: Exchange) -> list[tuple[str, str]]:
    """Return the notable facts about an exchange, each with its reason in words."""
    areas = await context.ask(View.open_areas) if state.act in AREAS else []
    return [
        (flag.flag, context.words.sentence(flag.detail))
        for flag in flags(context.registry, state, areas, context.moment)
    ]


def headline(context: PageContext, state: Exchange) -> Markup:
    """Return the headline of an exchange: its kind of danger, or else its subject."""
    kinds = (state.content[name] for name in ("kind", "hazard", "threat") if name in state.content)
    raw = next(kinds, None)
    kind = "" if raw is None else danger(state.act, str(msgspec.json.decode(bytes(raw))))
    if kind:
        value = context.words.value(kind)
        return Markup("{}").format(value[:1].upper() + value[1:])
    tag, text = context.subject(state)
    lang = Markup(' lang="{}"').format(tag) if tag else ""
    return Markup('<span class="said" dir="auto"{}>{}</span>').format(lang, text)


def _agreed(
    display: Display, offices: Sequence[Office], state: Exchange
) -> Iterator[DisplayedMember]:
    """Yield the time of a meeting that its sides agreed on, if they did."""
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


def level_of(context: PageContext, state: Exchange, clock: ClockView) -> Level:
    """Return the urgency of an exchange's deadline; off if it runs no more."""
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
    """Return the alarms of an exchange that the reader's watch has shelved.

    Their keys are the deadline and the id of its start.
    """
    floor = report_requests.floor_of(context.request.app, context.projection, context.side)
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


def acts_of(
    context: PageContext, acts: Iterable[str], state: Exchange
) -> tuple[list[str], list[str]]:
    """Return the acts that are offered as buttons: the few with buttons, and the rest.

    A meeting that lies ahead is not among the first to be said to be held.
    """
    early = {"meeting-held"} if _lies_ahead(state, context.moment) else set()
    return buttons(acts, state, context.roles, early)


def _lies_ahead(state: Exchange, now: datetime) -> bool:
    """Return whether every agreed or proposed time of a meeting is in the future."""
    begins = (
        [instant(window.begins) for window in windows(state)] if state.meeting is not None else []
    )
    return bool(begins) and all(begin is not None and begin > now for begin in begins)


ROUTES: Final = (PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}", handler=exchange),)
