"""The message of a matter and its state, as its page and a preview show them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from markupsafe import Markup
from msgspec.structs import replace

from dragoman.console.display import agreed_words, field_history, report_views
from dragoman.console.display import translations as translated
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.meeting_summary import instant, windows
from dragoman.console.display.office_clocks import Office
from dragoman.console.matter import text_versions, translation_versions
from dragoman.console.matter.agreement_words import AgreementWords
from dragoman.console.matter.exchange_parts import (
    consent_status,
    draft_status,
    stated_rows,
)
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import developments, two_keys
from dragoman.domain.acts.families import release
from dragoman.domain.acts.families.exchange import markings
from dragoman.domain.views.answers import answers
from dragoman.domain.views.flags import AREAS, flags
from dragoman.domain.views.offers import buttons
from dragoman.domain.views.stated import differences
from dragoman.domain.views.titles import danger
from dragoman.i18n.words import Words
from dragoman.projection.view import View
from dragoman_schemas.state import Exchange

_IN_THE_HEAD: Final = ("to", "info", "precedence")
"""Members that the head of the message's frame shows."""


async def message_values(
    context: PageContext, display: Display, offices: Sequence[Office], state: Exchange
) -> dict[str, Any]:
    """Return the values that show an exchange's message, and the state of its matter.

    The frame of the message has the words of the opening's own record and nothing else.
    The state has what later records said, each with its record. The page of the
    exchange has both, and so has the preview of a message that is not sent.
    """
    content = developments.opening_as_sent(state)
    opening = display.sheet(state.opened.position)
    in_the_head = _IN_THE_HEAD if _danger(state) else (*_IN_THE_HEAD, "subject")
    sent = field_history.marked(
        display, state, opening.facts(state.act, content, leave=in_the_head)
    )
    return {
        "state": state,
        "markings": markings(context.registry, state),
        "headline": headline(context, state),
        "flags": await _flags(context, state),
        "sent": [_relabelled(display.words, state, fact) for fact in sent],
        "agreed": list(_agreed(display, state)),
        "stated": stated_rows(display, state),
        "agreements": AgreementWords(context),
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
        "marked": agreed_words.marking(context.registry, context.words, context.link),
        "compared_languages": translation_versions.compared_languages(state, state.id),
    }


def _relabelled(words: Words, state: Exchange, fact: DisplayedMember) -> DisplayedMember:
    """Return a member of an agreement under the label that fits it there."""
    match state.act, fact.name:
        case "release", "publish_at" if release.is_for_members(state):
            return replace(fact, label=words.say("Given out from"))
        case _:
            return fact


async def _flags(context: PageContext, state: Exchange) -> list[tuple[str, str]]:
    """Return the notable facts about an exchange, each with its reason in words."""
    areas = await context.ask(View.open_areas) if state.act in AREAS else []
    return [
        (flag.flag, context.words.sentence(flag.detail))
        for flag in flags(context.registry, state, areas, context.moment)
    ]


def headline(context: PageContext, state: Exchange) -> Markup:
    """Return the headline of an exchange: its kind of danger, or else its subject."""
    kind = _danger(state)
    if kind:
        value = context.words.value(kind)
        return Markup("{}").format(value[:1].upper() + value[1:])
    tag, text = context.subject(state)
    lang = Markup(' lang="{}"').format(tag) if tag else ""
    return Markup('<span class="said" dir="auto"{}>{}</span>').format(lang, text)


def _danger(state: Exchange) -> str:
    """Return the kind of danger that an exchange is about; empty for none."""
    kinds = (state.content[name] for name in ("kind", "hazard", "threat") if name in state.content)
    raw = next(kinds, None)
    return "" if raw is None else danger(state.act, str(msgspec.json.decode(bytes(raw))))


def _agreed(display: Display, state: Exchange) -> Iterator[DisplayedMember]:
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
                shown=display.span(terms),
                wide=True,
            )


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
