"""The meeting family: N04 meeting requests, N11 call requests, N18 visit invitations.

    requested ──acceptance──▶ accepted ──meeting-held──▶ held ──▶ closed
        │  ▲                     │                       (readouts)
        │  └──counter-proposal───┤     other windows, which others must answer
        │                        └──postponement──▶ requested, or postponed
        ├──decline──▶ declined
        └──▶ cancelled (by the opener, until it was held)

A postponement leads to `requested` where it names other windows, and otherwise to
`postponed`. A meeting that simply took place may be recorded from `requested` as well.

Windows are not corrected once a side has accepted one: nobody is bound by terms that it
did not see. With several sides asked, the request is settled when all have answered. It
is declined only if none accepted. Each side's version of the agenda is shown beside the
other's until one is agreed; this never delays a meeting. A readout that a side proposes
as joint becomes joint once every side has said it. A side that says something else has
given its own readout.
"""

from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import consent, field_checks
from dragoman.domain.acts.act_rules import DUTY, HEADS, Folding, Format, Moves, Rule, Who, always
from dragoman.domain.acts.families import items, undertaking, visit_request
from dragoman.domain.acts.families.amendments import check_terms
from dragoman.domain.acts.families.exchange import moves_of_format, settled_by_all
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid, make_refusal
from dragoman.text import Text, sentence, verbatim
from dragoman_schemas.acts.meeting import meeting_request as acts
from dragoman_schemas.acts.meeting.call_request import CallRequest
from dragoman_schemas.acts.meeting.visit_invitation import VisitInvitation
from dragoman_schemas.fields import Window, or_default
from dragoman_schemas.state import Accepted, Exchange, Held, Meeting, Proposed, Registry
from dragoman_schemas.state import StateReadout as ReadoutState

_raw_windows = msgspec.json.Decoder(tuple[Raw, ...]).decode


def terms(exchange: Exchange) -> tuple[Raw, ...]:
    """Return the windows that may be accepted now, or a visit's dates.

    Empty for a call at any time.
    """
    present = exchange.present
    if "windows" in present:
        return _raw_windows(present["windows"])
    return (present["dates"],) if "dates" in present else ()


def _meeting(exchange: Exchange) -> Meeting:
    assert exchange.meeting is not None
    return exchange.meeting


def _check_windows(windows: tuple[Window, ...] | UnsetType) -> Refusal | None:
    for index, window in enumerate(or_default(windows, ())):
        refusal = field_checks.window(f"/windows/{index}", window)
        if refusal is not None:
            return refusal
    return None


def _check_request(
    registry: Registry, exchange: Exchange | None, record: Record[acts.MeetingRequest]
) -> Refusal | None:
    data = record.data
    return _check_windows(data.windows) or field_checks.side(registry, "/host", data.host)


def _check_call(
    registry: Registry, exchange: Exchange | None, record: Record[CallRequest]
) -> Refusal | None:
    asking = registry.officers.get(record.envelope.actor)
    if record.data.precedence != "flash" and asking is not None and HEADS.isdisjoint(asking.roles):
        return make_refusal(
            "not-permitted",
            "The head of office asks for a call; in a crisis the duty officer does, with the "
            "precedence flash.",
        )
    return _check_windows(record.data.windows)


def _check_visit(
    registry: Registry, exchange: Exchange | None, record: Record[VisitInvitation]
) -> Refusal | None:
    data = record.data
    return field_checks.window("/dates", data.dates) or field_checks.place("/place", data.place)


def _window(data: acts.Acceptance) -> int:
    return or_default(data.window, 0)


def _check_acceptance(
    registry: Registry, exchange: Exchange | None, record: Record[acts.Acceptance]
) -> Refusal | None:
    data = record.data
    assert exchange is not None
    refusal = check_terms(registry, exchange, record)
    if refusal is not None:
        return refusal
    window, windows = _window(data), max(1, len(terms(exchange)))
    if window >= windows:
        return invalid(
            "/window",
            sentence("there are %(n)s windows, counted from 0; name one of them", n=windows),
        )
    chosen = {accepted.window for accepted in _meeting(exchange).accepted.values()}
    if chosen - {window}:
        return invalid(
            "/window",
            sentence(
                "window %(window)s was accepted already; accept the same one", window=chosen.pop()
            ),
        )
    return None


def check_choice(exchange: Exchange, record: Record) -> Refusal | None:
    """Refuse a new acceptance that does not name one of several windows.

    Only posts are checked in this way. In a log an acceptance without a window means
    the first window, and will always do so.
    """
    data, windows = record.data, len(terms(exchange))
    if not isinstance(data, acts.Acceptance) or data.window is not UNSET or windows < 2:
        return None
    detail = sentence(
        "%(n)s times are offered; say which one you accept, counted from 0", n=windows
    )
    return invalid("/window", detail)


