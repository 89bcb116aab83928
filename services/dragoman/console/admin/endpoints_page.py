"""Where the own side is told of records, and the reader's own secret links to the calendar; both stand beside the log and have no past.

By the functions behind `/v1/webhooks` and `/v1/channels/{channel}/calendar-links`. What
is secret is shown once, on the page that answers.
"""

from typing import Any, Final, get_args

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.operations import calendar_links, webhook_endpoints
from dragoman.console.admin.admin_forms import address, at_the_end, colleagues, hindrance
from dragoman.console.forms.confirm import Asking, ask
from dragoman.console.forms.form_state import Filled
from dragoman.console.rendering import Page, PageContext, PageRoute
from dragoman.console.sessions import see
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import STAFF
from dragoman.domain.record.errors import Refused
from dragoman.domain.record.validation_errors import faults_of
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
_ACTS: Final = (
    *FORMATS,
    *(act for act in RULES if act not in FORMATS and act != "channel-opening"),
)
"""What an endpoint may be told of: what opens an exchange first."""


class EndpointsView(Struct, frozen=True, kw_only=True):
    """The endpoints of the reader's side in the channel, what each was not told of yet, and the reader's calendar links."""

    channel: str
    endpoints: tuple[EndpointView, ...]
    deliveries: dict[str, tuple[DeliveryView, ...]]
    links: tuple[LinkView, ...]


async def endpoints(
    context: PageContext,
    filled: Filled | None = None,
    *,
    asked: Filled | None = None,
    added: AddedEndpoint | None = None,
    calendar_link: CalendarLink | None = None,
) -> Page:
    """Return the endpoints and links as they are now; `added` and `made` are what a form has just made, `asked` a form for a link that was refused."""
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
    form = filled or Filled(
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
        "asked": asked or Filled(),
        "added": added,
        "made": calendar_link,
        "sees": sees,
        "hindrance": hindrance(context, webhook_endpoints.ENTERING, flag=False),
        "link_hindrance": hindrance(context, {*context.roles}, flag=False),
        "who": colleagues(context, webhook_endpoints.ENTERING),
        "server": address(context),
        "acts_of": lambda acts: [context.words.act(act) for act in acts],
        "family_options": [(family, context.words.value(family)) for family in _families(context)],
        "act_options": [(each, context.words.act(each)) for each in _ACTS],
        "precedence_options": [
            ("", context.words.say("anything")),
            *((each, context.words.value(each)) for each in _PRECEDENCES),
        ],
        "languages": LANGUAGES,
        "most": SCREEN_ROWS,
        "said": context.request.query.get("said", ""),
        "gone": context.words.sentence(webhook_endpoints.GONE),
        "answers": {each.id: _answers(context, each.id) for each in endpoint_views},
    }
    status = max(form.status, values["asked"].status)
    return Page(
        template="endpoints.html", view=view, rows=view.endpoints, values=values, status=status
    )


def _answers(context: PageContext, id: str) -> dict[int, tuple[str, bool]]:
    """Return what was answered last to each delivery of an endpoint, by its record; and whether those are words of somebody else, in no language that is known."""
    return {
        position: (context.words.sentence(text), text.message == VERBATIM)
        for position, text in webhook_endpoints.answers_of(context.call, id).items()
    }


def _families(context: PageContext) -> list[str]:
    """Return the families of which there are acts in a channel of this kind."""
    desk = context.registry.kind == "desk"
    return [
        argument
        for argument in get_args(Family)
        if argument == "channel" or (argument == "desk") == desk
    ]


async def add_endpoint(context: PageContext) -> Page:
    """Enter an endpoint, and show once what checks its signatures."""
    filled, say = await Filled.of(context.request), context.words.say
    mail = filled["means"] == "e-mail"
    if not filled["address" if mail else "url"]:
        field, detail = (
            ("address", say("Give the e-mail address."))
            if mail
            else ("url", say("Give the URL that is to be called."))
        )
        filled.wrong(field, detail)
    added = None
    if not filled.faults:
        with filled.trying(
            "address" if mail else "url",
            url="/url",
            address="/address",
            signature="/signature",
            acts="/acts",
        ):
            added = await webhook_endpoints.add(
                context.call, _new(context, filled, mail=mail), submission.key_of(filled.key)
            )
    await at_the_end(context)
    return await endpoints(context, filled if added is None else None, added=added)


