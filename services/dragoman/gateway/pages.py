"""The pages: sign in with a token, the board of a channel, and a button that acknowledges. They work without scripts.

A page's session is a server-side row behind a `__Host-` cookie. Forms are taken from our own origin only, by what the
browser itself says (Sec-Fetch-Site, Origin). Pages read what the API reads and post through the same one way.
"""

import asyncio
import re
import secrets
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2
import msgspec
import structlog
from aiohttp import web
from multidict import MultiDictProxy

from dragoman.domain.exchange import content_of
from dragoman.domain.refusal import Refusal, Refused
from dragoman.gateway import posting, problems
from dragoman.gateway.budgets import BUDGETS
from dragoman.gateway.service import Service
from dragoman.gateway.typed import Call, Nothing
from dragoman.limits import BODY_SECONDS, LIST_PAGE, SESSION_SECONDS
from dragoman.projection import reads
from dragoman.projection.live import Projection
from dragoman.reports.paper import Paper
from dragoman.stores.access import Grant
from dragoman_schemas.answers import Row
from dragoman_schemas.state import Message

log = structlog.get_logger()

COOKIE: Final = "__Host-dragoman"
_HERE: Final = Path(__file__).parent
_PATH: Final = re.compile(r"/(?!/)[!-\[\]-~]*")
"""A path of ours: no other host, no backslash, no control character."""

DESCRIPTION: Final = web.AppKey("description", dict[str, Any])
"""The OpenAPI document of the API."""

_OPEN_ROWS: Final = 50
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_PAPER_POLICY: Final = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["utc"] = lambda time: f"{datetime.fromisoformat(time):%-d %b %Y %H:%M:%S}Z"


class SignInNeeded(Exception):
    """A page was asked for without a session."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One message in full: the act, who said it and when, and its members with their language and text."""

    act: str
    side: str
    time: str
    members: tuple[tuple[str, str, str], ...]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange with messages that are not acknowledged: how many, who said the oldest, to whom, when, and what all of them say.

    `of` is the newest of them to the reader's side, which is what a press of the button acknowledges.
    """

    row: Row
    messages: int
    since: str
    sender: str
    to: tuple[str, ...]
    told: tuple[Told, ...]
    of: str


def register(app: web.Application) -> None:
    """Add the pages' routes and files."""
    app.router.add_get("/", board)
    app.router.add_get("/sign-in", sign_in_form)
    app.router.add_post("/sign-in", sign_in)
    app.router.add_post("/sign-out", sign_out)
    app.router.add_post("/acknowledge", acknowledge)
    app.router.add_get("/docs", docs)
    app.router.add_static("/static", _HERE / "static")


def wants_page(request: web.Request) -> bool:
    """Whether an error is to be answered by a page."""
    return not request.path.startswith("/v1/") and "text/html" in request.headers.get("Accept", "")


def session_grant(request: web.Request) -> Grant | None:
    """Who a session speaks for, on requests that only read."""
    session = request.cookies.get(COOKIE)
    if session is None or request.method not in ("GET", "HEAD"):
        return None
    access = request.app[posting.SERVICE].access
    request["session"] = session
    request["still"] = lambda: access.session(session, time.time()) is not None
    return access.session(session, time.time())


def to_sign_in(request: web.Request) -> web.Response:
    """Send the reader to the form, and back afterwards."""
    return web.Response(status=303, headers={"Location": f"/sign-in?next={quote(request.rel_url.path_qs)}", **_HEADERS})


def problem(request: web.Request, error: Exception) -> web.Response:
    """An error as a page, with the words of its problem."""
    _, request_id = request.get(posting.TRACE, ("", ""))
    answered = problems.answer(error, request_id, request.path)
    body = msgspec.json.decode(answered.body if isinstance(answered.body, bytes) else b"{}")
    headers = {name: answered.headers[name] for name in ("Allow", "Retry-After") if name in answered.headers}
    return _page("problem.html", status=answered.status, headers=headers, registry=request.get("registry"), problem=body)


def _page(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any) -> web.Response:
    text = _templates.get_template(template).render(**values)
    return web.Response(text=text, status=status, headers={**_HEADERS, **(headers or {})}, content_type="text/html")


def report(paper: Paper, headers: dict[str, str]) -> web.Response:
    """A report as a page of its own, to be read and printed: it has no script and no form."""
    return _page("report.html", headers={**headers, "Content-Security-Policy": _PAPER_POLICY}, registry=paper.of, paper=paper)


