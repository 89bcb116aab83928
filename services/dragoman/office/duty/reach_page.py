"""The page *My reach*: the reader's ways to be reached, their tests, and the proofs.

The page uses the functions behind `/v1/reach`. A recipient is sealed, and the page
never shows it again.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, get_args

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.operations import own_reach
from dragoman.application.operations.endpoint_tests import confirm
from dragoman.application.ways_to_reach import EXAMPLE_ROOM
from dragoman.console.forms.confirm import ask
from dragoman.console.forms.form_state import FormState, converted
from dragoman.console.grant_words import GrantWords
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.document import form_html
from dragoman.document.blocks import (
    Buttons,
    Empty,
    Facts,
    Form,
    PageDocument,
    Paragraph,
    Remark,
    Section,
    columns,
    section,
)
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import LANGUAGES, Words
from dragoman.members.runs import Aside, Mark, PageLink, PressButton, Run, Runs
from dragoman.text import capitalized
from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.reach_responses import NewReach, Reach, ReachCode, ReachEndpoint, ReachState

PATH: Final = "/reach"

_LEVELS: Final[dict[ReachState, str]] = {
    "never": "caution",
    "asked": "standby",
    "sent": "caution",
    "failed": "serious",
    "proven": "normal",
    "expired": "caution",
}
"""The level of each state of a proof."""


async def shown(
    context: PageContext, filled: FormState | None = None, code_form: FormState | None = None
) -> Page:
    """Return the page with the reader's ways as they are now."""
    view = await own_reach.reach_of(context.call)
    words = GrantWords(context)
    say, form, code = words.w.say, filled or _first_form(context, view), code_form or FormState()
    announced = {
        "added": say("Added. A test is on its way."),
        "tested": say("Tests are on their way. Confirm each one that arrives."),
        "just_tested": say("Each way was tested within the last minute. Wait for the result."),
        "arrived": say("Confirmed. This way reaches you."),
        "removed": say("Removed. Nothing more is sent there."),
    }
    lead = say(
        "How you are reached when these pages are closed. A message says only that something "
        "waits, how urgent it is and where to read it."
    )
    reads_only = context.grant.scope == "read"
    no_form = Remark(say("Your token only allows reading. The operator can issue another token."))
    document = PageDocument(
        title=say("My reach"),
        announced=announced.get(context.said, ""),
        faults=form.faults_in(words.w) + code.faults_in(words.w),
        lead=lead,
        sections=(
            _overview(words, view),
            *(_way(words, way) for way in view.endpoints),
            *((section("", _code(words, code)),) if view.endpoints and not reads_only else ()),
            *((_officers(words, view),) if view.officers else ()),
        ),
        beside=(section(say("Add a way"), no_form if reads_only else _new_way(words, view, form)),),
    )
    return Page(view=document, status=max(form.status, code.status))


def _first_form(context: PageContext, view: Reach) -> FormState:
    """Return the form of a new way as it is offered."""
    return FormState(
        {
            "channel": _channels(context)[:1],
            "way": [next((way.name for way in view.ways[1:]), view.ways[0].name)],
            "language": [context.words.language],
            "precedence": ["immediate"],
            "called": ["called" if _is_on_call(context) else "all"],
        }
    )


def _channels(context: PageContext) -> list[str]:
    return [
        projection.name
        for projection in context.service.visible(context.grant)
        if projection.registry.kind != "desk"
    ]


def _overview(words: GrantWords, view: Reach) -> Section:
    """Return the messages of the last hour, and the button that tests every way."""
    w, say = words.w, words.w.say
    number = w.count("%(n)s message held back", "%(n)s messages held back", view.held)
    limit = say(
        "Too many came within an hour. Flashes still reach you. All of them are on the board."
    )
    key = {"key": form_html.new_key()}  # two presses are one test
    tests = Buttons((PressButton(say("Test my reach"), f"/{PATH}/tests", key),))
    none = Empty(say("You have no way yet. When these pages are closed, nothing reaches you."))
    may_test = words.context.grant.scope != "read"
    return section(
        say("Your ways"),
        Paragraph((Mark("state", number, "caution"), " ", Aside(limit))) if view.held else None,
        (tests if may_test else None) if view.endpoints else none,
        aside=w.count(
            "%(n)s message in the last hour", "%(n)s messages in the last hour", view.messages
        ),
    )


