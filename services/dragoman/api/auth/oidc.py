"""Access tokens of an OIDC provider (RFC 9068, OpenID Connect Discovery).

A token must be signed by a key of the issuer, with an algorithm that the settings
allow. It must be for this audience, and in time. The keys are fetched in the
background. A token with an unknown key has them fetched again, at most every few
seconds, and only its own request waits for that. Nobody is turned away because the
provider is down, as long as the keys are known.
"""

import asyncio
import hashlib
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from dragoman.domain.record.nesting import RECORD_DEPTH, is_deeper
from dragoman.limits import JWKS_AGAIN_SECONDS, JWKS_SECONDS
from dragoman.settings import Oidc, SettingsError

log = structlog.get_logger()

VERIFIED_SECONDS: Final = 60.0
"""Seconds for which a verified token is believed before its signature is verified
again.
"""

VERIFIED_TOKENS: Final = 1_024
"""Verified tokens that are remembered: one for each officer."""

FetchJson = Callable[[str], Awaitable[Any]]
"""A function that fetches a JSON document. Raises `OSError` or `ValueError`."""

_SKEW: Final = 30
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
        # The warning is about the name EdDSA, which providers send for Ed25519.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        self._settings = settings
        self._fetch = fetch
        self._keys: KeySet | None = None
        self._fetched_at = -JWKS_AGAIN_SECONDS
        self._fetching = asyncio.Lock()
        self._verified: dict[bytes, tuple[str, float]] = {}

    @staticmethod
    def check(settings: Oidc) -> None:
        """Raise `SettingsError` if the settings name no audience or an insecure URL."""
        if not settings.audience:
            raise SettingsError("oidc.audience: say which audience access tokens must be for")
        for url in (settings.issuer, settings.jwks_url or settings.issuer):
            _check_url(url)

    @property
    def issuer(self) -> str:
        """Return the issuer whose tokens are accepted."""
        return self._settings.issuer

    async def run(self) -> None:
        """Keep the keys fresh, for ever."""
        while True:
            await self._newer(self._keys)
            await asyncio.sleep(JWKS_SECONDS if self._keys is not None else JWKS_AGAIN_SECONDS)

    async def _newer(self, key_set: KeySet | None) -> bool:
        """Return whether there are other keys than `key_set` now.

        They are fetched first, unless that was tried just now.
        """
        async with self._fetching:
            if self._keys is key_set and time.monotonic() - self._fetched_at >= JWKS_AGAIN_SECONDS:
                self._fetched_at = time.monotonic()
                try:
                    self._keys = KeySet.import_key_set(await self._fetch(await self._jwks_url()))
                except (
                    OSError,
                    ValueError,
                    KeyError,
                    TypeError,
                    JoseError,
                    SettingsError,
                ) as error:
                    log.warning(
                        "oidc.keys_not_fetched",
                        issuer=self._settings.issuer,
                        reason=str(error) or type(error).__name__,
                    )
                else:
                    self._verified.clear()  # The issuer may have withdrawn a key.
        return self._keys is not key_set

    async def _jwks_url(self) -> str:
        if self._settings.jwks_url:
            return self._settings.jwks_url
        result = await self._fetch(
            self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        )
        if result["issuer"] != self._settings.issuer:
            raise ValueError(f"the discovery document is of {result['issuer']}")
        url = str(result["jwks_uri"])
        _check_url(url)
        return url

    async def subject(self, token: str) -> tuple[str, float] | None:
        """Return the subject of an access token and its expiry; None if not valid.

        The expiry is in Unix seconds.
        """
        if not _is_readable(token):
            return None
        digest = hashlib.sha256(token.encode()).digest()
        now = time.time()
        cached = self._verified.get(digest)
        if cached is not None and cached[1] > now:
            return cached
        keys = self._keys
        result = self._read(token, now)
        if result is None and not self._knows(token) and await self._newer(keys):
            result = self._read(token, now)
        if result is not None:
            if len(self._verified) >= VERIFIED_TOKENS:
                self._verified.clear()
            self._verified[digest] = result[0], min(result[1], now + VERIFIED_SECONDS)
        return result

    def _knows(self, token: str) -> bool:
        """Return whether the key that a token names is known.

        If so, fetching the keys again would change nothing.
        """
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid")
        except (JoseError, ValueError):
            return True
        return self._keys is not None and any(key.kid == kid for key in self._keys.keys)

    def _read(self, token: str, now: float) -> tuple[str, float] | None:
        """Return the subject and the expiry of a token; None if not valid.

        It is valid by the keys that are known now.
        """
        if self._keys is None:
            return None
        try:
            read = jwt.decode(token, self._keys, algorithms=self._settings.algorithms)
        except (JoseError, ValueError, TypeError):
            return None
        claims, kind = read.claims, read.header.get("typ")
        audience = claims.get("aud")
        audiences = (
            [audience]
            if isinstance(audience, str)
            else audience
            if isinstance(audience, list)
            else []
        )
        expires, begins, subject = claims.get("exp"), claims.get("nbf", 0), claims.get("sub")
        if not isinstance(expires, int | float) or not isinstance(begins, int | float):
            return None
        is_valid = (
            (kind.lower() if isinstance(kind, str) else kind) in _TYPES
            and claims.get("iss") == self._settings.issuer
            and self._settings.audience in audiences
            and expires > now - _SKEW
            and begins < now + _SKEW
            and isinstance(subject, str)
            and subject
        )
        return (str(subject), float(min(expires, _LATEST))) if is_valid else None


def _is_readable(token: str) -> bool:
    """Return whether the JSON in a token's parts may be decoded.

    Anybody may send a token, and the library does not limit the nesting.
    """
    try:
        return not any(
            is_deeper(urlsafe_b64decode(part.encode()), RECORD_DEPTH)
            for part in token.split(".")[:2]
        )
    except ValueError:
        return False


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    ):
        raise SettingsError(
            f"oidc: {url} is no https URL; keys that came over plain http prove nothing"
        )
