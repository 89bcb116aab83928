"""The message catalogue and the record's specification as tables, written down from those and
knowing nothing of the code's own.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dragoman.domain.acts.act_rules import Who

OFFICER, DUTY, HEAD, ADMINISTRATOR = (
    "any officer",
    "the duty officer",
    "the head of office",
    "an administrator",
)
OFFICE = "anybody of an office but its auditors"
ROOT = "root alone"
STATION = "a station"
ROLES: dict[str, set[str]] = {
    ROOT: set(),
    STATION: {"station"},
    OFFICER: {"officer", "duty_officer", "head_of_office"},
    DUTY: {"duty_officer", "head_of_office"},
    HEAD: {"head_of_office"},
    ADMINISTRATOR: {"administrator"},
    OFFICE: {"officer", "duty_officer", "head_of_office", "administrator"},
}
TRANSPARENCY, MARITIME, REGIONAL, TERRORISM = (
    "military-transparency-and-risk-reduction",
    "maritime-security",
    "regional-security",
    "counter-terrorism",
)


# Openings (message catalogue §2, §4)


class Opened(NamedTuple):
    family: str
    number: str
    who: str
    title: str
    precedence: str = "routine"
    area: str = "general"
    keys: int = 1


OPENINGS = {
    "line-check": Opened("contact", "N01", DUTY, "Line check 1, primary"),
    "point-of-contact": Opened(
        "contact", "N02", HEAD, "Point of contact: Duty officer, hotline", keys=2
    ),
    "contact-note": Opened("contact", "N03", OFFICER, "Contact, conversation"),
    "call-record": Opened(
        "contact", "CALL", OFFICER, "Call, outgoing, 2026-11-24T06:10Z", "priority"
    ),
    "liaison-office": Opened("contact", "OFFICE", HEAD, "Liaison office of china in Brussels"),
    "liaison-staff": Opened(
        "contact", "STAFF", HEAD, "Staff of the liaison office: Second liaison officer"
    ),
    "people-programme": Opened("contact", "PEOPLE", OFFICER, "Naval cadets"),
    "mechanism": Opened("contact", "MECH", HEAD, "Maritime consultations"),
    "meeting-request": Opened("meeting", "N04", OFFICER, "Incident of 24 November"),
    "call-request": Opened("meeting", "N11", DUTY, "Call with Chief of staff", "priority"),
    "visit-invitation": Opened(
        "meeting", "N18", OFFICER, "Visit: Observe the exercise", area=TRANSPARENCY
    ),
    "visit-request": Opened(
        "meeting",
        "N18R",
        OFFICER,
        "Request: inspection, Training area north",
        "priority",
        TRANSPARENCY,
    ),
    "undertaking": Opened(
        "meeting", "UNDER", OFFICER, "Undertaking of china: Send the list of ships in the area."
    ),
    "item-request": Opened(
        "meeting", "ITEM", OFFICER, "Request for things: Inquiry into the collision"
    ),
    "military-activity": Opened(
        "notification",
        "N05",
        OFFICER,
        "STEADY SHIELD, field exercise, from 2027-01-10T00:00Z",
        area=TRANSPARENCY,
        keys=2,
    ),
    "explanation-request": Opened(
        "notification",
        "N06",
        HEAD,
        "Request for explanation: concentration, Border area",
        "immediate",
        TRANSPARENCY,
        2,
    ),
    "hazardous-incident": Opened(
        "notification",
        "N07",
        DUTY,
        "Near miss, 15.12 116.44, 2026-11-24T03:05+08:00",
        "immediate",
        TRANSPARENCY,
    ),
    "launch-notice": Opened(
        "notification",
        "N08",
        OFFICER,
        "Launch, pre launch, Launch site east",
        "priority",
        TRANSPARENCY,
        2,
    ),
    "encounter-report": Opened(
        "notification",
        "N09",
        OFFICER,
        "Encounter at sea, 15.12 116.44, 2026-11-20T04:10Z",
        "priority",
        MARITIME,
    ),
    "danger-area": Opened(
        "notification", "N10", OFFICER, "Danger area, firing, area as given", "priority", MARITIME
    ),
    "immediate-notification": Opened("notification", "N12", DUTY, "HERON 5", "flash", TRANSPARENCY),
    "emergency-notification": Opened(
        "notification",
        "N13",
        DUTY,
        "Emergency, oil spill, 15.12 116.44, about 2026-11-24T01:00Z",
        "immediate",
        REGIONAL,
    ),
    "terrorism-warning": Opened(
        "notification",
        "N14",
        OFFICER,
        "Warning: hijacking, shipping, Strait",
        area=TERRORISM,
        keys=2,
    ),
    "humanitarian-notification": Opened(
        "notification", "N15", OFFICER, "Humanitarian movement, Relief organisation", area=REGIONAL
    ),
    "annual-exchange": Opened(
        "notification", "N16", HEAD, "Annual calendar 2027", area=TRANSPARENCY, keys=2
    ),
    "ict-inquiry": Opened(
        "notification", "N17", OFFICER, "ICT inquiry, energy, 2026-11-23T22:00Z", "immediate"
    ),
    "data-series": Opened("notification", "DATA", OFFICER, "Data of china: River level"),
    "perception": Opened("dialogue", "N19", OFFICER, "Intentions of the other"),
    "recommendation": Opened("dialogue", "REC", OFFICER, "Exchange on safe conduct at sea"),
    "roadmap-item": Opened("dialogue", "N20", OFFICER, "Exchange on safe conduct at sea"),
    "joint-report": Opened("dialogue", "REPORT", OFFICER, "Safe conduct at sea"),
    "reference-document": Opened("dialogue", "DOC", OFFICER, "Summit: Declaration"),
    "transmittal": Opened(
        "dialogue", "TRANS", OFFICER, "Handed over: Five recommendations of the group"
    ),
    "release": Opened(
        "dialogue", "RELEASE", OFFICER, "Release: The encounter of 24 November", keys=2
    ),
    "public-line": Opened(
        "dialogue",
        "LINE",
        OFFICER,
        "Public line, if asked: The ships passed each other at a safe distance.",
    ),
    "tasking": Opened("desk", "TASK", OFFICER, "Task for o-1"),
    "instruction-request": Opened("desk", "ASK", OFFICER, "Request for instructions"),
    "silence-procedure": Opened("desk", "SILENCE", OFFICER, "Draft for silent agreement"),
}


ON_ONE_KEY: dict[str, dict[str, Any]] = {
    "launch-notice": {"phase": "deviation"},
    "terrorism-warning": {"imminent": True},
    "point-of-contact": {"duty_number_dead": True},
}


UNKNOWN = {
    "hazardous-incident": "whose casualties damage cause_assumed cause_established continuing assistance",
    "encounter-report": "cpa radio_contact",
    "emergency-notification": "cross_border help",
    "humanitarian-notification": "vehicles persons",
    "ict-inquiry": "harm",
}


KINDS: dict[str, set[str]] = {
    "release": {"official", "track2"},  # what is made public in an exercise would be public
    "transmittal": {"official", "exercise"},  # it leads from a Track-2 channel to the officials
}
"""The channels of the formats that are not for every channel but a desk's."""


