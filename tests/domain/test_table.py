"""The table held against the message catalogue and the record's specification, written down here a second time from those."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from dragoman.domain.record import read_act
from dragoman.domain.rule import Who
from dragoman.domain.table import FORMATS, PATHS, RULES, states
from samples import SAMPLES, act
from world import compact

OFFICER, DUTY, HEAD, ADMINISTRATOR = "any officer", "the duty officer", "the head of office", "an administrator"
ROLES = {
    OFFICER: {"officer", "duty_officer", "head_of_office"},
    DUTY: {"duty_officer", "head_of_office"},
    HEAD: {"head_of_office"},
    ADMINISTRATOR: {"administrator"},
}
TRANSPARENCY, MARITIME, REGIONAL, TERRORISM = (
    "military-transparency-and-risk-reduction",
    "maritime-security",
    "regional-security",
    "counter-terrorism",
)


# Openings (message catalogue §2, §4)


class Opened(NamedTuple):
    family: str
    number: str
    who: str
    precedence: str = "routine"
    area: str = "general"
    keys: int = 1


OPENINGS = {
    "line-check": Opened("contact", "N01", DUTY),
    "point-of-contact": Opened("contact", "N02", HEAD, keys=2),
    "contact-note": Opened("contact", "N03", OFFICER),
    "call-record": Opened("contact", "CALL", OFFICER, "priority"),
    "liaison-office": Opened("contact", "OFFICE", HEAD),
    "people-programme": Opened("contact", "PEOPLE", OFFICER),
    "meeting-request": Opened("meeting", "N04", OFFICER),
    "call-request": Opened("meeting", "N11", HEAD, "priority"),
    "visit-invitation": Opened("meeting", "N18", OFFICER, area=TRANSPARENCY),
    "military-activity": Opened("notification", "N05", OFFICER, area=TRANSPARENCY, keys=2),
    "explanation-request": Opened("notification", "N06", HEAD, "immediate", TRANSPARENCY, 2),
    "hazardous-incident": Opened("notification", "N07", DUTY, "immediate", TRANSPARENCY),
    "launch-notice": Opened("notification", "N08", OFFICER, "priority", TRANSPARENCY, 2),
    "encounter-report": Opened("notification", "N09", OFFICER, "priority", MARITIME),
    "danger-area": Opened("notification", "N10", OFFICER, "priority", MARITIME),
    "immediate-notification": Opened("notification", "N12", DUTY, "flash", TRANSPARENCY),
    "emergency-notification": Opened("notification", "N13", DUTY, "immediate", REGIONAL),
    "terrorism-warning": Opened("notification", "N14", OFFICER, area=TERRORISM, keys=2),
    "humanitarian-notification": Opened("notification", "N15", OFFICER, area=REGIONAL),
    "annual-exchange": Opened("notification", "N16", HEAD, area=TRANSPARENCY, keys=2),
    "ict-inquiry": Opened("notification", "N17", OFFICER, "immediate"),
    "perception": Opened("dialogue", "N19", OFFICER),
    "recommendation": Opened("dialogue", "REC", OFFICER),
    "roadmap-item": Opened("dialogue", "N20", OFFICER),
    "joint-report": Opened("dialogue", "REPORT", OFFICER),
    "reference-document": Opened("dialogue", "DOC", OFFICER),
    "tasking": Opened("desk", "TASK", OFFICER),
    "instruction-request": Opened("desk", "ASK", OFFICER),
}
UNDECIDED_PRECEDENCE = {"terrorism-warning"}
"""Where table and catalogue differ until one of them is changed: priority there in the table, routine here."""

UNDECIDED_WHO = {"call-request"}
"""The same: in the catalogue the head of office, and the duty officer in a crisis alone; in the table the duty officer always."""

ON_ONE_KEY: dict[str, dict[str, Any]] = {
    "launch-notice": {"phase": "deviation"},
    "terrorism-warning": {"imminent": True},
    "point-of-contact": {"duty_number_dead": True},
}


def read(body: dict[str, Any]) -> Any:
    return read_act(compact(body), cut=False)[1]


def plain(name: str, **changes: Any) -> Any:
    """A sample as its author would write it who leaves the defaults to the service."""
    usual: dict[str, Any] = {"kind": "near_miss"} if name == "hazardous-incident" else {}
    unsaid = ("precedence", "urgent", "imminent")
    return read({key: value for key, value in SAMPLES[name].items() if key not in unsaid} | usual | changes)


def test_there_are_these_formats_and_no_others() -> None:
    assert OPENINGS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", OPENINGS)
def test_a_format_is_of_a_family_has_a_number_an_area_and_officers_who_open_it(name: str) -> None:
    form, opened = FORMATS[name], OPENINGS[name]
    assert (form.rule.family, form.code, form.area) == (opened.family, opened.number, opened.area)
    assert (form.rule.who, form.rule.two_key) == (Who.ANY, opened.keys == 2)
    assert set(form.rule.roles) == ROLES[opened.who] or name in UNDECIDED_WHO


@pytest.mark.parametrize("name", sorted(OPENINGS.keys() - UNDECIDED_PRECEDENCE))
def test_a_format_has_a_precedence_by_default(name: str) -> None:
    assert FORMATS[name].precedence(plain(name)) == OPENINGS[name].precedence


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
def test_what_is_urgent_has_a_higher_precedence(name: str, change: dict[str, Any], precedence: str) -> None:
    assert FORMATS[name].precedence(plain(name, **change)) == precedence


def test_a_warning_of_nothing_imminent_is_no_flash() -> None:
    assert FORMATS["terrorism-warning"].precedence(plain("terrorism-warning", imminent=False)) != "flash"


@pytest.mark.parametrize("name", OPENINGS)
def test_one_key_will_do_for_these_and_when_they_are_urgent(name: str) -> None:
    rule = FORMATS[name].rule
    assert not rule.one_key(plain(name))
    if name in ON_ONE_KEY:
        assert rule.one_key(plain(name, **ON_ONE_KEY[name]))


@pytest.mark.parametrize("name", OPENINGS)
def test_an_opening_is_a_message_and_has_no_other_column(name: str) -> None:
    rule = FORMATS[name].rule
    assert (rule.message, rule.kept, rule.silent, rule.consenting, rule.acknowledges, rule.answers) == (True, *[False] * 5)


@pytest.mark.parametrize("name", [name for name, opened in OPENINGS.items() if opened.family != "desk"])
def test_an_opening_is_numbered(name: str) -> None:
    assert (RULES[name].numbered, RULES[name].code) == ("O", "")


@pytest.mark.parametrize("name", OPENINGS)
def test_the_desks_own_formats_are_for_desk_channels_and_all_others_for_all_others(name: str) -> None:
    assert FORMATS[name].kinds == ({"desk"} if OPENINGS[name].family == "desk" else {"official", "track2", "exercise"})


UNKNOWN = {
    "hazardous-incident": "whose_forces casualties damage cause_assumed cause_established continuing assistance",
    "encounter-report": "cpa radio_contact",
    "emergency-notification": "cross_border help",
    "humanitarian-notification": "vehicles persons",
    "ict-inquiry": "harm",
}


@pytest.mark.parametrize("name", OPENINGS)
def test_what_may_be_unknown_is_unknown_by_default(name: str) -> None:
    expected = dict.fromkeys(UNKNOWN.get(name, "").split(), '"unknown"')
    assert FORMATS[name].defaults == (expected or ({"means": '"voice"'} if name == "call-request" else {}))


# What carries an exchange on (message catalogue §3, §4; record.md §4)


CONTINUING = {
    "acknowledgement": (Who.ADDRESSED, "acknowledges"),
    "reply": (Who.ADDRESSED, "acknowledges answers message kept"),
    "interim-reply": (Who.ADDRESSED, "acknowledges message kept"),
    "clarification-request": (Who.ADDRESSED, "acknowledges message kept"),
    "repeat-request": (Who.ADDRESSED, "message kept"),
    "assessment": (Who.OPENER, "consenting message kept"),
    "update": (Who.OPENER, "message kept"),
    "correction": (Who.OPENER, "consenting message"),
    "cancellation": (Who.OPENER, "consenting message"),
    "decline": (Who.ADDRESSEE, "acknowledges answers message kept"),
    "closure": (Who.ANY, "consenting"),
    "lesson": (Who.ANY, "kept"),
    "translation": (Who.ANY, "kept"),
    "translation-agreement": (Who.ANY, "consenting kept"),
    "translation-dispute": (Who.ANY, "kept"),
    "release-consent": (Who.ANY, "consenting kept"),
    "second-key": (Who.OPENER, ""),
    "call-attempt": (Who.ANY, "kept"),
    "non-attendance": (Who.ANY, "kept"),
    "agreement": (Who.OTHER, "consenting acknowledges answers kept"),
    "status-change": (Who.ANY, "kept"),
    "echo": (Who.ADDRESSEE, "acknowledges answers kept"),
    "reconfirmation": (Who.OPENER, "message kept"),
    "withdrawal": (Who.OPENER, "message kept"),
    "acceptance": (Who.ADDRESSEE, "consenting acknowledges answers message"),
    "counter-proposal": (Who.PARTY, "acknowledges answers message kept"),
    "postponement": (Who.CONVENER, "message kept"),
    "agenda": (Who.PARTY, "acknowledges message kept"),
    "agenda-agreement": (Who.PARTY, "consenting acknowledges kept"),
    "meeting-held": (Who.ANY, ""),
    "readout": (Who.ANY, ""),
    "counter-account": (Who.OTHER, "acknowledges message"),
    "accounts-agreement": (Who.PARTY, "consenting acknowledges kept"),
    "contained": (Who.OPENER, "message kept"),
    "final-report": (Who.OPENER, "message kept"),
    "after-activity-report": (Who.OPENER, "message kept"),
    "all-clear": (Who.OPENER, "message kept"),
    "amplification": (Who.OPENER, "message kept"),
    "help-request": (Who.ANY, "message kept"),
    "help-offer": (Who.ANY, "acknowledges message kept"),
    "help-acceptance": (Who.ANY, "message kept"),
    "help-delivery": (Who.ANY, "message kept"),
    "ended": (Who.OPENER, "message kept"),
    "restatement": (Who.OTHER, "acknowledges answers message kept"),
    "fairness": (Who.OPENER, "message kept"),
    "common-ground": (Who.ANY, "consenting acknowledges kept"),
    "fate": (Who.ANY, "kept"),
    "endorsement": (Who.OTHER, "consenting acknowledges answers kept"),
    "dissent": (Who.ANY, "acknowledges answers message kept"),
    "reaction": (Who.OTHER, "acknowledges answers message kept"),
    "seen-by": (Who.ANY, "kept"),
    "instruction": (Who.ANY, "kept"),
    "reminder": (Who.WATCH, "silent kept"),
    "lapse": (Who.WATCH, "kept"),
}
COLUMNS = ("silent", "consenting", "acknowledges", "answers", "message", "kept")
UNDECIDED_ROLES = {"call-attempt"}
"""Where table and catalogue differ until one of them is changed: the duty officer in the table, any officer in the catalogue."""


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


@pytest.mark.parametrize("name", sorted(CONTINUING.keys() - UNDECIDED_ROLES))
def test_what_carries_an_exchange_on_is_any_officers_but_an_all_clear_the_duty_officers(name: str) -> None:
    assert set(RULES[name].roles) == ROLES[DUTY if name == "all-clear" else OFFICER]


@pytest.mark.parametrize("name", CONTINUING)
def test_of_what_carries_on_a_correction_and_a_cancellation_alone_are_numbered(name: str) -> None:
    assert RULES[name].numbered == {"correction": "C", "cancellation": "X"}.get(name, "")


# The channel's own family


CHANNEL = {
    "channel-opening": (Who.DESK, OFFICER, 1, ""),
    "officer": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "officer-revocation": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "profile-adoption": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "codebook-adoption": (Who.KEEPERS, ADMINISTRATOR, 1, ""),
    "channel-status": (Who.ANY, HEAD, 2, "N21"),
    "watch-assumption": (Who.ANY, DUTY, 1, ""),
    "watch-relief": (Who.ANY, DUTY, 1, ""),
    "delivery": (Who.GATEWAY, OFFICER, 1, ""),
}


@pytest.mark.parametrize("name", CHANNEL)
def test_an_act_of_the_channel_is_for_these_and_only_its_status_is_numbered(name: str) -> None:
    rule, (who, role, keys, number) = RULES[name], CHANNEL[name]
    assert (rule.family, rule.who, rule.two_key) == ("channel", who, keys == 2)
    assert (rule.numbered, rule.code) == (("O", number) if number else ("", ""))
    assert set(rule.roles) == ROLES[role] or who in (Who.DESK, Who.GATEWAY)


@pytest.mark.parametrize("name", CHANNEL)
def test_of_the_acts_of_the_channel_a_delivery_alone_is_silent_and_none_is_a_message(name: str) -> None:
    assert {column for column in COLUMNS if getattr(RULES[name], column)} == ({"silent"} if name == "delivery" else set())


@pytest.mark.parametrize("name", CHANNEL)
def test_no_act_of_the_channel_goes_on_one_key_where_two_are_asked_for(name: str) -> None:
    assert name == "channel-opening" or not RULES[name].one_key(read(act(name)))


@pytest.mark.parametrize("name", RULES)
def test_every_act_is_of_the_first_version(name: str) -> None:
    assert RULES[name].version == 1


# Lives


class Life(NamedTuple):
    """How a format begins, the statuses of its life, from which of them it may be cancelled, and what moves it (before, act, after)."""

    start: str
    live: str
    moves: tuple[str, ...] = ()
    cancellable: str = ""


REQUESTED = (
    "requested acceptance accepted",
    "requested counter-proposal requested",
    "accepted counter-proposal requested",
    "postponed counter-proposal requested",
    "requested postponement postponed",
    "accepted postponement postponed",
    "postponed postponement postponed",
    "requested decline declined",
    "requested meeting-held held",
    "accepted meeting-held held",
    "postponed meeting-held held",
    "held readout held",
    *(f"{status} non-attendance {status}" for status in ("requested", "accepted", "postponed", "held")),
)
MEETING = Life("requested", "requested accepted postponed held", REQUESTED, "requested accepted postponed")
AGENDA = tuple(f"{status} {name} {status}" for name in ("agenda", "agenda-agreement") for status in MEETING.cancellable.split())
HELP = tuple(f"{status} help-{what} {status}" for what in ("request", "offer", "acceptance", "delivery") for status in ("open", "ended"))
ANSWERED = Life("open", "open answered", ("open reply answered",))

LIVES = {
    "line-check": Life("sent", "sent echoed echoed_with_errors", ("sent echo echoed",), "sent"),
    "point-of-contact": Life(
        "proposed",
        "proposed acknowledged",
        (
            "proposed acknowledgement acknowledged",
            "proposed reconfirmation proposed",
            "acknowledged reconfirmation acknowledged",
            "proposed withdrawal withdrawn",
            "acknowledged withdrawal withdrawn",
        ),
    ),
    "contact-note": Life("open", "open"),
    "call-record": Life("open", "open", ("open counter-account open",)),
    "liaison-office": Life(
        "proposed",
        "proposed agreed open",
        ("proposed agreement agreed", "agreed status-change agreed", "open status-change open"),
        "proposed agreed",
    ),
    "people-programme": Life(
        "proposed",
        "proposed agreed running completed dropped",
        ("proposed agreement agreed", *(f"{status} status-change {status}" for status in ("proposed", "agreed", "running"))),
        "proposed agreed",
    ),
    "meeting-request": MEETING._replace(moves=(*REQUESTED, *AGENDA)),
    "call-request": MEETING,
    "visit-invitation": MEETING,
    "military-activity": Life(
        "notified",
        "notified acknowledged reported",
        (
            "notified acknowledgement acknowledged",
            *(f"{status} after-activity-report reported" for status in ("notified", "acknowledged", "reported")),
        ),
        "notified acknowledged",
    ),
    "explanation-request": Life(
        "requested",
        "requested answered assessed",
        ("requested reply answered", "requested assessment assessed", "answered assessment assessed"),
        "requested",
    ),
    "hazardous-incident": Life(
        "open",
        "open contained reported",
        (
            *(f"{status} counter-account {status}" for status in ("open", "contained", "reported")),
            "open contained contained",
            *(f"{status} final-report reported" for status in ("open", "contained", "reported")),
        ),
    ),
    "launch-notice": Life("notified", "notified postponed", ("notified postponement postponed", "postponed postponement postponed")),
    "encounter-report": Life(
        "reported",
        "reported accounts_differ agreed_facts",
        (
            *(f"{status} counter-account accounts_differ" for status in ("reported", "accounts_differ", "agreed_facts")),
            "reported accounts-agreement agreed_facts",
            "accounts_differ accounts-agreement agreed_facts",
        ),
    ),
    "danger-area": Life("announced", "announced cleared", ("announced all-clear cleared",), "announced"),
    "immediate-notification": Life(
        "sent",
        "sent echoed echoed_with_errors",
        (
            "sent echo echoed",
            "echoed_with_errors echo echoed",
            *(f"{status} amplification {status}" for status in ("sent", "echoed", "echoed_with_errors")),
        ),
    ),
    "emergency-notification": Life("open", "open ended", ("open ended ended", *HELP)),
    "terrorism-warning": ANSWERED,
    "humanitarian-notification": Life(
        "transmitted",
        "transmitted received",
        (
            "transmitted acknowledgement received",
            "transmitted reconfirmation transmitted",
            "received reconfirmation received",
            "transmitted withdrawal withdrawn",
            "received withdrawal withdrawn",
        ),
    ),
    "annual-exchange": Life("given", "given"),
    "ict-inquiry": ANSWERED,
    "perception": Life(
        "stated",
        "stated common_ground",
        (
            "stated restatement stated",
            "stated fairness stated",
            "stated common-ground common_ground",
            "common_ground common-ground common_ground",
        ),
    ),
    "recommendation": Life(
        "given",
        "given endorsed taken_up refused no_response",
        (
            "given endorsement endorsed",
            *(f"{status} endorsement {status}" for status in ("endorsed", "taken_up", "refused", "no_response")),
            *(f"{status} fate {status}" for status in ("given", "endorsed", "taken_up", "refused", "no_response")),
        ),
    ),
    "roadmap-item": Life(
        "proposed",
        "proposed agreed scheduled held deliverable_tabled adopted deferred dropped",
        (
            "proposed agreement agreed",
            *(
                f"{status} status-change {status}"
                for status in ("proposed", "agreed", "scheduled", "held", "deliverable_tabled", "deferred")
            ),
        ),
        "proposed agreed",
    ),
    "joint-report": Life(
        "negotiating",
        "negotiating settled",
        ("negotiating endorsement settled", "settled endorsement settled", "negotiating dissent negotiating"),
        "negotiating",
    ),
    "reference-document": Life("open", "open", ("open reaction open",)),
    "tasking": Life("open", "open", ("open seen-by open",)),
    "instruction-request": Life(
        "open",
        "open instructed",
        (
            "open instruction instructed",
            "instructed instruction instructed",
            "open seen-by open",
            "instructed seen-by instructed",
        ),
    ),
}

WHILE_IT_LIVES = ("reply", "interim-reply", "clarification-request", "assessment", "decline", "update", "correction", "call-attempt")
"""Allowed in every status but the last ones, and moving none, unless the format says otherwise."""

AT_ANY_TIME = (
    "acknowledgement",
    "repeat-request",
    "release-consent",
    "translation",
    "translation-agreement",
    "translation-dispute",
    "reminder",
    "lapse",
)
"""Allowed after the end as well."""

UNDECIDED_END = "withdrawn"
"""What else than acknowledging is allowed after a withdrawal has to be decided: a lapse of that acknowledgement is not, so far."""


def life_of(name: str) -> dict[str, dict[str, str]]:
    """All moves of a format: what any exchange may do, and what it alone does."""
    life = LIVES[name]
    live, own = life.live.split(), [move.split() for move in life.moves]
    ended = ["cancelled", "closed", *(["declined"] if any(after == "declined" for _, _, after in own) else [])]
    moves: dict[str, dict[str, str]] = {
        **{each: {status: status for status in live} for each in WHILE_IT_LIVES},
        **{each: {status: status for status in live + ended} for each in AT_ANY_TIME},
        "cancellation": dict.fromkeys((life.cancellable or life.live).split(), "cancelled"),
        "closure": {status: "closed" for status in live + ended if status not in ("cancelled", "closed")},
        "lesson": {status: status for status in ended},
    }
    if name in ("launch-notice", "terrorism-warning", "point-of-contact"):
        moves["second-key"] = {status: status for status in live + ended}
    for before, each, after in own:
        moves.setdefault(each, {})[before] = after
    return moves


@pytest.mark.parametrize("name", LIVES)
def test_a_format_begins_in_its_first_status(name: str) -> None:
    assert FORMATS[name].start == LIVES[name].start


@pytest.mark.parametrize("name", LIVES)
def test_the_life_of_a_format_is_as_the_catalogue_has_it(name: str) -> None:
    shown = {
        each: {before: after for before, after in moves.items() if before != UNDECIDED_END} for each, moves in FORMATS[name].moves.items()
    }
    assert shown == life_of(name)


CHANGES: dict[str, Mapping[str, str]] = {
    "liaison-office": {"agreed": "open closed", "open": "closed"},
    "people-programme": {"proposed": "dropped", "agreed": "running dropped", "running": "completed dropped"},
    "roadmap-item": {
        "proposed": "dropped",
        "agreed": "scheduled deferred dropped",
        "scheduled": "held deferred dropped",
        "held": "deliverable_tabled deferred dropped",
        "deliverable_tabled": "adopted deferred dropped",
        "deferred": "scheduled dropped",
    },
}


@pytest.mark.parametrize("name", LIVES)
def test_a_status_is_changed_to_one_that_may_follow(name: str) -> None:
    expected = {before: set(after.split()) for before, after in CHANGES.get(name, {}).items()}
    assert expected == {before: set(after) for before, after in FORMATS[name].changes.items()}


def test_the_diagram_of_a_life_has_every_move_and_who_may_do_it() -> None:
    drawn = states()
    assert drawn.startswith("# States of exchanges\n\nDrawn from the tables in `services/dragoman/domain` by `make schemas`.\n\n## ")
    section = drawn.partition("## N10 `danger-area`\n")[2].partition("## ")[0]
    diagram, _, rows = section.partition("| act | who | allowed in | consenting |\n")
    assert diagram == (
        "\n```mermaid\nstateDiagram-v2\n"
        "  [*] --> announced\n"
        "  announced --> cleared: all-clear\n"
        "  announced --> cancelled: cancellation\n"
        "  announced --> closed: closure\n"
        "  cleared --> closed: closure\n"
        "```\n\n"
    )
    assert rows.startswith(
        "|---|---|---|---|\n| `acknowledgement` | a side to which something was said in the exchange | announced, cleared, "
    )
    assert "\n| `all-clear` | the side that opened the exchange | announced |  |\n" in rows
    assert "\n| `closure` | any side | announced, cleared | yes |\n" in rows
    assert rows.endswith("|\n\n")
    assert "  scheduled --> held: status-change\n" in drawn


@pytest.mark.parametrize(("path", "family"), [("contacts", "contact"), ("meetings", "meeting"), ("notifications", "notification")])
def test_the_acts_of_a_family_are_posted_under_a_path(path: str, family: str) -> None:
    assert PATHS[path] == family
    assert {path: family for path, family in PATHS.items() if path == family} == {each: each for each in ("dialogue", "desk", "channel")}
