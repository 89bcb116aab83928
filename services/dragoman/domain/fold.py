"""The fold: is this record legal at its position, and what is the state after it.

One function judges, for the decision before an append and for the fold after it, on every gateway and in every replay.
A record that is illegal at its own position is void: it uses up its id and its position, and has no other effect.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cache

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import access, deadlines, erasure, line_checks, membership, two_keys
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import DUTY, HEADS, OFFICERS, Folding, Format, Rule, Who
from dragoman.domain.acts.families import channel, delivery_outcomes, exchange, release
from dragoman.domain.acts.two_keys import OfficersNeeded
from dragoman.domain.history_port import DecisionBasis, History
from dragoman.domain.record import ids, numbering
from dragoman.domain.record.codec import NotARecord, Record, parse, type_of
from dragoman.domain.record.errors import Refusal
from dragoman.text import Text, sentence
from dragoman.tlog import dsse
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts.channel import (
    BrokerOutage,
    Delivery,
    ErasedRecord,
    Erasure,
    ErasureConsent,
)
from dragoman_schemas.acts.continuing import SecondKey
from dragoman_schemas.acts.line_check import LineCheck
from dragoman_schemas.acts.meeting_request import MeetingRequest
from dragoman_schemas.acts.watch import CourierOutcome, Lapse, LineCheckMissed, Reminder
from dragoman_schemas.record import Envelope
from dragoman_schemas.state import ChannelState, Exchange, Registry, Stamp


class Folded(Struct, frozen=True, kw_only=True, gc=False):
    """One message of the log, folded.

    `record` is None for junk. `refusal` is why the record is void. `state` is what the exchange, or the registry,
    has become, and None where nothing changed; `removed` are the exchanges that were erased.
    """

    position: int
    raw: bytes
    channel: ChannelState
    record: Record | None = None
    refusal: Refusal | None = None
    state: Exchange | Registry | None = None
    number: str = ""
    removed: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the message has an effect."""
        return self.record is not None and self.refusal is None


def fold(before: ChannelState, ledger: History, raw: bytes) -> Folded:
    """The message after `before`, judged and applied."""
    position = before.position + 1
    try:
        record = parse(raw)
    except NotARecord as error:
        erased_record = erasure.standing_in(raw, position, ledger.withheld)
        passed = None if erased_record is None else _withheld(before, ledger, erased_record, raw)
        if passed is not None:
            return passed
        refusal = Refusal(kind="void", detail=sentence("No record: %(error)s.", error=error.said))
        return Folded(position=position, raw=raw, channel=_passed(before), refusal=refusal)
    return folded(before, ledger, record)


def folded(
    before: ChannelState, ledger: History, record: Record, grounds: DecisionBasis | None = None
) -> Folded:
    """As `fold`, for a record that was parsed; with grounds, one that was found legal before, and is so again if they stand."""
    position = before.position + 1
    stands = grounds is not None and grounds.stand(before, ledger, record)
    refusal = None if stands else judge(before, ledger, record)
    if refusal is not None:
        return Folded(
            position=position,
            raw=record.raw,
            channel=_passed(before),
            record=record,
            refusal=refusal,
        )
    stamp = Stamp(
        position=position,
        time=record.envelope.time,
        by=record.envelope.actor,
        told=exchange.told(record),
    )
    time = max(before.time, record.envelope.time)
    if before.registry is None:
        registry = channel.registry_of(record, stamp)
        after = ChannelState(position=position, time=time, registry=registry)
        return Folded(
            position=position, raw=record.raw, channel=after, record=record, state=registry
        )
    rule = RULES[record.name]
    tally, number = _numbered(before, ledger, rule, record)
    folding = Folding(record=record, stamp=stamp, number=number, registry=before.registry)
    registry, state = before.registry, _evolved(before.registry, ledger, rule, folding)
    if isinstance(state, Registry):
        registry = state
    after = ChannelState(position=position, time=time, registry=registry, tally=tally)
    removed = erasure.exchanges_of(record.data) if isinstance(record.data, Erasure) else ()
    return Folded(
        position=position,
        raw=record.raw,
        channel=after,
        record=record,
        state=state,
        number=number,
        removed=removed,
    )


