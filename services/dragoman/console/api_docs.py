"""The page that describes the API, for reading in every language of the pages.

With `?try`, and if Node's assets are installed, it contains a third-party explorer that
sends requests.
"""

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from msgspec import Struct, field

from dragoman.application.http.queries import of_page
from dragoman.console.page import static_files, stranger_pages
from dragoman.console.page.rendering import HEADERS
from dragoman.console.page.sessions import words_of

DESCRIPTION: Final[web.AppKey[Callable[[], dict[str, Any]]]] = web.AppKey("description")
"""The function that returns the OpenAPI document of the API, in a thread."""

_EXPLORER: Final = "vendor/swagger-ui-bundle.js"
_POLICY: Final = {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].partition(
        "; require-trusted-types-for"
    )[0]
}
"""The third-party explorer writes HTML into its page freely, so trusted types stay off
there.
"""


class DocsQuery(Struct, frozen=True, kw_only=True):
    """The query of the description: `try` asks for the explorer."""

    trying: bool = field(name="try", default=False)


async def docs(request: web.Request) -> web.Response:
    """Return the description of the API in the reader's language, to anybody."""
    describe, trying = request.app[DESCRIPTION], of_page(request, DocsQuery).trying

    def values() -> dict[str, Any]:
        tags: dict[str, list[tuple[str, str, str]]] = {}
        for path, operations in describe()["paths"].items():
            for method, operation in operations.items():
                tags.setdefault(operation["tags"][0], []).append(
                    (method.upper(), path, operation["summary"])
                )
        return {
            "operations": sorted(tags.items()),
            "explorer": _EXPLORER in static_files.files(),
            "trying": trying,
            "next": "/docs",
        }

    return await stranger_pages.answer(
        request,
        words_of(request),
        "docs.html",
        values,
        key=trying,
        headers={**HEADERS, **_POLICY},
    )
