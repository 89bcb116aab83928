"""The HTTP API: every route with its shapes, and what is asked of the service itself."""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman import __version__
from dragoman.domain.acts.act_registry import PATHS
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.gateway import (
    drafts,
    examples,
    files,
    foreign,
    live,
    people,
    proofs,
    reading,
    releases,
    reporting,
    tokens,
    webhooks,
)
from dragoman.gateway.answering import At, headers_of, unchanged
from dragoman.gateway.describing import asyncapi, openapi
from dragoman.gateway.posting import grant_of, projection_of, record, service_of
from dragoman.gateway.typed import JSON, Answered, Call, May, Nothing, Reply, Route
from dragoman.interop import cap
from dragoman.projection.projection import Projection
from dragoman.text import Sentence, sentence
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.record import Envelope
from dragoman_schemas.release_bundle import Bundle, Releases
from dragoman_schemas.report_shapes import (
    FiveAnswers,
    PeriodRecord,
    Situation,
    TurnOver,
    YearReview,
)
from dragoman_schemas.responses import (
    AddedEndpoint,
    Alarm,
    CalendarLink,
    CalendarLinks,
    Causes,
    Channels,
    ChannelView,
    Check,
    CodebookView,
    Covered,
    Deliveries,
    DeliveryView,
    Difference,
    Drafts,
    DraftView,
    Endpoints,
    EndpointView,
    Entry,
    ExchangeView,
    Files,
    FileView,
    Health,
    IssuedToken,
    LiaisonState,
    Me,
    NewChannel,
    NewDraft,
    NewEndpoint,
    NewSubject,
    NewToken,
    Opening,
    OpeningTerms,
    Perceptions,
    PersonEntry,
    PersonView,
    PointsOfContact,
    Recorded,
    Register,
    Roadmap,
    Row,
    Rows,
    Subjects,
    SubjectView,
    Tokens,
    UnattributedNotice,
    WatchNotice,
    WatchView,
)
from dragoman_schemas.statistics_figures import Statistics

# Who and where


async def me(call: Call[Nothing]) -> Answered:
    grant, service = grant_of(call.request), service_of(call)
    visible = service.visible(grant)
    roles = {
        projection.name: projection.registry.officers[grant.actor].roles
        for projection in visible
        if grant.actor in projection.registry.officers
    }
    return Reply(
        body=Me(
            actor=grant.actor,
            roles={name: tuple(held) for name, held in roles.items()},
            channels=tuple(p.name for p in visible),
        )
    )


def view_of(projection: Projection) -> ChannelView:
    """A channel as its members see it."""
    registry = projection.registry
    return ChannelView(
        name=registry.name,
        cid=registry.cid,
        kind=registry.kind,
        custody=registry.custody,
        sides=tuple(side.name for side in registry.sides),
        languages=registry.languages,
        marking=registry.marking,
        position=projection.state.position,
        time=projection.state.time,
        opened=registry.opened.time,
        exercise_of=registry.exercise_of.name if registry.exercise_of is not None else "",
        log=str(log_of(registry)),
        policy=registry.policy,
    )


async def list_channels(call: Call[Nothing]) -> Answered:
    visible = service_of(call).visible(grant_of(call.request))
    return Reply(body=Channels(channels=tuple(view_of(projection) for projection in visible)))


async def show_channel(call: Call[Nothing]) -> Answered:
    service, grant, name = service_of(call), grant_of(call.request), call.path("channel")
    projection = service.channels.get(name) if grant.is_operator else service.channel(grant, name)
    if projection is None or not projection.is_channel:
        raise Refused(
            Refusal(
                kind="not-found",
                detail=sentence("There is no channel %(channel)s.", channel=name[:63]),
            )
        )
    return Reply(
        body=view_of(projection), headers=headers_of(call, projection, projection.state.position)
    )


async def new_channel(call: Call[Nothing]) -> Answered:
    service = tokens.operator(call)
    projection = await service.open_channel(await call.decoded(NewChannel))
    return Reply(
        body=view_of(projection),
        status=201,
        headers={"Location": f"/v1/channels/{projection.name}"},
    )


