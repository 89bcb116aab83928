"""The turn of a crisis on pages: a denial, an account against it, an admission, and refusals."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

import dragoman
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.statements import Change
from dragoman.i18n.words import words
from dragoman.reports import evidence_file
from dragoman.reports.stated_values import change_words
from office import Office
from samples import act
from service import Caller

CHANNEL = "nato-china-exercise"
DENIED = act(
    "hazardous-incident",
    kind="crash",
    whose="nobody_here",
    cause_established="A technical failure.",
)
ACCOUNT = {"act": "counter-account", "facts": "It was shot down.", "whose": ["nato"]}
REFUSABLE = {
    "mechanism": "/mechanisms",
    "undertaking": "/undertakings",
    "roadmap-item": "/dialogue",
    "liaison-office": "",
    "people-programme": "",
    "public-line": "",
}
NO = {"act": "decline", "reason": "We did not undertake that."}


def opened(office: Office, who: str, body: Mapping[str, object]) -> str:
    sent = office.api(who, lambda caller: caller.open(body, CHANNEL))
    return str(sent.json["exchange"])


def posted(office: Office, who: str, exchange: str, body: Mapping[str, object]) -> None:
    async def post(caller: Caller) -> None:
        view = await caller.get(f"/v1/channels/{CHANNEL}/exchanges/{exchange}")
        relied = {"If_Match": view.headers["ETag"]} if RULES[str(body["act"])].consenting else {}
        answer = await caller.act(exchange, body, CHANNEL, **relied)
        assert answer.status == 201, answer.body

    office.api(who, post)


def test_a_denial_is_taken_back_on_a_page_and_both_sides_see_what_was_stated(demo: Office) -> None:
    id = opened(demo, "nato/duty_officer", DENIED)
    posted(demo, "china/duty_officer", id, ACCOUNT)
    page = f"/c/{CHANNEL}/exchanges/{id}"
    china = demo.person("china/officer").open(page)
    china.see("What each side stated, and when", "differed since").miss("Nothing here was wrong")
    nato = demo.person("nato/duty_officer").open(f"{page}/acts/retraction")
    nato.within("Whose forces").choose("NATO").choose("nobody of this channel", on=False)
    nato.within("")
    nato.fill("Reason, English", "The first statement was not so.")
    nato.press("Check before sending").press("Send to CHINA").see("Recorded: record")
    for reader in ("nato/officer", "china/officer", "nato/auditor", "china/auditor"):
        seen = demo.person(reader).open(page)
        seen.see("Retraction", "was:", "The first statement was not so.", "by the word of NATO")
        seen.open(f"/c/{CHANNEL}/reports/audit").see("by a retraction", "Accounts differed on")
        view = demo.api(
            reader, lambda caller: caller.get(f"/v1/channels/{CHANNEL}/exchanges/{id}")
        ).json
        assert [
            (each["side"], each["change"]) for each in view["stated"] if each["member"] == "whose"
        ] == [
            ("nato", "opening"),
            ("china", "account"),
            ("nato", "retraction"),
        ]
        assert [each["ended_by"] for each in view["differences"]] == ["nato"]


def test_an_evidence_file_names_the_records_of_each_statement_and_difference(demo: Office) -> None:
    id = opened(demo, "nato/duty_officer", DENIED)
    posted(demo, "china/duty_officer", id, ACCOUNT)
    taken_back = {
        "act": "retraction",
        "fields": {"whose": ["nato"]},
        "reason": "The first statement was not so.",
        "known_since": "2026-11-20T10:00Z",
    }
    posted(demo, "nato/duty_officer", id, taken_back)
    url = f"/v1/channels/{CHANNEL}/exchanges/{id}"
    view = demo.api("china/auditor", lambda caller: caller.get(url)).json
    stated = [item for item in view["stated"] if item["member"] == "whose"]
    for language, how in (("en", "by a retraction"), ("fr", "par une rétractation")):
        path = f"{url}/evidence?language={language}"
        raw = demo.api("china/auditor", partial(Caller.get, path=path)).body
        spoken = json.loads(re.findall(rb'id="words">(.*?)</script>', raw)[0])["stated"]
        assert [row for row in spoken["rows"] if row["member"] == "whose"] == [
            {"member": "whose", "at": item["position"], "change": item["change"]} for item in stated
        ]
        assert spoken["changes"]["retraction"] == how
        assert spoken["differences"] == [
            {
                "member": item["member"],
                "sides": item["sides"],
                "begins": item["begins_at"],
                "ends": item["ends_at"],
            }
            for item in view["differences"]
        ]
        acts = {
            item.position: json.loads(item.record)["data"]
            for item in evidence_file.read(raw).records
        }
        values = [
            acts[item["position"]].get("fields", acts[item["position"]])["whose"] for item in stated
        ]
        assert values == [item["value"] for item in stated]


@pytest.mark.parametrize("name", REFUSABLE)
def test_a_refusal_is_never_shown_as_silence(demo: Office, name: str) -> None:
    id = opened(
        demo,
        "nato/head_of_office",
        {key: value for key, value in act(name).items() if key != "contacts"},
    )
    posted(demo, "china/head_of_office", id, NO)
    pages = [f"/exchanges/{id}", f"/exchanges/{id}/form", REFUSABLE[name]]
    for reader in ("nato/officer", "china/officer", "china/auditor"):
        seen = demo.person(reader)
        for page in filter(None, pages):
            seen.open(f"/c/{CHANNEL}{page}")
            seen.miss("CHINA has not answered", "no word yet", "not yet: CHINA")
        seen.open(f"/c/{CHANNEL}/exchanges/{id}").see(
            "refused by CHINA", "We did not undertake that."
        )
        if REFUSABLE[name]:
            seen.open(f"/c/{CHANNEL}{REFUSABLE[name]}").see("refused by CHINA")
    view = demo.api(
        "nato/officer", lambda caller: caller.get(f"/v1/channels/{CHANNEL}/exchanges/{id}")
    ).json
    assert [(each["side"], each["answer"]) for each in view["answers"]] == [("china", "refused")]
    assert view["state"]["status"] == "refused"


def test_each_page_and_report_says_alike_how_a_value_was_stated(demo: Office) -> None:
    id = opened(demo, "nato/duty_officer", {**DENIED, "casualties": 0})
    posted(demo, "china/duty_officer", id, ACCOUNT)
    changes = {
        "update": {"act": "update", "fields": {"casualties": 2}},
        "correction": {
            "act": "correction",
            "fields": {"casualties": 1},
            "reason": "One man was counted twice.",
        },
        "retraction": {"act": "retraction", "fields": {"whose": ["nato"]}, "reason": "Not so."},
    }
    for body in changes.values():
        posted(demo, "nato/duty_officer", id, body)
    url = f"/v1/channels/{CHANNEL}/exchanges/{id}"
    stated = demo.api("nato/officer", partial(Caller.get, path=url)).json["stated"]
    named = {item["change"] for item in stated if item["member"] in ("whose", "casualties")}
    assert named == {"opening", "account", *changes}
    said = [change_words(change, words("en")) for change in named]
    evidence = demo.api("nato/auditor", partial(Caller.get, path=f"{url}/evidence")).body.decode()
    assert [word for word in said if word not in evidence] == []
    for page in (
        f"exchanges/{id}",
        "reports/audit",
        f"reports/period?from={datetime.now(UTC):%d%%20%b%%20%Y}",
    ):
        demo.person("nato/auditor").open(f"/c/{CHANNEL}/{page}").see(*said)


def test_the_words_for_how_a_value_was_stated_stand_in_one_place() -> None:
    said = [change_words(change, words("en")) for change in get_args(Change)]
    assert len({*said}) == len(said)
    product = Path(dragoman.__file__).parent
    sources = [
        path.read_text() for path in product.rglob("*") if path.suffix in (".py", ".html", ".js")
    ]
    assert [sum(text.count(f'"{word}"') + text.count(f"'{word}'") for text in sources) for word in said] == [1] * len(said)  # fmt: skip
