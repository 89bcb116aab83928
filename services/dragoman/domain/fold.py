"""The fold: judge each record at its position, and compute the state after it.

One function judges. It is used for the decision before an append and for the fold after
it, on every gateway and in every replay. A record that is illegal at its own position
is void: it uses up its id and its position, and has no other effect.
"""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts import (
    access,
    deadline_acts,
    duty_calendar,
    erasure,
    two_keys,
)
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Folding, Format, Rule, Who
from dragoman.domain.acts.families import (
    amendments,
    channel,
    exchange,
    exchange_content,
    genesis,
    opening,
    release,
)
from dragoman.domain.acts.two_keys import OfficersNeeded
from dragoman.domain.history_port import DecisionBasis, History
from dragoman.domain.record import ids, numbering
from dragoman.domain.record.codec import NotARecord, Record, is_time, parse
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman.domain.record_checks import (
    check_attestation,
    check_cause,
    check_derived,
    check_keys,
    check_service_id,
    invoked_explanation_request,
    make_void,
    officers_needed_for,
    opens,
    releaser_of,
)
from dragoman.text import sentence
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts.continuing import SecondKey
from dragoman_schemas.acts.office.channel import ErasedRecord, Erasure, ErasureConsent
from dragoman_schemas.state import ChannelState, Exchange, Registry, Stamp


