"""The check page: the exact bytes to be recorded, and what follows from them."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web
from markupsafe import Markup
from msgspec import Raw
from multidict import MultiDict

from dragoman.application.http import body_workers, submission
from dragoman.console.charts import map_sketch
from dragoman.console.compose import release_preview
from dragoman.console.compose.consequences import (
    addressees,
    button_text,
    consented_facts,
    ending_deadlines,
    facts_of,
    naming,
    people_in,
    remaining_facts,
    replaced_facts,
    started_deadlines,
    urgency_of,
)
from dragoman.console.compose.form_page import render_form, render_refusal
from dragoman.console.compose.levelled import levelled_texts
from dragoman.console.compose.notice_page import other_channels
from dragoman.console.compose.preview import PreviewReader, own_language, preview_of
from dragoman.console.compose.recorded_page import promised_replies, wanted_reply_of
from dragoman.console.compose.writing import (
    CheckedAct,
    Warned,
    Writing,
    field_errors,
    sending_of,
)
from dragoman.console.display import authorised_senders
from dragoman.console.display.office_clocks import office_of
from dragoman.console.forms import browser_signatures, exchange_choices
from dragoman.console.matter.shown_message import headline
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, refused
from dragoman.console.page.sessions import redirect
from dragoman.domain.acts import consent, deadlines, two_keys
from dragoman.domain.acts.act_rules import OFFICERS, Rule, Who
from dragoman.domain.acts.families import release
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.decide import Submission
from dragoman.domain.fold import Folded
from dragoman.domain.judge import takes_two
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed, Refused
from dragoman.text import sentence
from dragoman_schemas.state import Exchange


def _post_of(
    writing: Writing, body: bytes, key: str, *, released_by: str = "", sender: str = ""
) -> Submission:
    """Return the post that a checked body would be, from its sender.

    Its sender is the reader, where `sender` names nobody else. Raises `Refused` or
    `Malformed`.
    """
    projection, actor = writing.context.projection, sender or writing.context.grant.actor
    act, data = read_act(body, cut=True)
    return Submission(
        actor=actor,
        act=act,
        data=data,
        id=submission.id_of(projection, actor, data, key),
        exchange=writing.at,
        family=""
        if writing.exchange is not None or writing.rule.family is None
        else writing.rule.family,
        # As in the post itself: only an act that relies on the text is bound to it. A receipt of
        # another side must not stop a reply.
        if_match=writing.exchange.revision
        if writing.exchange is not None and writing.rule.consenting
        else None,
        released_by=released_by,
    )


def rehearsed(writing: Writing, body: bytes, key: str) -> tuple[Folded, bool]:
    """Return the result of a trial run, and whether a second officer must release it.

    An act that the reader may only hand over is tried as the act of a colleague who may
    send it. Raises `Refused` or `Malformed`.
    """
    context = writing.context
    if writing.rule.who is Who.KEEPERS and context.registry.custody == "sides":
        # Nobody can judge an act of keepers before they have signed it, which they do
        # when they send it. A fault is then shown in the form.
        state = context.projection.state
        return Folded(position=state.position + 1, raw=body, channel=state), False
    sending = sending_of(context, writing.rule)
    if sending.hands_over:
        sender = f"{context.side}/{sending.colleagues[0].name}"
        return context.service.command_handler.dry_run(
            context.projection, _post_of(writing, body, key, sender=sender)
        ), False
    post = _post_of(writing, body, key)
    try:
        return context.service.command_handler.dry_run(context.projection, post), False
    except Refused as error:
        if error.refusal.kind not in ("second-key-required", "not-permitted") or not takes_two(
            context.registry, context.projection, writing.exchange, writing.rule, post.data
        ):
            raise
    second = _second(context, writing.rule)
    if not second:
        raise refused(
            "second-key-required",
            sentence("A colleague of your side must release this, and no colleague is in office."),
        )
    return context.service.command_handler.dry_run(
        context.projection, _post_of(writing, body, key, released_by=second)
    ), True


def _second(context: PageContext, rule: Rule) -> str:
    """Return a colleague who could release an act; empty where nobody could.

    A colleague whose role the act asks for goes first.
    """
    colleagues = [
        (not rule.roles.isdisjoint(officer.roles), name)
        for name, officer in context.registry.officers.items()
        if name.startswith(f"{context.side}/")
        and name != context.grant.actor
        and officer.until is None
        and not OFFICERS.isdisjoint(officer.roles)
    ]
    return max(colleagues, default=(False, ""))[1]


async def check(
    writing: Writing,
    fields: MultiDict[str],
    body: bytes,
    problem: str = "",
    status: int = 200,
    reader: PreviewReader | None = None,
) -> Page | web.StreamResponse:
    """Return the page that shows an act before it is sent, or the form with its faults.

    The page carries the act byte for byte. If this very post was recorded already, the
    answer is a redirection to its record.
    """
    context = writing.context
    hands_over = sending_of(context, writing.rule).hands_over
    body, asks = (
        browser_signatures.without_signed(body),
        not hands_over and browser_signatures.asks(context, writing.act, writing.at),
    )
    before = _recorded_before(writing, body, str(fields.get("key", "")))
    if before is not None:
        return before
    sending = sending_of(context, writing.rule)
    if sending.hands_over and not sending.colleagues:
        return await render_form(
            writing,
            fields,
            [],
            problem=authorised_senders.senders_text(context.words, sending),
            status=422,
        )
    try:
        folded, second = rehearsed(writing, body, str(fields.get("key", "")))
        bound = await _bound(writing, fields, body) if asks else body
    except Malformed as error:
        return await render_form(writing, fields, field_errors(writing, error.faults), status=422)
    except Refused as error:
        return await render_refusal(writing, fields, error.refusal)
    state = folded.state if isinstance(folded.state, Exchange) else None
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    content = content_of(body)
    people, warnings = await people_in(context, writing, content)
    if (unsent := _unsent(context)) is not None:
        warnings.insert(0, unsent)
    display = release_preview.display_of(context, offices, people)
    sending = sending_of(context, writing.rule, second=second)
    alone = "" if hands_over else _alone(folded, state)
    running = started_deadlines(context, folded, state, offices)
    view = CheckedAct(
        act=Raw(bound),
        bytes=len(bound),
        sha256=hashlib.sha256(bound).hexdigest(),
        exchange=writing.at,
        number=folded.number,
        precedence=state.precedence if state is not None else "",
        to=addressees(folded, state),
        two_key=second,
        clocks=tuple(
            (deadline.clock, deadline.side, deadlines.timestamp(deadline.due))
            for deadline in running
        ),
    )
    return Page(
        template="check.html",
        view=view,
        status=status,
        values={
            "writing": writing,
            "headline": headline(context, writing.exchange) if writing.exchange is not None else "",
            "facts": facts_of(display, writing, content),
            "naming": naming(content),
            "warnings": warnings,
            "sketch": _sketch(context, content),
            "preview": await preview_of(writing, folded, own_language(context, reader)),
            "levelled": levelled_texts(display, writing, content, fields),
            "consented": consented_facts(display, writing, content),
            "replaced": replaced_facts(display, writing, content),
            "left": remaining_facts(display, writing),
            "agreed": exchange_choices.agreed(display, writing.exchange, content)
            if writing.act == "acceptance" and writing.exchange is not None
            else "",
            "running": running,
            "wanted": wanted_reply_of(writing.act, state),
            "promised": promised_replies(writing.act, state, context.side),
            "ending": ending_deadlines(writing, state),
            "follows": []
            if writing.of_channel is None
            else writing.of_channel.follows(context, msgspec.json.decode(body)),
            "urgent": urgency_of(writing, folded, state),
            "hidden": [
                *((name, value) for name, value in fields.items() if name not in ("do", "also")),
                ("act", bound.decode()),
            ],
            "asks": asks,
            "host_signs": writing.rule.who is Who.KEEPERS and context.registry.custody == "host",
            "also": () if asks or hands_over else other_channels(writing, second=second),
            "problem": problem,
            "again": problem != "",
            "one_key": alone,
            "takes_back": writing.exchange is not None and writing.act in consent.WITHDRAWABLE,
            "published": state is not None
            and state.act == release.RELEASE.rule.act
            and writing.act in release.PROVING,
            "second_key_s": deadlines.profile_of(context.registry)[0].second_key,
            "verb": button_text(context, writing, view),
            "sender": authorised_senders.names(context.words, sending) if hands_over else "",
            "hand_to": authorised_senders.names(context.words, sending)
            if second or hands_over or alone == "waits"
            else "",
            "hands_over": hands_over,
            "who_sends": authorised_senders.senders_text(context.words, sending)
            if hands_over
            else "",
        },
    )


def _alone(folded: Folded, state: Exchange | None) -> str:
    """Return the effect of an act that goes on one key: `stands`, `waits` or empty.

    It `stands` at once, or `waits` for the second key. The text is empty where the act
    takes one officer.
    """
    if (
        state is None
        or folded.record is None
        or two_keys.one_key_entry(state, folded.record.envelope.id) is None
    ):
        return ""
    return "waits" if folded.record.name in two_keys.WAITING else "stands"


def _unsent(context: PageContext) -> Warned | None:
    """Return a warning if the line from this station to the host is cut."""
    station = context.service.station
    line = None if station is None else station.line(context.name)
    if line is None or context.service.is_live(context.projection):
        return None
    return Warned(
        context.words.say("The line to the host is cut: this is not sent now."),
        context.words.say(
            "It waits here, and the other side does not know it. If it cannot wait, telephone."
        ),
    )


async def _bound(writing: Writing, fields: Mapping[str, Any], body: bytes) -> bytes:
    """Return the act as its author will sign it.

    The id of a draft becomes the id of its record.
    """
    context = writing.context
    act, data = await body_workers.read(context.request, len(body), read_act, body, cut=True)
    id = str(fields.get("draft", "")) or submission.id_of(
        context.projection, context.grant.actor, data, str(fields.get("key", ""))
    )
    return await browser_signatures.with_signed(context, act, data, id=id, exchange=writing.at)


def _recorded_before(writing: Writing, body: bytes, key: str) -> web.Response | None:
    """Return a redirection to the record that this very post has become already.

    That happens where the answer to the first post was lost. None where it was not
    recorded.
    """
    try:
        post = _post_of(writing, body, key)
    except (Refused, Malformed):
        return None
    position = writing.context.projection.posted(post.id)
    record = None if position is None else writing.context.projection.record_at(position)
    if record is None or browser_signatures.without_signed(record.act) != post.act:
        return None
    return redirect(f"/c/{writing.context.name}/recorded/{position}")


def _sketch(context: PageContext, content: Mapping[str, Raw]) -> Markup | str:
    """Return a sketch of the places that an act names; empty for no place."""
    points = [
        (context.side.upper(), value["lat"], value["lon"])
        for name in ("place", "places", "pos")
        if name in content
        for value in _listed(msgspec.json.decode(bytes(content[name])))
        if isinstance(value, dict) and "lat" in value
    ]
    if not points:
        return ""
    title = context.words.say("Sketch of the places that were entered")
    return map_sketch.sketch("sketch", title, points, None, context.words)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
