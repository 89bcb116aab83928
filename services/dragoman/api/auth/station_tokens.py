"""Stations: their JSON Web Tokens, and what those give.

A station is an officer entry with the role `station` and keys. Each of its requests
bears a token that one of these keys has signed, of a few minutes at most. The token
names the channels by their cids. It gives a grant for those in whose log the key is in
force, and a stream goes on only while it is.

The key is looked up before any signature is checked, so that junk costs little.
"""

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.application.identity_provider import jwt_checks
from dragoman.application.service import Service
from dragoman.domain.acts.access import is_station
from dragoman.domain.record.nesting import RECORD_DEPTH, is_deeper
from dragoman.projection.projection import Projection
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.tlog import dsse

LONGEST_SECONDS: Final = 300
"""The longest life of a station's token."""

SKEW_SECONDS: Final = 60
_ALGORITHMS: Final = ("Ed25519", "EdDSA")
_CHANNELS: Final = 1_200
_REMEMBERED: Final = 1_000
_KEY_BYTES: Final = 32


class StationGrant(Struct, frozen=True):
    """The grant of a token, and a test of whether its key is still in force."""

    grant: Grant
    still: Callable[[], bool]


class StationTokens:
    """The tokens of stations that were checked, until they end."""

    def __init__(self) -> None:
        """Begin without any."""
        self._grants: dict[bytes, StationGrant] = {}

    def find(self, service: Service, token: str) -> StationGrant | None:
        """Return the grant of a token; None if no station in office has it."""
        digest, now = hashlib.sha256(token.encode()).digest(), time.time()
        result = self._grants.get(digest)
        if result is None or result.grant.expires < now:
            result = _read(service, token, now)
            if result is None:
                return None
            if len(self._grants) >= _REMEMBERED:
                self._grants.clear()
            self._grants[digest] = result
        return result if result.still() else None


def _read(service: Service, token: str, now: float) -> StationGrant | None:
    header, claims = _part(token, 0), _part(token, 1)
    if header is None or claims is None:
        return None
    keyid, actor = header.get("kid"), claims.get("iss")
    audiences = jwt_checks.audiences_of(claims)[:_CHANNELS]
    begins, ends = (jwt_checks.seconds_of(claims, name) for name in ("iat", "exp"))
    if not isinstance(keyid, str) or not isinstance(actor, str) or begins is None or ends is None:
        return None
    if ends - begins > LONGEST_SECONDS or begins > now + SKEW_SECONDS or ends < now - SKEW_SECONDS:
        return None
    channels = [
        channel
        for cid in audiences
        if isinstance(cid, str)
        and (channel := service.channel_with(cid)) is not None
        and _is_in_force(channel, keyid, actor)
    ]
    if not channels:
        return None
    public = dsse.decode_base64(channels[0].registry.keys[keyid].public, _KEY_BYTES)
    assert public is not None
    keys = jwt_checks.key_set(
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": keyid, "x": _base64url(public)}]}
    )
    if jwt_checks.verified(token, keys, _ALGORITHMS) is None:
        return None
    grant = Grant(
        id=f"station:{keyid[:12]}",
        actor=actor,
        channels=tuple(channel.registry.cid for channel in channels),
        expires=ends + SKEW_SECONDS,
    )
    return StationGrant(
        grant, lambda: any(_is_in_force(channel, keyid, actor) for channel in channels)
    )


def _is_in_force(projection: Projection, keyid: str, actor: str) -> bool:
    """Return whether a key is that of a station in office in a channel."""
    key = projection.registry.keys.get(keyid)
    return (
        key is not None
        and key.until is None
        and key.owner == actor
        and is_station(projection.registry, actor)
    )


def _part(token: str, number: int) -> dict[str, Any] | None:
    """Return the header or the claims of a token that nobody has checked yet."""
    try:
        text = token.split(".")[number]
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if is_deeper(raw, RECORD_DEPTH):
            return None
        part = msgspec.json.decode(raw)
    except (ValueError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return part if isinstance(part, dict) else None


def _base64url(raw: bytes) -> str:
    return dsse.encode_base64(raw).rstrip("=").translate(str.maketrans("+/", "-_"))
