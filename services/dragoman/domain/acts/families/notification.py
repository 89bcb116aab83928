"""The notification family: reports of one side that save the other from surprises.

    N05 military-activity          notified ──every acknowledgement──▶ acknowledged
                                   acknowledged ──after-activity-report──▶ reported
    N06 explanation-request        requested ──final reply──▶ answered
                                   answered ──assessment──▶ assessed
    N07 hazardous-incident         open ──contained──▶ contained
                                   contained ──final-report──▶ reported
    N08 launch-notice              notified ──postponement──▶ notified, or postponed
    N09 encounter-report           reported ──counter-account──▶ accounts_differ
                                   ──every accounts-agreement──▶ agreed_facts
    N10 danger-area                announced ──all-clear──▶ cleared
    N12 immediate-notification     sent ──echo──▶ echoed · echoed_with_errors
    N13 emergency-notification     open ──ended──▶ ended
    N14 terrorism-warning          open ──reply──▶ answered
                                   each addressee says what came of it
    N15 humanitarian-notification  transmitted ──every acknowledgement──▶ received
                                   received ──withdrawal──▶ withdrawn
    N16 annual-exchange            given
    N17 ict-inquiry                open ──reply──▶ answered

A postponed launch is notified again where the act names another window. After a coded
message (N12) an amplification in plain words follows. In every incident (N07, N09, N13)
sides request, offer, accept and deliver help, and say what they know of the people.
They may join two reports of one event (`joining.py`). An announced event (N05, N08,
N10, N15) commences, may be held, and is completed (`event_progress.py`). All of them
may be cancelled and closed. The other side's account is shown beside the first report,
and neither replaces the other.
"""

from typing import Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from dragoman.domain.acts import field_checks
from dragoman.domain.acts.act_rules import (
    DUTY,
    HEADS,
    Folding,
    Format,
    Rule,
    Who,
    always,
    opening,
)
from dragoman.domain.acts.families import data_series, event_progress, helping, joining
from dragoman.domain.acts.families.amendments import check_terms, check_turn
from dragoman.domain.acts.families.emergencies import (
    EMERGENCY_NOTIFICATION,
    HUMANITARIAN_NOTIFICATION,
    TERRORISM_WARNING,
    check_outcome,
)
from dragoman.domain.acts.families.event_progress import RUNNING, progress
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.acts.families.incidents import (
    ACCOUNTED,
    DANGER_AREA,
    ENCOUNTER_REPORT,
    HAZARDOUS_INCIDENT,
    LAUNCH_NOTICE,
    agreed_by_all,
)
from dragoman.domain.acts.families.notification_words import (
    TRANSPARENCY,
    UNKNOWN,
    chosen_text,
    place_text,
    time_text,
)
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import MomentValue, Text, sentence, verbatim
from dragoman_schemas.act_frame import Answering
from dragoman_schemas.acts.notification import emergency_notification as emergency
from dragoman_schemas.acts.notification.annual_exchange import AnnualExchange
from dragoman_schemas.acts.notification.danger_area import AllClear
from dragoman_schemas.acts.notification.encounter_report import AccountsAgreement
from dragoman_schemas.acts.notification.explanation_request import ExplanationRequest
from dragoman_schemas.acts.notification.hazardous_incident import (
    Contained,
    CounterAccount,
    FinalReport,
)
from dragoman_schemas.acts.notification.ict_inquiry import IctInquiry
from dragoman_schemas.acts.notification.immediate_notification import (
    Amplification,
    ImmediateNotification,
)
from dragoman_schemas.acts.notification.military_activity import (
    AfterActivityReport,
    MilitaryActivity,
)
from dragoman_schemas.acts.notification.terrorism_warning import WarningOutcome
from dragoman_schemas.codebook import CODEBOOKS, Codebook
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Account, Exchange, Registry

# N05

_WITHOUT_TROOPS: Final = frozenset({"air_defence_readiness", "other"})
"""Types of activities that may have no troops of their own."""


