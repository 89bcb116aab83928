"""Facts that several reports give, gathered from a channel at a moment.

They are about an exchange, a message, a side or the channel.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import replace

from dragoman.domain.acts import deadline_outcomes, deadlines, developments, event_windows
from dragoman.domain.acts.access import officer_side
from dragoman.domain.acts.deadline_outcomes import Outcome
from dragoman.domain.acts.deadlines import UNTIMED, Deadline, timestamp
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.exchange import (
    ENDED,
    frame_word,
    own_markings,
)
from dragoman.domain.acts.families.visit_request import GRANTED
from dragoman.domain.acts.line_checks import is_line_check
from dragoman.domain.views import alarms, attribution, open_questions
from dragoman.domain.views import in_force as in_force_view
from dragoman.domain.views.attribution import unattributed
from dragoman.domain.views.in_force import WindowInForce
from dragoman.domain.views.open_matters import in_order, open_matter
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.receipts import awaited_from, receipts_of
from dragoman.domain.views.titles import subject_of, title_of
from dragoman.i18n.words import TAGS, words
from dragoman.limits import SUBJECT_LENGTH
from dragoman.text import VERBATIM
from dragoman_schemas.report_shapes import (
    Ahead,
    ChannelStanding,
    Due,
    Lapsed,
    Matter,
    PassedOnReceipt,
    Receipt,
    ReportedChannel,
    ReportedMatter,
    ReportsLesson,
    ReportsStanding,
    Unnamed,
    Urgent,
)
from dragoman_schemas.responses import Unanswered
from dragoman_schemas.state import Exchange, Message, Registry, Stamp
from dragoman_schemas.state_responses import OpenMatter


class ReportMoment(Protocol):
    """A channel at a moment, from a projection or from an auditor's replay.

    `ends` is the moment. Records of that time or later do not count.
    """

    @property
    def registry(self) -> Registry: ...  # noqa: D102
    @property
    def position(self) -> int: ...  # noqa: D102
    @property
    def ends(self) -> datetime: ...  # noqa: D102
    @property
    def digest(self) -> str: ...  # noqa: D102
    @property
    def sides(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def calendars(self) -> dict[str, DutyCalendar]: ...  # noqa: D102

    def delivered(self, side: str, message: Message) -> str:
        """Return the time at which a side's receipt of a message was recorded.

        Empty if no receipt by a station of the side is recorded.
        """


URGENT: Final = ("flash", "immediate")
_ROLES: Final = ("duty_officer", "head_of_office", "officer", "administrator", "auditor", "station")
MOST: Final = 25
"""The most rows of one list in a one-page report.

A sentence says how many are left off.
"""


def seconds_between(first: str, last: str) -> float:
    """Return the seconds from one time to another."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def heading(
    report_moment: ReportMoment, span: OutageSpan, report: str, *, live: bool, **more: object
) -> dict[str, Any]:
    """Return the members with which every report begins."""
    registry = report_moment.registry
    query = {
        "from": timestamp(span.begins),
        "to": timestamp(span.ends),
        "at": report_moment.position,
        **more,
    }
    return {
        "of": ReportedChannel(
            name=registry.name,
            cid=registry.cid,
            kind=registry.kind,
            custody=registry.custody,
            marking=registry.marking,
            sides=report_moment.sides,
            languages=registry.languages,
            exercise_of="" if registry.exercise_of is None else registry.exercise_of.name,
        ),
        "position": report_moment.position,
        "digest": report_moment.digest,
        "from_": timestamp(span.begins),
        "to": timestamp(span.ends),
        "again": f"/v1/channels/{registry.name}/reports/{report}?{urlencode(query, safe=':')}",
        "live": live,
    }


