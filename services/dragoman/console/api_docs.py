"""The API about itself, as a page: for reading in every language; and with Node's assets, at `?try`, other people's for trying."""

from typing import Any, Final

from aiohttp import web

from dragoman.console.rendering import HEADERS, STATIC, Preferences, html, rendered
from dragoman.console.sessions import words_of

DESCRIPTION: Final = web.AppKey("description", dict[str, Any])
"""The OpenAPI document of the API."""

_EXPLORER: Final = STATIC / "vendor" / "swagger-ui-bundle.js"
_POLICY: Final = {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].partition(
        "; require-trusted-types-for"
    )[0]
}
"""Other people's explorer writes into its page as it likes."""


async def docs(request: web.Request) -> web.Response:
    """Return what the API has, in the reader's language; it is described to everybody."""
    tags: dict[str, list[tuple[str, str, str]]] = {}
    for path, operations in request.app[DESCRIPTION]["paths"].items():
        for method, operation in operations.items():
            tags.setdefault(operation["tags"][0], []).append(
                (method.upper(), path, operation["summary"])
            )
    values = {
        "operations": sorted(tags.items()),
        "explorer": _EXPLORER.exists(),
        "trying": "try" in request.query,
        "preferences": Preferences.read(request),
    }
    return html(
        rendered(None, words_of(request), "docs.html", next="/docs", frame=None, **values),
        headers=_POLICY,
    )
