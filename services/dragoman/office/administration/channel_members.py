"""The pages of a channel's members: its sides and status, its officers, and its keys.

Everybody can read them. Administrators of a side change their own side.

Every change is an act of the channel, whose form is below `/admin/acts`. Where the
sides keep their own keys, an officer without such a key sees the command instead.
"""

from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.console.forms.admin_forms import (
    address,
    colleagues,
    has_key,
    hindrance,
    sliced,
    times_of,
)
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.domain.acts.access import ROOT
from dragoman.domain.acts.act_rules import HEADS, OFFICERS
from dragoman.domain.acts.log_policy import log_of
from dragoman.office.administration import (
    adoptions,
    browser_key,
    endpoints_page,
    erasure_pages,
    moved_forms,
    onward_lists,
    rules_page,
)
from dragoman_schemas.state import Status

# The channel as a whole


class SideRow(Struct, frozen=True, kw_only=True):
    """A side: its offices and officers in office, its root keys, and its deliveries.

    `threshold` is the number of root keys that must sign. `delivered` is the position
    up to which the side has received the log.
    """

    side: str
    offices: tuple[str, ...]
    officers: int
    threshold: int
    roots: tuple[str, ...]
    next_roots: str
    delivered: int


class Administration(Struct, frozen=True, kw_only=True):
    """A channel's settings.

    `log` is the verifier key of its signed heads. `status` is null if nobody has set
    one.
    """

    channel: str
    position: int
    cid: str
    kind: str
    custody: str
    languages: tuple[str, ...]
    marking: str
    exercise_of: str
    log: str
    rules: int
    opened: str
    required_signatures: tuple[str, ...]
    status: Status | None
    sides: tuple[SideRow, ...]


async def administration(context: PageContext) -> Page:
    """Return the page with the channel's sides and its status."""
    registry = context.registry
    view = Administration(
        channel=context.name,
        position=context.position,
        cid=registry.cid,
        kind=registry.kind,
        custody=registry.custody,
        languages=registry.languages,
        marking=registry.marking,
        exercise_of="" if registry.exercise_of is None else registry.exercise_of.name,
        log=str(log_of(registry)),
        rules=registry.rules,
        opened=registry.opened.time,
        required_signatures=registry.required_signatures,
        status=registry.status,
        sides=tuple(_side_row(context, side) for side in context.sides),
    )
    values = {
        "hindrance": "signed"
        if _signs(context) and not has_key(context)
        else hindrance(context, OFFICERS, flag=False),
        "heads": colleagues(context, HEADS),
        "who": colleagues(context, OFFICERS),
        "server": address(context),
    }
    return Page(template="admin.html", view=view, rows=view.sides, values=values)


def _side_row(context: PageContext, name: str) -> SideRow:
    registry = context.registry
    side = next(side_state for side_state in registry.sides if side_state.name == name)
    in_office = [
        officer_state
        for officer, officer_state in registry.officers.items()
        if officer.startswith(f"{name}/") and officer_state.until is None
    ]
    delivered = registry.delivered.get(name)
    return SideRow(
        side=name,
        offices=tuple(sorted({officer_state.office for officer_state in in_office})),
        officers=len(in_office),
        threshold=side.threshold,
        roots=side.roots,
        next_roots=side.next_roots,
        delivered=0 if delivered is None else delivered.upto,
    )


def _signs(context: PageContext) -> bool:
    """Return whether officers must sign statements about the channel as a whole.

    Return False for a reader who may not make such statements.
    """
    return "channel" in context.registry.required_signatures and not hindrance(
        context, OFFICERS, flag=False
    )


# Officers


class OfficerRow(Struct, frozen=True, kw_only=True):
    """An officer with office and roles, in office since a record.

    `until` is the record of a revocation. `keys` counts the valid keys.
    """

    officer: str
    office: str
    roles: tuple[str, ...]
    since: int
    since_time: str
    until: int | None
    until_time: str
    keys: int


class Officers(Struct, frozen=True, kw_only=True):
    """The officers of a channel, those in office first.

    `total` counts all of them.
    """

    channel: str
    position: int
    total: int
    officers: tuple[OfficerRow, ...]


