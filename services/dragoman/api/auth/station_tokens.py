"""Stations: their JSON Web Tokens, and what those give.

A station is an officer entry with the role `station` and keys. Each of its requests
bears a token that one of these keys has signed, of a few minutes at most. The token
names the channels by their cids. It gives a grant for those in whose log the key is in
force, and a stream goes on only while it is.

The key is looked up before any signature is checked, so that junk costs little.
"""

import base64
import hashlib
import re
import time
from typing import Any, Final

import msgspec

from dragoman.application.identity_provider import jwt_checks
from dragoman.application.service import Service
from dragoman.domain.acts.access import is_station_key
from dragoman.domain.record.nesting import RECORD_DEPTH, is_deeper
from dragoman.stores.tokens_and_sessions import StationGrant
from dragoman.text import Text, sentence
from dragoman.tlog import dsse

LONGEST_SECONDS: Final = 300
"""The longest life of a station's token."""

SKEW_SECONDS: Final = 60
_ALGORITHMS: Final = ("Ed25519", "EdDSA")
_REMEMBERED: Final = 1_000
_KEY_BYTES: Final = 32
_CID: Final = 64
_KEY_ID: Final = re.compile(r"[0-9a-f]{64}")

_NO_KEY: Final = sentence(
    "The token of this station is not valid here: its key must be in force, and the station in "
    "office, in a channel that `aud` names. An administrator of its side enters both."
)
_NOT_IN_TIME: Final = sentence(
    "The token of this station is not in time: date it by the header `Date` of this answer, for at "
    "most %(n)s seconds.",
    n=LONGEST_SECONDS,
)


class StationTokens:
    """The tokens of stations that were checked, until they end."""

    def __init__(self) -> None:
        """Begin without any."""
        self._grants: dict[bytes, StationGrant] = {}

    def find(self, service: Service, token: str) -> StationGrant | Text | None:
        """Return the grant of a token, or the reason why it gives none.

        None if it is no token of a station, but perhaps one of a provider.
        """
        digest, now = hashlib.sha256(token.encode()).digest(), time.time()
        result = self._grants.get(digest)
        if result is None or result.expires < now:
            checked = _read(service, token, now)
            if not isinstance(checked, StationGrant):
                return checked
            if len(self._grants) >= _REMEMBERED:
                self._grants.clear()
            result = self._grants[digest] = checked
        return result if service.visible(result) else _NO_KEY


def _read(service: Service, token: str, now: float) -> StationGrant | Text | None:
    header, claims = _part(token, 0), _part(token, 1)
    if header is None or claims is None:
        return None
    keyid, actor = header.get("kid"), claims.get("iss")
    audiences = jwt_checks.audiences_of(claims)
    begins, ends = (jwt_checks.seconds_of(claims, name) for name in ("iat", "exp"))
    if not isinstance(keyid, str) or not isinstance(actor, str) or not _KEY_ID.fullmatch(keyid):
        return None
    channels = [
        channel
        for cid in audiences
        if isinstance(cid, str)
        and len(cid) == _CID
        and (channel := service.channel_with(cid)) is not None
        and is_station_key(channel.registry, actor, keyid)
    ]
    if not channels:
        return _NO_KEY
    if (
        begins is None
        or ends is None
        or ends - begins > LONGEST_SECONDS
        or begins > now + SKEW_SECONDS
        or ends < now - SKEW_SECONDS
    ):
        return _NOT_IN_TIME
    public = dsse.decode_base64(channels[0].registry.keys[keyid].public, _KEY_BYTES)
    assert public is not None
    keys = jwt_checks.key_set(
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": keyid, "x": _base64url(public)}]}
    )
    if jwt_checks.verified(token, keys, _ALGORITHMS) is None:
        return _NO_KEY
    return StationGrant(
        id=f"station:{keyid[:12]}",
        actor=actor,
        channels=tuple(channel.registry.cid for channel in channels),
        expires=ends + SKEW_SECONDS,
        keyid=keyid,
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
