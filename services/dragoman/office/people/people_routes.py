"""Routes of the register of people."""

from typing import Any, Final

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application.http import submission
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.operations import (
    people_register,
)
from dragoman.application.operations.people_register import (
    PeopleQuery,
    change,
    enter,
    entry_of,
    erase,
    views,
)
from dragoman.limits import LIST_PAGE
from dragoman_schemas.responses import (
    PersonEntry,
    PersonView,
    Register,
)


async def list_people(call: ApiRequest[PeopleQuery]) -> ApiAnswer:
    """Return the register of people, page by page."""
    query = call.query
    persons = [
        person
        for person in await views(call)
        if person.id > query.cursor and query.side in ("", person.side)
    ]
    limit = max(1, min(query.limit, LIST_PAGE))
    more = persons[limit - 1].id if len(persons) > limit else ""
    headers = {"Cache-Control": "no-store"}
    if more:
        headers["Link"] = f'<{call.request.rel_url.update_query(cursor=more)}>; rel="next"'
    return ApiReply(body=Register(people=tuple(persons[:limit]), next=more), headers=headers)


async def new_person(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Enter a person."""
    submission.staff_of(call)
    key = submission.key_of(call.request.headers.get("Idempotency-Key"))
    return await enter(call, entry_of(await call.body()), key)


async def change_person(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Change an entry."""
    submission.staff_of(call)
    # An invalid entry is refused before If-Match is compared (RFC 9110 §13.2.1).
    return await change(call, entry_of(await call.body()))


async def erase_person(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Erase an entry."""
    return await erase(call)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/people",
        list_people,
        "The register of people",
        people_register.PeopleQuery,
        {200: Register},
        may=May.OFFICE,
        answer_headers=("Link",),
    ),
    Route(
        "POST",
        f"{CHANNEL}/people",
        new_person,
        "Enter somebody",
        NoBody,
        {201: PersonView},
        takes=PersonEntry,
        example=examples.PERSON,
        headers=("Idempotency-Key",),
        may=May.OWN_OFFICE,
        refusals=("no-room",),
    ),
    Route(
        "GET",
        f"{CHANNEL}/people/{{person}}",
        people_register.show_person,
        "A person, or the note that the entry is erased",
        NoBody,
        {200: PersonView},
        may=May.OFFICE,
    ),
    Route(
        "PUT",
        f"{CHANNEL}/people/{{person}}",
        change_person,
        "Change an entry",
        NoBody,
        {200: PersonView},
        takes=PersonEntry,
        example=examples.PERSON,
        headers=("If-Match",),
        may=May.OWN_OFFICE,
    ),
    Route(
        "DELETE",
        f"{CHANNEL}/people/{{person}}",
        erase_person,
        "Erase an entry",
        NoBody,
        {200: PersonView},
        headers=("If-Match",),
        may=May.OWN_OFFICE,
    ),
)
