"""The pages for paper: reports, and of any exchange a numbered form and a card.

    /exchanges/{exchange}/form    every field with its label as it was sent, the present
                                  state, the receipts, and all later records
    /exchanges/{exchange}/card    one fact a line, to be read aloud; numbers, times and
                                  places are spelt for a bad telephone line

Both end with the numbers and their check words, so that the reader notices when a part
was cut off or misheard.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web
from markupsafe import Markup, escape
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.application.http import body_workers
from dragoman.application.operations import exchange_view
from dragoman.console.display import field_history, report_views, translations
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.display.log_rows import LogLine, line_of
from dragoman.console.display.office_clocks import office_of
from dragoman.console.matter.receipt_rows import posts_of
from dragoman.console.page.context import PageContext, Preferences
from dragoman.console.page.rendering import PAPER_POLICY, Page, PageRoute, html, render_template
from dragoman.document.blocks import ReportDocument
from dragoman.domain.acts import developments, two_keys
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.exchange import markings, precedence_of
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import parse_stored
from dragoman.domain.views import attribution
from dragoman.i18n import urgent
from dragoman.i18n import words as languages
from dragoman.i18n.words import as_moment
from dragoman.interop.check_words import check_words
from dragoman.members import shapes
from dragoman.members.groups import GroupKind, RowsKind
from dragoman.members.kind import Member
from dragoman.members.phonetic_alphabet import spelt, spelt_time
from dragoman.projection.queries import matter_names
from dragoman.reports.answer_words import represented_text
from dragoman_schemas.responses import Entry, ExchangeView
from dragoman_schemas.state import Exchange, decode_exchange

_FRAME: Final = ("subject", "to", "info", "precedence", "dtg")
"""Members that appear in the head of a form."""


def page(paper: ReportDocument, headers: dict[str, str]) -> web.Response:
    """Return a report as a page without script or form, in the report's language.

    The sides' texts stay in the language in which they were written.
    """
    values = {"laid": paper, "registry": paper.of, "preferences": Preferences(), "frame": None}
    text = render_template(None, languages.words(paper.language), "report.html", **values)
    return html(text, headers={**headers, "Content-Security-Policy": PAPER_POLICY})


class NumberLine(Struct, frozen=True, kw_only=True):
    """A number of the exchange with its act, its position, and its check words."""

    number: str
    act: str
    position: int
    words: tuple[str, ...]


class CardLine(Struct, frozen=True, kw_only=True):
    """One fact of a card: its label, its text, and its spelling letter by letter.

    `later` is true for a fact that the opening's own record does not have. `beside` has
    the same label and text in languages of the channel in which no page is.
    """

    label: str
    shown: Markup
    spelt: tuple[str, ...] = ()
    later: bool = False
    beside: tuple[tuple[str, str, Markup], ...] = ()


async def form(context: PageContext) -> Page:
    """Return an exchange as a printed form."""
    view, state, display = await _read(context)
    opening = developments.opening_as_sent(state)
    size = sum(len(bytes(entry.record)) for entry in view.timeline if isinstance(entry.record, Raw))
    since = await body_workers.read(
        context.request,
        size,
        _all_since,
        display,
        state,
        view.timeline,
        context.sides,
        _hides(context),
    )
    return Page(
        template="form.html",
        view=view,
        values={
            "state": state,
            "opening_key": two_keys.one_key_entry(state, state.id),
            "passes_on": any(fact.passed_on or fact.not_passed_on for fact in view.facts),
            "posts_of": posts_of,
            "precedence": precedence_of(state, state.messages[0]),
            "markings": markings(context.registry, state),
            "sent": replace(state, content=opening, proposed={}),
            "facts": field_history.marked(
                display,
                state,
                display.at(state.opened.position if state.side else 0).facts(
                    state.act, opening, leave=_FRAME
                ),
            ),
            "standing": [
                item for item in field_history.standing(display, state) if item.is_present
            ],
            "dissents": report_views.standing_dissents(display, state),
            "developed": list(field_history.series(display, state)),
            "translations": _translations(display, state),
            "dated": display.time(
                msgspec.json.decode(bytes(opening.get("dtg", Raw(b"null")))) or state.opened.when
            ),
            "since": since,
            "numbers": numbers_of(state, view.timeline),
        },
    )


async def card(context: PageContext) -> Page:
    """Return an exchange as a card to be read aloud."""
    view, values = await card_of(context, context.request.match_info["exchange"], opens=True)
    return Page(template="card.html", view=view, values=values)


async def card_of(
    context: PageContext, exchange: str, *, opens: bool = False
) -> tuple[ExchangeView, dict[str, Any]]:
    """Return an exchange and the values of its card. Raises `Refused`.

    A card that is kept for later does not say that anybody opened the exchange.
    """
    view, state, display = await _read_exchange(context, exchange, opens=opens)
    others = urgent.beside(context.registry.languages) if state.act in urgent.FORMATS else ()
    displays = [display.in_words(words) for words in others]
    return view, {
        "state": state,
        "markings": markings(context.registry, state),
        "lines": list(_lines(display, state, view, displays)),
        "numbers": numbers_of(state, view.timeline),
        "others": others,
    }


def _translations(display: Display, state: Exchange) -> list[dict[str, Any]]:
    """Return the translations of every message in their printed form."""
    attributed = not attribution.unattributed(state)
    messages = [
        item for message in state.messages for item in translations.of_message(state, message.id)
    ]
    return translations.shown(display.words, messages, attributed=attributed)


async def _read(context: PageContext) -> tuple[ExchangeView, Exchange, Display]:
    return await _read_exchange(context, context.request.match_info["exchange"])


async def _read_exchange(
    context: PageContext, exchange: str, *, opens: bool = True
) -> tuple[ExchangeView, Exchange, Display]:
    view = await exchange_view.viewed(
        context.call,
        context.projection,
        exchange,
        context.past_moment,
        context.newest,
        limit=0,
        opens=opens,
    )
    offices = [office_of(side, context.projection.office(side)) for side in context.sides]
    state = attribution.referring_exchange(decode_exchange(bytes(view.state)), _hides(context))
    if attribution.unattributed(state):
        view, state = unattributed(view, state, context.sides)
    return view, state, Display(context.words, offices, view.people, files=view.files)


def unattributed(
    view: ExchangeView, state: Exchange, sides: Sequence[str]
) -> tuple[ExchangeView, Exchange]:
    """Return the printed form of an exchange under the Chatham House Rule.

    Paper leaves the members' hands, so it names no speaker and no number.
    """
    printed = replace(
        state,
        number="",
        side="",
        to=(),
        info=(),
        content=attribution.content(state.content, sides),
        proposed={
            name: replace(item, value=attribution.content({name: item.value}, sides)[name])
            for name, item in state.proposed.items()
        },
        corrections=tuple(
            replace(
                correction,
                number="",
                fields=attribution.content(correction.fields, sides),
                was=attribution.content(correction.was, sides),
            )
            for correction in state.corrections
        ),
        amended=tuple(
            replace(
                item,
                fields=attribution.content(item.fields, sides),
                was=attribution.content(item.was, sides),
            )
            for item in state.amended
        ),
        developments=tuple(
            replace(
                development,
                number="",
                fields=attribution.content(development.fields, sides),
                was=attribution.content(development.was, sides),
            )
            for development in state.developments
        ),
    )
    return replace(
        view, facts=(), timeline=tuple(replace(entry, number="") for entry in view.timeline)
    ), printed


def numbers_of(state: Exchange, timeline: Sequence[Entry]) -> list[NumberLine]:
    """Return the numbers of an exchange with the check words of their records.

    If an exchange has no number, the list has its opening.
    """
    positions = {
        state.opened.position,
        *(developments.stamp_of(change).position for change in developments.changes(state)),
        *(item.said.position for item in developments.later_values(state)),
    }
    entries = [
        entry for entry in timeline if entry.valid and (entry.number or entry.position in positions)
    ]
    return [
        NumberLine(
            number=entry.number or state.number,
            act=line_of(entry).act,
            position=entry.position,
            words=check_words(entry.commit),
        )
        for entry in entries
    ]


def _hides(context: PageContext) -> attribution.Hides:
    service = context.service
    return matter_names.hides_at(service.store, context.name, context.position)


def _all_since(
    display: Display,
    state: Exchange,
    timeline: Sequence[Entry],
    sides: Sequence[str],
    hides: attribution.Hides,
) -> list[tuple[LogLine, list[DisplayedMember]]]:
    """Return the records after the opening, all at once.

    A worker does so for a long exchange, so it reads nothing of the gateway's fold.
    """
    return list(_since(display, state, timeline, sides, hides))


def _since(
    display: Display,
    state: Exchange,
    timeline: Sequence[Entry],
    sides: Sequence[str],
    hides: attribution.Hides,
) -> Iterator[tuple[LogLine, list[DisplayedMember]]]:
    """Yield the records after the opening, with their content."""
    for entry in timeline:
        if entry.position == state.opened.position:
            continue
        line = line_of(entry)
        facts: list[DisplayedMember] = []
        if not state.side:
            line = replace(line, actor="")
        if entry.valid and isinstance(entry.record, Raw) and line.act in RULES:
            content = attribution.referring(
                content_of(parse_stored(bytes(entry.record)).newest), hides
            )
            content = content if state.side else attribution.content(content, sides)
            of_record = display.at(entry.position if state.side else 0)
            facts = of_record.facts(line.act, content, leave=("of", "fields"))
            if "fields" in content:
                facts = [
                    *of_record.facts(
                        state.act, msgspec.json.decode(content["fields"], type=dict[str, Raw])
                    ),
                    *facts,
                ]
        yield line, facts


# The card to be read aloud


def _lines(
    display: Display, state: Exchange, view: ExchangeView, others: Sequence[Display] = ()
) -> Iterator[CardLine]:
    """Yield the facts of a card in the order in which they are read aloud.

    First come those of the opening, also in the other languages. Then come the values
    of later records, each with its record.
    """
    same = [_of_opening(other, state) for other in others]
    for line, *rows in zip(_of_opening(display, state), *same, strict=True):
        tags = [other.words.tag for other in others]
        beside = ((tag, row.label, row.shown) for tag, row in zip(tags, rows, strict=True))
        yield replace(line, beside=tuple(beside))
    yield from _later(display, state, view)


def _of_opening(display: Display, state: Exchange) -> Iterator[CardLine]:
    """Yield the act and its sender, then the opening's time, place and words."""
    words, opening = display.words, developments.opening_as_sent(state)
    precedence = precedence_of(state, state.messages[0])
    yield CardLine(label=words.field("precedence"), shown=escape(words.value(precedence).upper()))
    yield CardLine(label=words.say("Format"), shown=escape(words.act(state.act)))
    if state.number:
        yield CardLine(
            label=words.say("Number"), shown=escape(state.number), spelt=_number(state.number)
        )
    if state.side:
        yield CardLine(label=words.name("heading", "sender"), shown=escape(state.side.upper()))
        yield CardLine(
            label=words.name("heading", "addressee"),
            shown=escape(words.listed(side.upper() for side in (*state.to, *state.info))),
        )
    yield _moment(
        display,
        words.say("Dated"),
        str(msgspec.json.decode(bytes(opening["dtg"]))) if "dtg" in opening else state.opened.when,
    )
    for member in shapes.members(state.act):
        if member.name in opening and member.name not in _FRAME:
            value = msgspec.json.decode(bytes(opening[member.name]))
            yield from _said(display.at(state.opened.position), member, value)


