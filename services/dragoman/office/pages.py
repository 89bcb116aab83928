"""The table of all page routes."""

import time
from typing import Any, Final

from aiohttp import web

from dragoman.application.deadline_cache import DUTIES
from dragoman.application.http import request as http_request
from dragoman.console import api_docs
from dragoman.console.compose import notice_page, release_preview, submitted_form
from dragoman.console.compose.recorded_page import NUDGE
from dragoman.console.dispatch import register as _register
from dragoman.console.first_hour import first_hour_page, glossary
from dragoman.console.first_hour.checklists import FIRST_HOURS
from dragoman.console.forms import restored_form
from dragoman.console.matter import panel, print_views, text_versions, translation_versions
from dragoman.console.page import armed_consoles, page_layout, sessions, static_files
from dragoman.console.page.context import OFFICE_SETTINGS, PageContext
from dragoman.console.page.kept_forms import FORMS_KEPT, KeptForms
from dragoman.console.page.rendering import PageRoute, refused
from dragoman.console.page.sessions import redirect
from dragoman.console.search import search_page
from dragoman.console.sign_in import own_sessions, provider_sign_in
from dragoman.office.administration import channel_members, own_office
from dragoman.office.administration.browser_key import ENROLMENTS
from dragoman.office.agreements import mechanisms_page, series_page, undertakings_page
from dragoman.office.agreements import panel as agreement_panel
from dragoman.office.alarm import (
    acknowledging,
    alarm,
    alarm_shelving,
    alarm_stream,
    all_channels,
    board,
    drill_page,
    matter_handing,
    offline,
)
from dragoman.office.auditing import audit_page, evidence_page, reports_page, statistics_page
from dragoman.office.dialogue import dialogue_page
from dragoman.office.duty import (
    arrival_page,
    reach_page,
    roster_lines,
    roster_page,
    since_watch,
    turn_over_lines,
    turn_over_page,
)
from dragoman.office.exchanges import exchange_page, inbox, moves_page, outbox, public_page
from dragoman.office.host import grant_pages, host_pages, opening_pages
from dragoman.office.incidents import in_force_page, knowledge_page, passing_on_page, sea_chart_page
from dragoman.office.incidents import panels as incident_panels
from dragoman.office.meetings import meetings_page
from dragoman.office.people import contacts
from dragoman.stores.enrolments import Enrolments
from dragoman.stores.first_hours import FirstHours
from dragoman.stores.office_settings import OfficeSettings
from dragoman.text import sentence

ROUTES: Final = (
    PageRoute(path="", handler=board.board),
    PageRoute(path="/watch", handler=board.take_watch, method="POST"),
    PageRoute(path="/acknowledge", handler=acknowledging.acknowledge, method="POST"),
    PageRoute(path="/alarm", handler=alarm.fragment, anywhere=True),
    PageRoute(path="/alarm/events", handler=alarm_stream.events, anywhere=True, streams=True),
    PageRoute(path="/alarm/beat", handler=armed_consoles.heartbeat, method="POST", anywhere=True),
    *all_channels.ROUTES,
    *alarm_shelving.ROUTES,
    *matter_handing.ROUTES,
    *in_force_page.ROUTES,
    *sea_chart_page.ROUTES,
    *passing_on_page.ROUTES,
    *knowledge_page.ROUTES,
    *roster_page.ROUTES,
    *turn_over_page.ROUTES,
    *first_hour_page.ROUTES,
    *drill_page.ROUTES,
    *glossary.ROUTES,
    *inbox.ROUTES,
    *search_page.ROUTES,
    *since_watch.ROUTES,
    *offline.ROUTES,
    *exchange_page.ROUTES,
    *moves_page.ROUTES,
    *outbox.ROUTES,
    *submitted_form.ROUTES,
    *notice_page.ROUTES,
    *meetings_page.ROUTES,
    *contacts.ROUTES,
    *dialogue_page.ROUTES,
    *undertakings_page.ROUTES,
    *mechanisms_page.ROUTES,
    *series_page.ROUTES,
    *release_preview.ROUTES,
    *text_versions.ROUTES,
    *translation_versions.ROUTES,
    *statistics_page.ROUTES,
    *reports_page.ROUTES,
    *print_views.ROUTES,
    *audit_page.ROUTES,
    *evidence_page.ROUTES,
    *channel_members.ROUTES,
    *host_pages.ROUTES,
    *opening_pages.ROUTES,
    *grant_pages.ROUTES,
    *own_sessions.ROUTES,
    *reach_page.ROUTES,
    *restored_form.ROUTES,
)


