"""An evidence file: the records of one exchange with their proofs, in one document.

`dragoman-evidence/v1` is one JSON document inside an HTML page that verifies it. A
reader needs only the channel's id and the log's verifier key, from one of the sides.
Everything else, as the keys of officers and the policy of witnesses, follows from the
records in the document.
"""

from typing import Literal

from msgspec import Struct


class EvidenceRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of an evidence file.

    `record` has its bytes as text. `hashes` are the siblings of its leaf, from the leaf
    upwards, in base64.
    """

    position: int
    record: str
    hashes: tuple[str, ...] = ()


class EvidenceFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The records of an exchange, and the records on which their proof rests.

    `checkpoint` is a signed head of the log, with its cosignatures. All proofs lead to
    it. `records` are in the order of the log:

    - the opening of the channel, always the first one;
    - the records of `exchange`;
    - the deliveries of its messages to the sides;
    - the acts that entered, rotated or revoked the keys that signed any of them;
    - the adoptions of the policy of witnesses, and the handovers of the log.

    `number` is the number of the exchange. Only the whole log shows it.
    """

    format: Literal["dragoman-evidence/v1"] = "dragoman-evidence/v1"
    exchange: str
    number: str = ""
    checkpoint: str
    records: tuple[EvidenceRecord, ...]
