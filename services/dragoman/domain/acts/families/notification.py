"""The notification family: what one side tells the other so that nobody is surprised.

    N05 military-activity           notified ──every acknowledgement──▶ acknowledged ──after-activity-report──▶ reported
    N06 explanation-request         requested ──final reply──▶ answered ──assessment──▶ assessed
    N07 hazardous-incident          open ──contained──▶ contained ──final-report──▶ reported
    N08 launch-notice               notified ──postponement──▶ notified in another window, or postponed
    N09 encounter-report            reported ──counter-account──▶ accounts_differ ──every accounts-agreement──▶ agreed_facts
    N10 danger-area                 announced ──all-clear──▶ cleared
    N12 immediate-notification      sent ──echo──▶ echoed · echoed_with_errors     amplification in plain words follows
    N13 emergency-notification      open ──ended──▶ ended     help requested, offered, accepted, delivered meanwhile
    N14 terrorism-warning           open ──reply──▶ answered
    N15 humanitarian-notification   transmitted ──every acknowledgement──▶ received ──withdrawal──▶ withdrawn
    N16 annual-exchange             given
    N17 ict-inquiry                 open ──reply──▶ answered

All of them may be cancelled and closed. The other side's account stands beside the first report, and neither replaces the other.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import consent, field_checks
from dragoman.domain.acts.act_rules import (
    DUTY,
    HEADS,
    Folding,
    Format,
    Moves,
    Rule,
    Who,
    always,
    opening,
)
from dragoman.domain.acts.families.exchange import check_terms, content_of, life
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import MomentValue, NameValue, PlaceValue, Text, sentence, verbatim
from dragoman_schemas.act_frame import Act, Answering, Area, OpeningAct, Precedence
from dragoman_schemas.acts import emergency_notification as emergency
from dragoman_schemas.acts.annual_exchange import AnnualExchange
from dragoman_schemas.acts.call_record import CallRecord
from dragoman_schemas.acts.danger_area import AllClear, DangerArea
from dragoman_schemas.acts.encounter_report import AccountsAgreement, EncounterReport
from dragoman_schemas.acts.explanation_request import ExplanationRequest
from dragoman_schemas.acts.hazardous_incident import (
    Contained,
    CounterAccount,
    FinalReport,
    HazardousIncident,
)
from dragoman_schemas.acts.humanitarian_notification import HumanitarianNotification
from dragoman_schemas.acts.ict_inquiry import IctInquiry
from dragoman_schemas.acts.immediate_notification import Amplification, ImmediateNotification
from dragoman_schemas.acts.launch_notice import LaunchNotice
from dragoman_schemas.acts.military_activity import AfterActivityReport, MilitaryActivity
from dragoman_schemas.acts.terrorism_warning import TerrorismWarning
from dragoman_schemas.codebook import CODEBOOKS, NOTICES, Codebook
from dragoman_schemas.fields import About, Place, When, Where
from dragoman_schemas.state import Account, Exchange, Registry

_TRANSPARENCY: Final[Area] = "military-transparency-and-risk-reduction"
_UNKNOWN: Final = '"unknown"'


def _at(when: When) -> MomentValue | Text:
    return (
        sentence("about %(time)s", time=MomentValue(when.about))
        if isinstance(when, About)
        else MomentValue(when)
    )


def _where(place: Where) -> str | Text | NameValue | PlaceValue:
    if not isinstance(place, Place):
        return NameValue("value", place) if place == field_checks.UNKNOWN else place
    if isinstance(place.lat, float) and isinstance(place.lon, float):
        return PlaceValue(place.lat, place.lon)
    return next(
        (text for text in (place.name, place.text) if isinstance(text, str)),
        sentence("area as given"),
    )


# N05


def _check_activity(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, MilitaryActivity)
    for index, phase in enumerate(() if isinstance(data.phases, UnsetType) else data.phases):
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


def _activity_title(data: Act) -> Text:
    assert isinstance(data, MilitaryActivity)
    return sentence(
        "%(designation)s, %(type)s, from %(time)s",
        designation=data.designation,
        type=NameValue("value", data.type),
        time=MomentValue(data.window.from_),
    )


def _check_after(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, AfterActivityReport)
    return field_checks.times(ended_at=record.data.ended_at)


MILITARY_ACTIVITY: Final = Format(
    rule=opening(
        "military-activity", MilitaryActivity, "notification", two_key=True, check=_check_activity
    ),
    code="N05",
    start="notified",
    moves=life(
        ("notified", "acknowledged", "reported"),
        {
            "acknowledgement": {"notified": "acknowledged"},
            "after-activity-report": {
                "notified": "reported",
                "acknowledged": "reported",
                "reported": "reported",
            },
        },
        cancellable=("notified", "acknowledged"),
    ),
    area=_TRANSPARENCY,
    title=_activity_title,
)

# N06


def _check_explanation(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, ExplanationRequest)
    for index, name in enumerate(() if isinstance(data.bring_in, UnsetType) else data.bring_in):
        refusal = field_checks.side(registry, f"/bring_in/{index}", name)
        if refusal is not None:
            return refusal
    return field_checks.place("/place", data.place) or field_checks.times(since=data.since)


def _explanation_title(data: Act) -> Text:
    assert isinstance(data, ExplanationRequest)
    return sentence(
        "Request for explanation: %(type)s, %(place)s", type=data.type, place=_where(data.place)
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
    moves=life(
        ("requested", "answered", "assessed"),
        {
            "reply": {"requested": "answered"},
            "assessment": {"requested": "assessed", "answered": "assessed"},
        },
        cancellable=("requested",),
    ),
    copied_to_all=True,
    area=_TRANSPARENCY,
    precedence=always("immediate"),
    title=_explanation_title,
)

# N07

_FLASH: Final = frozenset(
    {"collision", "lost_drone_or_missile", "fire_or_explosion", "unauthorised_launch"}
)


def _check_incident(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, HazardousIncident)
    return (
        field_checks.times(time=data.time, known_at=data.known_at, next_update=data.next_update)
        or field_checks.place("/place", data.place)
        or field_checks.sides(registry, "/whose", data.whose)
    )


def _check_account(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """An account has the fields of what it answers to, and no others."""
    data = record.data
    assert isinstance(data, CounterAccount) and exchange is not None
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
    for name in () if isinstance(data.posts, UnsetType) else data.posts:
        refusal = field_checks.side(registry, f"/posts/{name}", name)
        if refusal is not None:
            return refusal
    times = {
        name: getattr(data, name) for name in ("time", "known_at", "next_update", "began", "ended")
    }
    return (
        field_checks.times(**times)
        or field_checks.place("/place", data.place)
        or field_checks.sides(registry, "/whose", data.whose)
    )


ACCOUNTED: Final[dict[str, type[OpeningAct]]] = {
    "hazardous-incident": HazardousIncident,
    "encounter-report": EncounterReport,
    "call-record": CallRecord,
}
"""What another side gives its own account of, in the same fields."""

NARRATIVE: Final = {
    "hazardous-incident": "facts",
    "encounter-report": "description",
    "call-record": "gist",
}
"""The field of each that an account's `facts` stand beside."""


