"""An airship that was announced late, calls that nobody answered, and areas to keep out of."""

from stage import Staging


async def test_it_is_reported_days_after_it_was_known(staging: Staging) -> None:
    async with staging("balloon-2023") as stage:
        await stage.until("2023-02-02T00:00:00Z")
        view = await stage.exchange("china/officer", "ENTRY")
        assert [flag["flag"] for flag in view["flags"]] == ["late_report"]
        assert [finding.kind for finding in (await stage.answers()).report.exceptions] == ["late"]
        assert set(await stage.open_matters()) == {"ENTRY"}


async def test_an_account_stands_beside_the_report(staging: Staging) -> None:
    async with staging("balloon-2023") as stage:
        await stage.until("2023-02-03T15:00:00Z")
        entry = await stage.state("ENTRY")
        (account,) = entry["accounts"]["china"]
        assert account["content"]["cause_established"] == "Force majeure: westerly winds"
        assert await stage.statuses("VISIT") == ["postponed"]


async def test_the_call_is_not_answered_within_its_hour(staging: Staging) -> None:
    async with staging("balloon-2023") as stage:
        await stage.until("2023-02-04T21:05:00Z")
        late = {(lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]}
        assert ("acknowledgement", "china") in late and ("answer", "china") not in late
        for who in ("united-states/duty_officer", "china/duty_officer"):
            alarms = (await stage.read(who, "/watch"))["alarms"]
            assert {(alarm["alarm"], alarm["side"]) for alarm in alarms} == {
                ("flash_unacknowledged", "china"),
                ("undelivered", "china"),
            }
        await stage.until("2023-02-04T21:05:01Z")
        late = {(lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]}
        assert ("answer", "china") in late
        attempts = (await stage.state("CALL"))["acts"]["call-attempt"]
        assert [attempt["content"]["outcome"] for attempt in attempts] == ["no_answer"] * 2

        await stage.until("2023-02-09T09:00:00Z")
        assert await stage.statuses("CALL") == ["declined"]


async def test_the_areas_are_in_force_until_their_side_says_that_they_are_free(
    staging: Staging,
) -> None:
    async with staging("balloon-2023") as stage:
        stages = {}
        for moment in (
            "2023-02-04T17:42",
            "2023-02-04T19:40",
            "2023-02-04T19:55",
            "2023-02-06T12:00",
            "2023-02-11T12:00",
            "2023-02-13T12:00",
            "2023-02-16T22:30",
        ):
            await stage.until(f"{moment}:00Z")
            windows = (await stage.alike("/in-force"))["windows"]
            stages[moment[5:]] = [(window["kind"], window["stage"]) for window in windows]
        assert stages == {
            "02-04T17:42": [("missile", "near")],
            "02-04T19:40": [("missile", "open")],
            "02-04T19:55": [],
            "02-06T12:00": [("salvage", "open")],
            "02-11T12:00": [("salvage", "holding")],
            "02-13T12:00": [("salvage", "open")],
            "02-16T22:30": [],
        }
        assert await stage.statuses("FIRING", "SALVAGE") == ["cleared", "completed"]

        await stage.finish()
        answers = (await stage.answers()).report
        assert ("final_report", "united-states") in {
            (lapse.clock, lapse.side) for lapse in answers.lapses
        }
        assert not answers.owed and not answers.unacknowledged
