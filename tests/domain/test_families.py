"""Tests of the changes that the acts of each family make to an exchange besides its status."""

import msgspec
import pytest
from msgspec import UNSET

from dragoman.domain.acts import duty_calendar
from dragoman.domain.fold import Folded
from dragoman_schemas.state import Meeting
from samples import act
from world import REQUEST, World, refused

N, C, NH, CH, ND, CD, OSCE = (
    "nato/o-1",
    "china/o-1",
    "nato/h-1",
    "china/h-1",
    "nato/d-1",
    "china/d-1",
    "osce/o-1",
)
THREE = ("nato", "china", "osce")


def status(world: World, id: str) -> str:
    return world.exchange(id).status


def meeting(world: World, id: str) -> Meeting:
    found = world.exchange(id).meeting
    assert found is not None
    return found


# Contact


def test_an_office_is_agreed_when_every_other_side_has_agreed() -> None:
    world = World(sides=THREE)
    id = world.open(NH, act("liaison-office"))
    world.keep(C, act("agreement"), id, seen=True)
    assert status(world, id) == "proposed"
    world.keep(OSCE, act("agreement"), id, seen=True)
    assert status(world, id) == "agreed"


def test_the_newest_office_of_a_side_that_is_agreed_or_open_counts() -> None:
    world = World()
    first, second = (
        world.open(CH, act("liaison-office", hours=hours))
        for hours in ("24x7", {"days": ["sun"], "from": "08:00", "to": "16:00", "zone": "UTC"})
    )
    for id in (first, second):
        world.keep(NH, act("agreement"), id, seen=True)
    standing = world.ledger.office("china")
    assert standing is not None and standing.id == second
    world.keep(CH, act("status-change", status="open"), second)
    standing = world.ledger.office("china")
    assert standing is not None and standing.id == second
    assert duty_calendar.calendar_of(standing).days == {"sun"}
    world.keep(CH, act("status-change", status="closed"), second)
    standing = world.ledger.office("china")
    assert standing is not None and standing.id == first


def test_an_office_that_was_there_before_begins_as_it_stands() -> None:
    world = World()
    id = world.open(NH, act("liaison-office", status="open", for_the_record=True))
    assert status(world, id) == "open"


def test_an_echo_is_compared_with_what_was_sent_not_with_how_it_was_written() -> None:
    world = World()
    id = world.open(ND, act("line-check", challenge="é 联"))
    world.keep(CD, {"act": "echo", "text": "é 联"}, id)
    assert status(world, id) == "echoed"


# Dialogue


def test_a_report_that_is_endorsed_as_a_whole_is_endorsed_in_every_paragraph() -> None:
    world = World()
    id = world.open(N, act("joint-report"))
    world.keep(C, act("endorsement"), id, seen=True)
    assert status(world, id) == "settled"


def test_a_report_is_settled_when_each_other_side_has_endorsed_each_paragraph() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("joint-report"))
    for actor, paragraph in ((C, 1), (OSCE, 2), (C, 1), (OSCE, 1)):
        world.keep(actor, act("endorsement", paragraph=paragraph), id, seen=True)
        assert status(world, id) == "negotiating"
    world.keep(C, act("endorsement", paragraph=2), id, seen=True)
    assert status(world, id) == "settled"


def test_a_recommendation_is_endorsed_by_those_who_sign_it_and_who_is_told_is_none() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("recommendation", to=["china"], info=["osce"]))
    world.keep(OSCE, act("endorsement"), id, seen=True)
    assert status(world, id) == "addressed"
    world.keep(C, act("endorsement"), id, seen=True)
    assert status(world, id) == "endorsed"


@pytest.mark.parametrize("result", ["taken_up", "declined", "no_response"])
def test_the_newest_fate_of_a_recommendation_is_its_status(result: str, world: World) -> None:
    id = world.open(N, act("recommendation"))
    world.keep(N, act("fate", result="no_response" if result == "taken_up" else "taken_up"), id)
    world.keep(C, act("fate", result=result), id)
    assert status(world, id) == result
    world.keep(C, act("endorsement"), id, seen=True)
    world.keep(N, act("fate", result="taken_up"), id)
    assert status(world, id) == "taken_up", "what became of it may still change"


def test_ground_is_common_when_every_side_has_said_the_same_last() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("perception", to=["china"], info=["osce"]))
    for actor, text, after in (
        (N, "a", "stated"),
        (C, "b", "stated"),
        (C, "a", "common_ground"),
        (C, "b", "stated"),
    ):
        world.keep(actor, act("common-ground", text=text), id, seen=True)
        assert status(world, id) == after


