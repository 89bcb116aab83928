"""The page of endpoints: addresses that receive news of records, and calendar links.

Endpoints belong to the reader's side. The secret calendar links belong to the reader.
Both are beside the log and have no past.

The page uses the functions behind `/v1/webhooks` and
`/v1/channels/{channel}/calendar-links`. It shows a secret once, in the response to the
form.
"""

from typing import Any, Final, get_args

from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.operations import calendar_links, webhook_endpoints
from dragoman.console.forms.admin_forms import address, at_the_end, colleagues, hindrance
from dragoman.console.forms.confirm import ask
from dragoman.console.forms.form_state import FormState, converted
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import STAFF
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import LANGUAGES
from dragoman.limits import SCREEN_ROWS
from dragoman.text import VERBATIM
from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.acts.office.channel import Family
from dragoman_schemas.host_responses import (
    AddedEndpoint,
    CalendarLink,
    DeliveryView,
    EndpointView,
    LinkView,
    NewEndpoint,
)

_PRECEDENCES: Final[tuple[str, ...]] = get_args(Precedence)
_WAY: Final = "way-"
"""Begins the values of the operator's ways in the form."""

_ACTS: Final = (
    *FORMATS,
    *(act for act in RULES if act not in FORMATS and act != "channel-opening"),
)
"""Acts that an endpoint may receive; those that open an exchange come first."""


class EndpointsView(Struct, frozen=True, kw_only=True):
    """The endpoints of the reader's side, and the reader's calendar links.

    `deliveries` are the records that each endpoint has not received yet.
    """

    channel: str
    endpoints: tuple[EndpointView, ...]
    deliveries: dict[str, tuple[DeliveryView, ...]]
    links: tuple[LinkView, ...]


async def endpoints(
    context: PageContext,
    filled: FormState | None = None,
    *,
    link_form: FormState | None = None,
    added: AddedEndpoint | None = None,
    calendar_link: CalendarLink | None = None,
) -> Page:
    """Return the endpoints and links as they are now.

    `added` and `calendar_link` are the things that a form has just made. `link_form` is
    a form for a link that was refused.
    """
    sees = not context.past and not STAFF.isdisjoint(context.roles)
    endpoint_views = (
        [
            endpoint
            for endpoint in await webhook_endpoints.endpoints_of(context.call)
            if endpoint.channel == context.name
        ]
        if sees
        else []
    )
    form = filled or FormState(
        {"means": ["webhook"], "signature": ["ed25519"], "language": [context.words.language]}
    )
    view = EndpointsView(
        channel=context.name,
        endpoints=tuple(endpoint_views),
        deliveries={
            endpoint_view.id: await webhook_endpoints.deliveries_of(context.call, endpoint_view.id)
            for endpoint_view in endpoint_views
            if endpoint_view.waiting or endpoint_view.parked
        },
        links=()
        if context.past
        else await calendar_links.links_of(context.call, context.projection),
    )
    values: dict[str, Any] = {
        "filled": form,
        "asked": link_form or FormState(),
        "added": added,
        "made": calendar_link,
        "sees": sees,
        "hindrance": hindrance(context, webhook_endpoints.ENTERING, flag=False),
        "link_hindrance": hindrance(context, {*context.roles}, flag=False),
        "who": colleagues(context, webhook_endpoints.ENTERING),
        "server": address(context),
        "acts_of": lambda acts: [context.words.act(act) for act in acts],
        "family_options": [(family, context.words.value(family)) for family in _families(context)],
        "act_options": [(act, context.words.act(act)) for act in _ACTS],
        "precedence_options": [
            ("", context.words.say("anything")),
            *((precedence, context.words.value(precedence)) for precedence in _PRECEDENCES),
        ],
        "way_titles": {way.name: way.title or way.name for way in context.service.ways},
        "means_options": _means_options(context),
        "languages": LANGUAGES,
        "most": SCREEN_ROWS,
        "said": context.said,
        "gone": context.words.sentence(webhook_endpoints.GONE),
        "answers": {endpoint.id: _answers(context, endpoint.id) for endpoint in endpoint_views},
    }
    status = max(form.status, values["asked"].status)
    return Page(
        template="endpoints.html", view=view, rows=view.endpoints, values=values, status=status
    )


