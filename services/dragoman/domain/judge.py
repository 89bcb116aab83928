"""The judgement of a record: whether it is legal at its position."""

from dragoman.domain.acts import (
    access,
    deadline_acts,
    duty_calendar,
    erasure,
    references,
    window_notices,
)
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.acts.act_rules import Rule, Who
from dragoman.domain.acts.families import (
    amendments,
    channel,
    exchange,
    genesis,
    joining,
    opening,
    release,
)
from dragoman.domain.acts.two_keys import OfficersNeeded
from dragoman.domain.history_port import History
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal
from dragoman.domain.record_checks import (
    check_attestation,
    check_cause,
    check_derived,
    check_keys,
    check_service_id,
    make_void,
    officers_needed_for,
    opens,
    releaser_of,
)
from dragoman.domain.views.offers import allowed
from dragoman.text import sentence
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts.office.channel import Erasure, ErasureConsent
from dragoman_schemas.acts.office.watch import WindowNotice
from dragoman_schemas.state import ChannelState, Exchange, Registry


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
    rule = in_force(registry).rules[record.name]
    if rule.act == channel.OPENING.act:
        return make_void(sentence("A channel is opened once, at position 1."))
    ended = channel.check_ended(registry, rule.act)
    if ended is not None:
        return ended
    if int(envelope.decided) >= position:
        return make_void(sentence("It was decided on a position that had not been written."))
    current = (
        None
        if opens(registry, rule) or rule.family == "channel"
        else history.exchange(envelope.subject)
    )
    return (
        check_derived(registry, current, rule, record, position)
        or access.may_act(registry, current, rule, envelope.actor, position, releaser_of(record))
        or check_service_id(registry, history, record)
        or check_keys(registry, current, history, rule, record, position)
        or check_attestation(registry, current, history, rule, record, position)
        or _check_state(registry, current, rule, record.side)
        or _check_act(registry, current, history, rule, record, position)
        or references.check_types(registry, record.act)
    )


def takes_two(
    registry: Registry, history: History, current: Exchange | None, rule: Rule, data: Act
) -> bool:
    """Return whether an act needs two officers.

    This includes acts that one officer may send with the second key due.
    """
    return (
        rule.two_key
        or officers_needed_for(registry, history, current, rule, data, "") is not OfficersNeeded.ONE
    )


def _check_state(
    registry: Registry, current: Exchange | None, rule: Rule, side: str
) -> Refusal | None:
    """Refuse an act that is not allowed in the exchange's status."""
    if current is None:
        return None
    form = in_force(registry).formats[current.act]
    if current.status in form.moves.get(rule.act, {}):
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
        allowed=tuple(allowed(registry, current, side)),
    )


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
        return erasure.check(
            registry, in_force(registry).formats, history.records_of, record.side, record.data
        )
    if rule.family == "channel":
        return channel.check(registry, record, position, history.actor)
    if rule.who is Who.WATCH:
        assert current is not None
        if isinstance(record.data, WindowNotice):
            return check_cause(record) or window_notices.check(registry, current, record)
        calendars = {
            side: duty_calendar.calendar_of(history.office(side))
            for side in (current.side, *current.to)
        }
        return check_cause(record) or deadline_acts.check(registry, current, calendars, record)
    if current is None:
        return (
            opening.check_opening(registry, in_force(registry).formats[rule.act], record)
            or rule.check(registry, None, record)
            or release.check(history.exchange, history.records_of, record.data)
        )
    form = in_force(registry).formats[current.act]
    refusal = (
        exchange.check_continuing(registry, form, current, record)
        or rule.check(registry, current, record)
        or amendments.check_amendment(form, registry, current, record)
        or joining.check(current, record)
    )
    if refusal is not None or current.act != release.RELEASE.rule.act:
        return refusal
    return release.check_continuing(current, record) or release.check(
        history.exchange, history.records_of, record.data
    )
