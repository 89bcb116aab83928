"""The page that describes the API, for reading in every language of the pages.

With `?try`, and if Node's assets are installed, it contains a third-party explorer that
sends requests.
"""

from typing import Any, Final

from aiohttp import web

from dragoman.console import static_files
from dragoman.console.context import Preferences
from dragoman.console.rendering import HEADERS, html, render_template
from dragoman.console.sessions import words_of

DESCRIPTION: Final = web.AppKey("description", dict[str, Any])
"""The OpenAPI document of the API."""

_EXPLORER: Final = "vendor/swagger-ui-bundle.js"
_POLICY: Final = {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].partition(
        "; require-trusted-types-for"
    )[0]
}
"""The third-party explorer writes HTML into its page freely, so trusted types stay off
there.
"""


async def docs(request: web.Request) -> web.Response:
    """Return the description of the API in the reader's language, to anybody."""
    tags: dict[str, list[tuple[str, str, str]]] = {}
    for path, operations in request.app[DESCRIPTION]["paths"].items():
        for method, operation in operations.items():
            tags.setdefault(operation["tags"][0], []).append(
                (method.upper(), path, operation["summary"])
            )
    values = {
        "operations": sorted(tags.items()),
        "explorer": _EXPLORER in static_files.files(),
        "trying": "try" in request.query,
        "preferences": Preferences.read(request),
    }
    return html(
        render_template(None, words_of(request), "docs.html", next="/docs", frame=None, **values),
        headers=_POLICY,
    )
