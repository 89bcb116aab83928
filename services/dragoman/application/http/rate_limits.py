"""Rate limits for each officer, side and address, so that none starves another.

A budget gives so many units a second, and ten seconds' worth at once. It is kept as a
due time (GCRA): each unit that is spent moves it by one unit's share of a second. A
request that would move it further ahead of now than the burst is refused, with the time
to wait. Officer and side have separate budgets: an officer's script does not use up the
side's.

Sides and officers of two channels may have the same names and be strangers to each
other. Every budget of theirs is therefore kept by channel. What a side reads or posts
in an exercise is not taken from its budget for the live channel.
"""

import math
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple

from aiohttp import web

from dragoman import metrics
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.limits import BUDGET_KEYS, BURST_SECONDS
from dragoman.settings import BudgetSettings as Settings
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import Text, sentence

_ROUNDING: Final = 1e-6
"""The rounding error of adding a number to the time of day and subtracting it again."""

_MIB: Final = 1024 * 1024


class RateLimitExceeded(Refused):
    """A refusal because a rate limit is used up; `wait` is the seconds to wait."""

    def __init__(self, detail: Text, wait: float, policy: str) -> None:
        """Take the message, the time to wait in seconds, and the name of the limit."""
        super().__init__(Refusal(kind="budget", detail=detail))
        self.wait = max(1, math.ceil(wait))
        self.policy = policy


class Payer(NamedTuple):
    """The two accounts that a request is charged to: the officer's and the side's.

    Both are accounts in one channel.
    """

    officer: str
    side: str

    @classmethod
    def of(cls, grant: Grant, cid: str = "") -> "Payer":
        """Return the accounts of a caller in the channel with this cid.

        Without a cid they are the accounts for the channels of the token together.
        """
        scope = cid or grant.account
        return cls(f"{scope}/{grant.actor}", f"{scope}/{grant.side}")


class RateLimit:
    """A limit of so many units a second for each key, with a burst of ten seconds."""

    def __init__(self, per_second: float, seconds: float = BURST_SECONDS) -> None:
        """Begin with the budget of every key unspent."""
        self.burst = math.floor(per_second * seconds)
        self._share = 1 / per_second
        self._ahead = seconds
        self._due: dict[str, float] = {}

    def spend(self, key: str, units: float, now: float) -> float:
        """Spend units, and return 0; or spend nothing, and return the seconds to wait.

        An amount larger than the whole burst needs an unspent budget.
        """
        due = max(self._due.get(key, 0.0), now)
        wait = due + min(units * self._share, self._ahead) - now - self._ahead
        if wait > 1e-9:  # Less is a rounding error of the time of day.
            return wait
        self.charge(key, units, now)
        return 0.0

    def charge(self, key: str, units: float, now: float) -> None:
        """Charge units that are spent already, into debt if necessary.

        The debt is at most one burst, so that an auditor of a long log waits for ten
        seconds.
        """
        if len(self._due) >= BUDGET_KEYS:
            self._due = {key: due for key, due in self._due.items() if due > now}
        self._due[key] = min(
            max(self._due.get(key, 0.0), now) + units * self._share, now + 2 * self._ahead
        )

    def left(self, key: str, now: float) -> int:
        """Return the number of units that could be spent now."""
        return max(
            0,
            math.floor(
                (self._ahead - max(self._due.get(key, 0.0) - now, 0.0)) / self._share + _ROUNDING
            ),
        )

    def whole_in(self, key: str, now: float) -> int:
        """Return the number of seconds until the budget is unspent again."""
        return math.ceil(max(self._due.get(key, 0.0) - now, 0.0) - _ROUNDING)


