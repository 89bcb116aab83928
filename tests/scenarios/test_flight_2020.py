"""A flight that was shot down: denied, admitted, and what six sides made of it afterwards."""

from typing import Any

from stage import Stage, Staging

IR, UA, CA, SE, UK, AF = ("iran", "ukraine", "canada", "sweden", "united-kingdom", "afghanistan")


async def standing(stage: Stage, member: str) -> dict[str, Any]:
    """Return the last statement of each side on a member."""
    return {side: value for side, _, value in await stage.stated("FLIGHT", member)}


async def differing(stage: Stage) -> tuple[str, list[str]]:
    """Return the comparison of the accounts, and the members that differ."""
    matter = (await stage.open_matters())["FLIGHT"]
    return matter["accounts"], matter.get("differing", [])


async def test_all_five_have_the_first_word_and_a_fault_is_assumed(staging: Staging) -> None:
    async with staging("flight-2020") as stage:
        await stage.until("2020-01-08T04:30:00Z")
        assert await stage.stated("FLIGHT", "whose") == [(IR, "opening", "unknown")]
        assert (await stage.state("FLIGHT"))["content"]["cause_assumed"] == "A technical fault"
        matter = (await stage.open_matters())["FLIGHT"]
        assert sorted(matter["acknowledged"]) == sorted([UA, CA, SE, UK, AF])
        assert "unacknowledged_by" not in matter and "accounts" not in matter
        (people,) = (await stage.report("situation"))["people"]
        assert (people["kind"], people["number"], people["sides"]) == ("dead", 176, [IR])
        assert (await stage.audit())["lapses"] == []


async def test_a_first_word_is_taken_back_and_the_dead_of_a_third_state_are_named(
    staging: Staging,
) -> None:
    async with staging("flight-2020") as stage:
        await stage.until("2020-01-08T12:00:00Z")
        flight = await stage.state("FLIGHT")
        (first,) = flight["accounts"][UA]
        assert first["content"]["cause_assumed"] == "A failure of an engine", "taken back, and kept"
        (taken_back,) = flight["retractions"]
        assert (taken_back["was"]["cause_assumed"], taken_back["fields"]["cause_assumed"]) == (
            "A failure of an engine",
            "unknown",
        )
        dead = (await stage.report("situation"))["people"]
        assert [(row["number"], row["of_text"]) for row in dead if row.get("of") == "other"] == [
            (3, "Germany")
        ]
        await stage.until("2020-01-09T22:00:00Z")
        visits = {
            visit["matter"]["side"]: visit["matter"]["status"]
            for visit in (await stage.report("situation"))["visits"]
        }
        assert visits == {UA: "arrived", CA: "requested"}
        assert [(lapse["clock"], lapse["side"]) for lapse in (await stage.audit())["lapses"]] == [
            ("answer", IR),
            ("people_access", IR),
        ]


