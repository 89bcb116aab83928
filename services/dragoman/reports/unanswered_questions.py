"""The questions of messages that their addressees have not answered."""

from collections.abc import Iterator, Sequence

from dragoman.document.blocks import Table, table
from dragoman.domain.views import attribution, open_questions
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell, Run, filled, listed
from dragoman.members.texts import quoted_in
from dragoman.reports import layout, report_facts
from dragoman_schemas.report_shapes import Question
from dragoman_schemas.state import Exchange


def of_exchange(exchange: Exchange) -> Iterator[Question]:
    """Yield the questions of an exchange that its addressees have not answered."""
    for item in open_questions.unanswered(exchange) if exchange.cancellation is None else ():
        yield Question(
            asked_by=attribution.side(exchange, item.asked_by),
            side=attribution.side(exchange, item.side),
            time=item.time,
            numbers=item.numbers,
            questions=item.questions,
            matter=report_facts.matter(exchange),
        )


def table_of(questions: Sequence[Question], w: Words, language: str) -> Table | None:
    """Return the table of the questions; None if there are none."""
    rows: list[tuple[Cell, ...]] = [
        (
            layout.party(question.asked_by, w),
            layout.party(question.side, w),
            w.written(question.time),
            layout.matter_name(question.matter, w, language),
            layout.of_matter(_questions_of(question, w, language), question.matter),
        )
        for question in questions
    ]
    return table(
        (
            w.say("Asked by"),
            w.say("Not answered by"),
            w.say("Since"),
            w.say("Matter"),
            w.say("Questions"),
        ),
        rows,
    )


def _questions_of(question: Question, w: Words, language: str) -> tuple[Run, ...]:
    pairs = zip(question.numbers, question.questions, strict=True)
    return listed(
        (
            filled(
                w.say("%(n)s: %(question)s"), n=str(number), question=quoted_in(text, w, language)
            )
            for number, text in pairs
        ),
        w.space,
    )