class RateLimits:
    """All rate limits of one gateway. `clock` is monotonic."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Take the limits from the settings."""
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
        self._officers_work, self._sides_work, self._addresses_work = (
            RateLimit(settings.officer_work),
            RateLimit(settings.side_work),
            RateLimit(settings.address_work),
        )
        self._urgent = RateLimit(settings.urgent_requests)
        self._most_streams = settings.streams
        self._streams: dict[str, int] = {}
        self.policy = (
            f'"officer";q={self._officers.burst};w={BURST_SECONDS}, '
            f'"side";q={self._sides.burst};w={BURST_SECONDS}'
        )

    def address(self, address: str) -> None:
        """Charge a request without a token to its address.

        Raises `RateLimitExceeded`.
        """
        network, now = network_of(address), self._clock()
        if wait := self._addresses.spend(network, 1, now):
            raise RateLimitExceeded(
                sentence("This address sends too many requests; slow down."),
                wait,
                "address",
            )
        if wait := self._addresses_work.spend(network, 0, now):
            raise RateLimitExceeded(
                sentence("The requests of this address take too much time; slow down."),
                wait,
                "address-work",
            )

    def address_worked(self, address: str, seconds: float) -> None:
        """Charge the processor seconds of an answer to the address of a stranger."""
        self._addresses_work.charge(network_of(address), seconds, self._clock())

    def file(self, address: str, grant: Grant | None = None) -> None:
        """Charge a request for one of the pages' own files. Raises `RateLimitExceeded`.

        It is charged to the officer, or to the address if nobody is signed in.
        """
        account = network_of(address) if grant is None else Payer.of(grant).officer
        if wait := self._files.spend(account, 1, self._clock()):
            raise RateLimitExceeded(
                sentence("Too many files of the pages were requested; slow down."), wait, "files"
            )

    def probe(self, address: str) -> None:
        """Charge a request for the state of the service. Raises `RateLimitExceeded`."""
        if wait := self._probes.spend(network_of(address), 1, self._clock()):
            raise RateLimitExceeded(
                sentence("This address sends too many requests; slow down."),
                wait,
                "probes",
            )

    def stranger(self, address: str) -> None:
        """Charge a request with an unknown token to its address.

        Raises `RateLimitExceeded`.
        """
        if wait := self._strangers.spend(network_of(address), 1, self._clock()):
            raise RateLimitExceeded(
                sentence(
                    "Too many requests without a valid token came from this address; send a "
                    "valid one."
                ),
                wait,
                "strangers",
            )

    def caller(self, grant: Grant, cid: str, length: int) -> Payer:
        """Charge a request of so many bytes to its caller; return the accounts charged.

        `cid` is the channel's; empty for a request in no channel. Raises
        `RateLimitExceeded`.
        """
        payer, now = Payer.of(grant, cid), self._clock()
        officer, side = payer
        if wait := self._officers.spend(officer, 1, now):
            raise RateLimitExceeded(
                sentence(
                    "%(actor)s sends too many requests; slow down.",
                    actor=grant.actor,
                ),
                wait,
                "officer",
            )
        if wait := self._sides.spend(side, 1, now):
            raise RateLimitExceeded(
                sentence(
                    "The officers of %(side)s together send too many requests; slow down.",
                    side=grant.side,
                ),
                wait,
                "side",
            )
        if length and (wait := self._officers_bytes.spend(officer, length, now)):
            raise RateLimitExceeded(
                sentence(
                    "%(actor)s sends or fetches too many bytes; slow down.",
                    actor=grant.actor,
                ),
                wait,
                "officer-bytes",
            )
        if length and (wait := self._sides_bytes.spend(side, length, now)):
            raise RateLimitExceeded(
                sentence("%(actor)s sends or fetches too many bytes; slow down.", actor=grant.side),
                wait,
                "side-bytes",
            )
        if wait := self._officers_work.spend(officer, 0, now) or self._sides_work.spend(
            side, 0, now
        ):
            raise RateLimitExceeded(
                sentence(
                    "The requests of %(actor)s or of others of the side take too much time; slow "
                    "down.",
                    actor=grant.actor,
                ),
                wait,
                "work",
            )
        return payer

    def urgent(self, payer: Payer) -> None:
        """Charge an urgent act to the officer's budget for such acts alone.

        It goes through where other budgets are used up: nothing else uses this one.
        Raises `RateLimitExceeded`.
        """
        if wait := self._urgent.spend(payer.officer, 1, self._clock()):
            raise RateLimitExceeded(
                sentence("You send too many urgent acts at once; slow down."), wait, "urgent"
            )

    def worked(self, payer: Payer, seconds: float, *, by_officer: bool = False) -> None:
        """Charge the processor seconds of a request to its officer and side.

        If that was too much, the next request waits. Work that only the officer chose
        to start is not charged to the colleagues of the side: it is `by_officer`.
        """
        now = self._clock()
        self._officers_work.charge(payer.officer, seconds, now)
        if not by_officer:
            self._sides_work.charge(payer.side, seconds, now)

    def received(self, payer: Payer, length: int) -> None:
        """Charge the bytes of an answer."""
        now = self._clock()
        self._officers_bytes.charge(payer.officer, length, now)
        self._sides_bytes.charge(payer.side, length, now)

    def standing(self, payer: Payer) -> dict[str, str]:
        """Return the headers with the rest of the officer's and the side's budgets.

        They follow draft-ietf-httpapi-ratelimit-headers.
        """
        now = self._clock()
        officer, side = payer
        return {
            "RateLimit-Policy": self.policy,
            "RateLimit": (
                f'"officer";r={self._officers.left(officer, now)};'
                f"t={self._officers.whole_in(officer, now)},"
                f' "side";r={self._sides.left(side, now)};t={self._sides.whole_in(side, now)}'
            ),
        }

    def open_stream(self, grant: Grant, cid: str = "") -> str:
        """Count a live stream that an officer opens, and return its account.

        The stream is in the channel with this cid, or in all. Pass the account to
        `close_stream` when the stream ends. Raises `RateLimitExceeded`.
        """
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
        metrics.STREAMS.inc()
        return account

    def close_stream(self, account: str) -> None:
        """Count a live stream of an account as ended."""
        self._streams[account] -= 1
        metrics.STREAMS.dec()
        if not self._streams[account]:
            del self._streams[account]


RATE_LIMITS: Final = web.AppKey("budgets", RateLimits)


def network_of(address: str) -> str:
    """Return the network that an address is charged as.

    It is the address itself, or for IPv6 its /64 network: a host can have any number of
    addresses in it.
    """
    if ":" not in address:
        return address
    ip = ip_address(address.partition("%")[0])
    return str(ip_network((int(ip) >> 64 << 64, 64))) if isinstance(ip, IPv6Address) else address
