"""The positions up to which the endpoints of a channel have no record to send.

    the fold hands over a record   its facts are kept
    a look at the channel          each filter is asked about the new facts once for all
                                   endpoints with it; those that want one are behind,
                                   and are queued
    an endpoint was served         it is no longer behind
    500 records later              one mark is stored for the whole channel

So a record costs a look at each different filter, however many endpoints there are.
"""

from collections import deque
from typing import Final

from dragoman.notifier.selection import RecordFacts, RecordFilter, facts_of, filter_of
from dragoman.projection.stored_row import StoredRow
from dragoman.stores.endpoints import NotificationEndpoints, RecordsMark

_FACTS: Final = 10_000
"""The new records whose facts are kept. After more, each endpoint reads the records."""

_MARKED: Final = 500
"""The number of records after which a further mark is stored."""

_BEHIND: Final = 200
"""The most endpoints that a mark may name, so that it stays small."""


class EndpointPositions:
    """The positions of a channel's endpoints.

    Those that are not `behind` have no record to send up to the position `taken`. Each
    other one must read the records after its own position, up to the last that it may
    want.
    """

    def __init__(self, store: NotificationEndpoints, cid: str) -> None:
        """Begin with all endpoints of the channel behind."""
        self._store = store
        self._cid = cid
        self._new: deque[tuple[int, RecordFacts | None]] = deque(maxlen=_FACTS)
        self._served: set[str] = set()
        self._positions: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._filters: dict[RecordFilter, set[str]] = {}
        self._changes = -1
        self.behind: set[str] = set()
        self.taken = 0

    def add(self, row: StoredRow) -> None:
        """Add a record that was just folded."""
        self._new.append((row.folded.position, facts_of(row)))

    def take(self, position: int) -> set[str]:
        """Take the new records, and return the endpoints that are behind by them.

        At first these are all endpoints, and `position` is that of the channel.
        """
        if not self.taken:
            self.taken = position
            self._new.clear()
            self._index()
            return set(self.behind)
        self._index()
        new, late = list(self._new), set[str]()
        self._new.clear()
        if new and new[0][0] > self.taken + 1:
            late |= self._fall_behind(set(self._served), self.taken)
            self._last.update(dict.fromkeys(self.behind, new[0][0] - 1))
        for place, facts in new:
            if facts is None or place <= self.taken:
                continue
            for wanted, ids in self._filters.items():
                if wanted.takes(facts):
                    late |= self._fall_behind(self._served & ids, place - 1)
                    self._last.update(dict.fromkeys(self.behind & ids, place))
        if new:
            self.taken = max(self.taken, new[-1][0])
        return late

    def pass_over(self, row: StoredRow) -> None:
        """Pass over a record that was folded while the channel had no endpoint."""
        if self.taken:
            self.taken = row.folded.position

    def must_read(self, id: str, stored: int) -> bool:
        """Return whether an endpoint may want a record after its position."""
        return id in self.behind and self.of(id, stored) < self._last[id]

    def of(self, id: str, stored: int) -> int:
        """Return the position of an endpoint, whose stored one may be earlier."""
        return max(stored, self.taken if id in self._served else self._positions.get(id, 0))

    def move(self, id: str, position: int) -> bool:
        """Move an endpoint on to a position up to which it has no record to send.

        Return whether it is still behind.
        """
        if id in self.behind and position >= self._last[id]:
            self.behind.discard(id)
            self._positions.pop(id, None)
            del self._last[id]
            self._served.add(id)
        elif id in self.behind:
            self._positions[id] = max(position, self._positions.get(id, 0))
        return id in self.behind

    def next_mark(self) -> RecordsMark | None:
        """Return the mark that is to be stored now; None if it is too early."""
        self._index()
        if self.taken - self._store.mark(self._cid).position < _MARKED:
            return None
        if len(self.behind) > _BEHIND:
            return None
        return RecordsMark(
            position=self.taken, revision=self._store.revision, behind=tuple(sorted(self.behind))
        )

    def _fall_behind(self, ids: set[str], position: int) -> set[str]:
        self._served -= ids
        self.behind |= ids
        self._positions.update(dict.fromkeys(ids, position))
        return ids

    def _index(self) -> None:
        """Group the endpoints by their filters, if they have changed."""
        changes = self._store.changes.get(self._cid, 0)
        if changes == self._changes:
            return
        self._changes = changes
        self._filters = {}
        ids: set[str] = set()
        for endpoint in self._store.of_channel(self._cid):
            ids.add(endpoint.id)
            self._filters.setdefault(filter_of(endpoint), set()).add(endpoint.id)
        self._served &= ids
        self.behind = ids - self._served
        self._positions = _those(self._positions, self.behind)
        self._last = dict.fromkeys(self.behind, self.taken) | _those(self._last, self.behind)


def _those(positions: dict[str, int], ids: set[str]) -> dict[str, int]:
    return {id: position for id, position in positions.items() if id in ids}