class OfficersQuery(Struct, frozen=True, kw_only=True):
    """The only side, and the officer whom an earlier address changes."""

    side: str = ""
    change: str = ""


async def officers(context: PageContext) -> Page | web.StreamResponse:
    """Return the officers of all sides.

    The address of the earlier form for one officer leads to the form of now.
    """
    query = context.asked(OfficersQuery)
    if query.change:
        return redirect(context.link("/admin/acts/officer", **{"f.officer": query.change}))
    registry = context.registry
    only = query.side
    order = {side: place for place, side in enumerate(context.sides)}
    ordered = sorted(
        (
            (name, officer)
            for name, officer in registry.officers.items()
            if only in ("", name.partition("/")[0])
        ),
        key=lambda value: (value[1].until is not None, order[value[0].partition("/")[0]], value[0]),
    )
    rows = [
        OfficerRow(
            officer=name,
            office=officer_state.office,
            roles=officer_state.roles,
            since=officer_state.since,
            since_time="",
            until=officer_state.until,
            until_time="",
            keys=sum(key.owner == name and key.until is None for key in registry.keys.values()),
        )
        for name, officer_state in ordered
    ]
    officer_rows, following = sliced(context, rows)
    times = await times_of(
        context, [at for row in officer_rows for at in (row.since, row.until or 0)]
    )
    officer_rows = [
        msgspec.structs.replace(
            row, since_time=times.get(row.since, ""), until_time=times.get(row.until or 0, "")
        )
        for row in officer_rows
    ]
    view = Officers(
        channel=context.name,
        position=context.position,
        total=len(rows),
        officers=tuple(officer_rows),
    )
    values = {
        "hindrance": hindrance(context),
        "who": colleagues(context),
        "only": only,
        "following": following,
        "server": address(context),
    }
    return Page(template="officers.html", view=view, rows=view.officers, values=values)


# Keys


class KeyRow(Struct, frozen=True, kw_only=True):
    """A key by its id, with its owner.

    It is valid from the record `since`, up to the record `until`. A `root` key belongs
    to its side, and to no officer. Signatures by it from `suspect_from` on are
    disputed.
    """

    key: str
    owner: str
    root: bool
    since: int
    until: int | None
    suspect_from: int | None = None


class KeysView(Struct, frozen=True, kw_only=True):
    """The keys of a channel, the valid ones first.

    `total` counts all of them.
    """

    channel: str
    position: int
    custody: str
    total: int
    keys: tuple[KeyRow, ...]


async def keys(context: PageContext) -> Page:
    """Return the keys of all sides, and those that wait to be entered."""
    order = {side: place for place, side in enumerate(context.sides)}
    rows = sorted(
        (
            KeyRow(
                key=id,
                owner=key.owner,
                root=key.owner.endswith(f"/{ROOT}"),
                since=max(1, key.since),
                until=key.until,
                suspect_from=key.suspect_from,
            )
            for id, key in context.registry.keys.items()
        ),
        key=lambda row: (
            row.until is not None,
            order[row.owner.partition("/")[0]],
            not row.root,
            row.owner,
            row.since,
            row.key,
        ),
    )
    key_rows, following = sliced(context, rows)
    view = KeysView(
        channel=context.name,
        position=context.position,
        custody=context.registry.custody,
        total=len(rows),
        keys=tuple(key_rows),
    )
    values = {
        "hindrance": hindrance(context),
        "who": colleagues(context),
        "following": following,
        "server": address(context),
        "waiting": browser_key.waiting(context),
        "said": context.said,
    }
    return Page(template="keys.html", view=view, rows=view.keys, values=values)


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin", handler=administration),
    PageRoute(path="/admin/officers", handler=officers),
    PageRoute(path="/admin/keys", handler=keys),
    *browser_key.ROUTES,
    *moved_forms.ROUTES,
    *adoptions.ROUTES,
    *onward_lists.ROUTES,
    *rules_page.ROUTES,
    *erasure_pages.ROUTES,
    *endpoints_page.ROUTES,
)