def _later(display: Display, state: Exchange, view: ExchangeView) -> Iterator[CardLine]:
    """Yield the values of later records, each with its record."""
    words = display.words
    for item in field_history.standing(display, state):
        source = f"{item.fact.label}, {item.source}"
        yield from (
            replace(card_line, label=source, later=True)
            for card_line in _said(display.at(item.position), item.member, item.value)
        )
    if view.represented and state.side:
        yield CardLine(
            label=words.field("on_behalf_of"),
            shown=escape(words.sentence(represented_text(view.represented))),
            later=True,
        )
    text = view.coded.get(words.language) or view.coded.get("en", "")
    if text:
        yield CardLine(
            label=words.say("In plain words, from the codebook"), shown=escape(text), later=True
        )
    for translation in _translations(display, state):
        yield CardLine(
            label=translation["mark"],
            shown=Markup("<br>").join(translation["lines"]),
            later=True,
        )
    if state.cancellation is not None:
        cancelled = _moment(
            display, words.say("Cancelled by its sender"), state.cancellation.cancelled.when
        )
        yield replace(cancelled, later=True)


def _number(number: str) -> tuple[str, ...]:
    """Return the spelling of a number part by part, split before each slash."""
    first, *names = number.split("/")
    return spelt(first), *(spelt(f"/{part}") for part in names)


