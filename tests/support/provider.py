"""An OIDC provider in the test's own process: its discovery document, its keys, the access tokens
that it signs, and the code flow for people.
"""

import base64
import hashlib
import secrets
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey
AUDIENCE = "https://dragoman.example"
CLIENT = "dragoman-pages"
SECRET = "s3cret+of/the=client"
_MADE: dict[str, Callable[[str], Key]] = {
    "RS256": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "ES256": lambda kid: ECKey.generate_key("P-256", {"kid": kid}),
    "EdDSA": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid}),
}


def encoded(raw: bytes) -> str:
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Provider:
    """A provider, which publishes its keys and counts how often it was asked for them.

    `person` is the subject who sits at the browser. `changes` are claims of ID tokens that differ
    from the right ones. `answer`, if there is one, is what the token endpoint answers instead.
    """

    def __init__(self) -> None:
        self.url = ""
        self.keys: dict[str, Key] = {}
        self.asked = 0
        self.answers = True
        self.person = "subject-1"
        self.denies = ""
        self.changes: dict[str, Any] = {}
        self.answer: Callable[[str], web.StreamResponse] | None = None
        self.unsigned = False
        self.forgetful = False
        self.codes: dict[str, dict[str, str]] = {}
        self.exchanged: list[str] = []
        self.asks = False
        self.runner: web.AppRunner | None = None

    def add(self, kid: str, algorithm: str) -> None:
        """Make a key, and publish it."""
        self.keys[kid] = _MADE[algorithm](kid)

    def token(
        self,
        kid: str,
        algorithm: str,
        *,
        key: Key | None = None,
        typ: str | None = "at+jwt",
        **claims: Any,
    ) -> str:
        """An access token for `sub`; claims replace the right ones, and None leaves one out."""
        whole = {
            "iss": self.url,
            "aud": AUDIENCE,
            "exp": int(time.time()) + 300,
            "iat": int(time.time()),
            "sub": "subject-1",
            **claims,
        }
        header = {"alg": algorithm, "kid": kid} | ({"typ": typ} if typ else {})
        kept = {name: value for name, value in whole.items() if value is not None}
        with warnings.catch_warnings(action="ignore", category=SecurityWarning):
            return jwt.encode(
                header, kept, key or self.keys[kid], algorithms=[algorithm], default_type=None
            )

    async def close(self) -> None:
        """Answer nobody any more."""
        assert self.runner is not None
        await self.runner.cleanup()

    async def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                "authorization_endpoint": f"{self.url}/authorize?realm=office",
                "token_endpoint": f"{self.url}/token",
            }
        )

    async def _keys(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if not self.answers:
            raise web.HTTPServiceUnavailable
        return web.json_response(KeySet([*self.keys.values()]).as_dict(private=False))

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        """Sign the person in, and send the browser back with a code."""
        query = dict(request.query)
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
        assert (query["code_challenge_method"], query["realm"]) == ("S256", "office")
        assert "openid" in query["scope"].split()
        if self.asks and "person" not in query:
            fields = "".join(
                f'<input type="hidden" name="{name}" value="{value}">'
                for name, value in query.items()
            )
            page = (
                '<link rel="icon" href="data:,">'
                f'<form action="/authorize">{fields}<input id="person" name="person">'
                "<button>Sign in</button></form>"
            )
            return web.Response(text=page, content_type="text/html")
        if self.denies:
            back = {"error": self.denies, "state": query["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = {"person": query.get("person", self.person), **query}
            back = {"code": code, "state": query["state"]}
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode(back)}")

    async def _token(self, request: web.Request) -> web.StreamResponse:
        """Exchange a code, once, for the client with the secret and the right verifier."""
        form = await request.post()
        code = str(form["code"])
        self.exchanged.append(code)
        if self.answer is not None:
            return self.answer(code)
        wanted = base64.b64encode(b"dragoman-pages:s3cret%2Bof%2Fthe%3Dclient").decode()
        query = self.codes.get(code) if self.forgetful else self.codes.pop(code, None)
        if query is None or request.headers.get("Authorization") != f"Basic {wanted}":
            return web.json_response({"error": "invalid_grant"}, status=400)
        challenge = encoded(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
        assert (challenge, form["redirect_uri"]) == (query["code_challenge"], query["redirect_uri"])
        claims = {"aud": CLIENT, "nonce": query["nonce"], "sub": query["person"], **self.changes}
        token = self.token("rsa", "RS256", **{"typ": "JWT", **claims})
        if self.unsigned:
            token = encoded(b'{"alg":"none"}') + "." + token.split(".")[1] + "."
        return web.json_response(
            {"id_token": token, "access_token": "provider-access", "refresh_token": "provider-more"}
        )


@asynccontextmanager
async def providing(name: str = "127.0.0.1") -> AsyncIterator[Provider]:
    """A provider that answers on loopback, under a name of it."""
    provider = Provider()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider._discovery)
    app.router.add_get("/keys", provider._keys)
    app.router.add_get("/authorize", provider._authorize)
    app.router.add_post("/token", provider._token)
    runner = provider.runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://{name}:{runner.addresses[0][1]}"
    yield provider
    await provider.close()
