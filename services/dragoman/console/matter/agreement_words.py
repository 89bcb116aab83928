"""The words for agreements, as their lists and the pages of their exchanges say them.

    words = AgreementWords(context)
    words.undertaking_row(view, acts)    due, what, who said it, what became of it
    words.mechanism_row(view)            name, status, last held, waiting

Every row names the exchange from which it follows, and every answer its record.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import UnsetType

from dragoman.console.page_words import PageWords
from dragoman.document.blocks import Block, Facts, Group, Listing, ListingRow, Paragraph
from dragoman.domain.views.undertakings import ORDER, next_acts
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    Mark,
    MessageSource,
    PageLink,
    QuotedText,
    Runs,
    Sourced,
    StandingSource,
    filled,
    joined,
    listed,
    sourced,
)
from dragoman.reports.answer_words import answer_text
from dragoman.reports.recurrence_words import progress_text
from dragoman.reports.undertaking_words import standing_of, standing_text
from dragoman.text import capitalized
from dragoman_schemas.agreement_responses import (
    MechanismView,
    MechanismWord,
    UndertakingStanding,
    UndertakingView,
)
from dragoman_schemas.responses import Link, SideAnswer

LEVELS: Final = {
    "late": "serious",
    "due": "standby",
    "said": "caution",
    "refused": "caution",
    "done": "caution",
    "confirmed": "normal",
    "ended": "off",
}
"""The level of each standing of an undertaking."""


class AgreementWords(PageWords):
    """The words for agreements, for one page."""

    @property
    def levels(self) -> Mapping[str, str]:
        """The level of each standing of an undertaking."""
        return LEVELS

    def answers(self, answers: Iterable[SideAnswer], exchange: str) -> Runs:
        """Return the answer of each side, with its record."""
        return listed((self.answer(item, exchange) for item in answers), Break("; "))

    def answer(self, item: SideAnswer, exchange: str) -> Sourced:
        """Return the answer of a side, leading to its record or to its matter."""
        text = answer_text(self.w, item)
        parts: list[Cell] = [text]
        if item.position:
            parts = [PageLink((text,), f"/records/{item.position}")]
        if not isinstance(item.reason, UnsetType):
            parts += [self.w.colon, self.own(item.reason)]
        if item.answer == "ad_referendum":
            remark = self.w.say("It does not count before the capital has confirmed it.")
            parts.append(Aside((remark,)))
        source = (
            MessageSource(item.position) if item.position else StandingSource("answers", exchange)
        )
        return sourced(joined(parts), source)

    # Undertakings

    def standing(self, name: UndertakingStanding) -> str:
        """Return a standing of undertakings."""
        return standing_text(self.w, name)

    def standing_of(self, view: UndertakingView) -> str:
        """Return the standing of an undertaking, with the sides whose word it is."""
        return standing_of(self.w, view)

    def undertakings(self, views: Sequence[UndertakingView], label: str) -> Listing:
        """Return undertakings by standing, and in each by due date."""
        by_standing = ((name, [view for view in views if view.standing == name]) for name in ORDER)
        return Listing(label, self.undertaking_head, tuple(self._groups(by_standing)))

    @property
    def undertaking_head(self) -> tuple[str, ...]:
        """The columns of undertakings."""
        say = self.w.say
        return (say("Due"), say("What"), say("Who said it"), say("What became of it"))

    def _groups(
        self, groups: Iterable[tuple[UndertakingStanding, Sequence[UndertakingView]]]
    ) -> Iterator[Group]:
        for name, views in groups:
            if views:
                word = self.standing(name)
                heading = (
                    Mark("state", capitalized(word), LEVELS[name]),
                    " ",
                    Aside((self.w.number(len(views)),)),
                )
                rows = tuple(self.undertaking_row(view) for view in views)
                yield Group(rows, heading, {"standing": name})

    def undertaking_row(self, view: UndertakingView) -> ListingRow:
        """Return the row of an undertaking."""
        source = StandingSource("undertakings", view.exchange)
        links: list[Cell] = [self.exchange(view.exchange, view.number)]
        if view.of:
            number = self.context.numbered(view.of)
            origin = PageLink((Mark("figure", number),), "/go", query={"q": view.of})
            links += [self.w.pause, self.w.say("from"), " ", origin]
        what = (sourced(self.own(view.what), source), " ", Aside(joined(links)))
        cells = (self.due(view), what, self.said(view), self._fate(view))
        return ListingRow(tuple(cells), {"undertaking": view.exchange})

    def due(self, view: UndertakingView) -> Sourced:
        """Return the date of an undertaking, and how far away it is."""
        w, due, moment = self.w, view.next_due or view.by_when, self.context.moment
        remark = ""
        if view.standing == "late" and not view.next_due:
            remark = w.say("late by %(d)s", d=w.until(due, moment))
        elif view.standing in ("late", "due"):
            remark = w.say("in %(d)s", d=w.until(due, moment))
        elif view.standing in ("said", "refused") and view.late:
            remark = w.say("this date has passed")
        cell = (self.time(due), *((Aside((remark,)),) if remark else ()))
        return sourced(cell, StandingSource("undertakings", view.exchange, duty=True))

    def said(self, view: UndertakingView) -> Runs:
        """Return the author of an undertaking, and the answer of each side."""
        word = self.w.say("said by %(side)s", side=view.said_by.upper())
        heading = f"{word}{self.w.pause}{self.w.written(view.said_at, 'day')}"
        source = StandingSource("undertakings", view.exchange)
        return joined(
            [sourced(heading, source), Break("; "), self.answers(view.answers, view.exchange)]
        )

    def became(self, view: UndertakingView) -> Runs:
        """Return the fate of an undertaking: done, confirmed, or disputed."""
        w = self.w
        if not view.done_at:
            return ()
        done_at = w.written(view.done_at, "minute")
        side = view.by.upper()
        parts: list[Cell] = [
            w.say("%(side)s says that it is done since %(t)s", side=side, t=done_at)
        ]
        if view.late and view.standing in ("done", "confirmed"):
            parts.append(Aside((w.say("after its date"),)))
        if view.confirmed_by:
            sides = w.listed(view.confirmed_by).upper()
            parts.append(Aside((w.say("confirmed by %(side)s", side=sides),)))
        for dispute in view.disputes:
            word = w.say("%(side)s disputes it:", side=dispute.side.upper())
            parts.append(Aside((word, " ", self.own(dispute.reason))))
        if not view.confirmed_by and not view.disputes:
            parts.append(Aside((w.say("nobody has confirmed it"),)))
        return (sourced(joined(parts), StandingSource("undertakings", view.exchange)),)

    def _fate(self, view: UndertakingView) -> Runs:
        w, source = self.w, StandingSource("undertakings", view.exchange)
        acts = next_acts(view, self.context.side) if self.context.may_post else ()
        parts: list[Cell] = [self.became(view)]
        if view.intervals:
            parts.append(sourced(Aside((progress_text(w, view),)), source))
        if not acts and not view.done_at and not view.given:
            parts.append(Aside((w.say("nobody has said that it is done"),)))
        return joined([*parts, *self.buttons(view.exchange, view.number, acts)])

    def buttons(self, exchange: str, number: str, acts: Iterable[str]) -> Iterator[PageLink]:
        """Yield a button for each act in an exchange."""
        for act in acts:
            path = f"/exchanges/{exchange}/acts/{act}"
            yield PageLink((self.w.verb(act),), path, "button", spoken=number)

    # Mechanisms

    def mechanism_row(self, view: MechanismView) -> ListingRow:
        """Return the row of a mechanism."""
        return ListingRow(
            (
                self._mechanism_name(view),
                self._mechanism_status(view),
                self.meets(view),
                self._mechanism_waiting(view),
            ),
            {"mechanism": view.exchange},
        )

    def _mechanism_name(self, view: MechanismView) -> Runs:
        w, source = self.w, StandingSource("mechanisms", view.exchange)
        cells: list[Cell] = [
            PageLink((self.own(view.name),), f"/exchanges/{view.exchange}"),
            Aside(self._level(view)),
        ]
        if view.instrument:
            cells.append(Aside((QuotedText(view.instrument),)))
        cells.append(Aside((view.number or w.say("no number"),)))
        return (sourced(joined(cells), source),)

    def stops(self, view: MechanismView) -> Iterator[Sourced]:
        """Yield each side's word that a mechanism does not work, and why."""
        say = self.w.say
        for word in view.suspended_by:
            text = say("Suspended by %(side)s since %(t)s.", **self._by(word))
            yield self._stop(text, word)
        if not isinstance(view.ended_by, UnsetType):
            text = say("Ended by %(side)s on %(t)s.", **self._by(view.ended_by))
            yield self._stop(text, view.ended_by)

    def _by(self, word: MechanismWord) -> dict[str, str]:
        return {"side": word.side.upper(), "t": self.w.written(word.since, "minute")}

    def _stop(self, text: str, word: MechanismWord) -> Sourced:
        runs = (Mark("strong", text), Break(" "), self.own(word.reason))
        return sourced(runs, MessageSource(word.position, "reason"))

    def mechanism(self, view: MechanismView) -> tuple[Block, ...]:
        """Return a mechanism as the page of its exchange shows it."""
        w = self.w
        blocks: list[Block] = [Paragraph((stop,)) for stop in self.stops(view)]
        if view.resuming:
            sides = w.listed(view.resuming).upper()
            blocks.append(Paragraph((w.say("%(sides)s wants it to resume.", sides=sides),)))
        facts: list[tuple[str, Cell]] = [
            (w.say("Status"), self._status(view)),
            (w.say("Last held"), self.meets(view)),
            (
                w.field("level"),
                sourced(self._level(view), StandingSource("mechanisms", view.exchange)),
            ),
        ]
        if view.meetings or view.undertakings or view.papers:
            facts.append((w.say("Waiting"), self.waiting(view)))
        return (*blocks, Facts(tuple(facts)))

    def _level(self, view: MechanismView) -> Runs:
        chairs = (
            (f"{side.upper()}{self.w.colon}", QuotedText(chair))
            for side, chair in view.chairs.items()
        )
        return listed([self.w.value(view.level), *chairs], Break("; "))

    def _status(self, view: MechanismView) -> Runs:
        w = self.w
        since = w.say("since %(t)s", t=w.written(view.since, "minute"))
        status = (w.status(view.status), " ", Aside((since,)))
        parts: list[Cell] = [sourced(status, StandingSource("mechanisms", view.exchange))]
        if view.status in ("proposed", "refused"):
            parts.append(self.answers(view.answers, view.exchange))
        return listed(parts, Break("; "))

    def _mechanism_status(self, view: MechanismView) -> Runs:
        w, parts = self.w, list[Cell](self.stops(view))
        if not parts:
            parts.append(self._status(view))
        if view.resuming:
            sides = w.listed(view.resuming).upper()
            parts.append(Aside((w.say("%(sides)s wants it to resume.", sides=sides),)))
        return listed(parts, Break("; "))

    def meets(self, view: MechanismView) -> Runs:
        """Return the last meeting of a mechanism, and the limit of the next."""
        w = self.w
        parts: list[Cell] = [
            self.time(view.last_held)
            if view.last_held
            else Aside((w.say("no meeting of it is on record"),))
        ]
        if view.next_due:
            due = w.written(view.next_due, "day")
            text = (
                w.say(
                    "the next was due by %(t)s, late by %(d)s",
                    t=due,
                    d=w.until(view.next_due, self.context.moment),
                )
                if view.overdue
                else w.say("the next is due by %(t)s", t=due)
            )
            parts.append(Aside((text,)))
        elif view.status == "in_force":
            parts.append(Aside((w.say("no period was agreed"),)))
        return (sourced(joined(parts), StandingSource("mechanisms", view.exchange, duty=True)),)

    def links(self, links: Iterable[Link]) -> Iterator[Runs]:
        """Yield the exchanges that refer to a mechanism, each with its status."""
        for link in links:
            status = f"{self.w.act(link.act)}{self.w.pause}{self.w.status(link.status)}"
            yield (self.exchange(link.exchange, link.number), " ", Aside((status,)))

    def waiting(self, view: MechanismView) -> Runs:
        """Return the matters that wait for a mechanism."""
        w = self.w
        lines: list[Cell] = [*self.links(view.meetings)]
        for item in view.undertakings:
            standing = w.listed([self.standing(item.standing), w.written(item.by_when, "day")])
            number = self.exchange(item.exchange, item.number)
            side = Mark("side", item.by.upper())
            remark = Aside((standing, w.pause, number))
            what = sourced(self.own(item.what), StandingSource("undertakings", item.exchange))
            lines.append((side, w.colon, what, " ", remark))
        if not lines:
            lines.append(Aside((w.say("no meeting or undertaking"),)))
        if view.papers:
            papers = listed(self.links(view.papers), Break("; "))
            lines.append(joined([w.say("Papers"), w.colon, papers]))
        return listed(lines, Break("; "))

    def _mechanism_waiting(self, view: MechanismView) -> Runs:
        parts: list[Cell] = [self.waiting(view)]
        if self.context.may_post and view.status == "in_force":
            parts.append(self.meeting_button(view))
        return joined(parts)

    def meeting_button(self, view: MechanismView) -> PageLink:
        """Return the button that asks for a meeting of a mechanism."""
        name = self.w.say("Ask for a meeting of it")
        query = {"mechanism": view.number or view.exchange}
        return PageLink((name,), "/compose/meeting-request", "button", query, view.number)


def counted(words: AgreementWords, states: Iterable[tuple[int, str]], nothing: str) -> Runs:
    """Return the number of things in each state: "2 late, 1 confirmed."."""
    w = words.w
    text = w.listed(
        w.say("%(n)s %(state)s", n=w.number(count), state=state) for count, state in states if count
    )
    return filled(f"{text}{w.stop}" if text else nothing)
