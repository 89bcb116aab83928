"""One notice to many channels on the pages: where it may also go, and who has it."""

from aiohttp import web
from msgspec import Raw, Struct
from multidict import MultiDict

from dragoman.application.operations.notices import notice_table, post_notice
from dragoman.console.compose.writing import Writing
from dragoman.console.forms import browser_signatures
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import (
    Empty,
    Listing,
    PageDocument,
    Paragraph,
    columns,
    section,
)
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.members.runs import Aside, Cell, Mark, PageLink, QuotedText, listed
from dragoman_schemas.notice_responses import NewNotice, NoticeTable
from dragoman_schemas.responses import Fact


class NoticePageQuery(Struct, frozen=True, kw_only=True):
    """The author, and the channels that refused the notice, with commas between."""

    by: str = ""
    missing: str = ""


def other_channels(writing: Writing, *, second: bool) -> tuple[str, ...]:
    """Return the other channels to which an opening may go with the same post.

    The reader is an officer there. Empty for an act that takes two officers, that
    carries an exchange on, or that names single sides.
    """
    context = writing.context
    if second or writing.exchange is not None or writing.rule.family is None:
        return ()
    return tuple(
        projection.name
        for projection in context.service.visible(context.grant)
        if projection.name != context.name
        and projection.registry.kind == context.registry.kind
        and writing.rule.family not in projection.registry.required_signatures
        and (officer := projection.registry.officers.get(context.grant.actor)) is not None
        and not OFFICERS.isdisjoint(officer.roles)
        and not writing.rule.roles.isdisjoint(officer.roles)
    )


async def send_to_all(
    writing: Writing, fields: MultiDict[str], body: bytes, others: list[str]
) -> web.Response:
    """Post an opening in this channel and in others, and redirect to the table."""
    context, key = writing.context, str(fields.get("key", ""))
    act = browser_signatures.without_signed(body)
    new = NewNotice(channels=(context.name, *others), act=Raw(act))
    table = await post_notice(context.call, new, key, is_form=True)
    refused = [entry.channel for entry in table.entries if not entry.exchange]
    after = next((entry.position for entry in table.entries if entry.channel == context.name), 0)
    return redirect(context.link(f"/notices/{key}", missing=",".join(refused), after=after))


async def notice(context: PageContext) -> Page:
    """Return the table of a notice: each channel, each addressee, and what it has."""
    query = context.asked(NoticePageQuery)
    by = query.by or context.grant.actor
    table: NoticeTable = await notice_table(context.call, context.request.match_info["key"], by)
    words, say = PageWords(context), context.words.say
    names = {entry.channel for entry in table.entries}
    missing = [name for name in query.missing.split(",") if name and name not in names]
    first = context.service.channels[table.entries[0].channel].exchange(table.entries[0].exchange)
    act = "" if first is None else first.act
    title = say("One notice, %(n)s channels", n=context.words.number(len(table.entries)))
    subject = () if first is None else (context.words.colon, words.subject(first))
    document = PageDocument(
        title=title,
        heading=(context.words.act(act), *subject),
        area="compose",
        lead=say("One notice, recorded once in each of these channels. The table says who has it."),
        sections=(
            section(
                "", *(_missing(context, name, act) for name in missing), _standing(table, context)
            ),
            section(say("Who has it"), _table(words, table)),
        ),
    )
    return Page(view=document)


def _missing(context: PageContext, name: str, act: str) -> Paragraph:
    """Return the sentence on a channel that refused the notice."""
    say, link = context.words.say, PageLink(name.upper(), f"//c/{name}/compose/{act}")
    advice = say("Open that channel and write it there; its page says what is missing.")
    mark = Mark("state", say("Not recorded in %(channel)s.", channel=name), "serious")
    return Paragraph((mark, " ", advice, " ", link))


def _standing(table: NoticeTable, context: PageContext) -> Paragraph:
    """Return the sentence on the sides that have not acknowledged a notice."""
    facts = [fact for entry in table.entries for fact in entry.facts]
    owing = sum(fact.owes and not fact.acknowledged for fact in facts)
    if not owing:
        text = context.words.say("Every addressee has acknowledged it.")
        return Paragraph(Mark("state", text, "same"))
    text = context.words.count(
        "%(n)s side has not acknowledged it yet.",
        "%(n)s sides have not acknowledged it yet.",
        owing,
    )
    return Paragraph(Mark("state", text, "caution"))


def _table(words: PageWords, table: NoticeTable) -> Listing | Empty | None:
    """Return the table of a notice: a row for each addressee in each channel."""
    say = words.w.say
    return columns(
        say("Who has it"),
        ((entry, fact) for entry in table.entries for fact in entry.facts),
        (say("Channel"), lambda row: row[0].channel.upper()),
        (
            say("Number"),
            lambda row: PageLink(
                Mark("number", row[0].number),
                f"//c/{row[0].channel}/exchanges/{row[0].exchange}",
            ),
        ),
        (say("Side"), lambda row: _addressee(words, row[1])),
        (say("Delivered"), lambda row: _time(words, row[1].delivered)),
        (say("Acknowledged"), lambda row: _time(words, row[1].acknowledged)),
        (say("Answered"), lambda row: _time(words, row[1].answered)),
        (say("Passed on"), lambda row: _posts(words, row[1])),
    )


def _addressee(words: PageWords, fact: Fact) -> Cell:
    if fact.owes:
        return fact.side.upper()
    return (fact.side.upper(), " ", Aside(words.w.say("for information")))


def _time(words: PageWords, time: str) -> Cell:
    return words.time(time, "full") if time else "–"


def _posts(words: PageWords, fact: Fact) -> Cell:
    posts = listed((QuotedText(post.post) for post in fact.passed_on), words.w.comma)
    if not fact.not_passed_on:
        return posts
    untold = words.w.say(
        "%(side)s has not said that it passed this on to %(posts)s",
        side=fact.side.upper(),
        posts=words.w.listed(fact.not_passed_on),
    )
    return (*posts, Mark("strong", untold))


ROUTES = (PageRoute(path="/notices/{key:[^/]{16,160}}", handler=notice),)
