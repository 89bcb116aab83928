"""Signing in at an OIDC provider: the authorization code flow with PKCE.

    flow.begin("/board")         the address at the provider, and a cookie
    await flow.finish(...)       the subject who came back, and the new session's secret

Nothing is stored between the two, so a sign-in may begin at one gateway and end at
another. The cookie has random bytes, and keys HMACs: `state`, `nonce` and the verifier
of PKCE. So an address that comes back is of use only to the browser with the cookie.
The secret of the session is an HMAC too. The store opens one session with it, so the
same address signs nobody in twice.

The provider's tokens are verified and dropped.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
import structlog
from aiohttp import web
from msgspec import Struct

from dragoman.application.identity_provider.jwt_checks import (
    SKEW_SECONDS,
    audiences_of,
    is_in_time,
    is_of_type,
    is_readable,
    seconds_of,
    verified,
)
from dragoman.application.identity_provider.provider_documents import (
    Discovery,
    ProviderDocuments,
)
from dragoman.domain.record import nesting
from dragoman.settings import Oidc, SettingsError

log = structlog.get_logger()

BEGUN_SECONDS: Final = 600
"""Seconds between the beginning of a sign-in and its end at the provider."""

NEXT_LENGTH: Final = 1_500
"""Characters of the path to which a reader returns. A longer path is forgotten."""

_CODE_LENGTH: Final = 4_096
_SUBJECT_LENGTH: Final = 255
_SPARE_SECONDS: Final = 60
_TYPES: Final = frozenset({None, "jwt"})
_ERROR: Final = re.compile(r"[a-z_]{1,40}")
_CREDENTIALS: Final = "$CREDENTIALS_DIRECTORY"

FailedBecause = Literal["denied", "error", "unreachable", "answer", "browser", "token"]

PostForm = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[tuple[int, bytes]]]
"""A function that posts a form with headers, and returns the answer's status and body.

