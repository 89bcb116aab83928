"""The fold: is this record legal at its position, and what is the state after it.

One function judges, for the decision before an append and for the fold after it, on
every gateway and in every replay. A record that is illegal at its own position is void:
it uses up its id and its position, and has no other effect.
"""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts import (
    access,
    deadline_acts,
    deadlines,
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
    opening,
    release,
)
from dragoman.domain.acts.two_keys import OfficersNeeded
from dragoman.domain.history_port import DecisionBasis, History
from dragoman.domain.record import ids, numbering
from dragoman.domain.record.codec import NotARecord, Record, parse
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman.domain.record_checks import (
    _second,
    check_attestation,
    check_cause,
    check_derived,
    check_keys,
    check_service_id,
    invoked,
    keys_asked,
    no,
    opens,
)
from dragoman.text import sentence
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts.continuing import SecondKey
from dragoman_schemas.acts.office.channel import ErasedRecord, Erasure, ErasureConsent
from dragoman_schemas.state import ChannelState, Exchange, Registry, Stamp


class Folded(Struct, frozen=True, kw_only=True, gc=False):
    """One message of the log, folded.

    `record` is None for junk. `refusal` is why the record is void. `state` is what the
    exchange, or the registry, has become, and None where nothing changed; `removed` are
    the exchanges that were erased.
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


def fold(before: ChannelState, ledger: History, raw: bytes) -> Folded:
    """Return the message after `before`, judged and applied."""
    position = before.position + 1
    try:
        record = parse(raw)
    except NotARecord as error:
        erased_record = erasure.standing_in(raw, position, ledger.withheld)
        passed = None if erased_record is None else _withheld(before, ledger, erased_record, raw)
        if passed is not None:
            return passed
        refusal = make_refusal("void", "No record: %(error)s.", error=error.said)
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
        told=exchange_content.told(record),
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
    """Return a record whose bytes are gone: with an empty act, counted, and not judged again. None for what cannot have been one."""
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
    """Return the tally after the record, and its number: with the code of the act itself, else of its exchange's format."""
    if rule.numbered not in ("O", "C", "X") or record.envelope.family == "desk":
        return before.tally, ""  # a side's own desk numbers nothing (record.md §8)
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
        opened = opening.opened(form, folding, invoked(ledger, folding.record.data))
        return (
            two_keys.noted(opened, folding.record, folding.stamp)
            if rule.two_key and not _second(folding.record)
            else opened
        )
    known = ledger.exchange(folding.record.envelope.subject)
    assert known is not None
    return carried_on(known, rule, folding)


def carried_on(known: Exchange, rule: Rule, folding: Folding) -> Exchange:
    """Return the exchange after a continuing act."""
    form, record = FORMATS[known.act], folding.record
    alone = (
        not _second(record)
        and two_keys.asked(rule, form, known, record.data, record.envelope.time)
        is not OfficersNeeded.ONE
    )
    noted = two_keys.noted(known, record, folding.stamp) if alone else known
    after = rule.evolve(exchange.said(noted, rule, folding), folding)
    after = amendments.amend(form, after, folding)
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
    """Return why the record would be void at the position after `before`, or None if it is legal there."""
    if before.registry is None:
        return (
            channel.check_genesis(record)
            if before.position == 0
            else no(sentence("Position 1 is no genesis: this is no channel."))
        )
    registry, position, envelope = before.registry, before.position + 1, record.envelope
    if ledger.used(envelope.id):
        return no(sentence("Its id was used up by an earlier record."))
    if not ids.uses_up(envelope.id, envelope.actor):
        return no(
            sentence(
                "Its id is one of a service's; an officer's is a UUIDv7, or a UUIDv8 of its key."
            )
        )
    rule = RULES[record.name]
    if rule is channel.OPENING:
        return no(sentence("A channel is opened once, at position 1."))
    if int(envelope.decided) >= position:
        return no(sentence("It was decided on a position that had not been written."))
    known = None if opens(rule) or rule.family == "channel" else ledger.exchange(envelope.subject)
    return (
        check_derived(registry, known, rule, record, position)
        or access.may_act(registry, known, rule, envelope.actor, position, _second(record))
        or check_service_id(registry, ledger, record)
        or check_keys(registry, known, ledger, rule, record, position)
        or check_attestation(registry, known, ledger, rule, record, position)
        or _check_state(registry, known, rule, record.side)
        or _check_act(registry, known, ledger, rule, record, position)
    )


def takes_two(ledger: History, known: Exchange | None, rule: Rule, data: Act) -> bool:
    """Return whether two officers put an act together, also where one of them may send it with the second due."""
    return rule.two_key or keys_asked(ledger, known, rule, data, "") is not OfficersNeeded.ONE


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
    """Yield the acts that a side's officers may do in the exchange as it stands, in the table's order."""
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
        return check_cause(record) or deadline_acts.check(registry, known, calendars, record)
    if known is None:
        return (
            opening.check_opening(registry, FORMATS[rule.act], record)
            or rule.check(registry, None, record)
            or release.check(ledger.exchange, ledger.records_of, record.data)
        )
    form = FORMATS[known.act]
    refusal = (
        exchange.check_continuing(registry, form, known, record)
        or rule.check(registry, known, record)
        or amendments.check_amendment(form, registry, known, record)
    )
    if refusal is not None or form is not release.RELEASE:
        return refusal
    return release.check_continuing(known, record) or release.check(
        ledger.exchange, ledger.records_of, record.data
    )
