"""The page of data series: each interval with its value, or without one.

/data-series    every series of the channel; as CSV, one row for each interval
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import Empty, Group, Listing, ListingRow, PageDocument, Section
from dragoman.domain.acts.families import data_series, recurrence
from dragoman.domain.acts.families.exchange import own_markings
from dragoman.members.runs import Cell, PageLink, QuotedText, StandingSource, sourced
from dragoman.projection.view import View
from dragoman_schemas.state import Exchange

FORMAT: Final = "data-series"


def every_series(view: View) -> list[Exchange]:
    """Return the series of a channel."""
    return list(view.states(FORMAT))


async def all_series(context: PageContext) -> Page:
    """Return the page of data series."""
    return Page(view=laid_out(PageWords(context), await context.ask(every_series)))


def laid_out(words: PageWords, states: list[Exchange]) -> PageDocument:
    """Return data series as a document."""
    say = words.w.say
    begin = PageLink((say("Propose a series"),), f"/compose/{FORMAT}", "button")
    sections = tuple(
        Section((words.title(state), *words.marked(own_markings(state))), (block,))
        for state in states
        for block in (value_table(words, state),)
    )
    none = Empty(
        say("No series was agreed."),
        say("Its values appear here, and so does each that was due and is missing."),
    )
    nothing = Section((say("Data series"),), (none,))
    return PageDocument(
        title=say("Data series: every value, and every one that is missing"),
        area="meetings",
        note=(say("A series has one value in each interval. Its table is there as CSV too."),),
        actions=(begin,) if words.context.may_post else (),
        sections=sections or (nothing,),
    )


def value_table(words: PageWords, state: Exchange) -> Listing:
    """Return the intervals of a series up to now, each with its newest value."""
    w = words.w
    head = (w.say("Number"), w.say("Interval from"), w.say("Measured"), w.say("Value"))
    return Listing(w.act(FORMAT), (*head, w.say("Unit")), (Group(tuple(_rows(words, state))),))


def _rows(words: PageWords, state: Exchange) -> Iterator[ListingRow]:
    recurs = recurrence.recurrence_of(state)
    assert recurs is not None
    values, over = data_series.values_of(state), recurs.over(words.context.moment)
    unit = words.of_record(
        QuotedText(msgspec.json.decode(state.content["unit"])), state.opened.position, "unit"
    )
    source = StandingSource("data_series", state.id, duty=True)
    for interval in range(min(max(over + 1, max(values, default=-1) + 1), recurs.count)):
        start = words.time(recurs.start(interval).isoformat())
        if interval in values:
            value, record = values[interval]
            position = record.said.position
            measured: Cell = words.of_record(words.time(value.at), position)
            figure = words.of_record(words.w.exact(value.value), position)
        else:
            is_missed = interval < over and recurrence.is_owed(state)
            word = words.w.say("missing") if is_missed else words.w.say("due")
            measured, figure = "–", sourced(word, source)
        cells = (
            words.exchange(state.id, state.number),
            sourced(start, StandingSource("data_series", state.id)),
            measured,
            figure,
            unit,
        )
        yield ListingRow(cells, {"interval": str(interval)})


ROUTES: Final = (PageRoute(path="/data-series", handler=all_series),)
