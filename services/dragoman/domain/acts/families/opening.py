"""The opening of an exchange: its checks, and the state that it creates."""

from datetime import datetime, timedelta
from functools import cache
from typing import Final

from msgspec import UNSET, Raw, UnsetType

from dragoman.domain.acts import field_checks
from dragoman.domain.acts.access import observers
from dragoman.domain.acts.act_rules import Folding, Format
from dragoman.domain.acts.families.exchange_content import (
    FRAME_DEFAULTS,
    TRACK2_DEFAULTS,
    content_of,
    frame,
    precedence_of,
    side_of,
    suspended,
)
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.limits import CLOCK_SKEW_SECONDS
from dragoman.text import sentence
from dragoman_schemas.act_frame import Continuing, OpeningAct, SignedText
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import (
    Exchange,
    Meeting,
    Message,
    Registry,
)


def opened(form: Format, folding: Folding[OpeningAct], invokes: str) -> Exchange:
    """Return the exchange that an opening creates, with every default filled in.

    `invokes` is the request whose ladder the exchange belongs to.
    """
    record, data = folding.record, folding.record.data
    side = side_of(record)
    names = tuple(member.name for member in folding.registry.sides if member.name != side)
    info, observing = or_default(data.info, ()), observers(folding.registry)
    signatories = or_default(data.signatories, ()) if isinstance(data, SignedText) else ()
    if isinstance(data.to, UnsetType):
        to = tuple(other for other in names if other not in info and other not in observing)
    else:
        to = data.to
    info = (*info, *(other for other in names if other in observing and other not in info))
    if form.copied_to_all:
        info = tuple(other for other in names if other not in to)
    for_the_record = data.for_the_record is True
    content = content_of(record.newest)
    message = Message(
        id=record.envelope.id,
        act=record.name,
        said=folding.stamp,
        to=to,
        info=info,
        for_the_record=for_the_record,
        suspended=suspended(folding.registry),
        marking=or_default(data.marking, ""),
    )
    precedence, area = frame(form, folding.registry, data, record.envelope.time)
    return Exchange(
        id=record.envelope.id,
        act=record.name,
        family=record.envelope.family,
        number=folding.number,
        status=form.start if form.begun is None else form.begun(data),
        side=side,
        opened=folding.stamp,
        updated=folding.stamp,
        precedence=precedence,
        area=area,
        to=to,
        info=info,
        observers=tuple(name for name in (side, *info) if name in observing),
        signatories=signatories,
        for_the_record=for_the_record,
        invokes=invokes,
        released_by=or_default(record.envelope.releasedby, ""),
        content=content,
        defaults=_defaults(form, folding.registry, content, record.envelope.time),
        messages=(message,),
        meeting=Meeting(proposed_by=side) if "meeting-held" in form.moves else None,
        revision=record.commit,
        etag=record.commit,
    )


def _defaults(
    form: Format, registry: Registry, content: dict[str, Raw], time: str
) -> dict[str, Raw]:
    prepared = _prepared(form, track2=registry.kind == "track2")
    defaults = (
        prepared.copy()
        if prepared.keys().isdisjoint(content)
        else {name: value for name, value in prepared.items() if name not in content}
    )
    if "dtg" not in content:
        defaults["dtg"] = Raw(f'"{time}"'.encode())
    return defaults


@cache
def _prepared(form: Format, *, track2: bool) -> dict[str, Raw]:
    """Return a format's defaults, which are the same for every message; cached."""
    defaults = {**FRAME_DEFAULTS, **(TRACK2_DEFAULTS if track2 else {}), **form.defaults}
    return {name: Raw(value.encode()) for name, value in defaults.items()}


def check_opening(registry: Registry, form: Format, record: Record[OpeningAct]) -> Refusal | None:
    """Refuse an opening that breaks a rule of the frame.

    The rules are on the kind of channel, the addressees, the times, and the length of a
    text for its precedence.
    """
    data = record.data
    refusal = (
        _check_kind(registry, form)
        or _check_named(registry, data, record.side)
        or (
            _check_signatories(registry, data, record.side)
            if isinstance(data, SignedText)
            else None
        )
        or field_checks.times(dtg=data.dtg)
        or field_checks.original(data.text, data.original)
        or field_checks.in_words(data)
        or check_carried(registry, data, record)
    )
    if refusal is not None:
        return refusal
    if registry.kind == "track2" and data.precedence is not UNSET:
        return invalid("/precedence", sentence("a Track-2 channel has no precedence; leave it out"))
    if precedence_of(form, registry, data, record.envelope.time) in ("flash", "immediate"):
        return field_checks.brief(text=data.text, facts=getattr(data, "facts", UNSET))
    return None


