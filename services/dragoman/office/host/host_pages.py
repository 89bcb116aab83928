"""The pages of a host's operator: its health, its channels and their settings.

They show channels by name and settings, and no message. Only the operator sees them.
"""

from collections.abc import Sequence
from typing import Final

from dragoman.application.operations import access_tokens, host_health
from dragoman.application.service import Service
from dragoman.console.first_hour import checklists
from dragoman.console.grant_words import GrantWords
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.document.blocks import (
    Empty,
    Facts,
    PageDocument,
    Paragraph,
    Points,
    Quote,
    Remark,
    Section,
    columns,
    section,
)
from dragoman.i18n.words import Words
from dragoman.members.runs import Aside, Cell, Mark, PageLink, QuotedText, Run, Runs, joined
from dragoman.office.host import channel_view
from dragoman.office.host.condition_words import condition_text
from dragoman.office.host.operator_forms import operator_of, route
from dragoman.projection.projection import Projection
from dragoman.text import capitalized, sentence
from dragoman_schemas.host_responses import ChannelView


async def host(context: PageContext) -> Page:
    """Return the page with the health of the host, and its channels."""
    service, words = operator_of(context), GrantWords(context)
    w, say = words.w, words.w.say
    conditions = await host_health.conditions(context.request.app, is_operator=True)
    health = host_health.health(conditions)
    first_hour = checklists.of_operator(context, is_healthy=health.status == "ok")
    tokens = w.count(
        "%(n)s token in force", "%(n)s tokens in force", len(await access_tokens.tokens_of(service))
    )
    subjects = w.count(
        "%(n)s subject of an OIDC provider",
        "%(n)s subjects of an OIDC provider",
        len(await access_tokens.subjects_of(service)),
    )
    callers = section(
        say("Who may call"),
        Points(((PageLink(tokens, "//host/tokens"),), (PageLink(subjects, "//host/subjects"),))),
        Remark(
            say(
                "A token lets an officer sign in. The channel’s own log says what the officer "
                "may do."
            )
        ),
    )
    document = PageDocument(
        title=say("The host"),
        lead=say(
            "You are signed in as the operator. You see channels by name and settings, and "
            "nothing that is said in them."
        ),
        places=words.places("/host"),
        sections=(_channels(words, service),),
        beside=(
            *(() if first_hour.is_complete else (checklists.in_section(w, first_hour),)),
            _health(w, health.status, conditions),
            callers,
        ),
    )
    return Page(view=document)


def _channels(words: GrantWords, service: Service) -> Section:
    w, say = words.w, words.w.say
    every = service.visible(words.context.grant)
    views, rest = words.paged(every)
    none = say(
        "There is no channel on this host. Open a trial channel, or one whose sides keep their "
        "own keys."
    )
    table = columns(
        say("Channels"),
        views,
        (say("Channel"), _linked),
        (say("Kind"), lambda channel: w.value(channel.registry.kind)),
        (say("Sides"), lambda channel: words.sides([side.name for side in channel.registry.sides])),
        (say("Keys"), lambda channel: _keeper(words, channel.registry.custody)),
        (say("Records"), lambda channel: w.number(channel.state.position)),
        (say("Up to date"), lambda channel: _freshness(w, service, channel)),
        empty=Empty(none),
    )
    return section(say("Channels"), table, rest)


def _titled(channel: Projection, name: Run) -> Runs:
    """Return the name of a channel, with the word of an exercise before it."""
    is_exercise = channel.registry.kind == "exercise"
    return (Mark("exercise", "EXERCISE"), " ", name) if is_exercise else (name,)


def _linked(channel: Projection) -> Runs:
    return _titled(channel, PageLink(channel.name, f"//host/channels/{channel.name}"))


def _keeper(words: GrantWords, custody: str) -> str:
    say = words.w.say
    return say("the host’s: a trial") if custody == "host" else say("the sides’ own")


