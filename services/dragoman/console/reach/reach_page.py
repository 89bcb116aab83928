"""The page *My reach*: the reader's ways to be reached, their tests, and the proofs.

The page uses the functions behind `/v1/reach`. A recipient is sealed, and the page
never shows it again.
"""

from typing import Any, Final, get_args

import msgspec
from aiohttp import web

from dragoman.application.http import submission
from dragoman.application.operations import own_reach
from dragoman.application.operations.endpoint_tests import confirm
from dragoman.application.ways_to_reach import EXAMPLE_ROOM
from dragoman.console.context import PageContext
from dragoman.console.forms.confirm import ask
from dragoman.console.forms.form_state import FormState, converted
from dragoman.console.rendering import Page, PageRoute
from dragoman.console.sessions import redirect
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import LANGUAGES
from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.reach_responses import NewReach, ReachCode

PATH: Final = "/reach"


async def shown(
    context: PageContext, filled: FormState | None = None, code_form: FormState | None = None
) -> Page:
    """Return the page with the reader's ways as they are now."""
    view = await own_reach.reach_of(context.call)
    words = context.words
    channels = [
        (projection.name, projection.name)
        for projection in context.service.visible(context.grant)
        if projection.registry.kind != "desk"
    ]
    form = filled or FormState(
        {
            "channel": [channels[0][0] if channels else ""],
            "way": [next((way.name for way in view.ways[1:]), view.ways[0].name)],
            "language": [words.language],
            "precedence": ["immediate"],
            "called": ["called" if _is_on_call(context) else "all"],
        }
    )
    code = code_form or FormState()
    return Page(
        template="reach.html",
        view=view,
        rows=view.endpoints,
        values={
            "filled": form,
            "code_form": code,
            "channels": channels,
            "hints": _hints(context),
            "precedence_options": [
                ("", words.say("anything")),
                *((level, words.value(level)) for level in get_args(Precedence)),
            ],
            "languages": LANGUAGES,
            "reads_only": context.grant.scope == "read",
            "said": context.request.query.get("said", ""),
        },
        status=max(form.status, code.status),
    )


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
    return redirect(f"{PATH}?said={'tested' if tested else 'just_tested'}#ways")


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
    return redirect(f"{PATH}?said=arrived#ways")


async def ask_removal(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before a way is removed."""
    id, say = context.request.query.get("way", ""), context.words.say
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
