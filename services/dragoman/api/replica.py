"""The gateway's reads over a projection that the reader keeps.

An auditor compares its answers with those of a host. It has the routes whose answers
depend on the log alone, with the handlers that serve them everywhere. The caller is
known beforehand: there are no tokens, no budgets and no pages.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from dragoman.api import description
from dragoman.api.routes import (
    agreements,
    dialogue,
    exchanges,
    integrations,
    records,
    reports,
    state,
    windows,
)
from dragoman.application.http import problems
from dragoman.application.http import request as http_request
from dragoman.application.http.conditional_requests import TURNS, Turns
from dragoman.application.read_receipts import READ_RECEIPTS, ReadReceipts
from dragoman.application.service import Service
from dragoman.stores.tokens_and_sessions import Grant

_HANDLERS: Final = frozenset(
    {
        agreements.show_mechanisms,
        agreements.show_undertakings,
        integrations.show_points,
        exchanges.list_exchanges,
        records.show_causes,
        dialogue.show_codebook,
        state.show_difference,
        exchanges.show_exchange,
        records.show_inbox,
        dialogue.show_perceptions,
        records.show_record,
        dialogue.show_roadmap,
        state.show_state,
        state.show_statistics,
        state.show_watch,
        records.stream_records,
        reports.show_period,
        reports.show_situation,
        reports.show_turn_over,
        reports.show_year,
        windows.show_in_force,
    }
)


def application(service: Service, grant: Grant) -> web.Application:
    """Return the reads of a service whose channels were replayed, for one caller."""

    @web.middleware
    async def answered(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        request["grant"] = grant
        try:
            return await handler(request)
        except Exception as error:  # Every error becomes a problem here.  # noqa: BLE001
            return problems.answer(error, "", request.path)

    app = web.Application(middlewares=[answered])
    app[http_request.SERVICE] = service
    app[TURNS] = Turns()
    app[READ_RECEIPTS] = ReadReceipts(service)
    for route in description.ROUTES:
        if route.handler in _HANDLERS:
            route.on(app.router)
    return app
