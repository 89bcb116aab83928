"""Checks of the people and files that acts name, which are stored beside the log.

`check` refuses a post that names a person or a file that is not there. `seen` adds to a
view what became of those that it names. The fold knows nothing of this: a record stays
valid whatever is erased afterwards, and a replay needs no register.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from dragoman.application.service import Service
from dragoman.domain.acts import access, references
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import STAFF
from dragoman.domain.decide import Submission
from dragoman.domain.record.errors import FieldFault, Refusal, Refused, invalid, refuse
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import Projection
from dragoman.projection.queries import exchange_view
from dragoman.projection.view import queried
from dragoman.stores.files import File
from dragoman.stores.people import StoredPerson
from dragoman.stores.scan_verdicts import ScanVerdict
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import Text, sentence
from dragoman_schemas.acts.dialogue.perception import Perception
from dragoman_schemas.fields import Attachment
from dragoman_schemas.responses import ExchangeView, FileSeen, PersonSeen


def is_staff(projection: Projection, actor: str) -> bool:
    """Return whether an actor works with people and files: any officer but auditors."""
    officer = projection.registry.officers.get(actor)
    return officer is not None and officer.until is None and not STAFF.isdisjoint(officer.roles)


async def naming(
    service: Service, projection: Projection, digests: tuple[str, ...]
) -> dict[str, frozenset[str]]:
    """Return the sides whose valid acts name each of these files."""
    if not digests:
        return {}
    await projection.in_file()
    return await asyncio.wrap_future(
        service.store.in_thread(
            queried, service.store, projection.name, exchange_view.attached, digests
        )
    )


async def copies(service: Service, projection: Projection, grant: Grant, digest: str) -> list[File]:
    """Return the copies of a file that the caller may know of.

    They are the copies of the caller's own side, and of every side whose acts name the
    file.
    """
    staff, side = is_staff(projection, grant.actor), grant.side
    files = await service.files.found(
        projection.registry.cid,
        tuple(side_state.name for side_state in projection.registry.sides),
        digest,
    )
    foreign = [file for file in files if file.side != side or not staff]
    sides = (
        (await naming(service, projection, (digest,))).get(digest, frozenset())
        if foreign
        else frozenset()
    )
    return [file for file in files if (staff and file.side == side) or file.side in sides]


async def holding(
    service: Service, projection: Projection, grant: Grant, files: list[File]
) -> ScanVerdict | None:
    """Return the verdict that holds copies of a file back from the caller.

    None if nothing does. A station gets every file, because its own side's scanner
    decides. Raises `LogUnreachable`.
    """
    if service.scans is None or access.is_station(projection.registry, grant.actor):
        return None
    return await service.scans.holding(files, grant.side)


def refuse_held(verdict: ScanVerdict) -> Refused:
    """Return the refusal of a file that a verdict holds back."""
    if verdict.outcome == "refused":
        return refuse(
            "file-refused",
            "The scanner here refused this file: %(line)s. It is not given out. Ask its side for "
            "another one.",
            line=verdict.line,
        )
    if verdict.line:
        return refuse(
            "file-held",
            "The file waits until the scanner here has passed it. The last scan failed: %(line)s. "
            "It is scanned again by itself.",
            line=verdict.line,
        )
    return refuse(
        "file-held",
        "The file waits until the scanner here has passed it. Ask again in a moment.",
    )


# Posts


async def check(service: Service, projection: Projection, grant: Grant, post: Submission) -> None:
    """Raise `Refused` with pointers if a post names a person or file that is not there.

    The person or file must also be as the post describes it. Raises `LogUnreachable`.

    A post that was recorded before gets its first answer, whatever was changed or
    erased since. A caller who may not post the act at all gets that refusal, and learns
    nothing about people and files.
    """
    if isinstance(post.data, Perception) and projection.posted(post.id) is None:
        _check_issue(projection, post.data)
    if not references.may_name(post.act) or projection.posted(post.id) is not None:
        return
    act = msgspec.json.decode(post.act)
    faults = [
        *await _people_faults(service, projection, act),
        *await _file_faults(service, projection, grant, act),
    ]
    if not faults:
        return
    await projection.bring()  # Another gateway may have recorded the post before the change.
    if projection.posted(post.id) is None:
        rule = RULES[str(post.data.__struct_config__.tag)]
        denied = access.may_act(
            projection.registry,
            None,
            rule,
            post.actor,
            projection.state.position + 1,
            post.released_by,
        )
        if denied is not None:
            raise Refused(denied)
        detail = sentence(
            "The act names people or files that are not there. Correct what the errors name, and "
            "post it again."
        )
        raise Refused(Refusal(kind="invalid-act", detail=detail, faults=tuple(faults)))


def _check_issue(projection: Projection, data: Perception) -> None:
    """Raise `Refused` if a perception is about an issue that nobody has opened.

    The fold does not check this: a perception stays valid whatever is erased
    afterwards.
    """
    if data.under is UNSET:
        return
    opened = projection.exchange(data.under)
    if opened is None or opened.act != "perception":
        raise Refused(
            invalid(
                "/under",
                sentence(
                    "there is no issue with that id here; leave it out, or name the exchange "
                    "that opened the issue"
                ),
            )
        )


async def _people_faults(service: Service, projection: Projection, act: Any) -> list[FieldFault]:
    mentioned = list(references.people(act))
    if not mentioned:
        return []
    stored_persons = await service.people.found(
        projection.registry.cid, tuple(id for _, id, _ in mentioned)
    )
    faults = [
        (where, _person_fault(stored_persons.get(id), commitment))
        for where, id, commitment in mentioned
    ]
    return [
        FieldFault(pointer=where + fault[0], detail=fault[1])
        for where, fault in faults
        if fault is not None
    ]


def _person_fault(stored_person: StoredPerson | None, commitment: str) -> tuple[str, Text] | None:
    if stored_person is None:
        return "/id", sentence(
            "nobody of that id is in the channel's register of people; enter them with POST "
            "/people first"
        )
    if stored_person.erased:
        return "/id", sentence("the entry was erased; enter the person again with POST /people")
    if stored_person.commitment != commitment:
        return "/commitment", sentence(
            "the entry's commitment is now %(commitment)s; read the entry, and use that commitment",
            commitment=stored_person.commitment,
        )
    return None


async def _file_faults(
    service: Service, projection: Projection, grant: Grant, act: Any
) -> list[FieldFault]:
    faults: list[FieldFault] = []
    for where, attachment in references.attachments(act):
        files = await copies(service, projection, grant, attachment.sha256)
        fault = _file_fault(next((file for file in files if file.kept), None), attachment)
        if fault is not None:
            faults.append(FieldFault(pointer=where + fault[0], detail=fault[1]))
    return faults


def _file_fault(file: File | None, attachment: Attachment) -> tuple[str, Text] | None:
    if file is None:
        return "/sha256", sentence(
            "there is no such file here for your side; PUT it under /files first"
        )
    if file.bytes != attachment.bytes:
        return "/bytes", sentence("the file has %(n)s bytes", n=file.bytes)
    if file.media_type != attachment.media_type:
        return "/media_type", sentence(
            "the file was put as %(media_type)s", media_type=file.media_type
        )
    return None


# Views


async def seen(
    service: Service, projection: Projection, grant: Grant, view: ExchangeView
) -> ExchangeView:
    """Return the view of an exchange with the state of its people and files.

    Auditors see that state, and no names.
    """
    if not references.may_name(bytes(view.state)):
        return view
    state = msgspec.json.decode(bytes(view.state))
    mentioned: dict[str, set[str]] = {}
    for _, id, commitment in references.people(state):
        mentioned.setdefault(id, set()).add(commitment)
    try:
        people = await people_seen(service, projection, grant, mentioned)
        files = {
            digest: await _file(service, projection, grant, digest)
            for digest in dict.fromkeys(references.digests(state))
        }
    except LogUnreachable:
        people = {id: PersonSeen(unavailable=True) for id in mentioned}
        files = {digest: FileSeen(unavailable=True) for digest in references.digests(state)}
    return msgspec.structs.replace(view, people=people, files=files)


async def people_seen(
    service: Service, projection: Projection, grant: Grant, mentioned: Mapping[str, set[str]]
) -> dict[str, PersonSeen]:
    """Return the people that acts mention, by id, as the caller reads them.

    `mentioned` holds the commitments by id. Auditors see the state of the entries, and
    no names. Raises `LogUnreachable`.
    """
    stored_persons = (
        await service.people.found(projection.registry.cid, tuple(mentioned)) if mentioned else {}
    )
    reader = grant.actor if is_staff(projection, grant.actor) else ""
    return {
        id: _person(stored_persons.get(id), commitments, reader)
        for id, commitments in mentioned.items()
    }


def _person(stored_person: StoredPerson | None, commitments: set[str], reader: str) -> PersonSeen:
    """Return an entry of the register as a reader sees it.

    `reader` is empty for an auditor, who sees no names.
    """
    if stored_person is None:
        return PersonSeen(absent=True)
    if stored_person.erased:
        return PersonSeen(side=stored_person.side, erased=True)
    sealed = not stored_person.open_to(reader)
    return PersonSeen(
        side=stored_person.side,
        entry=UNSET if sealed or not reader else stored_person.person,
        sealed=sealed,
        changed=commitments != {stored_person.commitment},
    )


async def _file(service: Service, projection: Projection, grant: Grant, digest: str) -> FileSeen:
    files = await copies(service, projection, grant, digest)
    verdict = await holding(service, projection, grant, files)
    if verdict is not None:
        is_refused = verdict.outcome == "refused"
        return FileSeen(scanning=not is_refused, refused=is_refused, scanner=verdict.line)
    if any(file.kept for file in files):
        return FileSeen(there=True)
    erased = any(file.erased for file in files)
    return FileSeen(erased=erased, absent=not erased)
