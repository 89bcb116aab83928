"""The window of an announced event on its exchange page: its state, and its progress.

The side that announced the event says with one press that it has commenced, holds, or
is completed. The check page shows what is recorded.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup
from msgspec import Struct

from dragoman.console.display.act_display import Display
from dragoman.console.display.deadline_rows import Level
from dragoman.console.matter.panel import ShownMatter, ShownPanel
from dragoman.console.matter.window_rows import level_of, stage_word, untold_posts
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import event_windows
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.acts.window_notices import ANNOUNCED
from dragoman.domain.views.in_force import window_in_force
from dragoman.projection.queries.in_force import window_view
from dragoman_schemas.state import Exchange

PROGRESS: Final = ("commenced", "holding", "completed", "arrival", "departure")
"""Acts on the progress of an event, in their order."""


class ProgressStep(Struct, frozen=True, kw_only=True):
    """One act on the progress of an event, with its time by the side's word."""

    act: str
    side: str
    at: Markup
    position: int


class WindowPanel(Struct, frozen=True, kw_only=True):
    """The window of an event now, and the next acts of the reader's side.

    `stage` is empty where the window is not in force. `opens` and `closes` are empty
    where the event has no window yet.
    """

    level: Level
    stage: str
    opens: Markup
    closes: Markup
    opens_at: str
    closes_at: str
    until_further_notice: bool
    steps: tuple[ProgressStep, ...]
    acts: tuple[str, ...]
    now: str


async def shown(matter: ShownMatter) -> ShownPanel | None:
    """Return the panel of an announced event; None for any other exchange."""
    value = panel(matter.context, matter.state, matter.display, matter.view.allowed)
    return None if value is None else ShownPanel(template="window_panel.html", value=value)


def panel(
    context: PageContext, state: Exchange, display: Display, allowed: Sequence[str]
) -> WindowPanel | None:
    """Return the window of an announced event; None for any other exchange."""
    if state.act not in ANNOUNCED:
        return None
    window = event_windows.window_of(state)
    in_force = window_in_force(context.registry, state, context.moment)
    level: Level = "off"
    if in_force is not None:
        view = window_view(in_force)
        level = level_of(context, view, list(untold_posts(context, state, view)))
    ends = None if window is None else window.ends
    return WindowPanel(
        level=level,
        stage="" if in_force is None else stage_word(context.words, in_force.stage),
        opens=Markup() if window is None else display.time(timestamp(window.begins)),
        closes=Markup() if ends is None else display.time(timestamp(ends)),
        opens_at="" if window is None else timestamp(window.begins),
        closes_at="" if ends is None else timestamp(ends),
        until_further_notice=window is not None and window.until_further_notice,
        steps=tuple(_steps(display, state)),
        acts=tuple(act for act in PROGRESS if act in allowed) if context.may_post else (),
        now=f"{context.service.now():%H:%M}Z",
    )


def _steps(display: Display, state: Exchange) -> list[ProgressStep]:
    items = [(act, item) for act in PROGRESS for item in state.acts.get(act, ())]
    return [
        ProgressStep(
            act=act,
            side=item.said.side,
            at=display.words.time(str(msgspec.json.decode(item.content["at"])), "minute"),
            position=item.said.position,
        )
        for act, item in sorted(items, key=lambda pair: pair[1].said.position)
    ]
