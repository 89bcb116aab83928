"""A preview of a message as another side's officer will read it, before it is sent.

The text comes from a trial run of the post, and the templates are those of the page of
the exchange. The reader is an officer of the other side, with that side's language. Of
the register of people, a preview shows nothing that its own writer may not see.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from markupsafe import Markup
from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace
from multidict import MultiDict

from dragoman.console.compose import release_preview
from dragoman.console.compose.writing import Writing
from dragoman.console.display.office_clocks import office_of
from dragoman.console.forms import people_choices
from dragoman.console.matter.conversation import message_sheet, opening_sheet
from dragoman.console.matter.exchange_parts import step_of
from dragoman.console.matter.shown_message import message_values
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import compile_template, render_template
from dragoman.domain.acts import consent, references
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.families.notification import coded_text
from dragoman.domain.fold import Folded
from dragoman.domain.views.phase import phase_of
from dragoman.i18n import words as languages
from dragoman.projection.queries import duty_watch
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.responses import Entry, PersonSeen
from dragoman_schemas.state import Exchange

_TEMPLATE: Final = "preview.html"
_LINK: Final = re.compile(r'<a class="(?:how|proof)".*?</a>|<a\b[^<>]*>|</a>', re.DOTALL)
"""Links, and the ways to a record that is not there yet."""
"""Links of a preview, which lead nowhere: to follow one would leave the unsent text."""


class PreviewReader(Struct, frozen=True, kw_only=True):
    """The reader of a preview: a side and a language; empty ones are chosen."""

    side: str = ""
    language: str = ""


class MessagePreview(Struct, frozen=True, kw_only=True):
    """A message as a side reads it, and the sides and languages that can be chosen."""

    reader: PreviewReader
    tag: str
    markup: Markup
    sides: tuple[str, ...]
    languages: tuple[tuple[str, str], ...]


class _PreviewedMessage(Struct, frozen=True, kw_only=True):
    """Members of the view of an exchange that the templates need."""

    stage: str
    notice: Mapping[str, str]
    coded: Mapping[str, str]
    represented: Mapping[str, bool]


def take_reader(fields: MultiDict[str]) -> PreviewReader:
    """Take the reader of the preview out of a form's fields, and return it."""
    return PreviewReader(
        side=fields.popall("preview_side", [""])[-1],
        language=fields.popall("preview_language", [""])[-1],
    )


def own_language(context: PageContext, reader: PreviewReader | None = None) -> PreviewReader:
    """Return the reader of a preview that its writer checks.

    Without a choice, the language is the writer's: who checks a text must read it.
    """
    reader = reader or PreviewReader()
    return replace(reader, language=reader.language or context.words.language)


async def preview_of(
    writing: Writing, folded: Folded | None, reader: PreviewReader | None = None
) -> MessagePreview | None:
    """Return the preview of a post from its trial run.

    None for an act that no page of an exchange shows, and for a channel of one side.
    """
    context = writing.context
    if folded is None or folded.record is None or not isinstance(folded.state, Exchange):
        return None
    state, sides = folded.state, _sides(context, folded.state)
    if not sides:
        return None
    wanted = reader or PreviewReader()
    side = wanted.side if wanted.side in sides else sides[0]
    tag = wanted.language if wanted.language in languages.LANGUAGES else ""
    chosen = PreviewReader(side=side, language=tag or await _language_of(context, side))
    there = _context_of(context, chosen)
    offices = tuple(office_of(name, there.projection.office(name)) for name in there.sides)
    people = await _people(context, there, state)
    display = release_preview.display_of(there, offices, people)
    step = step_of(display, offices, state, _entry(folded))
    shown = await message_values(there, display, offices, state)
    values: dict[str, Any] = {
        **shown,
        "view": _PreviewedMessage(
            stage=phase_of(context.registry, state, context.service.now()),
            notice=FORMATS[state.act].notice,
            coded=coded_text(state),
            represented=consent.represented(state),
        ),
        "opening": opening_sheet(state, step, shown["sent"]),
        "sheet": None if writing.exchange is None else message_sheet(display, state, step),
    }
    await compile_template(there.words, _TEMPLATE)
    text = render_template(there, there.words, _TEMPLATE, **values)
    return MessagePreview(
        reader=chosen,
        tag=there.words.tag,
        markup=Markup(_LINK.sub("", text)),  # noqa: S704  # a template escaped it
        sides=sides,
        languages=tuple(languages.LANGUAGES.items()),
    )


def _sides(context: PageContext, state: Exchange) -> tuple[str, ...]:
    """Return the other sides of a channel, the addressees first."""
    others = [side for side in context.sides if side != context.side]
    addressed = {*state.to, state.side}
    return tuple(sorted(others, key=lambda side: side not in addressed))


def _context_of(context: PageContext, reader: PreviewReader) -> PageContext:
    """Return the context in which an officer of another side would ask for the page."""
    officers = [
        name
        for name, officer in context.registry.officers.items()
        if name.startswith(f"{reader.side}/") and officer.until is None
    ]
    return PageContext(
        request=context.request,
        service=context.service,
        words=languages.words(reader.language),
        preferences=context.preferences,
        moment=context.moment,
        grant=Grant(
            id="preview",
            actor=min(officers, default=f"{reader.side}/"),
            channels=(context.registry.cid,),
            scope="read",
        ),
        channel=context.channel,
        newest=context.newest,
    )


async def _language_of(context: PageContext, side: str) -> str:
    """Return the language in which a side most likely reads.

    It is the first one of its points of contact that has pages. Otherwise it is one of
    the channel's languages that is not the reader's.
    """
    points = await context.ask(duty_watch.points_of_contact)
    tags = [tag for point in points.points if point.side == side for tag in point.languages]
    others = [tag for tag in context.registry.languages if _page(tag) != context.words.language]
    pages = (_page(tag) for tag in (*tags, *others))
    return next((tag for tag in pages if tag in languages.LANGUAGES), context.words.language)


def _page(tag: str) -> str:
    return tag.partition("-")[0]


def _entry(folded: Folded) -> Entry:
    """Return the record of a trial run as readers would get it from the log."""
    assert folded.record is not None
    return Entry(
        position=folded.position,
        valid=True,
        exchange=folded.record.envelope.subject,
        number=folded.number,
        commit="",
        record=Raw(folded.raw),
    )


async def _people(
    context: PageContext, there: PageContext, state: Exchange
) -> dict[str, PersonSeen]:
    """Return the people of an exchange as the other side sees them.

    A person whom the writer may not see stays hidden.
    """
    mentioned: dict[str, set[str]] = {}
    raw = msgspec.json.encode(state)
    if references.may_name(raw):
        for _, id, commitment in references.people(msgspec.json.decode(raw)):
            mentioned.setdefault(id, set()).add(commitment)
    mine = await people_choices.seen(context, mentioned)
    theirs = await people_choices.seen(there, mentioned)
    return {
        id: person if _may_show(mine[id], person) else mine[id] for id, person in theirs.items()
    }


def _may_show(mine: PersonSeen, theirs: PersonSeen) -> bool:
    return theirs.entry is UNSET or mine.entry is not UNSET
