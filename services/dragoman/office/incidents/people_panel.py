"""The people of an incident by each side's newest word, beside each other.

               CHINA, 03:10Z           NATO, 03:00Z
    Rescued    24 of NATO, in good     –               stated by CHINA only;
               health                                  NATO: held
    Held       –                       24 of NATO      stated by NATO only;
                                                       CHINA: rescued
               waiting for 24 people   waiting for 24 people

Held people may not leave; rescued people may. The two are never one row. Whoever was
handed over is safe. Numbers are compared, and words are shown.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args

from markupsafe import Markup, escape
from msgspec import Struct

from dragoman.console.display.act_display import Display
from dragoman.console.matter.panel import ShownMatter, ShownPanel
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.field_checks import UNKNOWN
from dragoman.domain.views import people
from dragoman.domain.views.people import SidesPeople
from dragoman.i18n.words import Words, as_moment
from dragoman.members.sides import PersonKind
from dragoman_schemas.acts.notification.people_status import PeopleKind
from dragoman_schemas.fields import OTHER
from dragoman_schemas.state import Exchange

ACT: Final = "people-status"
KINDS: Final[tuple[str, ...]] = get_args(PeopleKind)
_CONTRARY: Final = {"held": "rescued", "rescued": "held"}
_COLUMNS: Final = 4
"""The most sides with a column of their own before they have said anything."""

Result = Literal["differs", "same", "one", ""]


class PeopleColumn(Struct, frozen=True, kw_only=True):
    """One side's newest word on the people: its time, its record, and who is missing.

    `position` is 0 for a side that has said nothing. `waited_for` is None where a
    number is not known.
    """

    side: str
    position: int = 0
    as_of: Markup = Markup()
    waiting: str = ""
    waited_for: int | None = None


class PeopleRow(Struct, frozen=True, kw_only=True):
    """One kind of people by every side's word, and whether the numbers differ."""

    kind: str
    label: str
    cells: tuple[Markup, ...]
    result: Result
    result_text: str


class PeoplePanel(Struct, frozen=True, kw_only=True):
    """The people of one incident, and what the reader can do.

    `is_first` says that the reader's side has said nothing yet. `may_ask` says that
    people of the reader's side are held or rescued, to whom it can ask access.
    """

    columns: tuple[PeopleColumn, ...]
    rows: tuple[PeopleRow, ...]
    waiting: str
    differing: int
    may_write: bool
    is_first: bool
    may_ask: bool
    now: str
    kinds: tuple[str, ...] = KINDS


async def shown(matter: ShownMatter) -> ShownPanel | None:
    """Return the panel of an incident; None before any side speaks of people."""
    value = panel(matter.context, matter.state, matter.display, matter.view.allowed)
    return None if value is None else ShownPanel(template="people_panel.html", value=value)


def panel(
    context: PageContext, state: Exchange, display: Display, allowed: Sequence[str]
) -> PeoplePanel | None:
    """Return the people of an incident; None before any side speaks of them."""
    statuses = {status.side: status for status in people.people_of(state)}
    may_write = context.may_post and ACT in allowed
    if not statuses:
        return None
    parties = sorted({state.side, *state.to})
    sides = sorted(statuses) if len(parties) > _COLUMNS else parties
    columns = tuple(_column(display, side, statuses.get(side)) for side in sides)
    rows = tuple(people_rows(display, sides, statuses))
    return PeoplePanel(
        columns=columns,
        rows=rows,
        waiting=waiting_text(display.words, list(statuses.values())),
        differing=sum(row.result == "differs" for row in rows),
        may_write=may_write,
        is_first=context.side not in statuses,
        may_ask=context.may_post
        and any(
            _may_be_seen(group, context.side)
            for status in statuses.values()
            for group in status.groups
        ),
        now=f"{context.service.now():%H:%M}Z",
    )


def _may_be_seen(group: dict[str, Any], side: str) -> bool:
    """Return whether a side can ask to see a group: its people, whom others have."""
    return (
        group["kind"] in _CONTRARY
        and "handed_over" not in group
        and group.get("of", side) in (side, "unknown")
    )


def _column(display: Display, side: str, status: SidesPeople | None) -> PeopleColumn:
    if status is None:
        return PeopleColumn(side=side)
    words = display.words
    as_of = (
        escape(words.value("unknown")) if status.as_of == "unknown" else display.time(status.as_of)
    )
    return PeopleColumn(
        side=side,
        position=status.said.position,
        as_of=as_of,
        waiting=_waits(words, status.waited_for),
        waited_for=status.waited_for,
    )


def _waits(words: Words, number: int | None) -> str:
    if number is None:
        return words.say("waiting for people, number not known")
    if not number:
        return words.say("waiting for nobody")
    return words.count("waiting for %(n)s person", "waiting for %(n)s people", number)


def waiting_text(words: Words, statuses: Sequence[SidesPeople]) -> str:
    """Return for how many people the sides wait; once where all say the same."""
    if len({status.waited_for for status in statuses}) == 1:
        return _waits(words, statuses[0].waited_for)
    return words.semicolon.join(
        words.say(
            "%(what)s: %(detail)s",
            what=status.side.upper(),
            detail=_waits(words, status.waited_for),
        )
        for status in sorted(statuses, key=lambda status: status.side)
    )