def _withheld(
    before: ChannelState, ledger: History, erased_record: ErasedRecord, raw: bytes
) -> Folded | None:
    """A record whose bytes are gone: with an empty act, counted, and not judged again. None for what cannot have been one."""
    registry, rule = before.registry, RULES.get(erased_record.type.split(".")[1])
    if (
        registry is None
        or rule is None
        or rule.family == "channel"
        or ledger.used(erased_record.id)
    ):
        return None
    opening = (
        erased_record
        if rule.act in FORMATS
        else next(
            (
                item
                for item in ledger.records_of(erased_record.subject)
                if item.id == erased_record.subject
            ),
            None,
        )
    )
    form = None if opening is None else FORMATS.get(opening.type.split(".")[1])
    record = erasure.emptied(
        registry.name, "" if form is None else form.rule.family or "", erased_record, raw
    )
    if erased_record.void:
        refusal = Refusal(
            kind="void", detail=sentence("It was void before its exchange was erased.")
        )
        return Folded(
            position=erased_record.position,
            raw=raw,
            channel=_passed(before),
            record=record,
            refusal=refusal,
        )
    if form is None:
        return None
    tally, number = _counted(before, rule, form, record)
    after = ChannelState(
        position=erased_record.position,
        time=max(before.time, erased_record.time),
        registry=registry,
        tally=tally,
    )
    return Folded(
        position=erased_record.position, raw=raw, channel=after, record=record, number=number
    )


def _passed(before: ChannelState) -> ChannelState:
    return replace(before, position=before.position + 1)


def _numbered(
    before: ChannelState, ledger: History, rule: Rule, record: Record
) -> tuple[dict[str, int], str]:
    return _counted(
        before,
        rule,
        _form(ledger, rule, record) if rule.numbered and not rule.code else None,
        record,
    )


def _counted(
    before: ChannelState, rule: Rule, form: Format | None, record: Record
) -> tuple[dict[str, int], str]:
    """The tally after the record, and its number: with the code of the act itself, else of its exchange's format."""
    if rule.numbered not in ("O", "C", "X") or record.envelope.family == "desk":
        return before.tally, ""  # a side's own desk numbers nothing (record.md §8)
    code = rule.code or ("" if form is None else form.code)
    kind: numbering.Kind = "O" if rule.numbered == "O" else "C" if rule.numbered == "C" else "X"
    return numbering.count(
        before.tally,
        record.envelope.channel,
        exchange.side_of(record),
        record.envelope.time,
        code,
        kind,
    )


def _form(ledger: History, rule: Rule, record: Record) -> Format:
    if rule.act in FORMATS:
        return FORMATS[rule.act]
    known = ledger.exchange(record.envelope.subject)
    assert known is not None
    return FORMATS[known.act]


def _evolved(
    registry: Registry, ledger: History, rule: Rule, folding: Folding
) -> Exchange | Registry:
    if rule.family == "channel":
        changed = channel.evolve(registry, folding)
        return changed if rule.silent else replace(changed, etag=folding.record.commit)
    form = FORMATS.get(rule.act)
    if form is not None:
        opened = exchange.opened(form, folding, _invoked(ledger, folding.record.data))
        return (
            two_keys.noted(opened, folding.record, folding.stamp)
            if rule.two_key and not _second(folding.record)
            else opened
        )
    known = ledger.exchange(folding.record.envelope.subject)
    assert known is not None
    return carried_on(known, rule, folding)


def _invoked(ledger: History, data: Act) -> str:
    """The request for explanation that a request for a meeting refers to, by its number or its id; empty for none."""
    if not isinstance(data, MeetingRequest):
        return ""
    references = () if isinstance(data.references, UnsetType) else data.references
    for reference in (
        *references,
        *(() if isinstance(data.trigger, UnsetType) else (data.trigger,)),
    ):
        known = ledger.exchange(ledger.numbered(reference) or reference)
        if known is not None and known.act == "explanation-request":
            return known.id
    return ""


