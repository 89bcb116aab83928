"""Pages of drafts: the list, one draft, and its release by a second officer."""

import hashlib
from collections.abc import Iterable

import msgspec
from aiohttp import web

from dragoman.application.http import body_workers
from dragoman.application.operations import drafts
from dragoman.console.compose import release_preview
from dragoman.console.compose.consequences import (
    addressees,
    button_text,
    consented_facts,
    ending_deadlines,
    facts_of,
    has_moved,
    naming,
    people_in,
    remaining_facts,
    replaced_facts,
    started_deadlines,
    urgency_of,
)
from dragoman.console.compose.levelled import LevelledText, levelled_texts
from dragoman.console.compose.preview import own_language, preview_of
from dragoman.console.compose.recorded_page import (
    notify_open_pages,
    promised_replies,
    recorded_at,
    wanted_reply_of,
)
from dragoman.console.compose.writing import (
    CheckedAct,
    Warned,
    Writing,
    field_errors,
    find_draft,
    sending_of,
)
from dragoman.console.display import authorised_senders
from dragoman.console.display.act_display import DisplayedMember
from dragoman.console.display.office_clocks import office_of
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.form_errors import plain
from dragoman.console.matter.shown_message import headline
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page
from dragoman.console.page.sessions import form_of, redirect, said
from dragoman.document.blocks import Empty, PageDocument, columns, section
from dragoman.domain.acts import deadlines
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.decide import Submission
from dragoman.domain.fold import Folded
from dragoman.domain.judge import takes_two
from dragoman.domain.record import errors as refusals
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed, Refused
from dragoman.members.runs import Aside, Cell, Mark, PageLink
from dragoman.stores.drafts import Draft
from dragoman_schemas.act_frame import Act
from dragoman_schemas.responses import DraftView, OutboxEntryView
from dragoman_schemas.state import Exchange


def _faults_text(writing: Writing, faults: Iterable[refusals.FieldFault]) -> str:
    """Return the faults of an act in sentences that name the fields by their labels."""
    words = writing.context.words
    sentences = (
        words.say("%(what)s: %(detail)s", what=field_error.label, detail=field_error.sentence)
        if field_error.label
        else field_error.sentence
        for field_error in field_errors(writing, faults)
    )
    return words.sentences(sentences)


async def draft_list(context: PageContext) -> Page:
    """Return the page of the drafts of the reader's side."""
    result = await drafts.listed(context.call)
    say = context.words.say
    secret = say(
        "Nobody outside your side sees them. What takes a second officer is written by one officer "
        "and released by another."
    )
    table = columns(
        say("Drafts"),
        result.drafts,
        (
            say("Changed"),
            lambda draft: Mark(
                "time", context.words.written(draft.updated, "minute"), draft.updated
            ),
        ),
        (say("Written by"), lambda draft: _author(context, draft)),
        (say("What"), lambda draft: _what(context, draft)),
        (say("Officers"), lambda draft: say("two") if draft.two_key else say("one")),
        names=lambda draft: {"row": "", "state": "standby"},
        empty=Empty(say("There are no drafts. Write one, and keep it as a draft.")),
    )
    document = PageDocument(
        title=say("Drafts of %(side)s", side=context.side.upper()),
        area="inbox",
        lead=secret,
        sections=(section("", table),),
    )
    return Page(view=document)


def _author(context: PageContext, draft: DraftView) -> Cell:
    name = draft.author.partition("/")[2]
    ours = Aside(context.words.say("yours"))
    return (name, ours) if draft.author == context.grant.actor else name


def _what(context: PageContext, draft: DraftView) -> Cell:
    words = context.words
    link = PageLink(words.act(_act_name(draft)), f"/drafts/{draft.id}")
    if not draft.handed:
        return link
    handed = words.say("handed over %(t)s", t=words.written(draft.handed, "minute"))
    return (link, Aside(handed))


def _act_name(draft: DraftView | Draft) -> str:
    return drafts.name_of(draft.act)


