"""The page *What changed since my last watch*, matter by matter.

    /c/{channel}/since               since the reader's last watch ended
    /c/{channel}/since?from=60       since record 60
    /c/{channel}/since?from=27 Nov 22:00Z

With `?at=`, the page compares two moments: the one in `from`, and its own.
"""

from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.http import submission
from dragoman.application.http.conditional_requests import past_by
from dragoman.console.context import PageContext
from dragoman.console.display.first_words import TextBeginning, beginnings, repeats
from dragoman.console.display.office_clocks import office_of
from dragoman.console.rendering import Page, PageRoute
from dragoman.domain.acts.duty_calendar import calendar_of
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.errors import Refused
from dragoman.domain.views import attribution, open_matters
from dragoman.members.input import times
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.projection.queries import since
from dragoman.projection.queries.since import RecordSince
from dragoman.projection.view import View
from dragoman_schemas.state import Exchange

_RECORDS: Final = 1_000
_MATTERS: Final = 100
_ROUTINE: Final = ("line-check", "echoed")
"""The format and status of a line check that went well, which is left out."""


class ActSince(RecordSince, frozen=True, kw_only=True):
    """A record of a matter, with the first words of its text where it is a message.

    A message is said to the other sides. The words are those of its own record, and not
    what a correction has made of them.
    """

    text: tuple[TextBeginning, ...] = ()


class MatterSince(Struct, frozen=True, kw_only=True):
    """A matter in which something was recorded, with its state then and now.

    `before` is its status at the earlier moment; empty if it had not been opened.
    `waits` says that it waits for the reader's side now.
    """

    exchange: str
    number: str
    act: str
    status: str
    before: str
    waits: bool
    records: tuple[ActSince, ...]


class SincePage(Struct, frozen=True, kw_only=True):
    """The changes after a position, up to another.

    `reason` says what the earlier position is: the end of the reader's last watch, a
    choice of the reader, or the opening, where the reader has had no watch.
    """

    channel: str
    reason: Literal["watch", "chosen", "opening"]
    after: int
    after_time: str
    position: int
    matters: tuple[MatterSince, ...]
    of_channel: tuple[RecordSince, ...]
    is_cut: bool


async def since_watch(context: PageContext) -> Page:
    """Return the page of what changed since a moment."""
    typed, fault = context.request.query.get("from", "").strip(), ""
    reason: Literal["watch", "chosen", "opening"] = "chosen"
    after = 0
    if typed:
        after, fault = await _chosen(context, typed)
    if not after:
        ended = await context.ask(since.last_watch, context.grant.actor)
        reason, after = ("opening", 1) if ended is None else ("watch", ended.position)
    found_records, is_cut = await context.ask(since.records_since, after, _RECORDS)
    matters = await _matters(context, found_records, after)
    after_time = await context.ask(lambda view: view.at(after).time)
    view = SincePage(
        channel=context.name,
        reason=reason,
        after=after,
        after_time=after_time,
        position=context.position,
        matters=tuple(item for item, _ in matters[:_MATTERS]),
        of_channel=tuple(
            record for record in found_records if record.exchange == context.registry.id
        ),
        is_cut=is_cut or len(matters) > _MATTERS,
    )
    values = {
        "typed": typed,
        "fault": fault,
        "states": {state.id: state for _, state in matters[:_MATTERS]},
        "opened": sum(not item.before for item in view.matters),
    }
    return Page(template="since.html", view=view, rows=view.matters, values=values)


async def _chosen(context: PageContext, typed: str) -> tuple[int, str]:
    """Return the position that the reader chose, and the error in the text.

    The position is 0 if there is an error.
    """
    number = submission.whole("".join(typed.replace(",", "").split()))
    if number is not None:
        if 1 <= number <= context.position:
            return number, ""
        return 0, context.words.say(
            "Records are counted from 1 to %(n)s.", n=context.words.number(context.position)
        )
    office = office_of(context.side, context.projection.office(context.side))
    try:
        moment = times.read_time(typed, context.moment, ZoneInfo(office.zone))
    except NotUnderstoodInput:
        return 0, context.words.say("Write it like 03:12Z, or 24 Nov 03:12Z, or a record.")
    try:
        return min(
            (await past_by(context.call, context.projection, moment)).position, context.position
        ), ""
    except Refused as refusal:
        return 0, context.words.sentence(refusal.refusal.detail)


async def _matters(
    context: PageContext, found_records: list[RecordSince], after: int
) -> list[tuple[MatterSince, Exchange]]:
    """Return the matters with their newest state.

    Those that wait for the reader's side come first.
    """
    by_exchange: dict[str, list[RecordSince]] = {}
    for record in found_records:
        if record.exchange != context.registry.id:
            by_exchange.setdefault(record.exchange, []).append(record)
    matters = await context.ask(_read, context, by_exchange, after)
    matters.sort(key=lambda item: (not item[0].waits, -item[0].records[-1].position))
    shown = await context.ask(_with_words, context, matters[:_MATTERS])
    return [*shown, *matters[_MATTERS:]]


def _read(
    view: View, context: PageContext, by_exchange: dict[str, list[RecordSince]], after: int
) -> list[tuple[MatterSince, Exchange]]:
    matters: list[tuple[MatterSince, Exchange]] = []
    calendars = {side: calendar_of(context.projection.office(side)) for side in context.sides}
    for id, records in by_exchange.items():
        state = view.state(id)
        if state is None or (state.act, state.status) == _ROUTINE:
            continue
        before = view.at(after).state(id)
        hides = attribution.unattributed(state)
        matter = MatterSince(
            exchange=id,
            number=state.number,
            act=state.act,
            status=state.status,
            before="" if before is None else before.status,
            waits=any(
                duty.side == context.side
                for duty in open_matters.owing(context.registry, state, calendars)
            ),
            records=tuple(
                _act(replace(record, actor="") if hides else record) for record in records
            ),
        )
        matters.append((matter, state))
    return matters


def _act(record: RecordSince) -> ActSince:
    return ActSince(**msgspec.structs.asdict(record))


def _with_words(
    view: View, context: PageContext, matters: list[tuple[MatterSince, Exchange]]
) -> list[tuple[MatterSince, Exchange]]:
    """Return matters with the first words of their messages."""
    messages = {
        message.said.position: message.act for _, state in matters for message in state.messages
    }
    positions = [
        record.position
        for matter, _ in matters
        for record in matter.records
        if record.position in messages
    ]
    texts = {
        position: beginnings(messages[position], content_of(act))
        for position, act in since.acts_of(view, positions).items()
    }
    for _, state in matters:
        # The heading of a matter has its subject. An opening does not repeat it.
        position, subject = state.messages[0].said.position, context.subject(state)[1]
        if any(repeats(beginning, subject) for beginning in texts.get(position, ())):
            del texts[position]
    return [
        (
            replace(
                matter,
                records=tuple(
                    replace(record, text=texts.get(record.position, ()))
                    for record in matter.records
                ),
            ),
            state,
        )
        for matter, state in matters
    ]


ROUTES: Final = (PageRoute(path="/since", handler=since_watch),)
