"""The contact family: line checks, points of contact, notes, calls and offices.

    N01 line-check         sent ──echo──▶ echoed · echoed_with_errors
                           sent ──line-check-missed──▶ missed
    N02 point-of-contact   proposed ──every acknowledgement──▶ acknowledged
                           acknowledged ──withdrawal──▶ withdrawn
    N03 contact-note       open
    call-record            open ──counter-account──▶ accounts_differ
                           ──every accounts-agreement──▶ agreed_facts
    liaison-office         proposed ──every agreement──▶ agreed
                           agreed ──status-change──▶ open ──status-change──▶ closed
                           proposed ──decline──▶ refused ──every agreement──▶ agreed
    liaison-staff          named ──every agreement──▶ agreed ──arrival──▶ arrived
                           arrived ──departure──▶ left
                           named ──decline──▶ refused ──every agreement──▶ agreed
    people-programme       proposed ──every agreement──▶ agreed
                           agreed ──▶ running ──▶ completed, or dropped before
                           proposed ──decline──▶ refused ──every agreement──▶ agreed

A line check is sent by hand, or by the scheduler. A point of contact is in force by its
dates. A decline of a contact note is an answer and ends nothing. The other side's gist
of a call is shown beside the record as its counter-account. All of them may be
cancelled and closed.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import UNSET, Struct

from dragoman.domain.acts import consent, event_windows, field_checks, line_checks
from dragoman.domain.acts.access import SERVICE, is_station
from dragoman.domain.acts.act_rules import DUTY, HEADS, Format, Rule, Who, always, opening
from dragoman.domain.acts.families import mechanism
from dragoman.domain.acts.families.exchange import ENDED, moves_of_format, owes_answer
from dragoman.domain.acts.families.incidents import accounted, still_agreed
from dragoman.domain.acts.families.notification_words import chosen_text
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import MomentValue, NameValue, Text, sentence, verbatim
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts.contact.call_record import CallRecord
from dragoman_schemas.acts.contact.contact_note import ContactNote
from dragoman_schemas.acts.contact.liaison_office import LiaisonOffice
from dragoman_schemas.acts.contact.liaison_staff import LiaisonStaff
from dragoman_schemas.acts.contact.line_check import Echo, LineCheck
from dragoman_schemas.acts.contact.people_programme import PeopleProgramme
from dragoman_schemas.acts.contact.point_of_contact import (
    PointOfContact,
    Reconfirmation,
    Withdrawal,
)
from dragoman_schemas.fields import Window, or_default
from dragoman_schemas.state import Exchange, Registry


def _check_note(
    registry: Registry, exchange: Exchange | None, record: Record[ContactNote]
) -> Refusal | None:
    return field_checks.times(reply_wanted_by=record.data.reply_wanted_by)


def _note_title(data: ContactNote) -> Text:
    return sentence("Contact, %(form)s", form=chosen_text(data, "form"))


CONTACT_NOTE: Final = Format(
    rule=opening("contact-note", ContactNote, "contact", check=_check_note),
    code="N03",
    start="open",
    moves=moves_of_format(("open",), {}),
    title=_note_title,
)


class WantedReply(Struct, frozen=True, kw_only=True):
    """A reply that the sender of a contact note would like, without a deadline.

    `sides` are the sides that have not replied yet, `by` the time at which it is
    wanted.
    """

    sides: tuple[str, ...]
    by: str


def reply_wanted(exchange: Exchange) -> WantedReply | None:
    """Return the reply that is still wanted in an exchange.

    None where the note asked for none, or everybody has replied.
    """
    sides = owes_answer(exchange)
    if exchange.act != "contact-note" or not sides:
        return None
    return WantedReply(
        sides=tuple(side for side in exchange.to if side in sides),
        by=str(msgspec.json.decode(exchange.content["reply_wanted_by"])),
    )


class PromisedReply(Struct, frozen=True, kw_only=True):
    """A further word that a side has promised by a holding reply.

    `by` is the time of the promise. No reminder is sent for it.
    """

    side: str
    by: str


def promised(exchange: Exchange) -> list[PromisedReply]:
    """Return the further words that sides have promised and not sent yet."""
    newest = {reply.said.side: reply for reply in exchange.acts.get("interim-reply", ())}
    return [
        PromisedReply(side=side, by=str(msgspec.json.decode(reply.content["next_word_by"])))
        for side, reply in newest.items()
        if exchange.status not in ENDED
        and not any(
            message.said.side == side and message.said.position > reply.said.position
            for message in exchange.messages
        )
    ]


def _check_line(
    registry: Registry, exchange: Exchange | None, record: Record[LineCheck]
) -> Refusal | None:
    data = record.data
    if record.side == SERVICE or is_station(registry, record.envelope.actor):
        return line_checks.check(registry, record)
    if data.side is not UNSET:
        return invalid(
            "/side",
            sentence(
                "only a line check that the service sends by schedule names a side; leave it out"
            ),
        )
    return None


def _line_title(data: LineCheck) -> Text:
    return sentence(
        "Line check %(sequence)s, %(circuit)s",
        sequence=data.sequence,
        circuit=NameValue("value", data.circuit),
    )


_CHECKED: Final = ("sent", "echoed", "echoed_with_errors", "missed")

LINE_CHECK: Final = Format(
    rule=opening(
        "line-check",
        LineCheck,
        "contact",
        roles=DUTY,
        service="watch",
        station=True,
        check=_check_line,
    ),
    code="N01",
    start="sent",
    moves=moves_of_format(
        _CHECKED,
        {
            # A late echo is recorded as late: the check stays missed.
            "echo": {"sent": "echoed", "missed": "missed"},
            "line-check-missed": {**{status: status for status in _CHECKED}, "sent": "missed"},
        },
        cancellable=("sent",),
    ),
    title=_line_title,
)


def _check_echo(
    registry: Registry, exchange: Exchange | None, record: Record[Echo]
) -> Refusal | None:
    data = record.data
    assert exchange is not None
    member = "text" if exchange.act == "line-check" else "designator"
    if (data.text is UNSET) == (member == "text") or (data.designator is UNSET) == (
        member == "designator"
    ):
        return invalid(
            f"/{member}",
            sentence(
                "the echo of a %(act)s sends back its %(name)s, and nothing else",
                act=exchange.act,
                name=member,
            ),
        )
    return None


def exactly_echoed(exchange: Exchange, status: str) -> str:
    """Return the status after an echo: echoed, or echoed with errors.

    It has errors where the echo is not what was sent. A missed check stays missed.
    """
    if exchange.status == "missed":
        return status
    sent = exchange.content.get("challenge") or exchange.content["designator"]
    echoed = exchange.acts["echo"][-1].content
    raw = echoed.get("text") or echoed["designator"]
    return status if msgspec.json.decode(sent) == msgspec.json.decode(raw) else "echoed_with_errors"


def _check_point(
    registry: Registry, exchange: Exchange | None, record: Record[PointOfContact]
) -> Refusal | None:
    data = record.data
    if len(set(data.channels)) < len(data.channels):
        return invalid("/channels", sentence("this is named twice; name it once"))
    refusal = field_checks.hours("/hours", data.hours) or field_checks.times(
        valid_from=data.valid_from, valid_to=data.valid_to
    )
    if refusal is None and isinstance(data.valid_to, str):
        return field_checks.window("/valid_to", Window(from_=data.valid_from, to=data.valid_to))
    return refusal


def _point_title(data: PointOfContact) -> Text:
    return sentence("Point of contact: %(role)s", role=data.role)


def _is_urgent(data: Act, time: str) -> bool:
    return isinstance(data, PointOfContact) and data.duty_number_dead is True


POINT_OF_CONTACT: Final = Format(
    rule=opening(
        "point-of-contact",
        PointOfContact,
        "contact",
        roles=HEADS,
        two_key=True,
        one_key=_is_urgent,
        check=_check_point,
    ),
    code="N02",
    start="proposed",
    moves=moves_of_format(
        ("proposed", "acknowledged"),
        {
            "acknowledgement": {"proposed": "acknowledged"},
            "reconfirmation": {"proposed": "proposed", "acknowledged": "acknowledged"},
            "withdrawal": {"proposed": "withdrawn", "acknowledged": "withdrawn"},
        },
    ),
    title=_point_title,
)


def _check_call(
    registry: Registry, exchange: Exchange | None, record: Record[CallRecord]
) -> Refusal | None:
    data = record.data
    for name in data.posts:
        refusal = field_checks.side(registry, f"/posts/{name}", name)
        if refusal is not None:
            return refusal
    return field_checks.window("/ended", Window(from_=data.began, to=data.ended))


def _call_title(data: CallRecord) -> Text:
    return sentence(
        "Call, %(direction)s, %(time)s",
        direction=NameValue("value", data.direction),
        time=MomentValue(data.began),
    )


CALL_RECORD: Final = Format(
    rule=opening("call-record", CallRecord, "contact", check=_check_call),
    code="CALL",
    start="open",
    moves=moves_of_format(("open", "accounts_differ", "agreed_facts"), accounted("open")),
    holds=still_agreed("open"),
    precedence=always("priority"),
    title=_call_title,
)


def _check_office(
    registry: Registry, exchange: Exchange | None, record: Record[LiaisonOffice]
) -> Refusal | None:
    data = record.data
    if data.status != "proposed" and data.for_the_record is not True:
        return invalid(
            "/status",
            sentence(
                "an office begins as proposed, and every other side must agree to it; enter an "
                "older office with for_the_record"
            ),
        )
    for index, holiday in enumerate(or_default(data.holidays, ())):
        refusal = field_checks.day(f"/holidays/{index}", holiday)
        if refusal is not None:
            return refusal
    return field_checks.side(registry, "/side", data.side) or field_checks.hours(
        "/hours", data.hours
    )


def _office_title(data: LiaisonOffice) -> Text:
    return sentence(
        "Liaison office of %(side)s in %(seat)s",
        side=NameValue("side", data.side),
        seat=NameValue("city", data.seat),
    )


def _office_status(data: LiaisonOffice) -> str:
    return data.status


LIAISON_OFFICE: Final = Format(
    rule=opening("liaison-office", LiaisonOffice, "contact", roles=HEADS, check=_check_office),
    code="OFFICE",
    start="proposed",
    begun=_office_status,
    moves=moves_of_format(
        ("proposed", "refused", "agreed", "open"),
        {
            "agreement": dict.fromkeys(("proposed", "refused"), "agreed"),
            "status-change": {"agreed": "agreed", "open": "open"},
        },
        cancellable=("proposed", "refused", "agreed"),
        declinable=("proposed", "refused"),
    ),
    holds=consent.refused_or("proposed"),
    changes={"agreed": ("open", "closed"), "open": ("closed",)},
    title=_office_title,
)


def is_office(exchange: Exchange) -> bool:
    """Return whether an exchange is about a liaison office."""
    return exchange.act == "liaison-office"


def _check_staff(
    registry: Registry, exchange: Exchange | None, record: Record[LiaisonStaff]
) -> Refusal | None:
    return field_checks.times(arrival=record.data.arrival)


def _staff_title(data: LiaisonStaff) -> Text:
    return sentence("Staff of the liaison office: %(post)s", post=verbatim(data.post))


LIAISON_STAFF: Final = Format(
    rule=opening("liaison-staff", LiaisonStaff, "contact", roles=HEADS, check=_check_staff),
    code="STAFF",
    start="named",
    moves=moves_of_format(
        ("named", "refused", "agreed", "arrived", "left"),
        {
            "agreement": dict.fromkeys(("named", "refused"), "agreed"),
            "arrival": {"agreed": "arrived"},
            "departure": {"arrived": "left"},
        },
        cancellable=("named", "refused", "agreed"),
        declinable=("named", "refused"),
    ),
    holds=consent.refused_or("named"),
    title=_staff_title,
)


def offices_of(exchange: Exchange) -> tuple[str, ...]:
    """Return the side whose liaison office an exchange is about.

    Empty for other formats.
    """
    return (str(msgspec.json.decode(exchange.content["side"])),) if is_office(exchange) else ()


def standing_office(entries: Iterable[Exchange | None], side: str) -> Exchange | None:
    """Return the newest entry of a side's office that is agreed or open."""
    standing = [
        exchange
        for exchange in entries
        if exchange is not None
        and exchange.status in ("agreed", "open")
        and offices_of(exchange) == (side,)
    ]
    return max(standing, key=lambda exchange: exchange.opened.position, default=None)