def _way(words: GrantWords, way: ReachEndpoint) -> Section:
    """Return a way, its proof, and what is sent by it."""
    w, say = words.w, words.w.say
    means, name = way.title or say("e-mail"), way.label or way.title or say("e-mail")
    proof = (Mark("state", _proof(w, way.state), _LEVELS[way.state]),)
    answer = (" ", Aside(way.answered)) if way.answered else ()
    advice = say(
        "Check the address. If it is right, ask the operator: the log of this host has the reason."
    )
    removal = PageLink(
        say("Remove this way"),
        f"/{PATH}/remove",
        query={"way": way.id},
        spoken=way.label or way.shown,
    )
    may_remove = words.context.grant.scope != "read"
    facts = (
        (w.name("heading", "means"), (means, " ", Aside(LANGUAGES[way.language]))),
        (say("Channel"), way.channel),
        (say("What"), _content(w, way)),
        (say("Last test"), words.date(way.tested, none=say("none"))),
        (capitalized(say("confirmed")), words.date(way.arrived or way.proven, none=say("not yet"))),
        (say("Sent"), _counts(w, way)),
    )
    return section(
        (name, " ", Aside(way.shown)),
        Paragraph((*proof, *answer)),
        Remark(advice) if way.state == "failed" else None,
        Facts(facts),
        Paragraph(removal) if may_remove else None,
        level=3,
        way=way.id,
        proof=way.state,
    )


def _proof(w: Words, state: ReachState) -> str:
    match state:
        case "never":
            return w.say("never tested")
        case "asked":
            return w.say("test on its way")
        case "sent":
            return w.say("sent, not confirmed")
        case "failed":
            return w.say("not sent")
        case "proven":
            return w.say("proven")
        case "expired":
            return w.say("proven too long ago")


def _content(w: Words, way: ReachEndpoint) -> str:
    """Return the kind of messages that a way brings, and their content."""
    on_call = w.say("messages while you have the watch, and a flash that reaches you on the ladder")
    parts = [on_call if way.called else w.say("every record")]
    if way.precedence:
        parts.append(w.say("%(precedence)s or more urgent", precedence=w.value(way.precedence)))
    if way.details:
        parts.append(w.say("with sender, act and number"))
    return w.listed(parts)


def _counts(w: Words, way: ReachEndpoint) -> Runs:
    """Return the number of messages sent, given up, and held back."""
    runs: list[Run] = [w.count("%(n)s message", "%(n)s messages", way.delivered)]
    if way.parked:
        runs.append(Aside(w.count("%(n)s given up", "%(n)s given up", way.parked)))
    if way.held:
        runs.append(Aside(w.count("%(n)s held back", "%(n)s held back", way.held)))
    return tuple(runs)


def _code(words: GrantWords, form: FormState) -> Form:
    say = words.w.say
    hint = say(
        "A call says a code of ten digits. Where this host has no public address, every test has "
        "a code."
    )
    return Form(
        to=f"/{PATH}/code",
        parts=(form.field(words.w, "line", "code", say("Code"), hint),),
        button=say("Confirm that it arrived"),
        key=form.key,
        fold=say("A test came with a code"),
    )


def _officers(words: GrantWords, view: Reach) -> Section:
    """Return the number of ways of each officer, and of those that are proven."""
    w, say = words.w, words.w.say
    days, tests = w.number(view.days_of_proof), w.number(view.days_between_tests)
    match view.days_between_tests:
        case 0:
            note = say(
                "Nobody sees the addresses of a colleague. Ways are tested only by hand; a proof "
                "counts for %(days)s days.",
                days=days,
            )
        case 1:
            note = say(
                "Nobody sees the addresses of a colleague. Each way is tested every day; a proof "
                "counts for %(days)s days.",
                days=days,
            )
        case _:
            note = say(
                "Nobody sees the addresses of a colleague. Each way is tested every %(tests)s "
                "days; a proof counts for %(days)s days.",
                tests=tests,
                days=days,
            )
    none = Mark("state", "0", "caution")
    table = columns(
        say("The officers of your side"),
        view.officers,
        (say("Officer"), lambda row: row.officer.partition("/")[2]),
        (say("Channel"), lambda row: row.channel),
        (say("Ways"), lambda row: w.number(row.ways)),
        (say("Proven"), lambda row: w.number(row.proven) if row.proven else none),
    )
    return section(say("The officers of your side"), table, Remark(note))


def _new_way(words: GrantWords, view: Reach, form: FormState) -> Form:
    w, say, field = words.w, words.w.say, partial(form.field, words.w)
    hints, channels = _hints(words.context), _channels(words.context)
    ways = (
        (way.name, way.title or say("e-mail"), _hint(hints[way.to], way.services))
        for way in view.ways
    )
    brought = say("messages while I have the watch, and a flash that nobody acknowledges")
    content = (
        ("called", say("what the ladder brings to me"), brought),
        ("all", say("every record of the channel"), say("as urgent as chosen below")),
    )
    levels = (("", say("anything")), *((name, w.value(name)) for name in get_args(Precedence)))
    channel = field(
        "select", "channel", say("Channel"), options=((name, name) for name in channels)
    )
    locked = say("Anyone who sees your locked screen sees them, too.")
    details = ("yes", say("name the sender, the act and the number"), locked)
    sealed = say("It is sealed, and never shown again.")
    own_name = say("Like “my phone”.")
    return Form(
        to=f"/{PATH}",
        parts=(
            field("radios", "way", say("By"), options=ways),
            field("line", "to", say("Address, number or name"), sealed),
            field("line", "label", say("Your name for it (optional)"), own_name),
            *((channel,) if len(channels) > 1 else ()),
            field("radios", "called", say("What is sent"), options=content),
            field("select", "precedence", say("As urgent as"), options=levels),
            field("select", "language", say("Language of the messages"), options=LANGUAGES.items()),
            field("checks", "details", say("Content"), options=(details,)),
        ),
        button=say("Add this way and test it"),
        values={} if len(channels) > 1 else {"channel": form["channel"]},
        key=form.key,
    )


