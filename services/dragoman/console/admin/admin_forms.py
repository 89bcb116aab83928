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
from dragoman.projection import reads
from dragoman.projection.store import Store
from dragoman_schemas.acts.channel import Role

Row = TypeVar("Row", bound=Struct)

Hindrance = Literal["", "past", "role", "reading", "unwritable", "signed"]


def hindrance(
    here: PageContext, roles: AbstractSet[str] = ADMINISTRATORS, *, kept: bool = True
) -> Hindrance:
    """Why the reader cannot change something here and now that takes one of the roles; empty where they can.

    What is `kept` is signed with a key: the host has it in a trial, and else nobody but its owner, whose browser may hold it.
    """
    if here.past:
        return "past"
    if not roles & {*here.roles} and not (kept and here.roles == (ROOT,)):
        return "role"
    if here.grant.scope == "read":
        return "reading"
    if not here.writable:
        return "unwritable"
    if kept and here.registry.custody == "sides" and not has_key(here):
        return "signed"
    return ""


def has_key(here: PageContext) -> bool:
    """Whether the reader has a key of their own in the channel, which a browser may hold; root keys are in none."""
    return here.roles != (ROOT,) and any(
        key.owner == here.grant.actor and key.until is None for key in here.registry.keys.values()
    )


def colleagues(here: PageContext, roles: frozenset[Role] = ADMINISTRATORS) -> tuple[str, ...]:
    """Who of the reader's side has one of the roles, and is in office."""
    return tuple(
        name.partition("/")[2]
        for name, officer in sorted(here.registry.officers.items())
        if name.startswith(f"{here.side}/")
        and officer.until is None
        and not roles.isdisjoint(officer.roles)
    )


async def keep(
    here: PageContext, filled: Filled, act: dict[str, Any], first: str, **fields: str
) -> str:
    """Record an act of the channel's own family; its position, or nothing where it is refused, which the form then says. Raises `Refused`."""
    with filled.trying(first, **fields):
        reply = await browser_signatures.record(
            here, msgspec.json.encode(act), family="channel", key=filled.key
        )
        return reply.headers["Dragoman-Position"]
    return ""


async def at_the_end(here: PageContext) -> None:
    """Have the page that answers a form be of the newest record."""
    await here.projection.in_file()
    here.newest = here.projection.flushed


def address(here: PageContext) -> str:
    """How this service is called, for the command line."""
    return here.service.public_url or str(here.request.url.origin())


def sliced(here: PageContext, rows: Sequence[Row]) -> tuple[Sequence[Row], str]:
    """The rows of the page that is asked for, and the address of the next one, empty for none."""
    page = max(1, submission.whole(here.request.query.get("page", "")) or 1)
    shown = rows[(page - 1) * SCREEN_ROWS : page * SCREEN_ROWS]
    return shown, here.again(page=page + 1) if page * SCREEN_ROWS < len(rows) else ""


async def times_of(here: PageContext, positions: Iterable[int]) -> dict[int, str]:
    """When the records at some positions were taken in."""
    found: dict[int, str] = await here.in_thread(
        _times, here.service.store, here.name, sorted({*positions} - {0})
    )
    return found


def _times(store: Store, channel: str, positions: Sequence[int]) -> dict[int, str]:
    return {
        at: line_of(entry).time
        for at in positions
        for entry, _ in reads.records(store, channel, at, 1)
    }
