"""The flags of an exchange: points that deserve attention besides its status.

    short_notice      a notice came later than the profile's lead time
    below_aim         a danger area came in time, but later than the sides aim at
    early_notice      an inspection was asked for earlier than the profile lets it be
    late_report       a report or an all-clear came later than it was owed
    late_change       a change was reported late after its decision
    late_question     a question about yearly data came later than its last day
    accounts_differ   another side's account differs on a comparable point
    own_account       another side's own account differs in words only
    not_adopted       the coded message's codebook is not adopted by every side
    default_venue     a meeting on a ladder has no agreed venue in time
    near_threshold    an activity is within a twentieth below a notifiable number
    figures_differ    the report after an activity differs from what was declared
    overlap           two open areas meet in place and time
    not_covered       a danger area is not closed for all of its launch's window
    one_key           a duty officer sent it alone, and the second key is due
    suspended         something was sent while the channel was suspended
    passed_by         it was said by other means before it was recorded
    closing           the opener has closed it, and other sides may still object
    objection         a side objects to the opener's closure
    silence           a draft goes round, and silence agrees or has agreed to it
    corrected         it was corrected

Flags are derived each time, never stored, and they accuse nobody. Their reasons are
read after the name of the flag, and do not repeat it. A notice is of an
activity, a launch, a danger area, a movement or a new contact. A report is owed after
the event, or after it was known. A late change is no audit finding, since the side has
reported it all the same. With `default_venue` the ladder's default venue applies.
Accounts are compared until the sides agree on the facts. An overlap is of a danger
area, an impact area of a launch or the area of an activity. A danger area belongs to a
launch where one of them refers to the other.

Lead times count from the newest update, correction or postponement that changed date,
area or totals: it restarts their test. An act that was said by other means before it
was recorded counts from the time at which it was said.
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.domain.acts import accounts, closing, consent, two_keys
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.deadlines import profile_of
from dragoman.domain.views.geometry import Point, meet, outline
from dragoman.domain.views.lead_times import first_report, instant, latest, lead
from dragoman.text import MomentValue, NameValue, Text, sentence
from dragoman_schemas.fields import UNTIL_FURTHER_NOTICE
from dragoman_schemas.profiles import Profile
from dragoman_schemas.state import Exchange, Registry

THRESHOLDS: Final[dict[str, tuple[int, ...]]] = {
    "troops": (9_000, 13_000),
    "battle_tanks": (250, 300),
    "armoured_combat_vehicles": (500,),
    "artillery_100mm_plus": (250,),
    "sorties": (200,),
}
LANDED: Final = (3_000, 3_500)
"""Troops of an amphibious, heliborne or parachute activity."""

_LANDING: Final = frozenset({"amphibious", "heliborne", "parachute"})


class RaisedFlag(Struct, frozen=True, kw_only=True):
    """One flag, and its reason in words."""

    flag: str
    detail: Text


def flags(
    registry: Registry, exchange: Exchange, areas: Iterable[Exchange], now: datetime | None = None
) -> list[RaisedFlag]:
    """Return the flags of an exchange.

    `areas` are all open areas, of every format that has some. Flags that depend on the
    time are as of `now`, and left out where it is None.
    """
    content = {name: msgspec.json.decode(value) for name, value in exchange.present.items()}
    raised_flags = list(_of_the_frame(registry, exchange))
    if not exchange.for_the_record:
        raised_flags += [*_lead(registry, exchange), *_late_reports(registry, exchange, content)]
    if exchange.accounts:
        raised_flags += _accounts(exchange)
    if exchange.side in exchange.closures and exchange.closed is None:
        raised_flags += _closing(exchange)
    if exchange.act in AREAS:
        raised_flags += _overlaps(exchange, areas)
    if now is not None:
        raised_flags += _venue(registry, exchange, content, now)
    match exchange.act:
        case "military-activity":
            raised_flags += [*_near(content), *_differing(exchange, content)]
        case "immediate-notification":
            raised_flags += _not_adopted(registry)
        case "silence-procedure":
            raised_flags += _silence(exchange, content)
    return raised_flags


def _of_the_frame(registry: Registry, exchange: Exchange) -> Iterator[RaisedFlag]:
    for alone in two_keys.due(exchange):
        act, who = NameValue("act", alone.act, first=True), alone.sent.by
        text = (
            sentence("sent by %(who)s; a second officer must still confirm it", who=who)
            if alone.id == exchange.id
            else sentence(
                "%(act)s: sent by %(who)s; a second officer must still confirm it", act=act, who=who
            )
        )
        yield RaisedFlag(flag="one_key", detail=text)
    if exchange.messages[0].suspended:
        yield RaisedFlag(flag="suspended", detail=sentence("it was sent"))
    elif any(message.suspended for message in exchange.messages):
        yield RaisedFlag(flag="suspended", detail=sentence("it was carried on"))
    if exchange.opened.told:
        detail = sentence(
            "at %(t)s, by its sender’s word",
            t=exchange.opened.told,
        )
        yield RaisedFlag(flag="passed_by", detail=detail)
    if exchange.corrections:
        n = len(exchange.corrections)
        many = sentence("%(n)s times; the earlier values are kept", n=n)
        yield RaisedFlag(
            flag="corrected",
            detail=many if n > 1 else sentence("once; the earlier values are kept"),
        )


def _not_adopted(registry: Registry) -> Iterator[RaisedFlag]:
    missing = [side for side in full_sides(registry) if side not in registry.codebooks]
    if missing:
        text = sentence(
            "not by %(sides)s; the amplification says it in plain words",
            sides=tuple(NameValue("side", name) for name in missing),
        )
        yield RaisedFlag(flag="not_adopted", detail=text)


# Time


def _lead(registry: Registry, exchange: Exchange) -> Iterator[RaisedFlag]:
    notice, (limits, _) = lead(registry, exchange), profile_of(registry)
    if notice is None:
        return
    if notice.given < notice.owed:
        if not notice.owed:
            yield RaisedFlag(
                flag="short_notice",
                detail=sentence(
                    "it took effect %(d)s before it was announced; it must be announced before",
                    d=-notice.given,
                ),
            )
        else:
            span = max(timedelta(0), notice.given)
            text = sentence("%(d)s before it begins; %(owed)s are owed", d=span, owed=notice.owed)
            yield RaisedFlag(flag="short_notice", detail=text)
    elif exchange.act == "danger-area" and notice.given < timedelta(seconds=limits.area_aim):
        aim = timedelta(seconds=limits.area_aim)
        yield RaisedFlag(
            flag="below_aim",
            detail=sentence(
                "%(d)s before it begins; the sides aim at %(aim)s", d=notice.given, aim=aim
            ),
        )
    elif exchange.act == "visit-request" and notice.given > timedelta(
        seconds=limits.inspection_lead_most
    ):
        most = timedelta(seconds=limits.inspection_lead_most)
        yield RaisedFlag(
            flag="early_notice",
            detail=sentence("%(d)s before it begins; at most %(most)s", d=notice.given, most=most),
        )


def _late_reports(
    registry: Registry, exchange: Exchange, content: dict[str, Any]
) -> Iterator[RaisedFlag]:
    limits, _ = profile_of(registry)
    moment = instant(exchange.opened.when)
    match exchange.act:
        case "hazardous-incident" | "encounter-report" | "emergency-notification":
            report = first_report(registry, exchange)
            what = (
                sentence("it was known")
                if exchange.act == "hazardous-incident"
                else sentence("the event")
            )
            if report is not None and report.given > report.owed:
                yield RaisedFlag(flag="late_report", detail=_after(report.given, what, report.owed))
        case "launch-notice" if content["phase"] == "post_launch":
            window = content.get("window")
            launched = (
                instant(window.get("to"))
                if isinstance(window, dict)
                else latest(content.get("time"))
            )
            yield from _late(launched, moment, limits.launch_report, sentence("the launch"))
        case "danger-area":
            yield from _late_acts(
                exchange, "all-clear", "cleared_at", limits.all_clear, sentence("the area was free")
            )
        case "military-activity":
            if content["notice_kind"] == "alert":
                begun = instant(content["window"]["from"])
                if begun is not None and moment is not None and moment > begun:
                    text = sentence(
                        "%(d)s after it began; an alert activity must be notified when it begins",
                        d=moment - begun,
                    )
                    yield RaisedFlag(flag="late_report", detail=text)
            yield from _late_changes(exchange, limits.activity_change, sentence("the decision"))
        case "annual-exchange":
            yield from _late(
                instant(content.get("changed_at")),
                moment,
                limits.data_change,
                sentence("the change"),
            )
            yield from _late_changes(exchange, limits.data_change, sentence("the change"))
            yield from _late_data(exchange, content, limits)


def _late_data(
    exchange: Exchange, content: dict[str, Any], limits: Profile
) -> Iterator[RaisedFlag]:
    """Yield flags of yearly data that came late, and of questions that came too late.

    Half-yearly data have a last day as well.
    """
    moment, last = datetime.fromisoformat(exchange.opened.when), None
    years, month, day = limits.annual.get(content["kind"], (0, 0, 0))
    if "half_year_to" in content:
        last = _day(content["half_year_to"]) + timedelta(seconds=limits.half_year)
    elif content["kind"] == "defence_planning" and "budget_on" in content:
        last = _months(_day(content["budget_on"]), limits.planning_months)
    elif month and "changed_at" not in content:
        last = datetime(content["year"] + years, month, day, tzinfo=UTC)
    if last is not None and moment >= last + timedelta(days=1):
        late = moment - last - timedelta(days=1)
        yield RaisedFlag(
            flag="late_report",
            detail=sentence("%(d)s after %(day)s, the last day", d=late, day=last.date()),
        )
    until = _months(datetime.fromisoformat(exchange.opened.when), limits.data_question_months)
    for message in exchange.messages:
        asked_at = datetime.fromisoformat(message.said.when)
        if (
            message.act == "clarification-request"
            and not message.for_the_record
            and asked_at > until
        ):
            values = {
                "side": NameValue("side", message.said.side),
                "d": asked_at - until,
                "day": until.date(),
            }
            yield RaisedFlag(
                flag="late_question",
                detail=sentence("%(side)s asked %(d)s after %(day)s, the last day", **values),
            )


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _months(since: datetime, months: int) -> datetime:
    """Return the same day so many months later.

    Where that month has no such day, it is the month's last day.
    """
    years, month = divmod(since.month - 1 + months, 12)
    year = since.year + years
    return since.replace(
        year=year, month=month + 1, day=min(since.day, monthrange(year, month + 1)[1])
    )


def _late_changes(exchange: Exchange, owed: int, what: Text) -> Iterator[RaisedFlag]:
    """Yield flags of changes that were reported late after their decision or event."""
    yield from _late_acts(exchange, "update", "as_of", owed, what, "late_change")


def _late_acts(
    exchange: Exchange, act: str, since: str, owed: int, what: Text, flag: str = "late_report"
) -> Iterator[RaisedFlag]:
    for item in exchange.acts.get(act, ()):
        if since in item.content:
            yield from _late(
                instant(msgspec.json.decode(item.content[since])),
                instant(item.said.when),
                owed,
                what,
                flag,
            )


def _venue(
    registry: Registry, exchange: Exchange, content: dict[str, Any], now: datetime
) -> Iterator[RaisedFlag]:
    limits, _ = profile_of(registry)
    moment = instant(exchange.opened.time)
    open_ = (
        exchange.invokes and "venue" not in content and exchange.status in ("requested", "accepted")
    )
    if open_ and moment is not None and now - moment > timedelta(seconds=limits.venue):
        owed = timedelta(seconds=limits.venue)
        yield RaisedFlag(
            flag="default_venue",
            detail=sentence("no venue was agreed within %(d)s: the default venue applies", d=owed),
        )


def _late(
    since: datetime | None,
    moment: datetime | None,
    owed: int,
    what: Text,
    flag: str = "late_report",
) -> Iterator[RaisedFlag]:
    if since is not None and moment is not None and moment - since > timedelta(seconds=owed):
        yield RaisedFlag(flag=flag, detail=_after(moment - since, what, timedelta(seconds=owed)))


def _after(span: timedelta, what: Text, owed: timedelta) -> Text:
    return sentence("%(d)s after %(what)s; %(owed)s are owed", d=span, what=what, owed=owed)


# Numbers


def _near(content: dict[str, Any]) -> Iterator[RaisedFlag]:
    numbers = {"troops": content.get("troops"), **content.get("arms", {})}
    for name, number in numbers.items():
        landed = LANDED if name == "troops" and content["type"] in _LANDING else ()
        for threshold in (*THRESHOLDS.get(name, ()), *landed):
            if isinstance(number, int) and threshold * 0.95 <= number < threshold:
                text = sentence(
                    "%(what)s: %(n)s of %(threshold)s",
                    what=NameValue("field", name),
                    n=number,
                    threshold=threshold,
                )
                yield RaisedFlag(flag="near_threshold", detail=text)


def _differing(exchange: Exchange, content: dict[str, Any]) -> Iterator[RaisedFlag]:
    reports = exchange.acts.get("after-activity-report", ())
    if not reports:
        return
    reported = {name: msgspec.json.decode(value) for name, value in reports[-1].content.items()}
    before, after = (
        {"troops": figures.get("troops"), **figures.get("arms", {})}
        for figures in (content, reported)
    )
    for name in before.keys() & after.keys():
        if before[name] != after[name] and not {"unknown", None} & {before[name], after[name]}:
            values = {"what": NameValue("field", name), "a": before[name], "b": after[name]}
            yield RaisedFlag(
                flag="figures_differ",
                detail=sentence("%(what)s: %(a)s declared, %(b)s reported", **values),
            )


# Accounts


def _accounts(exchange: Exchange) -> Iterator[RaisedFlag]:
    """Yield a flag for each side's newest account, by comparison with the report.

    It names the points that differ, as the pages' comparison shows them.
    """
    if consent.is_facts_agreed(exchange):
        return
    for side, fields in accounts.differing(exchange).items():
        if fields:
            names = tuple(NameValue("field", name) for name in fields)
            yield RaisedFlag(
                flag="accounts_differ",
                detail=sentence(
                    "%(side)s states it differently: %(fields)s",
                    side=NameValue("side", side),
                    fields=names,
                ),
            )
        else:
            yield RaisedFlag(
                flag="own_account",
                detail=sentence("%(side)s has given its own account", side=NameValue("side", side)),
            )


def _closing(exchange: Exchange) -> Iterator[RaisedFlag]:
    """Yield the flags of a matter that its opener has closed for itself."""
    closure, objecting = exchange.closures[exchange.side], closing.objecting(exchange)
    waiting = closing.waited_for(exchange)
    if waiting and not objecting:
        yield RaisedFlag(
            flag="closing",
            detail=sentence(
                "by %(side)s; closed for all at %(t)s if nothing comes from %(sides)s",
                side=NameValue("side", exchange.side),
                t=MomentValue(closure.objections_until),
                sides=tuple(NameValue("side", name) for name in waiting),
            ),
        )
    for side in sorted(objecting):
        yield RaisedFlag(
            flag="objection",
            detail=sentence(
                "closed by %(side)s; %(other)s has objected and has not closed it",
                side=NameValue("side", exchange.side),
                other=NameValue("side", side),
            ),
        )


def _silence(exchange: Exchange, content: dict[str, Any]) -> Iterator[RaisedFlag]:
    """Yield the flag of a draft to which silence agrees, or has agreed."""
    values = {"officers": tuple(content["officers"]), "t": MomentValue(content["until"])}
    match exchange.status:
        case "circulating":
            detail = sentence(
                "it went to %(officers)s; if none of them objects, silence agrees at %(t)s",
                **values,
            )
        case "adopted":
            detail = sentence(
                "it went to %(officers)s; none of them objected, and silence agreed at %(t)s",
                **values,
            )
        case _:
            return
    yield RaisedFlag(flag="silence", detail=detail)


# Place


AREAS: Final = {
    "danger-area": ("place",),
    "launch-notice": ("impact_areas", "dropping_zones"),
    "military-activity": ("place",),
}
"""Formats that announce an area of danger or activity, and their area members."""

_OPEN: Final = {
    "danger-area": ("announced", "under_way", "holding"),
    "launch-notice": ("notified", "postponed", "under_way", "holding"),
    "military-activity": ("notified", "acknowledged", "under_way", "holding"),
}


def is_open_area(exchange: Exchange) -> bool:
    """Return whether an exchange announces an area that is still open.

    An area is not open once it is cleared, reported, cancelled or closed.
    """
    return exchange.status in _OPEN.get(exchange.act, ())


def _overlaps(exchange: Exchange, areas: Iterable[Exchange]) -> Iterator[RaisedFlag]:
    """Yield flags of announcements for the same place at the same time.

    Also yield a flag for a danger area that does not cover its launch.
    """
    outlines, window = _outlines(exchange), _hours(exchange)
    for other in areas:
        if other.id == exchange.id or window is None or (hours := _hours(other)) is None:
            continue
        of = {"number": other.number, "side": NameValue("side", other.side)}
        if _at_once(window, hours) and any(
            meet(one, two) for one in outlines for two in _outlines(other)
        ):
            yield RaisedFlag(flag="overlap", detail=sentence("with %(number)s of %(side)s", **of))
        area, launch = sorted((exchange, other), key=lambda exchange: exchange.act)
        if (
            (area.act, launch.act) == ("danger-area", "launch-notice")
            and _refer(area, launch)
            and not _covers(_hours(area), _hours(launch))
        ):
            yield RaisedFlag(
                flag="not_covered",
                detail=sentence(
                    "the area is not closed for all of the launch: see %(number)s of %(side)s", **of
                ),
            )


def _outlines(exchange: Exchange) -> list[list[Point]]:
    places = [
        msgspec.json.decode(exchange.content[name])
        for name in AREAS[exchange.act]
        if name in exchange.content
    ]
    return [
        outline(place)
        for value in places
        for place in (value if isinstance(value, list) else [value])
    ]


def _hours(exchange: Exchange) -> dict[str, Any] | None:
    """Return the window of an announcement; None where it is unknown.

    A launch that has only a time has that moment as its window.
    """
    window = msgspec.json.decode(exchange.present.get("window", b"null"))
    if isinstance(window, dict):
        return window
    moment = instant(msgspec.json.decode(exchange.content.get("time", b"null")))
    return None if moment is None else {"from": moment.isoformat(), "to": moment.isoformat()}


def _refer(one: Exchange, other: Exchange) -> bool:
    """Return whether one of two exchanges refers to the other, by number or id."""

    def references(exchange: Exchange) -> set[str]:
        return set(msgspec.json.decode(exchange.content.get("references", b"[]")))

    return not references(one).isdisjoint((other.number, other.id)) or not references(
        other
    ).isdisjoint((one.number, one.id))


def _covers(outer: dict[str, Any] | None, inner: dict[str, Any] | None) -> bool:
    if outer is None or inner is None:
        return True
    begins, ends, starts, stops = (
        _end(window[name]) for window in (outer, inner) for name in _ENDS
    )
    return begins <= starts and stops <= ends


def _at_once(one: dict[str, Any], other: dict[str, Any]) -> bool:
    begins, ends, starts, stops = (_end(window[name]) for window in (one, other) for name in _ENDS)
    return begins <= stops and starts <= ends


_ENDS: Final = ("from", "to")


def _end(text: str) -> datetime:
    """Return one end of a window; one until further notice ends after all others."""
    if text == UNTIL_FURTHER_NOTICE:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.fromisoformat(text)
