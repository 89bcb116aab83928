"""A published bundle: records that the sides made public together, with their proofs.

`dragoman-bundle/v1` is one JSON document. It proves the records to anybody. A reader
needs only the log's verifier key, from one of the sides.
"""

from typing import Literal

from msgspec import Struct


class BundledRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of a bundle, with the proof that it is in the log (C2SP tlog-proof).

    `record` has its bytes, whole. For an extract, `extract` has the bytes of its act
    without the members that the sides left out. `commit` is then the commitment of the
    whole record. A record that all sides have erased from the log since has its
    commitment alone.
    """

    position: int
    proof: str
    record: str = ""
    extract: str = ""
    commit: str = ""


class Bundle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    r"""A release, and everything that shows who agreed to it.

    `text` is the text that every side consented to, byte for byte. `terms` is the
    SHA-256 of `dragoman-terms/v1\n<release>\ntext\n` and these bytes. `opening` has the
    acts that say who the sides of the channel are. `consents` are the records of the
    release itself that prove it. `records` are the ones that are made public, as `text`
    lists them.
    """

    format: Literal["dragoman-bundle/v1"] = "dragoman-bundle/v1"
    channel: str
    cid: str
    log: str
    sides: tuple[str, ...]
    release: str
    terms: str
    text: str
    publish_at: str
    opening: tuple[BundledRecord, ...]
    consents: tuple[BundledRecord, ...]
    records: tuple[BundledRecord, ...]


class Published(Struct, frozen=True, kw_only=True):
    """One public release: its channel, sides, number, title, time and addresses.

    `bundle` is the address of its bundle.
    """

    channel: str
    release: str
    number: str
    sides: tuple[str, ...]
    title: dict[str, str] | str
    published: str
    bundle: str
    page: str


class Releases(Struct, frozen=True, kw_only=True):
    """The releases that are public on this host, newest first."""

    releases: tuple[Published, ...]
