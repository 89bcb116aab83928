"""The fold: judge each record at its position, and compute the state after it.

One function judges. It is used for the decision before an append and for the fold after
it, on every gateway and in every replay. A record that is illegal at its own position
is void: it uses up its id and its position, and has no other effect.

A record is judged by the version of the rules that is in force at its position. Where
this program lacks that version, it folds nothing more: `NewerRules`.
"""

from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts import (
    erasure,
    two_keys,
)
from dragoman.domain.acts.act_registry import VERSIONS, RulesVersion, in_force
from dragoman.domain.acts.act_rules import Folding, Format, Rule
from dragoman.domain.acts.families import (
    amendments,
    channel,
    exchange,
    exchange_content,
    genesis,
    opening,
)
from dragoman.domain.acts.two_keys import OfficersNeeded
from dragoman.domain.acts.versions import adoption
from dragoman.domain.history_port import DecisionBasis, History
from dragoman.domain.judge import judge
from dragoman.domain.record import numbering
from dragoman.domain.record.codec import NotARecord, Record, is_read_alike, is_time, parse
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman.domain.record_checks import (
    invoked_explanation_request,
    releaser_of,
)
from dragoman.text import TextError, sentence
from dragoman_schemas.acts.continuing import SecondKey
from dragoman_schemas.acts.office.channel import ErasedRecord, Erasure
from dragoman_schemas.acts.rules_versions import NEWEST
from dragoman_schemas.state import ChannelState, Exchange, Registry, Stamp


class NewerRules(TextError):
    """An error: a channel goes on by rules that this program lacks.

    Nothing is wrong with the log. This program can judge it up to `position`. It lacks
    the version `rules`. The sides named `release` as the first release that has it;
    empty if they named none.
    """

    def __init__(self, channel: str, position: int, rules: int, release: str) -> None:
        """Name the channel, the position, the version and the release."""
        self.position, self.rules, self.release = position, rules, release
        values = {"channel": channel, "position": position, "rules": rules, "own": NEWEST}
        super().__init__(
            sentence(
                "%(channel)s goes on by rules %(rules)s from position %(position)s, and this "
                "program knows rules 1 to %(own)s; install release %(release)s or a newer one",
                release=release,
                **values,
            )
            if release
            else sentence(
                "%(channel)s goes on by rules %(rules)s from position %(position)s, and this "
                "program knows rules 1 to %(own)s; install a newer release",
                **values,
            )
        )


def refuse_newer_rules(state: ChannelState) -> None:
    """Raise `NewerRules` if a channel goes on by rules that this program lacks."""
    registry = state.registry
    if registry is not None and registry.rules not in VERSIONS:
        raise NewerRules(
            registry.name,
            state.position,
            registry.rules,
            adoption.release_of(registry, registry.rules),
        )


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
    """Return the message after `before`, judged and applied. Raises `NewerRules`."""
    position, registry = before.position + 1, before.registry
    refuse_newer_rules(before)
    rules = (
        registry.rules
        if registry is not None
        else _rules_of_genesis(raw)
        if position == 1
        else min(VERSIONS)
    )
    try:
        record = parse(raw, rules)
    except NotARecord as error:
        erased_record = erasure.standing_in(raw, position, history.withheld)
        passed = None if erased_record is None else _withheld(before, history, erased_record, raw)
        if passed is not None:
            return passed
        refusal = make_refusal(
            "void", "The message is not a valid record: %(error)s.", error=error.said
        )
        return Folded(position=position, raw=raw, channel=_passed(before), refusal=refusal)
    return _judged(before, history, record, None)


def folded(
    before: ChannelState, history: History, record: Record, grounds: DecisionBasis | None = None
) -> Folded:
    """Return a parsed record after `before`, judged and applied.

    `grounds` are those on which the record was found legal before. If they are still
    the same, the record is not judged again. A record that the rules in force read
    otherwise than the newest ones is parsed again. Raises `NewerRules`.
    """
    refuse_newer_rules(before)
    registry = before.registry
    if registry is None or not is_read_alike(record.name, registry.rules):
        return fold(before, history, record.raw)
    return _judged(before, history, record, grounds)


def _rules_of_genesis(raw: bytes) -> int:
    """Return the version of the rules by which a log without a genesis is read.

    It is the version that an opening names, and else the first one. Raises
    `NewerRules` if this program lacks it. Such an opening cannot be judged, because its
    members may be others. So the channel is not followed, and nothing is said of it.
    """
    opening = genesis.rules_named(raw)
    if opening is None:
        return min(VERSIONS)
    channel, rules = opening
    if rules not in VERSIONS:
        raise NewerRules(channel[:63], 0, rules, "")
    return rules


def _judged(
    before: ChannelState, history: History, record: Record, grounds: DecisionBasis | None
) -> Folded:
    """Return a record that was read under the rules in force, judged and applied."""
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
    version = in_force(before.registry)
    rule = version.rules[record.name]
    tally, number = _numbered(before, history, version, rule, record)
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
    registry = before.registry
    if registry is None:
        return None
    version = in_force(registry)
    rule = version.rules.get(erasure.act_of(erased_record))
    if (
        rule is None
        or rule.family == "channel"
        or history.used(erased_record.id)
        or not is_time(erased_record.time)
    ):
        return None
    opening = (
        erased_record
        if rule.act in version.formats
        else next(
            (
                erased
                for erased in history.records_of(erased_record.subject)
                if erased.id == erased_record.subject
            ),
            None,
        )
    )
    form = None if opening is None else version.formats.get(erasure.act_of(opening))
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
    before: ChannelState, history: History, version: RulesVersion, rule: Rule, record: Record
) -> tuple[dict[str, int], str]:
    return _counted(
        before,
        rule,
        _form(history, version, rule, record) if rule.numbered and not rule.code else None,
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


def _form(history: History, version: RulesVersion, rule: Rule, record: Record) -> Format:
    """Return the format of the exchange that a record opens or continues."""
    if rule.act in version.formats:
        return version.formats[rule.act]
    current = history.exchange(record.envelope.subject)
    assert current is not None
    return version.formats[current.act]


def _evolved(
    registry: Registry, history: History, rule: Rule, folding: Folding
) -> Exchange | Registry:
    """Return the exchange, or the registry, after a valid record."""
    if rule.family == "channel":
        changed = channel.evolve(registry, folding)
        return changed if rule.silent else replace(changed, etag=folding.record.commit)
    form = in_force(registry).formats.get(rule.act)
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
    version, record = in_force(folding.registry), folding.record
    form = version.formats[before.act]
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
    moving = rule if of is None else version.rules[of.act]
    moved = form.moves.get(moving.act, {}).get(before.status, before.status)
    status = form.holds(after, moving.settle(after, moved))
    return replace(
        after,
        status=status,
        closed=after.closed or (folding.stamp if status == "closed" else None),
        updated=folding.stamp,
        revision=before.revision if rule.silent or rule.act in exchange.RECEIPTS else record.commit,
        etag=before.etag if rule.silent else record.commit,
    )


# Judgement
