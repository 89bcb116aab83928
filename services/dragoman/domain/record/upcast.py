"""Acts of older versions, converted to the newest version in this module only.

    call-attempt  1 → 2    `side` is "unknown"
    reply, interim-reply, clarification-request, decline, repeat-request
                  1 → 2    the same members, but version 2 goes to the asker alone
    help-request, help-offer, help-acceptance, help-delivery
                  1 → 2    the same members, but version 2 is for every incident

Version 1 of `call-attempt` did not say whose post was tried; in a channel of three
sides nobody could tell.

A record keeps its bytes, its version and its signature for ever. Only the act that the
fold reads is converted, as bytes, so that its author's words stay as they were written.
An older version is read from the log and never posted again.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts import OLDER

_SAME_MEMBERS: Final = (
    *("reply", "interim-reply", "clarification-request", "decline", "repeat-request"),
    *("help-request", "help-offer", "help-acceptance", "help-delivery"),
)
"""Acts whose version 2 has other rules, and the same members as version 1."""

_STEPS: Final[dict[tuple[str, int], Callable[[bytes], bytes]]] = {
    ("call-attempt", 1): lambda act: act[:-1] + b',"side":"unknown"}',
    **{(name, 1): lambda act: act for name in _SAME_MEMBERS},
}
_decoders: Final[dict[tuple[str, int], Callable[[bytes], Act]]] = {
    key: msgspec.json.Decoder(shape).decode for key, shape in OLDER.items()
}


def is_older(name: str, version: int) -> bool:
    """Return whether an act had this version before its newest one."""
    return (name, version) in OLDER


def upcast(name: str, version: int, act: bytes) -> bytes:
    """Return a strictly read act of an older version as the newest version writes it.

    Raises `msgspec.ValidationError` if the act did not fit its version. Raises
    `msgspec.DecodeError` if it is not JSON.
    """
    while is_older(name, version):
        _decoders[name, version](act)
        act = _STEPS[name, version](act)
        version += 1
    return act
