"""The table held against the message catalogue and the record's specification, written down here a
second time from those.
"""

from typing import Any

import pytest

from catalogue import (
    BY_OTHERS,
    CHANGES,
    CHANNEL,
    CONTINUING,
    KINDS,
    LIVES,
    OFFICER,
    ON_ONE_KEY,
    OPENINGS,
    ROLES,
    SUPPOSED,
    UNKNOWN,
    VERSIONS,
    life_of,
)
from dragoman.domain.acts.act_registry import FORMATS, PATHS, RULES, states
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.record.codec import read_act
from samples import SAMPLES, act
from world import compact

TIME = "2026-11-24T12:00:00.000Z"


def read(body: dict[str, Any]) -> Any:
    return read_act(compact(body), cut=False)[1]


def plain(name: str, **changes: Any) -> Any:
    """A sample as its author would write it who leaves the defaults to the service."""
    usual: dict[str, Any] = {"kind": "near_miss"} if name == "hazardous-incident" else {}
    unsaid = ("precedence", "urgent", "imminent")
    return read(
        {key: value for key, value in SAMPLES[name].items() if key not in unsaid} | usual | changes
    )


def test_there_are_these_formats_and_no_others() -> None:
    assert OPENINGS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", OPENINGS)
def test_a_format_is_of_a_family_has_a_number_an_area_and_officers_who_open_it(name: str) -> None:
    form, opened = FORMATS[name], OPENINGS[name]
    assert (form.rule.family, form.code, form.area) == (opened.family, opened.number, opened.area)
    assert (form.rule.who, form.rule.two_key) == (Who.ANY, opened.keys == 2)
    assert set(form.rule.roles) == ROLES[opened.who]


@pytest.mark.parametrize("name", OPENINGS)
def test_a_request_for_explanation_and_a_release_alone_are_copied_to_all(name: str) -> None:
    assert FORMATS[name].copied_to_all == (name in ("explanation-request", "release"))


FACES = {
    "danger-area": ("neither a NOTAM nor a NAVAREA", "ni un NOTAM ni", "不代替", "не заменяет"),
    "humanitarian-notification": (
        "asks no permission",
        "aucune autorisation",
        "不是请求许可",
        "не является просьбой",
    ),
}


@pytest.mark.parametrize("name", OPENINGS)
def test_what_must_stand_on_the_face_of_a_message_does_in_every_language(name: str) -> None:
    notice = FORMATS[name].notice
    assert list(notice) == (["en", "fr", "zh", "ru"] if name in FACES else [])
    assert all(
        words in text for words, text in zip(FACES.get(name, ()), notice.values(), strict=True)
    )


@pytest.mark.parametrize("name", OPENINGS)
def test_a_format_has_a_precedence_by_default(name: str) -> None:
    assert FORMATS[name].precedence(plain(name), TIME) == OPENINGS[name].precedence


@pytest.mark.parametrize(
    ("name", "change", "precedence"),
    [
        ("hazardous-incident", {"kind": "collision"}, "flash"),
        ("hazardous-incident", {"kind": "lost_drone_or_missile"}, "flash"),
        ("hazardous-incident", {"kind": "fire_or_explosion"}, "flash"),
        ("hazardous-incident", {"kind": "unauthorised_launch"}, "flash"),
        ("hazardous-incident", {"kind": "crash"}, "immediate"),
        ("launch-notice", {"phase": "deviation"}, "flash"),
        ("launch-notice", {"phase": "post_launch"}, "priority"),
        ("terrorism-warning", {"imminent": True}, "flash"),
        ("humanitarian-notification", {"urgent": True}, "priority"),
        ("humanitarian-notification", {"urgent": False}, "routine"),
    ],
)
def test_what_is_urgent_has_a_higher_precedence(
    name: str, change: dict[str, Any], precedence: str
) -> None:
    assert FORMATS[name].precedence(plain(name, **change), TIME) == precedence