MATTER_PANELS: Final = (*agreement_panel.PANELS, *incident_panels.PANELS)
"""The panels of a matter, in their order on its page."""

BOARD_PANELS: Final = (
    *own_office.BOARD_PANELS,
    *roster_lines.BOARD_PANELS,
    *turn_over_lines.BOARD_PANELS,
)
"""The panels of the board, in their order."""


def register(app: web.Application) -> None:
    """Add the routes and files of the pages, and the state that the pages keep."""
    bucket = app[http_request.SERVICE].access.bucket
    app[FIRST_HOURS] = FirstHours(bucket)
    app[OFFICE_SETTINGS] = OfficeSettings(bucket)
    app[ENROLMENTS] = Enrolments(bucket)
    app[DUTIES] = {}
    app[FORMS_KEPT] = KeptForms(time.monotonic)
    app[armed_consoles.ARMED] = armed_consoles.ArmedConsoles()
    app[alarm_stream.BELLS] = alarm_stream.BrowserNotifier(app[http_request.SERVICE])
    app[NUDGE] = app[alarm_stream.BELLS].nudge
    app[page_layout.ALARMS] = alarm.alarms
    app[panel.MATTER_PANELS], app[panel.BOARD_PANELS] = MATTER_PANELS, BOARD_PANELS
    app.router.add_get("/sign-in", sessions.sign_in_form)
    app.router.add_post("/sign-in", sessions.sign_in)
    app.router.add_post("/sign-out", sessions.sign_out)
    app.router.add_get("/signin/oidc", provider_sign_in.start)
    app.router.add_get("/signin/oidc/return", provider_sign_in.finish)
    app.router.add_post("/preferences", sessions.prefer)
    app.router.add_get("/docs", api_docs.docs)
    app.router.add_get("/releases", public_page.listed)
    app.router.add_get(
        "/releases/{channel:[a-z0-9-]{1,63}}/{exchange:[0-9a-f-]{36}}", public_page.one
    )
    _register(app, (PageRoute(path="/", handler=_home, anywhere=True), *ROUTES))
    app.router.add_get("/reach/{code:[0-9a-f]{12,64}}", arrival_page.question)
    app.router.add_post("/reach/{code:[0-9a-f]{12,64}}", arrival_page.confirmed)
    app.router.add_get("/offline", offline.plain)
    app.router.add_get("/offline.js", offline.worker)
    app.router.add_get("/manifest.webmanifest", offline.manifest)
    static_files.register(app)


async def _home(context: PageContext) -> Any:
    """Redirect to the board of the reader's only live channel, or to that over several.

    An official channel comes before an exercise.
    """
    if context.grant.is_operator:
        return redirect("/host")
    visible = context.service.visible(context.grant)
    if not visible and context.service.station is not None:
        raise refused(
            "not-permitted",
            sentence(
                "%(actor)s is in office in no channel that this station has now. After a join or a "
                "restoration the station first fetches its copy. Ask its operator whether the "
                "line to the host is up (dragoman doctor), and telephone meanwhile.",
                actor=context.grant.actor,
            ),
        )
    if not visible:
        raise refused(
            "not-permitted",
            sentence(
                "%(actor)s is not in office in any channel. Ask an administrator of the side to "
                "enter the officer.",
                actor=context.grant.actor,
            ),
        )
    if sum(projection.registry.kind != "exercise" for projection in visible) > 1:
        return redirect("/board")
    first = next(
        (projection for projection in visible if projection.registry.kind == "official"), visible[0]
    )
    return redirect(f"/c/{first.name}")