def _check_kind(registry: Registry, form: Format) -> Refusal | None:
    if registry.kind in form.kinds:
        return None
    return invalid(
        "/act",
        sentence(
            "%(act)s is not for %(kind)s channels; it is for %(kinds)s",
            act=form.rule.act,
            kind=registry.kind,
            kinds=", ".join(sorted(form.kinds)),
        ),
    )


def check_carried(
    registry: Registry, data: OpeningAct | Continuing, record: Record
) -> Refusal | None:
    """Refuse an act whose common members are not valid.

    A file is attached once, the office holder exists, and the time at which it was said
    is real.
    """
    if data.attachments is data.acting_for is data.passed_by is data.phrases is UNSET:
        return None
    if not isinstance(data.attachments, UnsetType):
        digests = [attachment.sha256 for attachment in data.attachments]
        for index, digest in enumerate(digests):
            if digest in digests[:index]:
                return invalid(
                    f"/attachments/{index}/sha256",
                    sentence("the same file is attached twice; attach it once"),
                )
    if (
        not isinstance(data.acting_for, UnsetType)
        and f"{record.side}/{data.acting_for}" not in registry.officers
    ):
        return invalid(
            "/acting_for",
            sentence(
                "%(officer)s is not an officer of %(side)s; name the office holder for whom "
                "you act",
                officer=data.acting_for,
                side=record.side,
            ),
        )
    return _check_passed(data, record) or field_checks.phrases(data.phrases)


def _check_passed(data: OpeningAct | Continuing, record: Record) -> Refusal | None:
    """Refuse a `passed_by` that lacks its words, or that is still to come."""
    if isinstance(data.passed_by, UnsetType):
        return None
    refusal = field_checks.in_words(data.passed_by, "/passed_by") or field_checks.time(
        "/passed_by/at", data.passed_by.at
    )
    if (
        refusal is None
        and datetime.fromisoformat(data.passed_by.at)
        > datetime.fromisoformat(record.envelope.time) + _SKEW
    ):
        return invalid(
            "/passed_by/at",
            sentence(
                "%(time)s is still to come; give the time at which it was",
                time=data.passed_by.at,
            ),
        )
    return refusal


_SKEW: Final = timedelta(seconds=CLOCK_SKEW_SECONDS)


def _check_named(registry: Registry, data: OpeningAct, sender: str) -> Refusal | None:
    if data.to is data.info is data.on_behalf_of is UNSET:
        return None
    sides = {side.name for side in registry.sides}
    addressed: set[str] = set()
    for field, rows in (("to", data.to), ("info", data.info), ("on_behalf_of", data.on_behalf_of)):
        for index, side in enumerate(or_default(rows, ())):
            if side not in sides:
                return invalid(
                    f"/{field}/{index}",
                    sentence(
                        "%(side)s is not a side of %(channel)s; its sides are %(sides)s",
                        side=side,
                        channel=registry.name,
                        sides=", ".join(sorted(sides)),
                    ),
                )
            if field == "to" and side in observers(registry):
                return invalid(
                    f"/{field}/{index}",
                    sentence(
                        "%(side)s observes this channel and owes nothing; name it in `info`",
                        side=side,
                    ),
                )
            if field != "on_behalf_of" and (side == sender or side in addressed):
                return invalid(
                    f"/{field}/{index}",
                    sentence(
                        "%(side)s is the sender or is named twice; name each other side once",
                        side=side,
                    ),
                )
            addressed.add(side)
    return None


def _check_signatories(registry: Registry, data: SignedText, sender: str) -> Refusal | None:
    """Refuse signatories that the text does not reach, and a text with a single one."""
    signatories = or_default(data.signatories, ())
    recipients = {*or_default(data.info, ()), *observers(registry)}
    to = or_default(data.to, tuple(side.name for side in registry.sides))
    for index, side in enumerate(signatories):
        if side != sender and (side not in to or side in recipients):
            return invalid(
                f"/signatories/{index}",
                sentence(
                    "%(side)s is not an action addressee, so it cannot sign; name it in `to`, and not "
                    "in `info`",
                    side=side,
                ),
            )
        if side in signatories[:index]:
            return invalid(
                f"/signatories/{index}",
                sentence("%(side)s is named twice; name each signatory once", side=side),
            )
    if signatories and {*signatories} <= {sender}:
        return invalid("/signatories", sentence("name at least one other side that signs the text"))
    return None
