"""Real events through HTTP, with a clock that the test sets: states, clocks and lapses come out as
they must.
"""

from typing import Any

import aiohttp

from scenario import Play, moment
from service import TimedGateway


def lapsed(view: Any) -> list[tuple[str, str]]:
    """Return the lapses on record: the clock, and the side that owed it."""
    return [
        (said["content"]["clock"], said["content"]["side"])
        for said in view["state"].get("acts", {}).get("lapse", [])
    ]


def clock(view: Any, name: str, side: str) -> Any:
    """A clock that the opening started."""
    wanted = (name, side, view["state"]["id"])
    (found,) = (
        each
        for each in view["clocks"]
        if (each["clock"], each["side"], each["started_by"]) == wanted
    )
    return found


def stands(view: Any) -> tuple[str, list[tuple[str, str, str]], list[tuple[str, str]]]:
    """Return an exchange's status, its clocks and its lapses on record. Each clock has the side
    that owes it, and its outcome.
    """
    clocks = [(each["clock"], each["side"], came_of(each)) for each in view.get("clocks", [])]
    return view["state"]["status"], clocks, lapsed(view)


def came_of(clock: Any) -> str:
    """Return the outcome of a clock."""
    done = "met" if clock.get("met") else "ended" if clock.get("ended") else "open"
    return f"{done} late" if clock.get("late") else done


def coded_in_full(view: Any) -> str:
    """Return the meaning of a coded message, in English."""
    return str(view["coded"]["en"])


LATE, ASKED = "open late", ("answer", "meeting_of_all")
OTHERS = ("belarus", "estonia", "latvia")
IN_FULL = [
    (
        "baltic-belarus",
        "BALTIC",
        "estonia/officer",
        (
            "assessed",
            [
                ("acknowledgement", "belarus", "met"),
                (
                    "acknowledgement",
                    "lithuania",
                    "met late",
                ),  # by its assessment of what it was told
                ("acknowledgement", "belarus", LATE),
                ("explanation_answer", "belarus", "met"),
            ],
            [("acknowledgement", "lithuania"), ("acknowledgement", "belarus")],
        ),
    ),
    (
        "baltic-belarus",
        "BILATERAL",
        "latvia/officer",
        (
            "held",
            [
                ("acknowledgement", "belarus", "met"),
                ("acknowledgement", "lithuania", LATE),
                ("answer", "belarus", "met"),
                ("bilateral_meeting", "belarus", "met"),
                ("readout", "lithuania", LATE),
                ("readout", "belarus", LATE),
            ],
            [("acknowledgement", "lithuania"), ("readout", "lithuania"), ("readout", "belarus")],
        ),
    ),
    (
        "baltic-belarus",
        "ALL",
        "belarus/officer",
        (
            "requested",
            [
                *(("acknowledgement", side, LATE) for side in ("latvia", "estonia", "belarus")),
                *((clock, side, LATE) for side in OTHERS for clock in ASKED),
            ],
            [
                *(("acknowledgement", side) for side in ("latvia", "estonia", "belarus")),
                *((clock, side) for side in OTHERS for clock in ASKED),
            ],
        ),
    ),
    (
        "ukraine-russia",
        "UKRAINE",
        "ukraine/officer",
        (
            "requested",
            [("acknowledgement", "russia", LATE), ("explanation_answer", "russia", LATE)],
            [("acknowledgement", "russia"), ("explanation_answer", "russia")],
        ),
    ),
    (
        "ukraine-russia",
        "UKR-MEET",
        "russia/officer",
        (
            "requested",
            [("acknowledgement", "russia", LATE), *((clock, "russia", LATE) for clock in ASKED)],
            [("acknowledgement", "russia"), *((clock, "russia") for clock in ASKED)],
        ),
    ),
]
"""Every exchange of February 2022: its status, all of its clocks, all lapses on record, alike for
whoever reads.
"""

DRILLED = {
    "LINE-1": ("echoed", [("echo", "china", "met")], []),
    "NEARMISS": (
        "open",
        [
            ("acknowledgement", "china", "met"),
            ("acknowledgement", "nato", LATE),
            ("update", "nato", "open"),
            ("final_report", "nato", "open"),
        ],
        [("acknowledgement", "nato")],
    ),
    "CODED": (
        "echoed",
        [("acknowledgement", "china", "met"), ("amplification", "nato", LATE)],
        [("amplification", "nato")],
    ),
}