def matter(exchange: Exchange, position: int = 0) -> Matter:
    """Return an exchange as a matter of reports.

    With a position, its name is the one that it had after the record there, and `now`
    is its present name where that is another.
    """
    now = matter(exchange) if position else None
    subject, titles = _called(exchange, position)
    original = exchange.content.get("original")
    return Matter(
        exchange=exchange.id,
        number=attribution.number(exchange),
        format=exchange.act,
        family=exchange.family,
        area=exchange.area,
        side=attribution.side(exchange, exchange.side),
        to=attribution.sides(exchange, exchange.to),
        info=attribution.sides(exchange, exchange.info),
        releasability=frame_word(exchange, "releasability"),
        marking=own_markings(exchange),
        precedence=exchange.precedence,
        subject=subject,
        titles=titles,
        original="" if original is None else str(msgspec.json.decode(original)),
        status=exchange.status,
        opened=exchange.opened.time,
        for_the_record=exchange.for_the_record,
        now=UNSET if now is None or bytes(now.subject) == bytes(subject) else now.subject,
        now_titles={} if now is None or now.titles == titles else now.titles,
    )


def _called(exchange: Exchange, position: int) -> tuple[Raw, dict[str, str]]:
    """Return an exchange's subject, and its titles in the languages of the pages.

    There are titles only if the subject is not in a side's own words.
    """
    title, subject = title_of(exchange, position), subject_of(exchange, position)
    if title is None:
        return subject, {}
    if attribution.is_titled_by_side(exchange):
        acts = {tag: words(language).act(exchange.act) for language, tag in TAGS.items()}
        return Raw(msgspec.json.encode(acts["en"])), acts
    if title.message != VERBATIM:
        return subject, {
            tag: words(language).subject(subject, title)[1] for language, tag in TAGS.items()
        }
    text = title.values["text"]
    if not isinstance(text, Mapping):
        return subject, {}
    return Raw(
        msgspec.json.encode({tag: value[:SUBJECT_LENGTH] for tag, value in text.items()})
    ), {}


def open_matters(
    report_moment: ReportMoment, exchanges: Iterable[Exchange]
) -> list[ReportedMatter]:
    """Return the open matters among exchanges, the most urgent first."""
    by_id = {exchange.id: exchange for exchange in exchanges}
    matters = (
        open_matter(report_moment.registry, exchange, report_moment.calendars)
        for exchange in by_id.values()
    )
    return [
        _reported(by_id[item.exchange], item)
        for item in in_order(item for item in matters if item is not None)
    ]


def _reported(exchange: Exchange, open_matter: OpenMatter) -> ReportedMatter:
    hidden = unattributed(exchange)
    facts = matter(exchange)
    return ReportedMatter(
        **{name: getattr(facts, name) for name in Matter.__struct_fields__},
        places=_where(exchange, "place", "launch_area", "venue"),
        acknowledged={} if hidden else open_matter.acknowledged,
        unacknowledged_by=attribution.sides(exchange, open_matter.unacknowledged_by),
        accounts=open_matter.accounts,
        accounts_by=attribution.sides(exchange, open_matter.accounts_by),
        differing=open_matter.differing,
        joined=open_matter.joined,
        owed=tuple(
            replace(item, side=attribution.side(exchange, item.side)) for item in open_matter.owed
        ),
    )


def role_of(report_moment: ReportMoment, stamp: Stamp) -> str:
    """Return the role in which an officer acted, and never a name.

    Of several roles it is the one closest to the duty watch.
    """
    officer = report_moment.registry.officers.get(stamp.by)
    return next(
        (
            name.replace("_", " ")
            for name in _ROLES
            if officer is not None and name in officer.roles
        ),
        "officer",
    )


def unanswered(exchange: Exchange) -> Iterator[Unanswered]:
    """Yield the questions that an addressee has not answered, by their numbers."""
    for item in open_questions.unanswered(exchange):
        asked_by, side = (attribution.side(exchange, name) for name in (item.asked_by, item.side))
        yield Unanswered(
            message=item.message, asked_by=asked_by, side=side, time=item.time, numbers=item.numbers
        )