SUPPOSED: dict[str, dict[str, str]] = {
    "call-request": {"means": '"voice"'},
    "transmittal": {"capacity": '"group"'},
}
"""Defaults other than an unknown fact."""


VERSIONS = {
    "call-attempt": 2,
    **dict.fromkeys(
        ("reply", "interim-reply", "clarification-request", "decline", "repeat-request"), 2
    ),
    **dict.fromkeys(("help-request", "help-offer", "help-acceptance", "help-delivery"), 2),
}
"""The newest versions of the acts that have changed."""


CONTINUING = {
    "acknowledgement": (Who.ADDRESSED, "acknowledges"),
    "passed-on": (Who.ADDRESSED, "acknowledges kept"),
    "reply": (Who.ADDRESSED, "acknowledges answers message kept"),
    "interim-reply": (Who.ADDRESSED, "acknowledges message kept"),
    "clarification-request": (Who.ADDRESSED, "acknowledges message kept"),
    "repeat-request": (Who.ADDRESSED, "message kept"),
    "assessment": (Who.OPENER, "consenting acknowledges message kept"),
    "update": (Who.OPENER, "message kept"),
    "correction": (Who.OPENER, "consenting message"),
    "retraction": (Who.ANY, "consenting message"),
    "cancellation": (Who.OPENER, "consenting message"),
    "decline": (Who.ADDRESSEE, "acknowledges answers message kept"),
    "closure": (Who.ANY, "consenting kept"),
    "lesson": (Who.ANY, "kept"),
    "translation": (Who.ANY, "kept"),
    "translation-agreement": (Who.ANY, "consenting kept"),
    "translation-dispute": (Who.ANY, "kept"),
    "release-consent": (Who.OTHER_SIGNATORY, "consenting acknowledges answers kept"),
    "consent-withdrawal": (Who.ANY, "message kept"),
    "amendment": (Who.SIGNATORY, "consenting message kept"),
    "amendment-agreement": (Who.SIGNATORY, "consenting acknowledges answers kept"),
    "amendment-refusal": (Who.SIGNATORY, "acknowledges answers message kept"),
    "alternative": (Who.SIGNATORY, "acknowledges message kept"),
    "second-key": (Who.ANY, ""),
    "call-attempt": (Who.ANY, "kept"),
    "non-attendance": (Who.ANY, "kept"),
    "agreement": (Who.OTHER_SIGNATORY, "consenting acknowledges answers kept"),
    "status-change": (Who.ANY, "kept"),
    "echo": (Who.ADDRESSEE, "acknowledges answers kept"),
    "reconfirmation": (Who.OPENER, "message kept"),
    "withdrawal": (Who.OPENER, "message kept"),
    "acceptance": (Who.ADDRESSEE, "consenting acknowledges answers message"),
    "counter-proposal": (Who.PARTY, "acknowledges answers message kept"),
    "postponement": (Who.CONVENER, "message kept"),
    "agenda": (Who.PARTY, "acknowledges message kept"),
    "agenda-agreement": (Who.PARTY, "consenting acknowledges kept"),
    "meeting-held": (Who.ANY, ""),
    "readout": (Who.ANY, ""),
    "readout-agreement": (Who.PARTY, "consenting acknowledges kept"),
    "counter-account": (Who.OTHER, "acknowledges message"),
    "accounts-agreement": (Who.PARTY, "consenting acknowledges kept"),
    "contained": (Who.OPENER, "message kept"),
    "final-report": (Who.OPENER, "message kept"),
    "after-activity-report": (Who.OPENER, "message kept"),
    "warning-outcome": (Who.ADDRESSEE, "acknowledges message kept"),
    "all-clear": (Who.OPENER, "message kept"),
    "amplification": (Who.OPENER, "message kept"),
    "help-request": (Who.ANY, "message kept"),
    "help-offer": (Who.ANY, "acknowledges message kept"),
    "help-acceptance": (Who.ANY, "acknowledges message kept"),
    "help-delivery": (Who.ANY, "acknowledges message kept"),
    "people-status": (Who.ANY, "message kept"),
    "joinder": (Who.ANY, "acknowledges message kept"),
    "joinder-agreement": (Who.ANY, "acknowledges kept"),
    "ended": (Who.OPENER, "message kept"),
    "commenced": (Who.OPENER, "message kept"),
    "holding": (Who.OPENER, "message kept"),
    "completed": (Who.OPENER, "message kept"),
    "grant": (Who.ADDRESSEE, "acknowledges answers message kept"),
    "arrival": (Who.PARTY, "message kept"),
    "departure": (Who.PARTY, "message kept"),
    "visit-report": (Who.OPENER, "message kept"),
    "fulfilment": (Who.PARTY, "message kept"),
    "fulfilment-confirmation": (Who.PARTY, "acknowledges answers kept"),
    "fulfilment-dispute": (Who.PARTY, "acknowledges answers message kept"),
    "item-holder": (Who.ANY, "acknowledges message kept"),
    "item-handover": (Who.ADDRESSEE, "acknowledges answers message kept"),
    "item-receipt": (Who.OPENER, "acknowledges message kept"),
    "data-values": (Who.PARTY, "message kept"),
    "mechanism-suspension": (Who.ANY, "message kept"),
    "mechanism-end": (Who.ANY, "message kept"),
    "mechanism-resumption": (Who.ANY, "acknowledges message kept"),
    "recommendation-answer": (Who.PARTY, "acknowledges message kept"),
    "restatement": (Who.OTHER, "acknowledges answers message kept"),
    "fairness": (Who.OPENER, "message kept"),
    "common-ground": (Who.ANY, "consenting acknowledges kept"),
    "fate": (Who.ANY, "kept"),
    "adoption": (Who.SIGNATORY, "consenting kept"),
    "endorsement": (Who.OTHER_SIGNATORY, "consenting acknowledges answers kept"),
    "dissent": (Who.ANY, "acknowledges answers message kept"),
    "reaction": (Who.ANY, "acknowledges answers message kept"),
    "seen-by": (Who.ANY, "kept"),
    "instruction": (Who.ANY, "kept"),
    "silence-break": (Who.ANY, "kept"),
    "reminder": (Who.WATCH, "silent kept"),
    "lapse": (Who.WATCH, "kept"),
    "courier-outcome": (Who.COURIER, "silent kept"),
    "line-check-missed": (Who.WATCH, "kept"),
    "window-notice": (Who.WATCH, "kept"),
}


