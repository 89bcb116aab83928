"""Checks of a record that need no state of its exchange."""

from datetime import datetime
from functools import cache

from msgspec import UNSET, UnsetType

from dragoman.domain.acts import (
    access,
    deadline_acts,
    line_checks,
    membership,
    two_keys,
    window_notices,
)
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.acts.act_rules import DUTY, HEADS, OFFICERS, Rule, Who
from dragoman.domain.acts.families import channel, delivery_outcomes
from dragoman.domain.acts.two_keys import OfficersNeeded
from dragoman.domain.history_port import History
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record, type_of
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman.text import Text, sentence
from dragoman.tlog import dsse
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts.contact.line_check import LineCheck
from dragoman_schemas.acts.meeting.meeting_request import MeetingRequest
from dragoman_schemas.acts.office.channel import BrokerOutage, Delivery
from dragoman_schemas.acts.office.watch import (
    CourierOutcome,
    Lapse,
    LineCheckMissed,
    Reminder,
    WindowNotice,
)
from dragoman_schemas.fields import or_default
from dragoman_schemas.record import Envelope
from dragoman_schemas.state import Exchange, Registry


def invoked_explanation_request(history: History, data: Act) -> str:
    """Return the request for explanation that a request for a meeting refers to.

    The reference is its number or its id. The result is its id; it is empty if the
    request refers to no such exchange.
    """
    if not isinstance(data, MeetingRequest):
        return ""
    references = or_default(data.references, ())
    for reference in (
        *references,
        *(() if isinstance(data.trigger, UnsetType) else (data.trigger,)),
    ):
        invoked_exchange = history.exchange(history.numbered(reference) or reference)
        if invoked_exchange is not None and invoked_exchange.act == "explanation-request":
            return invoked_exchange.id
    return ""


def service_key(registry: Registry, record: Record) -> str:
    """Return the idempotency key of a service's record.

    It is empty if the id of the record is not made from a key.
    """
    return (
        ""
        if record.side != access.SERVICE
        else key_of(registry, record.envelope.subject, record.data, record.envelope.time)
    )


def key_of(registry: Registry, exchange: str, data: Act, time: str) -> str:
    """Return the idempotency key of a service's act in an exchange.

    `time` is the time of the record. The key is empty if the id is not made from a key.
    """
    match data:
        case Reminder() | Lapse() | LineCheckMissed():
            return deadline_acts.key_of(exchange, data)
        case WindowNotice():
            return window_notices.key_of(exchange, data)
        case LineCheck():
            slot = line_checks.due(registry, datetime.fromisoformat(time))
            return "" if slot is None else line_checks.key_of(slot)
        case Delivery():
            return channel.delivery_key(data.side, data.upto)
        case BrokerOutage():
            return channel.outage_key(data.from_, data.to)
        case CourierOutcome():
            return delivery_outcomes.key_of(data)
        case _:
            return ""


def check_service_id(registry: Registry, history: History, record: Record) -> Refusal | None:
    """Refuse a record whose id is not the one that its content determines.

    Such records are those of services, and the line check of a station. Also refuse a
    line check that is on record under one of its other ids.
    """
    e = record.envelope
    is_check = isinstance(record.data, LineCheck) and access.is_station(registry, e.actor)
    key = (
        key_of(registry, e.subject, record.data, e.time)
        if is_check
        else service_key(registry, record)
    )
    if not key:
        return None
    owner = record.side if is_check else e.actor
    if e.id != ids.unused(registry.name, owner, key, history.used):
        return make_void(
            sentence("The id of a service's record is not the one that its content determines.")
        )
    if isinstance(record.data, LineCheck):
        slot = line_checks.due(registry, datetime.fromisoformat(e.time))
        assert slot is not None
        if any(history.exchange(id) is not None for id in line_checks.ids_of(registry, slot)):
            return make_void(sentence("The line check of this slot is already on record."))
    return None


def make_void(detail: Text) -> Refusal:
    """Return a refusal that makes a record void."""
    return Refusal(kind="void", detail=detail)


def opens(registry: Registry, rule: Rule) -> bool:
    """Return whether the act of a rule opens an exchange."""
    return rule.act in in_force(registry).formats


def check_derived(
    registry: Registry, exchange: Exchange | None, rule: Rule, record: Record, position: int
) -> Refusal | None:
    """Refuse a record whose derived members have wrong values.

    Also refuse a record of an exchange that does not exist.
    """
    e = record.envelope
    if rule.family == "channel":
        family, subject = "channel", registry.id
    elif rule.family is not None:
        family, subject = rule.family, e.id
    elif exchange is None:
        return make_refusal(
            "not-found",
            "There is no exchange %(exchange)s in %(channel)s; list them under /exchanges.",
            exchange=e.subject,
            channel=registry.name,
        )
    else:
        family, subject = exchange.family, exchange.id
    if (registry.name, family, subject) != (e.channel, e.family, e.subject) or not _is_version(
        rule, e
    ):
        return make_void(sentence("A derived member has a wrong value."))
    if (e.causationid is not UNSET) != (rule.who is Who.WATCH):
        return make_void(sentence("It has a member that this act does not have."))
    return (
        None
        if e.source == source_of(registry, e.actor)
        else make_void(sentence("Its source is not that of its actor."))
    )


