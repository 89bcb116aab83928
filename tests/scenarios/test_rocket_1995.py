"""A notice that was received and did not reach the early warning: both sides see it, before the
launch and at it, and so does the auditor.
"""

import re

from stage import Stage, Staging

EARLY_WARNING = ["Early warning"]


async def not_passed_on(stage: Stage) -> list[str]:
    """Return the posts that russia has not told, by the exchange as both sides read it."""
    views = [await stage.exchange(f"{side}/officer", "ROCKET") for side in stage.sides]
    facts = [
        next(fact for fact in view["facts"] if fact["message"] == view["state"]["id"])
        for view in views
    ]
    assert facts[0] == facts[1]
    assert facts[0]["side"] == "russia" and facts[0]["acknowledged"] == "1994-12-21T11:20:00.000Z"
    return list(facts[0].get("not_passed_on", []))


async def test_the_limit_passes_two_hours_before_the_window_opens(staging: Staging) -> None:
    async with staging("rocket-1995") as stage:
        await stage.until("1995-01-15T02:59:59Z")
        assert (await stage.audit())["lapses"] == []
        await stage.until("1995-01-15T03:00:01Z")
        (lapse,) = (await stage.audit())["lapses"]
        assert (lapse["clock"], lapse["side"], lapse["due"]) == (
            "passed_on",
            "russia",
            "1995-01-15T03:00:00.000Z",
        )
        for who in ("russia/duty_officer", "norway/duty_officer"):
            alarms = (await stage.read(who, "/watch"))["alarms"]
            assert [(alarm["alarm"], alarm["side"]) for alarm in alarms] == [
                ("not_passed_on", "russia")
            ], "it rings at the receiver, and stands at the sender"
        await stage.until("1995-01-15T05:00:00Z")
        notices = (await stage.exchange("russia/officer", "ROCKET"))["state"]["acts"][
            "window-notice"
        ]
        assert [
            (notice["content"]["step"], notice["said"]["time"], notice["said"]["by"])
            for notice in notices
        ] == [
            (60, "1995-01-15T04:00:00.000Z", "service/watch"),
            (10, "1995-01-15T04:50:00.000Z", "service/watch"),
        ]


async def test_at_the_launch_all_say_acknowledged_and_not_passed_on(staging: Staging) -> None:
    async with staging("rocket-1995") as stage:
        await stage.until("1995-01-25T06:24:00Z")
        assert await not_passed_on(stage) == EARLY_WARNING
        assert set(await stage.open_matters()) == {"ROCKET"}

        (window,) = (await stage.alike("/in-force"))["windows"]
        assert (window["stage"], window["not_passed_on"]) == ("open", {"russia": EARLY_WARNING})

        report = await stage.audit()
        russia = next(entry for entry in report["receiving"] if entry["side"] == "russia")
        assert (russia["messages"], russia["acknowledged"], russia["not_passed_on"]) == (1, 1, 1)
        (message,) = report["messages"]
        (receipt,) = message["receipts"]
        assert receipt["acknowledged_by"] == "duty officer"
        assert receipt["passed_on"] == [{"post": "General staff", "at": "1994-12-22T07:30:00Z"}]
        assert receipt["not_passed_on"] == EARLY_WARNING

        own = (await stage.answers()).report
        assert [entry.not_passed_on for entry in own.receiving] == [0, 1]
        assert own.messages[0].receipts[0].not_passed_on == ("Early warning",)
        (row,) = [
            row
            for row in (await stage.alike("/statistics"))["clocks"]
            if (row["clock"], row["side"]) == ("passed_on", "russia")
        ]
        assert (row["late"], row["open"], row["overdue"]) == (1, 1, 1)

        for who in ("norway/auditor", "russia/auditor"):
            page = await stage.text(who, "audit")
            assert "1 message is acknowledged, without a word that every post was told." in page
            second = re.search(r"(?s)## 2: .*?(?=## 3: )", page)
            assert second is not None
            assert "RUSSIA acknowledged 1 of 1" in second[0]
            assert "Acknowledged, without a word that every post was told: 1." in second[0]
            assert "Passed on to General staff at 22 Dec 1994 07:30Z." in second[0]
            assert "RUSSIA has not said that it passed this on to Early warning." in second[0]
        for who in ("norway/duty_officer", "russia/duty_officer"):
            note = await stage.text(who, "turn-over")
            assert "RUSSIA has not said that it passed this on to Early warning." in note
            assert (
                "the window is open; RUSSIA has not said that it passed this on to Early warning"
                in note
            )


async def test_the_alarm_ends_and_what_was_told_too_late_stays_late(staging: Staging) -> None:
    async with staging("rocket-1995") as stage:
        await stage.until("1995-01-25T06:40:00Z")
        assert await stage.statuses("ROCKET", "ALARM") == ["under_way", "open"]
        alarm = (await stage.open_matters())["ALARM"]
        assert (alarm["accounts"], alarm["accounts_by"]) == ("differ", ["norway"])
        assert await not_passed_on(stage) == EARLY_WARNING, "it flies, and they do not know"

        await stage.until("1995-01-25T06:55:00Z")
        assert await stage.statuses("ROCKET", "ALARM") == ["completed", "contained"]
        assert (await stage.alike("/in-force"))["windows"] == []

        await stage.finish()
        assert await stage.statuses("ROCKET", "ALARM") == ["closed", "closed"]
        assert await not_passed_on(stage) == []
        answers = (await stage.answers()).report
        assert [(lapse.clock, lapse.side, lapse.came) for lapse in answers.lapses] == [
            ("passed_on", "russia", "1995-01-25T07:10:00.000Z")
        ]
        assert (answers.open_matters, answers.owed, answers.unacknowledged) == (0, (), ())
        assert "Early warning at 25 Jan 1995 07:00Z, confirmed at 25 Jan 1995 07:04Z." in (
            await stage.text("norway/auditor", "audit")
        )
        rows = await stage.rows()
        (notice,) = [row for row in rows["receipts"] if row["act"] == "launch-notice"]
        assert (notice["passed_on_at"], notice["not_passed_on"]) == (
            "1995-01-25T07:10:00.000Z",
            None,
        )
