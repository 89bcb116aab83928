"""Who a caller is: bearer tokens and page sessions, of which only SHA-256 is stored.

A token is bound to one officer and to channels by their cid, so that a channel opened anew under an old name is another.
What the officer may do there stands in the channel's own log, not here. Revocation reaches every gateway within a second.
"""

import hashlib
import secrets
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.bucket import Bucket

BUCKET: Final = "DRAGOMAN_ACCESS"
OPERATOR: Final = "operator"
_TOKEN_BYTES: Final = 32


class Grant(Struct, frozen=True, kw_only=True):
    """What a token gives: it speaks for an actor in those channels. The operator opens channels and issues tokens."""

    id: str
    actor: str
    channels: tuple[str, ...] = ()
    issued: str = ""
    label: str = ""

    @property
    def side(self) -> str:
        """The actor's side."""
        return self.actor.partition("/")[0]

    @property
    def is_operator(self) -> bool:
        """Whether this is the operator's."""
        return self.actor == OPERATOR


class _Session(Struct, frozen=True, kw_only=True):
    token: str
    expires: float


_grant = lru_cache(1024)(msgspec.json.Decoder(Grant).decode)
_session = msgspec.json.Decoder(_Session).decode


def hashed(secret: str) -> str:
    """What is stored of a token or a session."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Access:
    """The tokens and sessions of a deployment."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket
        self._ids: frozenset[str] = frozenset()
        self._ids_of = -1

    async def issue(self, actor: str, channels: tuple[str, ...], *, issued: str, label: str = "", secret: str = "") -> tuple[str, Grant]:
        """A new token and what it gives. The token is known to the caller alone from here on."""
        token = secret or new_token()
        digest = hashed(token)
        grant = Grant(id=digest[:12], actor=actor, channels=channels, issued=issued, label=label)
        await self._bucket.put(f"token.{digest}", grant)
        return token, grant

    async def revoke(self, id: str) -> bool:
        """Revoke a token by its id; False where there is none."""
        await self._bucket.refresh()
        for key in [key for key in self._bucket.values if key[6:18] == id and key.startswith("token.")]:
            await self._bucket.put(key, None)
            return True
        return False

    async def listed(self) -> list[Grant]:
        """All grants in force."""
        await self._bucket.refresh()
        return sorted(
            (_grant(value) for key, value in self._bucket.values.items() if key.startswith("token.")), key=lambda grant: grant.issued
        )

    async def refresh(self) -> None:
        """Bring what other gateways issued and revoked."""
        await self._bucket.refresh()

    def find(self, token: str) -> Grant | None:
        """What a token gives, as far as this gateway knows."""
        value = self._bucket.values.get(f"token.{hashed(token)}")
        return None if value is None else _grant(value)

    def holds(self, grant: Grant) -> bool:
        """Whether a grant that was found earlier is still in force."""
        if self._ids_of != self._bucket.changes:
            self._ids = frozenset(key[6:18] for key in self._bucket.values if key.startswith("token."))
            self._ids_of = self._bucket.changes
        return grant.id in self._ids

    async def open_session(self, token: str, expires: float) -> str:
        """A page's session in place of a token; the id goes into the cookie."""
        session = new_token()
        await self._bucket.put(f"session.{hashed(session)}", _Session(token=hashed(token), expires=expires))
        return session

    async def close_session(self, session: str) -> None:
        """End a session."""
        await self._bucket.put(f"session.{hashed(session)}", None)

    def session(self, session: str, now: float) -> Grant | None:
        """What a session gives: what its token gives, until it ends or the token is revoked."""
        value = self._bucket.values.get(f"session.{hashed(session)}")
        if value is None:
            return None
        known = _session(value)
        granted = self._bucket.values.get(f"token.{known.token}")
        return None if granted is None or known.expires < now else _grant(granted)


def new_token() -> str:
    """A token of 32 random bytes, recognisable by its prefix."""
    return "drg_" + secrets.token_urlsafe(_TOKEN_BYTES)
