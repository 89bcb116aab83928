"""Choices that an exchange gives to a form: offered windows, messages, translations.

    windows(display, state)      [("0", 15 Dec 2026 08:00Z – 10:00Z (Brussels 09:00–…))]
    messages(words, state, …)    [("0197…", "Hazardous incident of NATO, 24 Nov …")]

A form shows each choice in the officer's words. The act holds an index or an id, which
no page shows.
"""

from collections.abc import Iterator, Mapping

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.console.display.act_display import Display
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import consent, two_keys
from dragoman.domain.acts.families import joining, meeting
from dragoman.domain.views.offers import OFFERS
from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.texts import LineKind, TextKind, TextsKind, language
from dragoman_schemas.state import Exchange, Said

_BEGINNING = 60
"""The number of characters by which a reader recognizes a text."""


class ExchangeChoice(Struct, frozen=True, kw_only=True):
    """One choice: the value that the act holds, and the words for it."""

    value: str
    shown: Markup | str


def windows(display: Display, state: Exchange) -> list[ExchangeChoice]:
    """Return the windows that may be accepted now.

    If a side has accepted a window already, this is the only choice.
    """
    if state.meeting is None:
        return []
    accepted = {item.window for item in state.meeting.accepted.values()}
    return [
        ExchangeChoice(value=str(index), shown=display.span(msgspec.json.decode(raw)))
        for index, raw in enumerate(meeting.terms(state))
        if not accepted or index in accepted
    ]


def agreed(display: Display, state: Exchange, content: Mapping[str, Raw]) -> Markup:
    """Return the time to which an acceptance agrees.

    It is the window that the acceptance names, or the first one. For a call it is any
    time.
    """
    offers = meeting.terms(state)
    index = msgspec.json.decode(bytes(content["window"])) if "window" in content else 0
    if index >= len(offers):
        return Markup("{}").format(display.words.say("at any time"))
    return display.span(msgspec.json.decode(offers[index]))


def messages(words: Words, state: Exchange) -> list[ExchangeChoice]:
    """Return the messages of an exchange, by their acts, sides and times."""
    return [
        ExchangeChoice(
            value="" if message.id == state.id else message.id,
            shown=words.say(
                "%(act)s of %(side)s, %(t)s",
                act=words.act(message.act),
                side=message.said.side.upper(),
                t=words.written(message.said.time, "minute"),
            ),
        )
        for message in state.messages
    ]


def translations(words: Words, state: Exchange, side: str) -> list[ExchangeChoice]:
    """Return other sides' translations, by their languages and their first words."""
    return [
        ExchangeChoice(value=item.id, shown=_description(words, item))
        for item in _translations(state)
        if item.said.side != side
    ]


def amendments(words: Words, state: Exchange, side: str) -> list[ExchangeChoice]:
    """Return the amendment that waits for a side's answer; empty for none."""
    open_amendment = consent.open_amendment(state)
    if open_amendment is None or open_amendment.said.side == side:
        return []
    return [_consent(words, "amendment", open_amendment)]


def consents(words: Words, state: Exchange, side: str) -> list[ExchangeChoice]:
    """Return the acts of consent and the amendments that a side may take back.

    An act cannot be taken back once every side has consented.
    """
    return [_consent(words, act, item) for act, item in consent.withdrawable(state, side)]


def earlier_reports(context: PageContext, state: Exchange) -> list[ExchangeChoice]:
    """Return the earlier reports with which the reader may propose to join a report."""
    if state.act not in joining.INCIDENTS or joining.joined_at(state) is not None:
        return []
    return [
        _report(context, report.id, report)
        for report in context.reports_before(state)
        if joining.may_propose(state, report, context.side)
    ]


def joinders(context: PageContext, state: Exchange) -> list[ExchangeChoice]:
    """Return the joinder that waits for the reader's side to agree; empty for none."""
    earlier = None if state.joined is None else context.state_of(state.joined.of)
    if (
        state.joined is None
        or earlier is None
        or not joining.may_agree(state, earlier, context.side)
    ):
        return []
    return [_report(context, state.joined.id, earlier)]


