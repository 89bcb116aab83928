"""The register of people over HTTP.

The side that owns an entry enters, changes and erases it. All offices of the channel
read it.
"""

from typing import Any, Final

import msgspec
import structlog
from msgspec import UNSET, Struct

from dragoman.application.clock import stamp
from dragoman.application.http import submission
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.domain.record import ids, strict_json
from dragoman.domain.record.errors import Malformed, Refusal, Refused, make_refusal, refuse
from dragoman.domain.record.validation_errors import faults_of
from dragoman.limits import LIST_PAGE, PEOPLE, PERSON_BYTES
from dragoman.projection.projection import Projection
from dragoman.stores import people
from dragoman.stores.people import StoredPerson
from dragoman.text import sentence
from dragoman_schemas.responses import PersonEntry, PersonView

log = structlog.get_logger()

_GONE: Final = sentence(
    "There is no such entry in the channel's register of people; GET /people lists those there are."
)


class PeopleQuery(Struct, frozen=True, kw_only=True):
    """A query for entries of the register, by side and in pages.

    `cursor` is the id of the entry before the page.
    """

    side: str = ""
    cursor: str = ""
    limit: int = LIST_PAGE


def view(stored_person: StoredPerson, actor: str, *, random: bool = False) -> PersonView:
    """Return the view of an entry for an officer.

    With `random` it includes the random bytes from which its commitment was made.
    """
    reads = stored_person.open_to(actor)
    return PersonView(
        id=stored_person.id,
        side=stored_person.side,
        revision=stored_person.revision,
        commitment=stored_person.commitment,
        entry=stored_person.person if reads else UNSET,
        random=stored_person.random if random and reads else "",
        sealed=not reads,
        created=stored_person.created,
        updated=stored_person.updated,
        erased=stored_person.erased,
    )


def _reply(stored_person: StoredPerson, actor: str, status: int = 200, **headers: str) -> ApiReply:
    tag = {} if stored_person.erased else {"ETag": f'"{stored_person.commitment}"'}
    return ApiReply(
        body=view(stored_person, actor, random=True),
        status=status,
        headers={**tag, "Cache-Control": "no-store", **headers},
    )


async def _find(call: ApiRequest[Any], projection: Projection) -> StoredPerson:
    stored_person = await call.service.people.find(projection.registry.cid, call.path("person"))
    if stored_person is None:
        raise Refused(Refusal(kind="not-found", detail=_GONE))
    return stored_person


async def _find_own(call: ApiRequest[Any], projection: Projection, actor: str) -> StoredPerson:
    stored_person = await _find(call, projection)
    if stored_person.side != actor.partition("/")[0]:
        raise refuse(
            "not-permitted",
            "The entry belongs to %(side)s; only officers of that side change and erase it.",
            side=stored_person.side,
        )
    return stored_person


def _check_if_match(call: ApiRequest[Any], stored_person: StoredPerson, etag: str) -> None:
    text = etag or submission.if_match(call.request)
    if text is None:
        raise refuse(
            "precondition-required",
            "Send If-Match with the entry's ETag, its commitment, as you read it.",
        )
    if text != stored_person.commitment:
        raise _moved()


def _moved() -> Refused:
    return Refused(
        make_refusal(
            "moved", "A colleague has changed or erased the entry since you read it; read it again."
        )
    )


def entry_of(body: bytes) -> bytes:
    """Return an entry as it is stored: compact, its members in the order of the schema.

    Its text must meet the same rules as the text of acts. Raises `Malformed`,
    `Refused`.
    """
    raw = strict_json.read(body, cut=True)
    try:
        entry = msgspec.json.encode(msgspec.json.decode(raw, type=PersonEntry))
    except msgspec.ValidationError as error:
        raise faults_of(error, raw, PersonEntry) from None
    except msgspec.DecodeError as error:
        raise Malformed("", sentence("%(error)s; send valid JSON", error=str(error))) from None
    if len(entry) > PERSON_BYTES:
        raise refuse(
            "too-large",
            "An entry has at most %(limit)s KiB; shorten the note.",
            limit=PERSON_BYTES // 1024,
        )
    return entry


