"""The commands that read a channel: `dragoman show`, `tail`, `state`, `in-force`."""

from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from cyclopts import Parameter

from dragoman.cli.common import (
    EVERYWHERE,
    Target,
    UsageError,
    channel_of,
    connected,
    in_one_language,
    locale_language,
    out,
    out_json,
    say,
    say_whether_live,
    table,
    timeline_of,
)
from dragoman.cli.post import in_words
from dragoman.domain.acts.families import data_series
from dragoman.i18n.words import of_tag
from dragoman.members import shapes
from dragoman.members.kind import Say
from dragoman.members.runs import plain
from dragoman_schemas.responses import Entry, ExchangeView
from dragoman_schemas.state import Exchange
from dragoman_schemas.state_responses import LiaisonState
from dragoman_schemas.watch_responses import Alarm
from dragoman_schemas.window_responses import InForce, InForceWindow

At = Annotated[int | None, Parameter(help="A past position.")]


async def show(
    exchange: Annotated[str, Parameter(help="The exchange, by its number or id.")],
    *,
    timeline: Annotated[
        bool, Parameter(negative=(), help="Show every record of the exchange as well.")
    ] = False,
    csv: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Print the values of a data series as CSV, in the form that dragoman act takes.",
        ),
    ] = False,
    at: At = None,
    target: Target = EVERYWHERE,
) -> int:
    """Show an exchange, which is named by its number or id.

    It shows its content and the reaction of each addressee.
    """
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        id = await caller.exchange_of(channel, exchange)
        answer = await caller.call(
            "GET", f"/v1/channels/{channel}/exchanges/{id}" + (f"?at={at}" if at else "")
        )
        exchange_view = answer.of("exchange", ExchangeView)
        entries = (
            await timeline_of(caller, channel, id, exchange_view, at)
            if timeline and not target.json
            else ()
        )
    if target.json:
        out_json(answer.body)
        return 0
    state = answer.of("exchange", _Shown).state
    if csv:
        _print_values(state)
        return 0
    if at is None:
        say_whether_live(answer)
    _print_exchange(exchange_view, state, answer.headers.get("ETag", ""))
    say(in_words(exchange_view.standing))
    if timeline:
        out("")
        for entry in entries:
            out(_line(entry))
    return 0


class _Shown(msgspec.Struct):
    state: Exchange


def _print_values(state: Exchange) -> None:
    """Print the newest value of each interval of a series. Raises `UsageError`."""
    if state.act != "data-series":
        raise UsageError(f"{state.number} is not a data series, and has no values")
    out("at,value")
    for _, (value, _) in sorted(data_series.values_of(state).items()):
        out(f"{value.at},{value.value}")


def _print_exchange(view: ExchangeView, state: Exchange, etag: str) -> None:
    out(f"{state.number}  {state.precedence.upper()}  {state.status}")
    out(in_one_language(view.subject))
    out(
        f"from {state.side} to {', '.join(state.to)}, "
        f"{state.opened.time}, position {state.opened.position}"
    )
    out("")
    width = max((len(name) for name in state.content), default=0)
    for name, raw in state.content.items():
        out(f"  {name.ljust(width)}  {_said(state.act, name, raw)}")
    for name, item in state.proposed.items():
        source = f"proposed by {item.said.side}, position {item.said.position}"
        value = _said("counter-proposal", name, item.value)
        out(f"  {name.ljust(width)}  {source}: {value}")
    out("")
    names = {message.id: message.act for message in state.messages}
    rows = [
        [
            names.get(fact.message, fact.message),
            fact.side,
            *(text or "not yet" for text in (fact.delivered, fact.acknowledged, fact.answered)),
        ]
        for fact in view.facts
    ]
    table(rows, ["MESSAGE", "TO", "DELIVERED", "ACKNOWLEDGED", "ANSWERED"])
    for side, accounts in state.accounts.items():
        for account in accounts:
            facts = account.content.get("facts", msgspec.Raw(b'""'))
            out("")
            out(f"account of {side}, {account.given.time}: {in_one_language(facts)}")
    for side, readouts in (state.meeting.readouts if state.meeting else {}).items():
        for readout in readouts:
            out("")
            out(
                f"readout of {side} ({readout.kind.replace('_', ' ')}): "
                f"{', '.join(readout.topics)}: {in_one_language(readout.text)}"
            )
    say("")
    say(f"ETag {etag}; allowed to you: {', '.join(view.allowed) or 'nothing'}")


def _said(act: str, name: str, raw: msgspec.Raw) -> str:
    """Return a member's value in words, with texts in the language of the locale."""
    say = Say(words=of_tag("en"), language=locale_language() or "en")
    try:
        return plain(shapes.said(act, name, raw, say))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return bytes(raw).decode(errors="replace")  # an act of a newer release


