"""Bodies that are made once and sent many times, in each content coding.

    kept = KeptBody(page.encode())
    return kept.response(request, content_type="text/html")

What anybody may ask for must cost nothing to answer. So a description, or a page that
strangers see, is encoded once, and compressed once when a client first asks for that.
"""

import gzip
import threading
from collections.abc import Callable, Mapping
from functools import cache, cached_property, wraps
from typing import ParamSpec, TypeVar

from aiohttp import hdrs, web

P = ParamSpec("P")
T = TypeVar("T")


class KeptBody:
    """The bytes of a body, as they are and compressed."""

    def __init__(self, body: bytes) -> None:
        """Keep the body. It is compressed when a client asks for that first."""
        self.identity = body

    @cached_property
    def zipped(self) -> bytes:
        """The body, compressed as well as gzip can."""
        return gzip.compress(self.identity, mtime=0)

    def response(
        self,
        request: web.BaseRequest,
        *,
        content_type: str,
        charset: str | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:
        """Return a response with the body in a coding that the client accepts."""
        is_zipped = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
        coding: dict[str, str] = {"Content-Encoding": "gzip"} if is_zipped else {}
        return web.Response(
            body=self.zipped if is_zipped else self.identity,
            status=status,
            headers={**(headers or {}), **coding, "Vary": "Accept-Encoding"},
            content_type=content_type,
            charset=charset,
        )


def locked_cache(make: Callable[P, T]) -> Callable[P, T]:
    """Return a function that makes each result once, whatever threads ask for it."""
    lock, cached = threading.RLock(), cache(make)

    @wraps(make)
    def once(*arguments: P.args, **keywords: P.kwargs) -> T:
        with lock:
            return cached(*arguments, **keywords)  # type: ignore[arg-type]  # hashable in use

    return once
