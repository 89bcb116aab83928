"""The five answers of an audit as sentences, each with its evidence and its author.

They are the answers of the audit report (`reports/audit_answers`), in the reader's
language, as of the page's position. Each says what is so, how we know, and on whose
word that rests.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dragoman.application.http.conditional_requests import turn
from dragoman.application.operations import transparency_log
from dragoman.console.audit.verified_heads import SignedHeads
from dragoman.console.context import PageContext
from dragoman.console.display.deadline_rows import Level
from dragoman.console.input.periods import moment_query
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.record.errors import Refused
from dragoman.domain.views.audit_findings import AuditFinding
from dragoman.i18n.words import Words
from dragoman.limits import REPORT_EXCHANGES
from dragoman.projection.queries.snapshot import Snapshot, snapshot_of
from dragoman.reports import audit_answers, layout
from dragoman.reports.log_findings import LogFinding
from dragoman_schemas.report_shapes import FiveAnswers, Matter, Receipt, Urgent

_PERIODS: Final = (0, 365, 90, 30, 7, 1)
"""Periods of the answers in days, longest first; 0 is since the opening.

The page takes the longest period that one report holds.
"""


@dataclass(frozen=True, kw_only=True)
class SummaryLine:
    """One finding: a sentence, and its matter or the record that shows it."""

    text: str
    matter: Matter | None = None
    position: int = 0


@dataclass(frozen=True, kw_only=True)
class SummaryAnswer:
    """The answer to one question.

    `lines` are about the sides one by one, and `more` are the findings.
    """

    question: str
    level: Level
    icon: str
    verdict: str
    detail: str = ""
    how: str
    word: str
    lines: tuple[str, ...] = ()
    more: tuple[SummaryLine, ...] = ()


async def gather_answers(context: PageContext) -> audit_answers.AuditAnswers | None:
    """Return the five answers about the longest period that one report holds.

    None where a day is too long.
    """
    whole = await transparency_log.checked(context.call)
    live = context.past or context.service.is_live(context.projection)
    async with turn(context.request, context.projection):
        end_seen = context.service.as_of(context.projection)
        query = moment_query(context)
        return await context.ask(
            lambda view: _gather(snapshot_of(view, query, end_seen), whole, live)
        )


def _gather(
    snapshot: Snapshot,
    whole: list[LogFinding],
    live: bool,
) -> audit_answers.AuditAnswers | None:
    for days in _PERIODS:
        span = snapshot.span(snapshot.ends - timedelta(days=days) if days else None)
        first = snapshot.first(span)
        try:
            snapshot.expect(first, REPORT_EXCHANGES)
        except Refused:
            continue
        return audit_answers.answers(snapshot, span, first, whole, live=live)
    return None


def summary_answers(
    context: PageContext,
    answers: audit_answers.AuditAnswers,
    signed: SignedHeads,
    hosts: tuple[int, int],
) -> tuple[SummaryAnswer, ...]:
    """Return the answers in the reader's language.

    `hosts` is the number of acts that rest on the host's word, and the number of
    records that were examined.
    """
    return (
        _whole(context, signed, hosts),
        _knew(context.words, answers.report),
        _owed(context.words, answers.report),
        _stood(context, answers.report),
        _authorised(context.words, answers.report, answers.exceptions),
    )


def _whole(context: PageContext, signed: SignedHeads, hosts: tuple[int, int]) -> SummaryAnswer:
    words, newest = context.words, signed.newest
    say = words.say
    count, looked = hosts
    level: Level = "normal"
    icon, detail = "tick", ""
    if not signed.is_available:
        level, icon, verdict = (
            "serious",
            "lost",
            say("Not known: the broker does not say what is signed."),
        )
    elif newest is None:
        level, icon, verdict = "serious", "serious", say("Nothing is signed yet.")
    elif not signed.matches:
        level, icon, verdict = (
            "critical",
            "critical",
            say("The signed head does not match the records here."),
        )
        detail = say("Keep both, and tell the operator.")
    elif not signed.policy:
        level, icon = "off", "seal"
        verdict = say(
            "Whole and unaltered to record %(n)s, only by the host’s word.",
            n=words.number(newest.size),
        )
        detail = say("No witness is named: others may be shown another log.")
    elif signed.final >= context.position:
        verdict = say("Whole and unaltered to record %(n)s.", n=words.number(signed.final))
        detail = say("On the word of the witnesses whom every side named.")
    else:
        level, icon = "standby", "standby"
        verdict = say(
            "Signed to record %(n)s, countersigned to record %(m)s.",
            n=words.number(newest.size),
            m=words.number(signed.final),
        )
        detail = say("What comes after waits for the witnesses.")
    lines = [
        words.count(
            "%(n)s act of a side rests on the host’s word.",
            "%(n)s acts of sides rest on the host’s word.",
            count,
        )
        if looked >= context.position
        else say(
            "Of the newest %(m)s records, %(n)s acts of sides rest on the host’s word.",
            m=words.number(looked),
            n=words.number(count),
        )
    ]
    if newest is not None:
        lines.append(say("Newest head: sealed %(t)s.", t=words.written(newest.sealed, "milli")))
    return SummaryAnswer(
        question=say("Is it whole and unaltered, until when, on whose word?"),
        level=level,
        icon=icon,
        verdict=verdict,
        detail=detail,
        how=say(
            "This gateway folded every record and compared the tree’s root with the signed head."
        ),
        word=say(
            "The gateway’s own word. Nobody’s is needed: each record’s page works the proof "
            "out in your browser."
        ),
        lines=tuple(lines),
    )


def _knew(words: Words, five_answers: FiveAnswers) -> SummaryAnswer:
    say = words.say
    waiting = (
        sum(entry.not_yet for entry in five_answers.receiving) + five_answers.unnamed.unacknowledged
    )
    if waiting:
        level: Level = "critical" if five_answers.waiting_flash else "caution"
        verdict = words.count(
            "%(n)s message is not acknowledged yet.",
            "%(n)s messages are not acknowledged yet.",
            waiting,
        )
    elif not_passed_on := sum(entry.not_passed_on for entry in five_answers.receiving):
        level = "caution"
        verdict = words.count(
            "%(n)s message is acknowledged, without a word that every post was told.",
            "%(n)s messages are acknowledged, without a word that every post was told.",
            not_passed_on,
        )
    elif any(entry.messages for entry in five_answers.receiving):
        level, verdict = "normal", say("Every message was acknowledged.")
    else:
        level, verdict = "normal", say("No message asked for an acknowledgement.")
    lines = []
    for item in five_answers.receiving:
        values = {
            "side": item.side.upper(),
            "a": words.number(item.acknowledged),
            "n": words.number(item.messages),
        }
        if item.took is None:
            lines.append(say("%(side)s acknowledged %(a)s of %(n)s.", **values))
        else:
            slowest = words.span(item.took.worst_s)
            lines.append(
                say(
                    "%(side)s acknowledged %(a)s of %(n)s, the slowest after %(d)s.",
                    **values,
                    d=slowest,
                )
            )
        if item.not_passed_on:
            number = words.number(item.not_passed_on)
            lines[-1] = words.sentences(
                [
                    lines[-1],
                    say("Acknowledged, without a word that every post was told: %(n)s.", n=number),
                ]
            )
    climbed = sum(
        len(receipt.was_to_ring) > 1
        for urgent in five_answers.messages
        for receipt in urgent.receipts
    )
    if climbed:
        lines.append(
            words.count(
                "%(n)s flash was to ring further than for the duty officer.",
                "%(n)s flashes were to ring further than for the duty officer.",
                climbed,
            )
        )
    return SummaryAnswer(
        question=say("Who knew what, when?"),
        level=level,
        icon=level,
        verdict=verdict,
        how=say(
            "Each acknowledgement is an act of the side that made it; deliveries are "
            "recorded by the gateway. For whom a flash was to ring follows from the time it "
            "waited."
        ),
        word=say("The sides’ own word; of deliveries the gateway’s."),
        lines=tuple(lines),
        more=tuple(
            SummaryLine(
                text=say(
                    "Not acknowledged by %(who)s, since %(t)s",
                    who=words.listed(
                        receipt.side.upper()
                        for receipt in message.receipts
                        if receipt.owes and not receipt.acknowledged
                    )
                    or say("a participant"),
                    t=words.written(message.time, "milli"),
                ),
                matter=message.matter,
            )
            for message in five_answers.unacknowledged
        )
        + tuple(
            SummaryLine(text=_message_text(words, message), matter=message.matter)
            for message in five_answers.messages
        ),
    )


def _message_text(words: Words, message: Urgent) -> str:
    """Return the addressees of a message, and the time of each acknowledgement."""

    def stands(receipt: Receipt) -> str:
        if receipt.acknowledged:
            t = words.written(receipt.acknowledged, "milli")
            if receipt.not_passed_on:
                posts = words.listed(receipt.not_passed_on)
                return words.say(
                    "acknowledged %(t)s, without a word that it passed this on to %(posts)s",
                    t=t,
                    posts=posts,
                )
            return words.say("acknowledged %(t)s", t=t)
        return words.say("not acknowledged") if receipt.owes else words.say("for information")

    act = words.act(message.act)
    message_text = words.say(
        "%(act)s of %(side)s, %(t)s",
        act=act,
        side=message.side.upper() or words.say("a participant"),
        t=words.written(message.time, "milli"),
    )
    acknowledgements = words.semicolon.join(
        words.say("%(what)s: %(detail)s", what=receipt.side.upper(), detail=stands(receipt))
        for receipt in message.receipts
    )
    return (
        words.say("%(what)s: %(detail)s", what=message_text, detail=acknowledgements)
        if acknowledgements
        else message_text
    )


def _owed(words: Words, five_answers: FiveAnswers) -> SummaryAnswer:
    say = words.say
    overdue = [due for due in five_answers.owed if due.overdue and not due.courtesy]
    passed = [lapse for lapse in five_answers.lapses if not lapse.courtesy]
    binding = [count for count in five_answers.limits if not count.courtesy]
    late = sum(count.overdue for count in binding)
    passed_unmet = sum(count.passed for count in binding)
    is_cut_off = sum(count.passed for count in five_answers.limits) > len(five_answers.lapses)
    blind = sum(
        (row.watch_nobody_s or 0) + (row.line_down_s or 0) + row.broker_down_s
        for row in five_answers.blindness
    )
    if late:
        level: Level = "serious"
        verdict = words.count(
            "%(n)s thing is owed and late.", "%(n)s things are owed and late.", late
        )
    elif passed_unmet:
        level = "caution"
        verdict = words.count(
            "%(n)s limit passed before what was owed came.",
            "%(n)s limits passed before what was owed came.",
            passed_unmet,
        )
    else:
        level, verdict = "normal" if blind < 1 else "caution", say("No limit passed.")
    detail = say("There were times at which nobody could have noticed.") if blind >= 1 else ""
    by_side: dict[str, Counter[str]] = {side: Counter() for side in five_answers.of.sides}
    for count in five_answers.limits:
        counter = by_side.setdefault(count.side, Counter())
        counter["passed"] += 0 if count.courtesy else count.passed
        counter["running"] += count.open + count.overdue
    lines = [
        say(
            "%(side)s: %(n)s limits passed, %(m)s run.",
            side=side.upper(),
            n=words.number(by_side[side]["passed"]),
            m=words.number(by_side[side]["running"]),
        )
        for side in five_answers.of.sides
    ]
    lines += _blind(words, five_answers)
    if is_cut_off:
        lines.append(
            say(
                "Of limits that passed, the newest %(n)s are listed.",
                n=words.number(len(five_answers.lapses)),
            )
        )
    return SummaryAnswer(
        question=say("What was owed and not done, and when could nobody have noticed?"),
        level=level,
        icon=level,
        verdict=verdict,
        detail=detail,
        how=say("Limits run by the channel’s time and each side’s calendar, alike for all sides."),
        word=say("The records’ own times; of outages the gateways’ word."),
        lines=tuple(lines),
        more=(
            *(
                SummaryLine(
                    text=say(
                        "%(side)s owes: %(what)s, by %(t)s",
                        side=layout.party(due.side, words),
                        what=words.clock(due.clock),
                        t=words.written(due.due, "milli"),
                    ),
                    matter=due.matter,
                )
                for due in overdue
            ),
            *(
                SummaryLine(
                    text=say(
                        "%(side)s late: %(what)s, due %(t)s",
                        side=layout.party(lapse.side, words),
                        what=words.clock(lapse.clock),
                        t=words.written(lapse.due, "milli"),
                    )
                    if not lapse.came
                    else say(
                        "%(side)s late: %(what)s, due %(t)s, came %(c)s",
                        side=layout.party(lapse.side, words),
                        what=words.clock(lapse.clock),
                        t=words.written(lapse.due, "milli"),
                        c=words.written(lapse.came, "milli"),
                    ),
                    matter=lapse.matter,
                )
                for lapse in reversed(passed)
            ),
        ),
    )


def _blind(words: Words, five_answers: FiveAnswers) -> Iterator[str]:
    say = words.say
    for outage in five_answers.blindness:
        side = outage.side.upper()
        nobody, down = outage.watch_nobody_s or 0, outage.line_down_s or 0
        if nobody >= 1:
            yield say("%(side)s: nobody had the watch for %(d)s.", side=side, d=words.span(nobody))
        if down >= 1:
            yield say("%(side)s: no line for %(d)s.", side=side, d=words.span(down))
    gone = max((outage.broker_down_s for outage in five_answers.blindness), default=0)
    if gone >= 1:
        yield say("A gateway recorded nothing for %(d)s.", d=words.span(gone))


def _stood(context: PageContext, five_answers: FiveAnswers) -> SummaryAnswer:
    words, say = context.words, context.words.say
    waiting = five_answers.waiting
    running = sum(count.open + count.overdue for count in five_answers.limits)
    timed = context.registry.kind not in UNTIMED
    unmanned = (
        [item.side for item in five_answers.standing if not item.manned_since] if timed else []
    )
    level: Level = "serious" if unmanned else "caution" if waiting else "normal"
    if five_answers.waiting_flash:
        level = "critical"
    verdict = words.count(
        "%(n)s message waited for an acknowledgement.",
        "%(n)s messages waited for an acknowledgement.",
        waiting,
    )
    if not waiting:
        verdict = say("Nothing waited.")
    if not waiting and five_answers.open_matters:
        verdict = words.count(
            "Nothing waited. %(n)s matter was open.",
            "Nothing waited. %(n)s matters were open.",
            five_answers.open_matters,
        )
    detail = (
        words.count("%(n)s limit ran.", "%(n)s limits ran.", running)
        if running
        else say("No limit ran.")
    )
    lines = []
    for watch in five_answers.standing if timed else ():
        officer = five_answers.on_watch.get(watch.side, "")
        if officer:
            values = {
                "side": watch.side.upper(),
                "who": officer.partition("/")[2],
                "t": words.written(watch.manned_since, "milli"),
            }
            lines.append(say("%(side)s: %(who)s had the watch, since %(t)s.", **values))
        else:
            lines.append(say("%(side)s: nobody had the watch.", side=watch.side.upper()))
    return SummaryAnswer(
        question=say("What did the watch see then, and who had it?"),
        level=level,
        icon=level,
        verdict=verdict,
        detail=detail,
        how=say("Watches are taken and handed over by acts of the officers themselves."),
        word=say("The sides’ own word."),
        lines=tuple(lines),
        more=tuple(
            SummaryLine(text=say("Waiting: %(what)s", what=words.act(matter.format)), matter=matter)
            for matter in five_answers.stands
        ),
    )


def _authorised(
    words: Words, five_answers: FiveAnswers, exceptions: Sequence[AuditFinding]
) -> SummaryAnswer:
    say = words.say
    total = sum(five_answers.kinds.values())
    return SummaryAnswer(
        question=say("Who authorised what, with which exceptions?"),
        level="normal"
        if not total
        else "caution"
        if {"void", "late"} & five_answers.kinds.keys()
        else "standby",
        icon="normal"
        if not total
        else "caution"
        if {"void", "late"} & five_answers.kinds.keys()
        else "standby",
        verdict=words.count("%(n)s exception.", "%(n)s exceptions.", total)
        if total
        else say("No exceptions."),
        detail=words.count(
            "%(n)s officer was entered.",
            "%(n)s officers were entered.",
            len(five_answers.authorities),
        ),
        how=say(
            "Officers are entered by root or administrators of their side; each exception "
            "names its record."
        ),
        word=say("The signed acts of each side; in a trial the host keeps the keys."),
        lines=tuple(
            say("%(what)s: %(n)s", what=audit_answers.kind_of(kind, words), n=words.number(count))
            for kind, count in five_answers.kinds.items()
        ),
        more=tuple(
            SummaryLine(
                text=say(
                    "%(what)s: %(detail)s",
                    what=_first(audit_answers.kind_of(exception.kind, words)),
                    detail=words.sentence(exception.detail),
                ),
                position=exception.position,
            )
            for exception in reversed(exceptions)
        ),
    )


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]
