"""Readers see more than the state: questions that stay open, quantities in SI, words on a message's
face, an opening as it was sent.
"""

from collections.abc import Callable
from typing import Any

from beside import enter, named
from samples import act
from service import NOTE, Caller
from world import REQUEST

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"


async def opened(caller: Caller, releaser: Caller, body: dict[str, Any]) -> str:
    """An opening that two officers send; its exchange."""
    draft = await caller.post(f"{C}/drafts", {"act": body})
    kept = await releaser.call(
        "POST", f"{C}/drafts/{draft.json['id']}/release", If_Match=draft.headers["ETag"]
    )
    assert kept.status == 201, kept.body
    return str(kept.json["exchange"])


async def carried(caller: Caller, exchange: str, body: dict[str, Any], **headers: str) -> None:
    answer = await caller.act(exchange, body, **headers)
    assert answer.status == 201, answer.body


async def recorded(reader: Caller, exchange: str) -> tuple[Any, str]:
    """An exchange as the record of the period has it, and that record's text."""
    report = (await reader.get(f"{C}/reports/period")).json
    (found,) = [
        each
        for family in report["families"]
        for each in family["exchanges"]
        if each["matter"]["exchange"] == exchange
    ]
    return found, (await reader.get(f"{C}/reports/period", Accept="text/markdown")).body.decode()


async def test_questions_stay_open_until_their_numbers_are_answered(who: Who) -> None:
    body = act("explanation-request", questions=["Why?", "Where?", "Until when?"])
    exchange = await opened(who("nato/officer"), who("nato/head_of_office"), body)
    reply = {
        "act": "reply",
        "answers": [{"q": 2, "text": "There."}],
        "aims": "Training.",
        "formations": ["1st Brigade"],
    }
    await carried(who("china/officer"), exchange, reply)
    for reader in ("nato/officer", "china/auditor"):
        view = (await who(reader).get(f"{C}/exchanges/{exchange}")).json
        (left,) = view["unanswered"]
        assert (left["asked_by"], left["side"], left["numbers"], left["message"]) == (
            "nato",
            "china",
            [1, 3],
            exchange,
        )
    found, text = await recorded(who("china/auditor"), exchange)
    assert found["unanswered"] == [left]
    assert "CHINA has not answered 2 questions of NATO: 1, 3" in text
    year = f"20{view['state']['number'].split('/')[2]}"  # in which it was opened, which may be over by now
    asked = (await who("nato/officer").get(f"{C}/reports/year?year={year}")).json["questions"]
    assert [
        (each["numbers"], each["questions"])
        for each in asked
        if each["matter"]["exchange"] == exchange
    ] == [([1, 3], ["Why?", "Until when?"])]


async def test_quantities_keep_their_unit_and_stand_beside_it_in_si(who: Who) -> None:
    exchange = (await who("nato/officer").open(act("encounter-report"))).json["exchange"]
    view = (await who("china/officer").get(f"{C}/exchanges/{exchange}")).json
    assert view["state"]["content"]["cpa"] == {"value": 0.5, "unit": "nm"}
    assert view["si"] == {
        "/cpa": {"value": 926.0, "unit": "m"},
        "/courses/0/speed": {"value": 7.202, "unit": "m/s"},
    }
    _, text = await recorded(who("china/officer"), exchange)
    assert "0.5 nm (926 m)" in text.replace("\N{NO-BREAK SPACE}", " ")
    await carried(
        who("china/officer"),
        exchange,
        {"act": "counter-account", "facts": "Otherwise.", "cpa": {"value": 0.7, "unit": "nm"}},
    )
    flags = (await who("nato/officer").get(f"{C}/exchanges/{exchange}")).json["flags"]
    assert ("accounts_differ", "china states it differently: cpa") in [
        (flag["flag"], flag["detail"]) for flag in flags
    ]


async def test_some_messages_say_on_their_face_what_they_are_not(who: Who) -> None:
    for name, words in (
        ("danger-area", "neither a NOTAM nor a NAVAREA"),
        ("humanitarian-notification", "asks no permission"),
    ):
        exchange = (await who("nato/officer").open(act(name))).json["exchange"]
        notice = (await who("china/officer").get(f"{C}/exchanges/{exchange}")).json["notice"]
        assert (words in notice["en"], set(notice)) == (True, {"en", "fr", "zh", "ru"})
        _, text = await recorded(who("china/officer"), exchange)
        assert notice["en"] in text
        french = (
            await who("china/officer").get(
                f"{C}/reports/period?language=fr", Accept="text/markdown"
            )
        ).body.decode()
        assert notice["fr"] in french


