"""The context of a page request, and the preferences of the screen that asks.

`PageContext` says who asks, about which channel, at which moment, and in which
language.

    context.link("/inbox", q="buoy")    "/c/north/inbox?q=buoy", a page of the channel
    context.at, context.moment          0 and the time now, or those of the past

Every handler of a page receives a `PageContext`; `dispatch` makes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from msgspec import Meta, Struct

from dragoman.application.http import conditional_requests, queries, submission
from dragoman.application.http.queries import Whole
from dragoman.application.http.request import ApiRequest, NoBody, S
from dragoman.application.service import Service
from dragoman.console.display import authorised_senders
from dragoman.console.display.log_rows import LogLine
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.domain.acts import membership
from dragoman.domain.acts.act_rules import DUTY, OFFICERS
from dragoman.domain.views.offers import OfferReader
from dragoman.domain.views.office_kinds import OFFICE_KINDS, UNANSWERED, OfficeKind
from dragoman.domain.views.titles import subject_of, title_of
from dragoman.i18n import words as languages
from dragoman.i18n.words import Words
from dragoman.projection.moments import PastMoment
from dragoman.projection.projection import Projection
from dragoman.projection.queries import dialogue
from dragoman.projection.view import View, open_view, queried
from dragoman.stores.office_settings import OfficeSetting, OfficeSettings
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.state import Exchange, Registry

P = ParamSpec("P")
T = TypeVar("T")

VIEW_COOKIE: Final = "__Host-dragoman-view"
"""The name of the cookie that keeps a screen's preferences."""

THEMES: Final = ("day", "dusk", "night", "contrast")
"""Colour themes for the ambient light of a ship's bridge, and one with the strongest
contrast. No theme leaves the choice of colours to the browser.
"""


OFFICE_SETTINGS: Final = web.AppKey("office_settings", OfficeSettings)


class Preferences(Struct, frozen=True, kw_only=True):
    """The preferences of a screen: language, theme, and single-letter shortcuts.

    A cookie keeps them, because they belong to the screen and not to the person. An
    empty member means: as the browser asks.
    """

    language: str = ""
    theme: str = ""
    keys: bool = True

    @classmethod
    def read(cls, request: web.Request) -> "Preferences":
        """Return the preferences of a request; an unknown value counts as empty."""
        fields = dict(parse_qsl(request.cookies.get(VIEW_COOKIE, "")[:200]))
        language, theme = fields.get("language", ""), fields.get("theme", "")
        return cls(
            language=language if language in languages.LANGUAGES else "",
            theme=theme if theme in THEMES else "",
            keys=fields.get("keys") != "off",
        )

    def written(self) -> str:
        """Return the preferences as the cookie stores them."""
        fields = {
            "language": self.language,
            "theme": self.theme,
            "keys": "" if self.keys else "off",
        }
        return urlencode({name: value for name, value in fields.items() if value})


class EveryPage(Struct, frozen=True, kw_only=True):
    """The query that every page understands, beside its own.

    `at` is the moment that it shows. `after` is a record that it must show. `said` is
    the code of what a form has just done. `how` asks for the sources of its facts, and
    `reload` for a page without scripts that is loaded again and again.
    """

    at: str = ""
    after: Whole = 0
    said: str = ""
    how: bool = False
    reload: bool = False


class ListQuery(Struct, frozen=True, kw_only=True):
    """The page of a list, from 1."""

    page: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