def receipts(
    report_moment: ReportMoment, exchange: Exchange, message: Message
) -> Iterator[Receipt]:
    """Yield the receipt of each addressee of a message.

    Delivery, acknowledgement and answer are three separate facts.
    """
    for side in (*message.to, *message.info):
        addressee_receipts = receipts_of(
            report_moment.registry,
            exchange,
            message,
            side,
            report_moment.delivered(side, message),
        )
        acknowledged = addressee_receipts.acknowledged
        yield Receipt(
            side=side,
            owes=addressee_receipts.owes,
            delivered=addressee_receipts.delivered,
            acknowledged="" if acknowledged is None else acknowledged.time,
            acknowledged_by="" if acknowledged is None else role_of(report_moment, acknowledged),
            acknowledged_after_s=None
            if acknowledged is None
            else round(seconds_between(message.said.time, acknowledged.time), 3),
            answered=""
            if addressee_receipts.answered is None
            else addressee_receipts.answered.time,
            account="" if addressee_receipts.account is None else addressee_receipts.account.time,
            passed_on=tuple(
                PassedOnReceipt(post=post.post, at=post.at, confirmed_at=post.confirmed_at)
                for post in addressee_receipts.told
            ),
            not_passed_on=addressee_receipts.not_told,
            was_to_ring=tuple(
                rung
                for _, rung in alarms.was_to_ring(
                    report_moment.registry, exchange, message, side, report_moment.ends
                )
            ),
        )


def urgent(report_moment: ReportMoment, exchange: Exchange, message: Message) -> Urgent:
    """Return a message with its receipts."""
    return Urgent(
        matter=matter(exchange, message.said.position),
        act=message.act,
        side=attribution.side(exchange, message.said.side),
        time=message.said.time,
        receipts=()
        if unattributed(exchange)
        else tuple(receipts(report_moment, exchange, message)),
    )


def due(report_moment: ReportMoment, exchange: Exchange) -> Iterator[Due]:
    """Yield the open deadlines of an exchange."""
    for clock, outcome in limits(report_moment, exchange):
        if outcome in deadline_outcomes.OWED:
            yield Due(
                side=attribution.side(exchange, clock.side),
                clock=clock.clock,
                begins=timestamp(clock.begins),
                due=timestamp(clock.due),
                overdue=outcome == "overdue",
                courtesy=not clock.binding,
                matter=matter(exchange),
            )


def limits(report_moment: ReportMoment, exchange: Exchange) -> Iterator[tuple[Deadline, Outcome]]:
    """Return the deadlines of an exchange, each with its outcome.

    The outcome is that of the last time before the moment.
    """
    return deadline_outcomes.outcomes(
        report_moment.registry,
        exchange,
        report_moment.calendars,
        report_moment.ends - deadlines.TICK,
    )


def by_due(dues: Iterable[Due]) -> list[Due]:
    """Return deadlines, the earliest first."""
    return sorted(dues, key=lambda due: (due.due, due.side, due.clock))


def by_time(rows: Iterable[Ahead | None]) -> list[Ahead]:
    """Return future events, the earliest first."""
    return sorted(
        (ahead for ahead in rows if ahead is not None),
        key=lambda ahead: datetime.fromisoformat(ahead.from_),
    )


def lapses(report_moment: ReportMoment, exchange: Exchange, span: OutageSpan) -> Iterator[Lapsed]:
    """Yield the deadlines of an exchange that passed unmet in a span."""
    for clock, outcome in limits(report_moment, exchange):
        if outcome in deadline_outcomes.PASSED and span.begins <= clock.due < span.ends:
            yield lapsed(exchange, clock)


def lapsed(exchange: Exchange, clock: Deadline) -> Lapsed:
    """Return a deadline that passed."""
    return Lapsed(
        side=attribution.side(exchange, clock.side),
        clock=clock.clock,
        due=timestamp(clock.due),
        came="" if clock.met is None else clock.met.when,
        courtesy=not clock.binding,
        matter=matter(exchange, developments.newest_record_at(exchange, clock.due)),
    )


