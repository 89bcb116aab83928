"""The outbox of a station: what its officers posted and the host has not recorded yet.

    GET    /v1/channels/{channel}/outbox              the entries, and how the line is
    DELETE /v1/channels/{channel}/outbox/{entry}      withdraw one that never left
    POST   /v1/channels/{channel}/outbox/{entry}/send send one on that grew too old
    GET    /c/{channel}/outbox                        the same as a page

Only the side whose acts they are sees them, at its own station.
"""

from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw

from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.http.submission import outbox_view, staff_of
from dragoman.application.operations import drafts
from dragoman.application.station_port import HostLine, StationPort
from dragoman.console.page import duty_numbers
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import form_of, redirect, said, words_of
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import Empty, PageDocument, Remark, columns, section
from dragoman.domain.record.errors import refuse
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words
from dragoman.members.runs import Break, Mark, PageLink, PressButton, QuotedText, Run, Runs
from dragoman.projection.projection import Projection
from dragoman.stores.outbox import OutboxEntry
from dragoman.text import sentence, unpacked
from dragoman_schemas.responses import DraftView, NewDraft, OutboxEntryView, OutboxView


def _asked(call: ApiRequest[Any]) -> tuple[StationPort, HostLine, str]:
    """Return the station, the line of the path's channel, and the caller's side.

    Raises `Refused` if the caller is no officer, or the channel has no line.
    """
    projection, actor = staff_of(call)
    station = call.service.station
    line = None if station is None else station.line(projection.name)
    if station is None or line is None:
        raise refuse(
            "not-found",
            "There is no outbox of %(channel)s here: its log is on this host, and posts go into it at "
            "once.",
            channel=projection.name,
        )
    return station, line, actor.partition("/")[0]


def _entry(call: ApiRequest[Any]) -> tuple[StationPort, OutboxEntry]:
    station, _, side = _asked(call)
    return station, _found(station, call.channel, side, call.path("entry"))


def _found(station: StationPort, projection: Projection, side: str, id: str) -> OutboxEntry:
    """Return an entry of a side. Raises `Refused`."""
    for entry in station.entries(projection.name):
        if entry.id == id and entry.side == side:
            return entry
    raise refuse(
        "not-found", "The outbox has no entry of that id: it is recorded, or it was withdrawn."
    )


async def show_outbox(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the entries of the caller's side, and how the line is."""
    station, line, side = _asked(call)
    entries = (entry for entry in station.entries(call.channel.name) if entry.side == side)
    reason = line.hindrance or line.held
    body = OutboxView(
        entries=tuple(map(outbox_view, entries)),
        host=line.host,
        cut=line.is_cut,
        last_known=line.last_known,
        doubt="" if reason is None else words_of(call.request).sentence(reason),
    )
    return ApiReply(body=body, headers={"Cache-Control": "no-store"})


async def withdraw(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Withdraw an entry that never left this station."""
    station, entry = _entry(call)
    await _withdrawn(station, entry)
    return web.Response(status=204)


async def _withdrawn(station: StationPort, entry: OutboxEntry) -> None:
    try:
        is_withdrawn = await station.withdraw(entry)
    except LogUnreachable as error:
        raise refuse("unavailable", "Nothing was changed: %(error)s.", error=error.said) from None
    if not is_withdrawn:
        raise refuse(
            "not-permitted",
            "This act left the station and may be recorded: it cannot be withdrawn. Once the line "
            "is back, cancel or correct it.",
        )


async def send_again(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Send an entry on that had grown too old."""
    station, entry = _entry(call)
    await _sent_again(station, entry)
    return ApiReply(
        body=outbox_view(_found(station, call.channel, entry.side, entry.id)), status=202
    )


async def _sent_again(station: StationPort, entry: OutboxEntry) -> None:
    try:
        await station.send_again(entry)
    except LogUnreachable as error:
        raise refuse("unavailable", "Nothing was changed: %(error)s.", error=error.said) from None


API_ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/outbox",
        show_outbox,
        "The outbox of a station",
        NoBody,
        {200: OutboxView},
        may=May.OWN_OFFICE,
    ),
    Route(
        "DELETE",
        f"{CHANNEL}/outbox/{{entry}}",
        withdraw,
        "Withdraw an act that never left the station",
        NoBody,
        {204: None},
        may=May.OWN_OFFICE,
    ),
    Route(
        "POST",
        f"{CHANNEL}/outbox/{{entry}}/send",
        send_again,
        "Send an act that had grown too old",
        NoBody,
        {202: OutboxEntryView},
        may=May.OWN_OFFICE,
    ),
)


