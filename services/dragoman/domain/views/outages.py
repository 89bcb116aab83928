"""When a side could not have noticed: nobody had its watch, a line check had shown no line, or there was no broker.

    watch   nobody's          from the opening of the channel, or a relief without a successor, until the next assumption
    line    between two sides from a check that was missed until the next one of either that came back

    broker  from when to when a gateway had none, as it says afterwards (`broker-outage`)

What nobody was there to notice, as a host without power, is on no record, and nothing
is said of it here.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import takewhile
from typing import Literal

import msgspec
from msgspec import Struct

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.line_checks import ECHOED
from dragoman_schemas.state import Exchange
from dragoman_schemas.statistics_figures import Line

Result = Literal["echoed", "echoed_with_errors", "missed", "awaited"]


class OutageSpan(Struct, frozen=True):
    """A stretch of time: its beginning, and the end, which is not of it."""

    begins: datetime
    ends: datetime

    def holds(self, time: str) -> bool:
        """Return whether a record's time lies in it."""
        return self.begins <= datetime.fromisoformat(time) < self.ends

    def cut(self, other: "OutageSpan") -> "OutageSpan | None":
        """Return the part of another one that lies in this; None where there is none."""
        begins, ends = max(self.begins, other.begins), min(self.ends, other.ends)
        return OutageSpan(begins, ends) if begins < ends else None

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return (self.ends - self.begins).total_seconds()


def covered(spans: Iterable[OutageSpan]) -> float:
    """Return the seconds that lie in any of several spans, each counted once."""
    seconds, upto = 0.0, None
    for span in sorted(spans, key=lambda outage_span: outage_span.begins):
        begins = span.begins if upto is None else max(span.begins, upto)
        if begins < span.ends:
            seconds += (span.ends - begins).total_seconds()
            upto = span.ends
    return seconds


def merged(spans: Iterable[OutageSpan]) -> list[OutageSpan]:
    """Spans as stretches that do not meet."""
    outage_spans: list[OutageSpan] = []
    for span in sorted(spans, key=lambda outage_span: outage_span.begins):
        if outage_spans and span.begins <= outage_spans[-1].ends:
            outage_spans[-1] = OutageSpan(
                outage_spans[-1].begins, max(outage_spans[-1].ends, span.ends)
            )
        else:
            outage_spans.append(span)
    return outage_spans


# The watch


class Turn(Struct, frozen=True):
    """At a time a side's watch became somebody's, or nobody's."""

    at: datetime
    side: str
    manned: bool


def nobodys(
    side: str, turns: Iterable[Turn], span: OutageSpan, *, manned: bool
) -> list[OutageSpan]:
    """Return when in a span the watch of a side was nobody's; `manned` is whether it was somebody's before the turns."""
    outage_spans: list[OutageSpan] = []
    since = None if manned else span.begins
    for turn in sorted((turn for turn in turns if turn.side == side), key=lambda turn: turn.at):
        if turn.manned and since is not None:
            outage_spans.append(OutageSpan(since, turn.at))
        since = None if turn.manned else since or turn.at
    if since is not None:
        outage_spans.append(OutageSpan(since, span.ends))
    return [part for outage_span in outage_spans if (part := span.cut(outage_span)) is not None]


# The line


class LineCheckSpan(Struct, frozen=True, kw_only=True):
    """One line check as one side had it: when it was sent and by whom, and what came back when."""

    sent: datetime
    sender: str
    side: str
    result: Result
    back: datetime | None = None


def checks(exchange: Exchange) -> Iterator[LineCheckSpan]:
    """Yield what a line check was to each side that it went to; nothing for what is no line check, or was cancelled."""
    if exchange.act != "line-check" or exchange.status == "cancelled" or exchange.for_the_record:
        return
    challenge = msgspec.json.decode(exchange.content["challenge"])
    sender = (
        str(msgspec.json.decode(exchange.content["side"]))
        if "side" in exchange.content
        else exchange.side
    )
    missed = exchange.status == "missed" or "line-check-missed" in exchange.acts
    for side in exchange.to:
        if side == sender:
            continue
        echo = next(
            (item for item in exchange.acts.get("echo", ()) if item.said.by.startswith(f"{side}/")),
            None,
        )
        result: Result = "missed" if missed else "awaited"
        if echo is not None:
            result = (
                "echoed"
                if msgspec.json.decode(echo.content["text"]) == challenge
                else "echoed_with_errors"
            )
        back = None if echo is None else datetime.fromisoformat(echo.said.time)
        yield LineCheckSpan(
            sent=datetime.fromisoformat(exchange.opened.time),
            sender=sender,
            side=side,
            result=result,
            back=back,
        )


def down(
    line_check_spans: Iterable[LineCheckSpan], until: datetime
) -> Iterator[tuple[tuple[str, str], OutageSpan]]:
    """Yield when the line between two sides was not there, as their checks showed, or is not until then."""
    since: dict[tuple[str, str], datetime] = {}
    for check in sorted(line_check_spans, key=lambda line_check_span: line_check_span.sent):
        one, other = sorted((check.sender, check.side))
        pair = one, other
        if check.result == "missed":
            since.setdefault(pair, check.sent)
        elif check.back is not None and pair in since:
            yield pair, OutageSpan(since.pop(pair), check.back)
    for pair, begins in since.items():
        yield pair, OutageSpan(begins, until)


def line(side: str, line_check_spans: Iterable[LineCheckSpan], span: OutageSpan) -> Line:
    """Return how the checks came out that were sent to a side in a span; the last ones may be of before it."""
    sent = sorted(
        (check for check in line_check_spans if check.side == side),
        key=lambda line_check_span: line_check_span.sent,
    )
    counted = [check.result for check in sent if span.begins <= check.sent < span.ends]
    over = [check.result for check in reversed(sent) if check.result != "awaited"]
    back = [check.back for check in sent if check.back is not None]
    settled = len(counted) - counted.count("awaited")
    return Line(
        side=side,
        checks=len(counted),
        echoed=counted.count("echoed"),
        echoed_with_errors=counted.count("echoed_with_errors"),
        missed=counted.count("missed"),
        awaited=counted.count("awaited"),
        share_echoed=round(counted.count("echoed") / settled, 4) if settled else None,
        run=sum(1 for _ in takewhile(lambda result: result in ECHOED, over)),
        missed_run=sum(1 for _ in takewhile(lambda result: result == "missed", over)),
        last_checked=deadlines.written(sent[-1].sent) if sent else "",
        last_echoed=deadlines.written(back[-1]) if back else "",
        last_result=sent[-1].result if sent else "",
    )
