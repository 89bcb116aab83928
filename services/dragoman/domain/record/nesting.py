r"""The nesting depth of JSON text, counted before anything decodes it.

A JSON decoder calls itself for each bracket that it enters. A few kilobytes of brackets
therefore exhaust the interpreter's stack, and the decoder raises `RecursionError`,
which is no decoding error and which no reader expects. Everything that comes from a
log, a body, a file or another service is counted here first:

    is_deeper(b'{"act":[[1]]}', 2)        True: two arrays in an object are three levels
    is_deeper(b'{"act":"[[[[[["}', 2)     False: brackets in a string are text

The count follows the text as a decoder does, up to the first place that is not JSON,
where every decoder stops.
"""

import re
from itertools import accumulate
from typing import Final, TypeVar

import msgspec

from dragoman.limits import DEPTH

RECORD_DEPTH: Final = DEPTH + 1
"""The nesting of a record, and of a body that carries an act.

One object is around the act.
"""

T = TypeVar("T")
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_OPENING, _CLOSING = ord("["), ord("]")
_AS_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEP: Final = [(byte == _OPENING) - (byte == _CLOSING) for byte in range(256)].__getitem__


class TooDeep(msgspec.DecodeError):
    """JSON text that is nested deeper than a decoder should follow."""


def is_deeper(raw: bytes, depth: int) -> bool:
    """Return whether JSON text is nested deeper than `depth`.

    The outermost array or object is depth 1.
    """
    if raw.count(b"[") + raw.count(b"{") <= depth:
        return False
    between = b"".join(raw.split(b'"')[::2]) if b"\\" not in raw else _STRING.sub(b"", raw)
    brackets = between.translate(_AS_SQUARE, _OTHERS)
    return any(map(depth.__lt__, accumulate(map(_STEP, brackets))))


def check(raw: bytes, depth: int = RECORD_DEPTH) -> None:
    """Raise `TooDeep` if JSON text is nested deeper than `depth`."""
    if is_deeper(raw, depth):
        raise TooDeep(f"nested deeper than {depth}")


def decode(raw: bytes, shape: type[T], depth: int = RECORD_DEPTH) -> T:
    """Return the value of JSON text from outside, as a shape.

    Raises `msgspec.DecodeError`, also if the text is nested deeper than `depth`.
    """
    check(raw, depth)
    return msgspec.json.decode(raw, type=shape)
