"""Receipts of a message: delivery, acknowledgement, answer, and passing on.

Each addressee has its own, with their times and the time that they took.
"""

from collections.abc import Callable, Container, Iterable

from msgspec import Struct
from msgspec.structs import replace

from dragoman.console.page.context import PageContext
from dragoman.domain.views import alarms
from dragoman.i18n.words import Words, as_moment
from dragoman.projection.queries import ladder
from dragoman.projection.queries.ladder import LadderStep
from dragoman_schemas.responses import Fact, PassedOnTo
from dragoman_schemas.state import Exchange, Message, Stamp


class ReceiptRow(Struct, frozen=True, kw_only=True):
    """The four facts of one addressee.

    `who` is the role of the officer who acknowledged. `by_answer` is true where an
    answer proves the receipt. An answer is awaited to the opening, and where the
    side owes one. Durations are in seconds; `was_to_ring` says for whom a
    flash was to ring, and when. `passed_on` names each post once, as `posts_of` returns
    them.
    """

    fact: Fact
    was_to_ring: str = ""
    who: str = ""
    by_answer: bool = False
    acknowledged_s: float | None = None
    answered_s: float | None = None
    is_answer_awaited: bool = False
    passed_on: tuple[PassedOnTo, ...] = ()


class Received(Struct, frozen=True, kw_only=True):
    """One message, and the receipts of all its addressees."""

    message: Message
    receipts: tuple[ReceiptRow, ...]


class SideRow(Struct, frozen=True, kw_only=True):
    """The receipts of a side: of each fact the newest message of which it is known.

    `newest` is the receipt of the newest `message` to the side. `rang` is the newest of
    a flash, and `waiting` counts the messages not acknowledged.
    """

    message: Message
    newest: ReceiptRow
    answered: ReceiptRow
    passed: ReceiptRow
    rang: ReceiptRow
    waiting: int = 0
    is_answer_awaited: bool = False

    @property
    def is_settled(self) -> bool:
        """Return whether the side has acknowledged all, and no silence of it counts."""
        fact = self.answered.fact
        is_silent = self.passed.fact.not_passed_on or (
            self.is_answer_awaited and not (fact.answered or fact.account)
        )
        return not self.waiting and not is_silent and bool(self.newest.fact.acknowledged)


def by_side(received: Iterable[Received]) -> list[SideRow]:
    """Return one row for each side, in the order in which messages came to them."""
    groups: dict[str, list[tuple[Message, ReceiptRow]]] = {}
    for group in received:
        for receipt in group.receipts:
            groups.setdefault(receipt.fact.side, []).append((group.message, receipt))
    return [_side_row(receipts) for receipts in groups.values()]


def _side_row(receipts: list[tuple[Message, ReceiptRow]]) -> SideRow:
    message, newest = receipts[-1]

    def latest(is_known: Callable[[ReceiptRow], object]) -> ReceiptRow:
        return next((row for _, row in reversed(receipts) if is_known(row)), newest)

    return SideRow(
        message=message,
        newest=newest,
        answered=latest(lambda row: row.fact.answered or row.fact.account),
        passed=latest(lambda row: row.passed_on or row.fact.not_passed_on),
        rang=latest(lambda row: row.was_to_ring),
        waiting=sum(row.fact.owes and not row.fact.acknowledged for _, row in receipts),
        is_answer_awaited=newest.fact.owes and any(row.is_answer_awaited for _, row in receipts),
    )


async def ladder_of(context: PageContext, state: Exchange) -> list[LadderStep]:
    """Return the officers whom each flash of an exchange reached.

    Officers of the reader's own side are named, and the others shown by role.
    """
    if not any(alarms.rings(context.registry, state, message) for message in state.messages):
        return []
    return await context.ask(ladder.steps, state, context.side)


def of(
    context: PageContext,
    state: Exchange,
    facts: Iterable[Fact],
    ladder_steps: Iterable[LadderStep] = (),
    message: str = "",
    *,
    answerers: Container[str] = (),
) -> list[Received]:
    """Return each message of an exchange with its receipts.

    Only one message is returned where `message` names it. `answerers` are the sides
    that owe an answer.
    """
    steps: dict[tuple[str, str], list[LadderStep]] = {}
    for ladder_step in ladder_steps:
        steps.setdefault((ladder_step.message, ladder_step.side), []).append(ladder_step)
    messages = {item.id: item for item in state.messages if not message or item.id == message}
    receipt_rows: dict[str, list[ReceiptRow]] = {}
    for fact in facts:
        if fact.message in messages:
            receipt_rows.setdefault(fact.message, []).append(
                _receipt(
                    context,
                    state,
                    messages[fact.message],
                    fact,
                    tuple(steps.get((fact.message, fact.side), ())),
                    answerers,
                )
            )
    return [
        Received(message=messages[id], receipts=tuple(receipts))
        for id, receipts in receipt_rows.items()
    ]


def _receipt(
    context: PageContext,
    state: Exchange,
    message: Message,
    fact: Fact,
    ladder_steps: tuple[LadderStep, ...],
    answerers: Container[str],
) -> ReceiptRow:
    acknowledged, answered = message.acknowledged.get(fact.side), message.answered.get(fact.side)
    officer = (
        None if acknowledged is None else context.projection.registry.officers.get(acknowledged.by)
    )
    return ReceiptRow(
        fact=fact,
        was_to_ring=context.words.semicolon.join(
            f"{rung_of(context.words, item)} {context.words.written(item.time, 'clock')}"
            for item in ladder_steps
        ),
        who="" if officer is None else context.words.value(officer.roles[0]),
        by_answer=acknowledged is not None and _answers(state, acknowledged, answered),
        acknowledged_s=_took(message, acknowledged),
        answered_s=_took(message, answered),
        is_answer_awaited=fact.owes and (message.id == state.id or fact.side in answerers),
        passed_on=posts_of(fact.passed_on),
    )


def posts_of(passed_on: Iterable[PassedOnTo]) -> tuple[PassedOnTo, ...]:
    """Return each post that was told once: the first time, and the newest confirmation.

    A side records the confirmation of a post apart from having told it.
    """
    posts: dict[str, PassedOnTo] = {}
    for item in passed_on:
        first = posts.setdefault(item.post, item)
        if item.confirmed_at:
            posts[item.post] = replace(first, confirmed_at=item.confirmed_at)
    return tuple(posts.values())


def _answers(state: Exchange, acknowledged: Stamp, answered: Stamp | None) -> bool:
    """Return whether the record that proves a receipt is an answer.

    Otherwise it is a receipt alone.
    """
    answers = {message.said.position for message in state.messages} | {
        answered.position if answered else 0
    }
    return acknowledged.position in answers


def rung_of(words: Words, step: LadderStep) -> str:
    """Return the role for which a flash was to ring, with the officers if named."""
    role = words.value(step.rung)
    return (
        words.say(
            "%(role)s (%(who)s)",
            role=role,
            who=words.listed(officer.partition("/")[2] for officer in step.officers),
        )
        if step.officers
        else role
    )


def _took(message: Message, stamp: Stamp | None) -> float | None:
    return (
        None
        if stamp is None
        else (as_moment(stamp.time) - as_moment(message.said.time)).total_seconds()
    )