async def test_two_requests_for_explanation_of_february_2022(
    timed: TimedGateway, session: aiohttp.ClientSession
) -> None:
    play = Play("vienna-2022", timed, session)
    await play.open(moment("2022-02-09T08:00Z"))

    await play.until(moment("2022-02-13T11:59:20Z"))
    view = await play.view("ukraine-russia", "UKRAINE", "russia/officer")
    assert lapsed(view) == [("acknowledgement", "russia")], "within 48 hours the answer is in time"
    assert not clock(view, "explanation_answer", "russia").get("late")

    await play.until(moment("2022-02-13T12:00:01Z"))
    for reader in ("ukraine/officer", "russia/officer"):
        view = await play.view("ukraine-russia", "UKRAINE", reader)
        assert lapsed(view) == [("acknowledgement", "russia"), ("explanation_answer", "russia")]
        assert clock(view, "explanation_answer", "russia").get("late")

    await play.until(moment("2022-02-19T12:00Z"))
    baltic = await play.view("baltic-belarus", "BALTIC", "estonia/officer")
    acknowledged, answered = (
        clock(baltic, name, "belarus") for name in ("acknowledgement", "explanation_answer")
    )
    assert (
        539.5 < (moment(acknowledged["met"]) - moment(acknowledged["begins"])).total_seconds() < 542
    )
    assert (answered.get("late"), acknowledged.get("late"), answered["binding"]) == (
        None,
        None,
        True,
    )
    assert "explanation_answer" not in dict(lapsed(baltic))
    assert baltic["state"]["acts"]["assessment"][0]["content"]["result"] == "insufficient"
    ladder = [
        await play.view("baltic-belarus", name, "latvia/officer") for name in ("BILATERAL", "ALL")
    ]
    assert [(rung["state"]["content"]["kind"], rung["state"]["invokes"]) for rung in ladder] == [
        ("bilateral", baltic["state"]["id"]),
        ("all_parties", baltic["state"]["id"]),
    ]
    assert [rung["state"]["status"] for rung in ladder] == ["held", "requested"]
    assert [(link["act"], link["kind"]) for link in baltic["linked"]] == [
        ("meeting-request", "bilateral"),
        ("meeting-request", "all_parties"),
    ]
    assert all(rung["state"]["released_by"].endswith("/h-1") for rung in (baltic, *ladder))
    meeting = await play.view("ukraine-russia", "UKR-MEET", "russia/auditor")
    assert list(meeting["state"]["meeting"]["absent"]) == ["russia"]
    assert ("meeting_of_all", "russia") in lapsed(meeting)
    for channel, name, reader, expected in IN_FULL:
        assert stands(await play.view(channel, name, reader)) == expected, name


