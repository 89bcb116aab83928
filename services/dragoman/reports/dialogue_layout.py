"""Sections of reports about the dialogue: issues and lessons."""

from collections.abc import Sequence

from msgspec import Raw

from dragoman.document.blocks import (
    Block,
    Quote,
    Section,
    Table,
    section,
)
from dragoman.i18n.words import Words
from dragoman.members.runs import Sourced, StandingSource, filled, sourced
from dragoman.members.texts import quoted_in
from dragoman.reports.layout import beside, of_matter, side, sides
from dragoman_schemas.dialogue_responses import Issue
from dragoman_schemas.report_shapes import (
    ReportsLesson,
)


def issue_sections(issues: Sequence[Issue], w: Words, language: str, level: int) -> list[Section]:
    """Return a section for each issue, with a column for every side.

    An empty column says that the side has not written.
    """
    return [
        section(
            filled(w.say("Issue: %(issue)s"), issue=_said(issue.issue, w, language)),
            _views(issue, w, language),
            Quote(
                w.say("Common ground of every side"),
                quoted_in(issue.common_ground, w, language),
                StandingSource("perceptions"),
            )
            if issue.common_ground
            else None,
            level=level,
        )
        for issue in issues
    ]


def _said(text: Raw, w: Words, language: str) -> Sourced:
    """Return words of a side. Records of several exchanges may be of one issue."""
    return sourced(quoted_in(text, w, language), StandingSource("perceptions"))


def _views(issue: Issue, w: Words, language: str) -> Table:
    names = (*(view.side for view in issue.views), *issue.no_statement)
    quoted_texts = {view.side: _said(view.own_view, w, language) for view in issue.views}
    yours = {
        view.side: _said(view.your_view, w, language) for view in issue.views if view.your_view
    }
    texts = {
        view.side: _said(view.wanted_outcome, w, language)
        for view in issue.views
        if view.wanted_outcome
    }
    restated = {
        view.side: _restated(view.restated_by, view.fairness, w)
        for view in issue.views
        if view.restated_by
    }
    return beside(
        {name: side(name) for name in names},
        [
            (w.say("Own view"), quoted_texts),
            (w.say("How it reads the other side"), yours),
            (w.say("Wanted outcome"), texts),
            (w.say("Restated"), restated),
            (w.say("Said on"), {view.side: w.written(view.time, "minute") for view in issue.views}),
            (
                w.say("Views before"),
                {view.side: w.number(len(view.earlier)) for view in issue.views if view.earlier},
            ),
            (w.say("Number"), {view.side: view.number for view in issue.views}),
        ],
        w,
    )


def _restated(by: Sequence[str], fairness: str, w: Words) -> str:
    who = sides(by, w)
    match fairness:
        case "fair":
            return w.say("by %(sides)s, called fair", sides=who)
        case "not_our_view":
            return w.say("by %(sides)s, not its view", sides=who)
        case _:
            return w.say("by %(sides)s, not spoken of yet", sides=who)


def lesson_blocks(reports_lessons: Sequence[ReportsLesson], w: Words, language: str) -> list[Block]:
    """Return the lessons of each side: what it would do better."""
    return [
        Quote(
            _lesson(reports_lesson, w),
            quoted_in(reports_lesson.text, w, language),
            of_matter((), reports_lesson.matter).source,
        )
        for reports_lesson in reports_lessons
    ]


def _lesson(reports_lesson: ReportsLesson, w: Words) -> str:
    t, number = (
        w.written(reports_lesson.time),
        reports_lesson.matter.number or w.act(reports_lesson.matter.format),
    )
    if not reports_lesson.side:
        return w.say("%(t)s, on %(number)s", t=t, number=number)
    return w.say(
        "%(side)s, %(t)s, on %(number)s", side=side(reports_lesson.side), t=t, number=number
    )
