"""The page of erasures, by which all sides take exchanges out of the record.

It shows each side's consents, and the erased exchanges. A side may take its consent
back. In a trial the host signs the erasure for the sides that have consented. Otherwise
every side signs it, on the command line.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.admin_words import AdminWords
from dragoman.console.forms.admin_forms import hindrance
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.document.blocks import Empty, Points, Remark, Section, Verbatim, section
from dragoman.domain.acts.erasure import consenting, hash_of
from dragoman.members.runs import Aside, Mark, PageLink, Run, Runs, listed
from dragoman_schemas.acts.office.channel import Erasure
from dragoman_schemas.state import Consent, Stamp


class ErasuresQuery(Struct, frozen=True, kw_only=True):
    """The exchanges whose form an earlier address had."""

    exchanges: str = ""


async def erasures(context: PageContext) -> Page | web.StreamResponse:
    """Return the page of erased exchanges and of waiting erasures.

    The address of the earlier form with exchanges leads to the form of now.
    """
    if exchanges := context.asked(ErasuresQuery).exchanges:
        return redirect(context.link("/admin/acts/erasure-consent", **{"f.records": exchanges}))
    words = AdminWords(context)
    say = words.w.say
    return words.page(
        "/admin/erasures",
        say("Erased records"),
        say(
            "All sides together can take whole exchanges out of the record. That something was said "
            "stays; what it was does not."
        ),
        sections=(_waiting(words), _gone(words)),
        beside=(_consent(words),),
    )


def _waiting(words: AdminWords) -> Section:
    say = words.w.say
    points = tuple(_waits(words, consent) for consent in words.context.registry.consents)
    nothing = Empty(
        say("No side has consented to anything that is still there."),
        say("An erasure needs the consent of every side, and waits here for it."),
    )
    return section(say("Waiting for consent"), Points(points) if points else nothing)


def _waits(words: AdminWords, consent: Consent) -> Runs:
    """Return the exchanges of a consent, its sides, and the acts that may follow.

    The consent stands until something is said in one of the exchanges. A page of the
    past does not say whether it does.
    """
    context, say, w = words.context, words.w.say, words.w
    states = [context.projection.exchange(id) for id in consent.exchanges]
    numbers = ["" if state is None else state.number for state in states]
    sides = consenting(context.registry, consent.records)
    silent = [side for side in context.sides if side not in sides]
    lapsed = not context.past and hash_of(_naming(context, consent.exchanges)) != consent.records
    links = listed(map(words.exchange, consent.exchanges, numbers), w.comma)
    consents = (
        words.of_record(
            Aside((_consented(words, side, at), words.record(at.position))), at.position
        )
        for side, at in sides.items()
    )
    standing: tuple[Run, ...]
    if lapsed:
        since = say("Something was said in one of them since.")
        standing = (Mark("state", say("lapsed"), "off"), " ", since)
    elif silent:
        standing = (say("No consent yet: %(sides)s", sides=w.listed(silent).upper()),)
    else:
        standing = (Mark("state", say("every side has consented"), "normal"),)
    buttons = () if lapsed else _ways(words, consent, silent, w.listed(numbers))
    return (*links, *consents, Aside(standing), *buttons)


def _consented(words: AdminWords, side: str, at: Stamp) -> str:
    return (
        words.w.say(
            "%(side)s consented on %(t)s, by %(who)s:",
            side=side.upper(),
            t=words.w.written(at.time, "minute"),
            who=words.context.titled(at.by),
        )
        + " "
    )


def _ways(
    words: AdminWords, consent: Consent, silent: list[str], numbers: str
) -> Iterator[PageLink]:
    """Yield the acts that the reader may do about a consent that stands."""
    context, say = words.context, words.w.say
    if hindrance(context):
        return
    query = {"f.records": "\n".join(consent.exchanges)}
    act, back = "/admin/acts/erasure-consent", query | {"f.withdrawn": "yes"}
    if context.side in silent:
        yield PageLink(say("Consent"), act, "button", query, numbers)
    else:
        yield PageLink(say("Take the consent back"), act, "button", back, numbers)
    if context.registry.custody == "host" and silent in ([], [context.side]):
        yield PageLink(say("Take out"), "/admin/acts/erasure", "button", query, numbers)


def _gone(words: AdminWords) -> Section:
    """Return the erased exchanges, the newest first."""
    context, say = words.context, words.w.say
    every = sorted(context.registry.erased.items(), key=lambda item: -item[1].position)
    if not every:
        nothing = Empty(
            say("Nothing was erased from this log."),
            say("Exchanges that all sides agreed to erase appear here."),
        )
        return section(say("Erased"), nothing)
    shown, rest = words.paged(every)
    points = tuple(
        (
            words.of_record(
                (Mark("code", id), Aside((words.record(at.position, at.time), ", ", at.by))),
                at.position,
            ),
        )
        for id, at in shown
    )
    return section(say("Erased"), Points(points), rest)


def _consent(words: AdminWords) -> Section:
    context, say = words.context, words.w.say
    change = words.change(
        say("Consent for %(side)s", side=context.side.upper()),
        "erasure-consent",
        say("Consent to an erasure"),
        say("Administrators of a side consent for it."),
        f"dragoman channel consent EXCHANGE {words.where} --sign YOUR-KEY.pem",
    )
    if context.registry.custody == "host":
        return change
    note = say("Then one side drafts the erasure, every side signs it, and the first posts it:")
    commands = (
        f"dragoman channel erase EXCHANGE {words.where}",
        f"dragoman channel sign {context.name}.erasure.json --key YOUR-KEY.pem",
    )
    return section(change.title, *change.blocks, Remark(note), *map(Verbatim, commands))


def _naming(context: PageContext, exchanges: Iterable[str]) -> Erasure:
    """Return the erasure of exchanges as they are now."""
    erased_records = [
        record for id in dict.fromkeys(exchanges) for record in context.projection.records_of(id)
    ]
    return Erasure(
        records=tuple(sorted(erased_records, key=lambda erased_record: erased_record.position))
    )


ROUTES: Final[tuple[PageRoute, ...]] = (PageRoute(path="/admin/erasures", handler=erasures),)
