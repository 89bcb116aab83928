"""Checks of a record that need no state of its exchange."""

from datetime import datetime
from functools import cache

from msgspec import UNSET, UnsetType

from dragoman.domain.acts import access, deadline_acts, line_checks, membership, two_keys
from dragoman.domain.acts.act_registry import FORMATS
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
from dragoman_schemas.acts.office.watch import CourierOutcome, Lapse, LineCheckMissed, Reminder
from dragoman_schemas.fields import or_default
from dragoman_schemas.record import Envelope
from dragoman_schemas.state import Exchange, Registry


def invoked(ledger: History, data: Act) -> str:
    """Return the request for explanation that a request for a meeting refers to, by its number or its id; empty for none."""
    if not isinstance(data, MeetingRequest):
        return ""
    references = or_default(data.references, ())
    for reference in (
        *references,
        *(() if isinstance(data.trigger, UnsetType) else (data.trigger,)),
    ):
        known = ledger.exchange(ledger.numbered(reference) or reference)
        if known is not None and known.act == "explanation-request":
            return known.id
    return ""


def service_key(registry: Registry, record: Record) -> str:
    """Return the key of the id of what a service records; empty where the id is none of a key."""
    return (
        ""
        if record.side != access.SERVICE
        else key_of(registry, record.envelope.subject, record.data, record.envelope.time)
    )


def key_of(registry: Registry, exchange: str, data: Act, time: str) -> str:
    """Return the key of the id of a service's act in an exchange, as it is recorded at a time; empty where the id is none of a key."""
    match data:
        case Reminder() | Lapse() | LineCheckMissed():
            return deadline_acts.key_of(exchange, data)
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


def check_service_id(registry: Registry, ledger: History, record: Record) -> Refusal | None:
    """Refuse a service's record under another id than its own, or of a line check that stands under one of its other ids."""
    key, e = service_key(registry, record), record.envelope
    if not key:
        return None
    if e.id != ids.unused(registry.name, e.actor, key, ledger.used):
        return no(sentence("The id of what a service records is determined."))
    if isinstance(record.data, LineCheck) and any(
        ledger.exchange(text) is not None for text in ids.every(registry.name, e.actor, key)
    ):
        return no(sentence("The line check of this slot is on record."))
    return None


def no(detail: Text) -> Refusal:
    return Refusal(kind="void", detail=detail)


def opens(rule: Rule) -> bool:
    return rule.act in FORMATS


def check_derived(
    registry: Registry, known: Exchange | None, rule: Rule, record: Record, position: int
) -> Refusal | None:
    e = record.envelope
    if rule.family == "channel":
        family, subject = "channel", registry.id
    elif rule.family is not None:
        family, subject = rule.family, e.id
    elif known is None:
        return make_refusal(
            "not-found",
            "There is no exchange %(exchange)s in %(channel)s; list them under /exchanges.",
            exchange=e.subject,
            channel=registry.name,
        )
    else:
        family, subject = known.family, known.id
    if (registry.name, family, subject) != (e.channel, e.family, e.subject) or not _is_version(
        rule, e
    ):
        return no(sentence("A derived member is not what it must be."))
    if (e.causationid is not UNSET) != (rule.who is Who.WATCH):
        return no(sentence("It has a member that this act does not have."))
    return (
        None
        if e.source == source_of(registry, e.actor)
        else no(sentence("Its source is not that of its actor."))
    )


def _is_version(rule: Rule, envelope: Envelope) -> bool:
    """Return whether type and schema name one version of the act: the newest, or an older one that stands in the log for ever."""
    return envelope.dataschema == _versions(rule.act, rule.version).get(envelope.type)


@cache
def _versions(act: str, newest: int) -> dict[str, str]:
    """Return of each version of an act that there is, its type and the schema that goes with it."""
    return {
        type_of(act, version): f"urn:dragoman:schema:{act}:{version}"
        for version in range(1, newest + 1)
    }


def _second(record: Record) -> str:
    """Return the officer who released a record; empty for none."""
    releaser = record.envelope.releasedby
    return or_default(releaser, "")


def keys_asked(
    ledger: History, known: Exchange | None, rule: Rule, data: Act, time: str
) -> OfficersNeeded:
    """Return the officers that an act takes in an exchange, None for an opening: a meeting on a ladder takes two."""
    if invoked(ledger, data):
        return OfficersNeeded.TWO
    return two_keys.asked(rule, None if known is None else FORMATS[known.act], known, data, time)


def check_keys(
    registry: Registry,
    known: Exchange | None,
    ledger: History,
    rule: Rule,
    record: Record,
    position: int,
) -> Refusal | None:
    """Return two officers of one side where two are asked for, or one officer where one may do."""
    actor, second = record.envelope.actor, _second(record)
    keys = keys_asked(ledger, known, rule, record.data, record.envelope.time)
    if keys is OfficersNeeded.ONE:
        return (
            no(sentence("It has a second officer, which is not asked of it.")) if second else None
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
            "%(act)s is drafted by one officer and released by another: post it to /drafts, and have a colleague release it.",
            act=rule.act,
        )
    if second == actor or second.partition("/")[0] != record.side:
        return make_refusal(
            "second-key-required", "Who releases is another officer of the same side."
        )
    releaser = access.officer_at(registry, second, position)
    if releaser is None or OFFICERS.isdisjoint(releaser.roles):
        return make_refusal(
            "not-permitted",
            "%(officer)s is no officer in office in %(channel)s.",
            officer=second,
            channel=registry.name,
        )
    if (
        invoked(ledger, record.data)
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
    known: Exchange | None,
    ledger: History,
    rule: Rule,
    record: Record,
    position: int,
) -> Refusal | None:
    signed, e = record.data.signed, record.envelope
    if (e.attestation == "author") != (signed is not UNSET):
        return no(sentence("What an author attests carries `signed`, and nothing else does."))
    if isinstance(signed, UnsetType):
        if rule.who is Who.KEEPERS or (
            record.side != "service" and e.family in registry.required_signatures
        ):
            return make_refusal(
                "not-permitted",
                "%(act)s must be signed by its author in this channel.",
                act=rule.act,
            )
        return None
    agreed = (registry.cid, e.type, "" if opens(rule) else e.subject, e.id, e.actor)
    if agreed != (signed.channel, signed.type, signed.exchange, signed.id, signed.author):
        return no(sentence("`signed` does not agree with the record."))
    if signed.seen.size >= position or signed.seen.root != dsse.encode_base64(
        ledger.root(signed.seen.size)
    ):
        return no(sentence("`seen` is no head of this log."))
    etag = (
        registry.etag if rule.family == "channel" else known.revision if known is not None else ""
    )
    stands = (
        signed.after == etag
        if rule.consenting or not etag
        else ledger.holds(e.subject, signed.after)
    )
    if not stands:
        return make_refusal(
            "moved",
            "`after` is not a record of the exchange that this act can follow; read it again and sign anew.",
        )
    return membership.check_signed(registry, record, position)


def check_cause(record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, Reminder | Lapse | LineCheckMissed)
    return (
        None
        if record.envelope.causationid == data.started_by
        else no(sentence("Its cause is not the record that started the clock."))
    )
