"""What the pages of administration share: who may change what here and now, how that is recorded, and long lists in pages."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.console.display.log_rows import line_of
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.form_state import Filled
from dragoman.console.rendering import PageContext
from dragoman.domain.acts.access import ROOT
from dragoman.domain.acts.families.channel import ADMINISTRATORS
from dragoman.limits import SCREEN_ROWS
from dragoman.projection.queries import records
from dragoman.projection.store import Store
from dragoman_schemas.acts.office.channel import Role

Row = TypeVar("Row", bound=Struct)

Hindrance = Literal["", "past", "role", "reading", "unwritable", "signed"]


def hindrance(
    context: PageContext, roles: AbstractSet[str] = ADMINISTRATORS, *, flag: bool = True
) -> Hindrance:
    """Return why the reader cannot change something here and now that takes one of the roles; empty where they can.

    What is `kept` is signed with a key: the host has it in a trial, and else nobody but
    its owner, whose browser may hold it.
    """
    if context.past:
        return "past"
    if not roles & {*context.roles} and not (flag and context.roles == (ROOT,)):
        return "role"
    if context.grant.scope == "read":
        return "reading"
    if not context.writable:
        return "unwritable"
    if flag and context.registry.custody == "sides" and not has_key(context):
        return "signed"
    return ""


def has_key(context: PageContext) -> bool:
    """Return whether the reader has a key of their own in the channel, which a browser may hold; root keys are in none."""
    return context.roles != (ROOT,) and any(
        key.owner == context.grant.actor and key.until is None
        for key in context.registry.keys.values()
    )


def colleagues(context: PageContext, roles: frozenset[Role] = ADMINISTRATORS) -> tuple[str, ...]:
    """Return who of the reader's side has one of the roles, and is in office."""
    return tuple(
        name.partition("/")[2]
        for name, officer in sorted(context.registry.officers.items())
        if name.startswith(f"{context.side}/")
        and officer.until is None
        and not roles.isdisjoint(officer.roles)
    )


async def keep(
    context: PageContext, filled: Filled, act: dict[str, Any], first: str, **fields: str
) -> str:
    """Record an act of the channel's own family; its position, or nothing where it is refused, which the form then says. Raises `Refused`."""
    with filled.trying(first, **fields):
        reply = await browser_signatures.record(
            context, msgspec.json.encode(act), family="channel", key=filled.key
        )
        return reply.headers["Dragoman-Position"]
    return ""


async def at_the_end(context: PageContext) -> None:
    """Have the page that answers a form be of the newest record."""
    await context.projection.in_file()
    context.newest = context.projection.flushed


def address(context: PageContext) -> str:
    """Return how this service is called, for the command line."""
    return context.service.public_url or str(context.request.url.origin())


def sliced(context: PageContext, rows: Sequence[Row]) -> tuple[Sequence[Row], str]:
    """Return the rows of the page that is asked for, and the address of the next one, empty for none."""
    page = max(1, submission.whole(context.request.query.get("page", "")) or 1)
    shown = rows[(page - 1) * SCREEN_ROWS : page * SCREEN_ROWS]
    return shown, context.again(page=page + 1) if page * SCREEN_ROWS < len(rows) else ""


async def times_of(context: PageContext, positions: Iterable[int]) -> dict[int, str]:
    """Return when the records at some positions were taken in."""
    times: dict[int, str] = await context.in_thread(
        _times, context.service.store, context.name, sorted({*positions} - {0})
    )
    return times


def _times(store: Store, channel: str, positions: Sequence[int]) -> dict[int, str]:
    return {
        at: line_of(entry).time
        for at in positions
        for entry, _ in records.records(store, channel, at, 1)
    }
