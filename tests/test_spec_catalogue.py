"""The catalogue page repeats the rules of the service: its tables must say the same, both ways.

Each table is found by its header. Names stand in backquotes; a word without backquotes is prose.
A missing row and an extra row both fail.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast, get_args

import pytest

from dragoman.domain.acts import access, consent, deadlines, two_keys, window_notices
from dragoman.domain.acts.access import SERVICE
from dragoman.domain.acts.act_registry import FORMATS, PATHS, RULES
from dragoman.domain.acts.act_rules import (
    DUTY,
    HEADS,
    NEVER,
    NOBODY,
    OFFICERS,
    STAFF,
    STATION,
    Format,
    Rule,
    Who,
)
from dragoman.domain.acts.deadline_outcomes import Outcome
from dragoman.domain.acts.deadlines import LAPSE, REMINDERS
from dragoman.domain.acts.families import exchange, exchange_content
from dragoman.domain.fold import Folded
from dragoman.domain.record import numbering
from dragoman.domain.views import in_force
from dragoman.domain.views.flags import THRESHOLDS
from dragoman.i18n.vocabulary import FLAGS, STAGES
from dragoman_schemas.act_frame import Answering, Area, Continuing, OpeningAct, Precedence
from dragoman_schemas.acts import OLDER
from dragoman_schemas.acts.office.channel import Kind, ProfileAdoption, Role
from dragoman_schemas.acts.office.watch import ClockName
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.profiles import DAY, HOUR, MINUTE, PROFILES, Profile
from dragoman_schemas.state import Exchange
from lives import CH, LIVES, ND, NH, C, N, Step
from samples import act
from world import World

PAGE: Final = (Path(__file__).parents[1] / "docs" / "spec" / "catalogue.md").read_text()
PROSE: Final = " ".join(PAGE.split())
LINK: Final = re.compile(r"\]\(([^)#]*)(#[^)]*)?\)")
NAME: Final = re.compile(r"`([^`]+)`")
MOVE: Final = re.compile(r"`([a-z_]+)`(?: → `([a-z_]+)`)?")

Row = Mapping[str, str]

ROLES: Final[Mapping[str, frozenset[Role]]] = {
    "officer": OFFICERS,
    "duty officer": DUTY,
    "head of office": HEADS,
    "administrator": frozenset({"administrator"}),
    "staff": STAFF,
    "root": NOBODY,
    "station": STATION,
}
SERVICES: Final = {
    Who.GATEWAY: "`service/gateway`",
    Who.WATCH: "`service/watch`",
    Who.COURIER: "`service/courier`",
    Who.DESK: "`service/desk`",
}
SIDES: Final = {
    Who.ANY: "any",
    Who.OPENER: "opener",
    Who.OTHER: "other",
    Who.SIGNATORY: "signatory",
    Who.OTHER_SIGNATORY: "other signatory",
    Who.PARTY: "party",
    Who.CONVENER: "convener",
    Who.ADDRESSEE: "addressee",
    Who.ADDRESSED: "addressed",
    Who.KEEPERS: "keeper",
    Who.STATION: "station",
}
SPANS: Final = {"min": MINUTE, "h": HOUR, "d": DAY, "months": 1}
LADDER: Final = ("answer", "urgent", "meeting")


def tables(header: str) -> Iterator[list[Row]]:
    """Yield the rows of every table whose header line is this one, by column."""
    columns = [cell.strip() for cell in header.split("|")]
    block: list[str] = []
    for line in [*PAGE.splitlines(), ""]:
        if line.startswith("|"):
            block.append(line)
            continue
        rows = [[cell.strip() for cell in each.strip("|").split("|")] for each in block]
        if rows and rows[0] == columns:
            assert all(len(row) == len(columns) for row in rows), (
                f"a row of the table {header} has too few or too many cells"
            )
            yield [dict(zip(columns, row, strict=True)) for row in rows[2:]]
        block = []


def table(header: str) -> list[Row]:
    """Return the rows of the only table with this header."""
    (rows,) = tables(header)
    return rows


def names(cell: str) -> tuple[str, ...]:
    """Return the names in backquotes in a cell."""
    return tuple(NAME.findall(cell))


def name(cell: str) -> str:
    """Return the only name in a cell, which holds nothing else."""
    (found,) = names(cell)
    assert cell == f"`{found}`"
    return found


def once(found: list[Any]) -> set[Any]:
    """Return the items of a list, in which none may be twice."""
    assert len(found) == len(set(found)), (
        f"twice: {[each for each in found if found.count(each) > 1]}"
    )
    return set(found)


def keys_of(rule: Rule) -> str:
    """Return the number of officers that an act takes, in the words of the page."""
    if rule.who in SERVICES:
        return "–"
    if rule.two_key:
        return "two" if rule.one_key is NEVER else "two or urgent one"
    if rule.act in two_keys.CONSENTS:
        return "two or one first"
    return "as the matter" if rule.act in two_keys.BY_MATTER else "one"


def role_of(rule: Rule) -> str:
    """Return the role of an act, in the words of the page."""
    roles = {value: key for key, value in ROLES.items()}
    role = "service" if rule.who in SERVICES else roles[rule.roles]
    return f"{role}, station" if rule.station and role != "station" else role


def marks_of(rule: Rule) -> str:
    """Return the marks of an act as the page writes them."""
    marked = {
        "A": rule.acknowledges,
        "R": rule.answers,
        "M": rule.message,
        "K": rule.kept,
        "C": rule.consenting,
        "T": rule.act in consent.ACTS,
        "S": rule.silent,
    }
    return " ".join(mark for mark, is_set in marked.items() if is_set) or "–"


# Formats and acts

FORMAT_HEADER: Final = (
    "code | act | name | family | opened by | officers | starts as | precedence | channels"
)
FORMAT_ROWS: Final = table(FORMAT_HEADER)
ACT_HEADER: Final = "act | side | role | officers | marks | effect"
ACT_ROWS: Final = [row for rows in tables(ACT_HEADER) for row in rows]
_KINDS: Final = {"all but `desk`": frozenset(get_args(Kind)) - {"desk"}}


def test_formats_have_their_code_family_roles_officers_and_first_status() -> None:
    said = [
        (
            name(row["code"]),
            name(row["act"]),
            row["family"],
            ROLES[row["opened by"].partition(", ")[0]],
            row["opened by"].partition(", ")[2],
            row["officers"],
            name(row["starts as"]),
            _KINDS.get(row["channels"], frozenset(names(row["channels"]))),
        )
        for row in FORMAT_ROWS
    ]
    assert once(said) == {
        (
            form.code,
            act,
            form.rule.family,
            form.rule.roles,
            ", ".join(
                [
                    *[f"`{SERVICE}/{form.rule.service}`"] * bool(form.rule.service),
                    *["station"] * form.rule.station,
                ]
            ),
            keys_of(form.rule),
            form.start,
            form.kinds,
        )
        for act, form in FORMATS.items()
    }


def test_a_default_precedence_is_one_that_the_page_names() -> None:
    for row in FORMAT_ROWS:
        form, said = FORMATS[name(row["act"])], row["precedence"].split(" or ")
        assert set(said) <= set(get_args(Precedence))
        if len(said) == 1:
            assert form.precedence(None, "") == said[0]  # the default does not depend on the act
    depending = {
        name(row["act"]): set(row["precedence"].split(" or "))
        for row in FORMAT_ROWS
        if " or " in row["precedence"]
    }
    assert depending == {
        name(row["format"]): set(names(row["precedence"]))
        for row in table("format | precedence | condition")
    }


def test_default_areas_are_those_of_the_formats() -> None:
    said = [
        (name(row["area"]), act) for row in table("area | formats") for act in names(row["formats"])
    ]
    assert once(said) == {
        (form.area, act) for act, form in FORMATS.items() if form.area != "general"
    }
    assert {area for area in get_args(Area) if f"`{area}`" not in PAGE} == set()


def test_every_act_is_in_one_table_with_its_side_role_officers_and_marks() -> None:
    said = [
        (name(row["act"]), row["side"], row["role"], row["officers"], row["marks"])
        for row in ACT_ROWS
    ]
    assert once(said) == {
        (
            act,
            (SIDES | SERVICES)[rule.who],
            role_of(rule),
            keys_of(rule),
            marks_of(rule),
        )
        for act, rule in RULES.items()
        if act not in FORMATS
    }


def test_the_legends_of_roles_sides_and_marks_are_complete() -> None:
    roles = {
        row["word"]: row["roles that may send the act"]
        for row in table("word | roles that may send the act")
    }
    assert roles.keys() == ROLES.keys() | {"service"}
    assert {
        word: frozenset(names(cell)) for word, cell in roles.items() if word != "service"
    } == dict(ROLES)
    assert once(
        [row["word"] for row in table("word | side that may send the act in an exchange")]
    ) == set(SIDES.values())
    assert once([row["mark"] for row in table("mark | meaning")]) == {
        "A",
        "R",
        "M",
        "K",
        "C",
        "T",
        "S",
    }
    words = [row["word"] for row in table("word | meaning")]
    assert once(words) == {keys_of(rule) for rule in RULES.values()} - {"–"}


def test_channel_acts_are_those_of_the_channel_family() -> None:
    *_, last = tables(ACT_HEADER)
    assert {name(row["act"]) for row in last} == {
        act for act, rule in RULES.items() if rule.family == "channel"
    }


def test_families_and_channel_kinds_are_those_of_the_service() -> None:
    said = [
        (name(row["family"]), name(row["posted to"]))
        for row in table("family | posted to | purpose")
    ]
    assert once(said) == {(family, f"/{path}") for path, family in PATHS.items()}
    assert once([name(row["kind"]) for row in table("kind | use | difference")]) == set(
        get_args(Kind)
    )


def test_acts_have_version_one_but_for_the_listed_ones() -> None:
    said = [
        (
            name(row["act"]),
            int(row["newest version"]),
            tuple(map(int, row["older versions"].split(", "))),
        )
        for row in table("act | newest version | older versions | change")
    ]
    older = {
        act: tuple(sorted(version for name, version in OLDER if name == act)) for act, _ in OLDER
    }
    assert once(said) == {
        (act, rule.version, older[act]) for act, rule in RULES.items() if rule.version > 1
    }
    assert older.keys() <= {act for act, _, _ in said}


def test_frame_members_and_their_defaults_are_those_of_the_frame() -> None:
    rows = [
        (member, row)
        for row in table("member | carried by | default")
        for member in names(row["member"])
    ]
    once([member for member, _ in rows])
    framed = {
        each: {member for member, row in rows if row["carried by"] == each}
        for each in ("opening", "both", "answering")
    }
    opening, continuing, answering = (
        set(shape.__struct_fields__) - {"signed"} for shape in (OpeningAct, Continuing, Answering)
    )
    assert framed == {
        "opening": opening - continuing,
        "both": opening & continuing,
        "answering": answering - continuing,
    }
    assert continuing <= opening
    by_member = {member: row["default"] for member, row in rows}
    for member, default in exchange_content.FRAME_DEFAULTS.items():
        unofficial = exchange_content.TRACK2_DEFAULTS.get(member, default)
        expected = (default,) if unofficial == default else (default, unofficial, '"track2"')
        assert names(by_member[member]) == tuple(each.strip('"') for each in expected)


def test_unknown_is_the_default_of_the_listed_members() -> None:
    said = {name(row["format"]): set(names(row["members"])) for row in table("format | members")}
    unknown = {
        act: {each for each, value in form.defaults.items() if value == '"unknown"'}
        for act, form in FORMATS.items()
    }
    assert said == {act: members for act, members in unknown.items() if members}
    others = {
        (act, each, value)
        for act, form in FORMATS.items()
        for each, value in form.defaults.items()
        if value != '"unknown"'
    }
    assert others == {
        ("call-request", "means", '"voice"'),
        ("transmittal", "capacity", '"group"'),
    }
    for opening, member, value in others:
        default = value.strip('"')
        assert f"`{member}` of `{opening}` defaults to `{default}`" in PROSE


def test_the_table_of_officers_names_every_act_that_follows_its_matter() -> None:
    rows = table("act | condition | officers")
    assert {act for row in rows for act in names(row["act"])} == two_keys.BY_MATTER | {
        "meeting-request"
    }
    assert rows[-1]["officers"] == "One"


def test_acts_on_one_key_take_effect_as_the_page_says() -> None:
    rows = table("act on one key | effect before the second key")
    waiting = [
        act
        for row in rows
        if row["effect before the second key"] != "Takes effect at once"
        for act in names(row["act on one key"])
    ]
    assert once(waiting) == two_keys.WAITING
    at_once = [
        act
        for row in rows
        if row["effect before the second key"] == "Takes effect at once"
        for act in names(row["act on one key"])
    ]
    assert once(at_once) == two_keys.CHANGES - two_keys.WAITING


def test_observers_must_not_send_the_listed_acts() -> None:
    _, _, rest = PROSE.partition("An observer must not send an act by which a side binds itself")
    listed, _, _ = rest.partition(". Its root keys")
    assert once(list(names(listed))) == access.CONSENTING


def test_replies_that_go_to_their_asker_are_those_of_the_page() -> None:
    (said,) = re.findall(r"The \*reply acts\* are (.*?)\. The", PROSE)
    assert once(list(names(said))) == exchange._TO_ASKER
    assert all(RULES[act].version == 2 for act in names(said))


def test_acts_that_leave_the_revision_are_those_of_the_page() -> None:
    (said,) = re.findall(r"Silent acts, ([^.]*) leave `revision` unchanged", PROSE)
    assert once(list(names(said))) == exchange.RECEIPTS


def test_notices_of_windows_are_those_of_the_page() -> None:
    rows = table("minutes in `step` | recorded | never recorded")
    assert tuple(int(row["minutes in `step`"]) for row in rows) == window_notices.STEPS
    (said,) = re.findall(r"minutes in `step`.*?- The formats are (.*?)\. -", PROSE)
    assert once(list(names(said))) == window_notices.ANNOUNCED
    (over,) = re.findall(r"or in one of these statuses: ([^.]*)\.", PROSE)
    assert once(list(names(over))) == set(window_notices._OVER)


def test_the_stages_in_force_are_those_of_the_page() -> None:
    said = [name(row["stage"]) for row in table("stage | meaning")]
    assert once(said) == set(get_args(in_force.Stage))


def test_consents_name_the_text_of_the_listed_acts() -> None:
    said = [act for row in table("act | text that it consents to") for act in names(row["act"])]
    assert once(said) == consent.ACTS
    assert f"The *binding consents* are {_listed(consent.BINDING)}." in PROSE


def _listed(words: tuple[str, ...]) -> str:
    *before, last = (f"`{word}`" for word in words)
    return f"{', '.join(before)} and {last}"


# States

STATE_ROWS: Final = {
    name(row["format"]): row for row in table("format | live | ended | cancelled from")
}
MOVE_ROWS: Final = table("formats | acts | status and next status | condition")
COMMON_ROWS: Final = table("acts | allowed in | next status")
DEPENDING_ROWS: Final = table("format | act | next status | condition")
Moves = dict[str, dict[str, str]]


def own_moves(act: str) -> Moves:
    """Return the moves that section 7.3 lists for a format."""
    found: Moves = {}
    live = names(STATE_ROWS[act]["live"])
    for row in MOVE_ROWS:
        if act not in names(row["formats"]):
            continue
        cell = row["status and next status"]
        every = cell == "every live status"
        moves = dict.fromkeys(live, "") if every else dict(MOVE.findall(cell))
        for each in names(row["acts"]):
            listed = found.setdefault(each, {})
            assert listed.keys().isdisjoint(moves)
            listed.update({before: after or before for before, after in moves.items()})
    return found


def said_moves(act: str) -> Moves:
    """Return all moves of a format as sections 7.1, 7.2 and 7.3 say them together."""
    own, row = own_moves(act), STATE_ROWS[act]
    live, ended = names(row["live"]), names(row["ended"])
    reached = (*live, *ended)
    binding = not own.keys().isdisjoint(consent.BINDING)
    statuses: dict[str, tuple[str, ...]] = {
        "any": reached,
        "live": live,
        "ended": ended,
        "live, with consent": live if binding or "acceptance" in own else (),
        "live, with binding consent": live if binding else (),
        "live, or `closed`": (*live, "closed"),
        "cancelled from": live
        if row["cancelled from"] == "every live status"
        else names(row["cancelled from"]),
        "declinable": ("refused", live[0])
        if "refused" in live and act != "visit-request"
        else live,
        "closable": tuple(
            each for each in reached if each not in ("cancelled", "closed", "withdrawn")
        ),
    }
    found: Moves = {}
    for common in COMMON_ROWS:
        fixed = NAME.fullmatch(common["next status"])
        allowed = statuses[common["allowed in"]]
        for each in names(common["acts"]):
            if allowed:
                found[each] = {before: fixed.group(1) if fixed else before for before in allowed}
    for each, moves in own.items():
        found[each] = {**found.get(each, {}), **moves}
    return found


def test_every_format_has_a_row_of_statuses() -> None:
    assert STATE_ROWS.keys() == FORMATS.keys()
    assert {act for row in MOVE_ROWS for act in names(row["formats"])} <= FORMATS.keys()


@pytest.mark.parametrize("act", FORMATS)
def test_a_format_allows_the_same_acts_in_the_same_statuses_with_the_same_next_status(
    act: str,
) -> None:
    moves = {each: dict(found) for each, found in FORMATS[act].moves.items() if found}
    assert said_moves(act) == moves


def test_common_acts_are_each_listed_once() -> None:
    once([act for row in COMMON_ROWS for act in names(row["acts"])])


def test_status_changes_lead_where_the_page_says() -> None:
    said = [
        (name(row["format"]), name(row["from"]), names(row["to"]))
        for row in table("format | from | to")
    ]
    assert once(said) == {
        (act, before, after)
        for act, form in FORMATS.items()
        for before, after in form.changes.items()
    }


@pytest.mark.parametrize("form", FORMATS.values(), ids=list(FORMATS))
def test_every_status_is_reached_by_a_transition_of_the_page(form: Format) -> None:
    row = STATE_ROWS[form.rule.act]
    reached = {form.start, *names(row["live"]), *names(row["ended"])}
    moves = said_moves(form.rule.act)
    led = {after for found in moves.values() for before, after in found.items() if after != before}
    led |= {after for afters in form.changes.values() for after in afters}
    depending = [each for each in DEPENDING_ROWS if form.rule.act in names(each["format"])]
    led |= {after for each in depending for after in names(each["next status"])}
    assert reached == led | {form.start}
    assert {name(each["act"]) for each in depending} <= moves.keys()


def test_the_joint_step_is_named() -> None:
    (said,) = re.findall(r"([^.|]*) is the joint step\.", PROSE)
    assert once(list(names(said))) == exchange.JOINT


# Deadlines and profiles

DEADLINE_ROWS: Final = table("deadline | owed by | starts with | due | fulfilled by")
LEAD_ROWS: Final = table("format | measured | limit | flag")


def limits_of(profile: Profile) -> dict[str, Any]:
    """Return the limits of a profile by the names of the page."""
    found: dict[str, Any] = {}
    for field in profile.__struct_fields__:
        value = getattr(profile, field)
        match field:
            case "name":
                continue
            case "ladder":
                found.update(
                    {
                        f"ladder.{each}": None if value is None else getattr(value, each)
                        for each in LADDER
                    }
                )
            case "acknowledgement" | "annual":
                found.update({f"{field}.{each}": limit for each, limit in value.items()})
            case _:
                found[field] = value
    return found


def span(cell: str) -> int | None:
    """Return a limit of the page in seconds, or a number of months."""
    if cell == "none":
        return None
    number, unit = cell.split(" ")
    return int(number) * SPANS[unit]


def day(cell: str) -> tuple[int, int, int]:
    """Return a last day of the page: years after the year, month, day."""
    (found,) = re.findall(r"^(\d+) (\w+), (year before|same year)$", cell)
    return (
        -1 if found[2] == "year before" else 0,
        {"March": 3, "November": 11, "December": 12}[found[1]],
        int(found[0]),
    )


def said_limits(profile: str) -> dict[str, Any]:
    """Return the limits that the page gives a profile."""
    cells = [list(row) for row in _cells("limit | value | limit | value | limit | value")]
    common = [(row[at], span(row[at + 1])) for row in cells for at in (0, 2, 4) if row[at]]
    ladder = [
        (row["limit"], span(row[f"`{profile}`"]))
        for row in table("limit | `default` | `vienna` | `shanghai`")
    ]
    last = [(row["limit"], day(row["last day"])) for row in table("limit | last day")]
    found = [(name(limit), value) for limit, value in (*common, *ladder, *last)]
    once([limit for limit, _ in found])
    return dict(found)


def _cells(header: str) -> Iterator[list[str]]:
    lines = PAGE.splitlines()
    for line in lines[lines.index(f"| {header} |") + 2 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_deadlines_have_the_names_of_the_wire() -> None:
    assert {name(row["deadline"]) for row in DEADLINE_ROWS} == set(get_args(ClockName))


def test_deadlines_name_acts_and_limits_that_exist() -> None:
    limits = limits_of(PROFILES["vienna"])
    for row in DEADLINE_ROWS:
        assert set(names(row["fulfilled by"])) <= RULES.keys()
        assert {
            each for each in names(row["starts with"]) if each not in ("kind", "all_parties")
        } <= RULES.keys()
        assert _matching(row["due"], limits) or {*names(row["due"])} & {
            "by_when",
            "period",
            "until",
        }


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_has_the_limits_of_the_page(profile: str) -> None:
    assert said_limits(profile) == limits_of(PROFILES[profile])


def test_profiles_are_those_that_a_side_can_adopt() -> None:
    (field,) = (each for each in ProfileAdoption.__annotations__.items() if each[0] == "profile")
    assert set(get_args(field[1])) == PROFILES.keys()


def test_every_limit_is_used_by_a_deadline_a_lead_time_or_a_phase() -> None:
    limits = limits_of(PROFILES["vienna"])
    used = set().union(
        *(_matching(row["due"], limits) for row in DEADLINE_ROWS),
        *(_matching(row["limit"], limits) for row in LEAD_ROWS),
        *(_matching(row["phases"], limits) for row in table("format | phases")),
    )
    assert used == limits.keys()


def _matching(cell: str, limits: Mapping[str, Any]) -> set[str]:
    """Return the limits that a cell names; a star stands for each of a group."""
    found: set[str] = set()
    for each in names(cell):
        group = each.removesuffix("*")
        found |= {
            limit
            for limit in limits
            if limit == each or (each.endswith(".*") and limit.startswith(group))
        }
    return found


STARTED: Final = {
    (name(row["deadline"]), act): [
        each
        for each in DEADLINE_ROWS
        if each["deadline"] == row["deadline"] and f"`{act}`" in each["starts with"]
    ]
    for row in DEADLINE_ROWS
    for act in names(row["starts with"])
    if act in FORMATS
}
"""The rows of each deadline that the page gives to a format."""

ANYWHERE: Final = ("acknowledgement", "second_key", "passed_on")
"""Deadlines of every format."""

LADDER_LIFE: Final[list[Step]] = [
    (NH, "explanation-request", "requested"),
    (C, "reply", "answered"),
]


def ran(world: World, steps: list[Step]) -> tuple[Exchange, dict[int, str]]:
    """Post the acts of a life; return its exchange, and which act is at which position."""
    (opener, opening, _), *others = steps
    first = act(opening) if isinstance(opening, str) else opening
    second = ND if "kind" in first and "references" in first else world.second(opener, first)
    opened = world.keep(opener, first, released_by=second)
    assert isinstance(opened, Folded)
    assert isinstance(opened.state, Exchange), opened.refusal
    id = opened.state.id
    acts = {opened.position: opened.state.act}
    for actor, step, _ in others:
        body = act(step) if isinstance(step, str) else step
        kept = world.keep(actor, body, id, seen=True)
        assert isinstance(kept, Folded)
        assert kept.valid
        acts[kept.position] = body["act"]
    return world.exchange(id), acts


def in_vienna() -> World:
    """Return a channel in which every side has adopted the profile with a ladder."""
    world = World()
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "vienna"})
    return world


def histories() -> Iterator[tuple[World, list[Step]]]:
    """Yield lives in which every deadline of the page runs."""
    for life in LIVES.values():
        if (
            FORMATS[life[0][1] if isinstance(life[0][1], str) else life[0][1]["act"]].rule.family
            != "desk"
        ):
            yield in_vienna(), life
    for kind in ("bilateral", "all_parties"):
        world = in_vienna()
        request, _ = ran(world, LADDER_LIFE)
        yield (
            world,
            [
                (NH, act("meeting-request", kind=kind, references=[request.number]), ""),
                (C, "meeting-held", ""),
            ],
        )
    for incident, opener in (("hazardous-incident", ND), ("annual-exchange", NH)):
        yield (
            in_vienna(),
            [(opener, incident, ""), (C, "clarification-request", ""), (N, "reply", "")],
        )
    yield (
        in_vienna(),
        [(NH, "point-of-contact", ""), (C, act("call-attempt", outcome="no_answer"), "")],
    )
    for opening, opener in (
        ("terrorism-warning", N),
        ("ict-inquiry", N),
        ("meeting-request", N),
        ("call-request", NH),
        ("visit-invitation", N),
    ):
        yield in_vienna(), [(opener, opening, ""), (C, "decline", "")]
    yield in_vienna(), [(N, "visit-invitation", ""), (C, "meeting-held", ""), (C, "readout", "")]
    yield in_vienna(), [(N, act("humanitarian-notification", kind="site", place="Harbour"), "")]
    further_notice = {"from": "2026-12-01T08:00Z", "to": "until_further_notice"}
    yield in_vienna(), [(N, act("danger-area", window=further_notice), "")]
    yield in_vienna(), [(N, act("visit-request", kind="consular_access"), ""), (C, "grant", "")]
    world = in_vienna()
    world.keep(CH, act("onward-adoption"))
    posts = act("onward-adoption")["entries"][0]["posts"]
    told = [(C, act("passed-on", to_post=post), "") for post in posts]
    yield world, [(N, "launch-notice", ""), *told]


def test_deadlines_run_in_the_formats_of_the_page_with_its_limits_and_acts() -> None:
    limits = limits_of(PROFILES["vienna"])
    found: set[tuple[str, str]] = set()
    for world, life in histories():
        exchange_, acts = ran(world, life)
        for deadline in deadlines.deadlines_of(world.registry, exchange_, {}):
            key = deadline.clock, exchange_.act
            found.add(key)
            rows = (
                STARTED[key]
                if deadline.clock not in ANYWHERE
                else [row for row in DEADLINE_ROWS if row["deadline"] == f"`{deadline.clock}`"]
            )
            spans = {limits[each] for row in rows for each in _matching(row["due"], limits)}
            depends = any(
                word in row["due"] for row in rows for word in ("lead", "promised", "see 10.")
            )
            routine = deadline.clock == "acknowledgement" and exchange_.precedence == "routine"
            assert (
                depends or routine or (deadline.due - deadline.begins).total_seconds() in spans
            ), key
            if deadline.met is not None and deadline.met.position in acts:
                assert acts[deadline.met.position] in set().union(
                    *(fulfilling(row) for row in rows)
                ), key
    assert found - {key for key in found if key[0] in ANYWHERE} == STARTED.keys()


def fulfilling(row: Row) -> set[str]:
    """Return the acts that the page says fulfil a deadline."""
    cell = row["fulfilled by"]
    found = set(names(cell))
    if "mark A" in cell:
        found |= {each for each, rule in RULES.items() if rule.acknowledges}
    if "mark R" in cell or "see 10.3" in cell:
        found |= {each for each, rule in RULES.items() if rule.answers}
    return found


def test_steps_and_outcomes_of_deadlines_are_those_of_the_service() -> None:
    said = [(int(row["step"]), name(row["act"])) for row in table("step | act | recorded when")]
    assert once(said) == {
        *((step, "reminder") for step in REMINDERS),
        (LAPSE, "lapse"),
        (LAPSE, "line-check-missed"),
    }
    assert once([name(row["outcome"]) for row in table("outcome | meaning")]) == set(
        get_args(Outcome)
    )


def test_flags_and_phases_are_those_of_the_service() -> None:
    timed = {name(row["flag"]) for row in LEAD_ROWS}
    others = once([name(row["flag"]) for row in table("flag | meaning")])
    assert timed.isdisjoint(others)
    assert timed | others == set(FLAGS)
    assert {name(row["format"]) for row in LEAD_ROWS} <= FORMATS.keys()
    phases = {each for row in table("format | phases") for each in names(row["phases"])} & set(
        STAGES
    )
    assert phases | {"superseded"} == set(STAGES)


def test_thresholds_are_those_of_the_service() -> None:
    (line,) = re.findall(r"The thresholds are: (.*?)\.", PROSE)
    said = {
        names(part)[0]: tuple(int(each.replace(",", "")) for each in re.findall(r" ([\d,]+)", part))
        for part in line.split("; ")
    }
    assert said == THRESHOLDS


# Numbers and codebooks


def test_numbered_acts_are_those_of_the_page() -> None:
    rows = table("act | kind | code")
    said = {(each, name(row["kind"])) for row in rows for each in names(row["act"])}
    assert said == {
        (act, rule.numbered) for act, rule in RULES.items() if rule.numbered and act not in FORMATS
    }
    assert ("every opening act", "`O`") in {(row["act"], row["kind"]) for row in rows}
    assert {form.rule.numbered for form in FORMATS.values()} == {"O"}
    assert {rule.code for rule in RULES.values() if rule.code} == {"N21"}


def test_the_example_of_numbers_is_counted_so() -> None:
    tally: dict[str, int] = {}
    for row in table("act | side | time | code | kind | number"):
        act, side, time, code = (name(row[each]) for each in ("act", "side", "time", "code"))
        kind = cast("numbering.Kind", name(row["kind"]))
        assert RULES[act].numbered == kind
        assert code == (FORMATS[act].code if act in FORMATS else RULES[act].code or code)
        tally, number = numbering.count(tally, "nato-china", side, time, code, kind)
        assert number == name(row["number"])
    assert {series[-4:] for series in tally} == {"2026", "2027"}


def test_a_serial_grows_beyond_four_digits() -> None:
    _, number = numbering.count(
        {"nato/2026": 9_999}, "nato-china", "nato", "2026-12-30T19:05:12.000Z", "N07", "O"
    )
    assert number == "NATO-CHINA/NATO/26/10000/N07/O"


def test_the_codebook_of_the_page_is_the_only_one() -> None:
    (book,) = CODEBOOKS.values()
    said = {
        int(row["designator"]): row["English text"] for row in table("designator | English text")
    }
    assert said == {number: texts["en"] for number, texts in book.texts.items()}
    assert f"`{book.name}`, version {book.version}, with code word `{book.code_word}`" in PROSE
    assert f"The codebook also has {len(book.phrases)} agreed phrases." in PROSE


# The page itself


def test_no_table_has_a_row_twice() -> None:
    for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        once(block.splitlines())


def test_links_lead_to_files_and_sections_that_exist() -> None:
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    folder = Path(__file__).parents[1] / "docs" / "spec"
    for path, anchor in LINK.findall(PAGE):
        assert not path or (folder / path).exists()
        assert not anchor or anchor[1:] in anchors


def test_every_act_in_prose_is_an_act() -> None:
    dashed = {each for each in NAME.findall(PAGE) if re.fullmatch(r"[a-z]+(-[a-z]+)+", each)}
    assert dashed - RULES.keys() - set(get_args(Area)) == {"-exercise", "nato-china"} & dashed
