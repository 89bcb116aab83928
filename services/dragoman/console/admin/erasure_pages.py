"""The pages of erasures, by which all sides take exchanges out of the record.

They show each side's consents, the erased exchanges, and the forms of an administrator.

A consent covers exactly what its administrator has read. The confirming page carries
the hash of the records that it counted. If something was said since, it asks again. A
side may take its consent back. In a trial the host signs the erasure for the sides that
have consented. Otherwise every side signs it, on the command line.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.console.admin.admin_forms import (
    address,
    at_the_end,
    colleagues,
    hindrance,
    record_act,
    sliced,
)
from dragoman.console.context import PageContext
from dragoman.console.forms.confirm import EndingPage, ask
from dragoman.console.forms.form_state import FormState
from dragoman.console.rendering import Handler, Page, PageRoute
from dragoman.console.sessions import redirect
from dragoman.domain.acts.erasure import consenting, exchanges_of, hash_of
from dragoman_schemas.acts.office.channel import Erasure
from dragoman_schemas.state import Exchange, Stamp

Doing = Literal["consent", "withdraw", "erase"]


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


async def erasures(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the page of erased exchanges and of waiting erasures.

    It includes the form that names exchanges.
    """
    registry = context.registry
    gone = sorted(registry.erased.items(), key=lambda item: item[1].position, reverse=True)
    gone_rows, following = sliced(
        context, [GoneRow(exchange=id, erased=stamp) for id, stamp in gone]
    )
    form = filled or FormState({"exchanges": [context.request.query.get("exchanges", "")]})
    view = Erasures(
        channel=context.name,
        position=context.position,
        custody=registry.custody,
        waiting=tuple(_waiting(context)),
        total=len(gone),
        gone=tuple(gone_rows),
    )
    values = {
        "filled": form,
        "hindrance": hindrance(context),
        "who": colleagues(context),
        "following": following,
        "server": address(context),
        "said": context.request.query.get("said", ""),
    }
    return Page(
        template="erasures.html", view=view, rows=view.gone, values=values, status=form.status
    )


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


def _named(context: PageContext, filled: FormState) -> list[Exchange]:
    """Return the exchanges that a form names, by number or id.

    The form shows each name that belongs to no exchange.
    """
    exchanges: list[Exchange] = []
    for word in filled["exchanges"].split():
        state = context.projection.exchange(context.projection.numbered(word) or word)
        if state is None:
            filled.wrong(
                "exchanges",
                context.words.say(
                    "There is no exchange %(name)s here. Give its number or its id.", name=word
                ),
            )
        elif state not in exchanges:
            exchanges.append(state)
    if not exchanges and not filled.faults:
        filled.wrong(
            "exchanges", context.words.say("Name the exchanges, each by its number or its id.")
        )
    return exchanges


def _asking(doing: Doing) -> Handler:
    async def asked(context: PageContext) -> Page | web.StreamResponse:
        filled = FormState({"exchanges": [context.request.query.get("exchanges", "")]})
        return await _ask(context, filled, doing, _named(context, filled))

    return asked


def _saying(doing: Doing) -> Handler:
    async def said(context: PageContext) -> Page | web.StreamResponse:
        return await _say(context, doing)

    return said


