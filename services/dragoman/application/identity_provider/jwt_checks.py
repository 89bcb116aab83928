"""Checks that access tokens and ID tokens of a provider share.

The library of JSON Web Tokens is imported by the first use: it takes a twentieth of a
start, and a host without a provider needs none of it.
"""

import math
import time
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from dragoman.domain.record.nesting import RECORD_DEPTH, is_deeper

if TYPE_CHECKING:
    from joserfc.jwk import KeySet
    from joserfc.jwt import Token

SKEW_SECONDS: Final = 30
"""Seconds by which the provider's clock and ours may differ."""


def is_readable(token: str) -> bool:
    """Return whether the JSON in a token's parts may be decoded.

    Anybody may send a token, and the library does not limit the nesting.
    """
    from joserfc.util import urlsafe_b64decode

    try:
        return not any(
            is_deeper(urlsafe_b64decode(part.encode()), RECORD_DEPTH)
            for part in token.split(".")[:2]
        )
    except ValueError:
        return False


def key_set(document: Any) -> "KeySet":
    """Return the keys of a JWKS document. Raises `ValueError`."""
    from joserfc.errors import JoseError, SecurityWarning
    from joserfc.jwk import KeySet

    # The warning is about the name EdDSA, which providers send for Ed25519.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    try:
        return KeySet.import_key_set(document)
    except (JoseError, KeyError, TypeError) as error:
        raise ValueError(str(error) or type(error).__name__) from None


def key_id(token: str) -> str | None:
    """Return the id of the key that a token names. Raises `ValueError`."""
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        return jws.extract_compact(token.encode()).headers().get("kid")
    except JoseError as error:
        raise ValueError(str(error)) from None


def verified(token: str, keys: "KeySet", algorithms: Sequence[str]) -> "Token | None":
    """Return a token whose signature is by one of the keys; None if it is not."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        return jwt.decode(token, keys, algorithms=list(algorithms))
    except (JoseError, ValueError, TypeError):
        return None


def is_of_type(header: Mapping[str, Any], types: Collection[str | None]) -> bool:
    """Return whether a token's header names one of the types; None means no type."""
    kind = header.get("typ")
    return (kind.lower() if isinstance(kind, str) else kind) in types


def audiences_of(claims: Mapping[str, Any]) -> list[Any]:
    """Return the audiences of a token."""
    audience = claims.get("aud")
    if isinstance(audience, str):
        return [audience]
    return audience if isinstance(audience, list) else []


def seconds_of(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a claim that is a time, in Unix seconds; None if it is no finite number.

    JSON of Python has `Infinity` and `NaN`, which a token would be in time with for
    ever.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def is_in_time(claims: Mapping[str, Any]) -> bool:
    """Return whether a token is valid now; one without an expiry never is."""
    now, expires = time.time(), seconds_of(claims, "exp")
    begins = seconds_of(claims, "nbf") if "nbf" in claims else 0
    if expires is None or begins is None:
        return False
    return expires > now - SKEW_SECONDS and begins < now + SKEW_SECONDS