@pytest.mark.parametrize(
    ("change", "urgent"),
    [
        ({"imminent": False}, False),
        (
            {"imminent": False, "window": {"from": "2026-11-24T12:00Z", "to": "2026-11-24T13:00Z"}},
            False,
        ),
        (
            {"imminent": None, "window": {"from": "2026-11-25T12:00Z", "to": "2026-11-25T13:00Z"}},
            True,
        ),
        (
            {
                "imminent": None,
                "window": {"from": "2026-11-25T12:00:01Z", "to": "2026-11-25T13:00Z"},
            },
            False,
        ),
        ({"imminent": None, "window": "ongoing"}, False),
        ({"window": "ongoing", "imminent": True}, True),
    ],
)
def test_a_warning_is_a_flash_on_one_key_where_the_threat_is_imminent_or_within_a_day(
    change: dict[str, Any], *, urgent: bool
) -> None:
    body = {
        name: value
        for name, value in act("terrorism-warning", **change).items()
        if value is not None
    }
    form, data = FORMATS["terrorism-warning"], read(body)
    assert (form.precedence(data, TIME), form.rule.one_key(data, TIME)) == (
        "flash" if urgent else "routine",
        urgent,
    )


@pytest.mark.parametrize("name", OPENINGS)
def test_one_key_will_do_for_these_and_when_they_are_urgent(name: str) -> None:
    rule = FORMATS[name].rule
    assert not rule.one_key(plain(name), TIME)
    if name in ON_ONE_KEY:
        assert rule.one_key(plain(name, **ON_ONE_KEY[name]), TIME)


@pytest.mark.parametrize("name", OPENINGS)
def test_an_opening_is_a_message_and_has_no_other_column(name: str) -> None:
    rule = FORMATS[name].rule
    assert (
        rule.message,
        rule.kept,
        rule.silent,
        rule.consenting,
        rule.acknowledges,
        rule.answers,
    ) == (True, *[False] * 5)


@pytest.mark.parametrize(
    "name", [name for name, opened in OPENINGS.items() if opened.family != "desk"]
)
def test_an_opening_is_numbered(name: str) -> None:
    assert (RULES[name].numbered, RULES[name].code) == ("O", "")


@pytest.mark.parametrize("name", OPENINGS)
def test_the_desks_own_formats_are_for_desk_channels_and_all_others_for_all_others(
    name: str,
) -> None:
    usual = {"desk"} if OPENINGS[name].family == "desk" else {"official", "track2", "exercise"}
    assert FORMATS[name].kinds == KINDS.get(name, usual)


@pytest.mark.parametrize("name", OPENINGS)
def test_what_may_be_unknown_is_unknown_by_default(name: str) -> None:
    expected = dict.fromkeys(UNKNOWN.get(name, "").split(), '"unknown"')
    assert FORMATS[name].defaults == expected | SUPPOSED.get(name, {})


# What carries an exchange on (message catalogue §3, §4; record.md §4)


COLUMNS = ("silent", "consenting", "acknowledges", "answers", "message", "kept")


def test_there_are_these_acts_and_no_others() -> None:
    assert CONTINUING.keys() | OPENINGS.keys() | CHANNEL.keys() == RULES.keys()


@pytest.mark.parametrize("name", CONTINUING)
def test_what_carries_an_exchange_on_is_for_these_sides_and_does_this(name: str) -> None:
    rule, (who, columns) = RULES[name], CONTINUING[name]
    assert rule.who is who
    assert {column for column in COLUMNS if getattr(rule, column)} == set(columns.split())


@pytest.mark.parametrize("name", CONTINUING)
def test_what_carries_an_exchange_on_has_its_family_and_takes_one_key(name: str) -> None:
    assert (RULES[name].family, RULES[name].two_key) == (None, False)


@pytest.mark.parametrize("name", CONTINUING)
def test_what_carries_an_exchange_on_is_any_officers_but_for_a_few_acts(name: str) -> None:
    assert set(RULES[name].roles) == ROLES[BY_OTHERS.get(name, OFFICER)]


@pytest.mark.parametrize("name", CONTINUING)
def test_of_what_carries_on_a_correction_and_a_cancellation_alone_are_numbered(name: str) -> None:
    assert RULES[name].numbered == {"correction": "C", "cancellation": "X"}.get(name, "")


# The channel's own family


@pytest.mark.parametrize("name", CHANNEL)
def test_an_act_of_the_channel_is_for_these_and_only_its_status_is_numbered(name: str) -> None:
    rule, (who, role, keys, number) = RULES[name], CHANNEL[name]
    assert (rule.family, rule.who, rule.two_key) == ("channel", who, keys == 2)
    assert (rule.numbered, rule.code) == (("O", number) if number else ("", ""))
    assert set(rule.roles) == ROLES[role] or who in (Who.DESK, Who.GATEWAY)


