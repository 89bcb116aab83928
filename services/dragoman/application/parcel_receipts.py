"""The bytes of a parcel's receipt, which a station signs and its sender verifies."""

from typing import Final

import msgspec

from dragoman.tlog import dsse

RECEIPT_TYPE: Final = "application/vnd.dragoman.parcel-receipt.v1+json"
"""The payload type of receipts: no signature of an act is valid for one."""


def payload(cid: str, id: str, side: str) -> bytes:
    """Return the bytes that the station of a side signs for a parcel."""
    return msgspec.json.encode({"channel": cid, "parcel": id, "side": side})


def sign(seed: bytes, cid: str, id: str, side: str) -> bytes:
    """Return the signature of a receipt."""
    return dsse.sign(seed, payload(cid, id, side), payload_type=RECEIPT_TYPE)


def is_signed(public: bytes, signature: bytes, cid: str, id: str, side: str) -> bool:
    """Return whether a receipt's signature is valid under a public key."""
    return dsse.verify(public, payload(cid, id, side), signature, payload_type=RECEIPT_TYPE)
