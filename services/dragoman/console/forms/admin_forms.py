"""Functions that the pages of administration share.

They say whether the reader may change something, and cut long lists into pages.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, TypeVar

from dragoman.console.display.log_rows import line_of
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.access import ROOT
from dragoman.domain.acts.families.channel import ADMINISTRATORS
from dragoman.projection.queries import records
from dragoman.projection.view import View
from dragoman_schemas.acts.office.channel import Role

Row = TypeVar("Row")

Hindrance = Literal["", "past", "role", "reading", "unwritable", "signed"]


def hindrance(
    context: PageContext, roles: AbstractSet[str] = ADMINISTRATORS, *, flag: bool = True
) -> Hindrance:
    """Return the reason that keeps the reader from a change now; empty if possible.

    The change needs one of the `roles`. With `flag`, an officer signs it with a key. In
    a trial the host has that key. Otherwise only its owner has it, whose browser may
    hold it.
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
    """Return whether the reader has an own key in the channel.

    A browser may hold such a key. It never holds a root key.
    """
    return context.roles != (ROOT,) and any(
        key.owner == context.grant.actor and key.until is None
        for key in context.registry.keys.values()
    )


def colleagues(context: PageContext, roles: frozenset[Role] = ADMINISTRATORS) -> tuple[str, ...]:
    """Return the officers in office of the reader's side with one of the roles."""
    return tuple(
        name.partition("/")[2]
        for name, officer in sorted(context.registry.officers.items())
        if name.startswith(f"{context.side}/")
        and officer.until is None
        and not roles.isdisjoint(officer.roles)
    )


async def at_the_end(context: PageContext) -> None:
    """Make the page that responds to a form show the newest record."""
    await context.projection.in_file()
    context.newest = context.projection.flushed


def address(context: PageContext) -> str:
    """Return the address of this service, for the command line."""
    return context.service.public_url or str(context.request.url.origin())


async def times_of(context: PageContext, positions: Iterable[int]) -> dict[int, str]:
    """Return the times of the records at some positions."""
    return await context.ask(_times, sorted({*positions} - {0}))


def _times(view: View, positions: Sequence[int]) -> dict[int, str]:
    return {
        at: line_of(entry).time for at in positions for entry, _ in records.records(view, at, 1)
    }