async def draft_page(context: PageContext) -> Page | web.StreamResponse:
    """Return the page of one draft: what it would record, and who may release it.

    If the draft was recorded already, the answer is a redirection to its record.
    """
    gone = await _recorded_draft(context)
    return (
        gone
        if gone is not None
        else await _draft_page(
            context, await find_draft(context, context.request.match_info["draft"])
        )
    )


async def _recorded_draft(context: PageContext) -> web.Response | None:
    """Return a redirection to the record that a draft of the reader's side has become.

    None while it is a draft.
    """
    id = context.request.match_info["draft"]
    position = context.projection.posted(id) if context.is_officer else None
    if (
        position is None
        or await context.service.drafts.find(context.registry.cid, context.side, id) is not None
    ):
        return None
    record = context.projection.record_at(position)
    return (
        redirect(context.link(f"/recorded/{position}"))
        if record is not None and record.side == context.side
        else None
    )


async def _draft_page(
    context: PageContext, draft: Draft, problem: str = "", status: int = 200
) -> Page:
    act = _act_name(draft)
    exchange = context.projection.exchange(draft.exchange) if draft.exchange else None
    writing = Writing(context=context, act=act, exchange=exchange, draft=draft)
    body = bytes(draft.act)
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    fault, moved = "", False
    warnings: list[Warned] = []
    consented: list[DisplayedMember] = []
    levelled: list[LevelledText] = []
    replaced: list[DisplayedMember] = []
    names: frozenset[str] = frozenset()
    two_key = RULES[act].two_key
    folded: Folded | None = None
    try:
        compact, data = await body_workers.read(
            context.request, len(body), read_act, body, cut=True
        )
        two_key = takes_two(context.registry, context.projection, exchange, RULES[act], data)
        content = content_of(compact)
        people, warnings = await people_in(context, writing, content)
        display = release_preview.display_of(context, offices, people)
        facts, names = facts_of(display, writing, content), naming(content)
        levelled = levelled_texts(display, writing, content)
        moved = has_moved(writing, content)
        if not moved:
            consented, replaced = (
                consented_facts(display, writing, content),
                replaced_facts(display, writing, content),
            )
        folded = _released(writing, draft, compact, data, two_key=two_key)
    except Malformed as error:
        fault, facts = _faults_text(writing, error.faults), []
    except ValueError as error:
        fault, facts = str(error), []
    asks = browser_signatures.asks(context, act, draft.exchange)
    unsigned = asks and not draft.signatures
    sending = sending_of(context, RULES[act], author=draft.author, second=two_key)
    mine = draft.author == context.grant.actor
    able = any(
        colleague.name == context.grant.actor.partition("/")[2] for colleague in sending.colleagues
    ) or (mine and sending.alone)
    state = folded.state if folded is not None and isinstance(folded.state, Exchange) else None
    running = [] if folded is None else started_deadlines(context, folded, state, offices)
    view = CheckedAct(
        act=draft.act,
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        exchange=draft.exchange,
        number=folded.number if folded is not None else "",
        precedence=state.precedence if state is not None else "",
        to=() if folded is None else addressees(folded, state),
        two_key=two_key,
        clocks=tuple(
            (deadline.clock, deadline.side, deadlines.timestamp(deadline.due))
            for deadline in running
        ),
    )
    return Page(
        template="draft.html",
        view=view,
        status=status,
        values={
            "draft": draft,
            "writing": writing,
            "running": running,
            "wanted": wanted_reply_of(writing.act, state),
            "promised": promised_replies(writing.act, state, context.side),
            "ending": ending_deadlines(writing, state),
            "follows": []
            if fault or writing.of_channel is None
            else writing.of_channel.follows(context, msgspec.json.decode(body)),
            "urgent": {} if folded is None else urgency_of(writing, folded, state),
            "verb": button_text(context, writing, view, is_release=two_key),
            "facts": facts,
            "naming": names,
            "preview": await preview_of(writing, folded, own_language(context)),
            "levelled": levelled,
            "warnings": warnings,
            "consented": consented,
            "replaced": replaced,
            "left": [] if folded is None else remaining_facts(display, writing),
            "moved": moved,
            "fault": fault,
            "problem": problem,
            "mine": mine,
            "may_release": context.may_post and not fault and not unsigned and able,
            "sender": draft.author.partition("/")[2]
            if two_key
            else ""
            if able
            else authorised_senders.names(context.words, sending),
            "hand_to": ""
            if able or fault or draft.handed or not context.may_post
            else authorised_senders.names(context.words, sending),
            "who_sends": ""
            if able or two_key
            else authorised_senders.senders_text(context.words, sending),
            "handed_to": authorised_senders.names(context.words, sending) if draft.handed else "",
            "unsigned": unsigned,
            "asks": asks and two_key,
            "headline": headline(context, exchange) if exchange is not None else "",
            "said": context.said,
        },
    )


