"""The liaison state of a channel, and its changes between two positions."""

from collections.abc import Sequence

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.domain.record.errors import refuse
from dragoman.domain.views import diff as differing
from dragoman.domain.views.open_matters import in_order, open_matter
from dragoman.limits import (
    LIST_PAGE,
    OPEN_LOOKED,
    REPORT_EXCHANGES,
)
from dragoman.projection.counters import UNACKNOWLEDGED, UNANSWERED
from dragoman.projection.queries.lists import ROW, row_of, row_of_columns, tally
from dragoman.projection.row_keys import (
    LAST_POSITION,
    POSITION_BITS,
    channel_number,
    row_key,
)
from dragoman.projection.store import Store
from dragoman.projection.view import View
from dragoman_schemas.responses import Row
from dragoman_schemas.state import Exchange, encode
from dragoman_schemas.state_responses import Count, Difference, LiaisonState, OpenMatter, Owed


def difference(view: View, first: int) -> Difference:
    """Return the changes after a position, up to that of the view.

    Raises `Refused` if they are too many for one answer.
    """
    earlier, last = view.at(first), view.position
    changed_rows = view.connection.execute(
        "SELECT exchange, group_concat(key & ?) FROM records WHERE key BETWEEN ? AND ? "
        "AND valid AND exchange IS NOT NULL GROUP BY exchange ORDER BY min(key)",
        (LAST_POSITION, row_key(view.base, first + 1), view.key),
    ).fetchmany(REPORT_EXCHANGES + 1)
    if len(changed_rows) > REPORT_EXCHANGES:
        raise refuse(
            "bad-request",
            "More than %(n)s exchanges changed between these positions; choose a shorter stretch.",
            n=REPORT_EXCHANGES,
        )
    before, after = earlier.opened, view.opened
    changed = []
    for id, positions in changed_rows:
        if after is None or id != after.id:
            state, numbers = view.known(id), sorted(int(n) for n in positions.split(","))
            exchange = differing.changed(earlier.state(id), state, tuple(numbers))
            changed.append((state.opened.position, exchange))
    changed.sort(key=lambda item: item[0])
    return Difference(
        from_=first,
        to=last,
        exchanges=tuple(exchange for _, exchange in changed),
        channel=() if after is None else differing.channel(before, after),
    )


def kept(
    store: Store, channel: str, position: int, as_of: str, *, live: bool
) -> LiaisonState | None:
    """Return the liaison state at a position, if it was the newest that was asked for.

    It follows from the position alone, so it costs nothing until the next record.
    """
    state = store.newest_states.get(channel)
    if state is None or state.position != position:
        return None
    return replace(state, as_of=as_of, live=live)


def liaison_state(view: View, as_of: str, *, live: bool) -> LiaisonState:
    """Return the liaison state."""
    registry, counted = view.registry, tally(view)
    now = view.position == view.newest
    waiting = [view.known(id) for id in view.waiting_ids()]
    rows = _waiting_now(view) if now else [row_of(state) for state in waiting]
    matters, left_off = _open_matters(view, waiting)
    return LiaisonState(
        channel=registry.name,
        cid=registry.cid,
        kind=registry.kind,
        custody=registry.custody,
        position=view.position,
        time=_folded_time(view) if now else view.time,
        as_of=as_of,
        live=live,
        digest=view.digest,
        registry=Raw(encode(registry)),
        counts=tuple(
            Count(family=family, status=status, exchanges=count)
            for (family, status), count in sorted(counted.items())
            if count and family not in (UNACKNOWLEDGED, UNANSWERED)
        ),
        owed=tuple(
            Owed(
                side=side.name,
                unacknowledged=counted[UNACKNOWLEDGED, side.name],
                unanswered=counted[UNANSWERED, side.name],
                delivered=registry.delivered[side.name].upto
                if side.name in registry.delivered
                else 0,
            )
            for side in registry.sides
        ),
        unacknowledged=tuple(rows),
        open_matters=tuple(matters),
        open_matters_left_off=left_off,
    )


def _folded_time(view: View) -> str:
    """Return the channel's time as the stored fold has it.

    So whoever compares this answer with a replay also compares the stored fold.
    """
    (state,) = view.connection.execute(
        "SELECT state FROM channels WHERE number = ?", (channel_number(view.base),)
    ).fetchone()
    return str(msgspec.json.decode(state)["time"])


def _open_matters(view: View, looked: Sequence[Exchange]) -> tuple[list[OpenMatter], int]:
    """Return the open matters, and how many more exchanges may be open.

    The most urgent matters come first. Of the exchanges that wait for an
    acknowledgement these are `looked`: every flash and a page of the others. Of the
    rest they are the newest, within a bound.
    """
    waiting, names = view.open_ids()
    matters = [
        matter
        for state in (*looked, *map(view.known, names[:OPEN_LOOKED]))
        if (matter := open_matter(view.registry, state, view.calendars)) is not None
    ]
    return in_order(matters), len(waiting) - len(looked) + len(names[OPEN_LOOKED:])


def _waiting_now(view: View) -> list[Row]:
    """Return the exchanges that wait for an acknowledgement now.

    The most urgent come first, and equally urgent ones in their order of opening. The
    list has every flash, and a page of the others.
    """
    query = (
        f"SELECT {ROW} FROM exchanges INDEXED BY exchanges_waiting "  # fixed words  # noqa: S608
        f"WHERE unacknowledged != '' AND key >> {POSITION_BITS} = ? AND precedence"
    )
    number = (channel_number(view.base),)
    flashes = view.connection.execute(f"{query} = 0 ORDER BY key", number)
    cursor = view.connection.execute(
        f"{query} > 0 ORDER BY precedence, key LIMIT {LIST_PAGE}", number
    )
    return [row_of_columns(values) for values in (*flashes, *cursor)]
