"""A year of two secretariats: a session, offices and their staff, figures, a report, students."""

from dragoman.i18n.words import NBSP
from stage import Staging

R, D = "rivers", "deltas"
DESK = "rivers-desk"


def plain(text: str) -> str:
    return text.replace(NBSP, " ")


async def test_the_first_session_ends_in_one_readout_and_two_offices(staging: Staging) -> None:
    async with staging("talks-2021") as stage:
        await stage.until("2021-02-18T12:00:00Z")
        assert await stage.statuses("FIRST") == ["held"]
        for side in (R, D):
            page = await stage.page(side, "FIRST")
            assert "Each secretariat opens an office at the other." in page, side

        await stage.until("2021-02-26T00:00:00Z")
        await stage.assert_refused("OFFICE-D", R)
        await stage.until("2021-03-03T00:00:00Z")
        assert await stage.statuses("OFFICE-R", "OFFICE-D") == ["agreed", "agreed"]
        charter = (await stage.state("OFFICE-D"))["content"]["charter"]["en"]
        assert charter.endswith("by the end of the next working day.")


async def test_staff_is_named_agreed_to_refused_and_leaves(staging: Staging) -> None:
    async with staging("talks-2021") as stage:
        for moment, expected in {
            "2021-03-18T12:00:00Z": ["agreed", "agreed", "refused"],
            "2021-04-13T00:00:00Z": ["arrived", "arrived", "refused"],
            "2021-12-07T00:00:00Z": ["left", "arrived", "refused"],
        }.items():
            await stage.until(moment)
            assert await stage.statuses("LAINE", "SAETANG", "ADVISER") == expected, moment
            for side in (R, D):
                people = await stage.read_page(side, "/people")
                assert "Adviser on salt water" in people, side
                assert "Aino Laine" not in people, "an auditor sees no names"


async def test_the_value_of_one_week_is_missing_for_ever(staging: Staging) -> None:
    async with staging("talks-2021") as stage:
        await stage.until("2021-05-24T12:00:00Z")
        lapses = [(row["clock"], row["side"]) for row in (await stage.audit())["lapses"]]
        assert lapses == [("data_value", R)], "everything else came in time"
        await stage.until("2021-06-01T00:00:00Z")
        for side in (R, D):
            page = await stage.read_page(side, "/data-series")
            assert page.count("missing") == 3, "in both titles and in the third row"
            assert "3.62" in page and "2.98" in page, side
            assert "The gauge stood dry in that week" in await stage.page(side, "LEVELS")


async def test_silence_is_broken_once_and_adopts_the_second_draft(staging: Staging) -> None:
    async with staging("talks-2021") as stage:
        await stage.until("2021-07-10T00:00:00Z")
        assert await stage.statuses("SILENCE-1", channel=DESK) == ["broken"]
        await stage.until("2021-07-23T09:59:00Z")
        assert await stage.statuses("SILENCE-2", channel=DESK) == ["circulating"]
        draft = await stage.page(R, "SILENCE-2", DESK)
        assert "if none of them objects, silence agrees at 23 Jul 2021 10:00Z" in plain(draft)
        board = await stage.read_page(R, "", DESK)
        assert "Silence agrees, unless an officer objects." in board
        await stage.until("2021-07-23T10:01:00Z")
        assert await stage.statuses("SILENCE-2", channel=DESK) == ["adopted"]
        assert "none of them objected" in await stage.page(R, "SILENCE-2", DESK)
        assert "Silence agrees" not in await stage.read_page(R, "", DESK)
        for side, sees in ((R, True), (D, False)):
            assert ("Silence procedure" in await stage.page(side, "REPORT")) == sees
        assert await stage.statuses("REPORT") == ["negotiating"]
        await stage.until("2021-07-24T00:00:00Z")
        assert await stage.statuses("REPORT") == ["settled"]


async def test_the_year_ends_with_a_core_a_report_and_eleven_students(staging: Staging) -> None:
    async with staging("talks-2021") as stage:
        await stage.finish()
        assert await stage.statuses("ROADMAP", "CORE", "STUDENTS", "MOREL") == [
            "adopted",
            "received",
            "completed",
            "arrived",
        ]
        assert (await stage.state("STUDENTS"))["content"]["actual"] == 11
        for side in (R, D):
            assert "Students of water engineering" in await stage.read_page(side, "/people")
            core = await stage.page(side, "CORE")
            assert "Institute of geology" in core and "not yet" not in core, side
