"""The pages of the register of people: the list, and forms for a side's own people.

Offices enter, change and erase their people there. The register is beside the log and
keeps no past. Every form uses the functions of the API:
`dragoman.application.operations.people_register`.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct, UnsetType, field

from dragoman.application import attachment_checks
from dragoman.application.http import submission
from dragoman.application.http.request import ApiAnswer, ApiReply
from dragoman.application.operations import people_register
from dragoman.console.display.act_display import other_languages
from dragoman.console.forms.admin_forms import at_the_end
from dragoman.console.forms.confirm import ask
from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import ListQuery, PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import kept_form, redirect
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import (
    Empty,
    Facts,
    FieldGroup,
    Form,
    FormField,
    ListingRow,
    PageDocument,
    Points,
    Remark,
    Section,
    choice,
    line,
    rows_listed,
    section,
)
from dragoman.domain.record.errors import Malformed, Refused
from dragoman.i18n.words import Words
from dragoman.limits import SCREEN_ROWS
from dragoman.members.kind import Say
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    Mark,
    PageLink,
    QuotedText,
    Run,
    Runs,
    joined,
    listed,
    plain,
)
from dragoman.members.texts import LanguageKind, language
from dragoman.projection.queries import duty_watch
from dragoman_schemas.fields import or_default
from dragoman_schemas.problems import TYPES
from dragoman_schemas.responses import PersonEntry, PersonView, PointView

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


class PersonPage(Struct, frozen=True, kw_only=True):
    """An entry, and the points of contact that name it."""

    channel: str
    person: PersonView | None = None
    points: tuple[PointView, ...] = ()


class RegisterQuery(ListQuery, frozen=True, kw_only=True):
    """The words of a name, the side, and the page of the register."""

    q: str = ""
    side: str = ""


class EntryQuery(Struct, frozen=True, kw_only=True):
    """The field of a form for which somebody is entered."""

    in_: str = field(name="in", default="")


# The list


async def people(context: PageContext) -> Page:
    """Return the register, sorted by name."""
    if context.past:
        return _kept_no_past(context)
    query = context.asked(RegisterQuery)
    q, side, page = query.q, query.side, query.page
    views = [
        item
        for item in await people_register.views(context.call)
        if side in ("", item.side) and _matches(item, q)
    ]
    views.sort(key=lambda person_view: (_name(person_view).casefold(), person_view.id))
    skipped = (page - 1) * SCREEN_ROWS
    rows = views[skipped : skipped + SCREEN_ROWS]
    words, w, say = PageWords(context), context.words, context.words.say
    head = (say("Name"), say("Side"), say("Post"), say("Institution"), say("Languages"))
    nothing = (
        say("Nobody is found. Leave out a word of the name, or the side.")
        if q or side
        else say("Nobody is entered. Enter people here before an act names them.")
    )
    entries = section(
        say("Entries"),
        rows_listed(
            say("Entries of the register"),
            (*head, say("Changed")),
            (_row(words, view) for view in rows),
            Empty(nothing),
        ),
        _hidden(words) if q or side else None,
        _pages(words, page, skipped + len(rows), len(views)),
        aside=(w.number(len(views)) if views else say("none"),),
    )
    sides = (("", say("all sides")), *((name, name.upper()) for name in context.sides))
    fields = (line("q", say("Name"), q), choice("side", say("Side"), side, sides))
    enter = PageLink((say("Enter somebody"),), "/people/register/new", "button")
    lead = say(
        "Acts name people by an id and a commitment. Only this register says who they are. The "
        "offices of this channel can read it, and entries can be erased."
    )
    label = button = say("Search")
    search = Form(to="/people/register", parts=fields, button=button, gets=True, label=label)
    actions = (enter,) if _may_enter(context) else ()
    return Page(view=_register(context, lead, actions, section("", search), entries))


def _register(
    context: PageContext, lead: str, actions: tuple[PageLink, ...], *sections: Section
) -> PageDocument:
    say = context.words.say
    is_erased = context.said == "erased"
    return PageDocument(
        title=say("Register of people"),
        announced=say("The entry is erased. Every revision of it is overwritten.")
        if is_erased
        else "",
        area="people",
        crumbs=(PageLink((say("People"),), "/people"),),
        lead=(lead,),
        actions=actions,
        sections=sections,
    )


def _row(words: PageWords, view: PersonView) -> ListingRow:
    entry, say = _entry(view), words.w.say
    post, institution = _given(entry, "post"), _given(entry, "institution")
    languages = _given(entry, "languages").split()
    name: Run = QuotedText(_name(view))
    if view.sealed:
        name = say("shown only to named officers")
    cells: tuple[Cell, ...] = (
        PageLink((name,), f"/people/register/{view.id}", spoken=view.id if view.sealed else ""),
        words.side(view.side),
        QuotedText(post) if post else "–",
        QuotedText(institution) if institution else "–",
        LanguageKind(many=True).runs(languages, Say(words=words.w)) if languages else "–",
        words.time(view.updated),
    )
    return ListingRow(cells, {"row": ""})


def _hidden(words: PageWords) -> Remark:
    """Return the remark on entries that a search does not show."""
    text = words.w.say(
        "Entries that the search does not find are hidden. No search finds entries that only "
        "named officers may read."
    )
    return Remark((text, words.w.space, PageLink((words.w.say("Show all"),), "/people/register")))


def _pages(words: PageWords, page: int, shown_to: int, count: int) -> Remark | None:
    """Return the links to the pages beside this one; None for the only page."""
    say, number = words.w.say, words.w.number
    links: list[Cell] = []
    if page > 1:
        links += [words.again(say("before"), {"page": page - 1}), " "]
    if shown_to < count:
        links += [words.again(say("next"), {"page": page + 1}), " "]
    if not links:
        return None
    return Remark(joined((*links, say("%(a)s of %(b)s", a=number(shown_to), b=number(count)))))


def _kept_no_past(context: PageContext) -> Page:
    submission.staff_of(context.call)
    say = context.words.say
    lead = say("The register is not part of the log and keeps no past. Erased entries are gone.")
    now = PageWords(context).again(say("The register as it is now"), {"at": ""})
    return Page(view=_register(context, lead, (now,)))


def _may_enter(context: PageContext) -> bool:
    return (
        attachment_checks.is_staff(context.projection, context.grant.actor)
        and not context.past
        and context.grant.scope != "read"
    )


def _entry(view: PersonView) -> PersonEntry | None:
    return or_default(view.entry, None)


def _name(view: PersonView) -> str:
    entry = _entry(view)
    return "" if entry is None else entry.name


def _matches(view: PersonView, q: str) -> bool:
    """Return whether the name contains every word of the search.

    A search never finds an entry that the reader may not see.
    """
    name = _name(view).casefold()
    return all(word in name for word in q.casefold().split())


def _given(entry: PersonEntry | None, name: str) -> str:
    """Return a member of an entry in the form's notation; empty if it is not set."""
    value = getattr(entry, name, "")
    if isinstance(value, UnsetType):
        return ""
    if isinstance(value, str):
        return value
    return (" " if name == "languages" else "\n").join(value)


