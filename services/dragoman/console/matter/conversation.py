"""The messages of a matter in their order, with the remarks between them.

    Sheet     one message: what its record says, and what later became of its words
    Remarks   what needs no reading: acknowledgements, deliveries, reminders, folded

A sheet has the words of its own record alone. What a later record says of it is a
remark below it, with the number of that record.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.log_rows import LogLine, line_of
from dragoman.console.matter.exchange_parts import TimelineStep
from dragoman.domain.acts import consent, developments
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import parse_stored
from dragoman.i18n.words import Words, as_moment
from dragoman.members import shapes
from dragoman_schemas.responses import Entry
from dragoman_schemas.state import Exchange

FOLDED: Final = frozenset(
    {"acknowledgement", "echo", "passed-on", "call-attempt", "second-key", "seen-by"}
)
"""Acts of officers that are remarks: they say what was done with a message."""

_NAMED: Final = 3
"""The number of different remarks that the summary of a fold names."""


class Replaced(Struct, frozen=True, kw_only=True):
    """A value that a sheet replaces: what it was, and the record that had said so."""

    name: str
    label: str
    was: Markup
    position: int


class Sheet(Struct, frozen=True, kw_only=True):
    """One message of a side, drawn from its record.

    `words` are the side's own texts, `values` everything else. `replaced` are the
    values that it corrects. `later` are records that concern its text: each is a
    sentence and a position. Local times are those of the reader's office, with the day
    where it is another one than that of the message before.
    """

    step: TimelineStep
    precedence: str = ""
    words: tuple[DisplayedMember, ...] = ()
    values: tuple[DisplayedMember, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    later: tuple[tuple[str, int], ...] = ()
    local_day: str = ""
    local_time: str = ""
    is_opening: bool = False
    is_new: bool = False

    @property
    def line(self) -> LogLine:
        """The record's line in the log."""
        return self.step.line


class Remarks(Struct, frozen=True, kw_only=True):
    """Records between two messages that need no reading, and what they are in words."""

    summary: str
    steps: tuple[TimelineStep, ...]


def is_remark(line: LogLine) -> bool:
    """Return whether a record is a remark and no message of a side."""
    return bool(line.service) or not line.valid or line.act in FOLDED or line.act not in RULES


def teller(words: Words, line: LogLine) -> str:
    """Return the author of a record: a side, or a part of the service."""
    names = {
        "watch": words.say("The scheduler"),
        "courier": words.say("The notifier"),
        "gateway": words.say("The gateway"),
        "desk": words.say("The desk"),
    }
    if line.service:
        return names.get(line.service, line.service)
    return line.side.upper() or words.say("a participant")


def opening_sheet(state: Exchange, step: TimelineStep, sent: Sequence[DisplayedMember]) -> Sheet:
    """Return the sheet of an opening, of its members as they were sent."""
    return Sheet(
        step=step,
        precedence=precedence_of(state, state.messages[0]),
        words=tuple(fact for fact in sent if fact.is_own_text),
        values=tuple(fact for fact in sent if not fact.is_own_text and fact.name != "original"),
        is_opening=True,
    )


def message_sheet(display: Display, state: Exchange, step: TimelineStep) -> Sheet:
    """Return the sheet of a message that came after the opening."""
    return Sheet(
        step=step,
        words=tuple(fact for fact in step.facts if fact.is_own_text),
        values=tuple(fact for fact in step.facts if not fact.is_own_text),
        replaced=tuple(replaced(display, state, step.line.position)),
    )


def conversation(
    display: Display,
    state: Exchange,
    steps: Iterable[TimelineStep],
    entries: Sequence[Entry],
    sent: Sequence[DisplayedMember],
    read: int | None,
    zone: ZoneInfo,
) -> list[Sheet | Remarks]:
    """Return the messages and remarks of a matter, the oldest first.

    `sent` are the opening's members. `read` is the position up to which the reader has
    read; None where nothing is known of it.
    """
    items: list[Sheet | Remarks] = []
    folded: list[TimelineStep] = []
    agendas = dict(_agendas(state, entries))
    day: date | None = None
    for step in steps:
        if is_remark(step.line):
            folded.append(step)
            continue
        if folded:
            items.append(_remarks(display.words, folded))
            folded = []
        position = step.line.position
        sheet = (
            opening_sheet(state, step, sent)
            if position == state.opened.position
            else message_sheet(display, state, step)
        )
        local = as_moment(step.line.time).astimezone(zone)
        items.append(
            replace(
                sheet,
                local_day="" if local.date() == day else display.words.day(local),
                local_time=f"{local:%H:%M}",
                later=tuple(_of_agenda(display.words, agendas, position)),
                is_new=read is not None and position > read,
            )
        )
        day = local.date()
    if folded:
        items.append(_remarks(display.words, folded))
    return items


def _remarks(words: Words, steps: Sequence[TimelineStep]) -> Remarks:
    remarks = dict.fromkeys(
        words.say(
            "%(what)s: %(detail)s",
            what=teller(words, step.line),
            detail=_detail(words, step.line),
        )
        for step in steps
    )
    summary = [*remarks][:_NAMED]
    if len(remarks) > _NAMED:
        further = len(remarks) - _NAMED
        summary.append(words.count("and %(n)s more", "and %(n)s more", further))
    return Remarks(summary=words.semicolon.join(summary), steps=tuple(steps))


