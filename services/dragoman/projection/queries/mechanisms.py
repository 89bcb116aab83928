"""The mechanisms of a channel: what talks and what does not."""

from typing import Final

from dragoman.domain.views.mechanisms import MechanismMatters, mechanism_view
from dragoman.projection.view import View
from dragoman_schemas.agreement_responses import Mechanisms, MechanismView
from dragoman_schemas.state import Exchange

FORMAT: Final = "mechanism"


def mechanisms(view: View) -> Mechanisms:
    """Return every mechanism that was not taken back."""
    return Mechanisms(
        mechanisms=tuple(
            mechanism(view, state) for state in view.states(FORMAT) if state.cancellation is None
        )
    )


def mechanism(view: View, state: Exchange) -> MechanismView:
    """Return one mechanism, which `state` is."""
    referring = tuple(view.referring(state))
    promised = {
        exchange.id: exchange
        for source in (state, *referring)
        for exchange in view.referring(source)
        if exchange.act == "undertaking"
    }
    matters = MechanismMatters(
        mechanism=state, referring=referring, undertakings=tuple(promised.values())
    )
    return mechanism_view(matters, view.sides, view.moment)
