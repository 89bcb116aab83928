"""Views of joint reports: lines of a list, and paragraphs with their endorsements."""

from collections.abc import Iterator

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.console.display.act_display import Display
from dragoman.console.display.dialogue_views import (
    SaidBy,
    SideText,
    author_of,
    exchange_facts,
    read,
)
from dragoman.domain.acts import consent, developments
from dragoman_schemas.state import Exchange


class ReportLine(SaidBy, frozen=True, kw_only=True):
    """A joint report in a list."""

    exchange: str
    number: str
    status: str
    title: str
    paragraphs: int
    endorsed: int
    dissents: int


class Dissented(SideText, frozen=True, kw_only=True):
    """A side's different view of a paragraph.

    It `stands` until the side endorses the paragraph, or the paragraph changes.
    """

    stands: bool


class Endorsed(SaidBy, frozen=True, kw_only=True):
    """A side's endorsement of a paragraph.

    `before` is true where the text of the paragraph changed since.
    """

    before: bool


class ParagraphView(Struct, frozen=True, kw_only=True):
    """A paragraph with its number from 1, its endorsements and its dissents.

    `silent` are the sides that have said nothing of it.
    """

    number: int
    text: Raw
    endorsed: tuple[Endorsed, ...]
    dissents: tuple[Dissented, ...]
    silent: tuple[str, ...]


class StandingDissent(Struct, frozen=True, kw_only=True):
    """A dissent that stands, for the message and its printed form."""

    paragraph: int
    side: str
    time: str
    position: int
    shown: Markup


def standing_dissents(display: Display, state: Exchange) -> tuple[StandingDissent, ...]:
    """Return the dissents that stand in a report, in the order of its paragraphs."""
    rows = [
        StandingDissent(
            paragraph=number,
            side=side,
            time=dissent.said.when,
            position=dissent.said.position,
            shown=display.text(msgspec.json.decode(bytes(dissent.content["text"]))),
        )
        for side, dissents in consent.standing_dissents(state).items()
        for number, dissent in dissents.items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.paragraph, row.position)))


def report_line(state: Exchange) -> ReportLine:
    """Return a joint report as a line of a list."""
    text = list(paragraphs(state))
    return ReportLine(
        **exchange_facts(state),
        status=state.status,
        title=read(state.content, "title"),
        paragraphs=len(text),
        endorsed=sum(
            not paragraph_view.silent and not any(one.stands for one in paragraph_view.dissents)
            for paragraph_view in text
        ),
        dissents=sum(one.stands for paragraph_view in text for one in paragraph_view.dissents),
    )


def paragraphs(state: Exchange) -> Iterator[ParagraphView]:
    """Yield the paragraphs of a report.

    Its author endorses the text without saying so.
    """
    endorsements = sorted(
        consent.counting(
            state, ("endorsement", "amendment", "amendment-agreement"), consent.text_terms(state)
        ),
        key=lambda entry: entry.said.position,
    )
    dissents, standing = state.acts.get("dissent", ()), consent.standing_dissents(state)
    changed = max(
        (
            developments.stamp_of(change).position
            for change in developments.changes(state)
            if "paragraphs" in change.fields
        ),
        default=0,
    )
    for number, text in enumerate(
        msgspec.json.decode(bytes(state.content["paragraphs"]), type=list[Raw]), 1
    ):
        against = [dissent for dissent in dissents if read(dissent.content, "paragraph") == number]
        behind = {
            endorsement.said.side: endorsement
            for endorsement in endorsements
            if read(endorsement.content, "paragraph", number) == number
        }
        spoken = {*behind, *(element.said.side for element in against)}
        behind = {
            side: endorsement
            for side, endorsement in behind.items()
            if number not in standing.get(side, {})
        }
        yield ParagraphView(
            number=number,
            text=text,
            endorsed=tuple(
                Endorsed(**author_of(element), before=element.said.position < changed)
                for element in behind.values()
            ),
            dissents=tuple(
                Dissented(
                    **author_of(dissent),
                    text=dissent.content["text"],
                    stands=standing.get(dissent.said.side, {}).get(number) is dissent,
                )
                for dissent in against
            ),
            silent=tuple(
                side for side in state.to if side in consent.parties(state) and side not in spoken
            ),
        )