def lessons(exchange: Exchange, span: OutageSpan) -> Iterator[ReportsLesson]:
    """Yield the lessons that were entered in a span."""
    for item in exchange.acts.get("lesson", ()):
        if span.holds(item.said.time):
            yield ReportsLesson(
                side=attribution.side(exchange, item.said.side),
                time=item.said.time,
                text=item.content["text"],
                matter=matter(exchange, item.said.position),
            )


def standing(
    report_moment: ReportMoment, exchanges: Iterable[Exchange], span: OutageSpan
) -> tuple[ReportsStanding, ...]:
    """Return the standing of each side.

    It is its watch, its stations, what it has not acknowledged, and how much it said in
    a span. Acts under the Chatham House Rule count for no side; `unnamed` counts them.
    """
    counts = dict.fromkeys(report_moment.sides, 0)
    unacknowledged = dict.fromkeys(report_moment.sides, 0)
    for exchange in exchanges:
        if unattributed(exchange):
            continue
        for message in exchange.messages:
            for side in awaited_from(report_moment.registry, exchange, message):
                unacknowledged[side] += 1
            side = officer_side(message.said.by)
            if side in counts and not is_line_check(exchange) and span.holds(message.said.time):
                counts[side] += 1
    return tuple(
        _side(report_moment, side, unacknowledged[side], counts[side])
        for side in report_moment.sides
    )


def unnamed(registry: Registry, exchanges: Iterable[Exchange], span: OutageSpan) -> Unnamed:
    """Return counts of messages under the Chatham House Rule, for no side.

    They are the messages of a span, and the acknowledgements that are still owed.
    """
    messages = [
        (exchange, message)
        for exchange in exchanges
        if unattributed(exchange)
        for message in exchange.messages
    ]
    return Unnamed(
        messages=sum(
            bool(officer_side(message.said.by)) and span.holds(message.said.time)
            for _, message in messages
        ),
        unacknowledged=sum(
            len(awaited_from(registry, exchange, message)) for exchange, message in messages
        ),
    )


def _side(report_moment: ReportMoment, side: str, waits: int, number: int) -> ReportsStanding:
    watch, delivered = (
        report_moment.registry.watches.get(side),
        report_moment.registry.delivered.get(side),
    )
    return ReportsStanding(
        side=side,
        manned_since="" if watch is None else watch.since.time,
        delivered_upto=0 if delivered is None else delivered.upto,
        delivered_at="" if delivered is None else delivered.recorded.time,
        unacknowledged=waits,
        messages=number,
    )


def channel(report_moment: ReportMoment) -> ChannelStanding:
    """Return the standing of the channel: its status and its profile."""
    status, (profile, since) = (
        report_moment.registry.status,
        deadlines.profile_of(report_moment.registry),
    )
    ended = report_moment.registry.ended
    stands = status if ended is None else ended
    return ChannelStanding(
        status="ended" if ended is not None else "in_force" if status is None else status.status,
        since="" if stands is None else stands.said.time,
        reason=UNSET if stands is None else stands.reason,
        profile=profile.name,
        binding=since is not None and report_moment.registry.kind not in UNTIMED,
    )


# What is ahead or in force


def in_force(report_moment: ReportMoment, exchange: Exchange) -> Ahead | None:
    """Return an area, activity, launch or movement that goes on or is to come.

    It is one of the windows that are in force now, or opens later. Any other exchange
    gives None.
    """
    if exchange.family != "notification" or exchange.status in (
        *ENDED,
        "cleared",
        "completed",
        "reported",
        "withdrawn",
    ):
        return None
    current = in_force_view.window_in_force(report_moment.registry, exchange, report_moment.ends)
    if current is not None:
        return _current(exchange, current)
    window = _window(exchange, "window") or _journey(exchange)
    if window is None or datetime.fromisoformat(window[1]) < report_moment.ends:
        return None
    return Ahead(
        matter=matter(exchange),
        from_=window[0],
        to=window[1],
        places=_where(exchange, "place", "launch_area"),
    )