class Folded(Struct, frozen=True, kw_only=True, gc=False):
    """One folded message of the log.

    `record` is None if the message is not a record. `refusal` is the reason why the
    record is void. `state` is the exchange, or the registry, after the message; it is
    None if nothing changed. `removed` are the exchanges that were erased.
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
        """Return whether the message has an effect."""
        return self.record is not None and self.refusal is None


def fold(before: ChannelState, history: History, raw: bytes) -> Folded:
    """Return the message after `before`, judged and applied."""
    position = before.position + 1
    try:
        record = parse(raw)
    except NotARecord as error:
        erased_record = erasure.standing_in(raw, position, history.withheld)
        passed = None if erased_record is None else _withheld(before, history, erased_record, raw)
        if passed is not None:
            return passed
        refusal = make_refusal(
            "void", "The message is not a valid record: %(error)s.", error=error.said
        )
        return Folded(position=position, raw=raw, channel=_passed(before), refusal=refusal)
    return folded(before, history, record)


def folded(
    before: ChannelState, history: History, record: Record, grounds: DecisionBasis | None = None
) -> Folded:
    """Return a parsed record after `before`, judged and applied.

    `grounds` are those on which the record was found legal before. If they are still
    the same, the record is not judged again.
    """
    position = before.position + 1
    is_judged = grounds is not None and grounds.stand(before, history, record)
    refusal = None if is_judged else judge(before, history, record)
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
        told=exchange_content.passed_at(record),
    )
    time = max(before.time, record.envelope.time)
    if before.registry is None:
        registry = genesis.registry_of(record, stamp)
        after = ChannelState(position=position, time=time, registry=registry)
        return Folded(
            position=position, raw=record.raw, channel=after, record=record, state=registry
        )
    rule = RULES[record.name]
    tally, number = _numbered(before, history, rule, record)
    folding = Folding(record=record, stamp=stamp, number=number, registry=before.registry)
    registry, state = before.registry, _evolved(before.registry, history, rule, folding)
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
    before: ChannelState, history: History, erased_record: ErasedRecord, raw: bytes
) -> Folded | None:
    """Return a record whose bytes were erased, folded with an empty act.

    It counts in the numbering and is not judged again. None if it cannot have been a
    record.
    """
    registry, rule = before.registry, RULES.get(erasure.act_of(erased_record))
    if (
        registry is None
        or rule is None
        or rule.family == "channel"
        or history.used(erased_record.id)
        or not is_time(erased_record.time)
    ):
        return None
    opening = (
        erased_record
        if rule.act in FORMATS
        else next(
            (
                erased
                for erased in history.records_of(erased_record.subject)
                if erased.id == erased_record.subject
            ),
            None,
        )
    )
    form = None if opening is None else FORMATS.get(erasure.act_of(opening))
    record = erasure.emptied(
        registry.name, "" if form is None else form.rule.family or "", erased_record, raw
    )
    if erased_record.void:
        refusal = make_refusal("void", "It was void before its exchange was erased.")
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
    """Return the state after a message without effect."""
    return replace(before, position=before.position + 1)


def _numbered(
    before: ChannelState, history: History, rule: Rule, record: Record
) -> tuple[dict[str, int], str]:
    return _counted(
        before,
        rule,
        _form(history, rule, record) if rule.numbered and not rule.code else None,
        record,
    )


def _counted(
    before: ChannelState, rule: Rule, form: Format | None, record: Record
) -> tuple[dict[str, int], str]:
    """Return the tally after the record, and the record's number.

    The number shows the code of the act itself, or else the code of its exchange's
    format.
    """
    if rule.numbered not in ("O", "C", "X") or record.envelope.family == "desk":
        # Records of a side's own desk have no numbers (docs/spec/catalogue.md §14).
        return before.tally, ""
    code = rule.code or ("" if form is None else form.code)
    kind: numbering.Kind = "O" if rule.numbered == "O" else "C" if rule.numbered == "C" else "X"
    return numbering.count(
        before.tally,
        record.envelope.channel,
        exchange_content.side_of(record),
        record.envelope.time,
        code,
        kind,
    )


def _form(history: History, rule: Rule, record: Record) -> Format:
    """Return the format of the exchange that a record opens or continues."""
    if rule.act in FORMATS:
        return FORMATS[rule.act]
    current = history.exchange(record.envelope.subject)
    assert current is not None
    return FORMATS[current.act]


def _evolved(
    registry: Registry, history: History, rule: Rule, folding: Folding
) -> Exchange | Registry:
    """Return the exchange, or the registry, after a valid record."""
    if rule.family == "channel":
        changed = channel.evolve(registry, folding)
        return changed if rule.silent else replace(changed, etag=folding.record.commit)
    form = FORMATS.get(rule.act)
    if form is not None:
        opened = opening.opened(
            form, folding, invoked_explanation_request(history, folding.record.data)
        )
        return (
            two_keys.with_second_key_due(opened, folding.record, folding.stamp)
            if rule.two_key and not releaser_of(folding.record)
            else opened
        )
    before = history.exchange(folding.record.envelope.subject)
    assert before is not None
    return carried_on(before, rule, folding)


def carried_on(before: Exchange, rule: Rule, folding: Folding) -> Exchange:
    """Return the exchange after a continuing act."""
    form, record = FORMATS[before.act], folding.record
    alone = (
        not releaser_of(record)
        and two_keys.officers_needed(rule, form, before, record.data, record.envelope.time)
        is not OfficersNeeded.ONE
    )
    noted = two_keys.with_second_key_due(before, record, folding.stamp) if alone else before
    after = rule.evolve(exchange.with_message_effects(noted, rule, folding), folding)
    after = amendments.amend(form, after, folding)
    of = (
        two_keys.one_key_entry(before, record.data.of)
        if isinstance(record.data, SecondKey)
        else None
    )
    # A second key gives the act that it releases its effect only now.
    moving = rule if of is None else RULES[of.act]
    moved = form.moves.get(moving.act, {}).get(before.status, before.status)
    return replace(
        after,
        status=form.holds(after, moving.settle(after, moved)),
        updated=folding.stamp,
        revision=before.revision if rule.silent or rule.act in exchange.RECEIPTS else record.commit,
        etag=before.etag if rule.silent else record.commit,
    )


# Judgement


def judge(before: ChannelState, history: History, record: Record) -> Refusal | None:
    """Return the refusal of the record at the position after `before`.

    None means that the record is legal there.
    """
    if before.registry is None:
        return (
            genesis.check_genesis(record)
            if before.position == 0
            else make_void(
                sentence("Position 1 is not a channel opening, so this log is not a channel.")
            )
        )
    registry, position, envelope = before.registry, before.position + 1, record.envelope
    if history.used(envelope.id):
        return make_void(sentence("An earlier record has already used its id."))
    if not ids.uses_up(envelope.id, envelope.actor):
        return make_void(
            sentence(
                "Its id is reserved for a service; "
                "an officer's id is a UUIDv7, or a UUIDv8 of its Idempotency-Key."
            )
        )
    rule = RULES[record.name]
    if rule is channel.OPENING:
        return make_void(sentence("A channel is opened once, at position 1."))
    if int(envelope.decided) >= position:
        return make_void(sentence("It was decided on a position that had not been written."))
    current = (
        None if opens(rule) or rule.family == "channel" else history.exchange(envelope.subject)
    )
    return (
        check_derived(registry, current, rule, record, position)
        or access.may_act(registry, current, rule, envelope.actor, position, releaser_of(record))
        or check_service_id(registry, history, record)
        or check_keys(registry, current, history, rule, record, position)
        or check_attestation(registry, current, history, rule, record, position)
        or _check_state(registry, current, rule, record.side)
        or _check_act(registry, current, history, rule, record, position)
    )


def takes_two(history: History, current: Exchange | None, rule: Rule, data: Act) -> bool:
    """Return whether an act needs two officers.

    This includes acts that one officer may send with the second key due.
    """
    return (
        rule.two_key
        or officers_needed_for(history, current, rule, data, "") is not OfficersNeeded.ONE
    )


def _check_state(
    registry: Registry, current: Exchange | None, rule: Rule, side: str
) -> Refusal | None:
    """Refuse an act that is not allowed in the exchange's status."""
    if current is None or current.status in FORMATS[current.act].moves.get(rule.act, {}):
        return None
    return Refusal(
        kind="not-allowed-in-state",
        detail=sentence(
            "%(act)s is not allowed in a %(exchange)s that is %(status)s; "
            "the acts allowed to %(side)s are listed in `allowed`.",
            act=rule.act,
            exchange=current.act,
            status=current.status,
            side=side,
        ),
        allowed=tuple(allowed(current, side)),
    )


