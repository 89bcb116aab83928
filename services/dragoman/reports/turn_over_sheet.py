"""The sheet of a turn-over, and how the record of a watch commits to it.

    key_of_sheet(sheet)          the idempotency key of the act that takes the watch
    commits(id, sheet)           whether the record with an id commits to a sheet
    sealed(sheet)                the sheet as an auditor reads it, without drafts
    file_of(id, sheet)           the sheet as a file, which `read` reads

The key has the SHA-256 of the sealed sheet. In place of a draft's point and answer a
sealed sheet has their digest. So an auditor, who reads no drafts, can verify a sheet.
"""

import hashlib
from typing import Final

import msgspec
from msgspec.structs import replace

from dragoman.domain.record import ids, nesting
from dragoman_schemas.watch_responses import (
    PointAnswer,
    TurnOverFile,
    TurnOverPoint,
    TurnOverSheet,
)

SHEET_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a sheet's file that is read. Those that are written are far smaller."""

_KEY: Final = "turn-over/v1:"

_SEALED: Final = "sealed/"
_encode = msgspec.json.Encoder(order="deterministic").encode


class NotASheet(Exception):
    """A file that is not a sheet of a turn-over."""


def key_of_sheet(sheet: TurnOverSheet) -> str:
    """Return the idempotency key that commits to a sheet."""
    return _KEY + hashlib.sha256(_encode(sealed(sheet))).hexdigest()


def id_of_sheet(sheet: TurnOverSheet) -> str:
    """Return the id of the record that takes the watch with a sheet."""
    return ids.from_key(sheet.channel, sheet.officer, key_of_sheet(sheet))


def commits(id: str, sheet: TurnOverSheet) -> bool:
    """Return whether the record with an id commits to a sheet."""
    return id == id_of_sheet(sheet)


def _is_draft(point: TurnOverPoint) -> bool:
    return point.kind == "draft" and not point.key.startswith(_SEALED)


def sealed(sheet: TurnOverSheet) -> TurnOverSheet:
    """Return a sheet with a digest in place of each draft and the answer to it.

    The id of a draft is in its digest, and nobody can guess it.
    """
    answers = {answer.key: answer for answer in sheet.answers}
    drafts = {point.key for point in sheet.points if _is_draft(point)}
    return replace(
        sheet,
        points=tuple(
            _digest_of(sheet.salt, point, answers.get(point.key)) if point.key in drafts else point
            for point in sheet.points
        ),
        answers=tuple(answer for answer in sheet.answers if answer.key not in drafts),
    )


def _digest_of(salt: str, point: TurnOverPoint, answer: PointAnswer | None) -> TurnOverPoint:
    digest = hashlib.sha256(_encode((salt, point, answer))).hexdigest()
    return TurnOverPoint(key=f"{_SEALED}{digest}", kind="draft", state="", in_log=False)


def file_of(id: str, sheet: TurnOverSheet) -> bytes:
    """Return the sheet of the record with an id as a file."""
    return _encode(TurnOverFile(record=id, sheet=sheet)) + b"\n"


def read(raw: bytes) -> TurnOverFile:
    """Return the content of a sheet's file.

    Raises `NotASheet` unless these are the very bytes of `file_of`.
    """
    try:
        file = nesting.decode(raw, TurnOverFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotASheet(str(error)) from None
    if raw.strip() != _encode(file):
        raise NotASheet("it has bytes that no sheet has; download it again, and do not edit it")
    return file