def _means_options(context: PageContext) -> list[tuple[str, str, str]]:
    """Return the means of contact of the form, each with its hint."""
    say = context.words.say
    return [
        ("webhook", say("webhook"), say("the record itself, signed, to a URL")),
        ("e-mail", say("e-mail"), say("that something waits, and not what")),
        *(
            (f"{_WAY}{way.name}", way.title or way.name, say("that something waits, and not what"))
            for way in context.service.ways
        ),
    ]


def _answers(context: PageContext, id: str) -> dict[int, tuple[str, bool]]:
    """Return the last response to each delivery of an endpoint, by its record.

    The flag says whether the text is a third party's own words, in an unknown language.
    """
    return {
        position: (context.words.sentence(text), text.message == VERBATIM)
        for position, text in webhook_endpoints.answers_of(context.call, id).items()
    }


def _families(context: PageContext) -> list[str]:
    """Return the families with acts in a channel of this kind."""
    is_desk = context.registry.kind == "desk"
    return [
        family
        for family in get_args(Family)
        if family == "channel" or (family == "desk") == is_desk
    ]


async def add_endpoint(context: PageContext) -> Page:
    """Add an endpoint, and show once the secret that checks its signatures."""
    filled, say = await FormState.of(context.request), context.words.say
    field, detail = {
        "e-mail": ("address", say("Give the e-mail address.")),
        "webhook": ("url", say("Give the URL to call.")),
    }.get(filled["means"], ("to", say("Give the number or name to reach.")))
    if not filled[field]:
        filled.wrong(field, detail)
    added = None
    if not filled.faults:
        with filled.trying(
            field,
            url="/url",
            address="/address",
            to="/to",
            label="/label",
            signature="/signature",
            acts="/acts",
        ):
            added = await webhook_endpoints.add(
                context.call, _new(context, filled), submission.key_of(filled.key)
            )
    await at_the_end(context)
    return await endpoints(context, filled if added is None else None, added=added)


def _new(context: PageContext, filled: FormState) -> NewEndpoint:
    """Return the endpoint that a form describes. Raises `Malformed`."""
    language = filled["language"] or context.words.language
    place: dict[str, str]
    match filled["means"]:
        case "e-mail":
            place = {"address": filled["address"], "language": language}
        case "webhook":
            place = {"url": filled["url"], "signature": filled["signature"]}
        case way:
            place = {
                "way": way.removeprefix(_WAY),
                "to": filled["to"],
                "label": filled["label"],
                "language": language,
            }
    fields: dict[str, Any] = {
        "channel": context.name,
        "acts": filled.all("acts"),
        "families": filled.all("families"),
        "own": bool(filled["own"]),
        **({"precedence": filled["precedence"]} if filled["precedence"] else {}),
        **place,
    }
    return converted(fields, NewEndpoint)


class ToEnd(Struct, frozen=True, kw_only=True):
    """The endpoint or the calendar link that the reader wants to end."""

    endpoint: str = ""
    link: str = ""


