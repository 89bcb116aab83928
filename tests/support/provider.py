"""An OIDC provider in the test's own process: its discovery document, its keys, and the access
tokens that it signs.
"""

import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey
AUDIENCE = "https://dragoman.example"
_MADE: dict[str, Callable[[str], Key]] = {
    "RS256": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "ES256": lambda kid: ECKey.generate_key("P-256", {"kid": kid}),
    "EdDSA": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid}),
}


class Provider:
    """A provider, which publishes its keys and counts how often it was asked for them."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: dict[str, Key] = {}
        self.asked = 0
        self.answers = True

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

    async def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def _keys(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if not self.answers:
            raise web.HTTPServiceUnavailable
        return web.json_response(KeySet([*self.keys.values()]).as_dict(private=False))


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    """A provider that answers on loopback."""
    provider = Provider()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider._discovery)
    app.router.add_get("/keys", provider._keys)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield provider
    await runner.cleanup()