def _accept(exchange: Exchange, folding: Folding[acts.Acceptance]) -> Exchange:
    data = folding.record.data
    meeting, window, side = _meeting(exchange), _window(data), folding.record.side
    chosen = (*terms(exchange), Raw(b"null"))[window]
    accepted = {
        **meeting.accepted,
        side: Accepted(accepted=folding.stamp, window=window, terms=chosen),
    }
    declined = {name: stamp for name, stamp in meeting.declined.items() if name != side}
    return replace(exchange, meeting=replace(meeting, accepted=accepted, declined=declined))


def _check_proposal(
    registry: Registry,
    exchange: Exchange | None,
    record: Record[acts.CounterProposal | acts.Postponement],
) -> Refusal | None:
    data = record.data
    return _check_windows(data.windows)


def _propose(exchange: Exchange, folding: Folding) -> Exchange:
    """Return the exchange with another proposal, which nobody has answered yet.

    A visit or a launch has only one window: the first of the proposed ones. The opening
    keeps its own members: the proposal is another record's words.
    """
    content = content_of(folding.record.newest)
    renewed: dict[str, Raw] = {
        name: content[name] for name in ("windows", "venue") if name in content
    }
    single = (
        "dates" if "dates" in exchange.content else "window" if exchange.meeting is None else ""
    )
    if "windows" in renewed and single:
        renewed[single] = _raw_windows(renewed.pop("windows"))[0]
    meeting = exchange.meeting
    if meeting is not None:
        meeting = replace(meeting, proposed_by=folding.record.side, accepted={}, declined={})
    proposed = {
        name: Proposed(said=folding.stamp, id=folding.record.envelope.id, value=value)
        for name, value in renewed.items()
    }
    return replace(exchange, proposed={**exchange.proposed, **proposed}, meeting=meeting)


def _postponed(exchange: Exchange, status: str) -> str:
    if "windows" not in exchange.acts["postponement"][-1].content:
        return status
    return "notified" if exchange.meeting is None else "requested"


def _check_held(
    registry: Registry, exchange: Exchange | None, record: Record[acts.MeetingHeld]
) -> Refusal | None:
    data = record.data
    return field_checks.window("/from", Window(from_=data.from_, to=data.to))


def _hold(exchange: Exchange, folding: Folding[acts.MeetingHeld]) -> Exchange:
    data = folding.record.data
    meeting = _meeting(exchange)
    held_meeting = Held(
        recorded=folding.stamp,
        from_=data.from_,
        to=data.to,
        for_the_record=data.for_the_record is True,
    )
    return replace(exchange, meeting=replace(meeting, held=(*meeting.held, held_meeting)))


def _check_readout(
    registry: Registry, exchange: Exchange | None, record: Record[acts.Readout]
) -> Refusal | None:
    return field_checks.authentic("/text", (record.data.text,), record.data.authentic)


def _read_out(exchange: Exchange, folding: Folding[acts.Readout]) -> Exchange:
    data = folding.record.data
    meeting, side = _meeting(exchange), folding.record.side
    text = content_of(folding.record.newest)["text"]
    kind: Literal["proposed_jointly", "separate"] = (
        "separate" if data.kind == "separate" else "proposed_jointly"
    )
    readout = ReadoutState(given=folding.stamp, kind=kind, topics=data.topics, text=text)
    return replace(exchange, meeting=_with_readout(exchange, meeting, side, readout))


def _with_readout(
    exchange: Exchange, meeting: Meeting, side: str, readout: ReadoutState
) -> Meeting:
    """Return a meeting with a side's new readout.

    The readout is joint once every party has said the same words as joint ones.
    """
    readouts = {**meeting.readouts, side: (*meeting.readouts.get(side, ()), readout)}
    newest = {name: state_readouts[-1] for name, state_readouts in readouts.items()}
    wordings = {
        (state_readout.topics, bytes(state_readout.text)) for state_readout in newest.values()
    }
    jointly = {name for name, state_readout in newest.items() if state_readout.kind != "separate"}
    if len(wordings) == 1 and {exchange.side, *exchange.to} <= jointly:
        readouts = {
            name: (*state_readouts[:-1], replace(state_readouts[-1], kind="joint"))
            for name, state_readouts in readouts.items()
        }
    elif "joint" in {
        state_readout.kind for state_readout in newest.values()
    }:  # a side has changed its words
        proposed = {name for name, state_readout in newest.items() if state_readout.kind == "joint"}
        readouts = {
            name: (*state_readouts[:-1], replace(state_readouts[-1], kind="proposed_jointly"))
            if name in proposed
            else state_readouts
            for name, state_readouts in readouts.items()
        }
    return replace(meeting, readouts=readouts, readouts_differ=len(wordings) > 1)