def _check_activity(
    registry: Registry, exchange: Exchange | None, record: Record[MilitaryActivity]
) -> Refusal | None:
    data = record.data
    if data.troops is UNSET and data.type not in _WITHOUT_TROOPS:
        return invalid(
            "/troops",
            sentence("an activity of this type has troops; give their number, or unknown"),
        )
    for index, phase in enumerate(or_default(data.phases, ())):
        refusal = field_checks.window(
            f"/phases/{index}/window", phase.window
        ) or field_checks.place(f"/phases/{index}/place", phase.place)
        if refusal is not None:
            return refusal
    return (
        field_checks.window("/window", data.window)
        or field_checks.place("/place", data.place)
        or field_checks.times(decided_at=data.decided_at)
    )


def _activity_title(data: MilitaryActivity) -> Text:
    return sentence(
        "%(designation)s, %(type)s, from %(time)s",
        designation=data.designation,
        type=chosen_text(data, "type"),
        time=MomentValue(data.window.from_),
    )


def _check_after(
    registry: Registry, exchange: Exchange | None, record: Record[AfterActivityReport]
) -> Refusal | None:
    return field_checks.times(ended_at=record.data.ended_at)


MILITARY_ACTIVITY: Final = Format(
    rule=opening(
        "military-activity", MilitaryActivity, "notification", two_key=True, check=_check_activity
    ),
    code="N05",
    start="notified",
    moves=moves_of_format(
        ("notified", "acknowledged", *RUNNING, "reported"),
        {
            **progress("notified", "acknowledged"),
            "acknowledgement": {"notified": "acknowledged"},
            "after-activity-report": dict.fromkeys(
                ("notified", "acknowledged", *RUNNING, "reported"), "reported"
            ),
        },
        cancellable=("notified", "acknowledged", "holding"),
    ),
    area=TRANSPARENCY,
    title=_activity_title,
)

# N06


def _check_explanation(
    registry: Registry, exchange: Exchange | None, record: Record[ExplanationRequest]
) -> Refusal | None:
    data = record.data
    for index, name in enumerate(or_default(data.bring_in, ())):
        refusal = field_checks.side(registry, f"/bring_in/{index}", name)
        if refusal is not None:
            return refusal
    return field_checks.place("/place", data.place) or field_checks.times(since=data.since)


def _explanation_title(data: ExplanationRequest) -> Text:
    return sentence(
        "Request for explanation: %(type)s, %(place)s", type=data.type, place=place_text(data.place)
    )


EXPLANATION_REQUEST: Final = Format(
    rule=opening(
        "explanation-request",
        ExplanationRequest,
        "notification",
        roles=HEADS,
        two_key=True,
        check=_check_explanation,
    ),
    code="N06",
    start="requested",
    moves=moves_of_format(
        ("requested", "answered", "assessed"),
        {
            "reply": {"requested": "answered"},
            "assessment": {"requested": "assessed", "answered": "assessed"},
        },
        cancellable=("requested",),
    ),
    copied_to_all=True,
    area=TRANSPARENCY,
    precedence=always("immediate"),
    title=_explanation_title,
)

# N07


def _check_account(
    registry: Registry, exchange: Exchange | None, record: Record[CounterAccount]
) -> Refusal | None:
    """Refuse an account with a field that the format of its event does not have."""
    data = record.data
    assert exchange is not None
    names = {"facts", *ACCOUNTED[exchange.act].__struct_fields__, *Answering.__struct_fields__}
    for name in data.__struct_fields__:
        if name not in names and getattr(data, name) is not UNSET:
            return invalid(
                f"/{name}",
                sentence(
                    "a %(act)s has no %(name)s; say it in facts, or leave it out",
                    act=exchange.act,
                    name=name,
                ),
            )
    for name in or_default(data.posts, ()):
        refusal = field_checks.side(registry, f"/posts/{name}", name)
        if refusal is not None:
            return refusal
    times = {
        name: getattr(data, name) for name in ("time", "known_at", "next_update", "began", "ended")
    }
    refusal = check_turn(exchange, record.side, content_of(record.newest), "/")
    if refusal is not None:
        return refusal
    return (
        field_checks.times(**times)
        or field_checks.place("/place", data.place)
        or field_checks.places("/places", data.places)
        or field_checks.in_words(data)
        or field_checks.sides(registry, "/whose", data.whose)
    )