BY_OTHERS = {
    "all-clear": DUTY,
    "mechanism-suspension": HEAD,
    "mechanism-end": HEAD,
    "mechanism-resumption": HEAD,
}
"""Continuing acts that are not any officer's."""


CHANNEL = {
    "channel-opening": (Who.DESK, OFFICER, 1, ""),
    "officer": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "officer-revocation": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "key-addition": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "side-admission": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "log-handover": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "channel-end": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "erasure": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "erasure-consent": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "root-rotation": (Who.KEEPERS, ROOT, 1, ""),
    "key-revocation": (Who.KEEPERS, OFFICE, 1, ""),
    "profile-adoption": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "codebook-adoption": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "policy-adoption": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "rules-adoption": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "onward-adoption": (Who.ANY, HEAD, 1, ""),
    "channel-status": (Who.ANY, HEAD, 2, "N21"),
    "watch-assumption": (Who.ANY, DUTY, 1, ""),
    "watch-relief": (Who.ANY, DUTY, 1, ""),
    "delivery": (Who.GATEWAY, OFFICER, 1, ""),
    "broker-outage": (Who.GATEWAY, OFFICER, 1, ""),
    "line-outage": (Who.STATION, STATION, 1, ""),
}


class Life(NamedTuple):
    """The life of a format: its first status, its statuses, and the moves between them (before,
    act, after). It also names the statuses from which it may be cancelled, and those in which it
    may be declined.
    """

    start: str
    live: str
    moves: tuple[str, ...] = ()
    cancellable: str = ""
    declinable: str = ""


