"""Access tokens of an OIDC provider (RFC 9068, OpenID Connect Discovery).

A token must be signed by a key of the issuer, with an algorithm that the settings
allow. It must be for this audience, and in time. The keys are fetched in the
background. A token with an unknown key has them fetched again, at most every few
seconds, and only its own request waits for that. Nobody is turned away because the
provider is down, as long as the keys are known.
"""

import hashlib
import time
from typing import TYPE_CHECKING, Final

from dragoman.application.identity_provider.jwt_checks import (
    audiences_of,
    is_in_time,
    is_of_type,
    is_readable,
    verified,
)
from dragoman.application.identity_provider.provider_documents import (
    FetchJson,
    ProviderDocuments,
    check_url,
)
from dragoman.settings import Oidc, SettingsError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

VERIFIED_SECONDS: Final = 60.0
"""Seconds for which a verified token is believed before its signature is verified
again.
"""

VERIFIED_TOKENS: Final = 1_024
"""Verified tokens that are remembered: one for each officer."""

_LATEST: Final = 2**53
"""Unix seconds that any number can hold.

A token may name a later time, and expires then.
"""

_TYPES: Final = frozenset({None, "jwt", "at+jwt", "application/at+jwt"})


class Provider:
    """One issuer, and the keys of it that are known."""

    def __init__(self, settings: Oidc, fetch: FetchJson) -> None:
        """Begin without keys. Raises `SettingsError`."""
        self.check(settings)
        self._settings = settings
        self.documents = ProviderDocuments(settings, fetch)
        self._verified: dict[bytes, tuple[str, float]] = {}
        self._verified_with: KeySet | None = None

    @staticmethod
    def check(settings: Oidc) -> None:
        """Raise `SettingsError` if the settings name no audience or an insecure URL.

        No audience is needed where officers only sign in.
        """
        if not settings.audience and not settings.client_id:
            raise SettingsError("oidc.audience: say which audience access tokens must be for")
        for url in (settings.issuer, settings.jwks_url or settings.issuer):
            check_url(url)

    @property
    def issuer(self) -> str:
        """Return the issuer whose tokens are accepted."""
        return self._settings.issuer

    async def subject(self, token: str) -> tuple[str, float] | None:
        """Return the subject of an access token and its expiry; None if not valid.

        The expiry is in Unix seconds.
        """
        documents = self.documents
        if not self._settings.audience or not is_readable(token):
            return None
        if self._verified_with is not documents.keys:
            self._verified.clear()  # The issuer may have withdrawn a key.
            self._verified_with = documents.keys
        digest = hashlib.sha256(token.encode()).digest()
        now = time.time()
        cached = self._verified.get(digest)
        if cached is not None and cached[1] > now:
            return cached
        keys = documents.keys
        result = self._read(token)
        if result is None and not documents.knows_key_of(token) and await documents.newer(keys):
            result = self._read(token)
        if result is not None:
            if len(self._verified) >= VERIFIED_TOKENS:
                self._verified.clear()
            self._verified[digest] = result[0], min(result[1], now + VERIFIED_SECONDS)
        return result

    def _read(self, token: str) -> tuple[str, float] | None:
        """Return the subject and the expiry of a token; None if not valid.

        It is valid by the keys that are known now.
        """
        if self.documents.keys is None:
            return None
        read = verified(token, self.documents.keys, self._settings.algorithms)
        if read is None:
            return None
        claims, subject = read.claims, read.claims.get("sub")
        is_valid = (
            is_of_type(read.header, _TYPES)
            and claims.get("iss") == self._settings.issuer
            and self._settings.audience in audiences_of(claims)
            and is_in_time(claims)
            and isinstance(subject, str)
            and subject
        )
        return (str(subject), float(min(claims["exp"], _LATEST))) if is_valid else None