async def docs(request: web.Request) -> web.Response:
    """What the API has, for reading and trying; it is described to everybody."""
    tags: dict[str, list[tuple[str, str, str]]] = {}
    for path, operations in request.app[DESCRIPTION]["paths"].items():
        for method, operation in operations.items():
            tags.setdefault(operation["tags"][0], []).append((method.upper(), path, operation["summary"]))
    explorer = (_HERE / "static" / "vendor" / "swagger-ui-bundle.js").exists()
    return _page("docs.html", registry=None, tags=sorted(tags.items()), explorer=explorer)


def _own_origin(request: web.Request) -> None:
    """Refuse a form that another site sent."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    same = site in ("same-origin", "none") if site is not None else origin is None or origin.partition("://")[2] == request.host
    if not same:
        raise Refused(Refusal(kind="not-permitted", detail="This form came from another site. Open the board here and try again."))


# Signing in


async def sign_in_form(request: web.Request) -> web.Response:
    return _page("sign_in.html", registry=None, next=_next(request.query.get("next", "/")), fault="")


def _next(path: str) -> str:
    return path if _PATH.fullmatch(path) else "/"


async def _form(request: web.Request) -> MultiDictProxy[str | bytes | bytearray | web.FileField]:
    """A form, which must arrive in time. Raises `Refused`."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.post()
    except TimeoutError:
        raise Refused(Refusal(kind="too-slow", detail="The form did not arrive in time; send it again.")) from None


async def sign_in(request: web.Request) -> web.Response:
    _own_origin(request)
    form = await _form(request)
    token, following = str(form.get("token", "")).strip(), _next(str(form.get("next", "/")))
    access = request.app[posting.SERVICE].access
    grant = access.find(token, time.time())
    if grant is None or grant.is_operator:
        log.info("sign_in.refused", address=request.get("address", ""))
        request.app[BUDGETS].stranger(request.get("address", ""))
        fault = "This token is not known here. Copy it whole, or ask the operator for a new one."
        return _page("sign_in.html", status=401, registry=None, next=following, fault=fault)
    request.app[BUDGETS].caller(grant, "", 0)
    if request.cookies.get(COOKIE):
        await access.close_session(request.cookies[COOKIE])  # who signs in anew leaves none behind
    session = await access.open_session(token, time.time(), SESSION_SECONDS)
    log.info("sign_in.done", actor=grant.actor, address=request.get("address", ""), token_id=grant.id)
    response = web.Response(status=303, headers={"Location": following, **_HEADERS})
    response.set_cookie(COOKIE, session, max_age=SESSION_SECONDS, path="/", secure=True, httponly=True, samesite="Strict")
    return response


async def sign_out(request: web.Request) -> web.Response:
    _own_origin(request)
    session = request.cookies.get(COOKIE)
    if session is not None:
        await request.app[posting.SERVICE].access.close_session(session)
    response = web.Response(status=303, headers={"Location": "/sign-in", "Clear-Site-Data": '"cache", "storage"', **_HEADERS})
    response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
    return response


def _signed_in(request: web.Request) -> tuple[Service, Grant]:
    service = request.app[posting.SERVICE]
    session = request.cookies.get(COOKIE)
    grant = None if session is None else service.access.session(session, time.time())
    if grant is None:
        raise SignInNeeded
    request["grant"] = grant
    request["apart"] = request.app[BUDGETS].caller(grant, request.query.get("channel", ""), request.content_length or 0)
    if grant.scope == "read" and request.method == "POST":
        raise Refused(Refusal(kind="not-permitted", detail="You signed in with a token for reading alone; ask the operator for another."))
    return service, grant


# The board


async def board(request: web.Request) -> web.Response:
    service, grant = _signed_in(request)
    visible = service.visible(grant)
    if not visible:
        detail = f"{grant.actor} is in office in no channel; an administrator of the side enters officers."
        raise Refused(Refusal(kind="not-permitted", detail=detail))
    wanted = request.query.get("channel", visible[0].name)
    projection = service.channel(grant, wanted)
    request["registry"] = projection.registry
    await projection.in_file()
    return _page("board.html", **await _board(service, grant, projection, visible, request))


