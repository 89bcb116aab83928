"""One life of every format: who does what, and the status after it."""

from typing import Any

from samples import SAMPLES, act

Step = tuple[str, dict[str, Any] | str, str]
"""A step: the officer, the act (a sample by its name, or other members), and the status after it.
"""

N, C, NH, CH, ND, CD = "nato/o-1", "china/o-1", "nato/h-1", "china/h-1", "nato/d-1", "china/d-1"


LIVES: dict[str, list[Step]] = {
    "a line check that came back": [(ND, "line-check", "sent"), (CD, "echo", "echoed")],
    "a line check that came back garbled": [
        (ND, "line-check", "sent"),
        (CD, act("echo", text="Quick brown"), "echoed_with_errors"),
    ],
    "a point of contact": [
        (NH, "point-of-contact", "proposed"),
        (CD, "acknowledgement", "acknowledged"),
        (NH, "reconfirmation", "acknowledged"),
        (NH, "withdrawal", "withdrawn"),
        (CD, "acknowledgement", "withdrawn"),
    ],
    "a call with two gists": [
        (N, "call-record", "open"),
        (
            C,
            {"act": "counter-account", "facts": "They called us.", "direction": "incoming"},
            "open",
        ),
        (N, "closure", "closed"),
    ],
    "an office": [
        (CH, "liaison-office", "proposed"),
        (NH, "agreement", "agreed"),
        (CH, act("status-change", status="open"), "open"),
        (CH, act("status-change", status="closed"), "closed"),
    ],
    "a programme": [
        (N, "people-programme", "proposed"),
        (C, "agreement", "agreed"),
        (N, "status-change", "running"),
        (N, act("status-change", status="completed"), "completed"),
        (N, "closure", "closed"),
        (C, "lesson", "closed"),
    ],
    "a meeting in other windows": [
        (N, "meeting-request", "requested"),
        (C, "counter-proposal", "requested"),
        (N, "acceptance", "accepted"),
        (C, "agenda", "accepted"),
        (N, "agenda-agreement", "accepted"),
        (C, act("postponement", windows=SAMPLES["meeting-request"]["windows"]), "requested"),
        (N, act("acceptance", window=1), "accepted"),
        (N, {"act": "postponement", "reason": "Weather."}, "postponed"),
        (C, "counter-proposal", "requested"),
        (N, "decline", "declined"),
    ],
    "a meeting to which nobody came": [
        (N, "meeting-request", "requested"),
        (N, "non-attendance", "requested"),
        (N, "closure", "closed"),
    ],
    "a call": [
        (NH, "call-request", "requested"),
        (C, "acceptance", "accepted"),
        (N, "meeting-held", "held"),
        (C, "readout", "held"),
        (NH, "readout-agreement", "held"),
    ],
    "a visit": [
        (N, "visit-invitation", "requested"),
        (C, "counter-proposal", "requested"),
        (N, "acceptance", "accepted"),
        (N, "meeting-held", "held"),
    ],
    "an activity": [
        (N, "military-activity", "notified"),
        (C, "acknowledgement", "acknowledged"),
        (C, "clarification-request", "acknowledged"),
        (N, act("reply", answers=[{"q": 1, "text": "Friday."}]), "acknowledged"),
        (N, "after-activity-report", "reported"),
        (N, "closure", "closed"),
    ],
    "an explanation": [
        (NH, "explanation-request", "requested"),
        (CD, "acknowledgement", "requested"),
        (C, "interim-reply", "requested"),
        (CH, "reply", "answered"),
        (NH, "assessment", "assessed"),
    ],
    "an explanation that never came": [
        (NH, "explanation-request", "requested"),
        (NH, act("assessment", result="no_answer"), "assessed"),
    ],
    "an incident": [
        (ND, "hazardous-incident", "open"),
        (CD, "counter-account", "open"),
        (ND, "update", "open"),
        (ND, "contained", "contained"),
        (ND, "final-report", "reported"),
    ],
    "a launch": [
        (N, "launch-notice", "notified"),
        (N, {"act": "postponement"}, "postponed"),
        (N, "postponement", "notified"),
        (N, "cancellation", "cancelled"),
    ],
    "an encounter on which both agree": [
        (N, "encounter-report", "reported"),
        (
            C,
            {"act": "counter-account", "facts": "At a safe distance.", "domain": "sea"},
            "accounts_differ",
        ),
        (C, "accounts-agreement", "accounts_differ"),
        (N, act("accounts-agreement", facts="Otherwise."), "accounts_differ"),
        (N, "accounts-agreement", "agreed_facts"),
    ],
    "a danger area": [(N, "danger-area", "announced"), (ND, "all-clear", "cleared")],
    "a coded message": [
        (ND, "immediate-notification", "sent"),
        (CD, {"act": "echo", "designator": 4}, "echoed_with_errors"),
        (CD, {"act": "echo", "designator": 5}, "echoed"),
        (ND, "amplification", "echoed"),
    ],
    "an emergency": [
        (ND, "emergency-notification", "open"),
        (N, "help-request", "open"),
        (C, "help-offer", "open"),
        (N, "help-acceptance", "open"),
        (C, "help-delivery", "open"),
        (ND, "ended", "ended"),
    ],
    "a warning": [(N, "terrorism-warning", "open"), (C, "reply", "answered")],
    "a convoy": [
        (N, "humanitarian-notification", "transmitted"),
        (CD, "acknowledgement", "received"),
        (N, "reconfirmation", "received"),
    ],
    "a yearly exchange": [(NH, "annual-exchange", "given"), (C, "clarification-request", "given")],
    "an inquiry": [(N, "ict-inquiry", "open"), (C, "reply", "answered")],
    "a perception": [
        (N, "perception", "stated"),
        (C, "restatement", "stated"),
        (N, "fairness", "stated"),
        (C, "common-ground", "stated"),
        (N, "common-ground", "common_ground"),
    ],
    "a recommendation": [
        (N, "recommendation", "addressed"),
        (C, "endorsement", "endorsed"),
        (N, act("fate", result="declined"), "declined"),
    ],
    "a roadmap item": [
        (N, "roadmap-item", "proposed"),
        (C, "agreement", "agreed"),
        (C, act("status-change", status="deferred"), "deferred"),
        (C, act("status-change", status="scheduled"), "scheduled"),
        (N, act("status-change", status="held"), "scheduled"),
        (C, act("status-change", status="held"), "held"),
        (C, act("status-change", status="deliverable_tabled"), "held"),
        (C, act("status-change", status="deliverable_tabled"), "held"),
        (N, act("status-change", status="deliverable_tabled"), "deliverable_tabled"),
        (N, act("status-change", status="adopted"), "deliverable_tabled"),
        (C, act("status-change", status="adopted"), "adopted"),
    ],
    "a joint report": [
        (N, "joint-report", "negotiating"),
        (C, act("endorsement", paragraph=1), "negotiating"),
        (C, "dissent", "negotiating"),
        (C, act("endorsement", paragraph=2), "settled"),
    ],
    "a release": [
        (N, "release", "proposed"),
        (C, "release-consent", "agreed"),
    ],
    "a public line": [
        (N, "public-line", "notified"),
        (C, "agreement", "agreed"),
    ],
    "a document": [(N, "reference-document", "open"), (C, "reaction", "open")],
}