REQUESTED = (
    "requested acceptance accepted",
    "requested counter-proposal requested",
    "accepted counter-proposal requested",
    "postponed counter-proposal requested",
    "requested postponement postponed",
    "accepted postponement postponed",
    "postponed postponement postponed",
    "requested decline declined",
    "requested meeting-held held",
    "accepted meeting-held held",
    "postponed meeting-held held",
    "held readout held",
    "held readout-agreement held",
    *(
        f"{status} non-attendance {status}"
        for status in ("requested", "accepted", "postponed", "held")
    ),
)
MEETING = Life(
    "requested", "requested accepted postponed held", REQUESTED, "requested accepted postponed"
)
AGENDA = tuple(
    f"{status} {name} {status}"
    for name in ("agenda", "agenda-agreement")
    for status in MEETING.cancellable.split()
)


def help_in(*statuses: str) -> tuple[str, ...]:
    """Help, people and joinders, which any side speaks of and which move nothing."""
    return tuple(
        f"{status} {act} {status}"
        for act in (
            *("help-request", "help-offer", "help-acceptance", "help-delivery"),
            *("people-status", "joinder", "joinder-agreement"),
        )
        for status in statuses
    )


def course_of(*before: str) -> tuple[str, ...]:
    """The course of an announced event: what may come before it is over."""
    return (
        *(f"{status} commenced under_way" for status in (*before, "holding")),
        *(f"{status} holding holding" for status in (*before, "under_way", "holding")),
        *(f"{status} completed completed" for status in (*before, "under_way", "holding")),
    )


AGREED = ("proposed agreement agreed", "refused agreement agreed")


def accounts_of(start: str) -> tuple[str, ...]:
    """Accounts beside a report, and the facts that all agree on."""
    return (
        *(
            f"{status} counter-account accounts_differ"
            for status in (start, "accounts_differ", "agreed_facts")
        ),
        *(f"{status} accounts-agreement agreed_facts" for status in (start, "accounts_differ")),
        "closed counter-account closed",
    )


ANSWERED = Life("open", "open answered", ("open reply answered",))

