"""Bodies of the API for one notice to many channels."""

from typing import Annotated

from msgspec import Meta, Raw

from dragoman_schemas.fields import Name
from dragoman_schemas.responses import Fact, ResponseBody


class NewNotice(ResponseBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An opening act, and the channels in which it is recorded.

    The act names no sides: in each channel it goes to every other side.
    """

    channels: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=64)]
    act: Raw


class NoticeEntry(ResponseBody, frozen=True, kw_only=True):
    """One channel of a notice: its record and receipts, or the reason of its refusal.

    `status` is that of a post in this channel alone. `facts` has the receipts of each
    addressee, as in an exchange.
    """

    channel: str
    status: int
    exchange: str = ""
    number: str = ""
    position: int = 0
    time: str = ""
    facts: tuple[Fact, ...] = ()
    problem: str = ""
    detail: str = ""


class NoticeTable(ResponseBody, frozen=True, kw_only=True):
    """One notice in many channels: which channel has it, and who there has it."""

    key: str
    by: str
    entries: tuple[NoticeEntry, ...]