def _is_version(rule: Rule, envelope: Envelope) -> bool:
    """Return whether type and schema name one version of the act.

    It is the newest version, or an older one, which stays in the log for ever.
    """
    return envelope.dataschema == _versions(rule.act, rule.version).get(envelope.type)


@cache
def _versions(act: str, newest: int) -> dict[str, str]:
    """Return the schema of each version of an act, by the version's record type."""
    return {
        type_of(act, version): f"urn:dragoman:schema:{act}:{version}"
        for version in range(1, newest + 1)
    }


def releaser_of(record: Record) -> str:
    """Return the officer who released a record; empty if nobody did."""
    releaser = record.envelope.releasedby
    return or_default(releaser, "")


def officers_needed_for(
    registry: Registry,
    history: History,
    exchange: Exchange | None,
    rule: Rule,
    data: Act,
    time: str,
) -> OfficersNeeded:
    """Return the officers that an act needs in an exchange.

    `exchange` is None for an opening. A request for a meeting on a ladder needs two
    officers.
    """
    if invoked_explanation_request(history, data):
        return OfficersNeeded.TWO
    form = None if exchange is None else in_force(registry).formats[exchange.act]
    return two_keys.officers_needed(rule, form, exchange, data, time)


def check_keys(
    registry: Registry,
    exchange: Exchange | None,
    history: History,
    rule: Rule,
    record: Record,
    position: int,
) -> Refusal | None:
    """Refuse a record whose officers are not those that the act needs.

    The act needs two officers of one side, or one officer where one is sufficient.
    """
    actor, second = record.envelope.actor, releaser_of(record)
    keys = officers_needed_for(registry, history, exchange, rule, record.data, record.envelope.time)
    if keys is OfficersNeeded.ONE:
        return (
            make_void(sentence("It names a second officer, but this act does not need one."))
            if second
            else None
        )
    officer = access.officer_at(registry, actor, position)
    if not second:
        if keys is OfficersNeeded.EITHER or (
            keys is OfficersNeeded.DUTY
            and officer is not None
            and not DUTY.isdisjoint(officer.roles)
        ):
            return None
        return make_refusal(
            "second-key-required",
            "%(act)s is drafted by one officer and released by another: "
            "post it to /drafts, and have a colleague release it.",
            act=rule.act,
        )
    if second == actor or second.partition("/")[0] != record.side:
        return make_refusal(
            "second-key-required", "The releasing officer must be another officer of the same side."
        )
    releaser = access.officer_at(registry, second, position)
    if releaser is None or OFFICERS.isdisjoint(releaser.roles):
        return make_refusal(
            "not-permitted",
            "%(officer)s is not an officer in office in %(channel)s.",
            officer=second,
            channel=registry.name,
        )
    if (
        invoked_explanation_request(history, record.data)
        and officer is not None
        and HEADS.isdisjoint((*officer.roles, *releaser.roles))
    ):
        return make_refusal(
            "not-permitted",
            "A meeting on the ladder needs the head of office, as drafter or releaser.",
        )
    return None


def source_of(registry: Registry, actor: str) -> str:
    """Return the source of an actor's records."""
    side, _, name = actor.partition("/")
    if side == "service":
        return f"/services/{name}"
    officer = registry.officers.get(actor)
    return f"/sides/{side}" if officer is None else f"/sides/{side}/offices/{officer.office}"


def check_attestation(
    registry: Registry,
    exchange: Exchange | None,
    history: History,
    rule: Rule,
    record: Record,
    position: int,
) -> Refusal | None:
    """Refuse a record whose `signed` is missing, wrong, or not allowed.

    An author's signatures are checked at the end.
    """
    signed, e = record.data.signed, record.envelope
    if (e.attestation == "author") != (signed is not UNSET):
        return make_void(
            sentence(
                "An act needs `signed` if its author attests it, and must not have it otherwise."
            )
        )
    if isinstance(signed, UnsetType):
        if rule.who is Who.KEEPERS or (
            record.side != "service"
            and (e.family in registry.required_signatures or access.is_station(registry, e.actor))
        ):
            return make_refusal(
                "not-permitted",
                "%(act)s must be signed by its author in this channel.",
                act=rule.act,
            )
        return None
    record_members = (
        registry.cid,
        e.type,
        "" if opens(registry, rule) else e.subject,
        e.id,
        e.actor,
    )
    if record_members != (signed.channel, signed.type, signed.exchange, signed.id, signed.author):
        return make_void(sentence("`signed` does not agree with the record."))
    if signed.seen.size >= position or signed.seen.root != dsse.encode_base64(
        history.root(signed.seen.size)
    ):
        return make_void(sentence("`seen` is not a head of this log."))
    etag = (
        registry.etag
        if rule.family == "channel"
        else exchange.revision
        if exchange is not None
        else ""
    )
    is_current = (
        signed.after == etag
        if rule.consenting or not etag
        else history.holds(e.subject, signed.after)
    )
    if not is_current:
        return make_refusal(
            "moved",
            "`after` is not a record of the exchange that this act can follow; read it and "
            "sign again.",
        )
    return membership.check_signed(registry, record, position)


def check_cause(
    record: Record[Reminder | Lapse | LineCheckMissed | WindowNotice],
) -> Refusal | None:
    """Refuse a record of the scheduler that does not name its cause."""
    data = record.data
    return (
        None
        if record.envelope.causationid == data.started_by
        else make_void(sentence("Its cause is not the record that started the deadline."))
    )
