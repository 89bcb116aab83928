"""One request for a page, and how it is answered: a template in the reader's language, or its view as JSON, or its rows as CSV.

    here = Here(...)             who asks, of which channel, as it stood when, in which language
    Page(template, view, ...)    what a handler returns
    Sheet("/inbox", handler)     a page of a channel: /c/{channel}/inbox, .json and .csv of it

A page shows what its view holds, and the view is what `.json` gives: whoever mistrusts
a page compares. What the service itself says in English there, such as why a record is
void, the page says in the reader's language.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import jinja2
import msgspec
from aiohttp import web
from markupsafe import Markup
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.http.request import ApiRequest, NoBody
from dragoman.application.service import Service
from dragoman.console.charts.charts import clock
from dragoman.console.display import translations
from dragoman.console.display.invisible_characters import marked
from dragoman.console.display.office_clocks import place_of
from dragoman.console.display.punctuation import Punctuation
from dragoman.console.forms import authorised_senders
from dragoman.domain.acts.act_rules import DUTY, OFFICERS
from dragoman.domain.record import nesting
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.domain.views.titles import subject_of, title_of
from dragoman.i18n import words as languages
from dragoman.i18n.words import Words
from dragoman.interop import spreadsheet
from dragoman.limits import SUBJECT_LENGTH
from dragoman.projection.projection import Projection
from dragoman.projection.queries import exchange_view
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import Text
from dragoman_schemas.state import Exchange, Registry

_HERE: Final = Path(__file__).parent
STATIC: Final = _HERE / "static"

VIEW_COOKIE: Final = "__Host-dragoman-view"
THEMES: Final = ("day", "dusk", "night", "contrast")
"""By ambient light, as on a ship's bridge; and the one with the strongest contrast.
None of them leaves it to the browser.
"""

HTML: Final = "text/html"

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dragoman"
)
PAPER_POLICY: Final = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


class Preferences(Struct, frozen=True, kw_only=True):
    """How somebody wants the pages: in a cookie, because it is of this screen and not of the person. Empty is as the browser says."""

    language: str = ""
    theme: str = ""
    keys: bool = True

    @classmethod
    def read(cls, request: web.Request) -> "Preferences":
        """Return those of a request; what is not known is left out."""
        given = dict(parse_qsl(request.cookies.get(VIEW_COOKIE, "")[:200]))
        language, theme = given.get("language", ""), given.get("theme", "")
        return cls(
            language=language if language in languages.LANGUAGES else "",
            theme=theme if theme in THEMES else "",
            keys=given.get("keys") != "off",
        )

    def written(self) -> str:
        """As the cookie has them."""
        given = {"language": self.language, "theme": self.theme, "keys": "" if self.keys else "off"}
        return urlencode({name: value for name, value in given.items() if value})


@dataclass(kw_only=True)
class PageContext:
    """One request for a page. `at` is a past position, or 0 for now; `moment` the time that the page is of."""

    request: web.Request
    service: Service
    words: Words
    preferences: Preferences
    moment: datetime
    grant: Grant
    channel: Projection | None = None
    at: int = 0
    registry_then: Registry | None = None
    digest: str = ""
    newest: int = 0

    @property
    def projection(self) -> Projection:
        """The page's channel."""
        assert self.channel is not None
        return self.channel

    @property
    def registry(self) -> Registry:
        """The channel's registry, as it stood then."""
        registry = self.registry_then or self.projection.registry
        assert registry is not None
        return registry

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.projection.name

    @property
    def position(self) -> int:
        """The position that the page is of."""
        return self.at or self.newest

    @property
    def past(self) -> bool:
        """Return whether the page shows the past."""
        return self.at > 0

    @property
    def side(self) -> str:
        """The reader's side."""
        return self.grant.side

    @property
    def sides(self) -> tuple[str, ...]:
        """All sides, in the order of the opening."""
        return tuple(side.name for side in self.registry.sides)

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """The reader's roles in the channel, now."""
        if self.channel is None:
            return ()
        officer = self.projection.registry.officers.get(self.grant.actor)
        return ("root",) if officer is None else officer.roles

    @property
    def is_officer(self) -> bool:
        """Return whether the reader sits at a station of a side: officers of any rank, and no auditor or administrator."""
        return not OFFICERS.isdisjoint(self.roles)

    @cached_property
    def on_call(self) -> bool:
        """Return whether an alarm may reach the reader: duty officers and heads of office, in any of their channels."""
        visible = [] if self.grant.is_operator else self.service.visible(self.grant)
        officers = (item.registry.officers.get(self.grant.actor) for item in visible)
        return any(
            officer is not None and not DUTY.isdisjoint(officer.roles) for officer in officers
        )

    @property
    def may_post(self) -> bool:
        """Return whether forms are shown: to officers, whose token is not for reading alone, of now, while writing is possible."""
        return self.is_officer and not self.past and self.grant.scope != "read" and self.writable

    def asks_signature(self, family: str) -> bool:
        """Return whether the channel asks officers to sign what they say in a family."""
        return family in self.registry.required_signatures

    @property
    def writable(self) -> bool:
        """Return whether anything can be recorded now."""
        return self.service.is_writable(self.projection)

    @property
    def call(self) -> ApiRequest[NoBody]:
        """The request as the API's functions take it."""
        return ApiRequest(self.request, NoBody())

    def subject(self, of: Any) -> tuple[str, str]:
        """Return what an exchange is about and the tag of its language; `of` is the exchange, or a line of a view that has its id and its subject."""
        state = (
            of
            if isinstance(of, Exchange)
            else self.state_of(of.exchange if hasattr(of, "exchange") else of.id)
        )
        raw = subject_of(of) if isinstance(of, Exchange) else of.subject
        return self.words.subject(raw, None if state is None else title_of(state))

    def state_of(self, exchange: str) -> Exchange | None:
        """Return an exchange as it stood at the page's moment; None where there is none."""
        state = self.projection.exchange(exchange)
        if self.at and (state is None or state.updated.position > self.at):
            state = exchange_view.exchange_at(self.service.store, self.name, exchange, self.at)
        return state

    def reason(self, position: int) -> str:
        """Return why the record at a position is void."""
        refusal = self.projection.refusal_at(position)
        return "" if refusal is None else self.words.sentence(refusal.why)

    def titled(self, actor: str) -> str:
        """Return an officer of the channel as pages name them: duty officer d-1."""
        return authorised_senders.titled(self.words, self.registry, actor)

    async def in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run a query that may take long in a reader's thread."""
        return await submission.in_thread(self.call, work, *arguments)

    def link(self, path: str = "", /, **query: object) -> str:
        """Return the address of a page of the channel, at the same moment."""
        return self.to(f"/c/{self.name}{path}", **query)

    def to(self, path: str, /, **query: object) -> str:
        """Return an address, at the same moment; what is empty is left out."""
        given = {
            name.rstrip("_"): str(value)
            for name, value in query.items()
            if value not in ("", None, 0, False)
        }
        if self.at and "at" not in query:
            given["at"] = str(self.at)
        return f"{path}?{urlencode(given)}" if given else path

    def formed(self, form: str) -> str:
        """Return this page's own address in another form, `.json` or `.csv`."""
        path, _, query = self.again().partition("?")
        return f"{path}{form}?{query}" if query else path + form

    def again(self, **changed: object) -> str:
        """Return this page's own address, with some of its query changed."""
        query = {**self.request.query, **changed}
        query.pop("said", None)
        given = {name: str(value) for name, value in query.items() if value not in ("", None, 0)}
        path = self.request.path.removesuffix(".json").removesuffix(".csv")
        return f"{path}?{urlencode(given)}" if given else path


