"""The page of endpoints: addresses that receive news of records, and calendar links.

Endpoints belong to the reader's side. The secret calendar links belong to the reader.
Both are beside the log and have no past.

The page uses the functions behind `/v1/webhooks` and
`/v1/channels/{channel}/calendar-links`. It shows a secret once, in the response to the
form.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final, get_args

from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.operations import calendar_links, webhook_endpoints
from dragoman.console.admin_words import AdminWords
from dragoman.console.forms.admin_forms import address, at_the_end, colleagues, hindrance
from dragoman.console.forms.confirm import ask
from dragoman.console.forms.form_state import FormState, converted
from dragoman.console.grant_words import NONE
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.document.blocks import (
    Block,
    Buttons,
    Empty,
    Facts,
    FieldGroup,
    Form,
    Paragraph,
    Points,
    Remark,
    Section,
    columns,
    section,
)
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import STAFF
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import LANGUAGES
from dragoman.limits import SCREEN_ROWS
from dragoman.members.runs import (
    Aside,
    Cell,
    Mark,
    PageLink,
    PressButton,
    QuotedText,
    Runs,
    joined,
)
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
    words = AdminWords(context)
    say, w = words.w.say, words.w
    form = filled or FormState(
        {"means": ["webhook"], "signature": ["ed25519"], "language": [w.language]}
    )
    link_state = link_form or FormState()
    if context.past:
        beside = say("Endpoints and links are not part of the log, and have no past to show.")
        sections: tuple[Section, ...] = (section("", Empty(beside), words.hindered("past")),)
    else:
        new = (*_added(words, added), *_made(words, calendar_link))
        sections = (*new, *await _endpoints(words), await _links(words, link_state))
    announced = {
        "removed": say("Removed. The endpoint receives no more records."),
        "again": say("It is tried again now."),
        "brought": say("It does not wait any more."),
        "tested": say("A test is on its way."),
        "just_tested": say("It was tested within the last minute. Wait for the result."),
        "ended": say("Revoked. The link no longer works."),
        "added": say("Added. The endpoint receives the records from now on."),
        "made": say("The link is made."),
        "known": say("This link was made before."),
    }
    outcome = calendar_link and ("made" if calendar_link.path else "known")
    return words.page(
        "/admin/endpoints",
        say("Endpoints and links"),
        say(
            "The addresses that receive news of records for your side, and your own links to the "
            "calendar."
        ),
        max(form.status, link_state.status),
        announced=announced.get(outcome or ("added" if added else context.said), ""),
        faults=(*form.faults_in(w), *link_state.faults_in(w)),
        sections=sections,
        beside=() if context.past else (_addition(words, form),),
    )


def _added(words: AdminWords, added: AddedEndpoint | None) -> Iterator[Section]:
    """Yield the key or the secret of a new endpoint; no other page shows the secret."""
    say = words.w.say
    if added is None:
        return
    shown = Mark("secret", added.secret, "secret")
    if added.secret:
        about = say(
            "This secret checks the signatures. It is shown this once and not again: copy it into "
            "your receiver now."
        )
    elif added.public_key:
        shown = Mark("secret", added.public_key, "public-key")
        about = say(
            "This public key checks the signatures. It is not a secret, and is in the list below."
        )
    else:
        about = say("A mail says that something waits, and not what. Nothing has to be checked.")
    secret = Paragraph(shown) if shown.text else None
    yield section(say("The new endpoint"), Paragraph(about), secret)


def _made(words: AdminWords, link: CalendarLink | None) -> Iterator[Section]:
    """Yield a new link, which no other page shows."""
    say = words.w.say
    if link is None:
        return
    about = say(
        "Anyone who has this link can read the calendar. It is shown this once and not again: copy "
        "it into your calendar program now."
    )
    if not link.path:
        about = say(
            "It was shown then, and is not kept. If it is lost, revoke it and make another."
        )
    secret = Mark("secret", link.url or (address(words.context) + link.path), "link-once")
    shown = Paragraph(secret) if link.path else None
    yield section(say("The new link"), Paragraph(about), shown)


async def _endpoints(words: AdminWords) -> list[Section]:
    """Return the endpoints of the reader's side, if its officers may see them."""
    context, say, w = words.context, words.w.say, words.w
    title = say("Endpoints of %(side)s", side=context.side.upper())
    if STAFF.isdisjoint(context.roles):
        reason = say(
            "Endpoints of a side are seen by its officers and administrators. You are signed in as "
            "%(roles)s.",
            roles=w.listed(map(w.value, context.roles)),
        )
        return [section(title, Empty(reason))]
    views = [
        endpoint
        for endpoint in await webhook_endpoints.endpoints_of(context.call)
        if endpoint.channel == context.name
    ]
    nothing = Empty(say("There is no endpoint. Your side gets news only from these pages."))
    may_change = not hindrance(context, webhook_endpoints.ENTERING, flag=False)
    return [
        section(title, None if views else nothing),
        *[await _endpoint(words, endpoint, may_change=may_change) for endpoint in views],
    ]


