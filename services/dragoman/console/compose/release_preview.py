"""The preview of a release: the records of a matter and their public parts.

    candidates(context, "0197…")             [Candidate(record="0197…", position=12, …)]
    completed(context, [{"record": "0197…"}])
                [{"record": "0197…", "exchange": "0197…", "commit": "9f…"}]
    items(projection, display, records)      [ReleaseItem(position=12, facts=…), …]

`shown` gives the values of the page that anybody will read.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from multidict import MultiDict

from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.domain.acts.families import release
from dragoman.domain.acts.families.exchange import is_unattributed
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import Record
from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.kind import unnamed_record
from dragoman.members.runs import Aside, Mark, Runs
from dragoman.projection.projection import Projection
from dragoman.text import sentence
from dragoman_schemas.acts.dialogue.release import ReleasedRecord
from dragoman_schemas.fields import or_default
from dragoman_schemas.responses import FileSeen, PersonSeen
from dragoman_schemas.state import Exchange

OF: Final = "of_matter"
"""The field of a form, and the parameter of its address, that names a release's matter.
"""

_UNREAD: Final = frozenset({"signed"})
"""Members that mean nothing to a reader. The page shows all other members, since all
are published.
"""

_OWN: Final = frozenset(
    {"signed", "title", "text", "original", "records", "publish_at", "audience"}
)
"""Members of a release that its page shows elsewhere, or does not need."""


FURTHER: Final = "further_matter"
"""The field of a form in which a further matter is typed, by its number or id."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A record that a release may name, with its position and its name.

    `members` are the members that may be left out, each with its label.
    """

    record: str
    position: int
    shown: str
    members: tuple[tuple[str, str], ...]


class ReleaseItem(Struct, frozen=True, kw_only=True):
    """One record as it is published.

    `fits` is False if the record differs from the release. Then nothing is published.
    """

    position: int
    act: str
    by: str
    side: str
    time: str
    facts: list[DisplayedMember]
    without: tuple[str, ...] = ()
    fits: bool = True


def may_release(context: PageContext, state: Exchange) -> bool:
    """Return whether the reader may propose a release from a matter."""
    is_open = context.registry.kind in release.RELEASE.kinds and not is_unattributed(state)
    return context.may_post and is_open and state.act != "release"


def candidates(context: PageContext, exchange: str) -> list[Candidate]:
    """Return the records of a matter that a release may name, in their order."""
    state = context.projection.exchange(exchange) if exchange else None
    if state is None or not may_release(context, state):
        return []
    records = (
        context.projection.record_at(record.position)
        for record in context.projection.records_of(exchange)
        if not record.void
    )
    readable = [record for record in records if record is not None and record.act]
    return [_candidate(context, record) for record in readable if record.side != "service"]


def with_further(context: PageContext, fields: MultiDict[str]) -> tuple[MultiDict[str], str]:
    """Return the fields of a release with a further matter, and a problem.

    The problem is empty if the reader may release that matter.
    """
    typed = fields.popall(FURTHER, [""])[-1].strip()
    id = context.projection.numbered(typed.upper()) or typed.lower()
    if not candidates(context, id):
        fields.add(FURTHER, typed)
        return fields, context.words.say(
            "No matter of this channel that you may release has that number."
        )
    if id not in fields.getall(OF, []):
        fields.add(OF, id)
    return fields, ""


def _candidate(context: PageContext, record: Record) -> Candidate:
    content = content_of(record.act)
    names = [member.name for member in shapes.members(record.name) if member.name in content]
    return Candidate(
        record=record.envelope.id,
        position=context.projection.posted(record.envelope.id) or 0,
        shown=called(context.words, record),
        members=tuple((name, context.words.field(name)) for name in names),
    )


def called(words: Words, record: Record) -> str:
    """Return the name of a record: its act, its side and its time."""
    time = words.written(record.envelope.time, "minute")
    return words.say(
        "%(act)s of %(who)s, %(t)s", act=words.act(record.name), who=record.side.upper(), t=time
    )


def record_names(context: PageContext) -> Callable[[str], Runs]:
    """Return the function that names a record of the channel, with the way to it."""

    def named(id: str) -> Runs:
        position = context.projection.posted(id)
        record = None if position is None else context.projection.record_at(position)
        if record is None:
            return unnamed_record(id)
        number = context.words.say("record %(n)s", n=context.words.number(position or 0))
        name = Mark("record", called(context.words, record), f"/records/{position}")
        return (name, " ", Aside(number))

    return named


def display_of(
    context: PageContext,
    offices: Sequence[Office],
    people: Mapping[str, PersonSeen],
    files: Mapping[str, FileSeen] | None = None,
) -> Display:
    """Return a display that names exchanges, records, people and files."""
    names = record_names(context)
    return Display(context.words, offices, people, context.link, context.numbered, names, files)


def completed(
    context: PageContext, chosen: list[dict[str, Any]], *, for_members: bool = False
) -> list[dict[str, Any]]:
    """Return the records that a form chose, in the notation of an act.

    Each gets its exchange and its commitment. If members are left out, it also gets the
    digest of the remaining extract. A release for the members leaves out every member
    that names an officer.
    """
    records = []
    for entry in chosen:
        position = context.projection.posted(entry["record"])
        record = None if position is None else context.projection.record_at(position)
        if record is None:
            records.append({**entry, "exchange": entry["record"], "commit": "0" * 64})
            continue
        item = {
            "record": entry["record"],
            "exchange": record.envelope.subject,
            "commit": record.commit,
        }
        without = [name for name in entry.get("without", ()) if name in content_of(record.act)]
        without += [name for name in release.NAMING if for_members and name not in without]
        if without:
            digest = hashlib.sha256(release.extract(record.act, without)).hexdigest()
            item |= {"without": without, "extract": digest}
        records.append(item)
    return records


def items(
    projection: Projection, display: Display, released_records: tuple[ReleasedRecord, ...]
) -> Iterator[ReleaseItem]:
    """Yield the published content of each record that a release names."""
    for released_record in released_records:
        position = projection.posted(released_record.record)
        record = None if position is None else projection.record_at(position)
        if record is None or position is None or not record.act:
            yield ReleaseItem(position=position or 0, act="", by="", side="", time="", facts=[])
            continue
        without = or_default(released_record.without, ())
        extract = release.extract(record.act, without)
        yield ReleaseItem(
            position=position,
            act=record.name,
            by=record.envelope.actor,
            side=record.side,
            time=record.envelope.time,
            facts=display.facts(record.name, content_of(extract), leave=_UNREAD),
            without=without,
            fits=release.fits(released_record, record),
        )


# The preview


class Preview(Struct, frozen=True, kw_only=True):
    """A release as it will be read."""

    release: str
    status: str
    publish_at: str


async def preview(context: PageContext) -> Page:
    """Return the page that anybody will read once the release is public.

    Only members of the channel can read the preview.
    """
    state = context.projection.exchange(context.request.match_info["exchange"])
    if state is None or state.act != "release":
        raise refused("not-found", sentence("No release in this channel has that id."))
    return Page(
        template="public_release.html",
        view=Preview(
            release=state.id,
            status=state.status,
            publish_at=f"{release.publish_at(state):%Y-%m-%dT%H:%M:%SZ}",
        ),
        values=await context.in_thread(
            shown, context.words, context.projection, state, context.service.now()
        )
        | {"preview": True},
    )


def shown(words: Words, projection: Projection, state: Exchange, now: Any) -> dict[str, Any]:
    """Return the values of a release's page, the same for members and for anybody."""
    sides = [side.name for side in projection.registry.sides]
    offices = tuple(office_of(side, projection.office(side)) for side in sides)
    display = Display(words, offices)
    content: Mapping[str, Any] = state.content
    release_items = [*items(projection, display, release.records_of(state))]
    return {
        "state": state,
        "sides": sides,
        "headline": display.text(msgspec.json.decode(content["title"])),
        "text": display.text(msgspec.json.decode(content["text"])) if "text" in content else "",
        "facts": display.facts(state.act, content, leave=_OWN),
        "items": release_items,
        "fits": all(release_item.fits for release_item in release_items),
        "public": release.is_public(state, now),
        "for_members": release.is_for_members(state),
        "since": f"{release.publish_at(state):%Y-%m-%dT%H:%M:%SZ}",
        "bundle": f"/v1/releases/{projection.name}/{state.id}",
        "address": f"/releases/{projection.name}/{state.id}",
        "file": f"{projection.name}-{state.id[:8]}.json",
    }


ROUTES: Final = (PageRoute(path="/releases/{exchange:[0-9a-f-]{36}}", handler=preview),)