async def show_terms(call: Call[Nothing]) -> Answered:
    return Reply(body=tokens.operator(call).terms(call.path("channel")))


async def open_channel(call: Call[Nothing]) -> Answered:
    service = tokens.operator(call)
    projection = await service.open_signed(await call.decoded(Opening))
    return Reply(
        body=view_of(projection),
        status=201,
        headers={"Location": f"/v1/channels/{projection.name}"},
    )


# Posting


async def post_opening(call: Call[Nothing]) -> Answered:
    projection = projection_of(call)
    family = PATHS.get(call.path("family"))
    if family is None:
        raise web.HTTPNotFound
    return await record(call, projection, await call.body(), family=family)


async def post_act(call: Call[Nothing]) -> Answered:
    projection = projection_of(call)
    return await record(call, projection, await call.body(), exchange=call.path("exchange"))


# Health, and the API about itself

_SIGNED: Final = "heads are signed"


async def livez(call: Call[Nothing]) -> Answered:
    return Reply(body=Health(status="ok"))


async def readyz(call: Call[Nothing]) -> Answered:
    found = await health(call)
    return Reply(body=found, status=200 if found.status == "ok" else 503)


class Condition(Struct, frozen=True):
    """What must hold for the service to be used, whether it does, and why not."""

    name: str
    ok: bool
    why: Sentence | None = None


async def health(call: Call[Any]) -> Health:
    """Whether the service may be used, by its conditions."""
    return health_of(await conditions(call))


def health_of(found: Sequence[Condition]) -> Health:
    """The conditions, in English."""
    ready = all(
        each.ok for each in found if each.name != _SIGNED
    )  # posts are taken and kept without a head
    checks = tuple(Check(name=each.name, ok=each.ok, detail=str(each.why or "")) for each in found)
    return Health(status="ok" if ready else "not ready", checks=checks)


async def conditions(call: Call[Any]) -> list[Condition]:
    """What must hold for the service to be used; the heads are looked at where all else does."""
    service = service_of(call)
    unproven, read_only = (
        service.guard.reason,
        service.desk.read_only_reason,
    )  # read once: either may change at any time
    found = [
        Condition("broker connected", service.bus.up),
        Condition("broker syncs every write", unproven is None, unproven),
        Condition("data are in their place", read_only is None, read_only),
    ]
    # Names of channels are their members' business.
    late = sum(not service.is_live(projection) for projection in service.channels.values())
    broken = sum(projection.broken is not None for projection in service.channels.values())
    why = sentence(
        "%(n)s of %(all)s are not read live, %(broken)s of them broken; the log says which",
        n=late,
        all=len(service.channels),
        broken=broken,
    )
    found.append(Condition("channels are read live", not late, why if late else None))
    doubted = sum(projection.doubt is not None for projection in service.channels.values())
    found.append(
        Condition(
            "the copy is what the log makes",
            not doubted,
            sentence(
                "the copy of %(n)s of %(all)s channels is built anew from the log; the log says why",
                n=doubted,
                all=len(service.channels),
            )
            if doubted
            else None,
        )
    )
    found.append(
        Condition(
            "the copy is written",
            not service.store.stalled,
            sentence("the copy's file is not written: lists are as old as it is; the log says why")
            if service.store.stalled
            else None,
        )
    )
    failing = sentence(
        "%(tasks)s fail and are tried again; the log says why",
        tasks=", ".join(sorted(service.failing)),
    )
    found.append(
        Condition("background tasks run", not service.failing, failing if service.failing else None)
    )
    if all(
        each.ok for each in found
    ):  # who watches this service is told what is not signed, and nobody is sent away
        unsigned = await proofs.unsigned(call)
        found.append(Condition(_SIGNED, unsigned is None, unsigned))
    return found


async def show_openapi(call: Call[Nothing]) -> Answered:
    return _described(call, _openapi())


def _described(call: Call[Nothing], body: bytes) -> Answered:
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if unchanged(call, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers, content_type=JSON)


@cache
def _openapi() -> bytes:
    return msgspec.json.encode(document())