def _account(exchange: Exchange, folding: Folding) -> Exchange:
    content = content_of(folding.record.newest)
    content.pop("of", None)
    side = folding.record.side
    accounts = (*exchange.accounts.get(side, ()), Account(given=folding.stamp, content=content))
    return replace(exchange, accounts={**exchange.accounts, side: accounts})


def _incident_precedence(data: Act, time: str) -> Precedence:
    assert isinstance(data, HazardousIncident)
    return "flash" if data.kind in _FLASH else "immediate"


def _incident_title(data: Act) -> Text:
    assert isinstance(data, HazardousIncident)
    kind = NameValue("value", data.kind, first=True)
    return sentence(
        "%(kind)s, %(place)s, %(time)s", kind=kind, place=_where(data.place), time=_at(data.time)
    )


def _check_contained(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    assert isinstance(record.data, Contained)
    return field_checks.times(at=record.data.at)


HAZARDOUS_INCIDENT: Final = Format(
    rule=opening(
        "hazardous-incident", HazardousIncident, "notification", roles=DUTY, check=_check_incident
    ),
    code="N07",
    start="open",
    moves=life(
        ("open", "contained", "reported"),
        {
            "counter-account": {status: status for status in ("open", "contained", "reported")},
            "contained": {"open": "contained"},
            "final-report": {"open": "reported", "contained": "reported", "reported": "reported"},
        },
    ),
    area=_TRANSPARENCY,
    defaults=dict.fromkeys(
        (
            "whose",
            "casualties",
            "damage",
            "cause_assumed",
            "cause_established",
            "continuing",
            "assistance",
        ),
        _UNKNOWN,
    ),
    precedence=_incident_precedence,
    title=_incident_title,
)

# N08


def _check_launch(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, LaunchNotice)
    if data.window is data.time is UNSET:
        return invalid("/window", sentence("say when: give a window, or a time"))
    if not isinstance(data.window, UnsetType):
        refusal = field_checks.window("/window", data.window)
        if refusal is not None:
            return refusal
    return (
        field_checks.times(time=data.time)
        or field_checks.place("/launch_area", data.launch_area)
        or field_checks.places("/impact_areas", data.impact_areas)
        or field_checks.places("/dropping_zones", data.dropping_zones)
    )


def _launch_title(data: Act) -> Text:
    assert isinstance(data, LaunchNotice)
    return sentence(
        "Launch, %(phase)s, %(place)s",
        phase=NameValue("value", data.phase),
        place=_where(data.launch_area),
    )


def _launch_precedence(data: Act, time: str) -> Precedence:
    assert isinstance(data, LaunchNotice)
    return "flash" if data.phase == "deviation" else "priority"


def _is_deviation(data: Act, time: str) -> bool:
    return isinstance(data, LaunchNotice) and data.phase == "deviation"


LAUNCH_NOTICE: Final = Format(
    rule=opening(
        "launch-notice",
        LaunchNotice,
        "notification",
        two_key=True,
        one_key=_is_deviation,
        check=_check_launch,
    ),
    code="N08",
    start="notified",
    moves=life(
        ("notified", "postponed"),
        {"postponement": {"notified": "postponed", "postponed": "postponed"}},
    ),
    area=_TRANSPARENCY,
    precedence=_launch_precedence,
    title=_launch_title,
)

# N09


def _check_encounter(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, EncounterReport)
    return field_checks.times(time=data.time) or field_checks.place("/place", data.place)


def _encounter_title(data: Act) -> Text:
    assert isinstance(data, EncounterReport)
    place, time = _where(data.place), _at(data.time)
    if data.domain == "sea":
        return sentence("Encounter at sea, %(place)s, %(time)s", place=place, time=time)
    return sentence("Encounter in the air, %(place)s, %(time)s", place=place, time=time)


def agreed_by_all(exchange: Exchange, status: str) -> str:
    """The same facts from every party, of the accounts as they are."""
    return status if _agreed_facts(exchange) else exchange.status


def _agreed_facts(exchange: Exchange) -> bool:
    return consent.standing(exchange, "accounts-agreement") >= {exchange.side, *exchange.to}


def _still_agreed(exchange: Exchange, status: str) -> str:
    """Return the status, without agreed facts where an account says something else since."""
    if status != "agreed_facts" or _agreed_facts(exchange):
        return status
    return "accounts_differ" if exchange.accounts else "reported"


ENCOUNTER_REPORT: Final = Format(
    rule=opening("encounter-report", EncounterReport, "notification", check=_check_encounter),
    code="N09",
    start="reported",
    moves=life(
        ("reported", "accounts_differ", "agreed_facts"),
        {
            "counter-account": {
                "reported": "accounts_differ",
                "accounts_differ": "accounts_differ",
                "agreed_facts": "accounts_differ",
            },
            "accounts-agreement": {"reported": "agreed_facts", "accounts_differ": "agreed_facts"},
        },
    ),
    holds=_still_agreed,
    area="maritime-security",
    defaults=dict.fromkeys(("cpa", "radio_contact"), _UNKNOWN),
    precedence=always("priority"),
    title=_encounter_title,
)

# N10


def _check_area(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, DangerArea)
    return field_checks.place("/place", data.place) or field_checks.window("/window", data.window)


def _area_title(data: Act) -> Text:
    assert isinstance(data, DangerArea)
    return sentence(
        "Danger area, %(hazard)s, %(place)s",
        hazard=NameValue("value", data.hazard),
        place=_where(data.place),
    )


def _check_clear(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, AllClear)
    return field_checks.times(cleared_at=record.data.cleared_at)


DANGER_AREA: Final = Format(
    rule=opening("danger-area", DangerArea, "notification", check=_check_area),
    code="N10",
    start="announced",
    moves=life(
        ("announced", "cleared"),
        {"all-clear": {"announced": "cleared"}},
        cancellable=("announced",),
    ),
    area="maritime-security",
    precedence=always("priority"),
    title=_area_title,
    notice=NOTICES["danger-area"],
)

# N12


def _check_coded(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, ImmediateNotification)
    book = codebook_of(data.code_word, data.codebook_version)
    if book is None:
        text = ", ".join(f"{book.code_word} {book.version}" for book in CODEBOOKS.values())
        return invalid(
            "/code_word",
            sentence(
                "there is no codebook %(code_word)s of version %(version)s; there is %(known)s",
                code_word=data.code_word,
                version=data.codebook_version,
                known=text,
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
    """The codebook of a code word and a version."""
    return next(
        (
            book
            for book in CODEBOOKS.values()
            if (book.code_word, book.version) == (code_word, version)
        ),
        None,
    )


def coded_text(exchange: Exchange) -> dict[str, str]:
    """What a coded message says in full, by language; empty for any other."""
    if exchange.act != "immediate-notification":
        return {}
    word, version, designator = (
        msgspec.json.decode(exchange.content[name])
        for name in ("code_word", "codebook_version", "designator")
    )
    book = codebook_of(word, version)
    return {} if book is None else book.texts[designator]


def _coded_title(data: Act) -> Text:
    assert isinstance(data, ImmediateNotification)
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
    moves=life(
        ("sent", "echoed", "echoed_with_errors"),
        {
            "echo": {"sent": "echoed", "echoed_with_errors": "echoed"},
            "amplification": {
                status: status for status in ("sent", "echoed", "echoed_with_errors")
            },
        },
    ),
    area=_TRANSPARENCY,
    precedence=always("flash"),
    title=_coded_title,
)

# N13


def _check_emergency(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, emergency.EmergencyNotification)
    return field_checks.times(time=data.time, next_update=data.next_update) or field_checks.place(
        "/place", data.place
    )


def _emergency_title(data: Act) -> Text:
    assert isinstance(data, emergency.EmergencyNotification)
    nature = NameValue("value", data.nature)
    return sentence(
        "Emergency, %(nature)s, %(place)s, %(time)s",
        nature=nature,
        place=_where(data.place),
        time=_at(data.time),
    )


def _check_ended(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, emergency.Ended)
    return field_checks.times(ended_at=record.data.ended_at)


def in_need(exchange: Exchange) -> set[str]:
    """Return the sides that need help: that have asked for it, and the one that reported, unless it says that it wants none."""
    raw = exchange.content.get("help")
    reported = (
        set() if raw is not None and bytes(raw) in (b'"none"', b'"offered"') else {exchange.side}
    )
    return reported | {item.said.side for item in exchange.acts.get("help-request", ())}


def _check_offer(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """Nobody offers help to itself."""
    assert exchange is not None
    if in_need(exchange) <= {record.side}:
        return invalid(
            "/act", sentence("no other side needs help here: it would be offered to your own")
        )
    return None


def _check_help_taken(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    """What is taken was offered by another side."""
    assert exchange is not None
    if all(item.said.side == record.side for item in exchange.acts.get("help-offer", ())):
        return invalid("/act", sentence("no other side has offered help yet"))
    return None


def _check_delivered(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    """What was given, or has arrived, was offered by somebody."""
    assert exchange is not None
    if not exchange.acts.get("help-offer"):
        return invalid("/act", sentence("nobody has offered help yet"))
    return None


_HELPING: Final[Moves] = {
    key: {"open": "open", "ended": "ended"}
    for key in ("help-request", "help-offer", "help-acceptance", "help-delivery")
}

EMERGENCY_NOTIFICATION: Final = Format(
    rule=opening(
        "emergency-notification",
        emergency.EmergencyNotification,
        "notification",
        roles=DUTY,
        check=_check_emergency,
    ),
    code="N13",
    start="open",
    moves=life(("open", "ended"), {"ended": {"open": "ended"}, **_HELPING}),
    area="regional-security",
    defaults=dict.fromkeys(("cross_border", "help"), _UNKNOWN),
    precedence=always("immediate"),
    title=_emergency_title,
)

# N14


def _check_warning(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, TerrorismWarning)
    refusal = field_checks.place("/place", data.place)
    if refusal is None and not isinstance(data.window, str):
        return field_checks.window("/window", data.window)
    return refusal


def _warning_title(data: Act) -> Text:
    assert isinstance(data, TerrorismWarning)
    threat, target = NameValue("value", data.threat), NameValue("value", data.target)
    return sentence(
        "Warning: %(threat)s, %(target)s, %(place)s",
        threat=threat,
        target=target,
        place=_where(data.place),
    )


def _warning_precedence(data: Act, time: str) -> Precedence:
    return "flash" if is_imminent(data, time) else "routine"


def is_imminent(data: Act, time: str) -> bool:
    """Whether a threat is said to be imminent, or may come true within a day of the time at which the warning is recorded."""
    if not isinstance(data, TerrorismWarning):
        return False
    imminent = None if isinstance(data.imminent, UnsetType) else data.imminent
    return field_checks.imminent(
        "" if isinstance(data.window, str) else data.window.from_, time, flag=imminent
    )


TERRORISM_WARNING: Final = Format(
    rule=opening(
        "terrorism-warning",
        TerrorismWarning,
        "notification",
        two_key=True,
        one_key=is_imminent,
        check=_check_warning,
    ),
    code="N14",
    start="open",
    moves=life(("open", "answered"), {"reply": {"open": "answered"}}),
    area="counter-terrorism",
    precedence=_warning_precedence,
    title=_warning_title,
)

# N15


def _check_humanitarian(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, HumanitarianNotification)
    needed = {"site": ("place",), "movement": ("route", "departure")}[data.kind]
    for name in needed:
        if getattr(data, name) is UNSET:
            members = (
                sentence("%(a)s and %(b)s", a=needed[0], b=needed[1])
                if len(needed) > 1
                else needed[0]
            )
            return invalid(
                f"/{name}",
                sentence(
                    "a %(kind)s has %(members)s; give %(name)s",
                    kind=data.kind,
                    members=members,
                    name=name,
                ),
            )
    if not isinstance(data.window, UnsetType):
        refusal = field_checks.window("/window", data.window)
        if refusal is not None:
            return refusal
    return (
        field_checks.place("/place", data.place)
        or field_checks.places("/route", data.route)
        or field_checks.times(departure=data.departure, arrival=data.arrival)
    )


def _humanitarian_title(data: Act) -> Text:
    assert isinstance(data, HumanitarianNotification)
    kind = NameValue("value", data.kind)
    return sentence(
        "Humanitarian %(kind)s, %(organisation)s", kind=kind, organisation=data.organisation
    )


def _humanitarian_precedence(data: Act, time: str) -> Precedence:
    assert isinstance(data, HumanitarianNotification)
    return "priority" if data.urgent is True else "routine"


HUMANITARIAN_NOTIFICATION: Final = Format(
    rule=opening(
        "humanitarian-notification",
        HumanitarianNotification,
        "notification",
        check=_check_humanitarian,
    ),
    code="N15",
    start="transmitted",
    moves=life(
        ("transmitted", "received"),
        {
            "acknowledgement": {"transmitted": "received"},
            "reconfirmation": {"transmitted": "transmitted", "received": "received"},
            "withdrawal": {"transmitted": "withdrawn", "received": "withdrawn"},
        },
    ),
    area="regional-security",
    defaults=dict.fromkeys(("vehicles", "persons"), _UNKNOWN),
    precedence=_humanitarian_precedence,
    notice=NOTICES["humanitarian-notification"],
    title=_humanitarian_title,
)

# N16


def _check_annual(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, AnnualExchange)
    nil, given = data.nil_return is True, data.file is not UNSET or data.totals is not UNSET
    if nil == given:
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


def _annual_title(data: Act) -> Text:
    assert isinstance(data, AnnualExchange)
    kind = NameValue("value", data.kind, first=True)
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
    moves=life(("given",), {}),
    area=_TRANSPARENCY,
    title=_annual_title,
)

# N17


def _check_inquiry(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, IctInquiry)
    return field_checks.times(time=record.data.time)


def _inquiry_title(data: Act) -> Text:
    assert isinstance(data, IctInquiry)
    return sentence(
        "ICT inquiry, %(affected)s, %(time)s",
        affected=NameValue("value", data.affected),
        time=_at(data.time),
    )


ICT_INQUIRY: Final = Format(
    rule=opening("ict-inquiry", IctInquiry, "notification", check=_check_inquiry),
    code="N17",
    start="open",
    moves=life(("open", "answered"), {"reply": {"open": "answered"}}),
    area="general",
    defaults={"harm": _UNKNOWN},
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
    Rule(act="final-report", shape=FinalReport, who=Who.OPENER, message=True, kept=True),
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
    Rule(act="help-request", shape=emergency.HelpRequest, who=Who.ANY, message=True, kept=True),
    Rule(
        act="help-offer",
        shape=emergency.HelpOffer,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        check=_check_offer,
    ),
    Rule(
        act="help-acceptance",
        shape=emergency.HelpAcceptance,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        check=_check_help_taken,
    ),
    Rule(
        act="help-delivery",
        shape=emergency.HelpDelivery,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        check=_check_delivered,
    ),
    Rule(
        act="ended",
        shape=emergency.Ended,
        who=Who.OPENER,
        message=True,
        kept=True,
        check=_check_ended,
    ),
)