def _moment(display: Display, label: str, time: str) -> CardLine:
    moment = as_moment(time)
    return CardLine(label=label, shown=display.words.time(moment), spelt=(spelt_time(moment),))


def _said(display: Display, member: Member, value: Any, before: str = "") -> Iterator[CardLine]:
    """Yield a member as lines.

    A group gives a line for each of its members, and a table gives lines for each row.
    """
    label = f"{before}{display.words.field(member.name, member.act)}"
    match member.kind:
        case GroupKind() if isinstance(value, dict):
            yield from _group(display, member.kind, value, f"{label}, ")
        case RowsKind():
            for number, item in enumerate(value, 1):
                yield from _group(display, member.kind.group, item, f"{label} {number}, ")
        case _:
            yield CardLine(
                label=label,
                shown=display.part(member, value) if before else display.value(member, value),
                spelt=tuple(member.kind.spelt(value)),
            )


def _group(
    display: Display, group: GroupKind, value: dict[str, Any], before: str
) -> Iterator[CardLine]:
    for member in group.members:
        if member.name in value:
            yield from _said(display, member, value[member.name], before)


_EXCHANGE: Final = "/exchanges/{exchange:[0-9a-f-]{36}}"
ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path=f"{_EXCHANGE}/form", handler=form),
    PageRoute(path=f"{_EXCHANGE}/card", handler=card),
)
