"""The choices that an exchange itself gives to a form: the windows that were offered, its messages, and the translations of them.

    windows(display, state)             [("0", 15 Dec 2026 08:00Z – 10:00Z (Brussels 09:00–11:00, Beijing 16:00–18:00))]
    messages(words, state, …)           [("0197…", "Hazardous incident of NATO, 24 Nov 2026 03:05Z")]

A form shows each choice as its officer knows it. The act holds an index or an id, which
no page shows.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.console.display.act_display import Display, language
from dragoman.console.display.meeting_summary import known, there
from dragoman.console.display.office_clocks import Office
from dragoman.console.forms import field_types
from dragoman.domain.acts import consent, two_keys
from dragoman.domain.acts.families import meeting
from dragoman.i18n.words import Words
from dragoman_schemas.state import Exchange, Said

_BEGINNING = 60
"""Characters of a text by which a reader knows it again."""


class ExchangeChoice(Struct, frozen=True, kw_only=True):
    """One choice: the value that the act holds, and the words for it."""

    value: str
    shown: Markup | str


def windows(display: Display, offices: Sequence[Office], state: Exchange) -> list[ExchangeChoice]:
    """Return the windows that may be accepted now; where a side has accepted one already, only that one."""
    if state.meeting is None:
        return []
    accepted = {item.window for item in state.meeting.accepted.values()}
    return [
        ExchangeChoice(value=str(index), shown=window(display, offices, msgspec.json.decode(raw)))
        for index, raw in enumerate(meeting.terms(state))
        if not accepted or index in accepted
    ]


def window(display: Display, offices: Sequence[Office], value: Any) -> Markup:
    """Return a window in UTC and by the offices' clocks."""
    span = display.span(value)
    local = [there(time_window, offices, display.words) for time_window in known([value])]
    return span + Markup("").join(
        Markup(" <small>{}</small>").format(text) for text in local if text
    )


def agreed(
    display: Display, offices: Sequence[Office], state: Exchange, content: Mapping[str, Raw]
) -> Markup:
    """Return the time to which an acceptance agrees: the window that it names, else the first one; for a call, at any time."""
    offers = meeting.terms(state)
    index = msgspec.json.decode(bytes(content["window"])) if "window" in content else 0
    if index >= len(offers):
        return Markup("{}").format(display.words.say("at any time"))
    return window(display, offices, msgspec.json.decode(offers[index]))


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


def translatable(words: Words, state: Exchange, side: str) -> list[ExchangeChoice]:
    """Return the messages that may be translated, whichever side translates."""
    return messages(words, state)


def translations(words: Words, state: Exchange, side: str) -> list[ExchangeChoice]:
    """Return the translations that other sides have given in an exchange, by their languages and their first words."""
    return [
        ExchangeChoice(value=item.id, shown=_described(words, item))
        for item in _given(state)
        if item.said.side != side
    ]


def amendments(words: Words, state: Exchange, side: str) -> list[ExchangeChoice]:
    """Return the amendment that waits for a side's answer, if there is one."""
    open_amendment = consent.open_amendment(state)
    if open_amendment is None or open_amendment.said.side == side:
        return []
    return [_consent(words, "amendment", open_amendment)]


def consents(words: Words, state: Exchange, side: str) -> list[ExchangeChoice]:
    """Return what a side may take back: its acts of consent, and its amendment, as long as not every side has consented."""
    back = consent.withdrawn(state)
    return [
        _consent(words, act, item)
        for act in consent.WITHDRAWABLE
        for item in state.acts.get(act, ())
        if item.said.side == side and item.id not in back and not consent.is_complete(state, item)
    ]


def parts(display: Display, state: Exchange) -> list[ExchangeChoice]:
    """Return the parts of a text that may stand in brackets, each by its member, its number and its first words: "paragraphs/2"."""
    exchange_choices = []
    for member in field_types.members(state.act):
        raw = state.content.get(member.name)
        if raw is None or (
            member.name in field_types.FRAME and member.name not in ("text", "subject")
        ):
            continue
        value = msgspec.json.decode(bytes(raw))
        items = (
            enumerate(value, 1)
            if isinstance(member.kind, field_types.TextsField)
            else [(0, value)]
            if isinstance(member.kind, field_types.TextField | field_types.LineField)
            else []
        )
        for item, text in items:
            label = display.words.field(member.name)
            if item:
                label = display.words.say(
                    "%(what)s %(n)s", what=label, n=display.words.number(item)
                )
            shown = display.words.say(
                "%(what)s: %(text)s", what=label, text=_begun(display.words.text(text)[1])
            )
            exchange_choices.append(ExchangeChoice(value=f"{member.name}/{item}", shown=shown))
    return exchange_choices


def second_keys(
    words: Words, state: Exchange, side: str, *, reader: str = ""
) -> list[ExchangeChoice]:
    """Return the records of a side whose second key is due, without those that the reader sent: their second officer is another one."""
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


def _consent(words: Words, act: str, said: Said) -> ExchangeChoice:
    text = words.say(
        "%(act)s of %(side)s, %(t)s",
        act=words.act(act),
        side=said.said.side.upper(),
        t=words.written(said.said.time, "minute"),
    )
    return ExchangeChoice(value=said.id, shown=text)


def _given(state: Exchange) -> Iterator[Said]:
    yield from state.acts.get("translation", ())


def _begun(text: str) -> str:
    """Return the beginning of a text up to a space; of a text without spaces, so many characters."""
    cut = text.rfind(" ", 0, _BEGINNING)
    return text[: cut if cut > 0 else _BEGINNING]


def _described(words: Words, given: Said) -> str:
    tag, text = (str(msgspec.json.decode(given.content[name])) for name in ("language", "text"))
    beginning = text if len(text) <= _BEGINNING else f"{_begun(text)} …"
    return words.say(
        "%(language)s, by %(side)s, %(t)s: %(text)s",
        language=language(tag),
        side=given.said.side.upper(),
        t=words.written(given.said.time, "minute"),
        text=" ".join(beginning.split()),
    )
