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
        assert await stage.statuses("DATA-2017", "EXPERTS") == ["undertaken", "suspended"]
        assert [
            (lapse["clock"], lapse["side"], lapse["due"][:10])
            for lapse in (await stage.audit())["lapses"]
        ] == [("undertaking", CN, "2017-05-15")]
        for side in stage.sides:
            assert "The stations are being renewed" in await stage.text(f"{side}/officer", "period")

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
        lake = await stage.state("LAKE")
        assert [step["fields"]["monitoring"] for step in lake["developments"]] == [
            "The level has risen by 20 m.",
            "The level has risen by 40 m.",
        ]

        await stage.until("2018-10-20T06:00:00Z")
        (window,) = (await stage.alike("/in-force"))["windows"]
        assert (window["stage"], window.get("not_passed_on")) == ("open", None)
        told = (await stage.state("WAVE"))["acts"]["passed-on"]
        assert [act["content"]["to_post"] for act in told] == ["Arunachal Pradesh", "Assam"]
        for side in stage.sides:
            assert "550 million cubic metres" in await stage.text(f"{side}/officer", "period")
        await stage.until("2018-11-06T00:00:00Z")
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

        await stage.finish()
        warning = await stage.state("WARNING", WARNED)
        assert (warning["status"], len(warning["acts"]["lesson"])) == ("closed", 2)
        assert len(warning["acts"]["reply"]) == 2, "one answer before the attack, and one after"
        answers = (await stage.answers(WARNED)).report
        assert [row.number for row in answers.people] == [143]
