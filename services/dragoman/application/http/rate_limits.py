"""What each officer, side and address may ask of this gateway: so much a second, ten seconds' worth at once, so that none starves another.

A budget is a due time (GCRA): each unit that is spent moves it on by one unit's share
of a second, and what would move it further ahead of now than the burst is refused, with
how long to wait. Officer and side are asked apart: an officer's script does not use up
the side's.

Sides and officers of two channels may have the same names and be strangers to each
other. Every budget of theirs is therefore kept by channel, so what a side reads or
posts in an exercise is not taken from what it has for the live channel.
"""

import math
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple

from aiohttp import web

from dragoman.domain.record.errors import Refusal, Refused
from dragoman.limits import BUDGET_KEYS, BURST_SECONDS
from dragoman.settings import BudgetSettings as Settings
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import Text, sentence

_ROUNDING: Final = 1e-6
"""What adding to the time of day, and taking away from it, leaves."""

_MIB: Final = 1024 * 1024


class RateLimitExceeded(Refused):
    """More was asked than there is room for; `wait` seconds until there is."""

    def __init__(self, detail: Text, wait: float, policy: str) -> None:
        """Say what is used up, and when it is not any more."""
        super().__init__(Refusal(kind="budget", detail=detail))
        self.wait = max(1, math.ceil(wait))
        self.policy = policy


class Payer(NamedTuple):
    """The two accounts that a request is taken from: the officer's and the side's, each in one channel."""

    officer: str
    side: str

    @classmethod
    def of(cls, grant: Grant, cid: str = "") -> "Payer":
        """Return the accounts of a caller in the channel with that cid; in no single channel, those of the channels of the token."""
        scope = cid or ",".join(sorted(grant.channels))
        return cls(f"{scope}/{grant.actor}", f"{scope}/{grant.side}")


class RateLimit:
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
        self._due[key] = min(
            max(self._due.get(key, 0.0), now) + units * self._share, now + 2 * self._ahead
        )

    def left(self, key: str, now: float) -> int:
        """Units that could be spent now."""
        return max(
            0,
            math.floor(
                (self._ahead - max(self._due.get(key, 0.0) - now, 0.0)) / self._share + _ROUNDING
            ),
        )

    def whole_in(self, key: str, now: float) -> int:
        """Seconds until it is unspent again."""
        return math.ceil(max(self._due.get(key, 0.0) - now, 0.0) - _ROUNDING)


