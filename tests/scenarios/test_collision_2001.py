"""The collision of 2001 as a whole: people held, a pilot missing, access asked for and given, help
offered, the aircraft inspected and returned. Nothing of it is said in free text alone.
"""

from typing import Any

from stage import Stage, Staging


async def people(stage: Stage) -> list[tuple[Any, ...]]:
    """Return the groups of the situation report: on whose word, kind, number, whose, access."""
    rows = (await stage.report("situation")).get("people", [])
    return [
        (
            tuple(row.get("sides", ())),
            row["kind"],
            row["number"],
            row["of"],
            row.get("access_asked", "")[:16],
            row.get("access_given", "")[:16],
            row.get("handed_over", "")[:16],
        )
        for row in rows
        if row["matter"]["exchange"] == stage.event.exchanges["COLLISION"]
    ]


US, CN = "united-states", "china"
ASKED, GIVEN, FREE = "2001-04-01T04:30", "2001-04-03T15:30", "2001-04-11T23:30"


async def test_two_accounts_stand_side_by_side_and_people_come_first(staging: Staging) -> None:
    async with staging("collision-2001") as stage:
        await stage.until("2001-04-01T13:00:00Z")
        assert await people(stage) == [
            ((US,), "safe", 24, US, "", "", ""),
            ((CN,), "held", 24, US, ASKED, "", ""),
            ((CN,), "missing", 1, CN, "", "", ""),
        ]
        matters = await stage.open_matters()
        assert set(matters) == {"COLLISION", "PILOT", "ACCESS"}
        assert matters["COLLISION"]["accounts_by"] == [CN]
        for side in stage.sides:
            note = await stage.text(f"{side}/duty_officer", "turn-over")
            assert "## People" in note and "held: 24" in note and "missing: 1" in note
            assert "consular access" in note and "no answer yet" in note


async def test_access_is_owed_within_a_day_and_rings_when_the_day_has_passed(
    staging: Staging,
) -> None:
    async with staging("collision-2001") as stage:
        await stage.until("2001-04-02T04:30:00Z")
        assert ("people_access", CN) not in {
            (lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]
        }
        await stage.until("2001-04-02T05:00:00Z")
        lapses = [(lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]]
        assert {("answer", CN), ("people_access", CN)} <= set(lapses)
        assert await people(stage) == [
            ((CN, US), "held", 24, US, ASKED, "", ""),
            ((CN,), "missing", 1, CN, "", "", ""),
        ]
        owed = (await stage.read(f"{CN}/duty_officer", "/reports/turn-over"))["owed"]
        assert "people_access" in {due["clock"] for due in owed}
        awaited = (await stage.read(f"{US}/duty_officer", "/reports/turn-over"))["awaited"]
        assert "people_access" in {due["clock"] for due in awaited}


async def test_help_with_the_search_is_offered(staging: Staging) -> None:
    async with staging("collision-2001") as stage:
        await stage.until("2001-04-02T18:00:00Z")
        pilot = await stage.state("PILOT")
        (offer,) = pilot["acts"]["help-offer"]
        assert offer["said"]["by"] == f"{US}/d-1"
        (reply,) = pilot["acts"]["reply"]
        assert reply["content"]["of"] == offer["id"]


async def test_access_is_first_given_on_the_third_day_with_conditions(staging: Staging) -> None:
    async with staging("collision-2001") as stage:
        await stage.until("2001-04-03T10:30:00Z")
        (visit,) = (await stage.report("situation"))["visits"]
        assert (visit["matter"]["status"], visit["by"]) == ("granted_with_conditions", CN)
        assert set(visit["conditions"]) == {"en", "zh"}

        await stage.until("2001-04-03T15:00:00Z")
        assert [
            (window["act"], window["stage"])
            for window in (await stage.alike("/in-force"))["windows"]
        ] == [("visit-request", "near")]
        notices = (await stage.state("ACCESS"))["acts"]["window-notice"]
        assert [notice["said"]["time"] for notice in notices] == ["2001-04-03T14:30:00.000Z"]

        await stage.until("2001-04-03T17:10:00Z")
        assert await stage.statuses("ACCESS") == ["reported"]
        assert await people(stage) == [
            ((US, CN), "held", 24, US, ASKED, GIVEN, ""),
            ((CN,), "missing", 1, CN, "", "", ""),
        ]
        for side in stage.sides:
            page = await stage.text(f"{side}/officer", "situation")
            assert "granted by CHINA, 3 Apr 2001 10:00Z" in page
            assert "One meeting of 40 minutes" in page
            assert "arrived 3 Apr 2001 15:30Z, left 3 Apr 2001 16:10Z" in page


async def test_the_crew_is_free_after_eleven_days_as_was_undertaken(staging: Staging) -> None:
    async with staging("collision-2001") as stage:
        await stage.until("2001-04-11T12:00:00Z")
        assert await stage.statuses("RELEASE", "TALKS-PROMISED") == ["undertaken", "undertaken"]
        await stage.until("2001-04-12T06:00:00Z")
        assert await stage.statuses("RELEASE", "COLLISION") == ["confirmed", "contained"]
        assert await people(stage) == [
            ((CN, US), "safe", 24, US, ASKED, GIVEN, FREE),
            ((CN,), "missing", 1, CN, "", "", ""),
        ]
        answers = (await stage.answers()).report
        waited = {
            (row.sides, row.kind, row.matter.number) for row in answers.people if row.waited_for
        }
        assert {(side, kind) for side, kind, _ in waited} == {((CN,), "missing")}, (
            "but for the pilot"
        )


async def test_the_aircraft_is_inspected_and_returned(staging: Staging) -> None:
    async with staging("collision-2001") as stage:
        await stage.until("2001-05-05T12:00:00Z")
        assert await stage.statuses("INSPECTION", "TALKS", "CONSULTATIONS") == [
            "reported",
            "held",
            "suspended",
        ]
        assert await stage.statuses("PILOT") == ["closed"]

        await stage.until("2001-07-09T12:00:00Z")
        assert await stage.statuses("RETURN", "AIRCRAFT", "COLLISION") == [
            "reported",
            "confirmed",
            "closed",
        ]
        assert await stage.open_matters() == {}

        await stage.finish()
        assert await stage.statuses("CONSULTATIONS") == ["in_force"]
        rows = (await stage.rows())["visits"]
        assert [(row["kind"], row["status"], bool(row["conditions"])) for row in rows] == [
            ("consular_access", "reported", True),
            ("consular_access", "reported", True),
            ("inspection", "reported", True),
            ("wreckage", "reported", True),
        ]
        answers = (await stage.answers()).report
        assert not answers.unacknowledged and not answers.owed
        assert [
            (lapse.clock, lapse.side) for lapse in answers.lapses if lapse.clock == "people_access"
        ] == [("people_access", CN)] * 2


async def test_the_period_record_has_the_people_and_the_visits(staging: Staging) -> None:
    async with staging("collision-2001") as stage:
        await stage.until("2001-04-12T06:00:00Z")
        record = await stage.report("period")
        assert {(row["kind"], row["number"]) for row in record["people"]} == {
            ("safe", 24),
            ("missing", 1),
        }
        assert [visit["matter"]["status"] for visit in record["visits"]] == ["reported"] * 2
        page = await stage.text(f"{US}/officer", "period")
        assert "## Visits asked for" in page and "## People" in page
