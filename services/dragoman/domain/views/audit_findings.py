"""The audit findings of a log, on every side alike: an auditor asks for them first.

one_key     sent by one officer where two are asked for, with or without the second
by_voice    said by other means before it was recorded, by its sender's word
acting      done by a deputy for an office holder
later       entered for the record
late        a report, a change or a notice that came later than it is owed
corrected   an opening that was corrected, or cancelled
disputed    a key that somebody else may have signed with, from a position on
erased      exchanges that every side consented to erase
void        a record without effect, and the reason
"""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import two_keys
from dragoman.domain.acts.erasure import exchanges_of
from dragoman.domain.acts.families.notification_words import chosen_text
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
"""Members that make a record a finding by its own words."""


class AuditFinding(Struct, frozen=True, kw_only=True):
    """One finding: its kind, its side, its position, its matter, and its text."""

    kind: str
    position: int
    side: str
    number: str = ""
    detail: Text

    @property
    def exceptional(self) -> Exceptional:
        """The finding in the shape of the reports: in English."""
        return Exceptional(
            kind=self.kind,
            position=self.position,
            side=self.side,
            number=self.number,
            detail=str(self.detail),
        )


def of_record(position: int, record: Record, exchange: Exchange | None) -> Iterator[AuditFinding]:
    """Yield the findings of a valid record's own words.

    Under the Chatham House Rule they do not name the speaker.
    """
    hidden = exchange is not None and attribution.unattributed(exchange)
    for finding in _of_record(position, record, "" if exchange is None else exchange.number):
        yield _hidden(finding) if hidden else finding


def _hidden(noted: AuditFinding) -> AuditFinding:
    """Return a finding without its side, its number and its words."""
    return replace(noted, side="", number="", detail=attribution.UNATTRIBUTED)


def _of_record(position: int, record: Record, number: str) -> Iterator[AuditFinding]:
    data, side, act = record.data, record.side, NameValue("act", record.name)
    if isinstance(data, Erasure):
        counts = {"n": len(data.records), "m": len(exchanges_of(data))}
        text = sentence("%(n)s records of %(m)s exchanges, by the consent of every side", **counts)
        yield AuditFinding(kind="erased", position=position, side=side, detail=text)
    if isinstance(data, KeyRevocation) and isinstance(data.suspect_from, int):
        text = sentence(
            "from record %(n)s on, with the key %(key)s", n=data.suspect_from, key=data.key
        )
        yield AuditFinding(kind="disputed", position=position, side=side, detail=text)
    if not isinstance(data, OpeningAct | Continuing):
        return
    if data.acting_for is not UNSET:
        text = sentence("%(act)s for %(who)s", act=act, who=data.acting_for)
        yield AuditFinding(kind="acting", position=position, side=side, number=number, detail=text)
    if not isinstance(data.passed_by, UnsetType):
        passed = {
            "means": chosen_text(data.passed_by, "means"),
            "post": data.passed_by.to_post,
            "t": data.passed_by.at,
        }
        text = sentence("%(act)s, said by %(means)s to %(post)s at %(t)s", act=act, **passed)
        yield AuditFinding(
            kind="by_voice", position=position, side=side, number=number, detail=text
        )
    if data.for_the_record is True:
        yield AuditFinding(
            kind="later",
            position=position,
            side=side,
            number=number,
            detail=sentence("%(act)s, entered for the record", act=act),
        )


def of_void(position: int, reason: Text, *, hidden: bool = False) -> AuditFinding:
    """Return the finding of a record without effect.

    `hidden` says that it is under the Chatham House Rule, and the reason may name a
    side.
    """
    return AuditFinding(
        kind="void",
        position=position,
        side="",
        detail=attribution.UNATTRIBUTED if hidden else reason,
    )


def of_exchange(
    registry: Registry, exchange: Exchange, areas: list[Exchange]
) -> Iterator[AuditFinding]:
    """Yield the findings of an exchange as it is; `areas` are the open areas."""
    hidden = attribution.unattributed(exchange)
    for finding in _of_exchange(registry, exchange, areas):
        yield _hidden(finding) if hidden else finding


def _of_exchange(
    registry: Registry, exchange: Exchange, areas: list[Exchange]
) -> Iterator[AuditFinding]:
    position, side, number = exchange.opened.position, exchange.side, exchange.number
    for sent in exchange.one_key:
        second, act, alone = sent.second, NameValue("act", sent.act, first=True), sent.sent.by
        if second is not None:
            text = sentence(
                "%(act)s: sent by %(who)s; %(other)s confirmed it as second officer at %(t)s",
                act=act,
                who=alone,
                other=second.by,
                t=second.time,
            )
        elif sent in two_keys.due(exchange):
            text = sentence(
                "%(act)s: sent by %(who)s; a second officer must still confirm it",
                act=act,
                who=alone,
            )
        else:
            text = sentence(
                "%(act)s: sent by %(who)s only, and taken back before a second officer "
                "confirmed it",
                act=act,
                who=alone,
            )
        yield AuditFinding(
            kind="one_key",
            position=sent.sent.position,
            side=sent.sent.side,
            number=number,
            detail=text,
        )
    for correction in exchange.corrections:
        names = tuple(NameValue("field", name) for name in correction.fields)
        text = sentence("%(fields)s: %(reason)s", fields=names, reason=correction.reason)
        yield AuditFinding(
            kind="corrected",
            position=correction.corrected.position,
            side=side,
            number=number,
            detail=text,
        )
    if exchange.cancellation is not None:
        text = sentence("cancelled: %(reason)s", reason=exchange.cancellation.reason)
        yield AuditFinding(
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
            yield AuditFinding(
                kind="late", position=position, side=side, number=number, detail=text
            )
