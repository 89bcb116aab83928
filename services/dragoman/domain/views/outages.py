"""Outages: the times in which a side could not have noticed a message.

    watch   nobody has it: from the opening of the channel, or a relief
            without a successor, until the next assumption
    line    between two sides: from a missed check until the next check
            of either side that came back
            of one side: its station had no line to the host, as it reports
            afterwards (`line-outage`)
    broker  a gateway had none, as it reports afterwards (`broker-outage`)

An outage that nobody could notice, such as a host without power, is on no record. So it
is not here.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import takewhile
from typing import Final, Literal

import msgspec
from msgspec import Struct

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.line_checks import ECHOED, is_line_check
from dragoman_schemas.state import Exchange
from dragoman_schemas.statistics_figures import Line

Result = Literal["echoed", "echoed_with_errors", "missed", "awaited"]


class OutageSpan(Struct, frozen=True):
    """A span of time; its end is not part of it."""

    begins: datetime
    ends: datetime

    def holds(self, time: str) -> bool:
        """Return whether a record's time is in the span."""
        return self.begins <= datetime.fromisoformat(time) < self.ends

    def cut(self, other: "OutageSpan") -> "OutageSpan | None":
        """Return the part of another span that is in this one.

        None if the spans do not meet.
        """
        begins, ends = max(self.begins, other.begins), min(self.ends, other.ends)
        return OutageSpan(begins, ends) if begins < ends else None

    @property
    def seconds(self) -> float:
        """Return the length of the span."""
        return (self.ends - self.begins).total_seconds()


class ReportedOutage(Struct, frozen=True):
    """A past outage that a station or a gateway reported.

    `side` is the side whose line to the host was cut; empty for a gateway.
    """

    side: str
    span: OutageSpan


REPORTS: Final = ("broker-outage", "line-outage")
"""The acts that report an outage."""


def reported(act: str, actor: str, begins: str, ends: str) -> ReportedOutage:
    """Return the outage that an act reports."""
    side = actor.partition("/")[0] if act == "line-outage" else ""
    return ReportedOutage(
        side, OutageSpan(datetime.fromisoformat(begins), datetime.fromisoformat(ends))
    )


def covered(spans: Iterable[OutageSpan]) -> float:
    """Return the seconds in any of several spans, each counted once."""
    seconds, upto = 0.0, None
    for span in sorted(spans, key=lambda span: span.begins):
        begins = span.begins if upto is None else max(span.begins, upto)
        if begins < span.ends:
            seconds += (span.ends - begins).total_seconds()
            upto = span.ends
    return seconds


def merged(spans: Iterable[OutageSpan]) -> list[OutageSpan]:
    """Return the spans merged to spans that do not meet."""
    separate: list[OutageSpan] = []
    for span in sorted(spans, key=lambda span: span.begins):
        if separate and span.begins <= separate[-1].ends:
            separate[-1] = OutageSpan(separate[-1].begins, max(separate[-1].ends, span.ends))
        else:
            separate.append(span)
    return separate


# The watch


class Turn(Struct, frozen=True):
    """The time at which a side's watch was taken, or left to nobody."""

    at: datetime
    side: str
    manned: bool


def unmanned_spans(
    side: str, turns: Iterable[Turn], span: OutageSpan, *, manned: bool
) -> list[OutageSpan]:
    """Return the parts of a span in which nobody had the watch of a side.

    `manned` says whether somebody had it before the turns.
    """
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
    """One line check as one side had it.

    It has the time and the sender, the result, and the time of the echo.
    """

    sent: datetime
    sender: str
    side: str
    result: Result
    back: datetime | None = None


def checks(exchange: Exchange) -> Iterator[LineCheckSpan]:
    """Yield a line check for each side that it went to.

    Nothing for other formats, and for a cancelled check.
    """
    if not is_line_check(exchange) or exchange.status == "cancelled" or exchange.for_the_record:
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
            (act for act in exchange.acts.get("echo", ()) if act.said.by.startswith(f"{side}/")),
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
    """Yield the spans in which the line between two sides was down, by their checks.

    A line that is still down has a span up to `until`.
    """
    since: dict[tuple[str, str], datetime] = {}
    for check in sorted(line_check_spans, key=lambda check: check.sent):
        one, other = sorted((check.sender, check.side))
        pair = one, other
        if check.result == "missed":
            since.setdefault(pair, check.sent)
        elif check.back is not None and pair in since:
            yield pair, OutageSpan(since.pop(pair), check.back)
    for pair, begins in since.items():
        yield pair, OutageSpan(begins, until)


def line(side: str, line_check_spans: Iterable[LineCheckSpan], span: OutageSpan) -> Line:
    """Return the results of the checks that were sent to a side in a span.

    The last ones may be from before the span.
    """
    sent = sorted(
        (check for check in line_check_spans if check.side == side),
        key=lambda check: check.sent,
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
        last_checked=deadlines.timestamp(sent[-1].sent) if sent else "",
        last_echoed=deadlines.timestamp(back[-1]) if back else "",
        last_result=sent[-1].result if sent else "",
    )
