"""Functions that the pages of an operator share."""

from dragoman.application.operations import access_tokens
from dragoman.application.service import Service
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Handler, PageRoute


def operator_of(context: PageContext) -> Service:
    """Return the service, for its operator alone. Raises `Refused`."""
    return access_tokens.operator(context.call)


def route(path: str, handler: Handler, method: str = "GET") -> PageRoute:
    """Return a route of the host, which needs no channel."""
    return PageRoute(path=path, handler=handler, method=method, anywhere=True)