@dataclass(kw_only=True)
class Page:
    """What a handler answers with. `rows` are what `.csv` gives, `values` what the template needs besides the view."""

    template: str
    view: Struct
    rows: Sequence[Struct] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[PageContext], Awaitable[Page | web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class PageRoute:
    """One page: under which path of a channel, or at a path of its own; `anywhere` is a page that needs no channel, `streams` one that has no end."""

    path: str
    handler: Handler
    method: str = "GET"
    anywhere: bool = False
    name: str = ""
    streams: bool = False


def refused(kind: str, detail: Text) -> Refused:
    """Return a refusal in words."""
    return Refused(Refusal(kind=kind, detail=detail))


# Rendering


@cache
def environment(language: str) -> jinja2.Environment:
    """Return the templates in a language."""
    words = languages.words(language)
    result = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", Punctuation],
    )
    result.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    result.globals |= {
        "w": words,
        "languages": languages.LANGUAGES,
        "tags": languages.TAGS,
        "new_key": lambda: secrets.token_hex(16),
        "zone": ZoneInfo,
        "place_of": lambda office: place_of(office, words),
        "roles_of": lambda roles: [words.value(role) for role in roles],
        "told": lambda value: _told(words, value),
        "clock_bar": clock,
        "counted": words.count,
        "as_translated": lambda value: translations.shown(words, value),
    }
    result.filters["seen"] = lambda text: text if isinstance(text, Markup) else marked(str(text))
    result.filters["string_of"] = lambda raw: bytes(raw).decode()
    result.filters["fromjson"] = _from_json
    result.filters["as_dict"] = msgspec.structs.asdict
    result.filters["as_option"] = lambda value: (value, value)
    result.filters["field_name"] = words.field
    result.filters["value_name"] = words.value
    result.tests["raw"] = lambda value: isinstance(value, msgspec.Raw)
    result.filters["json"] = lambda value: json.dumps(
        value, ensure_ascii=False, separators=(",", ":")
    )
    result.filters["raw"] = languages.values_of
    result.filters["moment"] = languages.as_moment
    return result


