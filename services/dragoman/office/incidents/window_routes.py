"""The route of the windows in force: as JSON, on maps, and as texts of warnings."""

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from aiohttp import web

from dragoman.api.routing import CHANNEL, READ_HEADERS, May, Route
from dragoman.application.clock import stamp
from dragoman.application.http.conditional_requests import At, ask, wanted_media
from dragoman.application.http.request import JSON, ApiAnswer, ApiReply, ApiRequest
from dragoman.interop import geojson, navtex
from dragoman.projection.moments import instant
from dragoman.projection.queries.in_force import in_force
from dragoman_schemas.fields import TimeOrEmpty
from dragoman_schemas.window_responses import InForce

Form = Literal["json", "geojson", "navtex"]


class WindowsQuery(At, frozen=True, kw_only=True):
    """The position, the moment and the form of the windows.

    Without a `moment` it is that of `at`: now, the time that `at` gives, or the
    channel's time at that position.
    """

    moment: TimeOrEmpty = ""
    as_: Form | Literal[""] = msgspec.field(name="as", default="")


_MEDIA: Final[dict[str, Form]] = {
    JSON: "json",
    geojson.MEDIA: "geojson",
    navtex.MEDIA: "navtex",
}
"""The form of each media type in the header Accept."""


def _navtex(windows: InForce) -> bytes:
    return navtex.text(windows).encode("ascii")


_WRITERS: Final[dict[Form, tuple[Callable[[InForce], bytes], str, str, str]]] = {
    "geojson": (geojson.collection, geojson.MEDIA, "utf-8", "in-force.geojson"),
    "navtex": (_navtex, navtex.MEDIA, "us-ascii", "in-force-navtex.txt"),
}
"""The writer of each export, its media type, its character set and its file's name."""


async def show_in_force(call: ApiRequest[WindowsQuery]) -> ApiAnswer:
    """Return the windows that are open or near.

    JSON shows members what they see on pages. In every other form a window under the
    Chatham House Rule has no side and no number.
    """
    form = call.query.as_ or _MEDIA[wanted_media(call.request, tuple(_MEDIA))]
    moment = instant("moment", call.query.moment) if call.query.moment else None
    answer = await ask(call, in_force, members=form == "json", moment=moment)
    windows, headers = answer.body, answer.headers
    if moment is not None and answer.moment is not None:
        headers["Dragoman-Moment"] = stamp(moment)
    if form == "json":
        return ApiReply(body=windows, headers=headers)
    write, media, charset, name = _WRITERS[form]
    file = f'inline; filename="{windows.channel}-{name}"'
    return web.Response(
        body=write(windows),
        headers={**headers, "Content-Disposition": file},
        content_type=media,
        charset=charset,
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/in-force",
        show_in_force,
        "The windows that are open or near, also for maps and as texts of warnings",
        WindowsQuery,
        {200: InForce},
        media=tuple(_MEDIA),
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
)