async def _ask(
    context: PageContext, filled: FormState, doing: Doing, exchanges: Sequence[Exchange]
) -> Page | web.StreamResponse:
    """Ask once."""
    if hindrance(context) or (doing == "erase" and context.registry.custody != "host"):
        return redirect(context.link("/admin/erasures"))
    if not exchanges or filled.of_field("exchanges"):
        return await erasures(context, filled)
    say, naming = context.words.say, _naming(context, (exchange.id for exchange in exchanges))
    question, button = {
        "consent": (
            say("Consent to take this out of the record?"),
            say("Consent for %(side)s", side=context.side.upper()),
        ),
        "withdraw": (
            say("Take the consent of %(side)s back?", side=context.side.upper()),
            say("Take the consent back"),
        ),
        "erase": (say("Take this out of the record, for ever?"), say("Take it out of the record")),
    }[doing]
    return ask(
        context,
        EndingPage(
            act="erasure" if doing == "erase" else "erasure-consent",
            of=" ".join(exchanges_of(naming)),
        ),
        question=question,
        follows=[*_what(context, exchanges), *_what_follows(context, doing)],
        button=button,
        back=(
            context.link("/admin/erasures"),
            say("Leave it as it is") if doing == "withdraw" else say("Leave it in the record"),
        ),
        area="admin",
        filled=filled,
        hidden={"exchanges": " ".join(exchanges_of(naming)), "read": hash_of(naming)},
        reason=doing != "erase",
        signs=context.registry.custody == "sides",
    )


def _what(context: PageContext, exchanges: Sequence[Exchange]) -> list[str]:
    """Return a line for each exchange that is to be erased."""
    words = context.words
    return [
        words.count(
            "%(number)s, %(what)s: %(n)s record",
            "%(number)s, %(what)s: %(n)s records",
            len(list(context.projection.records_of(exchange.id))),
            number=exchange.number or exchange.id,
            what=context.subject(exchange)[1],
        )
        for exchange in exchanges
    ]


def _what_follows(context: PageContext, doing: Doing) -> list[str]:
    say = context.words.say
    if doing == "consent":
        follows = [
            say(
                "The consent covers what these exchanges contain now. If anything is said in one "
                "of them later, it needs a new consent."
            ),
            say(
                "Once every side has consented, the exchanges can be erased from every page, "
                "list and search, completely and for ever."
            ),
        ]
        if context.registry.custody == "sides":
            follows.append(say("Every side signs the erasure itself as well, on the command line."))
        return follows
    if doing == "withdraw":
        return [
            say(
                "The log keeps the consent and its withdrawal. Nothing is erased without a "
                "new consent."
            )
        ]
    return [
        say(
            "The exchanges disappear from every page, list and search. The record keeps their "
            "numbers, times and authors."
        ),
        say(
            "The operator then deletes the bytes from the disks of this host. A mirror deletes "
            "them by itself."
        ),
    ]


async def _say(context: PageContext, doing: Doing) -> Page | web.StreamResponse:
    """Record the consent, its withdrawal, or the erasure."""
    filled = await FormState.of(context.request)
    exchanges = _named(context, filled)
    naming = _naming(context, (exchange.id for exchange in exchanges))
    if not filled.faults and hash_of(naming) != filled["read"]:
        filled.wrong(
            "reason",
            context.words.say(
                "Something was said in them since you read them. Look again, then press again."
            ),
        )
    if not filled.faults:
        act: dict[str, Any] = {
            "act": "erasure" if doing == "erase" else "erasure-consent",
            "records": [msgspec.to_builtins(record) for record in naming.records],
        }
        act |= {"reason": filled["reason"]} if filled["reason"] and doing != "erase" else {}
        act |= {"withdrawn": True} if doing == "withdraw" else {}
        if position := await record_act(context, filled, act, "reason"):
            return redirect(context.link("/admin/erasures", after=position, said=doing))
    await at_the_end(context)
    return await _ask(context, filled, doing, exchanges)


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin/erasures", handler=erasures),
    PageRoute(path="/admin/erasures/consent", handler=_asking("consent")),
    PageRoute(path="/admin/erasures/consent", handler=_saying("consent"), method="POST"),
    PageRoute(path="/admin/erasures/withdraw", handler=_asking("withdraw")),
    PageRoute(path="/admin/erasures/withdraw", handler=_saying("withdraw"), method="POST"),
    PageRoute(path="/admin/erasures/erase", handler=_asking("erase")),
    PageRoute(path="/admin/erasures/erase", handler=_saying("erase"), method="POST"),
)