async def ask_removal(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before an endpoint is removed."""
    id, say = context.asked(ToEnd).endpoint, context.words.say
    endpoint_views = (
        []
        if context.past
        else [
            endpoint
            for endpoint in await webhook_endpoints.endpoints_of(context.call)
            if endpoint.id == id
        ]
    )
    if not endpoint_views or hindrance(context, webhook_endpoints.ENTERING, flag=False):
        return redirect(context.link("/admin/endpoints"))
    follows = [
        say("%(target)s receives no more records.", target=endpoint_views[0].target),
        say(
            "Its key and its waiting records are deleted. If you add the endpoint again, it "
            "begins at the record of that moment."
        ),
    ]
    unsent = endpoint_views[0].waiting + endpoint_views[0].parked
    if unsent:
        follows.append(
            context.words.count(
                "%(n)s undelivered record is not tried again.",
                "%(n)s undelivered records are not tried again.",
                unsent,
            )
        )
    return ask(
        context,
        question=say("Remove this endpoint?"),
        follows=follows,
        button=say("Remove it"),
        back=(context.link("/admin/endpoints"), say("Keep it")),
        area="admin",
        hidden={"endpoint": id},
    )


async def remove_endpoint(context: PageContext) -> web.StreamResponse:
    """Remove an endpoint; an endpoint that is gone already is no error."""
    filled = await FormState.of(context.request)
    try:
        await webhook_endpoints.remove(context.call, filled["endpoint"])
    except Refused as error:
        if error.refusal.kind != "not-found":
            raise
    return redirect(context.link("/admin/endpoints", said="removed"))


async def send_again(context: PageContext) -> web.StreamResponse:
    """Queue a record for another delivery.

    A record that waits no longer was delivered meanwhile, or was given up with its
    endpoint.
    """
    filled = await FormState.of(context.request)
    try:
        await webhook_endpoints.send_again(
            context.call, filled["endpoint"], submission.whole(filled["position"])
        )
    except Refused as error:
        if error.refusal.kind != "not-found":
            raise
        return redirect(context.link("/admin/endpoints", said="brought"))
    return redirect(context.link("/admin/endpoints", said="again"))


async def send_test(context: PageContext) -> web.StreamResponse:
    """Send a test to an endpoint."""
    filled = await FormState.of(context.request)
    try:
        await webhook_endpoints.send_test(context.call, filled["endpoint"])
    except Refused as error:
        if error.refusal.kind not in ("not-found", "moved"):
            raise
        return redirect(context.link("/admin/endpoints", said="just_tested"))
    return redirect(context.link("/admin/endpoints", said="tested"))


# Links to the calendar


async def make_link(context: PageContext) -> Page:
    """Make a secret link to the calendar, and show it once."""
    filled = await FormState.of(context.request)
    link = None
    with filled.trying("make"):
        link = await calendar_links.make_link(
            context.call, context.projection, submission.key_of(filled.key)
        )
    await at_the_end(context)
    return await endpoints(context, link_form=filled if link is None else None, calendar_link=link)


async def ask_link_end(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before a link is revoked."""
    id, say = context.asked(ToEnd).link, context.words.say
    links = () if context.past else await calendar_links.links_of(context.call, context.projection)
    if id not in {link.id for link in links} or context.grant.scope == "read":
        return redirect(context.link("/admin/endpoints"))
    return ask(
        context,
        question=say("Revoke this calendar link?"),
        follows=[
            say("Nobody can read the calendar through this link any more."),
            say("Calendars that subscribe to it are no longer updated."),
        ],
        button=say("Revoke it"),
        back=(context.link("/admin/endpoints"), say("Keep it")),
        area="admin",
        hidden={"link": id},
    )


async def end_link(context: PageContext) -> web.StreamResponse:
    """Revoke a link of the reader; a link that is gone already is no error."""
    filled = await FormState.of(context.request)
    try:
        await calendar_links.end_link(context.call, context.projection, filled["link"])
    except Refused as error:
        if error.refusal.kind != "not-found":
            raise
    return redirect(context.link("/admin/endpoints", said="ended"))


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin/endpoints", handler=endpoints),
    PageRoute(path="/admin/endpoints", handler=add_endpoint, method="POST"),
    PageRoute(path="/admin/endpoints/remove", handler=ask_removal),
    PageRoute(path="/admin/endpoints/remove", handler=remove_endpoint, method="POST"),
    PageRoute(path="/admin/endpoints/again", handler=send_again, method="POST"),
    PageRoute(path="/admin/endpoints/test", handler=send_test, method="POST"),
    PageRoute(path="/admin/links", handler=endpoints),
    PageRoute(path="/admin/links", handler=make_link, method="POST"),
    PageRoute(path="/admin/links/revoke", handler=ask_link_end),
    PageRoute(path="/admin/links/revoke", handler=end_link, method="POST"),
)