def _account(exchange: Exchange, folding: Folding) -> Exchange:
    content = content_of(folding.record.newest)
    content.pop("of", None)
    side = folding.record.side
    accounts = (*exchange.accounts.get(side, ()), Account(given=folding.stamp, content=content))
    return replace(exchange, accounts={**exchange.accounts, side: accounts})


def _check_contained(
    registry: Registry, exchange: Exchange | None, record: Record[Contained]
) -> Refusal | None:
    return field_checks.times(at=record.data.at)


def _check_final(
    registry: Registry, exchange: Exchange | None, record: Record[FinalReport]
) -> Refusal | None:
    assert exchange is not None
    return check_turn(exchange, record.side, content_of(record.newest), "/")


# N08 to N10


def _check_clear(
    registry: Registry, exchange: Exchange | None, record: Record[AllClear]
) -> Refusal | None:
    return field_checks.times(cleared_at=record.data.cleared_at)


# N12


def _check_coded(
    registry: Registry, exchange: Exchange | None, record: Record[ImmediateNotification]
) -> Refusal | None:
    data = record.data
    book = codebook_of(data.code_word, data.codebook_version)
    if book is None:
        codebooks = ", ".join(f"{book.code_word} {book.version}" for book in CODEBOOKS.values())
        return invalid(
            "/code_word",
            sentence(
                "there is no codebook %(code_word)s of version %(version)s; there is %(codebooks)s",
                code_word=data.code_word,
                version=data.codebook_version,
                codebooks=codebooks,
            ),
        )
    if data.designator not in book.texts:
        return invalid(
            "/designator",
            sentence(
                "%(code_word)s has the designators %(designators)s; choose one of them",
                code_word=data.code_word,
                designators=", ".join(map(str, book.texts)),
            ),
        )
    return field_checks.times(time=data.time)


def codebook_of(code_word: str, version: int) -> Codebook | None:
    """Return the codebook of a code word and a version, or None."""
    return next(
        (
            book
            for book in CODEBOOKS.values()
            if (book.code_word, book.version) == (code_word, version)
        ),
        None,
    )


def coded_text(exchange: Exchange) -> dict[str, str]:
    """Return the full text of a coded message, by language; empty for other formats."""
    if exchange.act != "immediate-notification":
        return {}
    word, version, designator = (
        msgspec.json.decode(exchange.content[name])
        for name in ("code_word", "codebook_version", "designator")
    )
    book = codebook_of(word, version)
    return {} if book is None else book.texts[designator]


def _coded_title(data: ImmediateNotification) -> Text:
    return verbatim(f"{data.code_word} {data.designator}")


IMMEDIATE_NOTIFICATION: Final = Format(
    rule=opening(
        "immediate-notification",
        ImmediateNotification,
        "notification",
        roles=DUTY,
        check=_check_coded,
    ),
    code="N12",
    start="sent",
    moves=moves_of_format(
        ("sent", "echoed", "echoed_with_errors"),
        {
            "echo": {"sent": "echoed", "echoed_with_errors": "echoed"},
            "amplification": {
                status: status for status in ("sent", "echoed", "echoed_with_errors")
            },
        },
    ),
    area=TRANSPARENCY,
    precedence=always("flash"),
    title=_coded_title,
)

# N13


def _check_ended(
    registry: Registry, exchange: Exchange | None, record: Record[emergency.Ended]
) -> Refusal | None:
    return field_checks.times(ended_at=record.data.ended_at)


# N14 to N16


def _check_annual(
    registry: Registry, exchange: Exchange | None, record: Record[AnnualExchange]
) -> Refusal | None:
    data = record.data
    nil, has_data = data.nil_return is True, data.file is not UNSET or data.totals is not UNSET
    if nil == has_data:
        return invalid(
            "/nil_return",
            sentence("give the file or its totals, or say nil_return: one of the two"),
        )
    return (
        field_checks.day("/as_of", data.as_of)
        or field_checks.day("/budget_on", data.budget_on)
        or field_checks.day("/half_year_to", data.half_year_to)
        or field_checks.times(changed_at=data.changed_at)
    )


