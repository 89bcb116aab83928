"""The operations of officers on the roster of their side, over HTTP and on pages.

Officers of the side read it. Heads of office and administrators enter and remove it.
Officers offer their shifts and take those of others; a head of office sets covers.
Nothing of it is in the log.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from msgspec import UnsetType
from msgspec.structs import replace

from dragoman.application.http.rate_limits import RATE_LIMITS, Payer
from dragoman.application.http.request import ApiRequest
from dragoman.application.rosters import reading
from dragoman.domain.acts.act_rules import DUTY, HEADS, OFFICERS, STAFF
from dragoman.domain.record import ids
from dragoman.domain.record.errors import Refusal, Refused, refuse
from dragoman.domain.views import duty_roster
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.interop import NotUnderstood
from dragoman.projection.projection import Projection
from dragoman.stores.rosters import RosterTooLarge, StoredRoster
from dragoman.text import Text, sentence
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.roster import (
    NewCover,
    RosterChange,
    RosterRung,
    RosterSettings,
    ShiftChange,
)

log = structlog.get_logger()

ENTERING: Final[frozenset[Role]] = frozenset({"head_of_office", "administrator"})
"""The roles that enter and remove the roster of their side."""

CHANGES: Final = 100
"""The most offers and covers of a roster; those that are over do not count."""

_TRIES: Final = 5


async def own_roster(call: ApiRequest[Any], projection: Projection) -> StoredRoster:
    """Return the roster of the caller's side, as the broker has it.

    Return the copy of this gateway while the broker is away. Raises `Refused` if the
    caller is no officer or administrator of a side.
    """
    _check(call, projection, STAFF, sentence("Only officers of a side read its roster."))
    cid, side = projection.registry.cid, call.grant.side
    try:
        return await call.service.rosters.find(cid, side)
    except LogUnreachable:
        return call.service.rosters.known(cid, side)


async def put_calendar(call: ApiRequest[Any], projection: Projection, raw: bytes) -> StoredRoster:
    """Take in a calendar as the roster of the side. Raises `Refused`."""
    _check_may_enter(call, projection)
    now, payer = call.service.now(), call.request.get("payer")

    def spent(seconds: float) -> None:
        if isinstance(payer, Payer):
            call.request.app[RATE_LIMITS].worked(payer, seconds, by_officer=True)

    try:
        result = await reading.read(
            projection.registry,
            call.grant.side,
            now,
            raw=raw,
            owner=call.service.identities.name_of((projection.registry.cid, call.grant.side)),
            spent=spent,
        )
    except NotUnderstood as error:
        raise refuse(
            "invalid",
            "The roster stays as it was, because the calendar cannot be read: %(error)s.",
            error=error.said,
        ) from None

    def change(roster: StoredRoster) -> StoredRoster:
        return replace(
            roster,
            source="file",
            url="",
            etag="",
            modified="",
            put=now,
            put_by=call.grant.actor.partition("/")[2],
            read=now,
            tried=now,
            fault="",
            events=result.events,
            shifts=result.shifts,
            until=now + reading.AHEAD,
        )

    roster = await _changed(call, projection, change)
    log.info(
        "roster.put",
        channel=projection.name,
        side=call.grant.side,
        by=call.grant.actor,
        events=len(result.events),
        shifts=len(result.shifts),
    )
    return roster


async def subscribe(call: ApiRequest[Any], projection: Projection, url: str) -> StoredRoster:
    """Have the calendar at a URL read from now on. Raises `Refused`.

    The notifier reads it within seconds. Until then the roster is `waiting`.
    """
    _check_may_enter(call, projection)
    if wrong := call.service.urls.check(url):
        raise refuse("invalid", "This URL cannot be used: %(wrong)s.", wrong=wrong)
    now = call.service.now()

    def change(roster: StoredRoster) -> StoredRoster:
        return replace(
            roster,
            source="subscription",
            url=url,
            etag="",
            modified="",
            put=now,
            put_by=call.grant.actor.partition("/")[2],
            read=None,
            tried=None,
            fault="",
            events=(),
            shifts=(),
            until=None,
        )

    roster = await _changed(call, projection, change)
    log.info(
        "roster.subscribed", channel=projection.name, side=call.grant.side, by=call.grant.actor
    )
    return roster


async def settle(
    call: ApiRequest[Any], projection: Projection, settings: RosterSettings
) -> StoredRoster:
    """Change the settings of the roster. Raises `Refused`."""
    _check_may_enter(call, projection)
    leads = tuple(sorted(set(settings.reminders), reverse=True))
    return await _changed(
        call,
        projection,
        lambda roster: replace(roster, warn_days=settings.warn_days, reminders=leads),
        needed=True,
    )


async def remove(call: ApiRequest[Any], projection: Projection) -> None:
    """Remove the roster of the side, with its changes. Raises `Refused`.

    The broker has overwritten it when this returns.
    """
    _check_may_enter(call, projection)
    await _changed(call, projection, lambda roster: StoredRoster(cid=roster.cid, side=roster.side))
    log.info("roster.removed", channel=projection.name, side=call.grant.side, by=call.grant.actor)


async def erase_officer(
    call: ApiRequest[Any], projection: Projection, officer: str
) -> StoredRoster:
    """Erase every shift and change of an officer from the roster. Raises `Refused`.

    A subscription brings the officer back while the calendar there still names them.
    """
    _check_may_enter(call, projection)

    def change(roster: StoredRoster) -> StoredRoster:
        return replace(
            roster,
            events=tuple(event for event in roster.events if event.officer != officer),
            shifts=tuple(shift for shift in roster.shifts if shift.officer != officer),
            changes=tuple(
                change
                for change in roster.changes
                if officer not in (change.of, change.to, change.by)
            ),
            put_by="" if roster.put_by == officer else roster.put_by,
            etag="",
            modified="",
        )

    roster = await _changed(call, projection, change)
    log.info(
        "roster.officer_erased",
        channel=projection.name,
        side=call.grant.side,
        by=call.grant.actor,
    )
    return roster


# Offers and covers


async def change_shift(
    call: ApiRequest[Any], projection: Projection, wanted: ShiftChange, key: str
) -> StoredRoster:
    """Offer a shift, take one that is offered, or withdraw an offer or a cover.

    The same key again changes nothing more. Raises `Refused`.
    """
    _check(
        call,
        projection,
        OFFICERS,
        sentence("Officers of a side offer and take its shifts; ask one of them."),
    )
    match wanted.do:
        case "offer":
            return await _offer(call, projection, wanted, key)
        case "take":
            return await _take(call, projection, wanted.change)
        case "withdraw":
            return await _withdraw(call, projection, wanted.change)


async def _offer(
    call: ApiRequest[Any], projection: Projection, wanted: ShiftChange, key: str
) -> StoredRoster:
    officer, now = call.grant.actor.partition("/")[2], call.service.now()
    if isinstance(wanted.begins, UnsetType) or isinstance(wanted.ends, UnsetType):
        raise refuse("invalid", "An offer has a beginning and an end; give `begins` and `ends`.")
    begins, ends = _span(wanted.begins, wanted.ends, now)
    id = ids.from_key(projection.name, call.grant.actor, f"roster/{key}")

    def change(roster: StoredRoster) -> StoredRoster:
        if any(other.id == id for other in roster.changes):
            return roster
        shifts = [shift for shift in roster.duty if shift.officer == officer]
        if duty_roster.gaps(shifts, wanted.rung, begins, ends):
            raise refuse(
                "invalid",
                "You do not have that duty in all of this time; offer a shift of yours, or a part "
                "of it.",
            )
        if any(
            other.kind == "offer"
            and (other.of, other.to, other.rung) == (officer, "", wanted.rung)
            and other.begins < ends
            and begins < other.ends
            for other in roster.changes
        ):
            raise refuse(
                "invalid", "You offer a part of this time already; withdraw that offer first."
            )
        return _with_change(
            roster,
            RosterChange(
                id=id,
                kind="offer",
                rung=wanted.rung,
                begins=begins,
                ends=ends,
                by=officer,
                at=now,
                of=officer,
            ),
            now,
        )

    return await _changed(call, projection, change, needed=True)


async def _take(call: ApiRequest[Any], projection: Projection, id: str) -> StoredRoster:
    officer, now = call.grant.actor.partition("/")[2], call.service.now()

    def change(roster: StoredRoster) -> StoredRoster:
        offer = _find(roster, id)
        if (offer.to, offer.kind) == (officer, "offer"):
            return roster
        if offer.to or offer.ends <= now:
            raise refuse("invalid", "This offer is taken or over; read the roster again.")
        if offer.of == officer:
            raise refuse("invalid", "This is your own offer; withdraw it to have the shift back.")
        _check_may_serve(projection, call.grant.side, officer, offer.rung)
        accepted = replace(offer, to=officer, taken=now, begins=max(offer.begins, now))
        return replace(
            roster,
            changes=tuple(accepted if other.id == id else other for other in roster.changes),
        )

    return await _changed(call, projection, change, needed=True)


async def _withdraw(call: ApiRequest[Any], projection: Projection, id: str) -> StoredRoster:
    officer = call.grant.actor.partition("/")[2]
    registered = projection.registry.officers[call.grant.actor]

    def change(roster: StoredRoster) -> StoredRoster:
        former = _find(roster, id)
        is_own_offer = former.by == officer and not former.to
        if not is_own_offer and HEADS.isdisjoint(registered.roles):
            raise refuse(
                "not-permitted",
                "You may withdraw your own offers that nobody has taken; ask a head of office.",
            )
        return replace(roster, changes=tuple(other for other in roster.changes if other.id != id))

    return await _changed(call, projection, change, needed=True)


async def cover(
    call: ApiRequest[Any], projection: Projection, wanted: NewCover, key: str
) -> StoredRoster:
    """Set a cover, as a head of office.

    The same key again changes nothing more. Raises `Refused`.
    """
    _check(call, projection, HEADS, sentence("A head of office sets covers; ask yours."))
    now = call.service.now()
    begins, ends = _span(wanted.begins, wanted.ends, now)
    id = ids.from_key(projection.name, call.grant.actor, f"roster/{key}")
    _check_may_serve(projection, call.grant.side, wanted.officer, wanted.rung)
    of = "" if isinstance(wanted.of, UnsetType) else wanted.of

    def change(roster: StoredRoster) -> StoredRoster:
        if any(other.id == id for other in roster.changes):
            return roster
        if of and not any(
            (shift.officer, shift.rung) == (of, wanted.rung)
            and shift.begins < ends
            and begins < shift.ends
            for shift in roster.duty
        ):
            raise refuse(
                "invalid",
                "%(officer)s has no such duty in this time; leave `of` out to replace everybody.",
                officer=of,
            )
        return _with_change(
            roster,
            RosterChange(
                id=id,
                kind="cover",
                rung=wanted.rung,
                begins=begins,
                ends=ends,
                by=call.grant.actor.partition("/")[2],
                at=now,
                of=of,
                to=wanted.officer,
                taken=now,
            ),
            now,
        )

    return await _changed(call, projection, change, needed=True)


def _with_change(roster: StoredRoster, change: RosterChange, now: datetime) -> StoredRoster:
    """Return the roster with a change more, without those that are long over."""
    current = tuple(other for other in roster.changes if other.ends > now - reading.PAST)
    if len(current) >= CHANGES:
        raise refuse(
            "no-room",
            "The roster has %(n)s offers and covers; put a new calendar that has them in it.",
            n=CHANGES,
        )
    return replace(roster, changes=(*current, change))


def _find(roster: StoredRoster, id: str) -> RosterChange:
    change = next((change for change in roster.changes if change.id == id), None)
    if change is None:
        raise refuse("invalid", "There is no such offer or cover any more; read the roster again.")
    return change


def _span(begins: str, ends: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the times of a change. Raises `Refused`."""
    try:
        first, last = (datetime.fromisoformat(text) for text in (begins, ends))
    except ValueError:
        raise refuse(
            "invalid", "This is not a valid time; write it like 2026-11-29T18:00Z."
        ) from None
    if not (first < last and now < last and last - first <= timedelta(days=62)):
        raise refuse(
            "invalid",
            "The end comes after the beginning and after now, and at most 62 days later; correct "
            "the times.",
        )
    return first, last


