"""A flight that was shot down: denied, admitted, and what six sides made of it afterwards."""

from typing import Any

from stage import Stage, Staging

IR, UA, CA, SE, UK, AF = ("iran", "ukraine", "canada", "sweden", "united-kingdom", "afghanistan")


async def stated(stage: Stage) -> dict[str, tuple[Any, Any]]:
    """Return the newest word of each side on the cause, and on whose fire it was."""
    flight = await stage.state("FLIGHT")
    words = {IR: flight["content"]} | {
        side: accounts[-1]["content"] for side, accounts in flight.get("accounts", {}).items()
    }
    return {
        side: (word.get("whose"), word.get("cause_established", word.get("cause_assumed")))
        for side, word in words.items()
    }


async def differing(stage: Stage) -> tuple[str, list[str]]:
    """Return the comparison of the accounts, and the members that differ."""
    matter = (await stage.open_matters())["FLIGHT"]
    return matter["accounts"], matter.get("differing", [])


async def test_all_five_have_the_first_word_and_a_fault_is_assumed(staging: Staging) -> None:
    async with staging("flight-2020") as stage:
        await stage.until("2020-01-08T04:30:00Z")
        assert await stated(stage) == {IR: ("unknown", "A technical fault")}
        matter = (await stage.open_matters())["FLIGHT"]
        assert sorted(matter["acknowledged"]) == sorted([UA, CA, SE, UK, AF])
        assert "unacknowledged_by" not in matter and "accounts" not in matter
        (people,) = (await stage.report("situation"))["people"]
        assert (people["kind"], people["number"], people["side"]) == ("dead", 176, IR)
        assert (await stage.audit())["lapses"] == []


async def test_it_is_denied_and_then_admitted_and_both_stay_visible(staging: Staging) -> None:
    async with staging("flight-2020") as stage:
        await stage.until("2020-01-09T22:00:00Z")
        words = await stated(stage)
        missile = ([IR], "A missile from the ground")
        assert (words[UA], words[CA], words[UK]) == ((None, "unknown"), missile, missile)
        assert words[IR][0] == "unknown" and SE not in words and AF not in words
        assert (await differing(stage))[0] == "differ"
        first, second = (await stage.state("FLIGHT"))["accounts"][UA]
        assert first["content"]["cause_assumed"] == "A failure of an engine", "taken back, and kept"
        assert second["given"]["time"] == "2020-01-08T09:00:00.000Z"
        visits = {
            visit["matter"]["side"]: visit["matter"]["status"]
            for visit in (await stage.report("situation"))["visits"]
        }
        assert visits == {UA: "arrived", CA: "requested"}
        assert [(lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]] == [
            ("answer", IR),
            ("people_access", IR),
        ]

        await stage.until("2020-01-10T14:00:00Z")
        denied = ("nobody_here", "Not a missile. The rest is for the recorders to say.")
        assert (await stated(stage))[IR] == denied
        assert await differing(stage) == ("differ", ["kind", "whose"])
        questions = await stage.state("QUESTIONS")
        (answer,) = questions["acts"]["reply"]
        assert [item["q"] for item in answer["content"]["answers"]] == [1, 2, 3]
        (judged,) = questions["acts"]["assessment"]
        assert (questions["status"], judged["content"]["result"]) == ("assessed", "insufficient")

        await stage.until("2020-01-11T06:00:00Z")
        whose, cause = (await stated(stage))[IR]
        assert whose == [IR] and cause.startswith("A missile of our air defence.")
        assert (await differing(stage))[0] == "beside"
        assert len((await stage.state("QUESTIONS"))["acts"]["reply"]) == 2
        for side in stage.sides:
            page = await stage.text(f"{side}/officer", "period")
            for word in (
                "By what we know, an engine failed.",
                "Not a missile.",
                "A missile of our air defence.",
                "What we said on 10 January was wrong.",
            ):
                assert word in page, (side, word)


async def test_five_ask_and_a_promise_is_taken_back_kept_and_late(staging: Staging) -> None:
    async with staging("flight-2020") as stage:
        await stage.until("2020-01-20T12:00:00Z")
        five = await stage.state("FIVE")
        behind = {act["said"]["by"].partition("/")[0] for act in five["acts"]["endorsement"]}
        assert behind | {five["side"]} == {UA, CA, SE, UK, AF}
        recorders = await stage.state("RECORDERS")
        assert recorders["content"]["what"].startswith("Have the recorders read in Kyiv"), (
            "what one side took back alone is still undertaken"
        )
        assert recorders["status"] == "undertaken" and recorders["acts"]["amendment-refusal"]

        await stage.until("2020-07-25T12:00:00Z")
        assert await stage.statuses("RECORDERS") == ["confirmed"]
        answers = (await stage.answers()).report
        assert ("undertaking", IR, "2020-07-20T09:00:00.000Z") in {
            (lapse.clock, lapse.side, lapse.came) for lapse in answers.lapses
        }

        await stage.until("2021-03-18T12:00:00Z")
        payment = await stage.state("PAYMENT")
        (refused,) = payment["acts"]["decline"]
        assert refused["said"]["by"] == f"{UA}/o-1" and "agreement" not in payment["acts"]
        words = await stated(stage)
        assert (words[UA], words[CA]) == (([IR], "unknown"), ([IR], "unknown"))
        for side in stage.sides:
            page = await stage.text(f"{side}/officer", "period")
            assert "This report hides the true causes." in page

        await stage.finish()
        assert await stage.statuses("FLIGHT") == ["closed"]
        assert (await stage.state("FLIGHT"))["acts"]["lesson"]
