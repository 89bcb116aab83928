"""The exchanges that a session has last opened, for the palette.

    places.note(session, "north", id)    the page of an exchange was opened
    places.of(session)                   [("north", id), ...], the newest first
    places.forget(session)               at sign-out

They are in the memory of the gateway, as names and ids without any text. Nothing of
them is on the reader's device. Another gateway knows none of them, and a restart
forgets them. The key is a digest of the session, so that no list names a session.
"""

from collections import OrderedDict
from typing import Final

from aiohttp import web

from dragoman.stores.tokens_and_sessions import hashed

RECENT_PLACES: Final = 8
"""Exchanges that are remembered for a session."""

RECENT_SESSIONS: Final = 2_000
"""Sessions whose exchanges are remembered, each with a kilobyte at most."""

Place = tuple[str, str]
"""The name of a channel, and the id of an exchange."""


class RecentPlaces:
    """The places of all sessions of one gateway, the longest unused dropped first."""

    def __init__(self) -> None:
        """Start without any session."""
        self._places: OrderedDict[str, list[Place]] = OrderedDict()

    def note(self, session: str, channel: str, exchange: str) -> None:
        """Note that a session has opened an exchange."""
        key, place = hashed(session), (channel, exchange)
        earlier = [other for other in self._places.pop(key, []) if other != place]
        self._places[key] = [place, *earlier][:RECENT_PLACES]
        while len(self._places) > RECENT_SESSIONS:
            self._places.popitem(last=False)

    def of(self, session: str) -> tuple[Place, ...]:
        """Return the places of a session, the newest first."""
        return tuple(self._places.get(hashed(session), ()))

    def forget(self, session: str) -> None:
        """Forget the places of a session that ends."""
        self._places.pop(hashed(session), None)


RECENT: Final = web.AppKey("recent_places", RecentPlaces)
"""The places of this gateway's sessions."""
