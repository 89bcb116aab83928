"""Choices and hints that the form of an act offers beside its fields."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.console.compose import consequences, release_preview
from dragoman.console.compose.writing import (
    Writing,
)
from dragoman.console.display import field_history, translations
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.office_clocks import Office
from dragoman.console.forms import exchange_choices, people_choices
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import deadlines
from dragoman.domain.acts.families import release
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.members import shapes
from dragoman.members.choices import ReleasedKind
from dragoman.members.kind import Member
from dragoman.members.sides import FilesKind, PersonKind
from dragoman.projection.queries import dialogue as projected
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.state import Exchange


def untranslated_language(writing: Writing, state: Exchange, of: str) -> str:
    """Return the language into which the reader most likely translates a message.

    It is one of the channel's languages; empty where it is not clear which.
    """
    context = writing.context
    texts = translations.originals(Display(context.words, writing.offices), state, of)
    return translations.missing(
        context.registry.languages,
        context.words.language,
        texts,
        translations.of_message(state, of or state.id),
    )


_FIXED: Final = shapes.FRAME | {"urgent", "imminent"}
"""Members that an update does not replace, since they do not develop.

They describe the message itself, or make a matter urgent.
"""


def replaceable_members(writing: Writing) -> list[str]:
    """Return the members of an opening that an act may replace.

    For an update, these are the members that develop.
    """
    exchange = writing.exchange
    names = (
        []
        if exchange is None
        else [
            member.name
            for member in shapes.members(exchange.act)
            if member.name not in exchange.proposed
        ]
    )
    return [name for name in names if name not in _FIXED] if writing.act == "update" else names


def act_has_issue(act: str) -> bool:
    """Return whether an act may name an issue that an earlier exchange opened."""
    return shapes.member(act, "under") is not None


async def issue_choices(context: PageContext) -> list[exchange_choices.ExchangeChoice]:
    """Return the issues of the channel, newest first, each in the reader's language."""
    perceptions = await context.ask(projected.perceptions)
    display = Display(context.words, (), {}, context.link)
    return [
        exchange_choices.ExchangeChoice(
            value=issue.exchange, shown=display.text(msgspec.json.decode(issue.issue))
        )
        for issue in reversed(perceptions.issues)
    ]


class TextBeside(Struct, frozen=True, kw_only=True):
    """A text of another side that a form shows beside its fields, with its heading."""

    heading: str
    facts: list[DisplayedMember]


def texts_beside(writing: Writing, offices: Sequence[Office]) -> list[TextBeside]:
    """Return the other sides' texts beside which an act is written.

    An account has the report beside it. An agenda, and an agreement on an agenda or a
    readout, have those of the other sides.
    """
    state, words = writing.exchange, writing.context.words
    if state is None:
        return []
    display = Display(words, offices, {}, writing.context.link)
    if writing.act in ("agenda", "agenda-agreement", "readout-agreement"):
        act = words.act(writing.act.removesuffix("-agreement"))
        return [
            TextBeside(
                heading=words.say("%(act)s from %(side)s", act=act, side=side.upper()), facts=facts
            )
            for side, facts in consequences.words_taken(display, writing)
        ]
    if writing.act != "counter-account":
        return []
    facts = field_history.dated(
        display,
        state,
        display.facts(
            state.act, state.content, leave=("subject", "to", "info", "precedence", "original")
        ),
    )
    heading = words.say("The account of %(side)s", side=state.side.upper())
    return [TextBeside(heading=heading, facts=facts)]