LIVES = {
    "line-check": Life(
        "sent",
        "sent echoed echoed_with_errors missed",
        (
            "sent echo echoed",
            "missed echo missed",
            "sent line-check-missed missed",
            *(
                f"{status} line-check-missed {status}"
                for status in ("echoed", "echoed_with_errors", "missed")
            ),
        ),
        "sent",
    ),
    "point-of-contact": Life(
        "proposed",
        "proposed acknowledged",
        (
            "proposed acknowledgement acknowledged",
            "proposed reconfirmation proposed",
            "acknowledged reconfirmation acknowledged",
            "proposed withdrawal withdrawn",
            "acknowledged withdrawal withdrawn",
        ),
    ),
    "contact-note": Life("open", "open"),
    "call-record": Life("open", "open accounts_differ agreed_facts", accounts_of("open")),
    "liaison-office": Life(
        "proposed",
        "proposed refused agreed open",
        (*AGREED, "agreed status-change agreed", "open status-change open"),
        "proposed refused agreed",
        "proposed refused",
    ),
    "liaison-staff": Life(
        "named",
        "named refused agreed arrived left",
        (
            "named agreement agreed",
            "refused agreement agreed",
            "agreed arrival arrived",
            "arrived departure left",
        ),
        "named refused agreed",
        "named refused",
    ),
    "people-programme": Life(
        "proposed",
        "proposed refused agreed running completed dropped",
        (
            *AGREED,
            *(
                f"{status} status-change {status}"
                for status in ("proposed", "refused", "agreed", "running")
            ),
        ),
        "proposed refused agreed",
        "proposed refused",
    ),
    "mechanism": Life(
        "proposed",
        "proposed refused in_force suspended ended",
        (
            "proposed agreement in_force",
            "refused agreement in_force",
            "in_force mechanism-suspension suspended",
            "suspended mechanism-suspension suspended",
            "in_force mechanism-end ended",
            "suspended mechanism-end ended",
            "suspended mechanism-resumption in_force",
            "ended mechanism-resumption in_force",
        ),
        "proposed refused",
        "proposed refused",
    ),
    "meeting-request": MEETING._replace(moves=(*REQUESTED, *AGENDA)),
    "call-request": MEETING,
    "visit-invitation": MEETING,
    "visit-request": Life(
        "requested",
        "requested granted granted_with_conditions refused arrived left reported",
        (
            *(
                f"{status} grant granted"
                for status in ("requested", "granted", "granted_with_conditions", "refused")
            ),
            *(
                f"{status} decline refused"
                for status in ("requested", "granted", "granted_with_conditions")
            ),
            "granted arrival arrived",
            "granted_with_conditions arrival arrived",
            "arrived departure left",
            *(f"{status} visit-report reported" for status in ("arrived", "left", "reported")),
        ),
        "requested granted granted_with_conditions refused",
    ),
    "undertaking": Life(
        "said",
        "said refused undertaken done disputed confirmed",
        (
            "said agreement undertaken",
            "refused agreement undertaken",
            *(
                f"{status} fulfilment done"
                for status in ("said", "refused", "undertaken", "disputed")
            ),
            "done fulfilment-confirmation confirmed",
            "done fulfilment-dispute disputed",
            "confirmed fulfilment-dispute disputed",
        ),
        "said refused",
        "said refused",
    ),
    "item-request": Life(
        "requested",
        "requested refused handed_over received",
        (
            "requested decline refused",
            *(
                f"{status} item-holder {status}"
                for status in ("requested", "refused", "handed_over", "received")
            ),
            *(
                f"{status} item-handover handed_over"
                for status in ("requested", "refused", "handed_over")
            ),
            *(
                f"{status} item-receipt received"
                for status in ("requested", "refused", "handed_over", "received")
            ),
        ),
        "requested refused",
        "requested refused",
    ),
    "military-activity": Life(
        "notified",
        "notified acknowledged under_way holding completed reported",
        (
            "notified acknowledgement acknowledged",
            *(
                f"{status} after-activity-report reported"
                for status in (
                    *("notified", "acknowledged", "under_way", "holding", "completed"),
                    "reported",
                )
            ),
            *course_of("notified", "acknowledged"),
        ),
        "notified acknowledged holding",
    ),
    "explanation-request": Life(
        "requested",
        "requested answered assessed",
        (
            "requested reply answered",
            "requested assessment assessed",
            "answered assessment assessed",
        ),
        "requested",
    ),
    "hazardous-incident": Life(
        "open",
        "open contained reported",
        (
            *(
                f"{status} {act} {status}"
                for act in ("counter-account", "accounts-agreement")
                for status in ("open", "contained", "reported")
            ),
            "closed counter-account closed",
            "open contained contained",
            *(f"{status} final-report reported" for status in ("open", "contained", "reported")),
            *help_in("open", "contained", "reported"),
        ),
    ),
    "launch-notice": Life(
        "notified",
        "notified postponed under_way holding completed",
        (
            *(
                f"{status} postponement postponed"
                for status in ("notified", "postponed", "holding")
            ),
            *course_of("notified", "postponed"),
        ),
        "notified postponed holding",
    ),
    "encounter-report": Life(
        "reported",
        "reported accounts_differ agreed_facts",
        (
            *accounts_of("reported"),
            *help_in("reported", "accounts_differ", "agreed_facts"),
        ),
    ),
    "danger-area": Life(
        "announced",
        "announced under_way holding completed cleared",
        (
            *(
                f"{status} all-clear cleared"
                for status in ("announced", "under_way", "holding", "completed")
            ),
            *course_of("announced"),
            *(
                f"{status} reconfirmation {status}"
                for status in ("announced", "under_way", "holding")
            ),
        ),
        "announced holding",
    ),
    "immediate-notification": Life(
        "sent",
        "sent echoed echoed_with_errors",
        (
            "sent echo echoed",
            "echoed_with_errors echo echoed",
            *(
                f"{status} amplification {status}"
                for status in ("sent", "echoed", "echoed_with_errors")
            ),
        ),
    ),
    "emergency-notification": Life(
        "open",
        "open ended",
        (
            "open ended ended",
            *(
                f"{status} {act} {status}"
                for act in ("counter-account", "accounts-agreement")
                for status in ("open", "ended")
            ),
            "closed counter-account closed",
            *help_in("open", "ended"),
        ),
    ),
    "terrorism-warning": ANSWERED._replace(
        moves=(
            *ANSWERED.moves,
            *(
                f"{status} warning-outcome {status}"
                for status in ("open", "answered", "cancelled", "closed")
            ),
        )
    ),
    "humanitarian-notification": Life(
        "transmitted",
        "transmitted received under_way holding completed",
        (
            "transmitted acknowledgement received",
            "transmitted reconfirmation transmitted",
            "received reconfirmation received",
            "transmitted withdrawal withdrawn",
            "received withdrawal withdrawn",
            *course_of("transmitted", "received"),
        ),
        "transmitted received holding",
    ),
    "annual-exchange": Life("given", "given"),
    "ict-inquiry": ANSWERED,
    "data-series": Life(
        "proposed",
        "proposed refused running complete",
        (
            "proposed agreement running",
            "refused agreement running",
            "running data-values complete",
            "complete data-values complete",
        ),
        "proposed refused",
        "proposed refused",
    ),
    "perception": Life(
        "stated",
        "stated parked common_ground",
        (
            "stated status-change stated",
            "parked status-change parked",
            "stated restatement stated",
            "stated fairness stated",
            "stated common-ground common_ground",
            "common_ground common-ground common_ground",
        ),
    ),
    "recommendation": Life(
        "addressed",
        "addressed endorsed taken_up no_response noted mixed",
        (
            "addressed endorsement endorsed",
            *(
                f"{status} endorsement {status}"
                for status in (
                    *("endorsed", "taken_up", "declined"),
                    *("no_response", "noted", "mixed"),
                )
            ),
            *(
                f"{status} fate {status}"
                for status in (
                    *("addressed", "endorsed", "taken_up", "declined"),
                    *("no_response", "noted", "mixed"),
                )
            ),
        ),
    ),
    "roadmap-item": Life(
        "proposed",
        "proposed refused agreed scheduled held deliverable_tabled adopted deferred dropped",
        (
            *AGREED,
            *(
                f"{status} status-change {status}"
                for status in (
                    "proposed",
                    "refused",
                    "agreed",
                    "scheduled",
                    "held",
                    "deliverable_tabled",
                    "deferred",
                )
            ),
            "deliverable_tabled adoption adopted",
        ),
        "proposed refused agreed",
        "proposed refused",
    ),
    "joint-report": Life(
        "negotiating",
        "negotiating settled settled_with_dissent",
        (
            "negotiating endorsement settled",
            "settled endorsement settled",
            "settled_with_dissent endorsement settled",
            "negotiating dissent settled",
        ),
        "negotiating",
    ),
    "reference-document": Life(
        "open",
        "open refused agreed",
        (
            "open agreement agreed",
            "refused agreement agreed",
            "open reaction open",
            "refused reaction refused",
            "agreed reaction agreed",
        ),
        "open refused",
        "open refused",
    ),
    "transmittal": Life(
        "transmitted",
        "transmitted answered",
        (
            "transmitted recommendation-answer answered",
            "answered recommendation-answer answered",
        ),
        "transmitted",
    ),
    "release": Life(
        "proposed",
        "proposed agreed",
        ("proposed release-consent agreed", "agreed release-consent agreed"),
        "proposed",
    ),
    "public-line": Life(
        "notified",
        "notified refused agreed",
        ("notified agreement agreed", "refused agreement agreed"),
        "notified refused",
        "notified refused",
    ),
    "tasking": Life("open", "open", ("open seen-by open",)),
    "silence-procedure": Life(
        "circulating",
        "circulating broken adopted",
        (
            "circulating silence-break broken",
            "broken silence-break broken",
            "circulating lapse adopted",
        ),
        "circulating",
    ),
    "instruction-request": Life(
        "open",
        "open instructed",
        (
            "open instruction instructed",
            "instructed instruction instructed",
            "open seen-by open",
            "instructed seen-by instructed",
        ),
    ),
}

