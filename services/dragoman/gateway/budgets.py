"""What each officer, side and address may ask of this gateway: so much a second, ten seconds' worth at once, so that none starves another.

A budget is a due time (GCRA): each unit that is spent moves it on by one unit's share of a second, and what would move it further ahead of
now than the burst is refused, with how long to wait. Officer and side are asked apart: an officer's script does not use up the side's,
and what a side reads or posts in an exercise is not taken from what it has for the live channels.
"""

import math
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from aiohttp import web

from dragoman.domain.refusal import Refusal, Refused
from dragoman.limits import BUDGET_KEYS, BURST_SECONDS
from dragoman.sentence import Sentence, sentence
from dragoman.settings import Budgets as Settings
from dragoman.stores.access import Grant

_ROUNDING: Final = 1e-6
"""What adding to the time of day, and taking away from it, leaves."""

_MIB: Final = 1024 * 1024
_EXERCISE: Final = "-exercise"


class Over(Refused):
    """More was asked than there is room for; `wait` seconds until there is."""

    def __init__(self, detail: Sentence, wait: float, policy: str) -> None:
        """Say what is used up, and when it is not any more."""
        super().__init__(Refusal(kind="budget", detail=detail))
        self.wait = max(1, math.ceil(wait))
        self.policy = policy


class Budget:
    """So many units a second for each key, a burst of ten seconds' worth."""

    def __init__(self, per_second: float, seconds: float = BURST_SECONDS) -> None:
        """Begin with every key's budget unspent."""
        self.burst = math.floor(per_second * seconds)
        self._share = 1 / per_second
        self._ahead = seconds
        self._due: dict[str, float] = {}

    def spend(self, key: str, units: float, now: float) -> float:
        """Spend units, or none of them; then, how many seconds to wait. What alone is more than the burst needs an unspent budget."""
        due = max(self._due.get(key, 0.0), now)
        wait = due + min(units * self._share, self._ahead) - now - self._ahead
        if wait > 1e-9:  # what adding and taking away the time of day leaves
            return wait
        self.charge(key, units, now)
        return 0.0

    def charge(self, key: str, units: float, now: float) -> None:
        """Spend units that are gone already, into debt if need be: of one burst at most, so that an auditor of a long log waits for ten seconds."""
        if len(self._due) >= BUDGET_KEYS:
            self._due = {key: due for key, due in self._due.items() if due > now}
        self._due[key] = min(max(self._due.get(key, 0.0), now) + units * self._share, now + 2 * self._ahead)

    def left(self, key: str, now: float) -> int:
        """Units that could be spent now."""
        return max(0, math.floor((self._ahead - max(self._due.get(key, 0.0) - now, 0.0)) / self._share + _ROUNDING))

    def whole_in(self, key: str, now: float) -> int:
        """Seconds until it is unspent again."""
        return math.ceil(max(self._due.get(key, 0.0) - now, 0.0) - _ROUNDING)


