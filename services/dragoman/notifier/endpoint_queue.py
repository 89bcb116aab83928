"""The queue of endpoints for which there may be work.

With ten thousand endpoints, a look at each of them takes longer than a record. So an
endpoint is queued only for a reason:

    moved      its channel has new records, and one of them may be for it
    changed    it has changed itself, or its progress or test has
    due        a delivery is due again
    swept      each endpoint is queued once a minute, a few at a time
"""

import time
from collections.abc import Iterator
from typing import Final

from dragoman.stores.endpoints import NotificationEndpoint, NotificationEndpoints

SWEEP_SECONDS: Final = 60.0
"""The interval at which all endpoints are looked at."""


class EndpointQueue:
    """The endpoints that are pending, and the times at which others become so.

    `moved` has the channels that have moved on, by cid. `due` has the next time of an
    endpoint, in Unix seconds. An endpoint is `pending` until its work begins.
    """

    def __init__(self, store: NotificationEndpoints) -> None:
        """Follow the changes of the store."""
        self._store = store
        self._swept = time.monotonic()
        self._sweep: list[str] = []
        self.moved: set[str] = set()
        self.due: dict[str, float] = {}
        self.pending: set[str] = set()

    def take(self) -> Iterator[NotificationEndpoint]:
        """Yield the endpoints that are pending now."""
        changed, self._store.changed = self._store.changed, set()
        for name in changed:
            cid, blank, side = name.partition(" ")
            if not blank:
                self.pending.add(name)
                continue
            self.pending.update(
                endpoint.id for endpoint in self._store.of_channel(cid) if endpoint.side == side
            )
        now = time.time()
        due = [id for id, moment in self.due.items() if moment <= now]
        for id in due:
            del self.due[id]
        self.pending.update(due)
        self.pending.update(self._slice())
        for id in list(self.pending):
            endpoint = self._store.find(id)
            if endpoint is None:
                self.pending.discard(id)
            else:
                yield endpoint

    def _slice(self) -> list[str]:
        """Return the endpoints of the sweep whose turn has come since the last call."""
        moment = time.monotonic()
        share = (moment - self._swept) / SWEEP_SECONDS
        if not self._sweep:
            self._sweep = [endpoint.id for endpoint in self._store.endpoints()]
        count = int(self._store.count * share)
        if count or share >= 1:
            self._swept = moment
        ids, self._sweep = self._sweep[:count], self._sweep[count:]
        return ids