def _check_programme(
    registry: Registry, exchange: Exchange | None, record: Record[PeopleProgramme]
) -> Refusal | None:
    data = record.data
    return field_checks.side(registry, "/host", data.host) or field_checks.window(
        "/period", data.period
    )


def _programme_title(data: PeopleProgramme) -> Text:
    if isinstance(data.title, str):
        return verbatim(data.title)
    return sentence(
        "Exchange of %(kind)s, host %(side)s",
        kind=chosen_text(data, "kind"),
        side=NameValue("side", data.host),
    )


PEOPLE_PROGRAMME: Final = Format(
    rule=opening("people-programme", PeopleProgramme, "contact", check=_check_programme),
    code="PEOPLE",
    start="proposed",
    moves=moves_of_format(
        ("proposed", "refused", "agreed", "running", "completed", "dropped"),
        {
            "agreement": dict.fromkeys(("proposed", "refused"), "agreed"),
            "status-change": {
                status: status for status in ("proposed", "refused", "agreed", "running")
            },
        },
        cancellable=("proposed", "refused", "agreed"),
        declinable=("proposed", "refused"),
    ),
    holds=consent.refused_or("proposed"),
    changes={
        "proposed": ("dropped",),
        "refused": ("dropped",),
        "agreed": ("running", "dropped"),
        "running": ("completed", "dropped"),
    },
    title=_programme_title,
)


def _check_reconfirmation(
    registry: Registry, exchange: Exchange | None, record: Record[Reconfirmation]
) -> Refusal | None:
    """Refuse to confirm an area whose end is announced."""
    assert exchange is not None
    if exchange.act == "danger-area" and not event_windows.is_until_further_notice(exchange):
        return invalid(
            "/act", sentence("this area has an announced end; change the end by an update")
        )
    return None


FORMATS: Final = (
    LINE_CHECK,
    POINT_OF_CONTACT,
    CONTACT_NOTE,
    CALL_RECORD,
    LIAISON_OFFICE,
    LIAISON_STAFF,
    PEOPLE_PROGRAMME,
    *mechanism.FORMATS,
)

RULES: Final = (
    Rule(
        act="echo",
        shape=Echo,
        who=Who.ADDRESSEE,
        acknowledges=True,
        answers=True,
        kept=True,
        check=_check_echo,
        settle=exactly_echoed,
    ),
    Rule(
        act="reconfirmation",
        shape=Reconfirmation,
        who=Who.OPENER,
        message=True,
        kept=True,
        check=_check_reconfirmation,
    ),
    Rule(act="withdrawal", shape=Withdrawal, who=Who.OPENER, message=True, kept=True),
    *mechanism.RULES,
)