def _released(
    writing: Writing, draft: Draft, act: bytes, data: Act, *, two_key: bool
) -> Folded | None:
    """Return the result of releasing a draft as it is now, or None where it is refused.

    The release itself says why it is refused.
    """
    context, sending = (
        writing.context,
        sending_of(writing.context, writing.rule, author=draft.author, second=two_key),
    )
    able = [colleague.name for colleague in sending.colleagues]
    reader = context.grant.actor
    if reader.partition("/")[2] in able or (reader == draft.author and sending.alone):
        releaser = reader
    else:
        releaser = f"{context.side}/{able[0]}" if able else ""
    post = Submission(
        actor=draft.author if two_key or not releaser else releaser,
        act=act,
        data=data,
        id=draft.id,
        exchange=draft.exchange,
        family=""
        if writing.exchange is not None or writing.rule.family is None
        else writing.rule.family,
        if_match=draft.if_match or None,
        released_by=releaser if two_key else "",
    )
    try:
        return context.service.command_handler.dry_run(context.projection, post)
    except Refused:
        return None


async def _released_by(context: PageContext) -> str:
    """Return the releaser's signature over the bytes that the author signed.

    Empty where the act does not take two officers, or its author did not sign. Raises
    `Refused`, `Malformed` or `SignatureAsked`.
    """
    draft = await context.service.drafts.find(
        context.registry.cid, context.side, context.request.match_info["draft"]
    )
    if draft is None or not draft.signatures:
        return ""
    act, data = read_act(bytes(draft.act), cut=False)
    if not takes_two(
        context.projection.registry,
        context.projection,
        context.projection.exchange(draft.exchange),
        RULES[_act_name(draft)],
        data,
    ):
        return ""
    _, signatures = await browser_signatures.signed_by(
        context, act, data, exchange=draft.exchange, key=""
    )
    return signatures


async def draft_sent(context: PageContext) -> web.StreamResponse | Page:
    """Release a draft, hand it over, or drop it."""
    form = await form_of(context.request)
    context.newest = context.projection.flushed
    etag = said(form, "etag")
    gone = await _recorded_draft(context)
    if gone is not None:
        return gone
    if said(form, "do") == "drop":
        await drafts.drop(
            context.call, await find_draft(context, context.request.match_info["draft"]), etag
        )
        notify_open_pages(context)
        return redirect(context.link("/drafts", said="dropped"))
    if said(form, "do") == "hand":
        draft = await find_draft(context, context.request.match_info["draft"])
        await drafts.hand_over(context.call, draft, etag)
        notify_open_pages(context)
        return redirect(context.link(f"/drafts/{draft.id}", said="handed"))
    try:
        reply = await drafts.release(context.call, etag, await _released_by(context))
    except (Refused, Malformed) as error:
        draft = await find_draft(context, context.request.match_info["draft"])
        faults = error.refusal.faults if isinstance(error, Refused) else error.faults
        exchange = context.projection.exchange(draft.exchange) if draft.exchange else None
        problem = _faults_text(
            Writing(context=context, act=_act_name(draft), exchange=exchange, draft=draft), faults
        )
        if isinstance(error, Refused) and not problem:
            problem = context.words.sentence(plain(error.refusal.detail))
        return await _draft_page(context, draft, problem=problem, status=422)
    if isinstance(reply.body, OutboxEntryView):
        return redirect(context.outbox_link(reply.body.id))
    return recorded_at(context, reply)
