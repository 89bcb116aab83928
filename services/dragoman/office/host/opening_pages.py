"""The pages on which an operator opens channels.

    /host/open     a trial channel, whose keys this host keeps
    /host/terms    the terms of a channel whose sides keep their own keys

The pages use the functions behind `/v1/openings`.
"""

from functools import partial
from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from dragoman.application.service import Service
from dragoman.console.display.act_display import other_languages
from dragoman.console.forms.admin_forms import address
from dragoman.console.forms.form_state import FormState, converted
from dragoman.console.grant_words import GrantWords
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.document.blocks import (
    Facts,
    FieldGroup,
    Form,
    FormPart,
    PageDocument,
    Points,
    Section,
    section,
)
from dragoman.i18n.words import LANGUAGES
from dragoman.members.runs import Mark, PageLink, joined
from dragoman.members.texts import language
from dragoman.office.host.officer_rows import officer_fields, officers_of, rows_of
from dragoman.office.host.operator_forms import operator_of, route
from dragoman_schemas.host_responses import NewChannel, OpeningTerms


async def opening(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the form that opens a trial channel."""
    service, words = operator_of(context), GrantWords(context)
    say, form = words.w.say, filled or FormState({"kind": ["official"], "languages": ["en"]})
    lead = say(
        "This host makes and keeps the keys of all sides. Every page of the channel says so. A "
        "channel that matters is opened by the sides’ own keys."
    )
    own_keys = PageLink(say("Open a channel with own keys"), "//host/terms")
    new = Form(
        to="//host/open",
        parts=(*_channel_fields(words, service, form), officer_fields(words.w, form)),
        button=say("Open the channel"),
        values={"rows": str(len(rows_of(form)))},
        key=form.key,
    )
    document = PageDocument(
        title=say("Open a trial channel"),
        faults=form.faults_in(words.w),
        lead=(lead, " ", own_keys),
        places=words.places("/host/open"),
        sections=(section("", new),),
    )
    return Page(view=document, status=form.status)


def _channel_fields(words: GrantWords, service: Service, form: FormState) -> tuple[FormPart, ...]:
    """Return the fields of a new channel, those of its officers aside."""
    w, say, field = words.w, words.w.say, partial(form.field, words.w)
    kinds = (
        ("official", w.value("official"), say("clocks, precedence, everything")),
        ("track2", w.value("track2"), say("no clocks by rule")),
        ("exercise", w.value("exercise"), say("apart from a live channel")),
        ("desk", w.value("desk"), say("one side’s own")),
    )
    live = [
        (projection.name, projection.name)
        for projection in service.visible(words.context.grant)
        if projection.registry.kind != "exercise"
    ]
    name = say(
        "Small letters and digits, with hyphens between. An exercise ends in -exercise. It cannot "
        "be changed."
    )
    sides = say("Names with blanks between, like nato china. This is their order on every page.")
    observers = say(
        "Those of these sides that owe nothing and consent to nothing, like a secretariat. Leave "
        "it empty if there are none."
    )
    tags = ((tag, language(tag)) for tag in LANGUAGES)
    others = (
        (tag, Mark("language", word, tag))
        for tag, word in other_languages(LANGUAGES, form.all("languages"))
    )
    marking = say("Appears at the top and bottom of every page. Left empty: SIDES ONLY.")
    arrangement = say("The text to which the sides agree by signing the opening.")
    none = ("", say("no channel: this is not an exercise"))
    used = say("The sides write in these languages.")
    return (
        field("line", "name", say("Name"), name),
        field("radios", "kind", say("Kind"), options=kinds),
        field("select", "exercise_of", say("Exercise of"), options=(none, *live)),
        field("line", "sides", say("Sides"), sides),
        field("line", "observers", say("Observers"), observers),
        field("checks", "languages", say("Languages"), used, tags),
        FieldGroup(
            say("Other languages"), (field("checks", "languages", "", "", others),), folds=True
        ),
        field("line", "marking", say("Marking (optional)"), marking),
        field("text", "arrangement", say("Arrangement (optional)"), arrangement),
    )


async def open_trial(context: PageContext) -> Page | web.StreamResponse:
    """Open a trial channel, with its first officers."""
    service, filled = operator_of(context), await FormState.of(context.request)
    if filled["do"] == "row":
        return await opening(context, filled)
    members = _members(context, filled)
    fields = {
        "name": "/name",
        "kind": "/kind",
        "sides": "/sides",
        "observers": "/observers",
        "languages": "/languages",
        "marking": "/marking",
        "arrangement": "/arrangement",
        "exercise_of": "/exercise_of",
        "officer-1-side": "/officers",
    }
    if not filled.faults:
        with filled.trying("name", **fields):
            new = converted(members, NewChannel)
            if not _is_open(service, new):
                await service.openings.open_trial(new)
            return redirect(context.to(f"/host/channels/{new.name}", said="opened"))
    return await opening(context, filled)


def _members(context: PageContext, filled: FormState) -> dict[str, Any]:
    """Return the content of the form; the form shows errors of single fields."""
    say = context.words.say
    members: dict[str, Any] = {
        "name": filled["name"],
        "kind": filled["kind"],
        "sides": _words(filled["sides"]),
        "observers": _words(filled["observers"]),
        "languages": list(dict.fromkeys(text for text in filled.all("languages") if text)),
    }
    if not filled["name"]:
        filled.wrong("name", say("Give the channel a name."))
    if not members["sides"]:
        filled.wrong("sides", say("Name the sides."))
    if not members["languages"]:
        filled.wrong("languages", say("Choose at least one language."))
    if filled["kind"] == "exercise" and not filled["exercise_of"]:
        filled.wrong("exercise_of", say("Choose the channel that is exercised."))
    optional = ("marking", "exercise_of", "arrangement")
    members |= {name: filled[name] for name in optional if filled[name]}
    members["officers"] = officers_of(context, filled, members["sides"])
    return members


def _words(text: str) -> list[str]:
    return text.replace(",", " ").replace("、", " ").split()


def _is_open(service: Service, new: NewChannel) -> bool:
    """Return whether the very same channel is open already.

    It is after a second press of the button.
    """
    projection = service.channels.get(new.name)
    if projection is None or not projection.is_channel:
        return False
    registry = projection.registry
    same = (registry.kind, tuple(side.name for side in registry.sides), registry.languages) == (
        new.kind,
        new.sides,
        new.languages,
    )
    return (
        same
        and registry.custody == "host"
        and {*registry.officers}
        == {f"{officer.side}/{officer.officer}" for officer in new.officers}
    )


# A channel whose sides keep their own keys


class TermsQuery(Struct, frozen=True, kw_only=True):
    """The name of the channel whose terms are shown."""

    name: str = ""


async def terms(context: PageContext) -> Page:
    """Return the terms of an opening.

    The page says how the sides and the operator get from the terms to a channel.
    """
    service, name = operator_of(context), context.asked(TermsQuery).name
    words, filled = GrantWords(context), FormState({"name": [name]})
    say = words.w.say
    opening_terms = None
    if name:
        with filled.trying("name"):
            opening_terms = await service.openings.terms(name)
    label, hint = say("Name of the channel"), say("Small letters and digits, with hyphens between.")
    search = Form(
        to="//host/terms",
        gets=True,
        parts=(filled.field(words.w, "line", "name", label, hint),),
        button=say("Show the terms"),
    )
    lead = say(
        "A channel whose sides keep their own keys is opened by the signatures of all of them. "
        "This is what the host puts into what they sign."
    )
    document = PageDocument(
        title=say("Open a channel with own keys"),
        faults=filled.faults_in(words.w),
        lead=lead,
        places=words.places("/host/terms"),
        sections=(
            section("", search),
            *(() if opening_terms is None else _steps(context, name, opening_terms)),
        ),
    )
    return Page(view=document, status=filled.status)


def _steps(context: PageContext, name: str, opening: OpeningTerms) -> tuple[Section, ...]:
    """Return the terms, and the commands that lead from them to a channel."""
    say, server = context.words.say, f"--server {address(context)}"
    content = (
        f'{{"name":"{name}","languages":["en"],"sides":[{{"name":"SIDE","roots":["PUBLIC-KEY"]}}]}}'
    )
    steps = (
        (
            say("Each side makes its root key on its own machine, and gives you the public part."),
            "dragoman keys new SIDE-root.pem",
        ),
        (
            say("You draft the opening from a file with the name, the sides and their root keys."),
            f"dragoman channel draft channel.json {server}",
            content,
        ),
        (
            say("Each side reads it, writes the channel id down, and signs."),
            f"dragoman channel sign {name}.opening.json --key SIDE-root.pem > SIDE.sig",
        ),
        (
            say(
                "You open the channel with the signatures of all sides, and issue a token to the "
                "root of each."
            ),
            f"dragoman channel open {name}.opening.json SIDE.sig {server}",
            f"dragoman token issue SIDE/root {server}",
        ),
        (
            say("Each root enters an administrator of its side, and is not used after that."),
            "dragoman officer add SIDE/adm-1 --office OFFICE --role administrator --key adm-1.pem "
            f"--sign SIDE-root.pem {server}",
        ),
    )
    points = tuple(
        joined([text, *(Mark("command", line) for line in lines)]) for text, *lines in steps
    )
    facts = (
        (say("Key that signs the heads of the log"), Mark("code", opening.log_key)),
        (say("Origin of the log"), Mark("code", opening.origin)),
    )
    return (
        section(say("The terms of %(name)s", name=name), Facts(facts)),
        section(say("From here to a channel"), Points(points, steps=True)),
    )


ROUTES: Final[tuple[PageRoute, ...]] = (
    route("/host/open", opening),
    route("/host/open", open_trial, "POST"),
    route("/host/terms", terms),
)
