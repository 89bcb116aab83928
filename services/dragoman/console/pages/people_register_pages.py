"""The register of people as pages: who is in it, and forms by which the offices enter, change and erase their own people.

It stands beside the log and keeps no past. Every form goes through the functions of the API: `dragoman.application.operations.people_register`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct, UnsetType

from dragoman.application import attachment_checks
from dragoman.application.http import submission
from dragoman.application.http.request import ApiAnswer, ApiReply
from dragoman.application.operations import people_register
from dragoman.console.admin.admin_forms import at_the_end
from dragoman.console.display.act_display import language, other_languages
from dragoman.console.forms.confirm import Asking, ask
from dragoman.console.forms.form_state import Filled
from dragoman.console.rendering import Page, PageContext, PageRoute
from dragoman.console.sessions import kept_form, see
from dragoman.domain.record.errors import Malformed, Refused
from dragoman.i18n.words import Words
from dragoman.limits import PEOPLE, SCREEN_ROWS
from dragoman.projection import duty_watch
from dragoman_schemas.problems import TYPES
from dragoman_schemas.responses import PersonEntry, PersonView, PointsOfContact, PointView

_LINES: Final = ("name", "post", "institution", "note")
_LISTS: Final = ("telephones", "emails")
_FIELDS: Final = (
    "name",
    "post",
    "institution",
    "telephones",
    "emails",
    "languages",
    "note",
    "readers",
)


class RegisterView(Struct, frozen=True, kw_only=True):
    """A page of the register, as the reader may read it, and how many entries the search has left."""

    channel: str
    people: tuple[PersonView, ...]
    count: int


class PersonPage(Struct, frozen=True, kw_only=True):
    """An entry, and the points of contact that name it."""

    channel: str
    person: PersonView | None = None
    points: tuple[PointView, ...] = ()


class PersonRow(Struct, frozen=True, kw_only=True):
    """An entry as a row of a table."""

    side: str
    name: str
    post: str
    institution: str
    languages: tuple[str, ...]
    updated: str
    sealed: bool
    id: str


# Who is in it


async def listed(here: PageContext) -> Page:
    """The register, with those first whose names come first."""
    if here.past:
        return _kept_no_past(here)
    q, side = here.request.query.get("q", "").strip(), here.request.query.get("side", "")
    page = submission.whole(here.request.query.get("page", "1")) or 1
    found = [
        each
        for each in await people_register.views(here.call)
        if side in ("", each.side) and _matches(each, q)
    ]
    found.sort(key=lambda each: (_name(each).casefold(), each.id))
    skipped = (page - 1) * SCREEN_ROWS
    view = RegisterView(
        channel=here.name, people=tuple(found[skipped : skipped + SCREEN_ROWS]), count=len(found)
    )
    return Page(
        template="people_register.html",
        view=view,
        rows=[_line(each) for each in view.people],
        values={
            "q": q,
            "side": side,
            "page": page,
            "shown_to": skipped + len(view.people),
            "most": PEOPLE,
            "may_enter": _may_enter(here),
            "said": here.request.query.get("said", ""),
        },
    )


def _kept_no_past(here: PageContext) -> Page:
    submission.staff_of(here.call)
    view = RegisterView(channel=here.name, people=(), count=0)
    return Page(
        template="people_register.html", view=view, rows=[], values={"said": "", "may_enter": False}
    )


def _may_enter(here: PageContext) -> bool:
    return (
        attachment_checks.is_staff(here.projection, here.grant.actor)
        and not here.past
        and here.grant.scope != "read"
    )


def _entry(view: PersonView) -> PersonEntry | None:
    return None if isinstance(view.entry, UnsetType) else view.entry


def _name(view: PersonView) -> str:
    entry = _entry(view)
    return "" if entry is None else entry.name


def _matches(view: PersonView, q: str) -> bool:
    """Whether every word that is searched for is in the name; an entry that is not for the reader is found by nothing."""
    name = _name(view).casefold()
    return all(word in name for word in q.casefold().split())


def _line(view: PersonView) -> PersonRow:
    entry = _entry(view)
    return PersonRow(
        side=view.side,
        name=_name(view),
        post=_given(entry, "post"),
        institution=_given(entry, "institution"),
        languages=tuple(_given(entry, "languages").split()),
        updated=view.updated,
        sealed=view.sealed,
        id=view.id,
    )


def _given(entry: PersonEntry | None, name: str) -> str:
    """A member of an entry as a form has it; empty where it is not given."""
    value = getattr(entry, name, "")
    if isinstance(value, UnsetType):
        return ""
    if isinstance(value, str):
        return value
    return (" " if name == "languages" else "\n").join(value)


# One entry


async def new(here: PageContext) -> Page:
    """The form by which somebody is entered."""
    if here.past:
        return _kept_no_past(here)
    await people_register.views(
        here.call
    )  # who may not enter anybody is told here, and not after typing
    return _form(here, PersonPage(channel=here.name), Filled())


async def enter(here: PageContext) -> Page | web.StreamResponse:
    """Enter somebody."""
    filled = await Filled.of(here.request)
    entry = _entry_of(filled, here.words)
    if entry:
        with filled.trying("name"):
            person = _person(
                await people_register.enter(here.call, entry, submission.key_of(filled.key))
            )
            back = _left(here)
            if back and filled["in"]:
                return see(here.to(back, entered=person.id, in_=filled["in"]))
            return see(here.link(f"/people/register/{person.id}", said="entered"))
    await at_the_end(here)
    return _form(here, PersonPage(channel=here.name), filled)


async def show(here: PageContext) -> Page:
    """An entry; to its own side as a form."""
    if here.past:
        return _kept_no_past(here)
    view = await _shown(here)
    return _form(here, view, _filled(view.person))


async def change(here: PageContext) -> Page | web.StreamResponse:
    """Change an entry: write over the revision that was read. Where that is another by now, the form shows both."""
    filled = await Filled.of(here.request)
    entry, etag = _entry_of(filled, here.words), filled["etag"]
    if entry:
        try:
            with filled.trying("name"):
                person = _person(await people_register.change(here.call, entry, etag))
                return see(here.link(f"/people/register/{person.id}", said="changed"))
        except Refused as error:
            if error.refusal.kind != "moved":
                raise
            etag = ""
            filled.wrong("name", _moved(here.words), status=TYPES["moved"][0])
    await at_the_end(here)
    return _form(here, await _shown(here), filled, etag)


def _left(here: PageContext) -> str:
    """Return the address of the form that was left to enter somebody; empty where there is none."""
    kept = kept_form(here.request, here.grant.actor)
    return kept.path if kept is not None and kept.path.startswith(f"/c/{here.name}/") else ""


def _moved(words: Words) -> str:
    return words.say(
        "A colleague has changed or erased the entry since you read it. What stands there now is beside the form."
    )


async def ask_erase(here: PageContext) -> Page | web.StreamResponse:
    """What is lost when an entry is erased, asked once."""
    if here.past:
        return _kept_no_past(here)
    view = await _shown(here)
    person = view.person
    if person is None or person.erased or person.side != here.side or not _may_enter(here):
        return see(here.link(f"/people/register/{here.request.match_info['person']}"))
    return _ask(here, view, person, Filled())


def _ask(here: PageContext, view: PersonPage, person: PersonView, filled: Filled) -> Page:
    say = here.words.say
    roles = here.words.listed(point.role for point in view.points)
    return ask(
        here,
        Asking(act="erase", of=person.id),
        question=say("Erase the entry of %(name)s?", name=_name(person)),
        follows=[
            say(
                "The name, the post, the numbers, the addresses and the note are lost, in every revision. This cannot be taken back."
            ),
            say(
                "The id, the side and the times are kept. Acts that name the entry stay valid, and nobody can say who was meant."
            ),
            say(
                "These points of contact name it, and will have nobody to ring: %(roles)s.",
                roles=roles,
            )
            if roles
            else say("No point of contact names it."),
        ],
        button=say("Erase the entry"),
        back=(here.link(f"/people/register/{person.id}"), say("Keep it")),
        area="people",
        filled=filled,
        hidden={"etag": person.commitment},
    )


async def erase(here: PageContext) -> Page | web.StreamResponse:
    """Erase an entry. One that is another by now is asked about anew."""
    filled = await Filled.of(here.request)
    try:
        with filled.trying("end"):
            await people_register.erase(here.call, filled["etag"])
            return see(here.link("/people/register", said="erased"))
    except Refused as error:
        if error.refusal.kind != "moved":
            raise
        sentence = here.words.say(
            "A colleague has changed the entry since you read it. Look at it as it stands now."
        )
        filled.wrong("end", sentence, status=TYPES["moved"][0])
    await at_the_end(here)
    view = await _shown(here)
    return (
        see(here.link("/people/register"))
        if view.person is None
        else _ask(here, view, view.person, filled)
    )


async def _shown(here: PageContext) -> PersonPage:
    person = _person(await people_register.show_person(here.call))
    found: PointsOfContact = await here.in_thread(
        duty_watch.points_of_contact, here.service.store, here.name, here.service.now()
    )
    return PersonPage(
        channel=here.name,
        person=person,
        points=tuple(each for each in found.points if person.id in (each.person, each.deputy)),
    )


def _person(answered: ApiAnswer) -> PersonView:
    assert isinstance(answered, ApiReply) and isinstance(answered.body, PersonView)
    return answered.body


def _form(here: PageContext, view: PersonPage, filled: Filled, etag: str = "") -> Page:
    person = view.person
    own = person is None or person.side == here.side
    asking = "" if person is not None else filled["in"] or here.request.query.get("in", "")
    back = _left(here) if asking else ""
    entered = () if person is None else _given(_entry(person), "readers").split()
    return Page(
        template="person.html",
        view=view,
        status=filled.status,
        values={
            "filled": filled,
            "etag": etag or ("" if person is None else person.commitment),
            "own": own,
            "may_change": own and _may_enter(here) and not (person is not None and person.erased),
            "languages_here": [(tag, language(tag)) for tag in here.registry.languages],
            "other_languages": other_languages(here.registry.languages, filled.all("languages")),
            "readers": _readers(here, [*filled.all("readers"), *entered]),
            "back": back,
            "asking": asking if back else "",
            "fields": _FIELDS,
            "given": _given,
            "said": here.request.query.get("said", ""),
        },
    )


def _readers(here: PageContext, chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Whom an entry may be restricted to: officers of the other sides, and those who are chosen already."""
    known = [
        actor
        for actor in here.projection.registry.officers
        if attachment_checks.is_staff(here.projection, actor)
    ]
    found = sorted({each for each in (*known, *chosen) if not each.startswith(f"{here.side}/")})
    return [(each, f"{each.partition('/')[0].upper()} {each.partition('/')[2]}") for each in found]