def _current(exchange: Exchange, current: WindowInForce) -> Ahead:
    """Return a window that is open or near, with what was not passed on of it."""
    posts = {} if unattributed(exchange) else current.not_passed_on
    return Ahead(
        matter=matter(exchange),
        from_=timestamp(current.window.begins),
        to=timestamp(current.window.last),
        places=_where(exchange, "place", "launch_area"),
        stage=current.stage,
        not_passed_on=posts,
    )


def next_meeting(report_moment: ReportMoment, exchange: Exchange) -> Ahead | None:
    """Return a meeting, call or visit that is requested or agreed, and not over.

    It is in the window that was accepted, or else in the first one. A visit that was
    asked for counts once it is granted. Any other exchange gives None.
    """
    if event_windows.asks_to_visit(exchange):
        return _granted_visit(report_moment, exchange)
    meeting = exchange.meeting
    if meeting is None or exchange.status not in ("requested", "accepted"):
        return None
    accepted = next((item.terms for item in meeting.accepted.values()), None)
    offered = (
        msgspec.json.decode(exchange.present["windows"]) if "windows" in exchange.present else []
    )
    terms = (
        msgspec.json.decode(accepted) if accepted is not None else offered[0] if offered else None
    )
    window = (terms["from"], terms["to"]) if isinstance(terms, dict) else _window(exchange, "dates")
    if window is None or datetime.fromisoformat(window[1]) < report_moment.ends:
        return None
    return Ahead(
        matter=matter(exchange),
        from_=window[0],
        to=window[1],
        places=_where(exchange, "venue", "place"),
    )


def _granted_visit(report_moment: ReportMoment, exchange: Exchange) -> Ahead | None:
    window = event_windows.window_of(exchange)
    if window is None or exchange.status not in (*GRANTED, "arrived"):
        return None
    if window.last < report_moment.ends and exchange.status != "arrived":
        return None
    return Ahead(
        matter=matter(exchange),
        from_=timestamp(window.begins),
        to=timestamp(window.last),
        places=_where(exchange, "place"),
    )


def _window(exchange: Exchange, name: str) -> tuple[str, str] | None:
    value = msgspec.json.decode(exchange.present[name]) if name in exchange.present else None
    if (
        isinstance(value, dict)
        and isinstance(value.get("from"), str)
        and isinstance(value.get("to"), str)
    ):
        return value["from"], value["to"]
    return None


def _journey(exchange: Exchange) -> tuple[str, str] | None:
    ends = [
        str(msgspec.json.decode(exchange.content[name]))
        for name in ("departure", "arrival")
        if name in exchange.content
    ]
    return (ends[0], ends[-1]) if ends else None


def _where(exchange: Exchange, *members: str) -> tuple[Raw, ...]:
    """Return the places of an exchange, from the first of these members that it has."""
    name = next((name for name in members if name in exchange.present), None)
    if name is None:
        return ()
    further = exchange.present.get("places") if name == "place" else None
    places = [
        msgspec.json.decode(exchange.present[name]),
        *([] if further is None else msgspec.json.decode(further)),
    ]
    return places_of(exchange, *places)


def places_of(exchange: Exchange, *values: Any) -> tuple[Raw, ...]:
    """Return places in an exchange as its record has them; a missing one is left out.

    Under the Chatham House Rule no name of a place is attributed to a side.
    """
    return tuple(
        Raw(msgspec.json.encode(_unattributed_place(value) if unattributed(exchange) else value))
        for value in values
        if value
    )


def _unattributed_place(value: Any) -> Any:
    """Return a place with the names of all sides among its words."""
    if not isinstance(value, dict):
        return value
    names = [*filter(None, [value.get("text")]), *value.get("names", {}).values()]
    rest = {name: item for name, item in value.items() if name not in ("text", "names")}
    return {**rest, "text": "; ".join(names)} if names else rest
