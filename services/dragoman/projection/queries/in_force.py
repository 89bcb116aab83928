"""The windows that are open or near, at a position and a moment.

The position says what the record knew, and the moment the time that is looked at.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import event_windows
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.views import attribution
from dragoman.domain.views.in_force import EVENT_FORMATS, WindowInForce, windows_in_force
from dragoman.domain.views.titles import subject_of
from dragoman.projection.view import View
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.codebook import NOTICES
from dragoman_schemas.fields import words_members
from dragoman_schemas.state import Exchange, Registry
from dragoman_schemas.window_responses import InForce, InForceWindow


def in_force(view: View, *, members: bool = True, moment: datetime | None = None) -> InForce:
    """Return the windows that are open or near, by default at the moment of the view.

    For readers other than `members`, in exports and calendars, windows under the
    Chatham House Rule have no side and no number.
    """
    registry, exchanges, now = view.registry, view.announced(), moment or view.moment
    windows = windows_in_force(registry, exchanges, now)
    return InForce(
        channel=registry.name,
        exercise=registry.kind == "exercise",
        marking=registry.marking,
        position=view.position,
        moment=timestamp(now.astimezone(UTC)),
        notice=NOTICES["danger-area"],
        windows=tuple(
            window_view(window) if members else _unattributed(registry, window)
            for window in windows
        ),
        not_read=view.announced_count() - len(exchanges),
    )


def window_view(window: WindowInForce) -> InForceWindow:
    """Return the public form of a window, as members see it."""
    exchange, begins, ends = window.exchange, window.window.begins, window.window.ends
    holds = window.stage == "holding"
    return InForceWindow(
        exchange=exchange.id,
        number=exchange.number,
        act=exchange.act,
        kind=str(_value(exchange, EVENT_FORMATS[exchange.act].kind) or ""),
        kind_text=_kind_text(exchange),
        side=exchange.side,
        to=exchange.to,
        status=exchange.status,
        stage=window.stage,
        subject=subject_of(exchange),
        opens=timestamp(begins),
        closes="" if ends is None else timestamp(ends),
        until_further_notice=window.window.until_further_notice,
        places=window.places,
        floor=exchange.content.get("floor", UNSET),
        ceiling=exchange.content.get("ceiling", UNSET),
        marking=event_windows.naming_message(exchange).marking,
        notam=tuple(_value(exchange, "notam") or ()),
        navarea=tuple(_value(exchange, "navarea") or ()),
        commenced=_newest(exchange, "commenced", "at"),
        holding=_newest(exchange, "holding", "at") if holds else "",
        holding_until=_newest(exchange, "holding", "until") if holds else "",
        arrived=_newest(exchange, "arrival", "at"),
        named_by=event_windows.naming_message(exchange).id,
        not_passed_on=window.not_passed_on,
        unacknowledged_by=window.unacknowledged,
    )


def _kind_text(exchange: Exchange) -> Raw | UnsetType:
    """Return the words for a kind of event that the format's list does not name."""
    words = words_members(SHAPES[exchange.act]).get(EVENT_FORMATS[exchange.act].kind, "")
    return exchange.content.get(words, UNSET)


def _unattributed(registry: Registry, window: WindowInForce) -> InForceWindow:
    """Return a window as it appears outside the members' pages."""
    exchange, view = window.exchange, window_view(window)
    if not attribution.unattributed(exchange):
        return view
    return replace(
        view,
        number=attribution.number(exchange),
        side=attribution.side(exchange, view.side),
        to=attribution.sides(exchange, view.to),
        subject=Raw(msgspec.json.encode(exchange.act))
        if attribution.is_titled_by_side(exchange)
        else view.subject,
        places=attribution.content(window.places, [side.name for side in registry.sides]),
        not_passed_on={},
        unacknowledged_by=(),
    )


def _newest(exchange: Exchange, act: str, member: str) -> str:
    """Return a time of the newest act of a name; empty where it was not said."""
    acts = exchange.acts.get(act, ())
    raw = acts[-1].content.get(member) if acts else None
    text = "" if raw is None else str(msgspec.json.decode(raw))
    return (
        "" if text in ("", "unknown") else timestamp(datetime.fromisoformat(text).astimezone(UTC))
    )


def _value(exchange: Exchange, name: str) -> Any:
    raw = exchange.content.get(name)
    return None if raw is None else msgspec.json.decode(raw)