# One entry


async def new(context: PageContext) -> Page:
    """Return the form for a new entry."""
    if context.past:
        return _kept_no_past(context)
    await people_register.views(
        context.call
    )  # a reader who may not enter anybody must learn it before typing
    return _form(context, PersonPage(channel=context.name), FormState())


async def enter(context: PageContext) -> Page | web.StreamResponse:
    """Enter a person."""
    filled = await FormState.of(context.request)
    entry = _entry_of(filled, context.words)
    if entry:
        with filled.trying("name"):
            person = _person(
                await people_register.enter(context.call, entry, submission.key_of(filled.key))
            )
            back = _left(context)
            if back and filled["in"]:
                return redirect(context.to(back, entered=person.id, in_=filled["in"]))
            return redirect(context.link(f"/people/register/{person.id}", said="entered"))
    await at_the_end(context)
    return _form(context, PersonPage(channel=context.name), filled)


async def show(context: PageContext) -> Page:
    """Return an entry; the reader's own side gets it as a form."""
    if context.past:
        return _kept_no_past(context)
    view = await _shown(context)
    return _form(context, view, _filled(view.person))


async def change(context: PageContext) -> Page | web.StreamResponse:
    """Change an entry, provided that it still has the revision that was read.

    If a colleague has changed it since, the form shows both versions.
    """
    filled = await FormState.of(context.request)
    entry, etag = _entry_of(filled, context.words), filled["etag"]
    if entry:
        try:
            with filled.trying("name"):
                person = _person(await people_register.change(context.call, entry, etag))
                return redirect(context.link(f"/people/register/{person.id}", said="changed"))
        except Refused as error:
            if error.refusal.kind != "moved":
                raise
            etag = ""
            filled.wrong("name", _moved(context.words), status=TYPES["moved"][0])
    await at_the_end(context)
    return _form(context, await _shown(context), filled, etag)