async def _endpoint(words: AdminWords, endpoint: EndpointView, *, may_change: bool) -> Section:
    """Return an endpoint: its standing, what it receives, and what waits for it."""
    say, w = words.w.say, words.w
    waits = (
        await webhook_endpoints.deliveries_of(words.context.call, endpoint.id)
        if endpoint.waiting or endpoint.parked
        else ()
    )
    values, target = {"endpoint": endpoint.id}, endpoint.target
    remove = PageLink(
        say("Remove this endpoint"), "/admin/endpoints/remove", query=values, spoken=target
    )
    test = PressButton(say("Send a test"), "/admin/endpoints/test", values, target)
    rest = say("Shown %(a)s of %(b)s.", a=w.number(SCREEN_ROWS), b=w.number(len(waits)))
    return section(
        (endpoint.label, " ", Aside(target)) if endpoint.label else target,
        Paragraph(_standing(words, endpoint)),
        Facts(tuple(_facts(words, endpoint))),
        _deliveries(words, endpoint, waits, may_change=may_change),
        Remark(rest) if len(waits) > SCREEN_ROWS else None,
        Buttons((test, remove)) if may_change else None,
        level=3,
        endpoint=endpoint.id,
    )


def _standing(words: AdminWords, endpoint: EndpointView) -> Runs:
    """Return the standing of an endpoint, and the remedy if it fails."""
    say, w = words.w.say, words.w
    failed = endpoint.tested and endpoint.test_answer and not endpoint.arrived
    if endpoint.stopped:
        level, word = "serious", say("stopped")
    elif endpoint.parked:
        level, word = "serious", w.count("%(n)s given up", "%(n)s given up", endpoint.parked)
    elif endpoint.waiting:
        level, word = "caution", w.count("%(n)s waits", "%(n)s wait", endpoint.waiting)
    elif failed:
        level, word = "caution", say("the last test failed")
    elif endpoint.tested or endpoint.delivered:
        level, word = "normal", say("in order")
    else:
        level, word = "off", say("never tested")
    ask = say(
        "Check the address. If it is right, ask the operator: the log of this host has the reason."
    )
    beside = w.sentence(webhook_endpoints.GONE) if endpoint.stopped else ask if failed else ""
    return (Mark("state", word, level), *((" ", Aside(beside)) if beside else ()))


def _facts(words: AdminWords, endpoint: EndpointView) -> Iterator[tuple[str, Cell]]:
    say, w = words.w.say, words.w
    means = {"webhook": say("webhook"), "e-mail": say("e-mail")}.get(endpoint.means)
    ways = {way.name: way.title or way.name for way in words.context.service.ways}
    language = Mark("language", LANGUAGES.get(endpoint.language, ""), endpoint.language)
    beside = () if endpoint.means == "webhook" else (" ", Aside(language))
    delivered = w.count("%(n)s delivered", "%(n)s delivered", endpoint.delivered)
    yield (
        w.name("heading", "means"),
        joined((means or ways.get(endpoint.way, endpoint.way), beside)),
    )
    yield say("Told up to"), (words.record(endpoint.position), " ", Aside(delivered))
    yield say("Of what"), _wanted(words, endpoint)
    yield say("Last test"), _last_test(words, endpoint)
    yield say("Added"), (words.time(endpoint.created), " ", Aside(endpoint.created_by))
    if endpoint.public_key:
        yield say("Public key"), Mark("code", endpoint.public_key)


def _wanted(words: AdminWords, endpoint: EndpointView) -> str:
    """Return the records that an endpoint receives."""
    say, w = words.w.say, words.w
    acts = [w.act(act) for act in endpoint.acts]
    families = w.listed(map(w.value, endpoint.families))
    every = say("every act of %(families)s", families=families) if families else say("every act")
    urgent, own_acts = endpoint.precedence, (say("our own as well"),) if endpoint.own else ()
    least = (say("%(precedence)s or more urgent", precedence=w.value(urgent)),) if urgent else ()
    return w.listed((*(acts or (every,)), *least, *own_acts))


def _last_test(words: AdminWords, endpoint: EndpointView) -> Cell:
    say, w = words.w.say, words.w
    if not endpoint.tested:
        return say("none")
    if endpoint.arrived:
        result = say("arrived %(t)s", t=w.written(endpoint.arrived, "minute"))
    elif endpoint.test_answer:
        result = f"{say('not sent')}{w.colon}{endpoint.test_answer}"
    else:
        result = say("not confirmed yet")
    return (words.time(endpoint.tested), " ", Aside(result))