async def views(call: ApiRequest[Any]) -> list[PersonView]:
    """Return the entries of the channel that are not erased, by id, for the caller.

    Raises `Refused`, `LogUnreachable`.
    """
    projection, actor = submission.staff_of(call)
    return [
        view(stored_person, actor)
        for stored_person in await call.service.people.listed(projection.registry.cid)
    ]


async def enter(call: ApiRequest[Any], entry: bytes, key: str) -> ApiReply:
    """Enter a person of the caller's side, once for each key. Raises `Refused`.

    A page's form passes the entry and its key itself.
    """
    projection, actor = submission.staff_of(call)
    service, cid, side = (
        call.service,
        projection.registry.cid,
        actor.partition("/")[0],
    )
    entered = people.entered(
        ids.from_key(projection.name, actor, key), side, entry, stamp(service.now())
    )
    stored_person = await service.people.find(cid, entered.id)
    if stored_person is None:
        if sum(person.side == side for person in await service.people.listed(cid)) >= PEOPLE:
            raise refuse(
                "no-room",
                "A side has at most %(limit)s entries in a channel; erase those no longer needed.",
                limit=PEOPLE,
            )
        service.command_handler.refuse_if_read_only()
        if await service.people.keep(cid, entered, None):
            return _reply(
                entered, actor, 201, Location=f"/v1/channels/{projection.name}/people/{entered.id}"
            )
        stored_person = await service.people.find(cid, entered.id)
        assert stored_person is not None
    if stored_person.side != side or (
        stored_person.revision == 1 and bytes(stored_person.entry or b"") != entry
    ):
        raise refuse(
            "key-reused",
            "This Idempotency-Key was used before. Use a new key for something new.",
        )
    return _reply(
        stored_person,
        actor,
        201,
        Location=f"/v1/channels/{projection.name}/people/{stored_person.id}",
        **{"Idempotent-Replayed": "true"},
    )


async def show_person(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return one person of the register, as the caller may see them."""
    projection, actor = submission.staff_of(call)
    return _reply(await _find(call, projection), actor)


async def change(call: ApiRequest[Any], entry: bytes, etag: str = "") -> ApiReply:
    """Replace an entry in the version that was read. Raises `Refused`.

    A page's form passes the ETag that its officer has read.
    """
    projection, actor = submission.staff_of(call)
    stored_person = await _find_own(call, projection, actor)
    if stored_person.erased:
        raise refuse(
            "moved",
            "The entry was erased and cannot be restored; enter the person again with POST "
            "/people.",
        )
    _check_if_match(call, stored_person, etag)
    service = call.service
    service.command_handler.refuse_if_read_only()
    changed = people.changed(stored_person, entry, stamp(service.now()))
    if not await service.people.keep(projection.registry.cid, changed, stored_person):
        raise _moved()
    return _reply(changed, actor)


async def erase(call: ApiRequest[Any], etag: str = "") -> ApiReply:
    """Erase an entry; every revision is overwritten when this returns.

    Raises `Refused`.

    If the entry is erased already, the erasure is completed and the answer is the same.
    """
    projection, actor = submission.staff_of(call)
    stored_person = await _find_own(call, projection, actor)
    service = call.service
    service.command_handler.refuse_if_read_only()
    if stored_person.erased:
        erased = stored_person
        await service.people.sweep()
    else:
        _check_if_match(call, stored_person, etag)
        erased = people.erased(stored_person, stamp(service.now()))
        if not await service.people.keep(projection.registry.cid, erased, stored_person):
            raise _moved()
    log.info("person.erased", channel=projection.name, id=erased.id)
    return _reply(erased, actor)