@cache
def _asyncapi() -> bytes:
    return msgspec.json.encode(streams())


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of this API."""
    union: Any = None
    for shape in SHAPES.values():
        union = shape if union is None else union | shape
    return openapi(ROUTES, union, __version__)


async def show_asyncapi(call: Call[Nothing]) -> Answered:
    return _described(call, _asyncapi())


def streams() -> dict[str, Any]:
    """The AsyncAPI document of what is logged and streamed."""
    return asyncapi(
        Envelope,
        Entry,
        Row,
        Alarm,
        WatchNotice,
        UnattributedNotice,
        sorted({*PATHS.values()}),
        __version__,
    )


_POST = ("Idempotency-Key", "If-Match", "Dragoman-Min-Position", "Prefer")
_READ = ("Dragoman-Min-Position",)
_CACHED = ("If-None-Match",)
_REPORT = (JSON, reporting.HTML, reporting.MARKDOWN)
_C = "/v1/channels/{channel}"

ROUTES: Final[tuple[Route[Any], ...]] = (
    Route("GET", "/v1/me", me, "Who the token speaks for", Nothing, {200: Me}, may=May.CALLER),
    Route(
        "GET",
        "/v1/channels",
        list_channels,
        "The channels that the caller may see",
        Nothing,
        {200: Channels},
        may=May.CALLER,
    ),
    Route(
        "POST",
        "/v1/channels",
        new_channel,
        "Open a trial channel",
        Nothing,
        {201: ChannelView},
        takes=NewChannel,
        example=examples.CHANNEL,
        may=May.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/openings",
        open_channel,
        "Open a channel whose sides keep their own keys",
        Nothing,
        {201: ChannelView},
        takes=Opening,
        example=examples.OPENING,
        may=May.OPERATOR,
    ),
    Route(
        "GET",
        "/v1/openings/{channel}",
        show_terms,
        "What this host puts into an opening",
        Nothing,
        {200: OpeningTerms},
        may=May.OPERATOR,
    ),
    Route(
        "GET",
        _C,
        show_channel,
        "A channel",
        Nothing,
        {200: ChannelView},
        may=May.MEMBER_OR_OPERATOR,
    ),
    Route(
        "GET",
        f"{_C}/state",
        reading.show_state,
        "The liaison state and its digest",
        At,
        {200: LiaisonState, 304: None},
        headers=(*_READ, *_CACHED),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/diff",
        reading.show_difference,
        "What changed between two positions",
        reading.Between,
        {200: Difference},
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/exchanges",
        reading.list_exchanges,
        "Exchanges, the newest first",
        reading.ListQuery,
        {200: Rows, 304: None},
        media=(JSON, live.NDJSON, reading.CSV),
        headers=(*_READ, *_CACHED),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/exchanges/{{exchange}}",
        reading.show_exchange,
        "One exchange",
        reading.TimelineQuery,
        {200: ExchangeView, 304: None},
        media=(JSON, cap.MEDIA, foreign.CALENDAR),
        headers=(*_READ, *_CACHED),
        may=May.MEMBER,
    ),
    Route(
        "POST",
        f"{_C}/exchanges/{{exchange}}/acts",
        post_act,
        "Carry an exchange on",
        Nothing,
        {201: Recorded},
        takes="act",
        headers=_POST,
        example=examples.ACKNOWLEDGEMENT,
        may=May.ACT,
    ),
    Route(
        "GET",
        f"{_C}/inbox",
        reading.show_inbox,
        "What concerns the caller's side: what waits, or live",
        reading.After,
        {200: Rows},
        media=(JSON, live.EVENT_STREAM),
        headers=(*_READ, "Last-Event-ID"),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/records",
        reading.stream_records,
        "The records, to now or live",
        reading.FromPosition,
        {200: Entry},
        media=(live.NDJSON, live.EVENT_STREAM, live.CLOUDEVENTS),
        headers=("Last-Event-ID", *_READ),
        may=May.MEMBER,
        streams=True,
    ),
    Route(
        "GET",
        f"{_C}/records/{{position}}",
        reading.show_record,
        "The exact bytes of a record",
        Nothing,
        {200: None, 304: None},
        media=(reading.CLOUDEVENT, proofs.BYTES),
        headers=(*_READ, *_CACHED),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/records/{{position}}/causes",
        reading.show_causes,
        "Why a record is there, and what came of it",
        Nothing,
        {200: Causes},
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/records/{{position}}/proof",
        proofs.show_proof,
        "The proof that a record stands in the log",
        Nothing,
        {200: None},
        media=(proofs.TEXT,),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/log/checkpoint",
        proofs.show_checkpoint,
        "The newest signed head of the log",
        Nothing,
        {200: None},
        media=(proofs.TEXT,),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/log/coverage",
        proofs.show_coverage,
        "How far the log is countersigned, and final",
        Nothing,
        {200: Covered},
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/log/tile/{{tile:.+}}",
        proofs.show_tile,
        "A tile of the tree, or its entries",
        Nothing,
        {200: None},
        media=(proofs.BYTES,),
        may=May.MEMBER,
    ),
    Route(
        "POST",
        f"{_C}/{{family:{'|'.join(PATHS)}}}",
        post_opening,
        "Open an exchange",
        Nothing,
        {201: Recorded},
        takes="act",
        headers=_POST,
        example=examples.INCIDENT,
        may=May.ACT,
    ),
    Route(
        "GET",
        f"{_C}/perceptions",
        reading.show_perceptions,
        "Each side's perceptions next to the other's",
        Nothing,
        {200: Perceptions},
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/watch",
        reading.show_watch,
        "Who has the watch, the line, and what must not wait",
        At,
        {200: WatchView},
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/points-of-contact",
        foreign.show_points,
        "Who is reached for what, when and how",
        Nothing,
        {200: PointsOfContact},
        media=(JSON, foreign.VCARD, foreign.CALENDAR),
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/roadmap",
        reading.show_roadmap,
        "The joint roadmap over the areas",
        Nothing,
        {200: Roadmap},
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/statistics",
        reading.show_statistics,
        "What each side owed and did in a period, in numbers",
        reading.StatisticsQuery,
        {200: Statistics},
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/reports/situation",
        reporting.show_situation,
        "The situation report: since 06:00Z, on one page",
        reporting.ReportQuery,
        {200: Situation},
        media=_REPORT,
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/reports/turn-over",
        reporting.show_turn_over,
        "The turn-over note of the watch of the caller's side",
        reporting.ReportQuery,
        {200: TurnOver},
        media=_REPORT,
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/reports/period",
        reporting.show_period,
        "The record of the period: everything that was said",
        reporting.ReportQuery,
        {200: PeriodRecord},
        media=_REPORT,
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/reports/audit",
        reporting.show_audit,
        "The auditor's five questions, answered on one page",
        reporting.ReportQuery,
        {200: FiveAnswers},
        media=_REPORT,
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/reports/year",
        reporting.show_year,
        "The pack for the yearly review",
        reporting.YearQuery,
        {200: YearReview},
        media=_REPORT,
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/calendar.ics",
        foreign.show_calendar,
        "Meetings, calls, visits and announced windows, as a calendar",
        Nothing,
        {200: None},
        media=(foreign.CALENDAR,),
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/calendar-links",
        foreign.list_links,
        "The caller's secret links to the calendar",
        Nothing,
        {200: CalendarLinks},
        may=May.SELF,
    ),
    Route(
        "POST",
        f"{_C}/calendar-links",
        foreign.new_link,
        "Make a secret link to the calendar",
        Nothing,
        {201: CalendarLink},
        may=May.SELF,
    ),
    Route(
        "DELETE",
        f"{_C}/calendar-links/{{link}}",
        foreign.revoke_link,
        "Revoke a secret link",
        Nothing,
        {204: None},
        may=May.SELF,
    ),
    Route(
        "GET",
        "/v1/calendars/{secret}",
        foreign.show_linked,
        "The calendar behind a secret link",
        Nothing,
        {200: None},
        media=(foreign.CALENDAR,),
        may=May.ANYBODY,
    ),
    Route(
        "POST",
        f"{_C}/imports",
        foreign.take_import,
        "Take in an alert, or what a calendar program answers",
        Nothing,
        {201: Recorded, 202: DraftView},
        takes=foreign.IMPORTED,
        headers=("Idempotency-Key",),
        example={
            **dict.fromkeys(foreign.ALERTS, examples.ALERT),
            foreign.CALENDAR: examples.INVITATION,
        },
        may=May.OWN_OFFICERS,
    ),
    Route(
        "GET",
        f"{_C}/codebook",
        reading.show_codebook,
        "The coded messages in full",
        Nothing,
        {200: CodebookView},
        headers=_READ,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{_C}/drafts",
        drafts.list_drafts,
        "The drafts of the caller's side",
        Nothing,
        {200: Drafts},
        may=May.OWN_OFFICERS,
    ),
    Route(
        "POST",
        f"{_C}/drafts",
        drafts.new_draft,
        "Draft an act",
        Nothing,
        {201: DraftView},
        takes=NewDraft,
        example=examples.DRAFT,
        headers=("Idempotency-Key",),
        may=May.OWN_OFFICERS,
    ),
    Route(
        "GET",
        f"{_C}/drafts/{{draft}}",
        drafts.show_draft,
        "A draft",
        Nothing,
        {200: DraftView},
        may=May.OWN_OFFICERS,
    ),
    Route(
        "PUT",
        f"{_C}/drafts/{{draft}}",
        drafts.change_draft,
        "Change a draft",
        Nothing,
        {200: DraftView},
        takes=NewDraft,
        example=examples.DRAFT,
        headers=("If-Match",),
        may=May.OWN_OFFICERS,
    ),
    Route(
        "DELETE",
        f"{_C}/drafts/{{draft}}",
        drafts.drop_draft,
        "Throw a draft away",
        Nothing,
        {204: None},
        headers=("If-Match",),
        may=May.OWN_OFFICERS,
    ),
    Route(
        "POST",
        f"{_C}/drafts/{{draft}}/release",
        drafts.release_draft,
        "Release a draft",
        Nothing,
        {201: Recorded},
        headers=("If-Match", "Dragoman-Min-Position", "Prefer"),
        may=May.OWN_OFFICERS,
    ),
    Route(
        "GET",
        f"{_C}/people",
        people.list_people,
        "The register of people",
        people.PeopleQuery,
        {200: Register},
        may=May.OFFICE,
    ),
    Route(
        "POST",
        f"{_C}/people",
        people.new_person,
        "Enter somebody",
        Nothing,
        {201: PersonView},
        takes=PersonEntry,
        example=examples.PERSON,
        headers=("Idempotency-Key",),
        may=May.OWN_OFFICE,
    ),
    Route(
        "GET",
        f"{_C}/people/{{person}}",
        people.show_person,
        "Somebody, or that they are erased",
        Nothing,
        {200: PersonView},
        may=May.OFFICE,
    ),
    Route(
        "PUT",
        f"{_C}/people/{{person}}",
        people.change_person,
        "Change an entry",
        Nothing,
        {200: PersonView},
        takes=PersonEntry,
        example=examples.PERSON,
        headers=("If-Match",),
        may=May.OWN_OFFICE,
    ),
    Route(
        "DELETE",
        f"{_C}/people/{{person}}",
        people.erase_person,
        "Erase an entry",
        Nothing,
        {200: PersonView},
        headers=("If-Match",),
        may=May.OWN_OFFICE,
    ),
    Route(
        "GET",
        f"{_C}/files",
        files.list_files,
        "The files that the caller's side has put here",
        Nothing,
        {200: Files},
        may=May.OWN_OFFICE,
    ),
    Route(
        "PUT",
        f"{_C}/files/{{sha256}}",
        files.put_file,
        "Put a file",
        Nothing,
        {200: FileView, 201: FileView},
        takes=files.TYPES,
        example=examples.FILE,
        may=May.OWN_OFFICE,
    ),
    Route(
        "GET",
        f"{_C}/files/{{sha256}}",
        files.fetch_file,
        "A file's bytes",
        Nothing,
        {200: None, 304: None},
        media=files.TYPES,
        headers=("If-None-Match",),
        may=May.MEMBER,
    ),
    Route(
        "DELETE",
        f"{_C}/files/{{sha256}}",
        files.erase_file,
        "Erase a file of the caller's side",
        Nothing,
        {200: FileView},
        may=May.OWN_OFFICE,
    ),
    Route(
        "GET",
        "/v1/webhooks",
        webhooks.list_endpoints,
        "Where the caller's side is told",
        Nothing,
        {200: Endpoints},
        may=May.CALLER,
    ),
    Route(
        "POST",
        "/v1/webhooks",
        webhooks.new_endpoint,
        "Say where the caller's side is told",
        Nothing,
        {201: AddedEndpoint},
        takes=NewEndpoint,
        headers=("Idempotency-Key",),
        example=examples.ENDPOINT,
        may=May.OWN_HEADS,
    ),
    Route(
        "GET",
        "/v1/webhooks/{endpoint}",
        webhooks.show_endpoint,
        "An endpoint, and how it goes",
        Nothing,
        {200: EndpointView},
        may=May.OWN_OFFICE,
    ),
    Route(
        "DELETE",
        "/v1/webhooks/{endpoint}",
        webhooks.remove_endpoint,
        "Remove an endpoint",
        Nothing,
        {204: None},
        may=May.OWN_HEADS,
    ),
    Route(
        "GET",
        "/v1/webhooks/{endpoint}/deliveries",
        webhooks.list_deliveries,
        "What waits, and what was given up",
        Nothing,
        {200: Deliveries},
        may=May.OWN_OFFICE,
    ),
    Route(
        "POST",
        "/v1/webhooks/{endpoint}/deliveries/{position}/resend",
        webhooks.resend,
        "Try a delivery again at once",
        Nothing,
        {202: DeliveryView},
        may=May.OWN_HEADS,
    ),
    Route(
        "GET",
        "/v1/tokens",
        tokens.list_tokens,
        "The tokens in force",
        Nothing,
        {200: Tokens},
        may=May.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/tokens",
        tokens.issue_token,
        "Issue a token",
        Nothing,
        {201: IssuedToken},
        takes=NewToken,
        example=examples.TOKEN,
        may=May.OPERATOR,
    ),
    Route(
        "DELETE",
        "/v1/tokens/{id}",
        tokens.revoke_token,
        "Revoke a token",
        Nothing,
        {204: None},
        may=May.OPERATOR,
    ),
    Route(
        "GET",
        "/v1/subjects",
        tokens.list_subjects,
        "The OIDC subjects that are known",
        Nothing,
        {200: Subjects},
        may=May.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/subjects",
        tokens.map_subject,
        "Map an OIDC subject to an officer",
        Nothing,
        {201: SubjectView},
        takes=NewSubject,
        example=examples.SUBJECT,
        may=May.OPERATOR,
    ),
    Route(
        "DELETE",
        "/v1/subjects/{subject}",
        tokens.forget_subject,
        "Forget an OIDC subject",
        Nothing,
        {204: None},
        may=May.OPERATOR,
    ),
    Route(
        "GET",
        "/v1/openapi.json",
        show_openapi,
        "This document",
        Nothing,
        {200: None, 304: None},
        headers=_CACHED,
        may=May.ANYBODY,
    ),
    Route(
        "GET",
        "/v1/asyncapi.json",
        show_asyncapi,
        "What is logged and streamed",
        Nothing,
        {200: None, 304: None},
        headers=_CACHED,
        may=May.ANYBODY,
    ),
    Route(
        "GET",
        "/v1/releases",
        releases.list_releases,
        "What the sides have made public",
        Nothing,
        {200: Releases},
        may=May.ANYBODY,
    ),
    Route(
        "GET",
        "/v1/releases/{channel}/{exchange}",
        releases.show_release,
        "A release, with what proves it",
        Nothing,
        {200: Bundle},
        may=May.ANYBODY,
    ),
    Route(
        "GET", "/livez", livez, "Whether the process lives", Nothing, {200: Health}, may=May.ANYBODY
    ),
    Route(
        "GET",
        "/readyz",
        readyz,
        "Whether the service may be used",
        Nothing,
        {200: Health, 503: Health},
        may=May.ANYBODY,
    ),
)