@pytest.mark.parametrize("name", CHANNEL)
def test_of_the_acts_of_the_channel_what_the_gateway_says_is_silent_and_none_is_a_message(
    name: str,
) -> None:
    assert {column for column in COLUMNS if getattr(RULES[name], column)} == (
        {"silent"}
        if name in ("delivery", "broker-outage", "line-outage")
        else {"consenting"}
        if name == "erasure-consent"
        else set()
    )


@pytest.mark.parametrize("name", CHANNEL)
def test_no_act_of_the_channel_goes_on_one_key_where_two_are_asked_for(name: str) -> None:
    assert name == "channel-opening" or not RULES[name].one_key(read(act(name)), TIME)


@pytest.mark.parametrize("name", RULES)
def test_every_act_is_of_the_first_version_but_those_that_have_changed(name: str) -> None:
    assert RULES[name].version == VERSIONS.get(name, 1)


# Lives


@pytest.mark.parametrize("name", LIVES)
def test_a_format_begins_in_its_first_status(name: str) -> None:
    assert FORMATS[name].start == LIVES[name].start


@pytest.mark.parametrize("name", LIVES)
def test_the_life_of_a_format_is_as_the_catalogue_has_it(name: str) -> None:
    assert {each: dict(moves) for each, moves in FORMATS[name].moves.items()} == life_of(name)


@pytest.mark.parametrize("name", LIVES)
def test_a_status_is_changed_to_one_that_may_follow(name: str) -> None:
    expected = {before: set(after.split()) for before, after in CHANGES.get(name, {}).items()}
    assert expected == {before: set(after) for before, after in FORMATS[name].changes.items()}


def test_the_diagram_of_a_life_has_every_move_and_who_may_do_it() -> None:
    drawn = states()
    assert drawn.startswith(
        "# States of exchanges\n\nDrawn from the tables in `services/dragoman/domain` by `make schemas`.\n\n## "
    )
    section = drawn.partition("## N10 `danger-area`\n")[2].partition("## ")[0]
    diagram, _, rows = section.partition("| act | who | allowed in | consenting |\n")
    assert diagram == (
        "\n```mermaid\nstateDiagram-v2\n"
        "  [*] --> announced\n"
        "  announced --> cleared: all-clear\n"
        "  under_way --> cleared: all-clear\n"
        "  holding --> cleared: all-clear\n"
        "  completed --> cleared: all-clear\n"
        "  announced --> cancelled: cancellation\n"
        "  holding --> cancelled: cancellation\n"
        "  announced --> closed: closure\n"
        "  cleared --> closed: closure\n"
        "  under_way --> closed: closure\n"
        "  holding --> closed: closure\n"
        "  completed --> closed: closure\n"
        "  announced --> under_way: commenced\n"
        "  holding --> under_way: commenced\n"
        "  announced --> completed: completed\n"
        "  under_way --> completed: completed\n"
        "  holding --> completed: completed\n"
        "  announced --> holding: holding\n"
        "  under_way --> holding: holding\n"
        "```\n\n"
    )
    assert rows.startswith(
        "|---|---|---|---|\n| `acknowledgement` | a side to which something was said in the exchange | "
        "announced, cleared, under_way, "
    )
    assert (
        "\n| `all-clear` | the side that opened the exchange "
        "| announced, under_way, holding, completed |  |\n" in rows
    )
    assert (
        "\n| `closure` | any side | announced, cleared, under_way, holding, completed | yes |\n"
        in rows
    )
    assert rows.endswith("|\n\n")
    assert "  scheduled --> held: status-change\n" in drawn


@pytest.mark.parametrize(
    ("path", "family"),
    [("contacts", "contact"), ("meetings", "meeting"), ("notifications", "notification")],
)
def test_the_acts_of_a_family_are_posted_under_a_path(path: str, family: str) -> None:
    assert PATHS[path] == family
    assert {path: family for path, family in PATHS.items() if path == family} == {
        each: each for each in ("dialogue", "desk", "channel")
    }