def _report(context: PageContext, value: str, report: Exchange) -> ExchangeChoice:
    """Return a choice that is shown as a report: its title, side and time."""
    shown = context.words.say(
        "%(subject)s, reported by %(side)s, %(t)s",
        subject=context.subject(report)[1],
        side=report.side.upper(),
        t=context.words.written(report.opened.time, "minute"),
    )
    return ExchangeChoice(value=value, shown=shown)


def parts(display: Display, state: Exchange) -> list[ExchangeChoice]:
    """Return the parts of a text that may be put in brackets.

    Each has the value "paragraphs/2", which is its member and its number, and is shown
    by its first words.
    """
    choices = []
    for member in shapes.members(state.act):
        raw = state.content.get(member.name)
        if raw is None or (member.name in shapes.FRAME and member.name not in ("text", "subject")):
            continue
        value = msgspec.json.decode(bytes(raw))
        texts = (
            enumerate(value, 1)
            if isinstance(member.kind, TextsKind)
            else [(0, value)]
            if isinstance(member.kind, TextKind | LineKind)
            else []
        )
        for number, text in texts:
            label = display.words.field(member.name, member.act)
            if number:
                label = display.words.say(
                    "%(what)s %(n)s", what=label, n=display.words.number(number)
                )
            shown = display.words.say(
                "%(what)s: %(text)s", what=label, text=_begun(display.words.text(text)[1])
            )
            choices.append(ExchangeChoice(value=f"{member.name}/{number}", shown=shown))
    return choices


def second_keys(
    words: Words, state: Exchange, side: str, *, reader: str = ""
) -> list[ExchangeChoice]:
    """Return the records of a side that wait for a second key.

    Records that the reader sent are left out: their second officer must be another
    person.
    """
    return [
        ExchangeChoice(
            value=sent.id,
            shown=words.say(
                "%(act)s of %(who)s, %(t)s",
                act=words.act(sent.act),
                who=sent.sent.by,
                t=words.written(sent.sent.time, "minute"),
            ),
        )
        for sent in two_keys.due(state)
        if sent.sent.side == side and sent.sent.by != reader
    ]


def _consent(words: Words, act: str, act_record: Said) -> ExchangeChoice:
    text = words.say(
        "%(act)s of %(side)s, %(t)s",
        act=words.act(act),
        side=act_record.said.side.upper(),
        t=words.written(act_record.said.time, "minute"),
    )
    return ExchangeChoice(value=act_record.id, shown=text)


def _translations(state: Exchange) -> Iterator[Said]:
    yield from state.acts.get("translation", ())


def _begun(text: str) -> str:
    """Return the beginning of a text, cut at a space where there is one."""
    cut = text.rfind(" ", 0, _BEGINNING)
    return text[: cut if cut > 0 else _BEGINNING]


def _description(words: Words, translation: Said) -> str:
    tag, text = (
        str(msgspec.json.decode(translation.content[name])) for name in ("language", "text")
    )
    beginning = text if len(text) <= _BEGINNING else f"{_begun(text)} …"
    return words.say(
        "%(language)s, by %(side)s, %(t)s: %(text)s",
        language=language(tag),
        side=translation.said.side.upper(),
        t=words.written(translation.said.time, "minute"),
        text=" ".join(beginning.split()),
    )


def earlier_acts(context: PageContext, act: str, state: Exchange) -> list[ExchangeChoice] | None:
    """Return the earlier acts of which an act may name one; None where it names none.

    Form and check page show these choices, and never an id.
    """
    words, side = context.words, context.side
    match OFFERS[act].names:
        case "amendments":
            return amendments(words, state, side)
        case "translations":
            return translations(words, state, side)
        case "consents":
            return consents(words, state, side)
        case "drafts":
            return second_keys(words, state, side, reader=context.grant.actor)
        case "reports":
            return earlier_reports(context, state)
        case "joinders":
            return joinders(context, state)
        case "messages":
            return messages(words, state)
        case None:
            return None
