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
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman_schemas.notice_responses import NewNotice, NoticeEntry, NoticeTable
from dragoman_schemas.responses import Fact


class NoticeRow(Struct, frozen=True, kw_only=True):
    """One addressee of a notice in one channel, or a channel that has no record."""

    channel: str
    entry: NoticeEntry
    fact: Fact | None = None


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
    table = await post_notice(context.call, new, key)
    refused = [entry.channel for entry in table.entries if not entry.exchange]
    after = next((entry.position for entry in table.entries if entry.channel == context.name), 0)
    return redirect(context.link(f"/notices/{key}", missing=",".join(refused), after=after))


class NoticeQuery(Struct, frozen=True, kw_only=True):
    """The author, and the channels that refused the notice, with commas between."""

    by: str = ""
    missing: str = ""


async def notice(context: PageContext) -> Page:
    """Return the table of a notice: each channel, each addressee, and what it has."""
    query = context.asked(NoticeQuery)
    by = query.by or context.grant.actor
    table: NoticeTable = await notice_table(context.call, context.request.match_info["key"], by)
    rows = [
        NoticeRow(channel=entry.channel, entry=entry, fact=fact)
        for entry in table.entries
        for fact in entry.facts
    ]
    missing = [
        name
        for name in query.missing.split(",")
        if name and name not in {entry.channel for entry in table.entries}
    ]
    first = context.service.channels[table.entries[0].channel].exchange(table.entries[0].exchange)
    return Page(
        template="notice.html",
        view=table,
        rows=rows,
        values={
            "act": "" if first is None else first.act,
            "subject": None if first is None else context.subject(first),
            "rows": rows,
            "missing": missing,
            "owing": sum(
                row.fact is not None and row.fact.owes and not row.fact.acknowledged for row in rows
            ),
        },
    )


ROUTES = (PageRoute(path="/notices/{key:[^/]{16,160}}", handler=notice),)
