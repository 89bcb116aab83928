"""Ten people held for a night: missing for one side, an entry for the other, and free."""

from typing import Any

from stage import Stage, Staging

US, IR, CH = ("united-states", "iran", "switzerland")


async def people(stage: Stage) -> list[tuple[Any, ...]]:
    """Return the groups of the situation report: on whose word, kind, number, handed over."""
    return [
        (side, row["kind"], row["number"], row.get("handed_over", "")[:16])
        for row in (await stage.report("situation")).get("people", [])
        for side in row["sides"]
    ]


async def test_ten_are_missing_and_then_held_and_all_three_see_it(staging: Staging) -> None:
    async with staging("sailors-2016") as stage:
        await stage.until("2016-01-12T16:00:00Z")
        matters = await stage.open_matters()
        assert {name: matter["kind"] for name, matter in matters.items()} == {
            "MISSING": "unknown",
            "ENTRY": "unannounced_entry",
        }
        assert await people(stage) == [(US, "missing", 10, "")]

        await stage.until("2016-01-12T18:30:00Z")
        assert sorted(await people(stage)) == [(IR, "held", 10, ""), (US, "held", 10, "")]
        assert (await stage.open_matters())["ENTRY"]["differing"] == ["kind"]
        assert await stage.stated("MISSING", "kind") == [
            (US, "opening", "unknown"),
            (US, "update", "persons_in_distress_or_held"),
        ]
        for side in stage.sides:
            page = await stage.text(f"{side}/officer", "situation")
            assert "held" in page and "Safe and healthy" in page, side


async def test_the_night_its_calls_and_the_access_that_was_not_given(staging: Staging) -> None:
    async with staging("sailors-2016") as stage:
        await stage.until("2016-01-13T00:40:00Z")
        assert await stage.statuses("CALL-1", "CALL-2", "CALL-3") == ["held"] * 3
        assert await stage.statuses("ACCESS", "RELEASE") == ["requested", "undertaken"]
        access = await stage.state("ACCESS")
        assert (access["side"], access["content"]["on_behalf_of"]) == (CH, [US])
        assert await stage.answered("RELEASE") == {IR: "agreed"}

        await stage.until("2016-01-13T10:00:00Z")
        (report,) = (await stage.state("RELEASE"))["acts"]["update"]
        assert report["said"]["by"] == f"{IR}/d-1", (
            "of the side that undertook what the other wrote"
        )
        assert await stage.statuses("RELEASE", "MISSING", "ENTRY") == ["done"] + ["contained"] * 2
        free = "2016-01-13T08:43"
        assert sorted(await people(stage)) == [(IR, "held", 10, free), (US, "safe", 10, free)]
        assert ("answer", IR) in {
            (lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]
        }, "nobody answered Switzerland"


async def test_a_word_is_denied_two_cards_are_missing_and_five_notes(staging: Staging) -> None:
    async with staging("sailors-2016") as stage:
        await stage.until("2016-01-18T17:00:00Z")
        await stage.assert_refused("LINE", US)
        (difference,) = await stage.shown("ENTRY", "differences")
        assert (difference["member"], difference["ends"][:10]) == ("kind", "2016-01-14")
        assert (await stage.open_matters())["ENTRY"]["accounts"] == "agreed"
        for side in (US, IR):
            assert "without intent" in await stage.page(side, "ENTRY")
        release = await stage.state("RELEASE")
        (dispute,) = release["acts"]["fulfilment-dispute"]
        assert release["status"] == "disputed" and "Two cards" in dispute["content"]["reason"]
        lapses = [(lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]]
        assert lapses.count(("note", IR)) == 5 and ("note", US) not in lapses

        await stage.until("2016-07-01T12:00:00Z")
        assert await stage.statuses("MISSING", "ENTRY") == ["closed"] * 2
        for side in stage.sides:
            page = await stage.text(f"{side}/officer", "period")
            for word in ("apologised", "There was nothing to apologise for", "Two cards"):
                assert word in page, (side, word)
