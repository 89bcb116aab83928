"""A joint report, paragraph by paragraph.

/dialogue/{exchange}    its supporters, its opponents, and what is missing before it is
                        public
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Raw

from dragoman.application.operations import exchange_view
from dragoman.console.compose import release_preview
from dragoman.console.display import dialogue_views, report_views
from dragoman.console.display.dialogue_views import ReleaseLine
from dragoman.console.display.report_views import ParagraphView
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import redirect
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import (
    PageDocument,
    Paragraph,
    Points,
    Remark,
    Section,
    buttons,
    section,
)
from dragoman.domain.acts import consent, developments
from dragoman.domain.acts.families import release
from dragoman.members import texts
from dragoman.members.kind import Say
from dragoman.members.runs import (
    Aside,
    Cell,
    Mark,
    PageLink,
    Runs,
    Sourced,
    StandingSource,
    joined,
    sourced,
)
from dragoman.members.texts import language
from dragoman.projection.queries import dialogue as projected
from dragoman.text import sentence
from dragoman_schemas.state import Exchange, decode_exchange


async def joint_report(context: PageContext) -> Page | web.StreamResponse:
    """Return a joint report, paragraph by paragraph.

    Redirect to the exchange's own page if it is not a joint report.
    """
    id = context.request.match_info["exchange"]
    shown = await exchange_view.viewed(
        context.call, context.projection, id, context.past_moment, context.newest
    )
    state = decode_exchange(bytes(shown.state))
    if state.act != "joint-report":
        if context.request.match_info.get("form", ""):
            raise refused(
                "not-found",
                sentence("This exchange is not a joint report. Open it under /exchanges."),
            )
        return redirect(context.link(f"/exchanges/{state.id}"))
    result = await context.ask(projected.dialogue)
    releases = [
        dialogue_views.release_line(exchange, context.moment)
        for exchange in result.releases
        if id in {record.exchange for record in release.records_of(exchange)}
    ]
    return Page(view=laid_out(ReportWords(context, state, shown.allowed), releases))


class ReportWords(PageWords):
    """The words for a joint report."""

    def __init__(self, context: PageContext, state: Exchange, allowed: tuple[str, ...]) -> None:
        """Say them for the reader of a page, who may send the acts `allowed`."""
        super().__init__(context)
        self.state = state
        self.allowed = allowed if context.may_post else ()

    def follows(self, cell: Cell, exchange: str = "") -> Sourced:
        """Return runs with the report as their source, or with another exchange."""
        return sourced(cell, StandingSource("report", exchange or self.state.id))

    def text(self, raw: Raw, exchange: str = "") -> Sourced:
        """Return a side's own text in each of its languages, the original first."""
        value = msgspec.json.decode(bytes(raw))
        return self.follows(texts.own_text(value, Say(words=self.w)), exchange)

    def said(self, position: int, time: str) -> Aside:
        """Return the day of a record, which leads to it."""
        return Aside(self.record(position, time, "day"))

    def act(self, name: str, act: str, **query: str) -> tuple[Cell, ...]:
        """Return the way to an act on the report; nothing if it is not allowed."""
        if act not in self.allowed:
            return ()
        return (" ", PageLink(name, f"/exchanges/{self.state.id}/acts/{act}", query=query))


def laid_out(words: ReportWords, releases: list[ReleaseLine]) -> PageDocument:
    """Return a joint report as a document."""
    w, say, state = words.w, words.w.say, words.state
    title = dialogue_views.read(state.content, "title")
    lead = say(
        "Joint report, %(status)s. Proposed by %(side)s, %(t)s.",
        status=w.status(state.status),
        side=state.side.upper(),
        t=w.written(dialogue_views.time_of(state.opened, state.content), "day"),
    )
    page = f"/exchanges/{state.id}"
    changes = map(developments.stamp_of, developments.changes(state))
    return PageDocument(
        title=w.listed((w.text(title)[1], say("Joint report"))),
        heading=(sourced(words.own(title), StandingSource("title", state.id)),),
        area="dialogue",
        crumbs=(
            PageLink(say("Dialogue"), "/dialogue#reports"),
            words.exchange(state.id, state.number),
        ),
        lead=words.follows(lead),
        note=joined(
            (
                say("Changed by a record of %(side)s.", side=stamp.side.upper()),
                " ",
                words.said(stamp.position, stamp.when),
                " ",
            )
            for stamp in changes
        ),
        sections=tuple(_paragraph(words, item) for item in report_views.paragraphs(state)),
        beside=(_publishing(words, releases), _standing(words)),
        foot=(
            PageLink(say("Compare its versions"), f"{page}/versions"),
            PageLink(say("the exchange"), page),
            PageLink(say("printed form"), f"{page}/form"),
        ),
    )


