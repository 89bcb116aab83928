"""The exceptions that a log shows, on every side alike: what an auditor asks for first.

one_key     sent by one officer where two are asked for; whether the second followed
by_voice    said otherwise before it was written down, by its sender's word
acting      done by a deputy for an office holder
later       entered for the record
late        a report, a change or a notice that came later than it is owed
corrected   an opening that was corrected, or cancelled
disputed    a key that somebody else may have signed with: from where on
erased      exchanges that every side took out of the record
void        a record without effect, and why
"""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import two_keys
from dragoman.domain.acts.erasure import exchanges_of
from dragoman.domain.record.codec import Record
from dragoman.domain.views import attribution
from dragoman.domain.views.flags import flags
from dragoman.text import NameValue, Text, sentence
from dragoman_schemas.act_frame import Continuing, OpeningAct
from dragoman_schemas.acts.office.channel import Erasure, KeyRevocation
from dragoman_schemas.report_shapes import Exceptional
from dragoman_schemas.state import Exchange, Registry

_LATE: Final = ("late_report", "late_question", "short_notice")
MEMBERS: Final = ("acting_for", "passed_by", "for_the_record", "suspect_from")
"""Where a record says of itself that it is an exception."""


class Noted(Struct, frozen=True, kw_only=True):
    """One exception: of which kind, by which side, at which position, under which matter, and what it was."""

    kind: str
    position: int
    side: str
    number: str = ""
    detail: Text

    @property
    def exceptional(self) -> Exceptional:
        """The exception as reports have it: in English."""
        return Exceptional(
            kind=self.kind,
            position=self.position,
            side=self.side,
            number=self.number,
            detail=str(self.detail),
        )


def of_record(position: int, record: Record, exchange: Exchange | None) -> Iterator[Noted]:
    """Yield what a valid record says of itself; under the Chatham House Rule without who said it."""
    hidden = exchange is not None and attribution.unattributed(exchange)
    for item in _of_record(position, record, "" if exchange is None else exchange.number):
        yield _hidden(item) if hidden else item


def _hidden(noted: Noted) -> Noted:
    """Return an exception without its side, its number and its words."""
    return replace(noted, side="", number="", detail=attribution.UNATTRIBUTED)


def _of_record(position: int, record: Record, number: str) -> Iterator[Noted]:
    data, side, act = record.data, record.side, NameValue("act", record.name)
    if isinstance(data, Erasure):
        counts = {"n": len(data.records), "m": len(exchanges_of(data))}
        text = sentence("%(n)s records of %(m)s exchanges, by the consent of every side", **counts)
        yield Noted(kind="erased", position=position, side=side, detail=text)
    if isinstance(data, KeyRevocation) and isinstance(data.suspect_from, int):
        text = sentence(
            "from record %(n)s on, with the key %(key)s", n=data.suspect_from, key=data.key
        )
        yield Noted(kind="disputed", position=position, side=side, detail=text)
    if not isinstance(data, OpeningAct | Continuing):
        return
    if data.acting_for is not UNSET:
        text = sentence("%(act)s for %(who)s", act=act, who=data.acting_for)
        yield Noted(kind="acting", position=position, side=side, number=number, detail=text)
    if not isinstance(data.passed_by, UnsetType):
        passed = {
            "means": NameValue("value", data.passed_by.means),
            "post": data.passed_by.to_post,
            "t": data.passed_by.at,
        }
        text = sentence("%(act)s, said by %(means)s to %(post)s at %(t)s", act=act, **passed)
        yield Noted(kind="by_voice", position=position, side=side, number=number, detail=text)
    if data.for_the_record is True:
        yield Noted(
            kind="later",
            position=position,
            side=side,
            number=number,
            detail=sentence("%(act)s, entered for the record", act=act),
        )


def of_void(position: int, reason: Text, *, hidden: bool = False) -> Noted:
    """Return a record without effect; `hidden` where it is under the Chatham House Rule, and the reason may name a side."""
    return Noted(
        kind="void",
        position=position,
        side="",
        detail=attribution.UNATTRIBUTED if hidden else reason,
    )


def of_exchange(registry: Registry, exchange: Exchange, areas: list[Exchange]) -> Iterator[Noted]:
    """Yield what an exchange shows as it stands; `areas` are the danger areas that are announced."""
    hidden = attribution.unattributed(exchange)
    for item in _of_exchange(registry, exchange, areas):
        yield _hidden(item) if hidden else item


def _of_exchange(registry: Registry, exchange: Exchange, areas: list[Exchange]) -> Iterator[Noted]:
    position, side, number = exchange.opened.position, exchange.side, exchange.number
    for sent in exchange.one_key:
        second, act, alone = sent.second, NameValue("act", sent.act, first=True), sent.sent.by
        if second is not None:
            text = sentence(
                "%(act)s, %(who)s alone; %(other)s turned the second key at %(t)s",
                act=act,
                who=alone,
                other=second.by,
                t=second.time,
            )
        elif sent in two_keys.due(exchange):
            text = sentence(
                "%(act)s, %(who)s alone; the second key is still due", act=act, who=alone
            )
        else:
            text = sentence(
                "%(act)s, %(who)s alone, and taken back before a second key", act=act, who=alone
            )
        yield Noted(
            kind="one_key",
            position=sent.sent.position,
            side=sent.sent.side,
            number=number,
            detail=text,
        )
    for correction in exchange.corrections:
        names = tuple(NameValue("field", name) for name in correction.fields)
        text = sentence("%(fields)s: %(reason)s", fields=names, reason=correction.reason)
        yield Noted(
            kind="corrected",
            position=correction.corrected.position,
            side=side,
            number=number,
            detail=text,
        )
    if exchange.cancellation is not None:
        text = sentence("cancelled: %(reason)s", reason=exchange.cancellation.reason)
        yield Noted(
            kind="corrected",
            position=exchange.cancellation.cancelled.position,
            side=side,
            number=number,
            detail=text,
        )
    for flag in flags(registry, exchange, areas):
        if flag.flag in _LATE:
            text = sentence(
                "%(what)s: %(detail)s", what=NameValue("flag", flag.flag), detail=flag.detail
            )
            yield Noted(kind="late", position=position, side=side, number=number, detail=text)