def people_rows(
    display: Display, sides: Sequence[str], statuses: dict[str, SidesPeople]
) -> list[PeopleRow]:
    """Return a row for each kind of people; held and rescued are never one row.

    People who were handed over are in the row of those who are safe.
    """
    rows, alike = [], people.stated_alike(statuses.values())
    for kind in KINDS:
        groups = {
            side: [group for group in status.groups if people.present_kind(group) == kind]
            for side, status in statuses.items()
        }
        if not any(groups.values()):
            continue
        result: Result
        result, text = (
            ("same", _stated_by(display.words, alike[kind], statuses))
            if kind in alike
            else _compared(display.words, kind, groups, statuses)
        )
        cells = tuple(
            Markup("<br>").join(_group(display, group) for group in groups.get(side, ()))
            for side in sides
        )
        rows.append(
            PeopleRow(
                kind=kind,
                label=display.words.value(kind),
                cells=cells,
                result=result,
                result_text=text,
            )
        )
    return rows


def _stated_by(words: Words, sides: Sequence[str], statuses: dict[str, SidesPeople]) -> str:
    """Return the sides that state the same people, in words."""
    if len(sides) == len(statuses) == 2:
        return words.say("stated by both")
    return words.say(
        "stated alike by %(sides)s", sides=words.listed(side.upper() for side in sides)
    )


def _compared(
    words: Words,
    kind: str,
    groups: dict[str, list[dict[str, Any]]],
    statuses: dict[str, SidesPeople],
) -> tuple[Result, str]:
    """Return the comparison of the sides' numbers of one kind, with its words."""
    if len(groups) < 2:
        return "", ""
    stating = [side for side, members in groups.items() if members]
    silent = [side for side in groups if side not in stating]
    if silent:
        only = words.say(
            "stated by %(sides)s only", sides=words.listed(side.upper() for side in stating)
        )
        contrary = [side for side in silent if _names(statuses[side], _CONTRARY.get(kind, ""))]
        if not contrary:
            return "one", only
        other = words.say(
            "%(what)s: %(detail)s",
            what=words.listed(side.upper() for side in contrary),
            detail=words.value(_CONTRARY[kind]),
        )
        return "differs", words.semicolon.join((only, other))
    totals = [_total(members) for members in groups.values()]
    exact = {total for total in totals if total is not None}
    if None in totals:
        return ("one", words.say("number not known to every side")) if exact else ("same", "")
    if len(exact) == 1:
        return "differs", words.say("of different sides")
    return "differs", words.say("differs by %(d)s", d=words.number(max(exact) - min(exact)))


def _names(status: SidesPeople, kind: str) -> bool:
    return any(people.present_kind(group) == kind for group in status.groups)


def _total(groups: Sequence[dict[str, Any]]) -> int | None:
    """Return the number of people in some groups; None where one is not known."""
    numbers = [group["number"] for group in groups]
    return sum(numbers) if all(isinstance(number, int) for number in numbers) else None


def _group(display: Display, group: dict[str, Any]) -> Markup:
    """Return one group in words: number, side, place, condition, access, hand-over."""
    words = display.words
    number = group["number"]
    shown = words.number(number) if isinstance(number, int) else words.value("unknown")
    parts = [Markup("<b>{}</b>").format(shown)]
    if people.present_kind(group) != group["kind"]:
        parts.append(escape(words.value(group["kind"])))
    if "of" in group:
        parts.append(_whose(display, group))
    if "place" in group and group["place"] != "unknown":
        parts.append(display.place(group["place"]))
    if "condition" in group:
        parts.append(display.text(group["condition"]))
    parts += [escape(text) for text in _access(words, group)]
    if "names" in group:
        parts.append(display.shown(PersonKind(many=True), group["names"]))
    return Markup(", ").join(parts)


def _whose(display: Display, group: dict[str, Any]) -> Markup:
    """Return the side or the state to which the people of a group belong."""
    words, of = display.words, group["of"]
    if of == OTHER:
        return display.text(group["of_text"])
    side = words.value(of) if of == UNKNOWN else of.upper()
    return escape(words.say("of %(side)s", side=side))


def _access(words: Words, group: dict[str, Any]) -> list[str]:
    """Return the times of access and of the handing over, in words."""
    request, shown = group.get("access_asked", ""), []
    if request:
        shown.append(words.say("access asked %(t)s", t=_moment(words, request)))
    if "access_given" in group:
        shown.append(words.say("access given %(t)s", t=_moment(words, group["access_given"])))
    elif request and "handed_over" not in group:
        shown.append(words.say("access NOT given yet"))
    if "handed_over" in group:
        shown.append(words.say("handed over %(t)s", t=_moment(words, group["handed_over"])))
    return shown


def _moment(words: Words, time: str) -> str:
    moment: datetime = as_moment(time)
    return words.written(moment, "minute")