def _paragraph(words: ReportWords, item: ParagraphView) -> Section:
    """Return a paragraph, and what each side has said of it."""
    say, number = words.w.say, words.w.number(item.number)
    if any(dissent.stands for dissent in item.dissents):
        standing = say("a dissent is beside it")
    elif item.silent:
        standing = say("not endorsed by every side yet")
    else:
        standing = say("endorsed by every side")
    other = words.act(
        say("Put other words beside it, in brackets"),
        "alternative",
        part=f"paragraphs/{item.number}",
    )
    return section(
        say("Paragraph %(n)s", n=number),
        Paragraph(words.text(item.text)),
        Points(tuple(joined(point) for point in _points(words, item))),
        Paragraph(joined(other)) if other else None,
        aside=words.follows(standing),
        paragraph=str(item.number),
    )


def _points(words: ReportWords, item: ParagraphView) -> Iterator[tuple[Cell, ...]]:
    say, state = words.w.say, words.state
    yield *_side(words, "", state.side), say("wrote it, and supports it")
    for endorsed in item.endorsed:
        before = (words.w.semicolon, say("the text was changed since")) if endorsed.before else ()
        when = words.said(endorsed.position, endorsed.time)
        yield *_side(words, "same", endorsed.side), say("endorses it"), *before, " ", when
    for dissent in item.dissents:
        view = say("sees it otherwise") if dissent.stands else say("saw it otherwise before")
        when = words.said(dissent.position, dissent.time)
        text = words.text(dissent.text)
        yield *_side(words, "differs", dissent.side), view, " ", when, words.w.colon, text
    for (name, number), sides in consent.alternatives(state).items():
        for side, alternative in (
            sides.items() if (name, number) == ("paragraphs", item.number) else ()
        ):
            text = words.text(alternative.content["text"])
            view = say("would have it otherwise")
            yield *_side(words, "differs", side), view, words.w.colon, "[", text, "]"
    for side in item.silent:
        ours = side == words.context.side
        of = str(item.number)
        ways = (
            *words.act(say("Endorse it"), "endorsement", paragraph=of),
            *words.act(say("Say how you see it"), "dissent", paragraph=of),
        )
        yield *_side(words, "off", side), say("no statement"), *(ways if ours else ())


def _side(words: ReportWords, icon: str, side: str) -> Runs:
    mark = (Mark("icon", "", icon), " ") if icon else ()
    return (*mark, words.follows(Mark("side", side.upper())), words.w.colon)


def _publishing(words: ReportWords, releases: list[ReleaseLine]) -> Section:
    """Return the releases that publish records of the report."""
    say, state = words.w.say, words.state
    lines = tuple(_release(words, line) for line in releases)
    note = say(
        "Endorsing a paragraph does not publish it. A release names exactly the records that are "
        "published, and every side consents to it."
    )
    propose = (
        PageLink(say("Propose its release"), "/compose/release", "button", {"of_matter": state.id})
        if release_preview.may_release(words.context, state)
        else None
    )
    return section(
        say("Making it public"),
        Points(lines) if lines else say("No release of it was proposed."),
        Remark(note),
        buttons((propose,)),
    )


def _release(words: ReportWords, line: ReleaseLine) -> Runs:
    w, t = words.w, words.w.written(line.publish_at, "minute")
    missing = [answer.side.upper() for answer in line.answers if answer.answer != "agreed"]
    if line.public:
        standing = w.say("public since %(t)s", t=t)
    elif missing:
        standing = w.say("waits for: %(sides)s", sides=w.listed(missing))
    else:
        standing = w.say("agreed; public from %(t)s", t=t)
    return (
        Mark("icon", "", "same" if line.public else "off"),
        " ",
        PageLink(words.text(line.title, line.exchange), f"/exchanges/{line.exchange}"),
        w.colon,
        words.follows(standing, line.exchange),
    )


def _standing(words: ReportWords) -> Section:
    """Return the status of the report."""
    w, say, state = words.w, words.w.say, words.state
    rule = say(
        "The report is settled when every other signatory has endorsed every paragraph. A dissent "
        "appears beside its paragraph and delays nothing: the report is then settled with dissent."
    )
    status = f"{w.status(state.status)}{w.stop}"
    authentic = [language(tag) for tag in dialogue_views.read(state.content, "authentic", [])]
    waiting = w.listed(side.upper() for side in sorted(consent.ad_referendum(state)))
    referendum = say(
        "Ad referendum: %(sides)s. It does not count before the capital has confirmed it.",
        sides=waiting,
    )
    return section(
        say("How far it is"),
        w.sentences((status, rule)) if state.status == "negotiating" else status,
        say("Equally authentic: %(languages)s", languages=w.listed(authentic))
        if authentic
        else None,
        Paragraph(words.follows(referendum)) if waiting else None,
    )


ROUTES: Final = (PageRoute(path="/dialogue/{exchange:[0-9a-f-]{36}}", handler=joint_report),)