def _left(context: PageContext) -> str:
    """Return the address of the form that the reader left to enter a person.

    Return an empty text if there was no such form.
    """
    form = kept_form(context.request, context.grant)
    return form.path if form is not None and form.path.startswith(f"/c/{context.name}/") else ""


def _moved(words: Words) -> str:
    return words.say(
        "A colleague has changed or erased the entry since you read it. Its present content is "
        "beside the form."
    )


async def ask_erase(context: PageContext) -> Page | web.StreamResponse:
    """Return the question whether to erase an entry, with all consequences."""
    if context.past:
        return _kept_no_past(context)
    view = await _shown(context)
    person = view.person
    if person is None or person.erased or person.side != context.side or not _may_enter(context):
        return redirect(context.link(f"/people/register/{context.request.match_info['person']}"))
    return _ask(context, view, person, FormState())


def _ask(context: PageContext, view: PersonPage, person: PersonView, filled: FormState) -> Page:
    say = context.words.say
    roles = context.words.listed(point.role for point in view.points)
    return ask(
        context,
        question=say("Erase the entry of %(name)s?", name=_name(person)),
        follows=[
            say(
                "The name, the post, the numbers, the addresses and the note are lost, in every "
                "revision. This cannot be taken back."
            ),
            say(
                "The id, the side and the times are kept. Acts that name the entry stay valid, "
                "and nobody can say who was meant."
            ),
            say(
                "These points of contact name the entry, and will have nobody to ring: %(roles)s.",
                roles=roles,
            )
            if roles
            else say("No point of contact names the entry."),
        ],
        button=say("Erase the entry"),
        back=(context.link(f"/people/register/{person.id}"), say("Keep it")),
        area="people",
        filled=filled,
        hidden={"etag": person.commitment},
    )


async def erase(context: PageContext) -> Page | web.StreamResponse:
    """Erase an entry.

    If a colleague has changed it since, ask again.
    """
    filled = await FormState.of(context.request)
    try:
        with filled.trying("end"):
            await people_register.erase(context.call, filled["etag"])
            return redirect(context.link("/people/register", said="erased"))
    except Refused as error:
        if error.refusal.kind != "moved":
            raise
        sentence = context.words.say(
            "A colleague has changed the entry since you read it. Look at its present content."
        )
        filled.wrong("end", sentence, status=TYPES["moved"][0])
    await at_the_end(context)
    view = await _shown(context)
    return (
        redirect(context.link("/people/register"))
        if view.person is None
        else _ask(context, view, view.person, filled)
    )


async def _shown(context: PageContext) -> PersonPage:
    person = _person(await people_register.show_person(context.call))
    points_of_contact = await context.ask(duty_watch.points_of_contact)
    return PersonPage(
        channel=context.name,
        person=person,
        points=tuple(
            point for point in points_of_contact.points if person.id in (point.person, point.deputy)
        ),
    )


def _person(answered: ApiAnswer) -> PersonView:
    assert isinstance(answered, ApiReply) and isinstance(answered.body, PersonView)
    return answered.body


def _form(context: PageContext, view: PersonPage, filled: FormState, etag: str = "") -> Page:
    words, w, say, person = PageWords(context), context.words, context.words.say, view.person
    asking = "" if person is not None else filled["in"] or context.asked(EntryQuery).in_
    back = _left(context) if asking else ""
    values = {"in": asking} if back else {}
    if person is not None:
        values["etag"] = etag or person.commitment
    announced = {
        "entered": say("Entered."),
        "changed": say("Changed. The former content is overwritten."),
    }.get(context.said, "")
    heading = _heading(w, person)
    document = PageDocument(
        title=w.listed((plain(heading), say("Register of people"))),
        heading=(heading,),
        announced=announced,
        area="people",
        faults=filled.faults_in(w),
        crumbs=(
            PageLink((say("People"),), "/people"),
            PageLink((say("Register"),), "/people/register"),
        ),
        lead=(_standing(w, person),),
        note=_left_form(w, back) if back else (),
        sections=(_content(words, person, filled, values),),
        beside=() if person is None else tuple(_about(words, view, person, filled)),
    )
    return Page(view=document, status=filled.status)


