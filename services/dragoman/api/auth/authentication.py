"""Authentication: the address and the officer of a request.

The address is found behind our own proxies as well. The officer is found by a bearer
token, an access token of a provider, or a page's session. An unknown token is looked up
once more among the tokens that other gateways issued. The log line of a refused request
has its address and the reason; tokens are never logged.
"""

import time
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from aiohttp import web

from dragoman.api.auth.oidc import Provider
from dragoman.api.auth.station_tokens import StationTokens
from dragoman.application.http import session_cookie
from dragoman.application.http.rate_limits import Payer, RateLimitExceeded, RateLimits
from dragoman.application.http.request import SERVICE
from dragoman.domain.record.errors import Refusal, Refused, refuse
from dragoman.limits import BODY_BYTES, SMALL_BODY_BYTES
from dragoman.settings import SettingsError
from dragoman.stores.tokens_and_sessions import Grant, StationGrant
from dragoman.text import sentence

_PROBES: Final = frozenset({"/livez", "/readyz", "/healthz"})


class Callers:
    """The check of callers and their budgets."""

    def __init__(
        self, budgets: RateLimits, provider: Provider | None, trusted: Iterable[str]
    ) -> None:
        """Trust these proxies, and this provider. Raises `SettingsError`."""
        self._budgets = budgets
        self._provider = provider
        self._stations = StationTokens()
        self._trusted = networks(trusted)

    def address(self, request: web.Request) -> str:
        """Return the address of a request: the nearest that is not our own proxy's."""
        nearest = request.remote or ""
        if not self._trusted:
            return nearest
        for hop in reversed(
            [
                part
                for line in request.headers.getall("X-Forwarded-For", ())
                for part in line.split(",")
            ]
        ):
            if not self._is_ours(nearest) or (address := _address(hop)) is None:
                break
            nearest = address
        return nearest

    def _is_ours(self, address: str) -> bool:
        try:
            result = ip_address(address)
        except ValueError:
            return False
        return any(result in network for network in self._trusted)

    async def admit(
        self, request: web.Request, *, public: bool, may_be_urgent: bool = False
    ) -> None:
        """Bind the caller to a request, and charge it to their budgets.

        A request that may be an urgent act is not refused before its act is read.
        Raises `Refused`.
        """
        address = request["address"] = self.address(request)
        if request.path in _PROBES:
            self._budgets.probe(address)
            self._bind_operator(request)
            return
        if not request.path.startswith("/v1/"):
            self._admit_to_page(request, address, may_be_urgent=may_be_urgent)
            return
        grant = await self._bearer(request) or session_cookie.session_grant(request)
        if grant is None:
            # A caller with a token pays by that token, because others may share the address.
            self._budgets.address(address)
            if public:
                return
            self._budgets.stranger(address)
            detail = sentence("Send Authorization: Bearer with a token; the operator issues them.")
            if "unauthenticated" in request:
                detail = request["unauthenticated"]
            elif request.headers.get("Authorization", "").lower().startswith("bearer "):
                detail = sentence(
                    "This token is not in force here: it is mistyped, revoked or expired. The "
                    "operator issues new ones."
                )
            raise Refused(Refusal(kind="unauthenticated", detail=detail))
        self._charge(request, grant, may_be_urgent=may_be_urgent)
        if grant.scope == "read" and request.method not in ("GET", "HEAD"):
            raise refuse(
                "not-permitted",
                "This token can only read; ask the operator for one of the scope act.",
            )

    def _bind_operator(self, request: web.Request) -> None:
        """Bind the operator to a probe, which then names channels.

        An unknown token is not looked up at the broker, since probes are free.
        """
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and text.strip():
            grant = request.app[SERVICE].access.find(text.strip(), time.time())
            if grant is not None and grant.is_operator:
                request["grant"] = grant

    def _admit_to_page(self, request: web.Request, address: str, *, may_be_urgent: bool) -> None:
        """Charge a page, or a file of the pages, to its officer or else to the address.

        A stranger behind the same address must not use up what a duty officer needs to
        acknowledge a flash. Raises `RateLimitExceeded`.
        """
        grant = session_cookie.page_grant(request)
        if request.path.startswith("/static/"):
            self._budgets.file(address, grant)
        elif grant is None:
            self._budgets.address(address)
        else:
            self._charge(request, grant, may_be_urgent=may_be_urgent)

    def _charge(self, request: web.Request, grant: Grant, *, may_be_urgent: bool) -> None:
        """Bind a caller to a request, and charge it before its body is read.

        Where a budget is used up, a small request that may be an urgent act goes on
        until its act is read: it is `over`. Raises `RateLimitExceeded`.
        """
        request["grant"] = grant
        projection = request.app[SERVICE].channels.get(request.match_info.get("channel", ""))
        may_see = projection is not None and request.app[SERVICE].may_see(grant, projection)
        cid = projection.registry.cid if projection is not None and may_see else ""
        length = _length(request)
        try:
            request["payer"] = self._budgets.caller(grant, cid, length)
        except RateLimitExceeded as over:
            if not may_be_urgent or length > SMALL_BODY_BYTES:
                raise
            request["payer"], request["over"] = Payer.of(grant, cid), over

    async def _bearer(self, request: web.Request) -> Grant | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        token = text.strip()
        if scheme.lower() != "bearer" or not token:
            return None
        service = request.app[SERVICE]
        # A JWT has three parts, and a token of ours one.
        if token.count(".") == 2:
            station = self._stations.find(service, token)
            if isinstance(station, StationGrant):
                # A stream asks again in its channel, and outlives the token that began it.
                request["still"] = lambda: bool(service.visible(station))
                return station
            if station is not None:
                request["unauthenticated"] = station
            if self._provider is not None:
                return await self._of_subject(request, self._provider, token)
            return None
        grant = service.access.find(token, time.time())
        if grant is None and await service.access_refresh.look_again():
            grant = service.access.find(token, time.time())
        return grant

    async def _of_subject(
        self, request: web.Request, provider: Provider, token: str
    ) -> Grant | None:
        result = await provider.subject(token)
        if result is None:
            return None
        subject, expires = result
        service = request.app[SERVICE]
        grant = service.access.of_subject(provider.issuer, subject)
        if grant is None and await service.access_refresh.look_again():
            grant = service.access.of_subject(provider.issuer, subject)
        if grant is None:
            self._budgets.stranger(request["address"])
            raise refuse(
                "unauthenticated",
                "The provider's token is valid, but its subject is mapped to no officer here. "
                "The operator maps it: dragoman subject add.",
            )
        request["still"] = lambda: (
            expires > time.time() and service.access.holds(grant, time.time())
        )
        return grant


def _address(hop: str) -> str | None:
    """Return an address as proxies write it, with or without a port.

    None if it is not valid.
    """
    bare = hop.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return None


def networks(texts: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks of trusted proxies. Raises `SettingsError`."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingsError(
            f"http.trusted_proxies: {error}; name networks like 10.0.0.0/8 or 127.0.0.1"
        ) from None


def _length(request: web.Request) -> int:
    """Return the number of bytes in a request's body.

    For a body of unknown length it is the most that a body may have.
    """
    if not request.can_read_body:
        return 0
    return request.content_length if request.content_length is not None else BODY_BYTES
