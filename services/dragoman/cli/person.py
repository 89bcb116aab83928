"""The command `dragoman person`: the register of people.

The register is beside the log, so that its entries can be erased.
"""

from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter
from msgspec import json

from dragoman.cli.common import (
    EVERYWHERE,
    UNVERIFIED,
    File,
    Target,
    channel_of,
    connected,
    out,
    out_json,
    read_input,
    say,
    table,
)
from dragoman.client import Client, new_key
from dragoman.domain.acts.references import commitment
from dragoman_schemas.responses import PersonView, Register

person = App(name="person", help="Enter, change and erase people, whom acts name by id.")

Key = Annotated[
    str | None, Parameter(help="The Idempotency-Key. A UUIDv7 becomes the id of the entry.")
]


@person.command(name="new")
async def person_new(file: File, *, key: Key = None, target: Target = EVERYWHERE) -> int:
    """Enter the person in FILE, or on standard input for `-`.

    The entry has a name, and any of post, institution, telephones, emails, languages,
    note.
    """
    async with connected(target) as caller:
        headers = {"Idempotency-Key": f'"{key or new_key()}"'}
        answer = await caller.call(
            "POST", await _register(target, caller), read_input(file), headers
        )
    return _report(target, answer.of("person", PersonView), "entered")


@person.command(name="list")
async def person_list(
    *, side: Annotated[str, Parameter(help="Only this side.")] = "", target: Target = EVERYWHERE
) -> int:
    """List the register of a channel, of all sides or of one."""
    person_views: list[PersonView] = []
    async with connected(target) as caller:
        path, cursor = await _register(target, caller), ""
        while True:
            answer = await caller.call("GET", f"{path}?side={quote(side)}&cursor={cursor}")
            page = answer.of("register", Register)
            person_views += page.people
            cursor = page.next
            if not cursor:
                break
    if target.json:
        out_json(person_views)
        return 0
    rows = [
        [
            person_view.id,
            person_view.side,
            _member(person_view, "name"),
            _member(person_view, "post"),
            _member(person_view, "institution"),
        ]
        for person_view in person_views
    ]
    table(rows, ["ID", "SIDE", "NAME", "POST", "INSTITUTION"])
    return 0


@person.command(name="show")
async def person_show(
    id: Annotated[str, Parameter(help="The id of the person.")], *, target: Target = EVERYWHERE
) -> int:
    """Show the entry of an ID, and check the commitment by which acts name it."""
    async with connected(target) as caller:
        person_view = await _entry_of(target, caller, id)
    out_json(person_view)
    if not person_view.erased and person_view.commitment != commitment(
        bytes.fromhex(person_view.random), json.encode(person_view.entry)
    ):
        say("dragoman: VERIFICATION FAILED: the commitment is to something else than this entry")
        return UNVERIFIED
    say("erased" if person_view.erased else "the commitment is to this entry")
    return 0


@person.command(name="change")
async def person_change(
    id: Annotated[str, Parameter(help="The id of the person.")],
    file: File,
    *,
    target: Target = EVERYWHERE,
) -> int:
    """Replace the entry of an ID by FILE.

    The old entry is overwritten. Acts name the new one by a new commitment.
    """
    async with connected(target) as caller:
        before = await _entry_of(target, caller, id)
        headers = {"If-Match": f'"{before.commitment or "0" * 64}"'}
        answer = await caller.call(
            "PUT", f"{await _register(target, caller)}/{quote(id)}", read_input(file), headers
        )
    return _report(target, answer.of("person", PersonView), "changed")


@person.command(name="erase")
async def person_erase(
    id: Annotated[str, Parameter(help="The id of the person.")], *, target: Target = EVERYWHERE
) -> int:
    """Erase the entry of an ID with all its revisions.

    It cannot be restored. Acts that name it show "erased".
    """
    async with connected(target) as caller:
        before = await _entry_of(target, caller, id)
        headers = {} if before.erased else {"If-Match": f'"{before.commitment}"'}
        answer = await caller.call(
            "DELETE", f"{await _register(target, caller)}/{quote(id)}", headers=headers
        )
    return _report(target, answer.of("person", PersonView), "erased")


async def _register(target: Target, caller: Client) -> str:
    return f"/v1/channels/{quote(await channel_of(target, caller))}/people"


async def _entry_of(target: Target, caller: Client, id: str) -> PersonView:
    answer = await caller.call("GET", f"{await _register(target, caller)}/{quote(id)}")
    return answer.of("person", PersonView)


def _member(view: PersonView, name: str) -> str:
    value: Any = getattr(view.entry, name, "")
    return value if isinstance(value, str) else ""


def _report(target: Target, view: PersonView, verb: str) -> int:
    if target.json:
        out_json(view)
        return 0
    out(view.id)
    say(
        f"{verb} {view.updated}"
        + (
            ""
            if view.erased
            else f'; acts name {{"id":"{view.id}","commitment":"{view.commitment}"}}'
        )
    )
    return 0