def _left_form(w: Words, back: str) -> Runs:
    """Return the sentence on the form that the reader left to enter somebody."""
    waiting = w.say(
        "The form that you left is kept. It is there again when you have entered somebody."
    )
    return (waiting, w.space, PageLink((w.say("Back to the form"),), f"/{back}"))


def _heading(w: Words, person: PersonView | None) -> Run:
    if person is None:
        return w.say("Enter somebody")
    if person.erased:
        return w.say("An erased entry")
    return w.say("An entry for named officers") if person.sealed else QuotedText(_name(person))


def _standing(w: Words, person: PersonView | None) -> str:
    """Return the sentence on the side and the revision of an entry."""
    if person is None:
        return w.say("This entry is of your side. It is only in the register, and in no record.")
    t = w.written(person.updated, "minute")
    if person.erased:
        return w.say(
            "Erased on %(t)s. Acts that named it keep its id and commitment; nobody can say any "
            "more who was meant.",
            t=t,
        )
    return w.say(
        "An entry of %(side)s, revision %(n)s, changed %(t)s.",
        side=person.side.upper(),
        n=w.number(person.revision),
        t=t,
    )


def _content(
    words: PageWords, person: PersonView | None, filled: FormState, values: dict[str, str]
) -> Section:
    """Return an entry as the form that changes it, or as it stands."""
    context, say, entry = words.context, words.w.say, _entry(person) if person else None
    is_own = person is None or person.side == context.side
    if is_own and _may_enter(context) and not (person and person.erased):
        return section("", _fields(words, person, filled, values))
    if person is None or entry is None:
        none = say(
            "%(side)s has named the officers who read this entry, and you are not among them.",
            side=person.side.upper() if person else "",
        )
        return section("", Empty(none) if person and person.sealed else None)
    whose = say(
        "The entry is %(side)s’s, whose officers and administrators change and erase it.",
        side=person.side.upper(),
    )
    reads = say("Your token only allows reading. Ask the operator for another token.")
    return section("", _facts(words.w, entry), Remark((reads if is_own else whose,)))


def _facts(w: Words, entry: PersonEntry) -> Facts:
    """Return the present content of an entry."""

    def value(name: str, text: str) -> Cell:
        match name:
            case "telephones":
                return listed((Mark("telephone", line) for line in text.splitlines()), Break(", "))
            case "emails":
                return listed((Mark("email", line) for line in text.splitlines()), Break(", "))
            case _:
                return QuotedText(text)

    pairs = ((name, _given(entry, name)) for name in _FIELDS)
    return Facts(tuple((w.field(name), value(name, text)) for name, text in pairs if text))


def _fields(
    words: PageWords, person: PersonView | None, filled: FormState, values: dict[str, str]
) -> Form:
    context, say, ask_for = words.context, words.w.say, partial(filled.field, words.w)
    tags, entered = (
        context.registry.languages,
        _given(_entry(person) if person else None, "readers"),
    )
    readers = _readers(context, [*filled.all("readers"), *entered.split()])
    others = FormField(
        control="checks",
        name="languages",
        label="",
        values=filled.all("languages"),
        options=tuple(
            (tag, Mark("language", word, tag))
            for tag, word in other_languages(tags, filled.all("languages"))
        ),
    )
    erase = PageLink(
        (say("Erase the entry"),), f"/people/register/{person.id if person else ''}/erase", "button"
    )
    return Form(
        to=f"/{context.request.path}",
        values=values,
        key=filled.key,
        parts=(
            ask_for("line", "name", say("Name")),
            ask_for("line", "post", say("Post (optional)")),
            ask_for("line", "institution", say("Institution (optional)")),
            ask_for(
                "text",
                "telephones",
                say("Telephone numbers (optional)"),
                say("One a line, with the country, like +32 2 707 41 11."),
            ),
            ask_for("text", "emails", say("E-mail addresses (optional)"), say("One a line.")),
            ask_for(
                "checks",
                "languages",
                say("Languages (optional)"),
                options=((tag, language(tag)) for tag in tags),
            ),
            FieldGroup(say("Other languages"), (others,), folds=True),
            ask_for("text", "note", say("Note (optional)"), say("At most 1,000 characters.")),
            ask_for(
                "checks",
                "readers",
                say("Readers (optional)"),
                say(
                    "If you choose officers, only these officers of the other sides can read the "
                    "entry. Otherwise all offices of the channel can read it."
                ),
                readers,
            ),
        ),
        button=say("Keep the change") if person else say("Enter"),
        beside=(erase,) if person else (),
    )


