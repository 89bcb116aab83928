"""The records of an evidence file: those of an exchange, and of their proof.

Those of no exchange prove the handovers of the log.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from dragoman.domain.acts import membership
from dragoman.domain.record.codec import parse_stored
from dragoman.projection.row_keys import channel_number, position_of, row_key
from dragoman.projection.view import View
from dragoman.tlog import merkle
from dragoman.tlog.dsse import encode_base64
from dragoman.tlog.merkle import Nodes
from dragoman_schemas.evidence import EvidenceRecord
from dragoman_schemas.state import Registry

_DELIVERY: Final = (
    "SELECT position FROM deliveries WHERE channel = ? AND side = ? AND upto >= ? "
    "AND position <= ? ORDER BY upto LIMIT 1"
)


def evidence_records(view: View, registry: Registry, exchange: str, most: int) -> dict[int, bytes]:
    """Return the bytes of the records of an evidence file, by position, in order.

    `registry` is the present one. There may be one record more than `most`, and no more
    are read then.
    """
    messages = _of_exchange(view, exchange, most + 1)
    needed = {1, *messages}
    needed |= _deliveries(view, registry, messages)
    if registry.policies or registry.handovers:
        needed |= _of_the_log(view, registry)
    result: dict[int, bytes] = {}
    waiting = sorted(needed)
    while waiting and len(result) <= most:
        position = waiting.pop()
        raw = messages.get(position) or _bytes(view, position)
        result[position] = raw
        signed_by = {item for item in _signed_by(registry, raw) if 1 < item <= view.position}
        more = signed_by - needed
        needed |= more
        waiting.extend(more)
    return dict(sorted(result.items()))


def _of_exchange(view: View, exchange: str, most: int) -> dict[int, bytes]:
    """Return the valid records of an exchange, by position."""
    rows = view.connection.execute(
        "SELECT key, raw FROM records WHERE exchange = ? AND key BETWEEN ? AND ? AND valid "
        "ORDER BY key LIMIT ?",
        (exchange, view.base, view.key, most),
    )
    return {position_of(key): raw for key, raw in rows}


def _deliveries(view: View, registry: Registry, messages: dict[int, bytes]) -> set[int]:
    """Return the deliveries by which each record reached each side first."""
    number, result = channel_number(view.base), set[int]()
    for side in registry.sides:
        for position in messages:
            row = view.connection.execute(
                _DELIVERY, (number, side.name, position, view.position)
            ).fetchone()
            if row is not None:
                result.add(int(row[0]))
    return result


def _of_the_log(view: View, registry: Registry) -> set[int]:
    """Return the handovers of the log, and all adoptions of a policy.

    The policy in force need not be the newest one.
    """
    rows = view.connection.execute(
        "SELECT key FROM records WHERE exchange = ? AND key BETWEEN ? AND ? AND valid "
        "AND act IN ('policy-adoption', 'log-handover')",
        (registry.id, view.base, view.key),
    )
    return {position_of(key) for (key,) in rows}


def _bytes(view: View, position: int) -> bytes:
    (raw,) = view.connection.execute(
        "SELECT raw FROM records WHERE key = ?", (row_key(view.base, position),)
    ).fetchone()
    assert isinstance(raw, bytes)
    return raw


def _signed_by(registry: Registry, raw: bytes) -> Iterator[int]:
    """Yield the records that entered and ended the keys which signed a record.

    Of each key's owner, the record of the entry into office is one of them.
    """
    for keyid in membership.signer_ids(parse_stored(raw)):
        key = registry.keys.get(keyid)
        if key is not None:
            yield key.since
            yield key.until or 0
            officer = registry.officers.get(key.owner)
            if officer is not None:
                yield officer.since
                yield officer.until or 0


def with_proofs(nodes: Nodes, raws: Mapping[int, bytes], size: int) -> tuple[EvidenceRecord, ...]:
    """Return records with the proofs that a head of so many records has them."""
    return tuple(
        EvidenceRecord(
            position=position,
            record=raw.decode(),
            hashes=tuple(map(encode_base64, merkle.inclusion(nodes, position - 1, size))),
        )
        for position, raw in raws.items()
    )
