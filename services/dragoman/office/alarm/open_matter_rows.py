"""The open matters as rows of the board.

A row shows the matter, its place and time, who must act, the state of the accounts, and
the next deadline.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.console.display.act_display import Display
from dragoman.console.display.deadline_rows import DeadlineRow, Level, urgency, worst
from dragoman.console.display.office_clocks import Office
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import closing
from dragoman.domain.views.titles import danger
from dragoman.i18n.words import as_moment, stamp
from dragoman.members import shapes
from dragoman.reports.layout import how_accounts_stand, who_has
from dragoman_schemas.state_responses import OpenMatter, Owing

_PLACES: Final = ("place", "launch_area", "venue")


class MatterRow(Struct, frozen=True, kw_only=True):
    """One open matter as a row.

    `next` is the next thing owed, and `further` the number of other things owed. To a
    draft, `silence` agrees at that time.
    """

    matter: OpenMatter
    level: Level
    kind: str
    where: Markup
    has: tuple[str, ...]
    accounts: tuple[str, ...]
    next: Owing | None
    late: bool
    further: int
    silence: str = ""


def rows(
    context: PageContext, matters: Sequence[OpenMatter], offices: Sequence[Office]
) -> list[MatterRow]:
    """Return open matters as rows."""
    display = Display(context.words, offices, None, context.link)
    return [_row(context, matter, display) for matter in matters]


def _row(context: PageContext, matter: OpenMatter, display: Display) -> MatterRow:
    first = next(iter(matter.owed), None)
    kind = danger(matter.act, matter.kind)
    return MatterRow(
        matter=matter,
        level=level_of(matter, context.moment),
        kind=context.words.value(kind) if kind else "",
        where=_where(matter, display),
        has=tuple(who_has(matter, context.words)),
        accounts=tuple(how_accounts_stand(matter, context.words)),
        next=first,
        late=first is not None and bool(first.due) and as_moment(first.due) < context.moment,
        further=max(0, len(matter.owed) - 1),
        silence=_silence(context, matter),
    )


def _silence(context: PageContext, matter: OpenMatter) -> str:
    """Return the time at which silence agrees to a draft; empty for other matters."""
    if matter.act != "silence-procedure":
        return ""
    state = context.state_of(matter.exchange)
    limits = () if state is None else closing.silence_limits(state)
    return next((stamp(limit.due) for limit in limits), "")


def level_of(matter: OpenMatter, now: datetime) -> Level:
    """Return the urgency of a matter: the worst of all that is owed in it.

    If nothing is owed, the level is standby.
    """
    return worst([_level(matter, item, now) for item in matter.owed] or ["standby"])


def _level(matter: OpenMatter, owing: Owing, now: datetime) -> Level:
    if not owing.due:
        return "standby"
    begins, due = as_moment(owing.begins), as_moment(owing.due)
    whole = (due - begins).total_seconds()
    gone = (now - begins).total_seconds() / whole if whole > 0 else 1.0
    return urgency(owing.clock, matter.precedence, gone=gone, late=now > due, binding=owing.binding)


def _where(matter: OpenMatter, display: Display) -> Markup:
    if not isinstance(matter.place, Raw):
        return Markup()
    member = next(
        (place for name in _PLACES if (place := shapes.member(matter.act, name)) is not None),
        None,
    )
    return Markup() if member is None else display.fact(member, matter.place).shown


def unlimited(context: PageContext, matters: Sequence[OpenMatter]) -> Iterator[DeadlineRow]:
    """Yield the messages that wait for an acknowledgement without a time limit.

    Either the channel has no deadlines, or the message was recorded after it was said.
    """
    for matter in matters:
        for owing in matter.owed:
            if owing.clock == "acknowledgement" and not owing.due:
                state = context.state_of(matter.exchange)
                assert state is not None
                message = next(item for item in state.messages if item.id == owing.started_by)
                yield DeadlineRow(
                    level="standby",
                    clock=owing.clock,
                    owed_by=owing.side,
                    due="",
                    begins=message.said.time,
                    spent=0.0,
                    waited_s=int((context.moment - as_moment(message.said.time)).total_seconds()),
                    limit_s=0,
                    exchange=matter.exchange,
                    started_by=owing.started_by,
                    number=matter.number,
                    act=matter.act,
                    message_act=message.act,
                    subject=matter.subject,
                    opener=matter.side,
                    by=message.said.by,
                    precedence=matter.precedence,
                    status=matter.status,
                )
