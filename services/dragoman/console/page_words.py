"""The words that list pages share: a side, a number, a record, a subject, the actor.

words = PageWords(context)
words.exchange(id, "NATO/26/0042")    the number, which leads to the exchange
words.record(17, time)                "24 Nov 2026 03:05Z, record 17"
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from dragoman.console.page.context import ListQuery, PageContext
from dragoman.document.blocks import Remark
from dragoman.domain.views.titles import title_of
from dragoman.i18n.words import as_moment, stamp
from dragoman.limits import SCREEN_ROWS, SUBJECT_LENGTH
from dragoman.members.runs import (
    Aside,
    Cell,
    Mark,
    MessageSource,
    PageLink,
    QuotedText,
    Run,
    Runs,
    Sourced,
    StandingSource,
    listed,
    sourced,
)
from dragoman.text import VERBATIM
from dragoman_schemas.state import Exchange

Row = TypeVar("Row")


class PageWords:
    """The words for values, in the language and at the moment of a page."""

    def __init__(self, context: PageContext) -> None:
        """Say them for the reader of a page."""
        self.context = context
        self.w = context.words

    def own(self, raw: Any) -> QuotedText:
        """Return a side's own words in the reader's language, or as they were given."""
        tag, text = self.w.text(raw)
        return QuotedText(text, tag)

    def subject(self, state: Exchange) -> Run:
        """Return the subject of an exchange: its opener's words, or ours."""
        title = title_of(state)
        if title is not None and title.message != VERBATIM:
            return self.w.sentence(title)[:SUBJECT_LENGTH]
        tag, text = self.context.subject(state)
        return QuotedText(text, tag)

    def title(self, state: Exchange) -> Sourced:
        """Return the subject of an exchange, with the records that gave it."""
        return sourced(self.subject(state), StandingSource("title", state.id))

    def marked(self, marking: str) -> Runs:
        """Return the marking that a matter's messages have beside the channel's."""
        return (" ", Aside(("[", QuotedText(marking), "]"))) if marking else ()

    def time(self, time: str, form: str = "minute") -> Mark:
        """Return a time."""
        return Mark("time", self.w.written(time, form), stamp(as_moment(time)))

    def side(self, name: str) -> Runs:
        """Return a side, and whether it is the reader's own."""
        mark = Mark("side", name.upper() or self.w.say("a participant"))
        ours = name and name == self.context.side
        return (mark, " ", Aside(self.w.say("ours"))) if ours else (mark,)

    def number(self, number: str) -> Runs:
        """Return a number, short on a page. An exercise has the word before it."""
        text = Mark("number", number)
        is_exercise = self.context.registry.kind == "exercise"
        return (Mark("exercise", "EXERCISE"), " ", text) if is_exercise else (text,)

    def exchange(self, id: str, number: str) -> PageLink:
        """Return the number of an exchange, which leads to it."""
        name = self.number(number) if number else (self.w.say("an exchange without a number"),)
        return PageLink(name, f"/exchanges/{id}")

    def record(self, position: int, time: str = "", form: str = "minute") -> PageLink:
        """Return the position of a record and its time; it leads to the record."""
        name = self.w.say("record %(n)s", n=self.w.number(position))
        when = [self.w.written(time, form)] if time else []
        return PageLink(self.w.listed([*when, name]), f"/records/{position}")

    def positions(self, positions: Iterable[int]) -> Runs:
        """Return the positions of records, each of which leads to its record."""
        links = (
            PageLink(self.w.number(position), f"/records/{position}") for position in positions
        )
        return listed(links, self.w.comma)

    def of_record(self, cell: Cell, position: int, member: str = "") -> Sourced:
        """Return the words of a record with their source, or those of one member."""
        return sourced(cell, MessageSource(position, member))

    def handed_over(self, since: int) -> Cell:
        """Return the sentence about a handover of the log to another key.

        A page of the past does not have the records after it.
        """
        text = self.w.say(
            "From record %(n)s on this log is signed with another key, to which every side handed "
            "it over.",
            n=self.w.number(since),
        )
        return text if since > self.context.position else self.of_record(text, since)

    def again(self, name: str, changed: Mapping[str, object], spoken: str = "") -> PageLink:
        """Return the button to the same page with parts of its query changed."""
        return PageLink(name, f"/{self.context.again(**changed)}", "button", spoken=spoken)

    def paged(self, rows: Sequence[Row], **query: str) -> tuple[Sequence[Row], Remark | None]:
        """Return the rows of this page of a list, and the way to the next ones.

        Without next ones, there is no way. `query` chooses the list among several.
        """
        page = self.context.asked(ListQuery).page
        shown = rows[(page - 1) * SCREEN_ROWS : page * SCREEN_ROWS]
        if page * SCREEN_ROWS >= len(rows):
            return shown, None
        numbers = {"a": self.w.number(len(shown)), "b": self.w.number(len(rows))}
        address = self.context.again(**{**query, "page": page + 1})
        way = PageLink(self.w.say("Next %(n)s", n=SCREEN_ROWS), f"/{address}")
        return shown, Remark((self.w.say("Shown %(a)s of %(b)s.", **numbers), " ", way))

    def actor(self, actor: str) -> Run:
        """Return the side of an officer, or the name of a service."""
        side, _, name = actor.partition("/")
        if side != "service":
            return Mark("side", side.upper() or self.w.say("a participant"))
        match name:
            case "gateway":
                return self.w.say("The gateway")
            case "watch":
                return self.w.say("The scheduler")
            case "courier":
                return self.w.say("The notifier")
            case "desk":
                return self.w.say("The desk")
            case _:
                return name
