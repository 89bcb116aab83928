"""The page of erasures, by which all sides take exchanges out of the record.

It shows each side's consents, and the erased exchanges. A side may take its consent
back. In a trial the host signs the erasure for the sides that have consented. Otherwise
every side signs it, on the command line.
"""

from collections.abc import Iterable
from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.forms.admin_forms import address, colleagues, hindrance, sliced
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.domain.acts.erasure import consenting, hash_of
from dragoman_schemas.acts.office.channel import Erasure
from dragoman_schemas.state import Stamp


class WaitingRow(Struct, frozen=True, kw_only=True):
    """Exchanges whose erasure some sides consented to.

    It has the numbers of the exchanges, the consenting sides with their times, and the
    `silent` sides. The consent `stands` until something is said in one of them. A page
    of the past does not say whether it does.
    """

    exchanges: tuple[str, ...]
    numbers: tuple[str, ...]
    sides: dict[str, Stamp]
    silent: tuple[str, ...]
    stands: bool | None


class GoneRow(Struct, frozen=True, kw_only=True):
    """An erased exchange, and the record that erased it."""

    exchange: str
    erased: Stamp


class Erasures(Struct, frozen=True, kw_only=True):
    """The erasures that wait for consents, and the erased exchanges, newest first.

    `total` counts the erased exchanges.
    """

    channel: str
    position: int
    custody: str
    waiting: tuple[WaitingRow, ...]
    total: int
    gone: tuple[GoneRow, ...]


class ErasuresQuery(Struct, frozen=True, kw_only=True):
    """The exchanges whose form an earlier address had."""

    exchanges: str = ""


async def erasures(context: PageContext) -> Page | web.StreamResponse:
    """Return the page of erased exchanges and of waiting erasures.

    The address of the earlier form with exchanges leads to the form of now.
    """
    if exchanges := context.asked(ErasuresQuery).exchanges:
        return redirect(context.link("/admin/acts/erasure-consent", **{"f.records": exchanges}))
    registry = context.registry
    gone = sorted(registry.erased.items(), key=lambda item: item[1].position, reverse=True)
    gone_rows, following = sliced(
        context, [GoneRow(exchange=id, erased=stamp) for id, stamp in gone]
    )
    view = Erasures(
        channel=context.name,
        position=context.position,
        custody=registry.custody,
        waiting=tuple(_waiting(context)),
        total=len(gone),
        gone=tuple(gone_rows),
    )
    values = {
        "hindrance": hindrance(context),
        "who": colleagues(context),
        "following": following,
        "server": address(context),
    }
    return Page(template="erasures.html", view=view, rows=view.gone, values=values)


def _waiting(context: PageContext) -> Iterable[WaitingRow]:
    for consent in context.registry.consents:
        exchanges = [context.projection.exchange(id) for id in consent.exchanges]
        sides = consenting(context.registry, consent.records)
        yield WaitingRow(
            exchanges=consent.exchanges,
            numbers=tuple("" if state is None else state.number for state in exchanges),
            sides=sides,
            silent=tuple(side for side in context.sides if side not in sides),
            stands=None
            if context.past
            else hash_of(_naming(context, consent.exchanges)) == consent.records,
        )


def _naming(context: PageContext, exchanges: Iterable[str]) -> Erasure:
    """Return the erasure of exchanges as they are now."""
    erased_records = [
        record for id in dict.fromkeys(exchanges) for record in context.projection.records_of(id)
    ]
    return Erasure(
        records=tuple(sorted(erased_records, key=lambda erased_record: erased_record.position))
    )


ROUTES: Final[tuple[PageRoute, ...]] = (PageRoute(path="/admin/erasures", handler=erasures),)