def _check_joint(
    registry: Registry, exchange: Exchange | None, record: Record[acts.ReadoutAgreement]
) -> Refusal | None:
    data = record.data
    assert exchange is not None
    proposed = {
        side: state_readout
        for side, state_readout in consent.proposed_readouts(exchange).items()
        if side != record.side
    }
    if not proposed:
        return invalid(
            "/act",
            sentence("no other side has proposed a joint readout; give yours with `readout`"),
        )
    if (
        data.side is UNSET
        and len(
            {
                (state_readout.topics, bytes(state_readout.text))
                for state_readout in proposed.values()
            }
        )
        > 1
    ):
        return invalid(
            "/side",
            sentence(
                "several sides have proposed a readout; name the side whose readout you accept: "
                "%(sides)s",
                sides=", ".join(sorted(proposed)),
            ),
        )
    if data.side is not UNSET and data.side not in proposed:
        return invalid(
            "/side",
            sentence(
                "%(side)s has proposed no joint readout; those who have: %(sides)s",
                side=data.side,
                sides=", ".join(sorted(proposed)),
            ),
        )
    if data.terms != consent.readout(exchange, _whose(data, proposed)):
        return make_refusal("moved", "This has changed since you read it; read it again.")
    return None


def _whose(data: acts.ReadoutAgreement, proposed: dict[str, ReadoutState]) -> str:
    return next(iter(proposed)) if isinstance(data.side, UnsetType) else data.side


def _read_jointly(exchange: Exchange, folding: Folding[acts.ReadoutAgreement]) -> Exchange:
    data, side = folding.record.data, folding.record.side
    proposed = {
        name: state_readout
        for name, state_readout in consent.proposed_readouts(exchange).items()
        if name != side
    }
    readout = replace(proposed[_whose(data, proposed)], given=folding.stamp)
    return replace(exchange, meeting=_with_readout(exchange, _meeting(exchange), side, readout))


def _put_agenda(exchange: Exchange, folding: Folding) -> Exchange:
    meeting = _meeting(exchange)
    topics = content_of(folding.record.newest)["topics"]
    agendas = {**meeting.agendas, folding.record.side: topics}
    agreed = (
        topics
        if {bytes(version) for version in agendas.values()} == {bytes(topics)} and len(agendas) > 1
        else UNSET
    )
    return replace(exchange, meeting=replace(meeting, agendas=agendas, agenda=agreed))


def _versions(exchange: Exchange, side: str) -> dict[str, Raw]:
    """Return the other sides' versions of the agenda.

    The opener's version in its request is one of them.
    """
    return {name: topics for name, topics in consent.versions(exchange).items() if name != side}


def _check_agreed(
    registry: Registry, exchange: Exchange | None, record: Record[acts.AgendaAgreement]
) -> Refusal | None:
    data = record.data
    assert exchange is not None
    versions = _versions(exchange, record.side)
    if not versions:
        return invalid(
            "/act", sentence("no other side has given an agenda yet; give yours with `agenda`")
        )
    if data.side is UNSET and len(versions) > 1:
        return invalid(
            "/side",
            sentence(
                "there are several versions; name the side whose version you accept: %(sides)s",
                sides=", ".join(sorted(versions)),
            ),
        )
    if data.side is not UNSET and data.side not in versions:
        return invalid(
            "/side",
            sentence(
                "%(side)s has given no agenda; those who have: %(sides)s",
                side=data.side,
                sides=", ".join(sorted(versions)),
            ),
        )
    whose = next(iter(versions)) if isinstance(data.side, UnsetType) else data.side
    if data.terms != consent.agenda(exchange, versions[whose]):
        return make_refusal("moved", "This has changed since you read it; read it again.")
    return None


def _agree_agenda(exchange: Exchange, folding: Folding[acts.AgendaAgreement]) -> Exchange:
    data = folding.record.data
    versions, meeting = _versions(exchange, folding.record.side), _meeting(exchange)
    whose = next(iter(versions)) if isinstance(data.side, UnsetType) else data.side
    agendas = {whose: versions[whose], **meeting.agendas, folding.record.side: versions[whose]}
    agreed = {exchange.side, *exchange.to} <= {
        name for name, topics in agendas.items() if bytes(topics) == bytes(versions[whose])
    }
    return replace(
        exchange,
        meeting=replace(meeting, agendas=agendas, agenda=versions[whose] if agreed else UNSET),
    )