WHILE_IT_LIVES = (
    "interim-reply",
    "clarification-request",
    "assessment",
    "update",
    "correction",
    "call-attempt",
)
"""Allowed in every status but the last ones, and moving none, unless the format says otherwise."""

BY_TWO = (
    *("agreement", "endorsement", "accounts-agreement", "release-consent", "amendment-agreement"),
    *("adoption", "amendment", "correction", "retraction", "cancellation", "closure"),
)
"""Continuing acts that take two officers: the first always, the others by what they change or end.
"""

AT_ANY_TIME = (
    "acknowledgement",
    "passed-on",
    "repeat-request",
    "consent-withdrawal",
    "second-key",
    "retraction",
    "translation",
    "translation-agreement",
    "translation-dispute",
    "reminder",
    "courier-outcome",
    "lapse",
    "window-notice",
)
"""Allowed after the end as well."""


def life_of(name: str) -> dict[str, dict[str, str]]:
    """All moves of a format: what any exchange may do, and what it alone does."""
    life = LIVES[name]
    live, own = life.live.split(), [move.split() for move in life.moves]
    ended = [
        "cancelled",
        "closed",
        *(end for end in ("declined", "withdrawn") if any(after == end for _, _, after in own)),
    ]
    moves: dict[str, dict[str, str]] = {
        **{each: {status: status for status in live} for each in WHILE_IT_LIVES},
        **{each: {status: status for status in live + ended} for each in AT_ANY_TIME},
        "reply": {status: status for status in [*live, "closed"]},
        "decline": {status: status for status in (life.declinable or life.live).split()},
        "cancellation": dict.fromkeys((life.cancellable or life.live).split(), "cancelled"),
        "closure": {
            status: "closed"
            for status in live + ended
            if status not in ("cancelled", "closed", "withdrawn")
        },
        "lesson": {status: status for status in ended},
    }
    for before, each, after in own:
        moves.setdefault(each, {})[before] = after
    consents = [
        each
        for each in ("agreement", "endorsement", "acceptance", "release-consent")
        if each in moves
    ]
    if consents:
        for each in ("amendment", "amendment-agreement", "amendment-refusal"):
            moves[each] = {status: status for status in live}
    if consents and consents != ["acceptance"]:
        moves["alternative"] = {status: status for status in live}
        moves["amendment-agreement"] |= {} if consents == ["acceptance"] else moves[consents[0]]
    return moves


CHANGES: dict[str, Mapping[str, str]] = {
    "perception": {"stated": "parked", "parked": "stated"},
    "liaison-office": {"agreed": "open closed", "open": "closed"},
    "people-programme": {
        "proposed": "dropped",
        "refused": "dropped",
        "agreed": "running dropped",
        "running": "completed dropped",
    },
    "roadmap-item": {
        "proposed": "dropped",
        "refused": "dropped",
        "agreed": "scheduled deferred dropped",
        "scheduled": "held deferred dropped",
        "held": "deliverable_tabled deferred dropped",
        "deliverable_tabled": "deliverable_tabled deferred dropped",
        "deferred": "scheduled dropped",
    },
}