def translation_values(writing: Writing, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a translation's form, which shows the original beside it.

    `rows` pairs each paragraph of the original with the text that was typed for it.
    `messages` are the other messages that can be translated.
    """
    context, state = writing.context, writing.exchange
    if state is None or writing.act != translations.ACT:
        return {}
    of = str(fields.get("f.of", ""))
    display = Display(context.words, writing.offices, {}, context.link)
    texts = translations.originals(display, state, of)
    rows = [(text, paragraph) for text in texts for paragraph in text.paragraphs]
    typed = fields.getall("f.text", []) if hasattr(fields, "getall") else []
    if len(typed) == 1 and len(rows) != 1:
        typed = translations.paragraphs(typed[0])
    messages = [
        message
        for message in exchange_choices.messages(context.words, state)
        if translations.originals(display, state, message.value)
    ]
    return {
        "rows": [
            (
                *(rows[place] if place < len(rows) else (None, "")),
                typed[place] if place < len(typed) else "",
            )
            for place in range(max(len(rows), len(typed), 1))
        ],
        "of": of,
        "messages": messages,
        "written_in": translations.written_in(texts),
        "agreed": agreed_phrases(context.registry.languages, [paragraph for _, paragraph in rows]),
        "given": translations.shown(context.words, translations.of_message(state, of or state.id)),
    }


def window_choices(
    writing: Writing, offices: Sequence[Office]
) -> list[exchange_choices.ExchangeChoice]:
    """Return the windows that an acceptance may name."""
    if writing.exchange is None:
        return []
    return exchange_choices.windows(Display(writing.context.words, offices), writing.exchange)


def message_choices(writing: Writing, member: Member) -> list[exchange_choices.ExchangeChoice]:
    """Return the earlier acts that a required member may name by id."""
    if writing.exchange is None or not member.required:
        return []
    context = writing.context
    return exchange_choices.earlier_acts(context, writing.act, writing.exchange) or []


def languages_own_first(context: PageContext) -> list[str]:
    """Return the channel's languages, the reader's own first."""
    return sorted(
        context.registry.languages, key=lambda tag: tag.partition("-")[0] != context.words.language
    )


def limits_of(context: PageContext) -> dict[str, int]:
    """Return the seconds by which each precedence must be acknowledged here."""
    limits, _ = deadlines.profile_of(context.registry)
    return dict(limits.acknowledgement)


def officer_choices(context: PageContext) -> list[str]:
    """Return the names of the other officers of the reader's side who are in office."""
    return [
        name.partition("/")[2]
        for name, officer in context.registry.officers.items()
        if name.startswith(f"{context.side}/")
        and officer.until is None
        and name != context.grant.actor
    ]


async def person_choices(
    context: PageContext, members: Iterable[Member]
) -> list[people_choices.PersonChoice]:
    """Return the people of the register whom an act may name.

    A form opens without them if the broker does not respond.
    """
    if any(member.kind.holds(PersonKind) for member in members):
        with suppress(LogUnreachable):
            return await people_choices.choices(context)
    return []


async def file_choices(context: PageContext, members: Iterable[Member]) -> list[tuple[str, str]]:
    """Return the files of the reader's side that an act may name: value and label.

    A form opens without them if the broker does not respond.
    """
    if not any(member.kind.holds(FilesKind) for member in members):
        return []
    try:
        result = await context.service.files.listed(context.registry.cid, context.side)
    except LogUnreachable:
        return []
    return [
        (
            json.dumps(
                {
                    "sha256": file.sha256,
                    "media_type": file.media_type,
                    "bytes": file.bytes,
                    "title": file.sha256[:12],
                }
            ),
            f"{file.media_type}, {file.sha256[:12]}",
        )
        for file in result
        if file.kept
    ]


def phrase_choices(context: PageContext) -> list[tuple[str, str]]:
    """Return the agreed phrases, each in the reader's language: key and text."""
    language = context.words.language
    return [
        (key, texts.get(language) or texts["en"])
        for book in CODEBOOKS.values()
        for key, texts in book.phrases.items()
    ]


def agreed_phrases(
    languages: Sequence[str], paragraphs: Iterable[str]
) -> list[tuple[bool, tuple[tuple[str, str], ...]]]:
    """Return the agreed phrases in the channel's languages, those in a text first.

    Each has whether it occurs in one of the paragraphs, and its text by language tag.
    """
    text = "\n".join(paragraphs).casefold()
    rows = [
        tuple((tag, texts[short]) for tag in languages if (short := tag.partition("-")[0]) in texts)
        for book in CODEBOOKS.values()
        for texts in book.phrases.values()
    ]
    phrases = [(any(phrase.casefold() in text for _, phrase in row), row) for row in rows]
    return sorted(phrases, key=lambda phrase: not phrase[0])


def releasable_records(
    writing: Writing, fields: Mapping[str, Any]
) -> list[release_preview.Candidate]:
    """Return the records that a release may name.

    These are the records of its matter, and of the matters of records that it names
    already.
    """
    if not any(
        isinstance(member.kind, ReleasedKind)
        for member in shapes.members(
            writing.act if writing.exchange is None else writing.exchange.act
        )
    ):
        return []
    context = writing.context
    matters = dict.fromkeys(
        fields.getall(release_preview.OF, []) if hasattr(fields, "getall") else []
    )
    exchanges = (
        []
        if writing.exchange is None
        else [record.exchange for record in release.records_of(writing.exchange)]
    )
    chosen = fields.getall("f.records", []) if hasattr(fields, "getall") else []
    positions = (context.projection.posted(id) for id in chosen)
    records = (
        context.projection.record_at(position) for position in positions if position is not None
    )
    matters |= dict.fromkeys(
        [*exchanges, *(record.envelope.subject for record in records if record is not None)]
    )
    return [
        candidate for matter in matters for candidate in release_preview.candidates(context, matter)
    ]
