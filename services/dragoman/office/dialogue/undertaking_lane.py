"""The undertakings on the roadmap: one row for each, with a mark at its due date."""

from collections.abc import Sequence
from typing import Final

from dragoman.console.charts import roadmap_chart
from dragoman.domain.views.undertakings import OPEN
from dragoman.i18n.words import Words, as_moment
from dragoman.reports.undertaking_words import standing_of
from dragoman_schemas.agreement_responses import UndertakingView

_MOST: Final = 6
"""The most undertakings on the line of years; the page of undertakings has all."""

_TEXT: Final = 70
"""The number of characters of an undertaking that the chart has."""

_SHAPES: Final = {
    "late": "dropped",
    "due": "scheduled",
    "said": "proposed",
    "refused": "proposed",
    "done": "agreed",
}
"""The roadmap's statuses whose marks the open standings have."""


def shown(views: Sequence[UndertakingView]) -> list[UndertakingView]:
    """Return the undertakings that the roadmap shows: the open ones, by due date."""
    return [view for view in views if view.standing in OPEN][:_MOST]


def drawn(words: Words, view: UndertakingView) -> roadmap_chart.RoadmapItemMark:
    """Return the row of an undertaking, with a mark at its due date."""
    due = as_moment(view.by_when)
    step = roadmap_chart.RoadmapStepMark(
        due.date(),
        _SHAPES[view.standing],
        words.say("%(status)s, %(t)s", status=standing_of(words, view), t=words.day(due)),
    )
    return roadmap_chart.RoadmapItemMark(text_of(words, view), [step])


def text_of(words: Words, view: UndertakingView) -> str:
    """Return an undertaking in a few words: its side and its text."""
    text = " ".join(words.text(view.what)[1].split())
    return words.say(
        "%(what)s: %(detail)s",
        what=view.by.upper(),
        detail=text if len(text) <= _TEXT else text[: _TEXT - 1] + "…",
    )


def described(words: Words, view: UndertakingView) -> str:
    """Return an undertaking as the chart's description has it."""
    return words.say(
        "%(what)s (%(status)s)", what=text_of(words, view), status=standing_of(words, view)
    )
