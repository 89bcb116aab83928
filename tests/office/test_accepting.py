"""Accepting a meeting: the offered times as choices, none of them chosen where there are several,
and a check page that says what is agreed to.
"""

from meeting_requests import CALM, asked
from office import Office
from service import Answer, Caller


def test_an_officer_chooses_among_the_offered_times_and_reads_what_is_agreed(demo: Office) -> None:
    exchange, windows = asked(demo, 2)
    china = demo.person("china/officer").open(f"/c/{CALM}/meetings/{exchange}")
    assert {"Accept", "Propose other times", "Decline"} <= china.links().keys()
    china.follow("Accept")
    offered = {name: on for name, on in china.fields().items() if "Brussels" in name}
    assert [*offered.values()] == [False] * len(windows)
    for name, window in zip(offered, windows, strict=True):
        assert window["from"][11:16] in name and "Beijing" in name, name
        assert "Shanghai" not in name
    china.press("Check before sending")
    fault = "Time that you accept: Choose one of the times that are offered."
    assert china.links()[fault] == "#f-window"
    china.choose(windows[1]["from"][11:16]).press("Check before sending")
    _, _, agreed = china.text.partition("You agree to:")
    assert windows[1]["from"][11:16] in agreed.partition("The page of NATO")[0]
    china.press("Send").see("Recorded: record")
    view = demo.api(
        "nato/officer", lambda nato: nato.get(f"/v1/channels/{CALM}/exchanges/{exchange}")
    ).json
    assert (view["state"]["status"], view["state"]["meeting"]["accepted"]["china"]["window"]) == (
        "accepted",
        1,
    )
    china.open(f"/c/{CALM}/exchanges/{exchange}")
    china.within("Messages").see("Time accepted").within("")
    assert china.text.index("Time agreed") < china.text.index("Possible times"), (
        "what holds stands before what was possible once"
    )
    assert not [name for name in china.within("Your next moves").links() if "held" in name]
    china.within("").open(f"/c/{CALM}/exchanges/{exchange}/moves").follow("Record that it was held")
    china.fill("From", "2020-01-01 08:00").fill("To", "2020-01-01 09:00")
    china.press("Check before sending").see("This is before the request for the meeting")


def test_an_acceptance_names_one_of_several_times_or_is_refused_before_it_is_recorded(
    demo: Office,
) -> None:
    for windows, status in ((2, 422), (1, 201)):
        exchange, _ = asked(demo, windows)

        async def accepted(china: Caller, exchange: str = exchange) -> tuple[str, Answer, str]:
            where = f"/v1/channels/{CALM}/exchanges/{exchange}"
            before = (await china.get(where)).headers["ETag"]
            answer = await china.act(exchange, {"act": "acceptance"}, CALM, If_Match=before)
            return before, answer, (await china.get(where)).headers["ETag"]

        before, answer, after = demo.api("china/officer", accepted)
        assert answer.status == status, answer.body
        if status == 422:
            (error,) = answer.json["errors"]
            assert (error["pointer"], error["detail"]) == (
                "/window",
                "2 times are offered; say which one you accept, counted from 0",
            )
            assert before == after, "nothing was recorded"
