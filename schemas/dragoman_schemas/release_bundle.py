"""A published bundle: records that the sides of a channel made public together, with what proves it to anybody.

`dragoman-bundle/v1` is one JSON document. A reader needs the log's verifier key, from
one of the sides, and nothing else.
"""

from typing import Literal

from msgspec import Struct


class BundledRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of a bundle, with the proof that it stands in the log (C2SP tlog-proof).

    `record` is its bytes, whole. Of an extract, `extract` is the bytes of its act
    without the members that the sides left out, and `commit` the commitment of the
    whole record. Of a record that all sides have taken out of the log since, there is
    the commitment alone.
    """

    position: int
    proof: str
    record: str = ""
    extract: str = ""
    commit: str = ""


class Bundle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    r"""A release, and all that shows who agreed to it.

    `text` is what every side consented to, byte for byte: SHA-256 over
    `dragoman-terms/v1\n<release>\ntext\n` and these bytes is `terms`. `opening` are the
    acts that say who the sides of the channel are, `consents` the records of the
    release itself that prove it, `records` what is made public, as `text` lists it.
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
    """One release that is public: its channel, its sides, its title by language, since when, and where its bundle is."""

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
