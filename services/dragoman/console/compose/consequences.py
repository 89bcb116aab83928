"""Consequences of an act, in sentences, for the officer who is about to send it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from markupsafe import Markup
from msgspec import Raw

from dragoman.console.compose import agreed_phrases
from dragoman.console.compose.writing import CheckedAct, Warned, Writing
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.office_clocks import Office
from dragoman.console.forms import exchange_choices, people_choices, precedence_hints
from dragoman.console.page.context import PageContext
from dragoman.domain.acts import consent, deadlines, duty_calendar, references
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.fold import Folded
from dragoman.i18n.words import as_moment
from dragoman.members import shapes
from dragoman.members.kind import UNKNOWN
from dragoman.members.texts import language
from dragoman.members.times import TimeKind
from dragoman_schemas.responses import PersonSeen
from dragoman_schemas.state import Exchange


async def people_in(
    context: PageContext, writing: Writing, content: Mapping[str, Raw]
) -> tuple[dict[str, PersonSeen], list[Warned]]:
    """Return the people that an act names, and warnings about probable mistakes in it.

    For a correction, the members that it replaces are examined too.
    """
    members = people_choices.decoded(content)
    people = await people_choices.seen_in(context, members)
    written = [(writing.act, members)]
    if writing.exchange is not None and isinstance(members.get("fields"), dict):
        written.append((writing.exchange.act, members["fields"]))
    whom, when = (
        context.words.say("Check whom you mean."),
        context.words.say("Check the day and the time."),
    )
    warnings = [
        Warned(text, whom)
        for act, members_of_act in written
        for text in people_choices.of_other_sides(context, act, members_of_act, people)
    ]
    doubtful = [
        text
        for act, members_of_act in written
        for text in (
            *_still_to_come(context, act, members_of_act),
            *_too_early(context, writing, act, members_of_act),
        )
    ]
    departing = [
        Warned(
            context.words.say(
                "“%(phrase)s” is an agreed phrase. In %(language)s the sides agreed on “%(agreed)s”.",
                phrase=departure.of,
                language=language(departure.tag),
                agreed=departure.agreed,
            ),
            context.words.say("Use the agreed words, or leave yours if you mean something else."),
        )
        for departure in agreed_phrases.departures(writing, content)
    ]
    return people, warnings + [Warned(text, when) for text in doubtful] + departing


def _still_to_come(context: PageContext, act: str, content: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each time of a past event that lies in the future.

    A clock that is wrong, or a typing error, may explain it.
    """
    for member in shapes.members(act):
        value = content.get(member.name)
        if not isinstance(member.kind, TimeKind) or member.kind.ahead or value in (None, UNKNOWN):
            continue
        moment = as_moment(value["about"] if isinstance(value, dict) else value)
        if moment > context.moment:
            field = context.words.field(member.name, member.act)
            yield context.words.say(
                "%(field)s: this is still to come, in %(d)s.",
                field=field,
                d=context.words.until(moment, context.moment),
            )