def _about(
    words: PageWords, view: PersonPage, person: PersonView, filled: FormState
) -> Iterator[Section]:
    """Yield the names of an entry in acts, and the points of contact that name it."""
    say, entry = words.w.say, _entry(person)
    if filled.faults and entry:
        yield section(say("Present content"), _facts(words.w, entry))
    if not person.erased:
        facts: list[tuple[str, Cell]] = [
            (say("Id"), Mark("code", person.id)),
            (say("Commitment"), Mark("code", person.commitment)),
        ]
        if random := person.random:
            facts.append((say("The 32 random bytes behind it"), Mark("code", random)))
        commitment = say(
            "The commitment is the SHA-256 of random bytes and this entry. It binds an act to this "
            "entry. Without the random bytes, it reveals nothing about the entry."
        )
        yield section(say("How acts name it"), Facts(tuple(facts)), Remark((commitment,)))
    points = tuple(
        (QuotedText(point.role), " ", Aside((words.exchange(point.exchange, point.number),)))
        for point in view.points
    )
    none = Empty(say("None."), say("A point of contact that names this entry appears here."))
    yield section(say("Points of contact that name it"), Points(points) if points else none)


def _readers(context: PageContext, chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Return the officers to whom an entry may be restricted.

    These are officers of the other sides, and those who are chosen already.
    """
    actors = [
        actor
        for actor in context.projection.registry.officers
        if attachment_checks.is_staff(context.projection, actor)
    ]
    names = sorted(
        {actor for actor in (*actors, *chosen) if not actor.startswith(f"{context.side}/")}
    )
    return [(name, f"{name.partition('/')[0].upper()} {name.partition('/')[2]}") for name in names]


# The content of the form


def _filled(person: PersonView | None) -> FormState:
    """Return a form with the content of an entry."""
    entry = None if person is None else _entry(person)
    return FormState(
        {
            name: _given(entry, name).split()
            if name in ("readers", "languages")
            else [_given(entry, name)]
            for name in _FIELDS
        }
    )


def _entry_of(filled: FormState, words: Words) -> bytes:
    """Return the entry that a form describes.

    Return nothing if the form has errors; each wrong field then shows its own.
    """
    members: dict[str, Any] = {name: filled[name] for name in _LINES if filled[name]}
    members |= {
        name: lines
        for name in _LISTS
        if (lines := [line.strip() for line in filled[name].splitlines() if line.strip()])
    }
    if languages := list(dict.fromkeys(filled.all("languages"))):
        members["languages"] = languages
    if readers := list(dict.fromkeys(filled.all("readers"))):
        members["readers"] = readers
    for member, sentence in _faults(members, words):
        filled.wrong(member, sentence)
    return b"" if filled.faults else people_register.entry_of(msgspec.json.encode(members))


def _faults(members: dict[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    """Yield the errors of a form, field by field.

    Each field is checked by itself, so that the form shows all errors at once.
    """
    sentences = {
        "name": words.say("Write the name in at most 200 characters."),
        "post": words.say("Write the post in at most 200 characters."),
        "institution": words.say("Write the institution in at most 200 characters."),
        "telephones": words.say(
            "Write at most 10 telephone numbers, one a line. Use only digits, spaces and + ( "
            ") / . -"
        ),
        "emails": words.say(
            "Write at most 10 e-mail addresses, one a line, like name@office.example."
        ),
        "languages": words.say("Choose at most 10 languages from the list."),
        "note": words.say("Write the note in at most 1,000 characters."),
        "readers": words.say("Choose officers of the other sides."),
    }
    if "name" not in members:
        yield "name", words.say("Write a name.")
    for name, value in members.items():
        try:
            people_register.entry_of(msgspec.json.encode({"name": "-", name: value}))
        except Malformed:
            yield name, sentences[name]


_ONE: Final = "/people/register/{person:[0-9a-f-]{36}}"

ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/people/register", handler=people),
    PageRoute(path="/people/register/new", handler=new),
    PageRoute(path="/people/register/new", handler=enter, method="POST"),
    PageRoute(path=_ONE, handler=show),
    PageRoute(path=_ONE, handler=change, method="POST"),
    PageRoute(path=f"{_ONE}/erase", handler=ask_erase),
    PageRoute(path=f"{_ONE}/erase", handler=erase, method="POST"),
)