class Budgets:
    """The budgets of one gateway. `clock` is monotonic."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Take the sizes from the settings."""
        self._clock = clock
        self._addresses = Budget(settings.address_requests)
        self._strangers = Budget(settings.stranger_requests)
        self._officers, self._sides = Budget(settings.officer_requests), Budget(settings.side_requests)
        self._officers_bytes, self._sides_bytes = Budget(settings.officer_mib * _MIB), Budget(settings.side_mib * _MIB)
        self._officers_work, self._sides_work = Budget(settings.officer_work), Budget(settings.side_work)
        self._most_streams = settings.streams
        self._streams: dict[str, int] = {}
        self.policy = f'"officer";q={self._officers.burst};w={BURST_SECONDS}, "side";q={self._sides.burst};w={BURST_SECONDS}'

    def address(self, address: str) -> None:
        """A request from an address that nobody's token stands behind. Raises `Over`."""
        if wait := self._addresses.spend(network_of(address), 1, self._clock()):
            raise Over(sentence("This address asks more than there is room for; slow down."), wait, "address")

    def stranger(self, address: str) -> None:
        """A request from an address with a token that is not known. Raises `Over`."""
        if wait := self._strangers.spend(network_of(address), 1, self._clock()):
            raise Over(sentence("Too many requests without a valid token came from this address; send a valid one."), wait, "strangers")

    def caller(self, grant: Grant, channel: str, length: int) -> str:
        """A request of so many bytes, in a channel or in none; whose budget it is from. Raises `Over`."""
        apart = _EXERCISE if channel.endswith(_EXERCISE) else ""
        officer, side, now = grant.actor + apart, grant.side + apart, self._clock()
        if wait := self._officers.spend(officer, 1, now):
            raise Over(sentence("%(actor)s asks more often than there is room for; slow down.", actor=grant.actor), wait, "officer")
        if wait := self._sides.spend(side, 1, now):
            raise Over(
                sentence("The officers of %(side)s together ask more often than there is room for; slow down.", side=grant.side),
                wait,
                "side",
            )
        if length and (wait := self._officers_bytes.spend(officer, length, now)):
            raise Over(sentence("%(actor)s moves more bytes than there is room for; slow down.", actor=grant.actor), wait, "officer-bytes")
        if length and (wait := self._sides_bytes.spend(side, length, now)):
            raise Over(sentence("%(side)s moves more bytes than there is room for; slow down.", side=grant.side), wait, "side-bytes")
        if wait := self._officers_work.spend(officer, 0, now) or self._sides_work.spend(side, 0, now):
            raise Over(
                sentence("Reading what %(actor)s sends takes more time than there is; send less at once.", actor=grant.actor), wait, "work"
            )
        return apart

    def worked(self, grant: Grant, apart: str, seconds: float) -> None:
        """Charge the seconds that reading a body took; the next request waits where that was too much."""
        now = self._clock()
        self._officers_work.charge(grant.actor + apart, seconds, now)
        self._sides_work.charge(grant.side + apart, seconds, now)

    def received(self, grant: Grant, apart: str, length: int) -> None:
        """So many bytes were sent in answer."""
        now = self._clock()
        self._officers_bytes.charge(grant.actor + apart, length, now)
        self._sides_bytes.charge(grant.side + apart, length, now)

    def standing(self, grant: Grant, apart: str) -> dict[str, str]:
        """What is left, as the headers of draft-ietf-httpapi-ratelimit-headers: of the officer and of the side."""
        now = self._clock()
        officer, side = grant.actor + apart, grant.side + apart
        return {
            "RateLimit-Policy": self.policy,
            "RateLimit": (
                f'"officer";r={self._officers.left(officer, now)};t={self._officers.whole_in(officer, now)},'
                f' "side";r={self._sides.left(side, now)};t={self._sides.whole_in(side, now)}'
            ),
        }

    def open_stream(self, actor: str) -> None:
        """A live stream of an officer opens. Raises `Over`; `close_stream` once it has ended."""
        if self._streams.get(actor, 0) >= self._most_streams:
            raise Over(
                sentence("%(actor)s has %(n)s live streams open; close one of them.", actor=actor, n=self._most_streams),
                1,
                "streams",
            )
        self._streams[actor] = self._streams.get(actor, 0) + 1

    def close_stream(self, actor: str) -> None:
        """A live stream of an officer has ended."""
        self._streams[actor] -= 1
        if not self._streams[actor]:
            del self._streams[actor]


BUDGETS: Final = web.AppKey("budgets", Budgets)


def network_of(address: str) -> str:
    """Return whose an address is: itself, or of IPv6 the /64 network, in which one host has as many as it likes."""
    if ":" not in address:
        return address
    found = ip_address(address.partition("%")[0])
    return str(ip_network((int(found) >> 64 << 64, 64))) if isinstance(found, IPv6Address) else address