# What stands in the form


def _filled(person: PersonView | None) -> Filled:
    """A form with what an entry says."""
    entry = None if person is None else _entry(person)
    return Filled(
        {
            name: _given(entry, name).split()
            if name in ("readers", "languages")
            else [_given(entry, name)]
            for name in _FIELDS
        }
    )


def _entry_of(filled: Filled, words: Words) -> bytes:
    """The entry that a form says; empty where it says none, and each field that is wrong is told."""
    given: dict[str, Any] = {name: filled[name] for name in _LINES if filled[name]}
    given |= {
        name: lines
        for name in _LISTS
        if (lines := [line.strip() for line in filled[name].splitlines() if line.strip()])
    }
    if languages := list(dict.fromkeys(filled.all("languages"))):
        given["languages"] = languages
    if readers := list(dict.fromkeys(filled.all("readers"))):
        given["readers"] = readers
    for field, sentence in _faults(given, words):
        filled.wrong(field, sentence)
    return b"" if filled.faults else people_register.entry_of(msgspec.json.encode(given))


def _faults(given: dict[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    """Each field by itself, so that all that is wrong is said at once."""
    sentences = {
        "name": words.say("Write the name in at most 200 characters."),
        "post": words.say("Write the post in at most 200 characters."),
        "institution": words.say("Write the institution in at most 200 characters."),
        "telephones": words.say(
            "Write at most 10 telephone numbers, one a line, of digits, spaces and + ( ) / . - alone."
        ),
        "emails": words.say(
            "Write at most 10 e-mail addresses, one a line, like name@office.example."
        ),
        "languages": words.say("Choose at most 10 languages from the list."),
        "note": words.say("Write the note in at most 1,000 characters."),
        "readers": words.say("Choose officers of the other sides."),
    }
    if "name" not in given:
        yield "name", words.say("Write a name.")
    for name, value in given.items():
        try:
            people_register.entry_of(msgspec.json.encode({"name": "-", name: value}))
        except Malformed:
            yield name, sentences[name]


_ONE: Final = "/people/register/{person:[0-9a-f-]{36}}"

SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/people/register", handler=listed),
    PageRoute(path="/people/register/new", handler=new),
    PageRoute(path="/people/register/new", handler=enter, method="POST"),
    PageRoute(path=_ONE, handler=show),
    PageRoute(path=_ONE, handler=change, method="POST"),
    PageRoute(path=f"{_ONE}/erase", handler=ask_erase),
    PageRoute(path=f"{_ONE}/erase", handler=erase, method="POST"),
)