def _freshness(w: Words, service: Service, channel: Projection) -> Runs:
    """Return whether a channel is written to and followed live, and why not."""
    broken = channel.read_only or channel.doubt
    if broken is not None:
        return (Mark("state", w.say("read only"), "critical"), Aside(w.sentence(broken)))
    if service.is_live(channel):
        return (Mark("state", w.say("live"), "normal"),)
    as_of = service.as_of(channel)
    remark = w.say("as of %(t)s", t=w.written(as_of)) if as_of else w.say("not seen yet")
    return (Mark("state", w.say("not live"), "serious"), Aside(remark))


def _health(w: Words, status: str, conditions: Sequence[host_health.Condition]) -> Section:
    """Return the conditions of the host, each with the reason why it is not met."""
    say = w.say
    match status:
        case "ok":
            summary = Mark("state", say("In use"), "normal")
        case "degraded":
            summary = Mark("state", say("In use, but not all is well"), "serious")
        case _:
            summary = Mark("state", say("Not to be used now"), "critical")
    points = tuple(
        (
            Mark("state", condition_text(w, condition), "normal" if condition.ok else "serious"),
            *((Aside(w.sentence(condition.why)),) if condition.why is not None else ()),
        )
        for condition in conditions
    )
    by_command = say("On the host itself: %(command)s.", command="dragoman doctor")
    return section(
        say("Health of the host"),
        Paragraph(summary),
        Points(points),
        Remark(by_command),
        aside=PageLink("/healthz", "//healthz"),
    )


async def channel(context: PageContext) -> Page:
    """Return the settings of one channel, as the operator may see them."""
    service, name = operator_of(context), context.request.match_info["name"]
    projection = service.channels.get(name)
    if projection is None or not projection.is_channel:
        raise refused(
            "not-found",
            sentence(
                "There is no channel %(channel)s on this host; go back to the list.",
                channel=name[:63],
            ),
        )
    words = GrantWords(context)
    say = words.w.say
    opened = say("Opened. Write the channel id down: auditors start from it.")
    lead = say("The settings of this channel. What is said in it is its members’ business.")
    view = channel_view.view_of(projection)
    policy = (
        Quote(say("Policy of witnesses in force"), QuotedText(view.policy))
        if view.policy
        else Remark(say("No policy of witnesses is in force."))
    )
    document = PageDocument(
        title=view.name,
        heading=_titled(projection, view.name),
        announced=opened if context.said == "opened" else "",
        lead=lead,
        places=words.places(""),
        sections=(
            section(
                say("Settings"),
                Facts(_settings(words, view, service.as_of(projection))),
                policy,
                aside=_freshness(words.w, service, projection),
            ),
        ),
    )
    return Page(view=document)


def _settings(words: GrantWords, view: ChannelView, as_of: str) -> tuple[tuple[str, Cell], ...]:
    w, say = words.w, words.w.say
    kind: Cell = Mark("strong", w.value(view.kind))
    if view.exercise_of:
        kind = joined([kind, Aside(say("exercise of %(name)s", name=view.exercise_of))])
    trial = view.custody == "host"
    keys = say("kept by this host: a trial") if trial else say("kept by the sides themselves")
    return (
        (say("Kind"), kind),
        (say("Sides"), words.sides(view.sides)),
        (say("Keys"), Mark("strong", keys)),
        (say("Languages"), Mark("strong", w.listed(view.languages))),
        (say("Marking"), Mark("strong", view.marking)),
        (say("Opened"), words.date(view.opened, "full")),
        (capitalized(say("ended by all sides")), words.date(view.ended, "full", "")),
        (say("Records"), Mark("strong", w.number(view.position))),
        (say("Seen until"), words.date(as_of, "full", say("not known"))),
        (say("Channel id: auditors start from it"), Mark("code", view.cid)),
        (say("Verifier key of the log"), Mark("code", view.log)),
    )


ROUTES: Final[tuple[PageRoute, ...]] = (
    route("/host", host),
    route("/host/channels/{name:[a-z0-9-]{1,63}}", channel),
)