def roles_for(rung: RosterRung) -> frozenset[str]:
    """Return the roles of which an officer needs one to serve on a rung."""
    return HEADS if rung == "head_of_office" else DUTY


def _check_may_serve(projection: Projection, side: str, officer: str, rung: RosterRung) -> None:
    entered = projection.registry.officers.get(f"{side}/{officer}")
    if entered is None or entered.until is not None:
        raise refuse(
            "invalid", "%(officer)s is not in office in the log; name another.", officer=officer
        )
    if roles_for(rung).isdisjoint(entered.roles):
        raise refuse(
            "invalid",
            "%(officer)s has no role in the log for this duty; name another, or have the role "
            "entered.",
            officer=officer,
        )


def _check_may_enter(call: ApiRequest[Any], projection: Projection) -> None:
    _check(
        call,
        projection,
        ENTERING,
        sentence(
            "Only heads of office and administrators change the roster of their side; ask one of "
            "them."
        ),
    )


def _check(
    call: ApiRequest[Any], projection: Projection, roles: frozenset[Role], detail: Text
) -> None:
    officer = projection.registry.officers.get(call.grant.actor)
    if officer is None or roles.isdisjoint(officer.roles):
        raise Refused(Refusal(kind="not-permitted", detail=detail))


async def _changed(
    call: ApiRequest[Any],
    projection: Projection,
    change: Callable[[StoredRoster], StoredRoster],
    *,
    needed: bool = False,
) -> StoredRoster:
    """Store the roster with a change, and return it.

    The change is applied anew if somebody else was faster. With `needed`, there must be
    a roster. Raises `Refused`, `LogUnreachable`.
    """
    rosters, cid = call.service.rosters, projection.registry.cid
    for _ in range(_TRIES):
        roster = await rosters.find(cid, call.grant.side)
        if needed and not roster.source:
            raise refuse("invalid", "Your side has no roster; put one first.")
        new = change(roster)
        try:
            if new == roster or await rosters.keep(new, roster):
                return new
        except RosterTooLarge:
            raise refuse(
                "no-room", "The roster is too large to be stored; leave out past events."
            ) from None
    raise refuse("moved", "It has changed just now; read it, and try again.")
