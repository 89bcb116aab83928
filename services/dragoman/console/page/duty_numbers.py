"""The telephone numbers to ring: those of the points of contact in force.

The numbers are in the register of people, which is beside the log. While the broker
responds, the service reads the register there. Otherwise the page shows what this
gateway read last. A page says "use the telephone" just when the broker is gone.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, UnsetType

from dragoman.application import attachment_checks
from dragoman.application.http.conditional_requests import in_view
from dragoman.console.page.context import PageContext
from dragoman.document.html import dialling
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words
from dragoman.members.texts import language
from dragoman.projection.projection import Projection
from dragoman.projection.queries import duty_watch
from dragoman.stores.people import StoredPerson
from dragoman_schemas.responses import MeansTested, PointView

_MOST = 8


class NumberToRing(Struct, frozen=True, kw_only=True):
    """A point of contact to ring, with its telephone numbers.

    It says in the reader's language whether somebody is there, in which languages, and
    how the last test went.
    """

    side: str
    role: str
    exchange: str
    numbers: tuple[tuple[str, str], ...]
    there: str
    languages: tuple[str, ...]
    named_languages: str
    tested: str

    @property
    def scripted(self) -> dict[str, object]:
        """The values for the scripts and for the device's own copy.

        They contain nobody's name.
        """
        return {
            "side": self.side.upper(),
            "role": self.role,
            "numbers": [{"number": number, "dialled": dialled} for number, dialled in self.numbers],
            "languages": self.named_languages,
            "tested": self.tested,
        }


async def of_channel(
    context: PageContext, projection: Projection, first: str
) -> tuple[NumberToRing, ...]:
    """Return the points of contact to ring in a channel now, with their numbers.

    Those of the side `first` come before the others.
    """
    if context.grant.is_operator or not projection.is_channel:
        return ()
    service = context.service
    points_of_contact, _ = await in_view(
        context.call, projection, service.now(), None, duty_watch.points_of_contact
    )
    points = [point for point in points_of_contact.points if point.stage == "in_force"]
    points.sort(key=lambda point: (point.side != first, not point.there_now))
    return await ringing(context, projection, points[:_MOST])


async def ringing(
    context: PageContext, projection: Projection, points: Sequence[PointView]
) -> tuple[NumberToRing, ...]:
    """Return points of contact with the numbers that the reader may see.

    Auditors see no numbers.
    """
    people = await _people(
        context, projection, {id for point in points for id in (point.person, point.deputy) if id}
    )
    reader = (
        context.grant.actor if attachment_checks.is_staff(projection, context.grant.actor) else ""
    )
    return tuple(
        _ringing(context.words, point, tuple(_numbers(point, people, reader))) for point in points
    )


async def _people(
    context: PageContext, projection: Projection, ids: set[str]
) -> dict[str, StoredPerson]:
    people, cid = context.service.people, projection.registry.cid
    if context.service.is_live(projection):
        try:
            return await people.found(cid, tuple(ids))
        except LogUnreachable:
            pass
    return people.known(cid, tuple(ids))


def _numbers(
    point: PointView, stored_persons: dict[str, StoredPerson], reader: str
) -> Iterator[str]:
    if "telephone" not in point.means:
        return
    for id in (point.person, point.deputy):
        entry = stored_persons.get(id)
        if entry is None or entry.erased or not reader or not entry.open_to(reader):
            continue
        person = entry.person
        if not isinstance(person, UnsetType) and not isinstance(person.telephones, UnsetType):
            yield from person.telephones


def _ringing(words: Words, point: PointView, numbers: Iterable[str]) -> NumberToRing:
    if point.there_now:
        presence = words.say("within its hours")
    else:
        presence = (
            words.say("opens %(t)s", t=words.written(point.opens, "minute"))
            if point.opens
            else words.say("outside its hours")
        )
    return NumberToRing(
        side=point.side,
        role=point.role,
        exchange=point.exchange,
        numbers=tuple((number, dialling(number)) for number in dict.fromkeys(numbers)),
        there=presence,
        languages=tuple(point.languages),
        named_languages=words.listed(language(text) for text in point.languages),
        tested=_tested(
            words, next((item for item in point.tested if item.means == "telephone"), None)
        ),
    )


def _tested(words: Words, test: MeansTested | None) -> str:
    if test is None:
        return words.say("telephone never tested")
    return words.say(
        "tested %(t)s: %(what)s",
        t=words.written(test.time, "minute"),
        what=words.value(test.outcome),
    )
