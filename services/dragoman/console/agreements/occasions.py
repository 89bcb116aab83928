"""The acts of agreements that make sense for one side and not for another.

The rules allow an act by its format and its status. A page offers it to the side that
it is for, and to no other.
"""

from typing import Final

from dragoman.console.context import PageContext
from dragoman.domain.acts import consent, event_windows
from dragoman.domain.acts.families import mechanism, undertaking
from dragoman_schemas.agreement_responses import UndertakingView
from dragoman_schemas.state import Exchange

_FIRST: Final = (
    "second-key",
    "agreement",
    "fulfilment",
    "fulfilment-confirmation",
    "fulfilment-dispute",
    "recommendation-answer",
    "mechanism-resumption",
)
"""Acts that an officer looks for first in an agreement, in this order."""

_AGREEMENTS: Final = frozenset({"undertaking", "mechanism", "transmittal"})


def in_order(state: Exchange, first: tuple[str, ...]) -> tuple[str, ...]:
    """Return the acts that an officer looks for first in an exchange.

    `first` is their order in any other exchange.
    """
    return tuple(dict.fromkeys((*_FIRST, *first))) if state.act in _AGREEMENTS else first


def occasions(state: Exchange, side: str) -> dict[str, bool]:
    """Return whether a side has an occasion for an act, where not every side has one.

    A side closes a matter once.
    """
    return {"closure": side not in state.closures, **_of_agreements(state, side)}


def _of_agreements(state: Exchange, side: str) -> dict[str, bool]:
    match state.act:
        case "undertaking":
            is_own = undertaking.undertaker(state) == side
            has_confirmed = undertaking.verdicts(state).get(side) == "fulfilment-confirmation"
            return {
                "fulfilment": is_own,
                "fulfilment-confirmation": not is_own,
                "fulfilment-dispute": not is_own
                and not (has_confirmed and state.status == "confirmed"),
            }
        case "mechanism":
            is_member = side in consent.parties(state)
            suspending = mechanism.suspended_by(state)
            may_resume = (
                side in suspending
                if state.status == "suspended"
                else side not in mechanism.resumed_by(state)
            )
            return {
                "mechanism-suspension": is_member and side not in suspending,
                "mechanism-end": is_member,
                "mechanism-resumption": is_member and may_resume,
            }
        case "transmittal":
            return {"recommendation-answer": side in (state.side, *state.to)}
        case "danger-area":
            return {"reconfirmation": event_windows.is_until_further_notice(state)}
        case _:
            return {}


def next_acts(context: PageContext, item: UndertakingView) -> tuple[str, ...]:
    """Return the acts by which the reader's side may answer an undertaking."""
    side = context.side
    answer = next((word.answer for word in item.answers if word.side == side), None)
    if item.standing in ("said", "refused") and answer not in (None, "agreed"):
        if answer == "second_key_due":
            return ("second-key",)
        return ("agreement",) if answer == "refused" else ("agreement", "decline")
    if item.by == side:
        return ("fulfilment",) if item.standing in ("late", "due", "said", "refused") else ()
    is_done = item.standing == "done" and (answer is not None or side == item.said_by)
    return ("fulfilment-confirmation", "fulfilment-dispute") if is_done else ()


def may_promise(context: PageContext, state: Exchange) -> bool:
    """Return whether an exchange is one in which a side may have undertaken something.

    It is a meeting, a call, a visit, a note, or anything that was answered.
    """
    spoken = state.family == "meeting" or state.act in ("call-record", "contact-note")
    answered = any(message.act == "reply" for message in state.messages)
    return context.may_post and state.act != "undertaking" and (spoken or answered)
