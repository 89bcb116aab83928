"""An explosion whose first explanation was wrong, in two channels: neighbours and allies."""

from typing import Any

from stage import Stage, Staging


async def assumed(stage: Stage) -> tuple[Any, str]:
    """Return the present assumption: whose it was, and the cause."""
    content = (await stage.state("EXPLOSION"))["content"]
    return content["whose"], content["cause_assumed"]


async def test_people_come_first_and_nobody_knows_whose_it_was(staging: Staging) -> None:
    async with staging("explosion-2022") as stage:
        await stage.until("2022-11-15T15:40:00Z")
        assert await assumed(stage) == ("unknown", "unknown")
        (people,) = (await stage.report("situation"))["people"]
        assert (people["kind"], people["number"], people["of"]) == ("dead", 2, "poland")
        matter = (await stage.open_matters())["EXPLOSION"]
        assert "unacknowledged_by" not in matter
        assert (await stage.audit())["unacknowledged"] == []


async def test_the_first_assumption_is_corrected_and_stays_visible(staging: Staging) -> None:
    async with staging("explosion-2022") as stage:
        await stage.until("2022-11-15T23:20:00Z")
        whose, cause = await assumed(stage)
        assert (whose, cause) == (
            ["russia"],
            "A missile of Russian make. It is not known who fired it.",
        )
        assert (await stage.open_matters())["EXPLOSION"]["accounts"] == "beside"

        await stage.until("2022-11-16T11:30:00Z")
        whose, cause = await assumed(stage)
        assert whose == ["ukraine"] and cause.startswith("Most likely an air defence missile")
        matter = (await stage.open_matters())["EXPLOSION"]
        assert (matter["accounts"], matter["differing"]) == ("differ", ["whose"])
        (correction,) = (await stage.state("EXPLOSION"))["corrections"]
        assert correction["reason"].startswith("The first assumption was wrong")
        page = await stage.text("russia/officer", "period")
        assert "A missile of Russian make." in page and "The first assumption was wrong" in page
        findings = (await stage.answers()).report.exceptions
        assert [finding.kind for finding in findings] == ["corrected"]


async def test_the_allies_consult_in_a_channel_of_their_own(staging: Staging) -> None:
    async with staging("explosion-2022") as stage:
        await stage.until("2022-11-16T13:00:00Z")
        assert await stage.statuses("CONSULTATIONS", channel="poland-nato") == ["held"]
        meeting = (await stage.state("CONSULTATIONS", "poland-nato"))["meeting"]
        assert sorted(meeting["readouts"]) == ["nato", "poland"]
        assert "people" not in await stage.report("situation", "poland-nato")
        own = await stage.read("poland/officer", "/state", "poland-nato")
        assert own["open_matters"] == []


async def test_access_to_the_place_is_asked_for_and_granted_with_conditions(
    staging: Staging,
) -> None:
    async with staging("explosion-2022") as stage:
        await stage.until("2022-11-16T14:05:00Z")
        assert await stage.statuses("SITE") == ["requested"]
        (visit,) = (await stage.report("situation"))["visits"]
        assert (visit["kind"], visit["asked"][:16], visit.get("granted", "")) == (
            "site",
            "2022-11-16T13:30",
            "",
        )

        await stage.until("2022-11-17T12:30:00Z")
        (visit,) = (await stage.report("situation"))["visits"]
        assert (visit["matter"]["status"], visit["by"]) == ("granted_with_conditions", "poland")
        assert visit["conditions"].endswith("Nothing is taken away.")
        assert visit["planned"] == "2022-11-18T09:00:00Z", "not on the day that was asked for"

        await stage.until("2023-10-01T00:00:00Z")
        lapses = [(lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]]
        assert ("answer", "poland") in lapses and ("visit_report", "ukraine") in lapses
        assert ("final_report", "poland") in lapses
        (row,) = (await stage.rows())["visits"]
        assert (row["arrived_at"], row["left_at"], row["reported_at"], row["status"]) == (
            "2022-11-18T09:00:00Z",
            "2022-11-18T16:00:00Z",
            None,
            "left",
        )
        # The account of Ukraine still differs, so the closure of Poland alone does not end it.
        assert await stage.statuses("EXPLOSION") == ["reported"]