@dataclass(kw_only=True)
class PageContext:
    """The context of a page request: its reader, channel, moment, and language.

    `at` is a past position, or 0 for now. `moment` is the time that the page shows. On
    a page of the past, `record_time` is the time of the record at the position.
    `past_time` is a time at which nothing was recorded, as addresses write it; empty
    for the time of a record.

    `registry_then` is the registry at a past position. A page `over_all` shows all of
    the reader's channels, and none of them is its `channel`.
    """

    request: web.Request
    service: Service
    words: Words
    preferences: Preferences
    moment: datetime
    grant: Grant
    channel: Projection | None = None
    at: int = 0
    past_time: str = ""
    record_time: str = ""
    registry_then: Registry | None = None
    digest: str = ""
    newest: int = 0
    over_all: bool = False

    @property
    def projection(self) -> Projection:
        """The page's channel."""
        assert self.channel is not None
        return self.channel

    @property
    def registry(self) -> Registry:
        """The channel's registry at the page's moment."""
        registry = self.registry_then or self.projection.registry
        assert registry is not None
        return registry

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.projection.name

    @property
    def position(self) -> int:
        """The position that the page shows: the past one, or the newest."""
        return self.at or self.newest

    @property
    def past(self) -> bool:
        """Return whether the page shows the past."""
        return self.at > 0

    @property
    def asked_at(self) -> str:
        """The page's moment as addresses name it: a record or a time; empty for now."""
        return self.past_time or (str(self.at) if self.at else "")

    @property
    def shows_sources(self) -> bool:
        """Return whether the page shows beside each fact the record that proves it."""
        return self.asked(EveryPage).how

    @property
    def said(self) -> str:
        """The code of what a form has done, to be announced; empty for none."""
        return self.asked(EveryPage).said

    @property
    def reloads(self) -> bool:
        """Return whether the page is loaded again and again, without scripts."""
        return self.asked(EveryPage).reload

    @property
    def past_moment(self) -> PastMoment | None:
        """The past moment that the page shows; None for now."""
        return PastMoment(self.at, self.moment) if self.at else None

    @property
    def side(self) -> str:
        """The reader's side."""
        return self.grant.side

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of all sides, in the order of the channel's opening."""
        return tuple(side.name for side in self.registry.sides)

    @property
    def offices(self) -> tuple[Office, ...]:
        """The offices of all sides, by their newest entries."""
        return tuple(office_of(side, self.projection.office(side)) for side in self.sides)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the office of the reader's side."""
        return ZoneInfo(office_of(self.side, self.projection.office(self.side)).zone)

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """The reader's roles in the channel, now."""
        if self.channel is None:
            return self._roles_anywhere() if self.over_all else ()
        officer = self.projection.registry.officers.get(self.grant.actor)
        return ("root",) if officer is None else officer.roles

    def _roles_anywhere(self) -> tuple[str, ...]:
        """Return the reader's roles in all channels together."""
        officers = (
            channel.registry.officers.get(self.grant.actor)
            for channel in self.service.visible(self.grant)
        )
        return tuple(
            dict.fromkeys(role for officer in officers if officer for role in officer.roles)
        )

    @cached_property
    def office_setting(self) -> OfficeSetting:
        """The setting of the office of the reader's side in the page's channel."""
        return self.request.app[OFFICE_SETTINGS].of(self.projection.registry.cid, self.side)

    @property
    def office_kind(self) -> OfficeKind:
        """The kind of the reader's office, which decides what pages show at first."""
        return OFFICE_KINDS.get(self.office_setting.kind, OFFICE_KINDS[UNANSWERED])

    @property
    def is_officer(self) -> bool:
        """Return whether the reader is an officer of a side, of any rank.

        Auditors and administrators are not officers in this sense.
        """
        return not OFFICERS.isdisjoint(self.roles)

    @cached_property
    def on_call(self) -> bool:
        """Return whether an alarm may reach the reader in any of their channels.

        Alarms reach duty officers and heads of office.
        """
        visible = [] if self.grant.is_operator else self.service.visible(self.grant)
        officers = (channel.registry.officers.get(self.grant.actor) for channel in visible)
        return any(
            officer is not None and not DUTY.isdisjoint(officer.roles) for officer in officers
        )

    @property
    def is_ended(self) -> bool:
        """Return whether all sides have ended the page's channel."""
        return self.channel is not None and self.registry.ended is not None

    @property
    def may_write(self) -> bool:
        """Return whether the reader may begin a text, also one that cannot be sent now.

        The reader must be an officer, and the token must allow more than reading. The
        page must show now, and the channel must not have ended.
        """
        may = self.is_officer and not self.past and self.grant.scope != "read"
        return may and not self.is_ended

    @property
    def may_post(self) -> bool:
        """Return whether the page shows the buttons that record something at once.

        The reader must be one who may write, and the channel must accept records.
        """
        return self.may_write and self.writable

    def asks_signature(self, family: str) -> bool:
        """Return whether the channel demands signatures on acts of a family."""
        return family in self.registry.required_signatures

    @property
    def writable(self) -> bool:
        """Return whether the service can record anything in the channel now."""
        return self.service.is_writable(self.projection)

    def asked(self, shape: type[S]) -> S:
        """Return the page's query as the shape declares it. Raises `Refused`."""
        return queries.of_page(self.request, shape)

    @property
    def call(self) -> ApiRequest[NoBody]:
        """The request in the form that the API's functions take."""
        return ApiRequest(self.request, NoBody())

    def subject(self, of: Any) -> tuple[str, str]:
        """Return the language tag and the text of an exchange's subject.

        `of` is the exchange, or a line of a view that has the exchange's id and
        subject.
        """
        state = (
            of
            if isinstance(of, Exchange)
            else self.state_of(of.exchange if hasattr(of, "exchange") else of.id)
        )
        raw = subject_of(of) if isinstance(of, Exchange) else of.subject
        return self.words.subject(raw, None if state is None else title_of(state))

    def state_of(self, exchange: str) -> Exchange | None:
        """Return an exchange at the page's moment.

        Return None if the exchange did not exist then.
        """
        state = self.projection.exchange(exchange)
        if self.at and (state is None or state.updated.position > self.at):
            with open_view(self.service.store, self.name, past=self.past_moment) as view:
                return view.state(exchange)
        return state

    def reports_before(self, report: Exchange) -> list[Exchange]:
        """Return the live reports that other sides made before a report."""
        query = dialogue.live_reports_before
        ids = queried(self.service.store, self.name, query, report)
        return [state for id in ids if (state := self.state_of(id)) is not None]

    @property
    def reader(self) -> OfferReader:
        """The reader, as acts are offered to them."""
        return OfferReader(side=self.side, actor=self.grant.actor, earlier=self.reports_before)

    def numbered(self, reference: str) -> str:
        """Return the number of an exchange that is named by its id or number.

        Return the reference itself if the channel has no such exchange now.
        """
        state = self.projection.exchange(reference)
        return reference if state is None or not state.number else state.number

    def reason(self, position: int) -> str:
        """Return the reason for which the record at a position is void.

        Return an empty text for a valid record.
        """
        refusal = self.projection.refusal_at(position)
        return "" if refusal is None else self.words.sentence(refusal.why)

    def titled(self, actor: str) -> str:
        """Return the name of an officer with the role, as in "duty officer d-1"."""
        return authorised_senders.role_and_name(self.words, self.registry, actor)

    def by_station(self, line: LogLine) -> str:
        """Return the words for a signature that the station made for an officer.

        They are empty where the officer signed, and where nobody did.
        """
        officers = membership.signed_for(
            self.registry, line.signatures, (line.actor, line.released_by)
        )
        who = self.words.listed(officers)
        return self.words.say("signed by the station for %(who)s", who=who) if officers else ""

    async def ask(
        self,
        query: Callable[Concatenate[View, P], T],
        /,
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> T:
        """Return the result of a query of the page's channel at its moment."""
        result, _ = await conditional_requests.in_view(
            self.call,
            self.projection,
            self.moment,
            self.past_moment,
            query,
            *arguments,
            **keywords,
        )
        return result

    async def in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run work that may take long in a reader's thread."""
        return await submission.in_thread(self.call, work, *arguments)

    def link(self, path: str = "", /, **query: object) -> str:
        """Return the address of a page of the channel, at the same moment."""
        return self.to(f"/c/{self.name}{path}", **query)

    def outbox_link(self, id: str) -> str:
        """Return the address of an entry of the outbox, once its act was kept there."""
        return f"{self.link('/outbox', said='outbox')}#{id}"

    def to(self, path: str, /, **query: object) -> str:
        """Return an address at the same moment.

        Empty values are left out of the query.
        """
        parameters = {
            name.rstrip("_"): str(value)
            for name, value in query.items()
            if value not in ("", None, 0, False)
        }
        if self.at and "at" not in query:
            parameters["at"] = self.asked_at
        return f"{path}?{urlencode(parameters)}" if parameters else path

    def formed(self, form: str) -> str:
        """Return this page's own address in another form, `.json` or `.csv`."""
        path, _, query = self.again().partition("?")
        return f"{path}{form}?{query}" if query else path + form

    def again(self, **changed: object) -> str:
        """Return this page's own address with parts of its query changed.

        The other parts stay as they came, whatever they are.
        """
        query = {**self.request.query, **changed}
        query.pop("said", None)
        parameters = {
            name: str(value) for name, value in query.items() if value not in ("", None, 0)
        }
        path = self.request.path.removesuffix(".json").removesuffix(".csv")
        return f"{path}?{urlencode(parameters)}" if parameters else path