async def test_a_record_of_the_period_quotes_an_opening_as_it_was_sent(who: Who) -> None:
    first = [{"from": "2027-03-01T08:00Z", "to": "2027-03-01T10:00Z"}]
    exchange = (await who("nato/officer").open({**REQUEST, "windows": first})).json["exchange"]
    others = [{"from": "2027-04-01T08:00Z", "to": "2027-04-01T10:00Z"}]
    await carried(who("china/officer"), exchange, {"act": "counter-proposal", "windows": others})
    state = (await who("nato/officer").get(f"{C}/exchanges/{exchange}")).json["state"]
    assert state["content"]["windows"] == first
    proposed = state["proposed"]["windows"]
    assert (proposed["value"], proposed["said"]["by"]) == (others, "china/o-1")
    found, _ = await recorded(who("nato/officer"), exchange)
    assert [(each["act"], each["content"]["windows"]) for each in found["said"]] == [
        ("meeting-request", first),
        ("counter-proposal", others),
    ]


async def test_what_was_said_under_the_chatham_house_rule_is_told_without_who_said_it(
    who: Who,
) -> None:
    request = {
        **REQUEST,
        "purpose": "Talks of which nobody is quoted",
        "attribution": "chatham_house",
    }
    exchange = (await who("nato/officer").open(request)).json["exchange"]
    await carried(
        who("china/officer"),
        exchange,
        {"act": "meeting-held", "from": "2026-11-24T08:00Z", "to": "2026-11-24T10:00Z"},
    )
    for side, text in (("nato", "We said so."), ("china", "We said otherwise.")):
        await carried(
            who(f"{side}/officer"),
            exchange,
            {"act": "readout", "kind": "separate", "topics": ["x"], "text": text},
        )
    found, text = await recorded(who("nato/auditor"), exchange)
    assert {(each.get("side", ""), each["by"]) for each in found["said"]} == {("", "a participant")}
    assert all(not each.get("receipts") for each in found["said"])
    assert [each["side"] for each in found["met"]["readouts"]] == ["participant 1", "participant 2"]
    assert (
        found["matter"].get("side", ""),
        found["matter"].get("to", []),
        found["matter"]["number"],
    ) == ("", [], "")
    part = text.partition("Talks of which nobody is quoted")[2].partition("\n### ")[0]
    assert "Chatham House" in part
    assert "We said otherwise." in part
    assert not {"NATO", "CHINA"} & set(
        part.replace("NATO-CHINA", "").replace(":", " ").replace(",", " ").split()
    )


async def test_each_means_of_a_point_of_contact_is_tested_apart(who: Who) -> None:
    entry = await enter(who("nato/officer"))
    body = act(
        "point-of-contact", role="Hotline", person=named(entry), channels=["telephone", "page"]
    )
    body.pop("deputy", None)
    exchange = await opened(who("nato/officer"), who("nato/head_of_office"), body)
    for means, outcome in (
        ("telephone", "no_answer"),
        ("page", "reached"),
        ("telephone", "reached"),
        ("page", "no_answer"),
    ):
        tried = {
            "act": "call-attempt",
            "side": "nato",
            "post": "Hotline",
            "means": means,
            "outcome": outcome,
        }
        await carried(who("china/officer"), exchange, tried)
    points = (await who("china/officer").get(f"{C}/points-of-contact")).json["points"]
    (point,) = (each for each in points if each["exchange"] == exchange)
    assert [(each["means"], each["outcome"], each["side"]) for each in point["tested"]] == [
        ("page", "no_answer", "china"),
        ("telephone", "reached", "china"),
    ]


async def test_a_record_has_the_tree_of_its_causes(who: Who) -> None:
    nato, china = who("nato/officer"), who("china/officer")
    note = (await nato.open(NOTE)).json
    asked = {
        "act": "meeting-request",
        "purpose": "x",
        "windows": [{"from": "2027-02-01T08:00Z", "to": "2027-02-01T09:00Z"}],
    }
    meeting = (await china.open({**asked, "references": [note["number"]]})).json
    call = {
        "act": "contact-note",
        "form": "conversation",
        "text": "About the meeting.",
        "references": [meeting["exchange"]],
    }
    talk = (await nato.open(call)).json
    acknowledged = (
        await nato.act(meeting["exchange"], {"act": "acknowledgement", "of": meeting["id"]})
    ).json
    position = {"Dragoman_Min_Position": str(acknowledged["position"])}
    whole = (
        await nato.get(
            f"/v1/channels/nato-china/records/{acknowledged['position']}/causes", **position
        )
    ).json

    def drawn(cause: dict[str, Any]) -> list[Any]:
        return [cause["position"], cause["act"], [drawn(each) for each in cause.get("caused", ())]]

    assert drawn(whole["tree"]) == [
        note["position"],
        "contact-note",
        [
            [
                meeting["position"],
                "meeting-request",
                [
                    [talk["position"], "contact-note", []],
                    [acknowledged["position"], "acknowledgement", []],
                ],
            ]
        ],
    ]
    (await nato.get("/v1/channels/nato-china/records/999999/causes")).problem(404, "not-found")
    (await nato.get("/v1/channels/nato-china/records/x/causes")).problem(404, "not-found")
