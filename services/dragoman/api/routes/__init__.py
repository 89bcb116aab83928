"""Routes of the HTTP API, one module for each resource. `ROUTES` has all of them."""

from typing import Any, Final

from dragoman.api.routes import (
    acts,
    agreements,
    all_channels,
    channels,
    dialogue,
    drafts,
    exchanges,
    files,
    health,
    identities,
    integrations,
    log,
    notices,
    people,
    reach,
    records,
    releases,
    reports,
    state,
    tokens,
    webhooks,
    windows,
)
from dragoman.api.routing import Route

ROUTES: Final[tuple[Route[Any], ...]] = (
    *channels.ROUTES,
    *state.ROUTES,
    *windows.ROUTES,
    *exchanges.ROUTES,
    *acts.ROUTES,
    *notices.ROUTES,
    *records.ROUTES,
    *all_channels.ROUTES,
    *log.ROUTES,
    *dialogue.ROUTES,
    *agreements.ROUTES,
    *integrations.ROUTES,
    *reports.ROUTES,
    *drafts.ROUTES,
    *people.ROUTES,
    *files.ROUTES,
    *reach.ROUTES,
    *webhooks.ROUTES,
    *identities.ROUTES,
    *tokens.ROUTES,
    *releases.ROUTES,
    *health.ROUTES,
)