def test_accounts_are_agreed_when_every_party_has_said_the_same_last_and_who_is_told_is_none() -> (
    None
):
    world = World(sides=THREE)
    id = world.open(N, act("encounter-report", to=["china"], info=["osce"]))
    for actor, facts, after in (
        (OSCE, "a", ""),
        (N, "a", "reported"),
        (C, "b", "reported"),
        (C, "a", "agreed_facts"),
    ):
        kept = world.keep(actor, act("accounts-agreement", facts=facts), id, seen=True)
        assert refused(kept).kind == "not-permitted" if not after else status(world, id) == after


def test_a_view_is_called_fair_once_it_was_restated(world: World) -> None:
    id = world.open(N, act("perception"))
    assert refused(world.keep(N, act("fairness"), id)).faults[0].pointer == "/act"
    world.keep(C, act("restatement"), id)
    assert isinstance(world.keep(N, act("fairness"), id), Folded)


# Meetings


def test_a_call_at_any_time_is_accepted_without_a_window(world: World) -> None:
    id = world.open(
        NH, {key: value for key, value in act("call-request").items() if key != "windows"}
    )
    assert (
        refused(world.keep(C, {"act": "acceptance", "window": 1}, id, seen=True)).faults[0].pointer
        == "/window"
    )
    world.keep(C, {"act": "acceptance"}, id, seen=True)
    accepted = meeting(world, id).accepted["china"]
    assert (accepted.window, bytes(accepted.terms)) == (0, b"null")


def test_of_a_visit_its_dates_are_accepted_and_other_dates_take_their_place(world: World) -> None:
    id = world.open(N, act("visit-invitation"))
    world.keep(C, act("counter-proposal"), id)
    content = world.exchange(id).present
    assert bytes(content["dates"]) == b'{"from":"2026-12-03T08:00Z","to":"2026-12-03T10:00Z"}'
    assert "windows" not in content
    assert (
        msgspec.json.decode(world.exchange(id).content["dates"]) == act("visit-invitation")["dates"]
    )
    world.keep(N, act("acceptance", window=0), id, seen=True)
    assert meeting(world, id).accepted["nato"].terms == content["dates"]


def test_other_windows_and_another_venue_take_the_place_of_those_that_stood_and_nobody_has_answered_them() -> (
    None
):
    world = World(sides=THREE)
    id = world.open(N, act("meeting-request", venue="Brussels"))
    world.keep(C, act("acceptance", window=0), id, seen=True)
    world.keep(OSCE, act("decline"), id)
    assert (
        status(world, id),
        set(meeting(world, id).accepted),
        set(meeting(world, id).declined),
    ) == ("accepted", {"china"}, {"osce"})
    world.keep(C, act("counter-proposal"), id)
    exchange = world.exchange(id)
    found, content = meeting(world, id), exchange.present
    assert (status(world, id), found.proposed_by, found.accepted, found.declined) == (
        "requested",
        "china",
        {},
        {},
    )
    assert (bytes(content["venue"]), msgspec.json.decode(content["windows"])) == (
        b'"Vienna"',
        act("counter-proposal")["windows"],
    )
    assert "purpose" in content
    assert (bytes(exchange.content["venue"]), msgspec.json.decode(exchange.content["windows"])) == (
        b'"Brussels"',
        act("meeting-request")["windows"],
    )
    assert {(item.said.side, item.id) for item in exchange.proposed.values()} == {
        ("china", exchange.proposal)
    }


def test_who_accepts_after_declining_has_accepted() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("meeting-request"))
    world.keep(C, act("decline"), id)
    world.keep(C, act("acceptance", window=0), id, seen=True)
    assert (set(meeting(world, id).accepted), meeting(world, id).declined) == ({"china"}, {})


def test_a_launch_that_is_postponed_has_another_window(world: World) -> None:
    id = world.open(N, act("launch-notice"))
    world.keep(N, act("postponement"), id)
    content = world.exchange(id).present
    assert msgspec.json.decode(content["window"]) == act("postponement")["windows"][0]
    assert "windows" not in content
    assert world.exchange(id).meeting is None
    world.keep(N, {"act": "postponement", "reason": "x"}, id)
    assert world.exchange(id).present == content


def test_a_meeting_may_be_held_several_times(world: World) -> None:
    id = world.open(N, act("meeting-request"))
    world.keep(
        N, {"act": "meeting-held", "from": "2026-11-24T08:00Z", "to": "2026-11-24T09:00Z"}, id
    )
    (held,) = meeting(world, id).held
    assert (held.from_, held.to, held.recorded.by) == ("2026-11-24T08:00Z", "2026-11-24T09:00Z", N)