def _told(words: Words, text: str) -> str:
    """Return what a form that was sent has come to, in a sentence."""
    match text:
        case "acknowledged":
            return words.say("Receipt acknowledged. This says only that you have it.")
        case "before":
            return words.say("A colleague had acknowledged it before you. It is recorded once.")
        case "take":
            return words.say("You have the watch.")
        case "relieve":
            return words.say("The watch is handed over.")
        case "shelved":
            return words.say(
                "Shelved. It comes back with its time, with the next watch, or when it is more than a caution."
            )
        case "unshelved":
            return words.say("Taken back from the shelf.")
        case "recorded":
            return words.say("Recorded.")
        case "kept":
            return words.say("Kept.")
        case "handed":
            return words.say(
                "Handed over. Your colleagues see it at once, on whatever page they are."
            )
        case "dropped":
            return words.say("Dropped.")
        case _:
            return ""


def rendered(context: PageContext | None, words: Words, template: str, **values: Any) -> str:
    """Return a template filled in."""
    return environment(words.language).get_template(template).render(context=context, **values)


def html(text: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a page as an answer."""
    return web.Response(
        text=text, status=status, headers={**HEADERS, **(headers or {})}, content_type=HTML
    )


def as_json(view: Struct, headers: Mapping[str, str]) -> web.Response:
    """Return a page's view."""
    return web.Response(
        body=msgspec.json.encode(view),
        headers={**HEADERS, **headers},
        content_type="application/json",
    )


def as_csv(rows: Sequence[Struct], headers: Mapping[str, str]) -> web.Response:
    """Return a page's rows, a column a member."""
    names = rows[0].__struct_fields__ if rows else ()
    given = (msgspec.to_builtins(row, builtin_types=(msgspec.Raw,)) for row in rows)
    text = (
        spreadsheet.table(names, ([item.get(name, "") for name in names] for item in given))
        if rows
        else ""
    )
    return web.Response(
        text=text, headers={**HEADERS, **headers}, content_type="text/csv", charset="utf-8"
    )


def _from_json(text: str) -> dict[str, Any]:
    """Return a choice that a form offered before; one that was made up is shown as it is written."""
    raw = text.encode(errors="replace")
    try:
        nesting.check(raw)
        value = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        value = None
    return {"title": text[:SUBJECT_LENGTH], **(value if isinstance(value, dict) else {})}


def now() -> datetime:
    """Return the time of this host."""
    return datetime.now(UTC)