class RateLimits:
    """The budgets of one gateway. `clock` is monotonic."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Take the sizes from the settings."""
        self._clock = clock
        self._addresses = RateLimit(settings.address_requests)
        self._files, self._probes = (
            RateLimit(settings.address_requests),
            RateLimit(settings.address_requests),
        )
        self._strangers = RateLimit(settings.stranger_requests)
        self._officers, self._sides = (
            RateLimit(settings.officer_requests),
            RateLimit(settings.side_requests),
        )
        self._officers_bytes, self._sides_bytes = (
            RateLimit(settings.officer_mib * _MIB),
            RateLimit(settings.side_mib * _MIB),
        )
        self._officers_work, self._sides_work = (
            RateLimit(settings.officer_work),
            RateLimit(settings.side_work),
        )
        self._most_streams = settings.streams
        self._streams: dict[str, int] = {}
        self.policy = f'"officer";q={self._officers.burst};w={BURST_SECONDS}, "side";q={self._sides.burst};w={BURST_SECONDS}'

    def address(self, address: str) -> None:
        """A request from an address that nobody's token stands behind. Raises `Over`."""
        if wait := self._addresses.spend(network_of(address), 1, self._clock()):
            raise RateLimitExceeded(
                sentence("This address asks more than there is room for; slow down."),
                wait,
                "address",
            )

    def file(self, address: str, grant: Grant | None = None) -> None:
        """A request for one of the pages' own files, by an officer or by nobody who is signed in. Raises `Over`."""
        account = network_of(address) if grant is None else Payer.of(grant).officer
        if wait := self._files.spend(account, 1, self._clock()):
            raise RateLimitExceeded(
                sentence("Too many files of the pages were asked for; slow down."), wait, "files"
            )

    def probe(self, address: str) -> None:
        """A request that asks how the service is. Raises `Over`."""
        if wait := self._probes.spend(network_of(address), 1, self._clock()):
            raise RateLimitExceeded(
                sentence("This address asks more than there is room for; slow down."),
                wait,
                "probes",
            )

    def stranger(self, address: str) -> None:
        """A request from an address with a token that is not known. Raises `Over`."""
        if wait := self._strangers.spend(network_of(address), 1, self._clock()):
            raise RateLimitExceeded(
                sentence(
                    "Too many requests without a valid token came from this address; send a valid one."
                ),
                wait,
                "strangers",
            )

    def caller(self, grant: Grant, cid: str, length: int) -> Payer:
        """Return a request of so many bytes, in the channel with that cid or in none; who pays for it. Raises `Over`."""
        payer, now = Payer.of(grant, cid), self._clock()
        officer, side = payer
        if wait := self._officers.spend(officer, 1, now):
            raise RateLimitExceeded(
                sentence(
                    "%(actor)s asks more often than there is room for; slow down.",
                    actor=grant.actor,
                ),
                wait,
                "officer",
            )
        if wait := self._sides.spend(side, 1, now):
            raise RateLimitExceeded(
                sentence(
                    "The officers of %(side)s together ask more often than there is room for; slow down.",
                    side=grant.side,
                ),
                wait,
                "side",
            )
        if length and (wait := self._officers_bytes.spend(officer, length, now)):
            raise RateLimitExceeded(
                sentence(
                    "%(actor)s moves more bytes than there is room for; slow down.",
                    actor=grant.actor,
                ),
                wait,
                "officer-bytes",
            )
        if length and (wait := self._sides_bytes.spend(side, length, now)):
            raise RateLimitExceeded(
                sentence(
                    "%(side)s moves more bytes than there is room for; slow down.", side=grant.side
                ),
                wait,
                "side-bytes",
            )
        if wait := self._officers_work.spend(officer, 0, now) or self._sides_work.spend(
            side, 0, now
        ):
            raise RateLimitExceeded(
                sentence(
                    "Reading what %(actor)s sends takes more time than there is; send less at once.",
                    actor=grant.actor,
                ),
                wait,
                "work",
            )
        return payer

    def worked(self, payer: Payer, seconds: float) -> None:
        """Charge the seconds that reading a body took; the next request waits where that was too much."""
        now = self._clock()
        self._officers_work.charge(payer.officer, seconds, now)
        self._sides_work.charge(payer.side, seconds, now)

    def received(self, payer: Payer, length: int) -> None:
        """So many bytes were sent in answer."""
        now = self._clock()
        self._officers_bytes.charge(payer.officer, length, now)
        self._sides_bytes.charge(payer.side, length, now)

    def standing(self, payer: Payer) -> dict[str, str]:
        """Return what is left, as the headers of draft-ietf-httpapi-ratelimit-headers: of the officer and of the side."""
        now = self._clock()
        officer, side = payer
        return {
            "RateLimit-Policy": self.policy,
            "RateLimit": (
                f'"officer";r={self._officers.left(officer, now)};t={self._officers.whole_in(officer, now)},'
                f' "side";r={self._sides.left(side, now)};t={self._sides.whole_in(side, now)}'
            ),
        }

    def open_stream(self, grant: Grant, cid: str = "") -> str:
        """Return a live stream of an officer opens, in a channel or of all; its account, for `close_stream` once it has ended. Raises `Over`."""
        account = Payer.of(grant, cid).officer
        if self._streams.get(account, 0) >= self._most_streams:
            raise RateLimitExceeded(
                sentence(
                    "%(actor)s has %(n)s live streams open; close one of them.",
                    actor=grant.actor,
                    n=self._most_streams,
                ),
                1,
                "streams",
            )
        self._streams[account] = self._streams.get(account, 0) + 1
        return account

    def close_stream(self, account: str) -> None:
        """A live stream of an officer has ended."""
        self._streams[account] -= 1
        if not self._streams[account]:
            del self._streams[account]


BUDGETS: Final = web.AppKey("budgets", RateLimits)


def network_of(address: str) -> str:
    """Return whose an address is: itself, or of IPv6 the /64 network, in which one host has as many as it likes."""
    if ":" not in address:
        return address
    ip = ip_address(address.partition("%")[0])
    return str(ip_network((int(ip) >> 64 << 64, 64))) if isinstance(ip, IPv6Address) else address