Raises `OSError` if the provider cannot be reached, and `ValueError` if the answer is
too large.
"""


class SignInFailed(Exception):
    """The error of a sign-in that the provider did not complete.

    `code` is the provider's own code of the error, or empty.
    """

    def __init__(self, because: FailedBecause, reason: str, code: str = "") -> None:
        """Take the kind of the failure, its reason for the log, and the code."""
        super().__init__(reason)
        self.because: FailedBecause = because
        self.code = code


class BegunSignIn(Struct, frozen=True, kw_only=True):
    """A sign-in that has begun in a browser, as its cookie has it.

    `replaced` is the id of the session that the browser had before.
    """

    next: str
    replaced: str
    cookie: str


class ProviderSignIn(Struct, frozen=True, kw_only=True):
    """A sign-in that the provider has completed."""

    subject: str
    session_secret: str
    begun: BegunSignIn


class _TokenAnswer(Struct, frozen=True, kw_only=True):
    id_token: str


class _TokenError(Struct, frozen=True, kw_only=True):
    error: str = ""


class CodeFlow:
    """The sign-in at one provider, for one address of this service."""

    def __init__(self, documents: ProviderDocuments, post: PostForm, base_url: str) -> None:
        """Read the secret of this client. Raises `SettingsError`."""
        self._documents = documents
        self._settings = documents.settings
        self._post = post
        self._redirect_url = redirect_url(self._settings, base_url)
        self._secret = _secret(self._settings)

    @property
    def name(self) -> str:
        """Return the provider's name for people."""
        return self._settings.name or urlsplit(self._settings.issuer).hostname or ""

    @property
    def issuer(self) -> str:
        """Return the issuer whose subjects sign in."""
        return self._settings.issuer

    async def begin(self, next: str, replaced: str = "") -> tuple[str, str]:
        """Return a cookie and the address at the provider, to which a reader goes.

        Raises `SignInFailed`.
        """
        discovery = await self._discovery()
        path = next if len(next) <= NEXT_LENGTH else "/"
        cookie = ".".join(
            (
                secrets.token_urlsafe(32),
                str(int(time.time())),
                _encoded(path.encode()),
                replaced,
            )
        )
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._settings.client_id,
                "redirect_uri": self._redirect_url,
                "scope": " ".join(dict.fromkeys(("openid", *self._settings.scopes))),
                "state": _derived(cookie, "state"),
                "nonce": _derived(cookie, "nonce"),
                "code_challenge": _encoded(
                    hashlib.sha256(_derived(cookie, "verifier").encode()).digest()
                ),
                "code_challenge_method": "S256",
            }
        )
        endpoint = discovery.authorization_endpoint
        return cookie, f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"

    async def _discovery(self) -> Discovery:
        documents = self._documents
        if documents.discovery is None:
            await documents.newer(documents.keys)
        if documents.discovery is None:
            raise SignInFailed("unreachable", "the discovery document was not fetched")
        return documents.discovery

    def begun(self, cookie: str, query: Mapping[str, str]) -> BegunSignIn:
        """Return the sign-in that a browser has begun, by its cookie.

        Raises `SignInFailed` if the address that came back is not for this browser.
        """
        begun = _read_cookie(cookie)
        if begun is None or not hmac.compare_digest(
            _derived(cookie, "state").encode(), query.get("state", "").encode()
        ):
            raise SignInFailed("browser", "the state is not of this browser, or is over")
        return begun

    async def finish(self, begun: BegunSignIn, query: Mapping[str, str]) -> ProviderSignIn:
        """Return the subject whom the provider has signed in. Raises `SignInFailed`."""
        discovery = await self._discovery()
        issuer = query.get("iss", "")
        if issuer != self.issuer and (
            issuer or discovery.authorization_response_iss_parameter_supported
        ):
            raise SignInFailed("answer", "the answer is of another issuer")
        if (error := query.get("error", "")) != "":
            code = error if _ERROR.fullmatch(error) else ""
            because: FailedBecause = "denied" if code == "access_denied" else "error"
            raise SignInFailed(because, f"the provider answers {code or 'an error'}", code)
        code = query.get("code", "")
        if not 0 < len(code) <= _CODE_LENGTH:
            raise SignInFailed("answer", "the answer has no code")
        token = await self._exchange(discovery.token_endpoint, code, begun.cookie)
        subject = await self._subject(token, _derived(begun.cookie, "nonce"))
        secret = "drg_" + _derived(begun.cookie, f"session\n{code}")
        return ProviderSignIn(subject=subject, session_secret=secret, begun=begun)

    async def _exchange(self, endpoint: str, code: str, cookie: str) -> str:
        """Return the ID token for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_url,
            "code_verifier": _derived(cookie, "verifier"),
        }
        headers = {"Accept": "application/json"}
        if self._secret:
            pair = f"{quote_plus(self._settings.client_id)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self._settings.client_id
        try:
            status, raw = await self._post(endpoint, form, headers)
        except OSError:
            raise SignInFailed("unreachable", "the token endpoint does not answer") from None
        except ValueError:
            raise SignInFailed("answer", "the token endpoint answers too much") from None
        try:
            if status == 200:
                return nesting.decode(raw, _TokenAnswer).id_token
            error = nesting.decode(raw, _TokenError).error
        except (msgspec.DecodeError, UnicodeError):
            raise SignInFailed(
                "answer", f"the token endpoint answers {status} and no such JSON"
            ) from None
        refusal = error if _ERROR.fullmatch(error) else ""
        raise SignInFailed("answer", f"the token endpoint answers {status} {refusal}", refusal)

    async def _subject(self, token: str, nonce: str) -> str:
        """Return the subject of a valid ID token. Raises `SignInFailed`."""
        documents = self._documents
        if not is_readable(token):
            raise SignInFailed("token", "the ID token cannot be read")
        keys = documents.keys
        claims = self._claims(token)
        if claims is None and not documents.knows_key_of(token) and await documents.newer(keys):
            claims = self._claims(token)
        if claims is None:
            raise SignInFailed("token", "the ID token has no valid signature")
        fault = self._fault(claims, nonce)
        if fault:
            raise SignInFailed("token", f"the ID token {fault}")
        return str(claims["sub"])

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        keys = self._documents.keys
        if keys is None:
            return None
        read = verified(token, keys, self._settings.algorithms)
        if read is None or not is_of_type(read.header, _TYPES):
            return None
        return read.claims

    def _fault(self, claims: Mapping[str, Any], nonce: str) -> str:
        """Return the fault of an ID token; empty if it is valid."""
        client, audiences = self._settings.client_id, audiences_of(claims)
        issued, subject = seconds_of(claims, "iat"), claims.get("sub")
        sent = claims.get("nonce")
        if claims.get("iss") != self.issuer:
            return "is of another issuer"
        if client not in audiences:
            return "is for another audience"
        if claims.get("azp", client) != client or (len(audiences) > 1 and "azp" not in claims):
            return "is for several audiences, and another client or none is named as azp"
        if not is_in_time(claims):
            return "is not valid now"
        if issued is None or issued > time.time() + SKEW_SECONDS:
            return "does not say when it was issued, or names a later time"
        if sent != nonce:
            return "has another nonce"
        if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_LENGTH:
            return "has no subject"
        if not subject.isprintable():
            return "has a subject with characters that cannot be shown"
        return ""


CODE_FLOW: Final = web.AppKey("code_flow", CodeFlow)


def check(settings: Oidc, base_url: str) -> None:
    """Check the settings of the sign-in. Raises `SettingsError`."""
    if not settings.issuer:
        raise SettingsError("oidc.client_id: name oidc.issuer too, the provider's address")
    redirect_url(settings, base_url)
    _secret(settings)
    if settings.audience == settings.client_id:
        raise SettingsError(
            "oidc.audience: name another audience than oidc.client_id; an ID token would pass "
            "as an access token otherwise"
        )


def redirect_url(settings: Oidc, base_url: str) -> str:
    """Return the address to which the provider sends browsers back.

    Raises `SettingsError` if it is not known, or not secure.
    """
    url = settings.redirect_url or (base_url and f"{base_url.rstrip('/')}/signin/oidc/return")
    if not url or urlsplit(url).hostname in ("0.0.0.0", "::"):  # noqa: S104  # nothing is bound
        raise SettingsError(
            "oidc.client_id: name http.public_url or oidc.redirect_url, so that the provider "
            "knows where to send browsers back"
        )
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise SettingsError(
            f"oidc.redirect_url: {url} is not an https URL; a code that comes back over plain http "
            "can be read on its way"
        )
    return url


def _secret(settings: Oidc) -> str:
    """Return the secret of this client, or empty for a public client."""
    if settings.client_secret_file is None:
        return ""
    path = str(settings.client_secret_file)
    if path.startswith(_CREDENTIALS):
        path = os.environ.get(_CREDENTIALS[1:], "") + path.removeprefix(_CREDENTIALS)
    try:
        secret = Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(f"oidc.client_secret_file: {path}: {reason}") from None
    if not secret:
        raise SettingsError(f"oidc.client_secret_file: {path} is empty; write the secret there")
    return secret


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _derived(cookie: str, label: str) -> str:
    return _encoded(hmac.digest(cookie.encode(), label.encode(), "sha256"))


def _read_cookie(cookie: str) -> BegunSignIn | None:
    """Return the sign-in that a cookie names; None if it is over, or no such cookie."""
    parts = cookie.split(".")
    if len(parts) != 4 or len(parts[0]) < 40 or not cookie.isascii():
        return None
    try:
        age = time.time() - int(parts[1][:20])
        next = base64.urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4)).decode()
    except ValueError:
        return None
    if not -_SPARE_SECONDS <= age <= BEGUN_SECONDS:
        return None
    return BegunSignIn(next=next, replaced=parts[3], cookie=cookie)