# The page


_SHOWN: Final = 200
"""Characters of a text that the list shows."""


class OutboxWords(PageWords):
    """The words of the outbox."""

    def state(self, entry: OutboxEntry) -> str:
        """Return the standing of an act on its way."""
        say = self.w.say
        match entry.state:
            case "waiting":
                return say("Not sent")
            case "unanswered":
                return say("No answer yet; left at %(t)s", t=self.w.written(entry.left))
            case "unsigned":
                return say("Not sent: to be signed once the act before it is recorded")
            case "returned":
                return say("Returned: %(why)s", why=problem_of(entry, self.w))
            case "ended" if entry.held:
                return say("Held: this station was restored. It may be recorded; you decide")
            case "ended" if entry.left:
                return say(
                    "Not sent again: too old. It left at %(t)s and may be recorded",
                    t=self.w.written(entry.left),
                )
            case "ended":
                return say("Not sent: too old")
            case _:
                return say("Recorded")

    def what(self, entry: OutboxEntry) -> Runs:
        """Return the act in words, and the beginning of its text."""
        members = msgspec.json.decode(entry.act, type=dict[str, Any])
        tag, text = next(
            (
                self.w.text(members[name])
                for name in ("text", "subject", "facts", "challenge")
                if members.get(name)
            ),
            ("", ""),
        )
        act: Run = self.w.act(entry.name)
        if entry.exchange and self.context.projection.exchange(entry.exchange) is not None:
            act = PageLink(self.w.act(entry.name), f"/exchanges/{entry.exchange}")
        return (act, Break(": "), QuotedText(text[:_SHOWN], tag)) if text else (act,)

    def buttons(self, entry: OutboxEntry) -> Runs:
        """Return the buttons by which an officer decides on an entry."""
        say, values = self.w.say, {"entry": entry.id}
        parts: list[Run] = []
        if entry.state == "ended":
            parts.append(
                PressButton(say("Send now"), "/outbox/send", values, self.w.act(entry.name))
            )
            parts.append(" ")
        if entry.may_be_withdrawn:
            if entry.actor == self.context.grant.actor and self._has_form(entry):
                parts.append(
                    PressButton(
                        say("Take back and change"),
                        "/outbox/change",
                        values,
                        self.w.act(entry.name),
                    )
                )
                parts.append(" ")
            parts.append(
                PressButton(say("Withdraw"), "/outbox/withdraw", values, self.w.act(entry.name))
            )
        return tuple(parts)

    def _has_form(self, entry: OutboxEntry) -> bool:
        """Return whether an act can be written again: what it continues is recorded."""
        return not entry.exchange or self.context.projection.posted(entry.exchange) is not None


def problem_of(entry: OutboxEntry, words: Words) -> str:
    """Return the reason for which an act was returned."""
    if entry.why:
        return words.sentence(unpacked(entry.why))
    if entry.problem is UNSET:
        return words.say("the host gave no reason")
    problem = msgspec.json.decode(entry.problem, type=dict[str, Any])
    if str(problem.get("type", "")).endswith("/moved"):
        return words.say(
            "the exchange has changed since this was written. Read it, withdraw this, and write it "
            "again"
        )
    return str(problem.get("detail") or problem.get("title") or "")


def unrecorded(context: PageContext, exchange: str) -> list[tuple[str, str]]:
    """Return the acts of an exchange that wait here, each with its standing."""
    station = context.service.station
    if station is None or not context.may_post or context.past:
        return []
    words = OutboxWords(context)
    return [
        (words.w.act(entry.name), words.state(entry))
        for entry in station.entries(context.name)
        if entry.side == context.side and entry.queue == exchange and entry.state != "recorded"
    ]