def _title(data: acts.MeetingRequest) -> Text:
    return verbatim(data.purpose)


def _call_title(data: CallRequest) -> Text:
    return sentence("Call with %(counterpart)s", counterpart=verbatim(data.counterpart))


def _visit_title(data: VisitInvitation) -> Text:
    return sentence("Visit: %(purpose)s", purpose=verbatim(data.purpose))


_LIVE: Final = ("requested", "accepted", "postponed", "held")
_OPEN: Final = ("requested", "accepted", "postponed")
_ARRANGING: Final[Moves] = {
    "acceptance": {"requested": "accepted"},
    "counter-proposal": dict.fromkeys(_OPEN, "requested"),
    "postponement": dict.fromkeys(_OPEN, "postponed"),
    "decline": {"requested": "declined"},
    "meeting-held": {"requested": "held", "accepted": "held", "postponed": "held"},
    "non-attendance": {status: status for status in _LIVE},
    "readout": {"held": "held"},
    "readout-agreement": {"held": "held"},
}
_AGENDA: Final[Moves] = {
    key: {status: status for status in _OPEN} for key in ("agenda", "agenda-agreement")
}

MEETING_REQUEST: Final = Format(
    rule=Rule(
        act="meeting-request",
        shape=acts.MeetingRequest,
        family="meeting",
        who=Who.ANY,
        message=True,
        numbered="O",
        check=_check_request,
    ),
    code="N04",
    start="requested",
    moves=moves_of_format(_LIVE, {**_ARRANGING, **_AGENDA}, cancellable=_OPEN),
    title=_title,
)
CALL_REQUEST: Final = Format(
    rule=Rule(
        act="call-request",
        shape=CallRequest,
        family="meeting",
        who=Who.ANY,
        roles=DUTY,
        message=True,
        numbered="O",
        check=_check_call,
    ),
    code="N11",
    start="requested",
    moves=moves_of_format(_LIVE, _ARRANGING, cancellable=_OPEN),
    defaults={"means": '"voice"'},
    precedence=always("priority"),
    title=_call_title,
)
VISIT_INVITATION: Final = Format(
    rule=Rule(
        act="visit-invitation",
        shape=VisitInvitation,
        family="meeting",
        who=Who.ANY,
        message=True,
        numbered="O",
        check=_check_visit,
    ),
    code="N18",
    start="requested",
    moves=moves_of_format(_LIVE, _ARRANGING, cancellable=_OPEN),
    area="military-transparency-and-risk-reduction",
    title=_visit_title,
)
FORMATS: Final = (
    MEETING_REQUEST,
    CALL_REQUEST,
    VISIT_INVITATION,
    *visit_request.FORMATS,
    *undertaking.FORMATS,
    *items.FORMATS,
)

RULES: Final = (
    Rule(
        act="acceptance",
        shape=acts.Acceptance,
        who=Who.ADDRESSEE,
        consenting=True,
        acknowledges=True,
        answers=True,
        message=True,
        check=_check_acceptance,
        evolve=_accept,
        settle=settled_by_all,
    ),
    Rule(
        act="counter-proposal",
        shape=acts.CounterProposal,
        who=Who.PARTY,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        check=_check_proposal,
        evolve=_propose,
    ),
    Rule(
        act="postponement",
        shape=acts.Postponement,
        who=Who.CONVENER,
        message=True,
        kept=True,
        check=_check_proposal,
        evolve=_propose,
        settle=_postponed,
    ),
    Rule(
        act="agenda",
        shape=acts.Agenda,
        who=Who.PARTY,
        acknowledges=True,
        message=True,
        kept=True,
        evolve=_put_agenda,
    ),
    Rule(
        act="agenda-agreement",
        shape=acts.AgendaAgreement,
        who=Who.PARTY,
        consenting=True,
        acknowledges=True,
        kept=True,
        check=_check_agreed,
        evolve=_agree_agenda,
    ),
    Rule(act="meeting-held", shape=acts.MeetingHeld, who=Who.ANY, check=_check_held, evolve=_hold),
    Rule(act="readout", shape=acts.Readout, who=Who.ANY, check=_check_readout, evolve=_read_out),
    Rule(
        act="readout-agreement",
        shape=acts.ReadoutAgreement,
        who=Who.PARTY,
        consenting=True,
        acknowledges=True,
        kept=True,
        check=_check_joint,
        evolve=_read_jointly,
    ),
    *visit_request.RULES,
    *undertaking.RULES,
    *items.RULES,
)