def _too_early(
    context: PageContext, writing: Writing, act: str, content: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a warning for a meeting that took place before the request for it."""
    if act == "meeting-held" and writing.exchange is not None:
        moment = as_moment(writing.exchange.opened.time)
        if as_moment(content["from"]) < moment:
            yield context.words.say(
                "This is before the request for the meeting, %(t)s.",
                t=context.words.written(moment, "minute"),
            )


def facts_of(
    display: Display, writing: Writing, content: Mapping[str, Raw]
) -> list[DisplayedMember]:
    """Return the members of an act as its check page shows them.

    For a correction, these are the members of the opening that it replaces. For an
    acceptance, the first is the time to which it agrees.
    """
    if writing.of_channel is not None:
        return display.facts(writing.act, content, leave=writing.of_channel.leave)
    if writing.act == "acceptance" and writing.exchange is not None:
        agreed = exchange_choices.agreed(display, writing.exchange, content)
        fact = DisplayedMember(
            name="window", label=display.words.say("Time accepted"), shown=agreed, wide=True
        )
        return [fact, *display.facts(writing.act, content, leave=("window",))]
    choices = (
        None
        if writing.exchange is None
        else exchange_choices.earlier_acts(writing.context, writing.act, writing.exchange)
    )
    if "of" in content and writing.exchange is not None and choices is not None:
        id = str(msgspec.json.decode(bytes(content["of"])))
        of = writing.exchange.id
        choice = next((item for item in choices if (item.value or of) == id), None)
        member = next(item for item in shapes.members(writing.act) if item.name == "of")
        fact = DisplayedMember(
            name="of",
            label=writing.label(member),
            shown=Markup.escape(id if choice is None else choice.shown),
            wide=True,
        )
        return [fact, *display.facts(writing.act, content, leave=("of", "terms"))]
    if "fields" not in content or writing.exchange is None:
        return display.facts(writing.act, content)
    inner = msgspec.json.decode(bytes(content["fields"]), type=dict[str, Raw])
    others = {name: raw for name, raw in content.items() if name != "fields"}
    return [*display.facts(writing.exchange.act, inner), *display.facts(writing.act, others)]


def naming(content: Mapping[str, Raw]) -> frozenset[str]:
    """Return the members of an act that name people of the register.

    The other side may not see them, so that its page does not tell their names.
    """
    fields = msgspec.json.decode(content.get("fields", b"{}"), type=dict[str, Raw])
    return frozenset(
        name
        for name, raw in {**content, **fields}.items()
        if any(references.people(msgspec.json.decode(raw)))
    )


def replaced_facts(
    display: Display, writing: Writing, content: Mapping[str, Raw]
) -> list[DisplayedMember]:
    """Return the current members that an amendment replaces; empty for any other act.

    For an agreement to an amendment, these are the members that the amendment replaces.
    """
    state = writing.exchange
    if state is None or writing.act not in ("amendment", "amendment-agreement"):
        return []
    if writing.act == "amendment":
        fields = msgspec.json.decode(bytes(content["fields"]), type=dict[str, Raw])
    else:
        waits = consent.open_amendment(state)
        fields = {} if waits is None else consent.fields_of(waits)
    return display.facts(
        state.act, {name: state.content[name] for name in fields if name in state.content}
    )


def remaining_facts(display: Display, writing: Writing) -> list[DisplayedMember]:
    """Return the members of a refused amendment; empty for any other act."""
    waits = (
        None
        if writing.exchange is None or writing.act != "amendment-refusal"
        else consent.open_amendment(writing.exchange)
    )
    return (
        []
        if waits is None or writing.exchange is None
        else display.facts(writing.exchange.act, consent.fields_of(waits))
    )


def has_moved(writing: Writing, content: Mapping[str, Raw]) -> bool:
    """Return whether an act of consent names terms that are no longer current."""
    if writing.act not in consent.ACTS or writing.exchange is None or "terms" not in content:
        return False
    act: dict[str, Any] = {
        name: msgspec.json.decode(raw, type=dict[str, Raw] if name == "fields" else Any)
        for name, raw in content.items()
    }
    return bool(
        act["terms"] != consent.of_act(writing.exchange, writing.context.side, writing.act, act)
    )


def consented_facts(
    display: Display, writing: Writing, content: Mapping[str, Raw]
) -> list[DisplayedMember]:
    """Return the text to which an act of consent binds its side.

    Empty for any other act.
    """
    state = writing.exchange
    if state is None or writing.act not in consent.ACTS:
        return []
    id = str(msgspec.json.decode(bytes(content["of"]))) if "of" in content else ""
    match writing.act:
        case "amendment":
            return display.facts(
                state.act,
                consent.text_of(
                    state, msgspec.json.decode(bytes(content["fields"]), type=dict[str, Raw])
                ),
            )
        case "amendment-agreement":
            amendment = next(
                (item for item in state.acts.get("amendment", ()) if item.id == id), None
            )
            return (
                []
                if amendment is None
                else display.facts(state.act, consent.text_of(state, consent.fields_of(amendment)))
            )
        case "translation-agreement":
            translation = next(
                (item for item in state.acts.get("translation", ()) if item.id == id), None
            )
            if translation is None:
                return []
            of = (
                str(msgspec.json.decode(translation.content["of"]))
                if "of" in translation.content
                else state.id
            )
            original = next(
                (message.act for message in state.messages if message.id == of), state.act
            )
            original_content = (
                consent.text_of(state) if of == state.id else consent.content_of_message(state, of)
            )
            return [
                *display.facts(original, original_content, leave=("of",)),
                *display.facts("translation", translation.content, leave=("of",)),
            ]
        case "fairness":
            restated = state.acts.get("restatement", ())
            return (
                display.facts("restatement", restated[-1].content, leave=("of",))
                if restated
                else []
            )
        case "accounts-agreement":
            contents = [message[-1].content for message in state.accounts.values()]
            opening_facts = display.facts(state.act, consent.text_of(state))
            return [
                *opening_facts,
                *(
                    fact
                    for account in contents
                    for fact in display.facts("counter-account", account)
                ),
            ]
        case "adoption":
            return display.draft(state)
        case "agenda-agreement" | "readout-agreement":
            chosen = [str(msgspec.json.decode(content["side"]))] if "side" in content else []
            return next((facts for _, facts in words_taken(display, writing, chosen)), [])
        case _:
            return display.facts(state.act, consent.text_of(state))


def words_taken(
    display: Display, writing: Writing, chosen: Sequence[str] = ()
) -> Iterator[tuple[str, list[DisplayedMember]]]:
    """Yield other sides' agendas or readouts, each with its author.

    An agreement takes one of them as its own. Only those of `chosen` authors are
    yielded where it has any.
    """
    state = writing.exchange
    if state is None:
        return
    texts = {
        "agenda": {side: {"topics": topics} for side, topics in consent.versions(state).items()},
        "readout": {
            side: {"topics": Raw(msgspec.json.encode(readout.topics)), "text": readout.text}
            for side, readout in consent.proposed_readouts(state).items()
        },
    }
    act = writing.act.removesuffix("-agreement")
    for side, members in texts.get(act, {}).items():
        if side != writing.context.side and (not chosen or side in chosen):
            yield side, display.facts(act, members)


def urgency_of(writing: Writing, folded: Folded, state: Exchange | None) -> dict[str, str]:
    """Compare the precedence of a message with the rule of its format.

    `stands` is `by_rule`, `raised` or `lowered`; `of_exchange` is for a later message
    that rings as its exchange does. `rule` is the precedence by the rule, `level` the
    precedence of the message, and `what` the reason.
    """
    form, record, words = writing.format, folded.record, writing.context.words
    if (
        form is None
        and record is not None
        and state is not None
        and state.precedence in ("flash", "immediate")
    ):
        rings = any(
            message.id == record.envelope.id and message.to and not message.for_the_record
            for message in state.messages
        )
        return (
            {"stands": "of_exchange", "level": words.value(state.precedence).upper()}
            if rings
            else {}
        )
    if form is None or record is None or state is None or writing.context.registry.kind == "track2":
        return {}
    now = writing.context.service.now()
    rule, level = (
        precedence_hints.rule_of(form, now),
        form.precedence(record.data, record.envelope.time),
    )
    chosen = content_of(record.newest).get(rule.member) if rule.member else None
    value = None if chosen is None else msgspec.json.decode(bytes(chosen))
    what = words.value(value) if isinstance(value, str) else words.act(writing.act)
    order = precedence_hints.ORDER
    stands = (
        "by_rule"
        if level == state.precedence
        else "raised"
        if order.index(state.precedence) < order.index(level)
        else "lowered"
    )
    return {
        "stands": stands,
        "rule": words.value(level).upper(),
        "level": words.value(state.precedence).upper(),
        "what": what,
    }


def started_deadlines(
    context: PageContext, folded: Folded, state: Exchange | None, offices: Sequence[Office]
) -> list[Deadline]:
    """Return the deadlines that the record would start."""
    if state is None or folded.record is None:
        return []
    calendars = {
        office.side: duty_calendar.calendar_of(context.projection.office(office.side))
        for office in offices
    }
    envelope = folded.record.envelope
    recorded = datetime.fromisoformat(envelope.time).replace(microsecond=0)
    return [
        deadline
        for deadline in deadlines.deadlines_of(context.registry, state, calendars)
        if deadline.open
        and deadline.started_by in (envelope.id, state.id)
        and deadline.begins >= recorded
    ]


def ending_deadlines(writing: Writing, state: Exchange | None) -> list[Deadline]:
    """Return the open deadlines that the act would end, neither met nor late.

    They end with the matter.
    """
    exchange = writing.exchange
    if exchange is None or state is None:
        return []
    calendars = {
        office.side: duty_calendar.calendar_of(writing.context.projection.office(office.side))
        for office in writing.offices
    }
    before = [
        deadline
        for deadline in deadlines.deadlines_of(writing.context.registry, exchange, calendars)
        if deadline.open
    ]
    after = {
        (deadline.clock, deadline.side, deadline.started_by): deadline
        for deadline in deadlines.deadlines_of(writing.context.registry, state, calendars)
    }
    pairs = [
        (deadline, after.get((deadline.clock, deadline.side, deadline.started_by)))
        for deadline in before
    ]
    return [
        deadline for deadline, now in pairs if now is None or (not now.open and now.met is None)
    ]


def addressees(folded: Folded, state: Exchange | None) -> tuple[str, ...]:
    """Return the sides that the record would be sent to; empty for no message."""
    if state is None or folded.record is None:
        return ()
    id = folded.record.envelope.id
    return next((message.to for message in state.messages if message.id == id), ())


def button_text(
    context: PageContext, writing: Writing, view: CheckedAct, *, is_release: bool = False
) -> str:
    """Return the text of the button that sends, or that releases a colleague's text.

    It names the addressees, with the act or its urgency. A flash is named first, since
    it wakes somebody.
    """
    say, act = context.words.say, context.words.act(writing.act)
    to = context.words.listed(view.to).upper()
    if not to:
        return say("Release: %(act)s", act=act) if is_release else say("Record: %(act)s", act=act)
    if writing.format is None or not view.precedence:
        return (
            say("Release to %(side)s: %(act)s", side=to, act=act)
            if is_release
            else say("Send to %(side)s: %(act)s", side=to, act=act)
        )
    level = context.words.value(view.precedence)
    if view.precedence == "flash":
        level = level.upper()
        return (
            say("Release %(precedence)s to %(side)s", precedence=level, side=to)
            if is_release
            else say("Send %(precedence)s to %(side)s", precedence=level, side=to)
        )
    return (
        say("Release to %(side)s (%(precedence)s)", side=to, precedence=level)
        if is_release
        else say("Send to %(side)s (%(precedence)s)", side=to, precedence=level)
    )