def _deliveries(
    words: AdminWords,
    endpoint: EndpointView,
    waits: Sequence[DeliveryView],
    *,
    may_change: bool,
) -> Block | None:
    """Return the records that an endpoint has not received yet."""
    say, w = words.w.say, words.w
    answers = webhook_endpoints.answers_of(words.context.call, endpoint.id)

    def answered(delivery: DeliveryView) -> Cell:
        text = answers.get(delivery.position)
        if text is None:
            return NONE
        answer = w.sentence(text)  # a third party's own words are in an unknown language
        return QuotedText(answer) if text.message == VERBATIM else answer

    def again(delivery: DeliveryView) -> Cell:
        if delivery.parked:
            return Mark("state", say("given up"), "serious")
        return words.time(delivery.again, "full") if delivery.tries else say("at once")

    def press(delivery: DeliveryView) -> Cell:
        position = delivery.position
        values = {"endpoint": endpoint.id, "position": str(position)}
        spoken = say("record %(n)s", n=w.number(position))
        return PressButton(say("Send again"), "/admin/endpoints/again", values, spoken)

    return columns(
        say("Records not delivered to %(target)s", target=endpoint.target),
        waits[:SCREEN_ROWS],
        (say("Record"), lambda delivery: words.record(delivery.position)),
        (say("Tries"), lambda delivery: w.number(delivery.tries)),
        (say("Answered last"), answered),
        (say("Again"), again),
        *(((say("Send again"), press),) if may_change else ()),
    )


async def _links(words: AdminWords, form: FormState) -> Section:
    """Return the reader's links to the calendar, and the form for a new one."""
    context, say, w = words.context, words.w.say, words.w
    why = hindrance(context, {*context.roles}, flag=False)
    links = await calendar_links.links_of(context.call, context.projection)

    def point(link: LinkView) -> Runs:
        issue = say("made %(t)s", t=w.written(link.issued, "minute"))
        revoke = PageLink(
            say("revoke"), "/admin/links/revoke", query={"link": link.id}, spoken=link.id
        )
        return (issue, " ", Mark("id", link.id), *(() if why else (" ", revoke)))

    none = say("You have none. Anyone who has such a link can read the calendar, without a token.")
    ends = say("A link ends with the token with which you signed in, and with your office.")
    request = Form(to="/admin/links", parts=(), button=say("Make a link"), key=form.key)
    return section(
        say("Your calendar links"),
        Points(tuple(map(point, links))) if links else Empty(none),
        words.hindered(why) if why else request,
        Remark(ends),
        aside=say("meetings, visits, windows; for your calendar program"),
        anchor="links",
    )


def _addition(words: AdminWords, form: FormState) -> Section:
    """Return the form for a new endpoint."""
    context, say, w = words.context, words.w.say, words.w
    if why := hindrance(context, webhook_endpoints.ENTERING, flag=False):
        whose = say("Heads of office and administrators of a side add its endpoints.")
        who = colleagues(context, webhook_endpoints.ENTERING)
        return section(say("Add an endpoint"), words.hindered(why, whose, who))
    field = partial(form.field, w)
    sealed = say("It is sealed, and never shown again.")
    to_ways = (
        field("line", "to", say("Number or name (for a message)"), sealed),
        field(
            "line",
            "label",
            say("Name of a message’s endpoint (optional)"),
            say("Like “duty phone”."),
        ),
    )
    signatures = (
        ("ed25519", "ed25519", say("a key pair: the public key is shown")),
        ("hmac", "hmac", say("a shared secret, shown once")),
    )
    urgent = (("", say("anything")), *((it, w.value(it)) for it in _PRECEDENCES))
    families = ((family, w.value(family)) for family in _families(context))
    single = field("checks", "acts", say("Acts"), options=((act, w.act(act)) for act in _ACTS))
    own_acts = (("yes", say("deliver our own acts as well")),)
    parts = (
        field(
            "radios",
            "means",
            context.words.name("heading", "means"),
            options=_means_options(context),
        ),
        field("url", "url", say("URL (for a webhook)"), say("Https, at a public address.")),
        field("email", "address", say("Address (for e-mail)"), say("One plain address.")),
        *(to_ways if context.service.ways else ()),
        field(
            "select", "language", say("A mail or message is written in"), options=LANGUAGES.items()
        ),
        field("radios", "signature", say("A webhook is signed with"), options=signatures),
        field("select", "precedence", say("As urgent as"), options=urgent),
        field("checks", "families", say("Only of these families (optional)"), options=families),
        FieldGroup(say("Only of single acts (optional)"), (single,), folds=True),
        field("checks", "own", say("Our own acts"), options=own_acts),
    )
    button = say("Add this endpoint")
    form_block = Form(to="/admin/endpoints", parts=parts, button=button, key=form.key)
    return section(say("Add an endpoint"), form_block)


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
    with filled.trying("links"):
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
