"""The meeting family: N04, the meeting request.

    requested ──acceptance──▶ accepted ──meeting-held──▶ held ──readout──▶ held ──▶ closed
        ├──decline──▶ declined              a meeting that was simply held may be recorded from `requested` as well
        └──▶ cancelled (by the opener, until it was held)

Windows are not corrected once a side has accepted one: nobody is held to terms that it did not see.
With several addressees the request is accepted or declined when all have answered: declined only if none accepted.
"""

from typing import Final

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.domain import checks
from dragoman.domain.exchange import content_of, life, settled_by_all
from dragoman.domain.record import Record
from dragoman.domain.refusal import Refusal, invalid
from dragoman.domain.rule import Folding, Format, Rule, Who
from dragoman_schemas.acts.meeting_request import (
    Acceptance,
    MeetingHeld,
    MeetingRequest,
    Readout,
)
from dragoman_schemas.fields import Window
from dragoman_schemas.frame import Act
from dragoman_schemas.state import Accepted, Exchange, Held, Meeting, Registry
from dragoman_schemas.state import Readout as ReadoutState

_raw_windows = msgspec.json.Decoder(tuple[Raw, ...]).decode
_windows = msgspec.json.Decoder(tuple[Window, ...]).decode


def _check_request(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, MeetingRequest)
    for index, window in enumerate(data.windows):
        refusal = checks.window(f"/windows/{index}", window)
        if refusal is not None:
            return refusal
    if isinstance(data.host, str) and data.host not in {side.name for side in registry.sides}:
        return invalid("/host", f"{data.host} is no side of {registry.name}")
    return None


def _check_acceptance(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, Acceptance) and exchange is not None
    windows = len(_windows(exchange.content["windows"]))
    if data.window >= windows:
        return invalid("/window", f"there are {windows} windows, counted from 0; name one of them")
    chosen = {accepted.window for accepted in _meeting(exchange).accepted.values()}
    if chosen - {data.window}:
        return invalid("/window", f"window {chosen.pop()} was accepted already; accept the same one")
    return None


def _check_held(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, MeetingHeld)
    return checks.window("/from", Window(from_=data.from_, to=data.to))


def _meeting(exchange: Exchange) -> Meeting:
    return exchange.meeting or Meeting()


def _accept(exchange: Exchange, folding: Folding) -> Exchange:
    data = folding.record.data
    assert isinstance(data, Acceptance)
    meeting = _meeting(exchange)
    terms = _raw_windows(exchange.content["windows"])[data.window]
    accepted = {**meeting.accepted, folding.record.side: Accepted(accepted=folding.stamp, window=data.window, terms=terms)}
    return replace(exchange, meeting=replace(meeting, accepted=accepted))


def _hold(exchange: Exchange, folding: Folding) -> Exchange:
    data = folding.record.data
    assert isinstance(data, MeetingHeld)
    meeting = _meeting(exchange)
    return replace(exchange, meeting=replace(meeting, held=(*meeting.held, Held(recorded=folding.stamp, from_=data.from_, to=data.to))))


def _read_out(exchange: Exchange, folding: Folding) -> Exchange:
    data = folding.record.data
    assert isinstance(data, Readout)
    meeting, side = _meeting(exchange), folding.record.side
    readout = ReadoutState(given=folding.stamp, kind=data.kind, topics=data.topics, text=content_of(folding.record.act)["text"])
    readouts = {**meeting.readouts, side: (*meeting.readouts.get(side, ()), readout)}
    newest = {(given[-1].topics, bytes(given[-1].text)) for given in readouts.values()}
    return replace(exchange, meeting=replace(meeting, readouts=readouts, readouts_differ=len(newest) > 1))


def _title(data: Act) -> str:
    assert isinstance(data, MeetingRequest)
    return data.purpose


MEETING_REQUEST: Final = Format(
    rule=Rule(act="meeting-request", shape=MeetingRequest, family="meeting", who=Who.ANY, message=True, numbered="O", check=_check_request),
    code="N04",
    start="requested",
    moves=life(
        ("requested", "accepted", "held"),
        {
            "acceptance": {"requested": "accepted"},
            "decline": {"requested": "declined"},
            "meeting-held": {"requested": "held", "accepted": "held"},
            "readout": {"held": "held"},
        },
        cancellable=("requested", "accepted"),
    ),
    area="general",
    defaults={},
    precedence=lambda data: "routine",
    title=_title,
)

RULES: Final = (
    Rule(
        act="acceptance",
        shape=Acceptance,
        who=Who.ADDRESSEE,
        consenting=True,
        acknowledges=True,
        answers=True,
        message=True,
        check=_check_acceptance,
        evolve=_accept,
        settle=settled_by_all,
    ),
    Rule(act="meeting-held", shape=MeetingHeld, who=Who.ANY, check=_check_held, evolve=_hold),
    Rule(act="readout", shape=Readout, who=Who.ANY, evolve=_read_out),
)
