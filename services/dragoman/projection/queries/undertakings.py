"""The undertakings of a channel, by side and due date."""

from typing import Final

from dragoman.domain.views import undertakings as views
from dragoman.projection.view import View
from dragoman_schemas.agreement_responses import Undertakings, UndertakingView

FORMAT: Final = "undertaking"


def undertakings(view: View) -> Undertakings:
    """Return the undertakings of each side."""
    return Undertakings(sides=views.by_side(view.states(FORMAT), view.sides, view.moment))


def unfinished(view: View) -> list[UndertakingView]:
    """Return the undertakings of every side that are not confirmed yet, by due date."""
    shown = (
        views.undertaking_view(exchange, view.sides, view.moment)
        for exchange in view.states(FORMAT)
    )
    return views.in_order(item for item in shown if item.standing in views.OPEN)