def test_readouts_differ_in_their_text_and_in_their_topics_alike(world: World) -> None:
    id = world.open(N, act("meeting-request"))
    world.keep(N, act("meeting-held"), id)
    for actor, change, differ in (
        (N, {}, False),
        (C, {"text": "Otherwise."}, True),
        (C, {}, False),
        (C, {"topics": ["Another"]}, True),
    ):
        world.keep(actor, act("readout", **change), id)
        assert meeting(world, id).readouts_differ == differ
    assert bytes(meeting(world, id).readouts["china"][0].text) == b'"Otherwise."'
    assert meeting(world, id).readouts["nato"][0].kind == "proposed_jointly"


def test_who_did_not_come_stays_absent_since_it_was_first_said() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("meeting-request", to=["china"], info=["osce"]))
    for side in ("china", "osce", "nato", "china"):
        world.keep(N, act("non-attendance", side=side), id)
    absent = meeting(world, id).absent
    assert set(absent) == set(THREE)
    assert absent["china"].position < absent["osce"].position


def test_an_agenda_is_agreed_when_two_sides_gave_the_same(world: World) -> None:
    id = world.open(N, act("meeting-request"))
    world.keep(C, act("agenda", topics=["a"]), id)
    assert meeting(world, id).agenda is UNSET
    world.keep(N, act("agenda", topics=["b"]), id)
    assert meeting(world, id).agenda is UNSET
    world.keep(N, act("agenda", topics=["a"]), id)
    assert meeting(world, id).agenda == meeting(world, id).agendas["china"]


def test_an_agenda_that_came_with_the_request_is_a_version_to_agree_to(world: World) -> None:
    id = world.open(N, act("meeting-request", agenda=["a", "b"]))
    assert (
        refused(world.keep(N, act("agenda-agreement"), id, seen=True)).faults[0].pointer == "/act"
    )
    world.keep(C, act("agenda-agreement"), id, seen=True)
    agenda = meeting(world, id).agenda
    assert isinstance(agenda, msgspec.Raw)
    assert bytes(agenda) == b'["a","b"]'


def test_an_agenda_that_the_other_side_alone_gave_is_agreed_by_the_opener(world: World) -> None:
    id = world.open(N, REQUEST)
    assert (
        refused(world.keep(N, act("agenda-agreement"), id, seen=True)).faults[0].pointer == "/act"
    )
    world.keep(C, act("agenda", topics=["c"]), id)
    assert isinstance(world.keep(N, act("agenda-agreement"), id, seen=True), Folded)
    assert meeting(world, id).agenda == meeting(world, id).agendas["nato"]


def test_of_several_versions_of_an_agenda_one_is_named_and_every_party_agrees_to_it() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("meeting-request", agenda=["a"]))
    world.keep(C, act("agenda", topics=["c"]), id)
    for body, pointer in (({}, "/side"), ({"side": "osce"}, "/side"), ({"side": "mars"}, "/side")):
        assert (
            refused(world.keep(OSCE, act("agenda-agreement", **body), id, seen=True))
            .faults[0]
            .pointer
            == pointer
        )
    world.keep(OSCE, act("agenda-agreement", side="china"), id, seen=True)
    assert meeting(world, id).agenda is UNSET
    world.keep(N, act("agenda-agreement", side="china"), id, seen=True)
    agenda = meeting(world, id).agenda
    assert isinstance(agenda, msgspec.Raw)
    assert bytes(agenda) == b'["c"]'


# Notifications


def test_a_side_may_give_several_accounts_and_of_stands_in_none() -> None:
    world = World(sides=THREE)
    id = world.open(ND, act("hazardous-incident"))
    for actor, facts in ((C, "a"), (OSCE, "b"), (C, "c")):
        world.keep(actor, {"act": "counter-account", "facts": facts, "of": id}, id)
    accounts = world.exchange(id).accounts
    assert {
        side: [{name: bytes(value) for name, value in each.content.items()} for each in given]
        for side, given in accounts.items()
    } == {
        "china": [{"facts": b'"a"'}, {"facts": b'"c"'}],
        "osce": [{"facts": b'"b"'}],
    }


def test_a_coded_message_is_echoed_by_its_number(world: World) -> None:
    id = world.open(ND, act("immediate-notification"))
    for designator, after in ((4, "echoed_with_errors"), (5, "echoed")):
        world.keep(CD, {"act": "echo", "designator": designator}, id)
        assert status(world, id) == after


def test_a_point_of_contact_that_was_withdrawn_may_still_be_acknowledged_and_so_may_a_convoy(
    world: World,
) -> None:
    for opener, opening in ((NH, "point-of-contact"), (N, "humanitarian-notification")):
        id = world.open(opener, act(opening))
        world.keep(opener, act("withdrawal"), id)
        assert isinstance(world.keep(C, act("acknowledgement"), id), Folded)
        assert status(world, id) == "withdrawn"
