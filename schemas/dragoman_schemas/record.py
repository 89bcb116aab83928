"""The record: an act in the log, as a CloudEvents 1.0 object with determined bytes.

See `docs/spec/record.md`, section 4.
"""

from typing import Literal

from msgspec import UNSET, Raw, Struct, UnsetType

Attestation = Literal["author", "host"]


class Envelope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A record's members, in the order in which they are written.

    The act's bytes follow as `data`.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    channel: str
    family: str
    actor: str
    releasedby: str | UnsetType = UNSET
    decided: str
    causationid: str | UnsetType = UNSET
    attestation: Attestation
    signatures: str | UnsetType = UNSET
    salt: str
    data: Raw