def carried_on(known: Exchange, rule: Rule, folding: Folding) -> Exchange:
    """The exchange after a continuing act."""
    form, record = FORMATS[known.act], folding.record
    alone = (
        not _second(record)
        and two_keys.asked(rule, form, known, record.data, record.envelope.time)
        is not OfficersNeeded.ONE
    )
    noted = two_keys.noted(known, record, folding.stamp) if alone else known
    after = rule.evolve(exchange.said(noted, rule, folding), folding)
    after = exchange.amend(form, after, folding)
    of = two_keys.sent(known, record.data.of) if isinstance(record.data, SecondKey) else None
    moving = (
        rule if of is None else RULES[of.act]
    )  # what a second key belongs to has its effect now
    moved = form.moves.get(moving.act, {}).get(known.status, known.status)
    return replace(
        after,
        status=form.holds(after, moving.settle(after, moved)),
        updated=folding.stamp,
        revision=known.revision if rule.silent or rule.act in exchange.RECEIPTS else record.commit,
        etag=known.etag if rule.silent else record.commit,
    )


# Judgement


def judge(before: ChannelState, ledger: History, record: Record) -> Refusal | None:
    """Why the record would be void at the position after `before`, or None if it is legal there."""
    if before.registry is None:
        return (
            channel.check_genesis(record)
            if before.position == 0
            else _no(sentence("Position 1 is no genesis: this is no channel."))
        )
    registry, position, envelope = before.registry, before.position + 1, record.envelope
    if ledger.used(envelope.id):
        return _no(sentence("Its id was used up by an earlier record."))
    if not ids.uses_up(envelope.id, envelope.actor):
        return _no(
            sentence(
                "Its id is one of a service's; an officer's is a UUIDv7, or a UUIDv8 of its key."
            )
        )
    rule = RULES[record.name]
    if rule is channel.OPENING:
        return _no(sentence("A channel is opened once, at position 1."))
    if int(envelope.decided) >= position:
        return _no(sentence("It was decided on a position that had not been written."))
    known = None if _opens(rule) or rule.family == "channel" else ledger.exchange(envelope.subject)
    return (
        _check_derived(registry, known, rule, record, position)
        or access.may_act(registry, known, rule, envelope.actor, position, _second(record))
        or _check_service_id(registry, ledger, record)
        or _check_keys(registry, known, ledger, rule, record, position)
        or _check_attestation(registry, known, ledger, rule, record, position)
        or _check_state(registry, known, rule, record.side)
        or _check_act(registry, known, ledger, rule, record, position)
    )


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
            return deadlines.key_of(exchange, data)
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


def _check_service_id(registry: Registry, ledger: History, record: Record) -> Refusal | None:
    """Refuse a service's record under another id than its own, or of a line check that stands under one of its other ids."""
    key, e = service_key(registry, record), record.envelope
    if not key:
        return None
    if e.id != ids.unused(registry.name, e.actor, key, ledger.used):
        return _no(sentence("The id of what a service records is determined."))
    if isinstance(record.data, LineCheck) and any(
        ledger.exchange(text) is not None for text in ids.every(registry.name, e.actor, key)
    ):
        return _no(sentence("The line check of this slot is on record."))
    return None


def _no(detail: Text) -> Refusal:
    return Refusal(kind="void", detail=detail)


def _opens(rule: Rule) -> bool:
    return rule.act in FORMATS


def _check_derived(
    registry: Registry, known: Exchange | None, rule: Rule, record: Record, position: int
) -> Refusal | None:
    e = record.envelope
    if rule.family == "channel":
        family, subject = "channel", registry.id
    elif rule.family is not None:
        family, subject = rule.family, e.id
    elif known is None:
        return Refusal(
            kind="not-found",
            detail=sentence(
                "There is no exchange %(exchange)s in %(channel)s; list them under /exchanges.",
                exchange=e.subject,
                channel=registry.name,
            ),
        )
    else:
        family, subject = known.family, known.id
    if (registry.name, family, subject) != (e.channel, e.family, e.subject) or not _is_version(
        rule, e
    ):
        return _no(sentence("A derived member is not what it must be."))
    if (e.causationid is not UNSET) != (rule.who is Who.WATCH):
        return _no(sentence("It has a member that this act does not have."))
    return (
        None
        if e.source == source_of(registry, e.actor)
        else _no(sentence("Its source is not that of its actor."))
    )