def _new(context: PageContext, filled: Filled, *, mail: bool) -> NewEndpoint:
    """Return the endpoint that a form describes. Raises `Malformed`."""
    given: dict[str, Any] = {
        "channel": context.name,
        "acts": filled.all("acts"),
        "families": filled.all("families"),
        "own": bool(filled["own"]),
        **({"precedence": filled["precedence"]} if filled["precedence"] else {}),
        **(
            {"address": filled["address"], "language": filled["language"] or context.words.language}
            if mail
            else {"url": filled["url"], "signature": filled["signature"]}
        ),
    }
    try:
        return msgspec.convert(given, NewEndpoint)
    except msgspec.ValidationError as error:
        raise faults_of(error, msgspec.json.encode(given), NewEndpoint) from None


async def ask_removal(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before an endpoint is removed."""
    id, say = context.request.query.get("endpoint", ""), context.words.say
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
        return see(context.link("/admin/endpoints"))
    follows = [
        say("Nothing more is brought to %(target)s.", target=endpoint_views[0].target),
        say(
            "Its key and what waits for it are forgotten. An endpoint that is added again begins at the record of that moment."
        ),
    ]
    unsent = endpoint_views[0].waiting + endpoint_views[0].parked
    if unsent:
        follows.append(
            context.words.count(
                "%(n)s record that was not brought is not tried again.",
                "%(n)s records that were not brought are not tried again.",
                unsent,
            )
        )
    return ask(
        context,
        Asking(act="endpoint", of=id),
        question=say("Remove this endpoint?"),
        follows=follows,
        button=say("Remove it"),
        back=(context.link("/admin/endpoints"), say("Keep it")),
        area="admin",
        hidden={"endpoint": id},
    )


async def remove_endpoint(context: PageContext) -> web.StreamResponse:
    """Remove an endpoint; one that is gone already stays so."""
    filled = await Filled.of(context.request)
    try:
        await webhook_endpoints.remove(context.call, filled["endpoint"])
    except Refused as error:
        if error.refusal.kind != "not-found":
            raise
    return see(context.link("/admin/endpoints", said="removed"))


async def send_again(context: PageContext) -> web.StreamResponse:
    """Have a record brought once more; one that waits no more was brought meanwhile, or given up with its endpoint."""
    filled = await Filled.of(context.request)
    try:
        await webhook_endpoints.send_again(
            context.call, filled["endpoint"], submission.whole(filled["position"])
        )
    except Refused as error:
        if error.refusal.kind != "not-found":
            raise
        return see(context.link("/admin/endpoints", said="brought"))
    return see(context.link("/admin/endpoints", said="again"))


# Links to the calendar


async def make_link(context: PageContext) -> Page:
    """Make a secret link to the calendar, and show it once."""
    filled = await Filled.of(context.request)
    link = None
    with filled.trying("make"):
        link = await calendar_links.make_link(
            context.call, context.projection, submission.key_of(filled.key)
        )
    await at_the_end(context)
    return await endpoints(context, asked=filled if link is None else None, calendar_link=link)


async def ask_link_end(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before a link is revoked."""
    id, say = context.request.query.get("link", ""), context.words.say
    links = () if context.past else await calendar_links.links_of(context.call, context.projection)
    if id not in {link.id for link in links} or context.grant.scope == "read":
        return see(context.link("/admin/endpoints"))
    return ask(
        context,
        Asking(act="calendar-link", of=id),
        question=say("Revoke this calendar link?"),
        follows=[
            say("Whoever has the link reads nothing more by it."),
            say("Calendars that were subscribed by it stand still from now on."),
        ],
        button=say("Revoke it"),
        back=(context.link("/admin/endpoints"), say("Keep it")),
        area="admin",
        hidden={"link": id},
    )


async def end_link(context: PageContext) -> web.StreamResponse:
    """Revoke a link of the reader's; one that is gone already stays so."""
    filled = await Filled.of(context.request)
    try:
        await calendar_links.end_link(context.call, context.projection, filled["link"])
    except Refused as error:
        if error.refusal.kind != "not-found":
            raise
    return see(context.link("/admin/endpoints", said="ended"))


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin/endpoints", handler=endpoints),
    PageRoute(path="/admin/endpoints", handler=add_endpoint, method="POST"),
    PageRoute(path="/admin/endpoints/remove", handler=ask_removal),
    PageRoute(path="/admin/endpoints/remove", handler=remove_endpoint, method="POST"),
    PageRoute(path="/admin/endpoints/again", handler=send_again, method="POST"),
    PageRoute(path="/admin/links", handler=endpoints),
    PageRoute(path="/admin/links", handler=make_link, method="POST"),
    PageRoute(path="/admin/links/revoke", handler=ask_link_end),
    PageRoute(path="/admin/links/revoke", handler=end_link, method="POST"),
)
