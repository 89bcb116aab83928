"""The versions of the rules, and the acts that each version of the rules lists.

    ACTS[1]["reply"]        2: under rules 1 a reply is of version 2, or of an older one
    ACTS[2]["new-act"]      KeyError under rules 1: no such act

Rules 1 is frozen. A later version names only its changes, in `CHANGES`: an act that is
new, or that has another version, because its members or its effect are others. The
sides of a channel adopt a version by `rules-adoption`, and only then is it in force
there. An act, a version or a member that the version in force does not list is void.
So programs of different releases agree on every record.

How to add a version is written in `docs/adding-rules.md`.
"""

from collections.abc import Mapping
from typing import Final

_OF_VERSION_1: Final = (
    "acceptance accounts-agreement acknowledgement adoption after-activity-report agenda "
    "agenda-agreement agreement all-clear alternative amendment amendment-agreement "
    "amendment-refusal amplification annual-exchange arrival assessment broker-outage "
    "call-record call-request cancellation channel-opening channel-status closure "
    "codebook-adoption commenced common-ground completed consent-withdrawal contact-note "
    "contained correction counter-account counter-proposal courier-outcome danger-area "
    "delivery departure dissent echo emergency-notification encounter-report ended "
    "endorsement erasure erasure-consent explanation-request fairness fate final-report "
    "fulfilment fulfilment-confirmation fulfilment-dispute grant hazardous-incident holding "
    "humanitarian-notification ict-inquiry immediate-notification instruction "
    "instruction-request joinder joinder-agreement joint-report key-addition key-revocation lapse launch-notice lesson "
    "liaison-office line-check line-check-missed mechanism mechanism-end mechanism-resumption "
    "mechanism-suspension meeting-held meeting-request military-activity non-attendance "
    "officer officer-revocation onward-adoption passed-on people-programme people-status "
    "perception point-of-contact policy-adoption postponement profile-adoption public-line "
    "reaction readout readout-agreement recommendation recommendation-answer reconfirmation "
    "reference-document release release-consent reminder restatement roadmap-item "
    "retraction root-rotation rules-adoption second-key seen-by side-admission status-change tasking "
    "terrorism-warning translation translation-agreement translation-dispute transmittal "
    "undertaking update visit-invitation visit-report visit-request watch-assumption "
    "warning-outcome watch-relief window-notice withdrawal"
)
_OF_VERSION_2: Final = (
    "call-attempt clarification-request decline help-acceptance help-delivery help-offer "
    "help-request interim-reply repeat-request reply"
)

RULES_1: Final[Mapping[str, int]] = {
    **dict.fromkeys(_OF_VERSION_1.split(), 1),
    **dict.fromkeys(_OF_VERSION_2.split(), 2),
}
"""The acts of rules 1, with the newest version of each."""

CHANGES: Final[Mapping[int, Mapping[str, int]]] = {}
"""The acts that a later version of the rules adds or changes, by that version."""


def _acts() -> dict[int, Mapping[str, int]]:
    """Return the acts of every version of the rules."""
    acts: dict[int, Mapping[str, int]] = {1: RULES_1}
    for number, changes in sorted(CHANGES.items()):
        acts[number] = {**acts[number - 1], **changes}
    return acts


ACTS: Final = _acts()
NEWEST: Final = max(ACTS)
"""The newest version of the rules that this program has."""