def _detail(words: Words, line: LogLine) -> str:
    """Return a record in words; one without effect never reads as if it had some."""
    if not line.act:
        return words.say("not a record")
    act = words.act(line.act)
    return act if line.valid else words.say("%(act)s, without effect", act=act)


def replaced(display: Display, state: Exchange, position: int) -> Iterator[Replaced]:
    """Yield each value that a correction or a retraction replaced, with its record."""
    order = [member.name for member in shapes.members(state.act)]
    for correction in state.corrections:
        if correction.corrected.position == position:
            for name, was in sorted(correction.was.items(), key=lambda item: order.index(item[0])):
                before = _given_in(state, name, was, position)
                yield from _was(display, state.act, name, was, before)
    for retraction in state.retractions:
        if retraction.retracted.position == position:
            message = next(item for item in state.messages if item.id == retraction.of)
            for name in retraction.fields:
                was = retraction.was[name]
                yield from _was(display, message.act, name, was, message.said.position)


def updated(display: Display, state: Exchange, position: int) -> Iterator[Replaced]:
    """Yield each value that an update gives anew, with the value before it by time.

    A value that was not given before has no words and no record.
    """
    names = (item.fields for item in state.developments if item.told.position == position)
    for name in dict.fromkeys(chain.from_iterable(names)):
        values = developments.series(state, name)
        index = next((at for at, item in enumerate(values) if item.told.position == position), None)
        member = shapes.member(state.act, name)
        if index is None or member is None:
            continue
        earlier = [item for item in values[index + 1 :] if item.told.position < position]
        if earlier:
            source = earlier[0].corrected or earlier[0].told
            yield from _was(display, state.act, name, earlier[0].value, source.position)
        else:
            label = display.fact(member, values[index].value).label
            yield Replaced(name=name, label=label, was=Markup(), position=0)


def _given_in(state: Exchange, name: str, value: Raw, before: int) -> int:
    """Return the newest record before a position that gave a member this value."""
    later = [
        item.said.position
        for item in developments.later_values(state)
        if item.name == name and item.said.position < before and item.value == value
    ]
    return max(later, default=state.opened.position)


def _was(display: Display, act: str, name: str, value: Raw, position: int) -> Iterator[Replaced]:
    member = shapes.member(act, name)
    if member is not None:
        fact = display.at(position).fact(member, value)
        yield Replaced(name=name, label=fact.label, was=fact.shown, position=position)


# Agendas: which text each side has agreed to


class _Agenda(Struct, frozen=True, kw_only=True):
    side: str
    terms: str
    agrees: bool = False


def _agendas(state: Exchange, entries: Iterable[Entry]) -> Iterator[tuple[int, _Agenda]]:
    """Yield each agenda, and each agreement on one, with the digest of its text."""
    if state.meeting is None:
        return
    if "agenda" in state.content:
        terms = consent.agenda(state, state.content["agenda"])
        yield state.opened.position, _Agenda(side=state.side, terms=terms)
    for entry in entries:
        if not entry.valid or not isinstance(entry.record, Raw):
            continue
        line = line_of(entry)
        if line.act not in ("agenda", "agenda-agreement"):
            continue
        content = content_of(parse_stored(bytes(entry.record)).newest)
        if line.act == "agenda":
            terms = consent.agenda(state, content["topics"])
            yield entry.position, _Agenda(side=line.side, terms=terms)
        else:
            terms = str(msgspec.json.decode(content["terms"]))
            yield entry.position, _Agenda(side=line.side, terms=terms, agrees=True)


def _of_agenda(
    words: Words, agendas: Mapping[int, _Agenda], position: int
) -> Iterator[tuple[str, int]]:
    """Yield later records about an agenda, or the agenda of an agreement."""
    agenda = agendas.get(position)
    if agenda is None:
        return
    texts = {at: it for at, it in agendas.items() if not it.agrees}
    if agenda.agrees:
        of = next((at for at, it in texts.items() if it.terms == agenda.terms), 0)
        if of:
            yield words.say("This is of the agenda in record %(n)s.", n=words.number(of)), of
        return
    newer = max((at for at, it in texts.items() if it.side == agenda.side), default=position)
    if newer > position:
        yield words.say("Replaced in record %(n)s.", n=words.number(newer)), newer
        return
    for at, it in agendas.items():
        if it.agrees and it.terms == agenda.terms:
            yield words.say("%(side)s agrees to this text.", side=it.side.upper()), at
        elif it.agrees and _is_of(it, texts, agenda.side):
            yield (
                words.say(
                    "%(side)s agreed to an earlier text, not to this one.", side=it.side.upper()
                ),
                at,
            )


def _is_of(agreement: _Agenda, texts: Mapping[int, _Agenda], side: str) -> bool:
    """Return whether an agreement is of an earlier agenda of a side."""
    return any(text.side == side and text.terms == agreement.terms for text in texts.values())