def _hint(hint: str, services: Sequence[str]) -> str:
    return f"{hint} ({', '.join(services)})" if services else hint


def _is_on_call(context: PageContext) -> bool:
    """Return whether the reader is in the ladder of a flash in some channel."""
    officers = (
        projection.registry.officers.get(context.grant.actor)
        for projection in context.service.visible(context.grant)
    )
    return any(officer is not None and own_reach.ON_CALL & {*officer.roles} for officer in officers)


def _hints(context: PageContext) -> dict[str, str]:
    """Return a hint for each kind of recipient."""
    say = context.words.say
    return {
        "address": say("a plain address"),
        "phone": say("a number with + and the country code"),
        "matrix": say("a room, like %(room)s", room=EXAMPLE_ROOM),
        "topic": say("a name of letters, digits, dots, dashes and underscores"),
        "url": say("the whole address of the service"),
    }


async def add(context: PageContext) -> Page | web.StreamResponse:
    """Add a way, and test it at once."""
    filled, say = await FormState.of(context.request), context.words.say
    if not filled["to"]:
        filled.wrong("to", say("Give the address, number or name."))
    added = None
    if not filled.faults:
        with filled.trying("to", way="/way", to="/to", label="/label", channel="/channel"):
            added = await own_reach.add(context.call, _new(filled), submission.key_of(filled.key))
    if added is None:
        return await shown(context, filled)
    await own_reach.test_way(context.call, added.id)
    return redirect(f"{PATH}?said=added")


def _new(filled: FormState) -> NewReach:
    """Return the way that a form describes. Raises `Malformed`."""
    fields: dict[str, Any] = {
        "channel": filled["channel"],
        "way": filled["way"],
        "to": filled["to"],
        "label": filled["label"],
        "called": filled["called"] != "all",
        "language": filled["language"],
        "details": bool(filled["details"]),
        **({"precedence": filled["precedence"]} if filled["precedence"] else {}),
    }
    return converted(fields, NewReach)


async def send_tests(context: PageContext) -> web.StreamResponse:
    """Send a test by each of the reader's ways."""
    tested = await own_reach.test_all(context.call)
    return redirect(f"{PATH}?said={'tested' if tested else 'just_tested'}")


async def enter_code(context: PageContext) -> Page | web.StreamResponse:
    """Confirm a test by the code that arrived with it."""
    filled, say = await FormState.of(context.request), context.words.say
    try:
        code = msgspec.convert({"code": filled["code"]}, ReachCode).code
        confirmed = await confirm(context.service, code)
    except msgspec.ValidationError:
        confirmed = None
    if confirmed is None:
        filled.wrong(
            "code", say("No test of the last day has this code. Send a test, and use its code.")
        )
        return await shown(context, code_form=filled)
    return redirect(f"{PATH}?said=arrived")


class RemovalQuery(Struct, frozen=True, kw_only=True):
    """The way that the reader wants to remove."""

    way: str = ""


async def ask_removal(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before a way is removed."""
    id, say = context.asked(RemovalQuery).way, context.words.say
    view = await own_reach.reach_of(context.call)
    way = next((endpoint for endpoint in view.endpoints if endpoint.id == id), None)
    if way is None or context.grant.scope == "read":
        return redirect(PATH)
    return ask(
        context,
        question=say("Remove this way to reach you?"),
        follows=[
            say("Nothing more is sent to %(target)s.", target=way.label or way.shown),
            say("To use it again, you enter its address again."),
        ],
        button=say("Remove it"),
        back=(PATH, say("Keep it")),
        area="",
        hidden={"way": id},
    )


async def remove(context: PageContext) -> web.StreamResponse:
    """Remove a way; one that is gone already is no error."""
    filled = await FormState.of(context.request)
    try:
        await own_reach.remove(context.call, filled["way"])
    except Refused as error:
        if error.refusal.kind != "not-found":
            raise
    return redirect(f"{PATH}?said=removed")


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path=PATH, handler=shown, anywhere=True),
    PageRoute(path=PATH, handler=add, method="POST", anywhere=True),
    PageRoute(path=f"{PATH}/tests", handler=send_tests, method="POST", anywhere=True),
    PageRoute(path=f"{PATH}/code", handler=enter_code, method="POST", anywhere=True),
    PageRoute(path=f"{PATH}/remove", handler=ask_removal, anywhere=True),
    PageRoute(path=f"{PATH}/remove", handler=remove, method="POST", anywhere=True),
)
