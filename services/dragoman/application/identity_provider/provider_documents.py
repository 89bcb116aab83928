"""The discovery document and the keys of an OIDC provider (OpenID Connect Discovery).

They are fetched in the background. A token with an unknown key has them fetched again,
at most every few seconds, and only its own request waits for that. While the provider
is down, the known document and keys stay in use.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import structlog
from msgspec import Struct

from dragoman.application.identity_provider import jwt_checks
from dragoman.limits import JWKS_AGAIN_SECONDS, JWKS_SECONDS
from dragoman.settings import Oidc, SettingsError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

log = structlog.get_logger()

FetchJson = Callable[[str], Awaitable[Any]]
"""A function that fetches a JSON document. Raises `OSError` or `ValueError`."""


class Discovery(Struct, frozen=True, kw_only=True):
    """The members of a discovery document that are used here."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    authorization_response_iss_parameter_supported: bool = False


class ProviderDocuments:
    """The discovery document and the keys of one issuer, as far as they are known."""

    def __init__(self, settings: Oidc, fetch: FetchJson) -> None:
        """Begin without any document."""
        self.settings = settings
        self.discovery: Discovery | None = None
        self.keys: KeySet | None = None
        self._fetch = fetch
        self._fetched_at = -JWKS_AGAIN_SECONDS
        self._fetching = asyncio.Lock()

    async def run(self) -> None:
        """Keep the documents fresh, for ever."""
        while True:
            await self.newer(self.keys)
            await asyncio.sleep(JWKS_SECONDS if self.keys is not None else JWKS_AGAIN_SECONDS)

    async def newer(self, key_set: "KeySet | None") -> bool:
        """Return whether there are other keys than `key_set` now.

        They are fetched first, unless that was tried just now.
        """
        async with self._fetching:
            if self.keys is key_set and time.monotonic() - self._fetched_at >= JWKS_AGAIN_SECONDS:
                self._fetched_at = time.monotonic()
                try:
                    self.keys = await self._fetched()
                except (OSError, ValueError, SettingsError) as error:
                    log.warning(
                        "oidc.keys_not_fetched",
                        issuer=self.settings.issuer,
                        reason=str(error) or type(error).__name__,
                    )
        return self.keys is not key_set

    async def _fetched(self) -> "KeySet":
        """Return the keys. Fetch the discovery document too, where it is needed."""
        url = self.settings.jwks_url
        if self.settings.client_id or not url:
            self.discovery = await self._discovered()
            url = url or self.discovery.jwks_uri
        return jwt_checks.key_set(await self._fetch(url))

    async def _discovered(self) -> Discovery:
        issuer = self.settings.issuer
        document = await self._fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
        try:
            discovery = msgspec.convert(document, Discovery)
        except msgspec.ValidationError as error:
            raise ValueError(f"the discovery document is not valid: {error}") from None
        if discovery.issuer != issuer:
            raise ValueError(f"the discovery document is of {discovery.issuer}")
        endpoints = (discovery.authorization_endpoint, discovery.token_endpoint)
        if self.settings.client_id and not all(endpoints):
            raise ValueError(
                "the discovery document names no authorization_endpoint or token_endpoint"
            )
        for url in (discovery.jwks_uri, *endpoints):
            if url:
                check_url(url)
        return discovery

    def knows_key_of(self, token: str) -> bool:
        """Return whether the key that a token names is known.

        If so, fetching the keys again would change nothing.
        """
        try:
            kid = jwt_checks.key_id(token)
        except ValueError:
            return True
        return self.keys is not None and any(key.kid == kid for key in self.keys.keys)


def check_url(url: str) -> None:
    """Raise `SettingsError` if the URL of a provider is not secure."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    ):
        raise SettingsError(
            f"oidc: {url} is not an https URL; keys that came over plain http prove nothing"
        )