async def test_it_is_denied_and_the_denial_is_taken_back_and_both_stay_listed(
    staging: Staging,
) -> None:
    async with staging("flight-2020") as stage:
        await stage.until("2020-01-09T22:00:00Z")
        assert await standing(stage, "whose") == {IR: "unknown", CA: [IR], UK: [IR]}
        assert await differing(stage) == ("differ", ["kind"]), "unknown differs from nothing"

        await stage.until("2020-01-10T14:00:00Z")
        assert await standing(stage, "whose") == {IR: "nobody_here", CA: [IR], UK: [IR]}
        assert await differing(stage) == ("differ", ["kind", "whose"])
        assert [
            (row["member"], row["begins"][:16], row.get("ends", ""))
            for row in await stage.shown("FLIGHT", "differences")
        ] == [("kind", "2020-01-09T19:15", ""), ("whose", "2020-01-10T07:30", "")]
        questions = await stage.state("QUESTIONS")
        (answer,) = questions["acts"]["reply"]
        assert [item["q"] for item in answer["content"]["answers"]] == [1, 2, 3]
        (judged,) = questions["acts"]["assessment"]
        assert (questions["status"], judged["content"]["result"]) == ("assessed", "insufficient")

        await stage.until("2020-01-11T06:00:00Z")
        assert await stage.stated("FLIGHT", "whose") == [
            (IR, "opening", "unknown"),
            (CA, "account", [IR]),
            (UK, "account", [IR]),
            (IR, "update", "nobody_here"),
            (IR, "retraction", [IR]),
        ]
        assert [value for _, _, value in await stage.stated("FLIGHT", "cause_established")] == [
            "Not a missile. The rest is for the recorders to say.",
            "Fire of our own air defence. An error of a man took the aircraft for an attacker.",
        ]
        assert await differing(stage) == ("beside", [])
        assert [
            (row["member"], row["ends"][:16], row["ended_by"])
            for row in await stage.shown("FLIGHT", "differences")
        ] == [("kind", "2020-01-11T03:45", IR), ("whose", "2020-01-11T03:45", IR)]
        _, admission = (await stage.state("FLIGHT"))["retractions"]
        assert admission["known_since"] == "2020-01-08T06:00:00Z"
        assert (admission["was"]["kind"], admission["fields"]["kind"]) == ("crash", "stray_fire")
        (answers,) = (await stage.state("QUESTIONS"))["retractions"]
        assert answers["was"]["answers"][0]["text"] == "No missile hit it. That is certain."
        for side in stage.sides:
            page = await stage.page(side, "FLIGHT")
            for words in (
                "was:By what we know, an engine failed.",
                "UKRAINE Retraction",
                "Not a missile.",
                "IRAN Retraction",
                "Fire of our own air defence.",
                "What we said until now was wrong.",
            ):
                assert words in page, (side, words)


async def test_five_ask_and_a_promise_is_taken_back_kept_and_late(staging: Staging) -> None:
    async with staging("flight-2020") as stage:
        await stage.until("2020-01-20T12:00:00Z")
        assert await stage.statuses("FIVE", "CALL") == ["settled", "accounts_differ"]
        assert await stage.shown("FIVE", "signatories") == sorted([UA, CA, SE, UK, AF])
        assert await stage.answered("FIVE") == dict.fromkeys([UA, SE, UK, AF], "agreed"), (
            "Iran receives it, and is not asked to sign"
        )
        demands = (await stage.state("FIVE"))["messages"][0]
        assert IR in demands["acknowledged"]
        recorders = await stage.state("RECORDERS")
        assert recorders["content"]["what"].startswith("Have the recorders read in Kyiv"), (
            "what one side took back alone is still undertaken"
        )
        assert recorders["status"] == "undertaken" and recorders["acts"]["amendment-refusal"]

        await stage.until("2020-07-25T12:00:00Z")
        assert await stage.statuses("RECORDERS") == ["confirmed"]
        (report,) = (await stage.state("RECORDERS"))["acts"]["update"]
        assert report["content"]["text"].startswith("They go to France.")
        answers = (await stage.answers()).report
        assert ("undertaking", IR, "2020-07-20T09:00:00.000Z") in {
            (lapse.clock, lapse.side, lapse.came) for lapse in answers.lapses
        }

        await stage.until("2021-03-18T12:00:00Z")
        await stage.assert_refused("PAYMENT", UA)
        assert await stage.answered("PAYMENT") == {UA: "refused"} | dict.fromkeys(
            [CA, SE, UK, AF], "silent"
        )
        causes = await standing(stage, "cause_established")
        assert (causes[UA], causes[CA]) == ("unknown", "unknown")
        assert await standing(stage, "whose") == {side: [IR] for side in (IR, UA, CA, UK)}
        for side in stage.sides:
            page = await stage.text(f"{side}/officer", "period")
            assert "This report hides the true causes." in page

        await stage.finish()
        assert await stage.statuses("FLIGHT") == ["closed"]
        assert (await stage.state("FLIGHT"))["acts"]["lesson"]
