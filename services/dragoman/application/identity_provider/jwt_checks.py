"""Checks that access tokens and ID tokens of a provider share."""

import math
import time
from collections.abc import Collection, Mapping
from typing import Any, Final

from joserfc.util import urlsafe_b64decode

from dragoman.domain.record.nesting import RECORD_DEPTH, is_deeper

SKEW_SECONDS: Final = 30
"""Seconds by which the provider's clock and ours may differ."""


def is_readable(token: str) -> bool:
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
