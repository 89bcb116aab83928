"""The undertakings of a period, for its record: made, confirmed, late and open."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace

from dragoman.document.blocks import Table, table
from dragoman.domain.views import attribution
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.undertakings import OPEN, in_order, undertaking_view
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell
from dragoman.members.texts import quoted_in
from dragoman.projection.queries.snapshot import Snapshot
from dragoman.reports import layout, report_facts
from dragoman.reports.recurrence_words import progress_text
from dragoman.reports.undertaking_words import standing_of
from dragoman.text import capitalized
from dragoman_schemas.agreement_responses import UndertakingCount, UndertakingView
from dragoman_schemas.report_shapes import ReportedUndertaking
from dragoman_schemas.state import Exchange


def reported(snapshot: Snapshot, span: OutageSpan) -> Iterator[ReportedUndertaking]:
    """Yield the undertakings of a span, by due date.

    They were made, done or confirmed in it, or are open at its end. One that was taken
    back is left out.
    """
    exchanges = {state.id: state for state in _standing(snapshot)}
    views = in_order(_view(snapshot, state, span) for state in exchanges.values())
    for view in views:
        state = exchanges[view.exchange]
        if view.standing in OPEN or _is_in(state.updated.when, span) or _is_made(state, span):
            yield ReportedUndertaking(
                matter=report_facts.matter(state), undertaking=_unattributed(state, view)
            )


def counts(snapshot: Snapshot, span: OutageSpan) -> tuple[UndertakingCount, ...]:
    """Return the numbers of the undertakings of each side in a span.

    What is under the Chatham House Rule is counted for no side.
    """
    states = [state for state in _standing(snapshot) if not attribution.unattributed(state)]
    views = [(state, _view(snapshot, state, span)) for state in states]
    return tuple(
        _count(side, [(state, view) for state, view in views if view.by == side], span)
        for side in snapshot.sides
    )


def _count(
    side: str, views: Sequence[tuple[Exchange, UndertakingView]], span: OutageSpan
) -> UndertakingCount:
    return UndertakingCount(
        side=side,
        made=sum(_is_made(state, span) for state, _ in views),
        confirmed=sum(
            view.standing == "confirmed" and _is_confirmed(state, span) for state, view in views
        ),
        late=sum(
            view.standing == "late"
            or (view.late and view.done_said != "" and _is_in(view.done_said, span))
            for _, view in views
        ),
        open=sum(view.standing in OPEN for _, view in views),
    )


def _standing(snapshot: Snapshot) -> Iterator[Exchange]:
    for state in snapshot.every("undertaking"):
        if state.status != "cancelled":
            yield state


def _view(snapshot: Snapshot, state: Exchange, span: OutageSpan) -> UndertakingView:
    return undertaking_view(state, snapshot.sides, span.ends)


def _is_made(state: Exchange, span: OutageSpan) -> bool:
    return _is_in(state.opened.when, span)


def _is_confirmed(state: Exchange, span: OutageSpan) -> bool:
    confirmations = state.acts.get("fulfilment-confirmation", ())
    return bool(confirmations) and _is_in(confirmations[-1].said.when, span)


def _is_in(time: str, span: OutageSpan) -> bool:
    return span.begins <= datetime.fromisoformat(time) < span.ends


def _unattributed(state: Exchange, view: UndertakingView) -> UndertakingView:
    """Return an undertaking without sides and numbers, where it is under the rule."""
    if not attribution.unattributed(state):
        return view
    return replace(
        view,
        number="",
        of="",
        by="",
        said_by="",
        answers=(),
        confirmed_by=(),
        disputes=(),
    )


# Laid out


def count_table(rows: Sequence[UndertakingCount], w: Words) -> Table | None:
    """Return the table of what each side undertook; None where nobody did anything."""
    if not any(row.made or row.confirmed or row.late or row.open for row in rows):
        return None
    return table(
        (
            w.say("Side"),
            w.say("Made"),
            capitalized(w.say("confirmed")),
            w.say("Late"),
            w.say("Not done yet"),
        ),
        [
            (
                layout.side(row.side),
                w.number(row.made),
                w.number(row.confirmed),
                w.number(row.late),
                w.number(row.open),
            )
            for row in rows
        ],
    )


def table_of(rows: Sequence[ReportedUndertaking], w: Words, language: str) -> Table | None:
    """Return the table of undertakings, by due date."""
    return table(
        (w.say("Side"), w.say("What"), w.say("Due"), w.say("Status"), w.say("Number")),
        [_row(row, w, language) for row in rows],
    )


def _row(row: ReportedUndertaking, w: Words, language: str) -> tuple[Cell, ...]:
    view = row.undertaking
    return (
        layout.party(view.by, w),
        layout.of_matter(quoted_in(view.what, w, language, row.matter.original), row.matter),
        w.written(view.by_when, "day"),
        "; ".join(filter(None, (standing_of(w, view), progress_text(w, view)))),
        row.matter.number,
    )
