"""The audit page: a channel at a moment that the reader chooses.

It has the five answers, the changes, the log, its signatures, and the commands that
export it.
"""

import shlex
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from dragoman.application.http import submission
from dragoman.application.http.conditional_requests import turn
from dragoman.application.operations import transparency_log
from dragoman.console.forms import verified_heads
from dragoman.console.forms.verified_heads import CosignatureRow, SignedHead, SignedHeads
from dragoman.console.page import point_in_time as travelling
from dragoman.console.page.context import PageContext
from dragoman.console.page.periods import moment_query
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.document.blocks import (
    Block,
    Empty,
    Facts,
    Fold,
    Listing,
    PageDocument,
    Paragraph,
    Remark,
    Section,
    Table,
    Verbatim,
    columns,
    section,
)
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.errors import Refused
from dragoman.limits import REPORT_EXCHANGES
from dragoman.members.runs import Aside, Cell, Mark, PageLink, Runs, joined, listed
from dragoman.office.auditing import audit_log, record_diff, record_page
from dragoman.office.auditing.audit_log import LogWords
from dragoman.projection.queries import timeline
from dragoman.projection.queries.snapshot import Snapshot, snapshot_of
from dragoman.projection.queries.timeline import TimelineFilter
from dragoman.reports.audit_answers import AuditAnswers, answers, paper
from dragoman.reports.log_findings import LogFinding
from dragoman.text import Text

_LINES: Final = 12
_LISTED: Final = 5
"""The rows of a table of the answers that are shown without being asked for."""

_PERIODS: Final = (0, 365, 90, 30, 7, 1)
"""Periods of the answers in days, longest first; 0 is since the opening.

The page takes the longest period that one report holds.
"""


async def audit(context: PageContext) -> Page:
    """Return the audit page."""
    words, travel = AuditWords(context), await travelling.travel(context, compare=True)
    records, _ = await audit_log.page_of(context, TimelineFilter(), context.position, _LINES)
    heads, fault = await verified_heads.signed(context)
    hosts, looked = await context.ask(timeline.on_hosts_word)
    w, say, position = words.w, words.w.say, words.w.number(context.position)
    title = say("Audit, at record %(n)s", n=position)
    lead = say(
        "Now. Choose a record or a time, and every page of the channel shows its state then."
    )
    if context.past:
        title = say("State at record %(n)s", n=position)
        lead = say(
            "%(t)s. Every page of the channel can be read at this moment; the address keeps it.",
            t=w.written(context.moment, "milli"),
        )
    _, _, digest, _ = context.projection.bytes_at(context.position)
    document = PageDocument(
        title=title,
        area="audit",
        lead=lead,
        sections=(
            *words.answered(await _answers(context)),
            *([await _changes(words, travel.compared)] if travel.compared else []),
            section(
                say("The newest lines of the log"),
                words.brief(records),
                words.key,
                Facts(((say("digest"), Mark("code", context.digest or digest)),)),
                aside=PageLink(say("the whole log"), "/log"),
            ),
            words.signed(heads, fault, hosts, looked),
            words.exported(),
        ),
    )
    return Page(view=document, values={"travel": travel})


async def _changes(words: LogWords, other: str) -> Section:
    """Return the changes between the page's record and another one."""
    context, say = words.context, words.w.say
    changed, why = await record_diff.compared(context, submission.whole(other))
    if changed is None:
        return section(say("What changed"), Empty(why), part="diff")
    ends = {"a": words.w.number(changed.from_), "b": words.w.number(changed.to)}
    query = {"from": str(changed.from_), "to": str(changed.to)}
    return section(
        say("What changed from %(a)s to %(b)s", **ends),
        *record_diff.blocks(context, changed),
        aside=PageLink(say("only this table"), "/differences", query=query),
        part="diff",
    )


async def _answers(context: PageContext) -> AuditAnswers | None:
    """Return the five answers about the longest period that one report holds.

    None where a day is too long.
    """
    whole = await transparency_log.checked(context.call)
    live = context.past or context.service.is_live(context.projection)
    async with turn(context.request, context.projection):
        end_seen = context.service.as_of(context.projection)
        query = moment_query(context)
        return await context.ask(
            lambda view: _longest(snapshot_of(view, query, end_seen), whole, live)
        )