async def _board(service: Service, grant: Grant, projection: Projection, visible: list[Projection], request: web.Request) -> dict[str, Any]:
    name, store, side = projection.name, service.store, grant.side
    call = Call(request, Nothing())
    state = await posting.in_thread(
        call, lambda: reads.liaison_state(store, name, None, service.as_of(projection), live=service.is_live(projection))
    )
    rows = await posting.in_thread(call, reads.listed, store, name, reads.Filter(), _OPEN_ROWS, service.now())
    waiting = [_waiting(projection, row, side) for row in state.unacknowledged]
    _note_read(service, projection, service.station(grant, projection))
    officer = projection.registry.officers.get(grant.actor)
    roles = ("root",) if officer is None else officer.roles
    return {
        "actor": grant.actor,
        "side": side,
        "roles": roles,
        "channels": [(other.name, other.registry.kind) for other in visible],
        "registry": projection.registry,
        "state": state,
        "covered": await service.coverage.of(projection),
        "waiting": waiting,
        "waiting_messages": sum(one.messages for one in waiting),
        "waiting_is_cut": len(waiting) == LIST_PAGE,
        "rows": rows.exchanges,
        "stale": not service.is_live(projection),
        "writable": service.guard.proven and not projection.broken,
        "may_acknowledge": not {"officer", "duty_officer", "head_of_office"}.isdisjoint(roles),
        "words": _words,
        "new_key": lambda: secrets.token_hex(16),
        "said": request.query.get("said", ""),
    }


def _waiting(projection: Projection, row: Row, side: str) -> Waiting:
    exchange = projection.exchange(row.id)
    messages = [
        message
        for message in (() if exchange is None else exchange.messages)
        if not message.for_the_record and any(side in message.to and side not in message.acknowledged for side in row.unacknowledged_by)
    ]
    if not messages:  # the fold is ahead of the file that the row is from, and there the last one has been acknowledged
        return Waiting(row=row, messages=1, since=row.opened, sender=row.side, to=row.to, told=(), of="")
    oldest = messages[0]
    ours = [message.id for message in messages if side in message.to]
    return Waiting(
        row=row,
        messages=len(messages),
        since=oldest.said.time,
        sender=oldest.said.by.partition("/")[0],
        to=oldest.to,
        told=tuple(_told(projection, message) for message in messages),
        of=ours[-1] if ours else "",
    )


def _told(projection: Projection, message: Message) -> Told:
    """What a message says, member by member, as it stands in the log."""
    record = projection.record_at(message.said.position)
    members = [] if record is None else content_of(record.newest).items()
    return Told(
        act=message.act,
        side=message.said.by.partition("/")[0],
        time=message.said.time,
        members=tuple((name.replace("_", " "), *_plain(value)) for name, value in members),
    )


def _plain(raw: msgspec.Raw) -> tuple[str, str]:
    """A member's language, if it says one, and its text; what is no text is shown as it was written."""
    value = msgspec.json.decode(bytes(raw))
    if isinstance(value, str) or (isinstance(value, dict) and value and all(isinstance(text, str) for text in value.values())):
        return _words(raw)
    return "", bytes(raw).decode()


def _words(raw: msgspec.Raw) -> tuple[str, str]:
    """A text and its language, where it says which: the page's own, or else the first that is given."""
    text: str | dict[str, str] = msgspec.json.decode(bytes(raw))
    if isinstance(text, str):
        return "", text
    language = "en" if "en" in text else next(iter(text), "")
    return language, text.get(language, "")


def _note_read(service: Service, projection: Projection, side: str) -> None:
    """A board shows all that waits: everything up to the newest act of another side has reached a station of this one."""
    newest = projection.newest_of_others(side)
    if side and newest:
        service.deliveries.note(projection.name, side, newest)


async def acknowledge(request: web.Request) -> web.Response:
    _own_origin(request)
    service, grant = _signed_in(request)
    form = await _form(request)
    projection = service.channel(grant, str(form.get("channel", "")))
    request["registry"] = projection.registry
    of = str(form.get("of", ""))  # the newest message that the officer was shown: a later one stays unacknowledged
    act = {"act": "acknowledgement", "of": of} if of else {"act": "acknowledgement"}
    await posting.record(
        Call(request, Nothing()),
        projection,
        msgspec.json.encode(act),
        exchange=str(form.get("exchange", "")),
        key=str(form.get("key", "")),
    )
    return web.Response(status=303, headers={"Location": f"/?channel={quote(projection.name)}&said=acknowledged", **_HEADERS})
