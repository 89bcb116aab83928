"""A convoy whose way was coordinated, and of which the brigades on the route were not told."""

from stage import Staging

BRIGADES = ["Every brigade on the route"]


async def test_two_hours_before_the_drive_it_is_received_and_not_passed_on(
    staging: Staging,
) -> None:
    async with staging("convoy-2024") as stage:
        await stage.until("2024-04-01T17:00:00Z")
        assert await stage.statuses("CONVOY") == ["received"]
        assert (await stage.audit())["lapses"] == [], "two hours before is in time"
        await stage.until("2024-04-01T17:00:01Z")
        assert [(lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]] == [
            ("passed_on", "israel")
        ]
        for who in ("relief/duty_officer", "israel/duty_officer"):
            alarms = (await stage.read(who, "/watch"))["alarms"]
            assert [(alarm["alarm"], alarm["side"]) for alarm in alarms] == [
                ("not_passed_on", "israel")
            ]
        assert "Every brigade on the route" in alarms[0]["detail"]


async def test_the_drive_holds_and_goes_on(staging: Staging) -> None:
    async with staging("convoy-2024") as stage:
        stages = []
        for moment in ("18:55", "19:05", "19:50", "20:00"):
            await stage.until(f"2024-04-01T{moment}:00Z")
            (window,) = (await stage.alike("/in-force"))["windows"]
            stages.append((window["stage"], window["not_passed_on"]))
        assert stages == [
            (name, {"israel": BRIGADES}) for name in ("near", "open", "holding", "open")
        ]


async def test_at_the_first_strike_all_say_acknowledged_and_not_passed_on(
    staging: Staging,
) -> None:
    async with staging("convoy-2024") as stage:
        await stage.until("2024-04-01T20:09:00Z")
        report = await stage.audit()
        israel = next(entry for entry in report["receiving"] if entry["side"] == "israel")
        assert (israel["messages"], israel["acknowledged"], israel["not_passed_on"]) == (4, 4, 1)
        own = (await stage.answers()).report
        (receipt,) = own.messages[0].receipts
        assert (receipt.acknowledged, list(receipt.not_passed_on)) == (
            "2024-03-31T08:40:00.000Z",
            BRIGADES,
        )
        for who in ("relief/auditor", "israel/auditor"):
            page = await stage.text(who, "audit")
            assert (
                "ISRAEL has not said that it passed this on to Every brigade on the route." in page
            )
        (row,) = [
            row
            for row in (await stage.rows())["receipts"]
            if row["act"] == "humanitarian-notification"
        ]
        assert (row["acknowledged_at"], row["passed_on"], row["not_passed_on"]) == (
            "2024-03-31T08:40:00.000Z",
            None,
            '["Every brigade on the route"]',
        )


async def test_seven_people_are_missing_and_then_dead(staging: Staging) -> None:
    async with staging("convoy-2024") as stage:
        await stage.until("2024-04-01T20:30:00Z")
        (people,) = (await stage.report("situation"))["people"]
        assert (people["kind"], people["number"], people["of"], people["waited_for"]) == (
            "missing",
            7,
            "relief",
            True,
        )
        assert set(await stage.open_matters()) == {"CONVOY", "STRIKE"}

        await stage.until("2024-04-01T22:12:00Z")
        (people,) = (await stage.report("situation"))["people"]
        assert (people["kind"], people["number"], people.get("waited_for", False)) == (
            "dead",
            7,
            False,
        )
        assert (await stage.alike("/in-force"))["windows"] == [], "the drive is over"

        await stage.finish()
        answers = (await stage.answers()).report
        assert [(row.number, row.handed_over) for row in answers.people] == [
            (6, "2024-04-03T13:00:00Z"),
            (1, ""),
        ]
        assert answers.messages[0].receipts[0].not_passed_on == tuple(BRIGADES), (
            "it was never passed on"
        )
        strike = await stage.state("STRIKE")
        assert (strike["status"], len(strike["accounts"]["israel"])) == ("reported", 2)
