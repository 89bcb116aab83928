"""Answers about sealed parcels between stations."""

from msgspec import UNSET, UnsetType

from dragoman_schemas.fields import Shape
from dragoman_schemas.responses import ResponseBody


class ParcelReceipt(Shape, frozen=True, kw_only=True):
    """A station's word that it has a parcel: its key id in hex, and the signature."""

    key: str
    signature: str


class ParcelView(ResponseBody, frozen=True, kw_only=True):
    """A parcel that waits for a side, or one of its own that was received."""

    id: str
    sender: str
    to: str
    receipt: ParcelReceipt | UnsetType = UNSET


class ParcelList(ResponseBody, frozen=True, kw_only=True):
    """The parcels of a station."""

    parcels: tuple[ParcelView, ...]
