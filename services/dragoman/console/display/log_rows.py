"""Records as lines of a list: time, actor, act and exchange, without their content."""

from collections.abc import Iterable

import msgspec
from msgspec import Raw, Struct

from dragoman_schemas.responses import Entry


class LogLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record as a line of a list.

    `word` is `author` where the author signed the record, else `host`; it is empty for
    entries that are no records.
    """

    position: int
    time: str = ""
    actor: str = ""
    act: str = ""
    exchange: str = ""
    number: str = ""
    word: str = ""
    valid: bool = True
    reason: str = ""
    bytes: int = 0
    commit: str = ""
    released_by: str = ""
    signatures: str = ""

    @property
    def side(self) -> str:
        """Return the side whose officer acted; empty for a service."""
        side = self.actor.partition("/")[0]
        return "" if side == "service" else side

    @property
    def service(self) -> str:
        """Return the service that acted; empty for an officer."""
        side, _, name = self.actor.partition("/")
        return name if side == "service" else ""


class _Envelope(Struct, frozen=True, kw_only=True):
    type: str = "."
    time: str = ""
    actor: str = ""
    attestation: str = ""
    releasedby: str = ""
    signatures: str = ""


_envelope = msgspec.json.Decoder(_Envelope).decode


def line_of(entry: Entry) -> LogLine:
    """Return an entry of the log as a line."""
    if not isinstance(entry.record, Raw):
        return LogLine(
            position=entry.position,
            valid=entry.valid,
            reason=entry.reason,
            commit=entry.commit,
            bytes=len(entry.junk) // 2,
        )
    envelope = _envelope(bytes(entry.record))
    return LogLine(
        position=entry.position,
        time=envelope.time,
        actor=envelope.actor,
        act=[*envelope.type.split("."), ""][1],
        exchange=entry.exchange,
        number=entry.number,
        word="author" if envelope.attestation == "author" else "host",
        valid=entry.valid,
        reason=entry.reason,
        bytes=len(bytes(entry.record)),
        commit=entry.commit,
        released_by=envelope.releasedby,
        signatures=envelope.signatures,
    )


def lines_of(entries: Iterable[tuple[Entry, str]]) -> tuple[LogLine, ...]:
    """Return records as lines, newest first."""
    return tuple(line_of(entry) for entry, _ in reversed(list(entries)))