def _is_version(rule: Rule, envelope: Envelope) -> bool:
    """Whether type and schema name one version of the act: the newest, or an older one that stands in the log for ever."""
    return envelope.dataschema == _versions(rule.act, rule.version).get(envelope.type)


@cache
def _versions(act: str, newest: int) -> dict[str, str]:
    """Of each version of an act that there is, its type and the schema that goes with it."""
    return {
        type_of(act, version): f"urn:dragoman:schema:{act}:{version}"
        for version in range(1, newest + 1)
    }


def _second(record: Record) -> str:
    """The officer who released a record; empty for none."""
    releaser = record.envelope.releasedby
    return "" if isinstance(releaser, UnsetType) else releaser


def keys_asked(
    ledger: History, known: Exchange | None, rule: Rule, data: Act, time: str
) -> OfficersNeeded:
    """Return the officers that an act takes in an exchange, None for an opening: a meeting on a ladder takes two."""
    if _invoked(ledger, data):
        return OfficersNeeded.TWO
    return two_keys.asked(rule, None if known is None else FORMATS[known.act], known, data, time)


def takes_two(ledger: History, known: Exchange | None, rule: Rule, data: Act) -> bool:
    """Return whether two officers put an act together, also where one of them may send it with the second due."""
    return rule.two_key or keys_asked(ledger, known, rule, data, "") is not OfficersNeeded.ONE


def _check_keys(
    registry: Registry,
    known: Exchange | None,
    ledger: History,
    rule: Rule,
    record: Record,
    position: int,
) -> Refusal | None:
    """Two officers of one side where two are asked for, or one officer where one may do."""
    actor, second = record.envelope.actor, _second(record)
    keys = keys_asked(ledger, known, rule, record.data, record.envelope.time)
    if keys is OfficersNeeded.ONE:
        return (
            _no(sentence("It has a second officer, which is not asked of it.")) if second else None
        )
    officer = access.officer_at(registry, actor, position)
    if not second:
        if keys is OfficersNeeded.EITHER or (
            keys is OfficersNeeded.DUTY
            and officer is not None
            and not DUTY.isdisjoint(officer.roles)
        ):
            return None
        return Refusal(
            kind="second-key-required",
            detail=sentence(
                "%(act)s is drafted by one officer and released by another: post it to /drafts, and have a colleague release it.",
                act=rule.act,
            ),
        )
    if second == actor or second.partition("/")[0] != record.side:
        return Refusal(
            kind="second-key-required",
            detail=sentence("Who releases is another officer of the same side."),
        )
    releaser = access.officer_at(registry, second, position)
    if releaser is None or OFFICERS.isdisjoint(releaser.roles):
        return Refusal(
            kind="not-permitted",
            detail=sentence(
                "%(officer)s is no officer in office in %(channel)s.",
                officer=second,
                channel=registry.name,
            ),
        )
    if (
        _invoked(ledger, record.data)
        and officer is not None
        and HEADS.isdisjoint((*officer.roles, *releaser.roles))
    ):
        return Refusal(
            kind="not-permitted",
            detail=sentence(
                "A meeting on the ladder needs the head of office, as drafter or releaser."
            ),
        )
    return None


def source_of(registry: Registry, actor: str) -> str:
    """The source of an actor's records."""
    side, _, name = actor.partition("/")
    if side == "service":
        return f"/services/{name}"
    officer = registry.officers.get(actor)
    return f"/sides/{side}" if officer is None else f"/sides/{side}/offices/{officer.office}"