def _line(entry: Entry) -> str:
    if not entry.valid or isinstance(entry.record, msgspec.UnsetType):
        return f"{entry.position:>7}  void  {entry.reason}"
    record = msgspec.json.decode(msgspec.json.encode(entry.record))
    return (
        f"{entry.position:>7}  {record['time']}  {record['actor']:<24} "
        f"{record['data']['act']:<20} {entry.number or entry.exchange}"
    )


_SAID = ("kind", "time", "window", "place", "pos", "facts", "description", "text", "reason")
"""Members of a message that an alarm shows if the message has them."""


def _alarm(alarm: Alarm) -> str:
    """Return an alarm as a line: message, sender and content."""
    if not alarm.act:
        return f"ALARM  {alarm.number}  {alarm.detail}"
    names = [_said(alarm.act, name, alarm.said[name]) for name in _SAID if name in alarm.said]
    return "  ".join(
        [
            "ALARM",
            alarm.number,
            f"{alarm.by} {alarm.act}, record {alarm.record}:",
            ", ".join(names),
            alarm.detail,
        ]
    )


async def tail(
    *,
    from_: Annotated[
        int | None,
        Parameter(name="--from", help="Begin at this position. Default: with the next record."),
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Follow a channel's records as they arrive, without a gap.

    It goes on after every reconnection. Alarms go to standard error.
    """
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        say(f"following {channel} at {caller.base_url}; Ctrl-C ends")
        async for entry in caller.follow(channel, None if from_ is None else from_ - 1):
            if isinstance(entry, Alarm):
                say(_alarm(entry))
            else:
                out(msgspec.json.encode(entry).decode() if target.json else _line(entry))
    return 0


async def state(*, at: At = None, target: Target = EVERYWHERE) -> int:
    """Show the liaison state of a channel and its digest.

    It shows which exchanges are open, and which side must act.
    """
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        answer = await caller.call(
            "GET", f"/v1/channels/{channel}/state" + (f"?at={at}" if at else "")
        )
    if target.json:
        out_json(answer.body)
        return 0
    liaison = answer.of("liaison state", LiaisonState)
    custody = "; the host keeps the keys of all sides: a trial" if liaison.custody == "host" else ""
    out(f"{liaison.channel}, {liaison.kind}, position {liaison.position}, {liaison.time}{custody}")
    out(f"digest {liaison.digest}")
    if not liaison.live:
        say(f"NOT LIVE: this is as of {liaison.as_of}")
    out("")
    table(
        [
            [owed.side, str(owed.unacknowledged), str(owed.unanswered), str(owed.delivered)]
            for owed in liaison.owed
        ],
        ["SIDE", "NOT ACKNOWLEDGED", "NOT ANSWERED", "DELIVERED UP TO"],
    )
    out("")
    table(
        [[count.family, count.status, str(count.exchanges)] for count in liaison.counts],
        ["FAMILY", "STATUS", "EXCHANGES"],
    )
    if liaison.unacknowledged:
        out("")
        out("not acknowledged yet:")
        for row in liaison.unacknowledged:
            out(
                f"  {row.precedence.upper():<9} {row.number}  {in_one_language(row.subject)}  "
                f"waits for {', '.join(row.unacknowledged_by)}"
            )
    return 0


async def in_force(
    *,
    at: Annotated[
        str, Parameter(help="A past position, or a time. Default: the newest record.")
    ] = "",
    moment: Annotated[
        str, Parameter(help="The time to look at, like 2026-12-01T08:00Z. Default: that of --at.")
    ] = "",
    form: Annotated[
        Literal["geojson", "navtex"] | None,
        Parameter(name="--as", help="Print an export in place of the table."),
    ] = None,
    target: Target = EVERYWHERE,
) -> int:
    """Show the danger areas, launches, activities, movements and visits of these days.

    A window is near for two days before it opens. It stays listed until its side says
    that it is over. One of which nothing was said goes after four days.
    """
    query = {"at": at, "moment": moment, "as": form or ""}
    given_ones = {name: value for name, value in query.items() if value}
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        path = f"/v1/channels/{channel}/in-force"
        answer = await caller.call(
            "GET", path + (f"?{urlencode(given_ones)}" if given_ones else "")
        )
    if form is not None:
        out(answer.body.decode().rstrip("\n"), lines=True)
        return 0
    if target.json:
        out_json(answer.body)
        return 0
    view = answer.of("list of windows in force", InForce)
    table(
        [_window(window) for window in view.windows],
        ["OPENS", "CLOSES", "STAGE", "SIDE", "NOTICE", "NUMBER"],
    )
    for window in view.windows:
        for side, posts in window.not_passed_on.items():
            listed = ", ".join(posts)
            say(f"{window.number}: {side} has not said that it passed this on to {listed}")
    if view.not_read:
        say(f"{view.not_read} older announcements were not read")
    say(view.notice.get("en", ""))
    return 0


def _window(window: InForceWindow) -> list[str]:
    return [
        window.opens,
        "until further notice" if window.until_further_notice else window.closes or "not known",
        window.stage.replace("_", " "),
        window.side,
        in_one_language(window.subject),
        window.number,
    ]
