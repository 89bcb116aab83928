"""The page of what changed since one's last watch, for an officer who comes back."""

from typing import Any

from office import Office
from person import text_of
from service import INCIDENT, Caller

EXERCISE = "nato-china-exercise"
NOTE = {"act": "contact-note", "form": "conversation", "text": "Met.", "subject": "Reception"}
SINCE = f"/c/{EXERCISE}/since"


def watched(demo: Office, act: str) -> Any:
    path = f"/v1/channels/{EXERCISE}/channel"
    return demo.api("china/duty_officer", lambda china: china.post(path, {"act": act})).json


def opened(demo: Office, body: dict[str, Any]) -> Any:
    return demo.api("nato/duty_officer", lambda nato: nato.open(body, EXERCISE)).json


def test_an_officer_who_comes_back_sees_what_was_done_and_nothing_older(own: Office) -> None:
    officer = own.person("china/duty_officer").open(SINCE)
    officer.see("You have had no watch here that ended.")
    old, going_on = opened(own, NOTE), opened(own, INCIDENT)
    watched(own, "watch-assumption")
    watched(own, "watch-relief")
    assert officer.open(SINCE).title == "What changed since my last watch"
    assert officer.xpath("//*[@data-matter]") == []
    receipt = {"act": "acknowledgement", "remarks": "No message, so without its words."}
    own.api("china/duty_officer", lambda china: china.act(going_on["exchange"], receipt, EXERCISE))
    facts = {
        "en": "Two aircraft passed close over the northern part of the shoal; one of them turned back at once.",
        "zh": "两架飞机在礁盘北部上空近距离相遇。其中一架随即返航。另一架继续向东飞行。未见人员伤亡。也未见船只受损。详情待查。",
    }
    new = opened(own, {**INCIDENT, "facts": facts})
    fixed = {"act": "correction", "fields": {"facts": "It was another."}, "reason": "Read again."}

    async def correct(nato: Caller) -> Any:
        path = f"/v1/channels/{EXERCISE}/exchanges/{new['exchange']}"
        tag = (await nato.get(path)).headers["ETag"]
        return await nato.act(new["exchange"], fixed, EXERCISE, If_Match=tag)

    assert own.api("nato/duty_officer", correct).status == 201
    watched(own, "watch-assumption")
    # a new watch has not ended: the page still begins with the end of the last one
    officer.open(f"/c/{EXERCISE}").follow("since my last watch")
    first, last = officer.xpath("//*[@data-matter]")
    assert (first.get("data-matter"), last.get("data-matter")) == (
        new["exchange"],
        going_on["exchange"],
    )
    for said in ("Opened since.", "It waits for your side."):
        assert said in text_of(first)
    words = first.xpath(".//li//*[contains(@class, 'said')]")
    assert [(text_of(each), each.get("lang")) for each in words] == [
        ("Two aircraft passed close over the northern part of the shoal; one …", "en"),
        ("两架飞机在礁盘北部上空近距离相遇。其中一架随即返航。另一架继续向东飞行。 …", "zh"),
        ("Read again.", None),
    ]
    assert "Acknowledgement of receipt" in text_of(last)
    assert len(last.xpath(".//li")) == 1
    assert last.xpath(".//li//*[contains(@class, 'said')]") == []
    matters = " ".join(text_of(each) for each in officer.xpath("//*[@data-matter]"))
    assert old["number"] not in matters
    # two moments compared: since a record, up to an earlier one than now
    before = new["position"] - 1
    officer.open(f"{SINCE}?at={before}")
    officer.xpath("//*[@id='from']")[0].set("value", str(old["position"]))
    officer.at("//main").press("Show what changed").see(f"record {before}.")
    (only,) = officer.xpath("//*[@data-matter]")
    assert "Now:" not in text_of(only)
    officer.follow("Member by member")
    assert f"from {old['position']} to {before}" in officer.title
    officer.open(f"{SINCE}?from=soon").at("//*[@id='from-fault']").see("This time was not read.")
    assert len(officer.xpath("//*[@data-matter]")) == 2
