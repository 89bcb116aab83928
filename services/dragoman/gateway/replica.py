"""The gateway's reads over a projection of the reader's own: an auditor compares its answers with those of a host.

It has the routes of which the answers follow from the log alone, and the handlers that serve them everywhere. Who calls is known beforehand: there are
no tokens, no budgets and no pages.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from dragoman.gateway import api, foreign, posting, problems, reading, reporting
from dragoman.gateway.answering import TURNS, Turns
from dragoman.gateway.opened import READING, Reading
from dragoman.gateway.service import Service
from dragoman.stores.tokens_and_sessions import Grant

_HANDLERS: Final = frozenset(
    {
        foreign.show_points,
        reading.list_exchanges,
        reading.show_causes,
        reading.show_codebook,
        reading.show_difference,
        reading.show_exchange,
        reading.show_inbox,
        reading.show_perceptions,
        reading.show_record,
        reading.show_roadmap,
        reading.show_state,
        reading.show_statistics,
        reading.show_watch,
        reading.stream_records,
        reporting.show_period,
        reporting.show_situation,
        reporting.show_turn_over,
        reporting.show_year,
    }
)


def application(service: Service, grant: Grant) -> web.Application:
    """The reads of a service whose channels were replayed, as one caller is answered."""

    @web.middleware
    async def answered(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        request["grant"] = grant
        try:
            return await handler(request)
        except Exception as error:  # the outermost edge: every error becomes a problem  # noqa: BLE001
            return problems.answer(error, "", request.path)

    app = web.Application(middlewares=[answered])
    app[posting.SERVICE] = service
    app[TURNS] = Turns()
    app[READING] = Reading(service)
    for route in api.ROUTES:
        if route.handler in _HANDLERS:
            route.on(app.router)
    return app