def allowed(current: Exchange, side: str) -> Iterator[str]:
    """Yield the acts that a side's officers may do in an exchange as it is now.

    The acts are in the order of the registry.
    """
    keys = any(sent.sent.side == side for sent in two_keys.due(current))
    for act, rule in RULES.items():
        if (
            current.status in FORMATS[current.act].moves.get(act, {})
            and access.stands(current, rule, side)
            and (keys or act != "second-key")
        ):
            yield act


def _check_act(
    registry: Registry,
    current: Exchange | None,
    history: History,
    rule: Rule,
    record: Record,
    position: int,
) -> Refusal | None:
    """Refuse an act whose members break a rule of its family or of its exchange."""
    if isinstance(record.data, Erasure | ErasureConsent):
        return erasure.check(registry, FORMATS, history.records_of, record.side, record.data)
    if rule.family == "channel":
        return channel.check(registry, record, position, history.actor)
    if rule.who is Who.WATCH:
        assert current is not None
        calendars = {
            side: duty_calendar.calendar_of(history.office(side))
            for side in (current.side, *current.to)
        }
        return check_cause(record) or deadline_acts.check(registry, current, calendars, record)
    if current is None:
        return (
            opening.check_opening(registry, FORMATS[rule.act], record)
            or rule.check(registry, None, record)
            or release.check(history.exchange, history.records_of, record.data)
        )
    form = FORMATS[current.act]
    refusal = (
        exchange.check_continuing(registry, form, current, record)
        or rule.check(registry, current, record)
        or amendments.check_amendment(form, registry, current, record)
    )
    if refusal is not None or form is not release.RELEASE:
        return refusal
    return release.check_continuing(current, record) or release.check(
        history.exchange, history.records_of, record.data
    )
