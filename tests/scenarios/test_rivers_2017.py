"""Data of a river that did not come, a lake behind a landslide, and a warning of terror."""

from stage import Staging

CN, IN, US, RU = ("china", "india", "united-states", "russia")
WARNED = "united-states-russia"
GUARD = ["Guard of public places"]


async def test_the_data_of_one_year_are_owed_for_ever_and_those_of_the_next_came(
    staging: Staging,
) -> None:
    async with staging("rivers-2017") as stage:
        await stage.until("2017-09-12T12:00:00Z")
        assert await stage.statuses("DATA-2017", "EXPERTS") == ["undertaken", "in_force"]
        assert [
            (lapse["clock"], lapse["side"], lapse["due"][:10])
            for lapse in (await stage.audit())["lapses"]
        ] == [("undertaking", CN, "2017-05-15")]
        data = await stage.state("DATA-2017")
        (asked,), (report,) = data["acts"]["clarification-request"], data["acts"]["update"]
        assert (asked["said"]["by"], report["said"]["by"]) == (f"{IN}/o-1", f"{CN}/o-1")
        for side in stage.sides:
            page = await stage.page(side, "DATA-2017")
            assert "The stations are being renewed" in page, side
            assert "水文站正在改造" in page, side

        await stage.until("2018-05-16T12:00:00Z")
        assert await stage.statuses("DATA-2017", "DATA-2018", "EXPERTS", "HANGZHOU") == [
            "undertaken",
            "confirmed",
            "in_force",
            "held",
        ]


async def test_the_lake_rises_and_the_wave_is_passed_on_before_it_comes(staging: Staging) -> None:
    async with staging("rivers-2017") as stage:
        await stage.until("2018-10-18T12:00:00Z")
        season = (await stage.state("SEASON"))["content"]
        assert (season["kind"], season["totals"]["Readings"]) == ("hydrological_data", 924)
        lake = await stage.state("LAKE")
        assert lake["content"]["nature"] == "landslide"
        assert [step["fields"]["monitoring"] for step in lake["developments"]] == [
            "The level has risen by 20 m.",
            "The level has risen by 40 m.",
        ]

        await stage.until("2018-10-20T06:00:00Z")
        (window,) = (await stage.alike("/in-force"))["windows"]
        assert (window["stage"], window.get("not_passed_on")) == ("open", None)
        assert (await stage.state("WAVE"))["content"]["hazard"] == "flood_wave"
        told = (await stage.state("WAVE"))["acts"]["passed-on"]
        assert [act["content"]["to_post"] for act in told] == ["Arunachal Pradesh", "Assam"]
        for side in stage.sides:
            assert "550 million cubic metres" in await stage.text(f"{side}/officer", "period")
        await stage.until("2018-11-09T00:00:00Z")
        assert await stage.statuses("LAKE", "LAKE-2", "WAVE") == ["closed", "closed", "cleared"]


async def test_the_warning_was_not_passed_on_to_those_who_guard_the_hall(staging: Staging) -> None:
    async with staging("rivers-2017") as stage:
        await stage.until("2024-03-07T19:00:00Z")
        for who in (US, RU):
            (fact,) = (await stage.exchange(f"{who}/officer", "WARNING", WARNED))["facts"]
            assert (fact["acknowledged"], fact["not_passed_on"]) == (
                "2024-03-07T16:08:00.000Z",
                GUARD,
            )
        assert {
            (lapse["clock"], lapse["side"]) for lapse in (await stage.audit(WARNED))["lapses"]
        } == {
            ("passed_on", RU),
            ("answer", RU),
        }

        await stage.until("2024-03-22T19:00:00Z")
        assert await stage.statuses("WARNING", "ATTACK", channel=WARNED) == ["answered", "open"]
        (people,) = (await stage.report("situation", WARNED))["people"]
        assert (people["kind"], people["number"], people["of"]) == ("dead", 40, RU)
        attack = await stage.state("ATTACK", WARNED)
        assert (attack["content"]["kind"], attack["precedence"]) == ("attack", "flash")

        await stage.finish()
        warning = await stage.state("WARNING", WARNED)
        assert (warning["status"], len(warning["acts"]["lesson"])) == ("closed", 2)
        assert len(warning["acts"]["reply"]) == 1
        (outcome,) = warning["acts"]["warning-outcome"]
        assert (outcome["said"]["by"], outcome["content"]["result"]) == (f"{RU}/o-1", "used")
        for who in (US, RU):
            page = await stage.page(who, "WARNING", WARNED)
            assert "What you gave was general." in page
        answers = (await stage.answers(WARNED)).report
        assert [row.number for row in answers.people] == [143]
