"""The panels of an incident on the page of its exchange."""

from typing import Final

from dragoman.console.matter.panel import Panel
from dragoman.office.incidents import passing_on_panel, people_panel, window_panel

PANELS: Final = (
    Panel(place="main", of=people_panel.shown),
    Panel(place="main", of=passing_on_panel.shown),
    Panel(place="side", of=window_panel.shown),
)
