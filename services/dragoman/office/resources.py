"""Routes of the HTTP API, one module for each resource. `ROUTES` has all of them."""

from typing import Any, Final

from dragoman.api.routing import Route
from dragoman.office.administration import identity_routes, integration_routes, webhook_routes
from dragoman.office.agreements import agreement_routes
from dragoman.office.alarm import all_channels_routes
from dragoman.office.auditing import log_routes, report_routes, state_routes
from dragoman.office.dialogue import dialogue_routes
from dragoman.office.duty import reach_routes, roster_routes
from dragoman.office.exchanges import (
    act_routes,
    draft_routes,
    exchange_routes,
    file_routes,
    notice_routes,
    outbox,
    record_routes,
    release_routes,
)
from dragoman.office.host import channel_routes, health_routes, token_routes
from dragoman.office.incidents import window_routes
from dragoman.office.people import parcel_routes, people_routes

ROUTES: Final[tuple[Route[Any], ...]] = (
    *channel_routes.ROUTES,
    *state_routes.ROUTES,
    *window_routes.ROUTES,
    *exchange_routes.ROUTES,
    *act_routes.ROUTES,
    *notice_routes.ROUTES,
    *record_routes.ROUTES,
    *all_channels_routes.ROUTES,
    *log_routes.ROUTES,
    *dialogue_routes.ROUTES,
    *agreement_routes.ROUTES,
    *integration_routes.ROUTES,
    *report_routes.ROUTES,
    *draft_routes.ROUTES,
    *outbox.API_ROUTES,
    *people_routes.ROUTES,
    *parcel_routes.ROUTES,
    *roster_routes.ROUTES,
    *file_routes.ROUTES,
    *reach_routes.ROUTES,
    *webhook_routes.ROUTES,
    *identity_routes.ROUTES,
    *token_routes.ROUTES,
    *release_routes.ROUTES,
    *health_routes.ROUTES,
)
