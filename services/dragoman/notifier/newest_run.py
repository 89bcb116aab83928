"""The newest run of a notifier: an earlier run of the same name sends nothing more.

    notifier.3f0c…    {"run":"9b1e…"}          in the bucket of endpoints

A notifier has a name that lasts over restarts, so that it goes on at once with the
endpoints that it was serving. Two running notifiers of one name would therefore send
every message twice. So each run writes itself down, and the earlier one stops.
"""

import secrets

import structlog

from dragoman.stores.endpoints import NotificationEndpoints

log = structlog.get_logger()


class NewestRun:
    """A run of a notifier among all runs of its name."""

    def __init__(self, store: NotificationEndpoints, name: str) -> None:
        """Begin a run. It is written down by its first check."""
        self._store = store
        self._name = name
        self._run = secrets.token_hex(8)
        self._is_written = False
        self.is_replaced = False
        """True once a later run of the same name has begun."""

    async def check(self) -> bool:
        """Return whether this run is the newest one of its name.

        The first call writes the run down. Raises `LogUnreachable`.
        """
        if not self._is_written:
            await self._store.write_run(self._name, self._run)
            self._is_written = True
        if self._store.run_of(self._name) != self._run and not self.is_replaced:
            self.is_replaced = True
            log.critical(
                "courier.replaced",
                do="stop one of the two notifiers, or give each a data directory of its own that "
                "was empty when it first started; then start this one again",
            )
        return not self.is_replaced