def _annual_title(data: AnnualExchange) -> Text:
    kind = chosen_text(data, "kind", first=True)
    if data.nil_return is True:
        return sentence("%(kind)s %(year)s, nil return", kind=kind, year=data.year)
    return sentence("%(kind)s %(year)s", kind=kind, year=data.year)


ANNUAL_EXCHANGE: Final = Format(
    rule=opening(
        "annual-exchange",
        AnnualExchange,
        "notification",
        roles=HEADS,
        two_key=True,
        check=_check_annual,
    ),
    code="N16",
    start="given",
    moves=moves_of_format(("given",), {}),
    area=TRANSPARENCY,
    title=_annual_title,
)

# N17


def _check_inquiry(
    registry: Registry, exchange: Exchange | None, record: Record[IctInquiry]
) -> Refusal | None:
    return field_checks.times(time=record.data.time)


def _inquiry_title(data: IctInquiry) -> Text:
    return sentence(
        "ICT inquiry, %(affected)s, %(time)s",
        affected=chosen_text(data, "affected"),
        time=time_text(data.time),
    )


ICT_INQUIRY: Final = Format(
    rule=opening("ict-inquiry", IctInquiry, "notification", check=_check_inquiry),
    code="N17",
    start="open",
    moves=moves_of_format(("open", "answered"), {"reply": {"open": "answered"}}),
    area="general",
    defaults={"harm": UNKNOWN},
    precedence=always("immediate"),
    title=_inquiry_title,
)

FORMATS: Final = (
    MILITARY_ACTIVITY,
    EXPLANATION_REQUEST,
    HAZARDOUS_INCIDENT,
    LAUNCH_NOTICE,
    ENCOUNTER_REPORT,
    DANGER_AREA,
    IMMEDIATE_NOTIFICATION,
    EMERGENCY_NOTIFICATION,
    TERRORISM_WARNING,
    HUMANITARIAN_NOTIFICATION,
    ANNUAL_EXCHANGE,
    ICT_INQUIRY,
    *data_series.FORMATS,
)

RULES: Final = (
    Rule(
        act="counter-account",
        shape=CounterAccount,
        who=Who.OTHER,
        acknowledges=True,
        message=True,
        check=_check_account,
        evolve=_account,
    ),
    Rule(
        act="contained",
        shape=Contained,
        who=Who.OPENER,
        message=True,
        kept=True,
        check=_check_contained,
    ),
    Rule(
        act="final-report",
        shape=FinalReport,
        who=Who.OPENER,
        message=True,
        kept=True,
        check=_check_final,
    ),
    Rule(
        act="after-activity-report",
        shape=AfterActivityReport,
        who=Who.OPENER,
        message=True,
        kept=True,
        check=_check_after,
    ),
    Rule(
        act="accounts-agreement",
        check=check_terms,
        shape=AccountsAgreement,
        who=Who.PARTY,
        consenting=True,
        acknowledges=True,
        kept=True,
        settle=agreed_by_all,
    ),
    Rule(
        act="all-clear",
        shape=AllClear,
        who=Who.OPENER,
        roles=DUTY,
        message=True,
        kept=True,
        check=_check_clear,
    ),
    Rule(act="amplification", shape=Amplification, who=Who.OPENER, message=True, kept=True),
    Rule(
        act="ended",
        shape=emergency.Ended,
        who=Who.OPENER,
        message=True,
        kept=True,
        check=_check_ended,
    ),
    Rule(
        act="warning-outcome",
        shape=WarningOutcome,
        who=Who.ADDRESSEE,
        acknowledges=True,
        message=True,
        kept=True,
        check=check_outcome,
    ),
    *event_progress.RULES,
    *helping.RULES,
    *joining.RULES,
    *data_series.RULES,
)