async def test_an_exercise_with_a_flash_and_a_coded_message(
    timed: TimedGateway, session: aiohttp.ClientSession
) -> None:
    live = Play("nato-china", timed, session)
    start = live.start = moment("2026-06-01T05:30Z")
    live.scenario["entries"] = []
    await live.open(start)
    play = Play("drill", timed, session, tokens=live.tokens, start=start, besides=("nato-china",))
    before = (await play.call("nato/officer", "GET", "/v1/channels/nato-china")).json["position"]
    await play.open(start)
    await play.until(moment("2026-06-01T08:01Z"))
    incident = await play.view("nato-china-exercise", "NEARMISS", "china/officer")
    acknowledged = clock(incident, "acknowledgement", "china")
    assert (
        40.5 < (moment(acknowledged["met"]) - moment(acknowledged["begins"])).total_seconds() < 43
    )
    assert [account["content"]["facts"] for account in incident["state"]["accounts"]["china"]] == [
        "The passage was at more than 50 m, at a safe distance."
    ]
    for name, expected in DRILLED.items():
        assert stands(await play.view("nato-china-exercise", name, "nato/officer")) == expected, (
            name
        )
    assert [flag["detail"] for flag in incident["flags"] if flag["flag"] == "own_account"] == [
        "china has given its own account"
    ]
    assert (
        coded_in_full(await play.view("nato-china-exercise", "CODED", "china/officer"))
        == "hazardous activity halted"
    )
    coded = await play.view("nato-china-exercise", "CODED", "nato/officer")
    book = (
        await play.call("china/officer", "GET", "/v1/channels/nato-china-exercise/codebook")
    ).json
    assert book["in_force"]
    assert (
        next(each for each in book["messages"] if each["designator"] == 5)["texts"]["en"]
        == "hazardous activity halted"
    )
    assert (coded["state"]["status"], lapsed(coded)) == ("echoed", [("amplification", "nato")])
    line = await play.view("nato-china-exercise", "LINE-1", "nato/officer")
    assert (line["state"]["status"], lapsed(line)) == ("echoed", [])
    watched = (
        await play.call("china/officer", "GET", "/v1/channels/nato-china-exercise/watch")
    ).json
    assert [
        (side["side"], "officer" in side, side["manned_since"][11:16]) for side in watched["sides"]
    ] == [
        ("nato", False, "05:31"),
        ("china", True, "05:31"),
    ], "manned since is for all, by whom for the own side"
    assert [
        (each["circuit"], each["state"], round(each["latency_s"])) for each in watched["lines"]
    ] == [("primary", "up", 120)]
    registry = (
        await play.call("nato/officer", "GET", "/v1/channels/nato-china-exercise/state")
    ).json["registry"]
    assert {side: book["version"] for side, book in registry["codebooks"].items()} == {
        "nato": 1,
        "china": 1,
    }
    assert {side: watch["since"]["by"] for side, watch in registry["watches"].items()} == {
        "nato": "nato/d-1",
        "china": "china/d-1",
    }
    assert (await play.call("nato/officer", "GET", "/v1/channels/nato-china")).json[
        "position"
    ] == before, "the live channel is not touched"
    for moment_ in (
        "2026-06-01T18:00:01Z",
        "2026-06-01T18:10:01Z",
        "2026-06-02T06:00:01Z",
        "2026-06-02T06:10:01Z",
    ):
        await play.until(moment(moment_))
    watched = (
        await play.call("china/officer", "GET", "/v1/channels/nato-china-exercise/watch")
    ).json
    assert [(each["state"], each["missed_running"]) for each in watched["lines"]] == [
        ("degraded", 2)
    ]
    assert "line_degraded" in [alarm["alarm"] for alarm in watched["alarms"]]
    checks = (
        await play.call(
            "china/officer", "GET", "/v1/channels/nato-china-exercise/exchanges?act=line-check"
        )
    ).json["exchanges"]
    assert [(check["side"], check["status"]) for check in checks] == [
        ("nato", "missed"),
        ("nato", "missed"),
        ("nato", "echoed"),
    ]


async def test_two_sides_that_talk_rarely(
    timed: TimedGateway, session: aiohttp.ClientSession
) -> None:
    play = Play("nato-china", timed, session)
    await play.open(moment("2026-06-01T05:30Z"))
    play.scenario["entries"].sort(key=lambda entry: entry["at"])
    for entry in play.scenario["entries"]:
        entry["at"] = "2026-06-01T06:00Z"  # it is history, and recorded today
    await play.until(moment("2026-06-01T06:00Z"))
    items = (
        await play.call(
            "china/officer", "GET", "/v1/channels/nato-china/exchanges?act=roadmap-item"
        )
    ).json["exchanges"]
    assert len({item["area"] for item in items}) == 5
    talks = await play.view("nato-china", "TALKS-8", "china/officer")
    assert talks["state"]["meeting"]["readouts_differ"]
    assert {side: len(given) for side, given in talks["state"]["meeting"]["readouts"].items()} == {
        "nato": 1,
        "china": 1,
    }
    roadmap = (await play.call("china/auditor", "GET", "/v1/channels/nato-china/roadmap")).json[
        "areas"
    ]
    assert [len(area["items"]) for area in roadmap] == [1, 1, 1, 1, 1, 0]
    seen = (
        await play.call("group-b/officer", "GET", "/v1/channels/nato-china-track2/perceptions")
    ).json["issues"]
    assert [
        (issue["issue"], [view["side"] for view in issue["views"]], issue["no_statement"])
        for issue in seen
    ] == [("intentions of the other", ["group-a", "group-b"], [])]
    of_groups = "/v1/channels/nato-china-track2/exchanges"
    perceptions = (await play.call("group-a/officer", "GET", f"{of_groups}?act=perception")).json[
        "exchanges"
    ]
    assert {(row["subject"], row["side"]) for row in perceptions} == {
        ("intentions of the other", "group-a"),
        ("intentions of the other", "group-b"),
    }
    advised = (
        await play.call("group-b/officer", "GET", f"{of_groups}?act=recommendation&status=endorsed")
    ).json["exchanges"]
    assert len(advised) == 5
    for channel, rows, reader in (
        ("nato-china", items, "nato/officer"),
        ("nato-china-track2", perceptions, "group-a/officer"),
    ):
        for row in rows:
            view = (
                await play.call(reader, "GET", f"/v1/channels/{channel}/exchanges/{row['id']}")
            ).json
            assert view.get("clocks", []) == [], "what is history, or Track-2, owes nothing"
