"""Leaks in waters that are nobody's: who did it is not known, and two say no to each other."""

from stage import Staging

DK, SE, DE, PL, RU = ("denmark", "sweden", "germany", "poland", "russia")
NEIGHBOURS = "denmark-sweden-germany"


async def test_three_leaks_are_known_to_all_and_the_area_is_kept_free(staging: Staging) -> None:
    async with staging("pipelines-2022") as stage:
        await stage.until("2022-09-27T06:00:00Z")
        matters = await stage.open_matters()
        assert set(matters) == {"LEAK-1", "LEAK-2", "LEAK-3"}
        assert all(len(matter["acknowledged"]) == 4 for matter in matters.values())
        (window,) = (await stage.alike("/in-force"))["windows"]
        assert (window["act"], window["stage"]) == ("danger-area", "open")
        assert window["until_further_notice"], "nobody has to guess an end"

        await stage.until("2022-09-29T18:00:00Z")
        blasts, deliberate = await stage.state("BLASTS"), await stage.state("DELIBERATE")
        assert (blasts["content"]["whose"], deliberate["content"]["whose"]) == ("unknown",) * 2
        assert list(blasts["accounts"]) == [PL] and list(deliberate["accounts"]) == [RU]
        assert await stage.stated("BLASTS", "kind") == [
            (SE, "opening", "unknown"),
            (PL, "account", "sabotage"),
        ]
        assert await stage.stated("DELIBERATE", "kind") == [
            (DK, "opening", "sabotage"),
            (RU, "account", "attack"),
        ]
        (difference,) = await stage.shown("DELIBERATE", "differences")
        assert (difference["member"], difference["sides"]) == ("kind", [DK, RU])
        (fourth,) = (await stage.state("LEAK-2"))["developments"]
        assert len(fourth["fields"]["places"]) == 1
        assert len(blasts["content"]["places"]) == 1
        assert await stage.statuses("LETTER") == ["settled"]
        assert await stage.shown("LETTER", "signatories") == [DK, SE]
        assert await stage.answered("LETTER") == {SE: "agreed"}, "the others receive it"


async def test_a_no_stands_with_its_reason_in_both_channels(staging: Staging) -> None:
    async with staging("pipelines-2022") as stage:
        await stage.until("2022-10-14T16:00:00Z")
        await stage.assert_refused("TEAM", SE, channel=NEIGHBOURS)
        assert await stage.answered("TEAM", NEIGHBOURS) == {DK: "agreed", SE: "refused"}
        (refused,) = (await stage.state("TEAM", NEIGHBOURS))["acts"]["decline"]
        assert "must not leave the country" in refused["content"]["reason"]
        assert await stage.statuses("VISIT") == ["refused"]
        assert await stage.answered("VISIT") == {DK: "refused", SE: "refused"}
        for side in stage.sides:
            page = await stage.page(side, "VISIT")
            assert "Our own authorities lead the inquiry" in page, side
            assert "The inquiry is secret by our law." in page, side
        (count,) = (await stage.state("LEAK-1"))["accounts"][RU]
        assert count["content"]["release"] == "About 800 million cubic metres of gas"
        assert await stage.statuses("QUESTIONS") == ["requested"]

        await stage.until("2023-03-28T12:00:00Z")
        questions = await stage.state("QUESTIONS")
        asked = questions["messages"][0]
        assert (list(asked["answered"]), sorted(asked["acknowledged"])) == ([DK], [DK, DE, SE])
        assert [
            (window["kind"], window["stage"])
            for window in (await stage.alike("/in-force"))["windows"]
        ] == [("salvage", "open")]
        findings = await stage.state("FINDINGS", NEIGHBOURS)
        assert findings["id"] not in str(await stage.alike("/state"))
        await stage.assert_refused("INQUIRY", DK, SE, DE)
        assert (await stage.answered("INQUIRY"))[PL] == "silent"


async def test_two_inquiries_end_and_nobody_is_named(staging: Staging) -> None:
    async with staging("pipelines-2022") as stage:
        await stage.until("2024-02-26T16:00:00Z")
        states = await stage.statuses("BLASTS", "DELIBERATE", "LIFTING")
        assert states == ["closed", "reported", "cleared"]
        for name in ("BLASTS", "DELIBERATE"):
            state = await stage.state(name)
            assert state["content"]["whose"] == "unknown"
            assert state["acts"]["final-report"][0]["content"]["cause_established"]
        assert (SE, "update", "sabotage") in await stage.stated("BLASTS", "kind")
        assert (await stage.answered("YACHT")) == {DK: "agreed", SE: "agreed"}
        for side in stage.sides:
            page = await stage.text(f"{side}/officer", "period")
            assert "This cannot be taken seriously." in page and "no grounds for a case" in page, (
                side
            )
