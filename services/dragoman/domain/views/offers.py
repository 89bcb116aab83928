"""The offers of acts: when each makes sense, in which order, and in which words.

    Offer("help-acceptance", when=_is_help_offered, rank=0)
    Offer("undertaking", group=_MEETINGS, purpose=sentence("Write down what …"))

The rules say what is legal, and are frozen. This table says what helps: `offered` gives
the acts that a side may do in an exchange and has a reason for. The pages' buttons, the
API's `allowed`, the search field and the command line all read it. Every act that an
officer may do has its row here.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from msgspec import Struct

from dragoman.domain.acts import access, consent, event_windows, two_keys
from dragoman.domain.acts.act_registry import FORMATS, RULES, in_force
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.acts.families import (
    data_series,
    helping,
    joining,
    mechanism,
    retracting,
    undertaking,
)
from dragoman.text import Text, sentence
from dragoman_schemas.state import Exchange, Registry

_UNRANKED: Final = 1_000
_ANSWERS_THAT_BIND: Final = frozenset(
    {"counter-proposal", "decline", "amendment-refusal", "dissent", "joinder-agreement", "grant"}
)
"""Answers to a text or a request that are no consents."""

_FEW: Final = 3
"""The number of buttons of a page that are not folded away."""


class OfferReader(Struct, frozen=True, kw_only=True):
    """The one to whom acts are offered: a side and its officer.

    `earlier` gives the live reports that other sides made before a report.
    """

    side: str
    actor: str = ""
    earlier: Callable[[Exchange], Iterable[Exchange]] = lambda report: ()


Occasion = Callable[[Exchange, OfferReader], bool]
"""A test of whether a reader has a reason for an act in an exchange."""

Named = Literal[
    "amendments", "consents", "drafts", "joinders", "messages", "reports", "translations"
]
"""The earlier acts that an act may name; `drafts` wait for a second key."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The way in which one act is offered.

    `when` says whether there is a reason for it. Acts with a `rank` come first, the
    lowest first; `ranks` has other ranks for some formats. `form` is false for an act
    that has its own place on a page, and no form. `shortcut` is its key on the page of
    an exchange.

    An opening has the `group` of the menu and the `purpose` in which it is listed.
    `labels` are the names of its members on its form, where they differ, and `hints`
    explain those that their labels alone do not. The act needs at least one of
    `either`. A rule may need one of `asks`, so a form does not put them behind a press.
    `names` says which earlier acts its member `of` may name.
    """

    act: str
    when: Occasion = lambda state, reader: True
    rank: int = 0
    ranks: Mapping[str, int] = field(default_factory=dict)
    form: bool = True
    shortcut: str = ""
    group: Text | None = None
    purpose: Text | None = None
    labels: Mapping[str, Text] = field(default_factory=dict)
    hints: Mapping[str, Text] = field(default_factory=dict)
    either: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()
    names: Named | None = None


def offered(state: Exchange, registry: Registry, reader: OfferReader) -> tuple[str, ...]:
    """Return the acts that a side may do in an exchange and has a reason for.

    The acts with a rank come first.
    """
    acts = [act for act in allowed(registry, state, reader.side) if OFFERS[act].when(state, reader)]
    return tuple(sorted(acts, key=lambda act: _rank(act, state)))


def buttons(
    acts: Iterable[str], state: Exchange, roles: Iterable[str], early: Container[str] = ()
) -> tuple[list[str], list[str]]:
    """Return the buttons of an exchange's page: the few first ones, and the others.

    The first of the few is the primary button. Acts that an officer with these roles
    does without a colleague come first. Acts that are too `early` are no first ones.
    """
    role_set = frozenset(roles)
    forms = [act for act in acts if OFFERS[act].form and not RULES[act].roles.isdisjoint(OFFICERS)]
    ordered = sorted(
        forms,
        key=lambda act: (
            not RULES[act].two_key and RULES[act].roles.isdisjoint(role_set),
            _rank(act, state),
        ),
    )
    ranked = [act for act in ordered if _rank(act, state) < _UNRANKED and act not in early]
    few = ranked[:_FEW] or ordered[:1]
    return few, [act for act in ordered if act not in few]


def binds(act: str) -> bool:
    """Return whether an act is an answer that binds a side: a yes, a no, a change."""
    return act in consent.ACTS or act in _ANSWERS_THAT_BIND


def _rank(act: str, state: Exchange) -> int:
    return OFFERS[act].ranks.get(state.act, OFFERS[act].rank) or _UNRANKED


def allowed(registry: Registry, state: Exchange, side: str) -> Iterator[str]:
    """Yield the acts that the rules allow a side in an exchange as it is now.

    The acts are those of the rules in force, in the order of the registry of acts.
    """
    if registry.ended is not None:
        return
    version = in_force(registry)
    has_key = any(sent.sent.side == side for sent in two_keys.due(state))
    moves = version.formats[state.act].moves
    for act, rule in version.rules.items():
        if (
            state.status in moves.get(act, {})
            and access.stands(state, rule, side)
            and (has_key or act != "second-key")
        ):
            yield act


def may_promise(state: Exchange) -> bool:
    """Return whether an exchange is one in which a side may have undertaken something.

    It is a meeting, a call, a visit, a note, or anything that was answered.
    """
    has_words = state.family == "meeting" or state.act in ("call-record", "contact-note")
    has_reply = any(message.act == "reply" for message in state.messages)
    return state.act != "undertaking" and (has_words or has_reply)


def status_changes(state: Exchange) -> tuple[str, ...]:
    """Return the statuses to which an exchange may be changed now."""
    return FORMATS[state.act].changes.get(state.status, ())


# Occasions


def _has_second_key(state: Exchange, reader: OfferReader) -> bool:
    return any(
        item.sent.side == reader.side and item.sent.by != reader.actor
        for item in two_keys.due(state)
    )


def _has_translation(state: Exchange, reader: OfferReader) -> bool:
    return any(item.said.side != reader.side for item in state.acts.get("translation", ()))


def _has_amendment(state: Exchange, reader: OfferReader) -> bool:
    amendment = consent.open_amendment(state)
    return amendment is not None and amendment.said.side != reader.side


def _may_amend(state: Exchange, reader: OfferReader) -> bool:
    binding = consent.is_bound(state) or reader.side != state.side
    return binding and consent.open_amendment(state) is None


def _may_withdraw(state: Exchange, reader: OfferReader) -> bool:
    return any(consent.withdrawable(state, reader.side))


def _has_words_of_others(act: str) -> Occasion:
    return lambda state, reader: any(side != reader.side for side in consent.authors(state, act))


def _has_another_agenda(state: Exchange, reader: OfferReader) -> bool:
    topics = {side: bytes(version) for side, version in consent.versions(state).items()}
    return any(version != topics.get(reader.side) for version in topics.values())


def _may_endorse(state: Exchange, reader: OfferReader) -> bool:
    # A side that dissents from a paragraph stands behind the rest. It may endorse the paragraph.
    return _has_not_agreed(state, reader) or reader.side in consent.standing_dissents(state)


def _has_unacknowledged(state: Exchange, reader: OfferReader) -> bool:
    return any(
        reader.side in (*message.to, *message.info) and reader.side not in message.acknowledged
        for message in state.messages
    )


def _has_not_agreed(state: Exchange, reader: OfferReader) -> bool:
    return reader.side not in consent.agreed(state)


def _may_take_help(state: Exchange, reader: OfferReader) -> bool:
    return any(item.said.side != reader.side for item in state.acts.get("help-offer", ()))


def _may_join(state: Exchange, reader: OfferReader) -> bool:
    return (
        state.act in joining.INCIDENTS
        and joining.joined_at(state) is None
        and any(joining.may_propose(state, report, reader.side) for report in reader.earlier(state))
    )


def _may_agree_to_join(state: Exchange, reader: OfferReader) -> bool:
    return state.joined is not None and any(
        report.id == state.joined.of and joining.may_agree(state, report, reader.side)
        for report in reader.earlier(state)
    )


def _may_read_out(state: Exchange, reader: OfferReader) -> bool:
    meeting = state.meeting
    readouts = (
        [] if meeting is None else [item for side in meeting.readouts.values() for item in side]
    )
    return not readouts or any(item.kind != "joint" for item in readouts)


def _is_undertaker(state: Exchange, reader: OfferReader) -> bool:
    return state.act != "undertaking" or undertaking.undertaker(state) == reader.side


def _may_confirm(state: Exchange, reader: OfferReader) -> bool:
    return undertaking.undertaker(state) != reader.side


def _may_dispute(state: Exchange, reader: OfferReader) -> bool:
    verdict = undertaking.verdicts(state).get(reader.side)
    return _may_confirm(state, reader) and not (
        verdict == "fulfilment-confirmation" and state.status == "confirmed"
    )


def _is_member(state: Exchange, reader: OfferReader) -> bool:
    return reader.side in consent.parties(state)


def _may_suspend(state: Exchange, reader: OfferReader) -> bool:
    return _is_member(state, reader) and reader.side not in mechanism.suspended_by(state)


def _may_resume(state: Exchange, reader: OfferReader) -> bool:
    if state.status == "suspended":
        return _is_member(state, reader) and reader.side in mechanism.suspended_by(state)
    return _is_member(state, reader) and reader.side not in mechanism.resumed_by(state)


def _was_handed(state: Exchange, reader: OfferReader) -> bool:
    return reader.side in (state.side, *state.to)


# The table

_INCIDENTS: Final = sentence("Incidents and emergencies")
_CONTACT: Final = sentence("Contact")
_MEETINGS: Final = sentence("Meetings and visits")
_ACTIVITIES: Final = sentence("Activities and dangers ahead")
_TEXTS: Final = sentence("Dialogue and texts")
_INSIDE: Final = sentence("Inside your side")

GROUPS: Final = (_INCIDENTS, _CONTACT, _MEETINGS, _ACTIVITIES, _TEXTS, _INSIDE)
"""The groups of the menu of acts, in their order."""

_MEETINGS_ASKED: Final = ("meeting-request", "call-request", "visit-invitation")
"""Formats that ask for a time: to accept, other times and to decline are the moves."""

_WHICH_AMENDMENT: Final = {"of": sentence("Which amendment")}
_WHICH_REPORT: Final = {"of": sentence("Which report")}
_WHICH_TRANSLATION: Final = {"of": sentence("Which translation")}
_REPLACED: Final = {"fields": sentence("What is replaced")}

INCIDENT: Final = "hazardous-incident"
"""The act by which a side reports an incident. Pages offer it before all others."""

_OPENINGS: Final = (
    Offer(
        act=INCIDENT,
        group=_INCIDENTS,
        purpose=sentence(
            "Something dangerous has just happened, such as a near miss or a collision."
        ),
        labels={"kind": sentence("What"), "time": sentence("When"), "place": sentence("Where")},
    ),
    Offer(
        act="immediate-notification",
        group=_INCIDENTS,
        purpose=sentence(
            "Say it at once with a code word and a number. The plain words can follow."
        ),
    ),
    Offer(
        act="emergency-notification",
        group=_INCIDENTS,
        purpose=sentence(
            "An emergency that may reach the other side, such as a fire or radiation."
        ),
    ),
    Offer(
        act="terrorism-warning",
        group=_INCIDENTS,
        purpose=sentence("The other side is threatened, or can stop a threat."),
    ),
    Offer(
        act="humanitarian-notification",
        group=_INCIDENTS,
        purpose=sentence("A hospital, a convoy or another site or movement that must not be hit."),
        asks=frozenset({"place", "route", "departure"}),
    ),
    Offer(
        act="encounter-report",
        group=_INCIDENTS,
        purpose=sentence("Ships or aircraft of the sides have met, at sea or in the air."),
    ),
    Offer(
        act="contact-note",
        group=_CONTACT,
        purpose=sentence("Keep what was said in a conversation or a letter."),
    ),
    Offer(
        act="call-record",
        group=_CONTACT,
        purpose=sentence("Keep what was said in a telephone call."),
    ),
    Offer(
        act="point-of-contact",
        group=_CONTACT,
        purpose=sentence("Announce whom the other side can ring, and when."),
        hints={
            "key": sentence("32 bytes in base64. Leave it empty where nobody asks for it."),
            "duty_number_dead": sentence(
                "Yes: nobody answers at the number that was announced, so this takes effect at "
                "once."
            ),
        },
        asks=frozenset({"person"}),
    ),
    Offer(
        act="line-check",
        group=_CONTACT,
        purpose=sentence("Test the line: the other side sends your text back."),
    ),
    Offer(
        act="liaison-office",
        group=_CONTACT,
        purpose=sentence("Propose a liaison office, or enter one that exists already."),
    ),
    Offer(
        act="liaison-staff",
        group=_CONTACT,
        purpose=sentence("Name a person for your liaison office. The other side agrees first."),
        labels={"of": sentence("Which office")},
    ),
    Offer(
        act="people-programme",
        group=_CONTACT,
        purpose=sentence("Propose a programme between people, such as students or artists."),
    ),
    Offer(
        act="meeting-request",
        group=_MEETINGS,
        purpose=sentence("Ask the other side to meet, with possible times."),
    ),
    Offer(
        act="call-request",
        group=_MEETINGS,
        purpose=sentence("Ask for a call with a post of the other side."),
    ),
    Offer(
        act="visit-request",
        group=_MEETINGS,
        purpose=sentence("Ask to see a place, an activity, wreckage or people."),
    ),
    Offer(
        act="visit-invitation",
        group=_MEETINGS,
        purpose=sentence("Invite the other side to a place of yours."),
    ),
    Offer(
        act="undertaking",
        group=_MEETINGS,
        purpose=sentence("Write down what a side will do, and by when."),
    ),
    Offer(
        act="item-request",
        group=_MEETINGS,
        purpose=sentence("Ask for things that the other side has, such as recorders or boats."),
        labels={"of": sentence("Which matter")},
    ),
    Offer(
        act="military-activity",
        group=_ACTIVITIES,
        purpose=sentence("Announce an exercise, a movement of forces or another activity."),
        asks=frozenset({"troops"}),
    ),
    Offer(
        act="danger-area",
        group=_ACTIVITIES,
        purpose=sentence("Announce a dangerous area and the time in which it is dangerous."),
    ),
    Offer(
        act="launch-notice",
        group=_ACTIVITIES,
        purpose=sentence("Announce the launch of a missile or a space rocket, or report it."),
        either=frozenset({"window", "time"}),
    ),
    Offer(
        act="explanation-request",
        group=_ACTIVITIES,
        purpose=sentence("Ask the other side to explain an activity that you see."),
    ),
    Offer(
        act="ict-inquiry",
        group=_ACTIVITIES,
        purpose=sentence("Ask about an event in computers or networks."),
    ),
    Offer(
        act="annual-exchange",
        group=_ACTIVITIES,
        purpose=sentence("Give the yearly data, or say that there are none."),
        asks=frozenset({"file", "totals", "nil_return"}),
    ),
    Offer(
        act="data-series",
        group=_ACTIVITIES,
        purpose=sentence("Agree on figures that a side gives at intervals, such as river levels."),
    ),
    Offer(
        act="perception",
        group=_TEXTS,
        purpose=sentence(
            "Say how your side sees an issue, and how you think the other side sees it."
        ),
    ),
    Offer(
        act="roadmap-item",
        group=_TEXTS,
        purpose=sentence("Propose a plan in one area, and what it shall produce."),
    ),
    Offer(
        act="recommendation",
        group=_TEXTS,
        purpose=sentence("Recommend something to the governments."),
    ),
    Offer(
        act="joint-report",
        group=_TEXTS,
        purpose=sentence("Negotiate a report, paragraph by paragraph."),
    ),
    Offer(
        act="reference-document",
        group=_TEXTS,
        purpose=sentence("Name a document and the passages to which you will refer."),
        either=frozenset({"published", "sha256"}),
    ),
    Offer(
        act="mechanism",
        group=_TEXTS,
        purpose=sentence("Enter a body in which the sides meet: its level, its chairs, its areas."),
    ),
    Offer(
        act="transmittal",
        group=_TEXTS,
        purpose=sentence("Hand over the recommendations of a group, with their proofs."),
    ),
    Offer(
        act="release",
        group=_TEXTS,
        purpose=sentence("Propose that exactly these records are made public."),
    ),
    Offer(
        act="public-line",
        group=_TEXTS,
        purpose=sentence("Tell the other side what yours will say in public, and when."),
    ),
    Offer(act="tasking", group=_INSIDE, purpose=sentence("Give officers of your side a task.")),
    Offer(
        act="instruction-request",
        group=_INSIDE,
        purpose=sentence("Ask your capital for instructions."),
    ),
    Offer(
        act="silence-procedure",
        group=_INSIDE,
        purpose=sentence(
            "Send a draft round. Everyone who says nothing until a time agrees to it."
        ),
    ),
)
"""The acts that open an exchange, in the order of the menu."""

_CONTINUING: Final = (
    Offer(act="acknowledgement", when=_has_unacknowledged, form=False),
    Offer(
        act="second-key",
        rank=5,
        when=_has_second_key,
        labels={"of": sentence("What your colleague sent")},
        names="drafts",
    ),
    Offer(
        act="joinder-agreement",
        rank=10,
        when=_may_agree_to_join,
        labels=_WHICH_REPORT,
        names="joinders",
    ),
    Offer(
        act="amendment-agreement",
        rank=15,
        when=_has_amendment,
        labels=_WHICH_AMENDMENT,
        names="amendments",
    ),
    Offer(
        act="amendment-refusal",
        rank=20,
        when=_has_amendment,
        labels=_WHICH_AMENDMENT,
        names="amendments",
    ),
    Offer(act="release-consent", rank=25, when=_has_not_agreed),
    Offer(act="reply", rank=30, shortcut="r"),
    Offer(
        act="acceptance",
        rank=35,
        ranks=dict.fromkeys(_MEETINGS_ASKED, 1),
        labels={"window": sentence("Time that you accept")},
    ),
    Offer(act="counter-proposal", ranks=dict.fromkeys(_MEETINGS_ASKED, 2)),
    Offer(act="counter-account", rank=40),
    Offer(act="echo", rank=45),
    Offer(act="restatement", rank=50),
    Offer(act="endorsement", rank=55, when=_may_endorse),
    Offer(
        act="agreement",
        rank=60,
        ranks=dict.fromkeys(("undertaking", "mechanism", "transmittal", "data-series"), 6),
        when=_has_not_agreed,
    ),
    Offer(act="clarification-request", rank=65),
    Offer(act="readout-agreement", rank=70, when=_has_words_of_others("readout-agreement")),
    Offer(act="amendment", rank=75, when=_may_amend, labels=_REPLACED),
    Offer(act="interim-reply", rank=80, shortcut="h"),
    Offer(act="update", rank=85, labels={"fields": sentence("What is new")}),
    Offer(
        act="retraction",
        when=lambda state, reader: bool(retracting.own_statement(state, reader.side)),
        labels=_REPLACED,
    ),
    Offer(
        act="readout",
        rank=95,
        when=_may_read_out,
        hints={
            "kind": sentence(
                "Joint: words that you propose to say together; they are joint once every side "
                "has agreed to them. Separate: your side’s own words, beside those of the others."
            )
        },
    ),
    Offer(
        act="people-status",
        hints={"kind": sentence("Held people may not leave; rescued people may. One kind a row.")},
    ),
    Offer(act="meeting-held", rank=100),
    Offer(act="contained", rank=105),
    Offer(act="final-report", rank=110),
    Offer(act="all-clear", rank=115),
    Offer(act="call-attempt", rank=120, shortcut="t"),
    Offer(act="grant", ranks={"visit-request": 1}),
    Offer(
        act="decline",
        ranks={"visit-request": 2, **dict.fromkeys(_MEETINGS_ASKED, 3)},
        when=lambda state, reader: state.meeting is None or state.status == "requested",
    ),
    Offer(act="visit-report", ranks={"visit-request": 3}),
    Offer(act="fulfilment", ranks={"undertaking": 7}, when=_is_undertaker),
    Offer(act="fulfilment-confirmation", ranks={"undertaking": 8}, when=_may_confirm),
    Offer(act="fulfilment-dispute", ranks={"undertaking": 9}, when=_may_dispute),
    Offer(act="item-handover", ranks={"item-request": 1}),
    Offer(act="item-receipt", ranks={"item-request": 2}),
    Offer(act="item-holder", ranks={"item-request": 3}),
    Offer(act="silence-break", ranks={"silence-procedure": 1}),
    Offer(
        act="data-values",
        ranks={"data-series": 1},
        when=lambda state, reader: data_series.giver_of(state) == reader.side,
    ),
    Offer(act="recommendation-answer", ranks={"transmittal": 10}, when=_was_handed),
    Offer(act="mechanism-resumption", ranks={"mechanism": 11}, when=_may_resume),
    Offer(act="mechanism-suspension", when=_may_suspend),
    Offer(act="mechanism-end", when=_is_member),
    Offer(act="closure", when=lambda state, reader: reader.side not in state.closures),
    Offer(
        act="correction", when=lambda state, reader: not consent.is_bound(state), labels=_REPLACED
    ),
    Offer(
        act="consent-withdrawal",
        when=_may_withdraw,
        labels={"of": sentence("What you take back")},
        names="consents",
    ),
    Offer(act="agenda-agreement", rank=7, when=_has_another_agenda),
    Offer(
        act="assessment",
        when=lambda state, reader: any(message.answered for message in state.messages),
    ),
    Offer(act="help-offer", when=lambda state, reader: helping.may_offer(state, reader.side)),
    Offer(act="help-acceptance", when=_may_take_help),
    Offer(act="help-delivery", when=lambda state, reader: bool(state.acts.get("help-offer"))),
    Offer(act="translation", names="messages"),
    Offer(
        act="translation-agreement",
        when=_has_translation,
        labels=_WHICH_TRANSLATION,
        names="translations",
    ),
    Offer(
        act="translation-dispute",
        when=_has_translation,
        labels=_WHICH_TRANSLATION,
        names="translations",
    ),
    Offer(act="adoption", when=lambda state, reader: reader.side not in consent.adopting(state)),
    Offer(act="status-change", when=lambda state, reader: bool(status_changes(state))),
    Offer(act="joinder", when=_may_join, labels=_WHICH_REPORT, names="reports"),
    Offer(
        act="reconfirmation",
        when=lambda state, reader: (
            state.act != "danger-area" or event_windows.is_until_further_notice(state)
        ),
    ),
    Offer(
        act="alternative",
        labels={
            "text": sentence("Your side’s words for it"),
            "field": sentence("Which part of the text"),
        },
    ),
)
"""The acts that continue an exchange, apart from those that are always offered."""

_OF_CHANNEL: Final = (
    Offer(act="officer", labels={"officer": sentence("Name of office")}),
    Offer(act="erasure", labels={"records": sentence("Exchanges")}),
    Offer(
        act="erasure-consent",
        labels={
            "records": sentence("Exchanges"),
            "withdrawn": sentence("Take the consent back"),
        },
    ),
    Offer(act="onward-adoption", labels={"entries": sentence("Formats and their posts")}),
    Offer(act="key-revocation", labels={"suspect_from": sentence("In doubt from record")}),
)
"""The acts of the channel itself whose forms name a member in other words."""

OFFERS: Final[Mapping[str, Offer]] = {
    **{act: Offer(act=act) for act in RULES},
    **{offer.act: offer for offer in (*_OPENINGS, *_CONTINUING, *_OF_CHANNEL)},
}
"""The offer of each act."""

MENU: Final = _OPENINGS
"""The acts that open an exchange, in the order of the menu."""