async def outbox(context: PageContext) -> Page:
    """Return the page of the outbox."""
    _, line, entries = _of_page(context)
    words = OutboxWords(context)
    say = words.w.say
    is_urgent = any(entry.is_urgent and entry.state != "recorded" for entry in entries)
    table = columns(
        say("Acts on their way"),
        entries,
        (say("Written"), lambda entry: words.time(entry.kept)),
        (say("What"), words.what),
        (say("By"), lambda entry: context.titled(entry.actor)),
        (say("Standing"), words.state),
        ("", words.buttons),
        names=lambda entry: {"entry": entry.id},
        empty=Empty(say("Nothing waits. All that was written here is recorded.")),
    )
    blocks: list[Any] = []
    if is_urgent:
        blocks.append(
            Remark(
                (
                    say("An urgent message is not recorded: telephone, and read it aloud."),
                    *await _numbers(context),
                    " ",
                    PageLink(say("Telephone numbers"), "/people"),
                    " ",
                    say(
                        "Once it is said: take it back if it has not left, write when and to whom "
                        "it was said, and send it for the record."
                    ),
                )
            )
        )
    voices = columns(
        say("Not sent from this station"),
        line.voices,
        (say("Record"), lambda position: PageLink(str(position), f"/records/{position}")),
        (
            "",
            lambda position: PressButton(
                say("It is ours"), "/outbox/voice", {"position": str(position)}, str(position)
            ),
        ),
    )
    if line.voices:
        blocks.append(
            Remark(
                say(
                    "These records are in your side's name, and this station did not send them. Ask "
                    "their officers. If nobody sent one, have the key revoked, and tell the other "
                    "sides."
                )
            )
        )
        blocks.append(voices)
    return Page(
        view=PageDocument(title=say("Outbox"), live=True, sections=(section("", *blocks, table),)),
    )


async def _numbers(context: PageContext) -> Runs:
    """Return the telephone numbers of the other sides."""
    other = next((side for side in context.sides if side != context.side), "")
    points = await duty_numbers.of_channel(context, context.projection, other)
    return tuple(
        run
        for point in points
        if point.side != context.side
        for number, _ in point.numbers
        for run in (f" {point.side.upper()}: ", Mark("telephone", number))
    )


def _of_page(context: PageContext) -> tuple[StationPort, HostLine, list[OutboxEntry]]:
    station = context.service.station
    line = None if station is None else station.line(context.name)
    if station is None or line is None:
        raise refused(
            "not-found", sentence("This channel has no outbox here: posts go into its log.")
        )
    if not context.may_post:
        raise refused("not-permitted", sentence("The outbox is for the officers of a side."))
    entries = [entry for entry in station.entries(context.name) if entry.side == context.side]
    return station, line, entries


async def press(context: PageContext) -> web.StreamResponse:
    """Withdraw an entry, take it back as a draft, or send it on."""
    station, _, _ = _of_page(context)
    form = await form_of(context.request)
    if context.request.match_info["do"] == "voice":
        station.heard_voice(context.name, int(said(form, "position") or 0))
        return redirect(context.link("/outbox"))
    entry = _found(station, context.projection, context.side, said(form, "entry"))
    if context.request.match_info["do"] == "withdraw":
        await _withdrawn(station, entry)
        return redirect(context.link("/outbox", said="withdrawn"))
    if context.request.match_info["do"] == "change":
        return redirect(await _taken_back(context, station, entry))
    await _sent_again(station, entry)
    return redirect(context.outbox_link(entry.id))


async def _taken_back(context: PageContext, station: StationPort, entry: OutboxEntry) -> str:
    """Turn an entry into a draft, and return the address of its form."""
    new = NewDraft(act=Raw(entry.unsigned), exchange=entry.exchange)
    reply = await drafts.keep_new(context.call, new, 201, key=f"taken-back-{entry.id}")
    assert isinstance(reply.body, DraftView)
    await _withdrawn(station, entry)
    exchange = f"/exchanges/{entry.exchange}/acts" if entry.exchange else "/compose"
    return context.link(f"{exchange}/{entry.name}", draft=reply.body.id)


ROUTES: Final = (
    PageRoute(path="/outbox", handler=outbox),
    PageRoute(path="/outbox/{do:withdraw|change|send|voice}", handler=press, method="POST"),
)
