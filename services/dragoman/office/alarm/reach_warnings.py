"""Warnings on the board about the reach of the reader's own side.

    watch_unproven    the officer on watch has no proven way but the page
    held_back         messages to the reader were held back by the limit of an hour
    way_spent         the side's money for a way is spent for this month

The other side does not see them.
"""

import time
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from dragoman.application.operations import own_reach
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.deadlines import is_timed

_HOUR: Final = 3_600.0

ReachWarningKind = Literal["watch_unproven", "held_back", "way_spent"]


class ReachWarning(Struct, frozen=True, kw_only=True):
    """One warning: its kind, and the officer, the count or the way that it is about."""

    kind: ReachWarningKind
    officer: str = ""
    count: int = 0
    way: str = ""


def warnings_of(context: PageContext) -> Iterator[ReachWarning]:
    """Yield the warnings for the reader of a board as it is now."""
    registry, service = context.registry, context.service
    if context.past or not is_timed(registry) or not context.is_officer:
        return
    now, store = time.time(), service.notification_endpoints
    watch = registry.watches.get(context.side)
    if watch is not None:
        _, proven = own_reach.counts_of(service, context.projection, watch.since.by, now)
        if not proven:
            yield ReachWarning(kind="watch_unproven", officer=watch.since.by)
    allowance = store.allowance(registry.cid, context.grant.actor)
    if allowance.held and now - allowance.held_at < _HOUR:
        yield ReachWarning(kind="held_back", count=allowance.held)
    for way in service.ways:
        count = own_reach.held_by(service, way.name, registry.cid, context.side)
        if count:
            yield ReachWarning(kind="way_spent", way=way.title or way.name, count=count)
