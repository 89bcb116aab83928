"""Acts of older versions, brought up to the newest: the one place where that is done.

    call-attempt  1 → 2    v1 did not say whose post was tried; in a channel of three sides nobody could tell. `side` is "unknown"

A record keeps its bytes, its version and its signature for ever. Only what the fold
reads of it is brought up to date, as bytes, so that its author's words stay as they
were written. An older version is taken from the log and never posted again.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts import OLDER

_STEPS: Final[dict[tuple[str, int], Callable[[bytes], bytes]]] = {
    ("call-attempt", 1): lambda act: act[:-1] + b',"side":"unknown"}',
}
_decoders: Final[dict[tuple[str, int], Callable[[bytes], Act]]] = {
    key: msgspec.json.Decoder(shape).decode for key, shape in OLDER.items()
}


def is_older(name: str, version: int) -> bool:
    """Return whether there was such a version, before the newest."""
    return (name, version) in OLDER


def upcast(name: str, version: int, act: bytes) -> bytes:
    """Return a strictly read act of an older version as the newest version writes it. Raises `msgspec.ValidationError` where it never fitted, `DecodeError` where it is no JSON."""
    while is_older(name, version):
        _decoders[name, version](act)
        act = _STEPS[name, version](act)
        version += 1
    return act
