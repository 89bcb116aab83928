"""A reader of HTML forms that accepts UTF-8 only, within a size and a time.

    form = await form_body.read(request, limit=SMALL_FORM_BYTES)
    form["token"]

A sender can choose no codec here. aiohttp's own `Request.post` decodes a form by the
charset that its sender names, with any codec that Python has. Some codecs take
quadratic time, so one request could stop the gateway for minutes. Nothing in this
service calls it; `tests/console/test_form_reader.py` checks that. For the same reason
this module does not read `filename*`, whose sender chooses a codec as well.
"""

import asyncio
import re
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import CIMultiDict, MultiDict, MultiDictProxy

from dragoman.application.http import body_workers
from dragoman.domain.record.errors import Refusal, Refused, make_refusal, refuse
from dragoman.limits import BODY_SECONDS, FORM_FIELDS, PART_HEADER_BYTES
from dragoman.text import Text, sentence

URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

_UTF_8: Final = frozenset({"", "utf-8", "utf8"})
_DISPOSITION: Final = re.compile(
    r'form-data; *name="([^"]*)"(?:; *filename="([^"]*)")?;?', re.IGNORECASE
)
"""The header as every browser writes it. RFC 7578 allows no `filename*`."""

_ESCAPES: Final = {"%22": '"', "%0D": "\r", "%0A": "\n"}
_REQUEST_KEY: Final = "form"
"""The key under which a request keeps its form.

A page reads the form, and the signing of the page's act reads it again.
"""

_FOREIGN: Final = ("Content-Encoding", "Content-Transfer-Encoding")
"""Headers of a part that ask us to decode its bytes before we read them."""


class Upload:
    """A file that came with a form: its bytes, its name and its media type.

    The bytes are as they were sent. The browser gave the name.
    """

    __slots__ = ("content", "filename", "media_type")

    def __init__(self, filename: str, media_type: str, content: bytes) -> None:
        """Store the name, the media type and the bytes."""
        self.filename = filename
        self.media_type = media_type
        self.content = content


Form = MultiDictProxy[str | Upload]


async def read(request: web.Request, *, limit: int, files: bool = False) -> Form:
    """Return the form that a request carries, of at most `limit` bytes.

    A multipart form is read only where the page takes `files`. Raises `Refused` if the
    body is too large or too slow, is not a form, or is not UTF-8.
    """
    form: Form | None = request.get(_REQUEST_KEY)
    if form is None:
        form = request[_REQUEST_KEY] = await _read(request, limit=limit, files=files)
    return form


async def _read(request: web.Request, *, limit: int, files: bool) -> Form:
    if not request.can_read_body:
        return MultiDictProxy(MultiDict())
    boundary = _check_type(request, files=files)
    raw = await _receive(request, limit)
    return await body_workers.read(request, len(raw), parsed, raw, boundary)


def parsed(raw: bytes, boundary: bytes = b"") -> Form:
    """Return the fields of a form's bytes: multipart with a boundary, else URL-encoded.

    Raises `Refused`.
    """
    return MultiDictProxy(MultiDict(_parts(raw, boundary) if boundary else _pairs(raw)))


def _check_type(request: web.Request, *, files: bool) -> bytes:
    """Return the boundary of a multipart form; empty for a URL-encoded one.

    Raises `Refused` for anything else.
    """
    media_type, parameters = _media_type(request.headers.get("Content-Type", ""))
    if parameters.get("charset", "").lower() not in _UTF_8:
        raise _not_taken(sentence("A form is sent in UTF-8; send it without another charset."))
    if media_type == URLENCODED:
        return b""
    if media_type != MULTIPART:
        raise _not_taken(
            sentence(
                "%(media_type)s is not a form. Send %(wanted)s.",
                media_type=media_type[:80],
                wanted=URLENCODED,
            )
        )
    if not files:
        raise _not_taken(
            sentence("This form takes no file; send it as %(wanted)s.", wanted=URLENCODED)
        )
    boundary = parameters.get("boundary", "")
    if not 1 <= len(boundary) <= 70 or not boundary.isascii():
        raise _malformed()
    return boundary.encode()


async def _receive(request: web.Request, limit: int) -> bytes:
    """Return the body.

    Raises `Refused` if it has more than `limit` bytes or takes too long.
    """
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.content.iter_any():
                raw += piece
                if len(raw) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise refuse("too-slow", "The form did not arrive in time; send it again.") from None
    return bytes(raw)


def _pairs(raw: bytes) -> list[tuple[str, str | Upload]]:
    try:
        text = raw.decode("ascii")
        qsl = parse_qsl(
            text,
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=FORM_FIELDS,
        )
    except ValueError:  # bytes that are not ASCII, escapes that are not UTF-8, or too many fields
        raise _malformed() from None
    return [*qsl]


def _parts(raw: bytes, boundary: bytes) -> list[tuple[str, str | Upload]]:
    """Return the parts of a multipart form (RFC 7578), split in one pass."""
    delimiter = b"\r\n--" + boundary
    first, *parts = (b"\r\n" + raw).split(delimiter, FORM_FIELDS + 2)
    if first.strip() or len(parts) > FORM_FIELDS + 1 or not parts or parts.pop().strip() != b"--":
        raise _malformed()
    return [_part(part) for part in parts]


def _part(raw: bytes) -> tuple[str, str | Upload]:
    head, divided, content = raw.partition(b"\r\n\r\n")
    if not divided or len(head) > PART_HEADER_BYTES:
        raise _malformed()
    headers = _headers(head)
    media_type, parameters = _media_type(headers.get("Content-Type", "text/plain"))
    if parameters.get("charset", "").lower() not in _UTF_8 or any(
        name in headers for name in _FOREIGN
    ):
        raise _not_taken(
            sentence(
                "A part of the form has a charset or an encoding of its own; send every part "
                "in UTF-8, as it is."
            )
        )
    disposition = _DISPOSITION.fullmatch(headers.get("Content-Disposition", ""))
    if disposition is None:
        raise _malformed()
    name, filename = disposition.groups()
    if filename is not None:
        return _unescaped(name), Upload(_unescaped(filename), media_type, content)
    try:
        return _unescaped(name), content.decode()
    except UnicodeDecodeError:
        raise _malformed() from None


def _headers(raw: bytes) -> CIMultiDict[str]:
    try:
        lines = raw.decode().split("\r\n")
    except UnicodeDecodeError:
        raise _malformed() from None
    return CIMultiDict(
        (name.strip(), value.strip())
        for name, _, value in (line.partition(":") for line in lines if line)
    )


def _unescaped(text: str) -> str:
    for escaped, character in _ESCAPES.items():
        text = text.replace(escaped, character)
    return text


def _media_type(text: str) -> tuple[str, dict[str, str]]:
    """Return a media type in lower case, and its parameters by lower-case names."""
    media_type, *parameters = text.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return media_type.strip().lower(), {
        name.strip().lower(): value.strip().strip('"') for name, _, value in pairs
    }


def _not_taken(detail: Text) -> Refused:
    return Refused(Refusal(kind="media-type", detail=detail))


def _malformed() -> Refused:
    return Refused(
        make_refusal(
            "bad-request",
            "This is not a form in UTF-8. Open the page here, and send the form again.",
        )
    )


def _too_large(limit: int) -> Refused:
    detail = sentence(
        "This form has at most %(limit)s KiB; shorten it and send it again.", limit=limit // 1024
    )
    return Refused(Refusal(kind="too-large", detail=detail))