def _longest(
    snapshot: Snapshot,
    whole: list[LogFinding],
    live: bool,
) -> AuditAnswers | None:
    for days in _PERIODS:
        span = snapshot.span(snapshot.ends - timedelta(days=days) if days else None)
        first = snapshot.first(span)
        try:
            snapshot.expect(first, REPORT_EXCHANGES)
        except Refused:
            continue
        return answers(snapshot, span, first, whole, live=live)
    return None


class AuditWords(LogWords):
    """The words for an audit, for one page."""

    def answered(self, five: AuditAnswers | None) -> Iterator[Section]:
        """Yield the five answers; long tables unfold."""
        w, say = self.w, self.w.say
        report = PageLink(say("as a report"), "/reports/audit")
        if five is None:
            nothing = say(
                "There were more exchanges in a day than one report can contain. Choose an earlier "
                "record, or verify the log on another machine."
            )
            yield section(say("The five answers"), Empty(nothing), aside=report)
            return
        laid = paper(five, w, w.tag)
        alarm = Paragraph(Mark("state", laid.alarm, "critical")) if laid.alarm else None
        yield section(say("The five answers"), alarm, *laid.lead, aside=report)
        for answer in laid.sections:
            blocks = tuple(map(self._folded, answer.blocks))
            yield Section(answer.title, blocks, level=3, names={"part": "answer"})

    def _folded(self, block: Block) -> Block:
        if not isinstance(block, Table | Listing) or len(block.rows) <= _LISTED:
            return block
        label = f"{self.w.say('show')} ({self.w.number(len(block.rows))})"
        return Fold(f"{label} {self.w.listed(block.head)}", (block,))

    def signed(self, heads: SignedHeads, fault: Text | None, hosts: int, looked: int) -> Section:
        """Return the signatures of the log: heads, witnesses, and the policy."""
        about = self.w.say("always the newest: a proof of today is valid for every earlier record")
        blocks = tuple(self._signatures(heads, fault, hosts, looked))
        return section(self.w.say("Who signed it"), *blocks, aside=about, part="signed")

    def _signatures(
        self, heads: SignedHeads, fault: Text | None, hosts: int, looked: int
    ) -> Iterator[Block | str | None]:
        w, say = self.w, self.w.say
        if heads.newest is None:
            nothing = say(
                "No head of this log is signed yet. A signer signs one within half a second of a "
                "record."
            )
            unknown = say(
                "Not known: the broker does not say what is signed. Load the page again in a "
                "moment."
            )
            yield Empty(nothing if heads.is_available else unknown)
            return
        yield say(
            "Of the newest %(m)s records, %(n)s acts of sides rest on the host’s word.",
            m=w.number(looked),
            n=w.number(hosts),
        )
        yield Paragraph(self._verdict(heads, heads.newest, fault))
        yield Verbatim(heads.note)
        yield from self._witnesses(heads)
        key = say("Log key, to be compared with your own side’s notes")
        cid = (say("Channel id"), Mark("code", self.context.registry.cid))
        yield Facts(((key, Mark("code", heads.log)), cid))
        for item in self.context.projection.registry.handovers:
            newer = Aside(Mark("code", item.key))
            yield Paragraph(joined((self.handed_over(item.since), newer)))
        newest = w.count(
            "The newest signed head", "The newest %(n)s signed heads", len(heads.heads)
        )
        yield Fold(newest, tuple(filter(None, (self._heads(heads),))))

    def _verdict(self, heads: SignedHeads, newest: SignedHead, fault: Text | None) -> Runs:
        say = self.w.say
        if newest.fault and fault is not None:
            word = Mark("state", say("The sealed text is not a head of this log."), "critical")
            return (word, " ", self.w.sentence(fault))
        if not heads.matches:
            word = Mark(
                "state", say("The signed head does not match the records here."), "critical"
            )
            return (word, " ", say("Keep both, and tell the operator."))
        text = say(
            "The signed head of %(n)s records is that of the records here.",
            n=self.w.number(newest.size),
        )
        return (Mark("state", text, "normal"),)

    def _witnesses(self, heads: SignedHeads) -> Iterator[Block | str | None]:
        w, say = self.w, self.w.say
        if not heads.witnesses:
            yield Empty(
                say(
                    "This log names no witness. Only the host signs it, so others may be shown "
                    "another log."
                ),
                say(
                    "Each side can run a witness beside its own mirror. Administrators of all "
                    "sides then adopt the same policy."
                ),
            )
            return

        def name(witness: CosignatureRow) -> Cell:
            side: Cell = (Mark("side", witness.side.upper()), " ") if witness.side else ()
            return joined((side, witness.name, Aside(Mark("code", witness.key))))

        def covered(row: CosignatureRow) -> Cell:
            size = w.number(row.covers) if row.covers else "–"
            return size if row.follows else (size, " ", Mark("state", late, "caution"))

        late = say("not following")
        yield columns(
            say("Witnesses"),
            heads.witnesses,
            (say("Witness"), name),
            (
                say("Cosigned last"),
                lambda row: (
                    self.time(row.time, "full")
                    if row.time
                    else say("under none of the heads below")
                ),
            ),
            (say("Covers to record"), covered),
        )
        yield say(
            "By the policy in force every record is final up to %(n)s.", n=w.number(heads.final)
        )
        yield Fold(say("The policy in force"), (Verbatim(heads.policy),))

    def _heads(self, heads: SignedHeads) -> Block | None:
        w, say = self.w, self.w.say

        def cosigned(head: SignedHead) -> Cell:
            by = ((item.name, " ", self.time(item.time, "full")) for item in head.by)
            others = w.count(
                "%(n)s signature of a key that nobody named here",
                "%(n)s signatures of keys that nobody named here",
                head.others,
            )
            names = listed(by, w.comma) or (say("nobody"),)
            return (*names, Aside(others)) if head.others else names

        def standing(head: SignedHead) -> Mark:
            if head.signed:
                return Mark("state", say("holds"), "tick")
            return Mark("state", say("does not match"), "critical")

        return columns(
            say("Signed heads"),
            heads.heads,
            (say("Sealed"), lambda head: self.time(head.sealed, "milli") if head.sealed else "–"),
            (say("Records"), lambda head: w.number(head.size)),
            (say("Root"), lambda head: Mark("code", head.root)),
            (say("Signed by the log"), standing),
            (say("Cosigned by"), cosigned),
        )

    def exported(self) -> Section:
        """Return the commands that export the log, and verify it without a network."""
        say, context = self.w.say, self.context
        registry, url = context.projection.registry, context.service.public_url
        server = f" --server {shlex.quote(url)}" if url else ""
        pins = f"--cid {registry.cid} --log {shlex.quote(str(log_of(registry)))}"
        name = context.name
        takes = not context.past and context.registry.kind in ("official", "exercise")
        turns = PageLink(say("Turn-overs that were signed"), "/watch/turn-over")
        return section(
            say("Take it away"),
            say(
                "The log, its signed head and its tree in one archive that needs no server. People "
                "and files are not in it."
            ),
            say("Export, with your token"),
            Verbatim(f"dragoman audit export --channel {name}{server} --to {name}.zip"),
            say("Verify it on a machine without a network"),
            Verbatim(f"dragoman audit verify {name}.zip {pins}"),
            say("Keep your side’s own copy, verified record by record"),
            Verbatim(f"dragoman audit mirror {name} --channel {name}{server} {pins}"),
            Remark(
                say(
                    "Take channel id and log key from your own side’s notes of the opening, "
                    "not from this page."
                )
            ),
            Paragraph(turns) if takes else None,
        )


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/audit", handler=audit),
    *travelling.ROUTES,
    *audit_log.ROUTES,
    *record_page.ROUTES,
    *record_diff.ROUTES,
)
