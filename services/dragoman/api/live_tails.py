"""The tails of the channels that somebody follows, as the application keeps them."""

from typing import Final

from aiohttp import web

from dragoman.api.sse import Tail

TAILS: Final = web.AppKey("tails", dict[tuple[str, str], Tail])
"""The key of the tails: by channel, and by the kind of their lines."""
