"""The opener of endpoints: it adds the secrets that only notifiers can read."""

from collections.abc import Awaitable, Callable

import structlog

from dragoman.stores.endpoint_secrets import CannotUnseal, UnsealingKey, seal
from dragoman.stores.endpoints import NotificationEndpoint, NotificationEndpoints

log = structlog.get_logger()

FindKey = Callable[[], Awaitable[UnsealingKey | None]]
"""A function that returns the key of sealed secrets. It may raise `LogUnreachable`."""


class EndpointOpener:
    """The key of sealed secrets, and the endpoints that it does not open."""

    def __init__(self, store: NotificationEndpoints, find_key: FindKey | None) -> None:
        """Begin without a key; `prepare` finds it."""
        self._store = store
        self._find_key = find_key
        self._key: UnsealingKey | None = None
        self._unreadable: set[str] = set()

    async def prepare(self) -> None:
        """Find the key, once. Raises `LogUnreachable`."""
        if self._find_key is not None:
            self._key = await self._find_key()
            self._find_key = None

    async def opened(self, endpoint: NotificationEndpoint) -> NotificationEndpoint | None:
        """Return an endpoint with its secrets, or None if they cannot be read here.

        An endpoint of an earlier version has its secret in the clear, which is sealed.
        Raises `LogUnreachable`.
        """
        if endpoint.secret and self._key is not None:
            await self._store.replace(seal(self._key.public, endpoint, ""))
            return endpoint
        if not endpoint.sealed:
            return endpoint
        try:
            if self._key is not None:
                return self._key.opened(endpoint)
        except CannotUnseal:
            pass
        if endpoint.id not in self._unreadable:
            self._unreadable.add(endpoint.id)
            log.error("courier.cannot_unseal", endpoint=endpoint.id)
        return None