def _check_attestation(
    registry: Registry,
    known: Exchange | None,
    ledger: History,
    rule: Rule,
    record: Record,
    position: int,
) -> Refusal | None:
    signed, e = record.data.signed, record.envelope
    if (e.attestation == "author") != (signed is not UNSET):
        return _no(sentence("What an author attests carries `signed`, and nothing else does."))
    if isinstance(signed, UnsetType):
        if rule.who is Who.KEEPERS or (
            record.side != "service" and e.family in registry.required_signatures
        ):
            return Refusal(
                kind="not-permitted",
                detail=sentence(
                    "%(act)s must be signed by its author in this channel.", act=rule.act
                ),
            )
        return None
    agreed = (registry.cid, e.type, "" if _opens(rule) else e.subject, e.id, e.actor)
    if agreed != (signed.channel, signed.type, signed.exchange, signed.id, signed.author):
        return _no(sentence("`signed` does not agree with the record."))
    if signed.seen.size >= position or signed.seen.root != dsse.encode_base64(
        ledger.root(signed.seen.size)
    ):
        return _no(sentence("`seen` is no head of this log."))
    etag = (
        registry.etag if rule.family == "channel" else known.revision if known is not None else ""
    )
    stands = (
        signed.after == etag
        if rule.consenting or not etag
        else ledger.holds(e.subject, signed.after)
    )
    if not stands:
        return Refusal(
            kind="moved",
            detail=sentence(
                "`after` is not a record of the exchange that this act can follow; read it again and sign anew."
            ),
        )
    return membership.check_signed(registry, record, position)


def _check_cause(record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, Reminder | Lapse | LineCheckMissed)
    return (
        None
        if record.envelope.causationid == data.started_by
        else _no(sentence("Its cause is not the record that started the clock."))
    )


def _check_state(
    registry: Registry, known: Exchange | None, rule: Rule, side: str
) -> Refusal | None:
    if known is None or known.status in FORMATS[known.act].moves.get(rule.act, {}):
        return None
    return Refusal(
        kind="not-allowed-in-state",
        detail=sentence(
            "%(act)s is not allowed in a %(exchange)s that is %(status)s; the acts allowed to %(side)s are listed in `allowed`.",
            act=rule.act,
            exchange=known.act,
            status=known.status,
            side=side,
        ),
        allowed=tuple(allowed(known, side)),
    )


def allowed(known: Exchange, side: str) -> Iterator[str]:
    """The acts that a side's officers may do in the exchange as it stands, in the table's order."""
    keys = any(sent.sent.side == side for sent in two_keys.due(known))
    for act, rule in RULES.items():
        if (
            known.status in FORMATS[known.act].moves.get(act, {})
            and access.stands(known, rule, side)
            and (keys or act != "second-key")
        ):
            yield act


def _check_act(
    registry: Registry,
    known: Exchange | None,
    ledger: History,
    rule: Rule,
    record: Record,
    position: int,
) -> Refusal | None:
    if isinstance(record.data, Erasure | ErasureConsent):
        return erasure.check(registry, FORMATS, ledger.records_of, record.side, record.data)
    if rule.family == "channel":
        return channel.check(registry, record, position, ledger.actor)
    if rule.who is Who.WATCH:
        assert known is not None
        calendars = {
            side: deadlines.calendar_of(ledger.office(side)) for side in (known.side, *known.to)
        }
        return _check_cause(record) or deadlines.check(registry, known, calendars, record)
    if known is None:
        return (
            exchange.check_opening(registry, FORMATS[rule.act], record)
            or rule.check(registry, None, record)
            or release.check(ledger.exchange, ledger.records_of, record.data)
        )
    form = FORMATS[known.act]
    refusal = (
        exchange.check_continuing(registry, form, known, record)
        or rule.check(registry, known, record)
        or exchange.check_amendment(form, registry, known, record)
    )
    if refusal is not None or form is not release.RELEASE:
        return refusal
    return release.check_continuing(known, record) or release.check(
        ledger.exchange, ledger.records_of, record.data
    )
