"""A Track-2 group hands its recommendations over, and the answers go back. Both channels, their pages
and the auditor say the same, and nobody finds a speaker.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dragoman.domain import release_bundle
from service import Answer, TimedGateway
from talks import Talks

TRACK2, OFFICIAL = "scholars", "capitals"
GROUPS, CAPITALS = ("group-a", "group-b"), ("north", "south", "west")
SPEAKERS = {
    "officer": "zhou-minghui",
    "duty_officer": "anneliese-berg",
    "head_of_office": "prof-okonkwo",
    "auditor": "ret-adm-larsen",
    "administrator": "secretary-ito",
}
"""The officers of the Track-2 channel, by names that are found wherever they stand."""

THE_GROUP = "The spring talks, a group of scholars and retired officers"
TEXTS = (
    "Open a telephone line between the two rescue centres.",
    "Publish the yearly calendar of exercises together.",
    "Exchange observers at one exercise a year.",
    "Agree on common words for the distance between ships.",
    "Let marine scientists share the weather data of buoys.",
)
BEGUN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANSWERS = (
    {"q": 1, "answer": "taken_up", "taken_up_as": "Item 4 of the roadmap"},
    {"q": 2, "answer": "taken_up", "taken_up_as": "A joint calendar"},
    {"q": 3, "answer": "declined"},
)
"""South's answers: it is silent on the fourth and the fifth."""


@dataclass
class Handed:
    """A handing over: the recommendations, the bundle, and the transmittal."""

    talks: Talks
    recommended: list[Any] = field(default_factory=list)
    bundle: Answer | None = None
    transmittal: str = ""
    answered: list[Any] = field(default_factory=list)

    @property
    def bytes(self) -> bytes:
        """The bytes of the bundle."""
        assert self.bundle is not None
        return self.bundle.body

    async def view(self, reader: str = "north/auditor") -> Any:
        """Return the transmittal as the API has it."""
        path = f"/v1/channels/{OFFICIAL}/transmittals/{self.transmittal}"
        answer = await self.talks.who(reader).get(path)
        assert answer.status == 200, answer.body
        return answer.json


@pytest.fixture
async def handed(session: aiohttp.ClientSession, timed: TimedGateway) -> Handed:
    """Five recommendations of two groups, released for the members, and handed over by north."""
    timed.set(BEGUN)
    talks = Talks(session, timed)
    await talks.open(TRACK2, GROUPS, names=SPEAKERS, kind="track2")
    await talks.open(OFFICIAL, CAPITALS)
    handed = Handed(talks)
    for text in TEXTS:
        body = {"act": "recommendation", "addressees": ["north", "south"], "text": text}
        made = await talks.opens("group-a/officer", TRACK2, body | {"area": "maritime-security"})
        await talks.does("group-b/officer", TRACK2, made["exchange"], {"act": "endorsement"})
        handed.recommended.append(made)
    handed.bundle = await talks.bundle(GROUPS, TRACK2, "Spring talks", handed.recommended)
    file = await talks.attached("north/officer", OFFICIAL, handed.bytes, "spring-talks.json")
    bundle = handed.bundle.json
    act = {
        "act": "transmittal",
        "title": "Recommendations of the spring talks",
        "group": THE_GROUP,
        "bundle": file,
        "source": {name: bundle[name] for name in ("cid", "release", "terms")},
        "recommendations": [
            {"text": text, "area": "maritime-security", "record": made["id"]}
            for text, made in zip(TEXTS, handed.recommended, strict=True)
        ],
    }
    handed.transmittal = (await talks.opens("north/officer", OFFICIAL, act))["exchange"]
    return handed


async def answered(handed: Handed, timed: TimedGateway) -> None:
    """Let south take up two and decline one, and 91 days pass."""
    for body in ANSWERS:
        act = {"act": "recommendation-answer", **body}
        handed.answered.append(
            await handed.talks.does("south/officer", OFFICIAL, handed.transmittal, act)
        )
    timed.set(BEGUN + timedelta(days=91, hours=1))  # all of this took its time too
    await timed.watched()


async def sent_back(handed: Handed) -> Answer:
    """Release south's answers for the members, and enter each side's fate with this extract."""
    talks = handed.talks
    extract = await talks.bundle(("south", "north", "west"), OFFICIAL, "Answers", handed.answered)
    file = await talks.attached("group-a/officer", TRACK2, extract.body, "answers.json")
    given = {body["q"]: body for body in ANSWERS}
    for q, made in enumerate(handed.recommended, 1):
        answer = given.get(q, {"answer": "no_response"})
        fate = {"act": "fate", "result": answer["answer"], "answered_by": "south"}
        if "taken_up_as" in answer:
            fate["taken_up_as"] = answer["taken_up_as"]
        fate["attachments"] = [file] if q in given else []
        fate = {name: value for name, value in fate.items() if value != []}
        await talks.does("group-a/officer", TRACK2, made["exchange"], fate)
    return extract


def cells(page: str, side: str) -> dict[int, str]:
    """Return a side's answer to each recommendation, as a page of the transmittal shows it."""
    rows = re.findall(r'<tr data-q="(\d+)">(.*?)</tr>', page, re.DOTALL)
    found = {
        int(q): re.findall(rf'<td data-of="{side}">(.*?)</td>', row, re.DOTALL) for q, row in rows
    }
    return {
        q: " ".join(re.sub(r"<[^>]+>", " ", cell[0]).split()) for q, cell in found.items() if cell
    }


async def test_each_side_answers_each_recommendation_and_silence_is_counted(
    handed: Handed, timed: TimedGateway
) -> None:
    talks = handed.talks
    await answered(handed, timed)
    noted = {"act": "recommendation-answer", "q": 4, "answer": "noted"}
    await talks.does("west/officer", OFFICIAL, handed.transmittal, noted)
    view = await handed.view()
    by_side = {
        side: {
            each["q"]: next(
                (answer.get("answer", ""), answer.get("silent_days", 0))
                for answer in each["answers"]
                if answer["side"] == side
            )
            for each in view["recommendations"]
        }
        for side in ("south", "west")
    }
    assert by_side["south"] == {
        1: ("taken_up", 0),
        2: ("taken_up", 0),
        3: ("declined", 0),
        4: ("", 91),
        5: ("", 91),
    }
    assert [by_side["west"][q] for q in (1, 4)] == [("", 91), ("noted", 0)]
    assert all(len(each["answers"]) == 2 for each in view["recommendations"]), "north asked"
    assert (view["group"], view["status"]) == (THE_GROUP, "transmitted")
    for reader in ("north/officer", "south/officer", "west/auditor"):
        page = await talks.page(reader, f"/c/{OFFICIAL}/exchanges/{handed.transmittal}")
        south = cells(page, "SOUTH")
        assert south[1].startswith("taken up , as Item 4 of the roadmap")
        assert south[3].startswith("declined")
        assert south[4].startswith("silent for 91 days")
        assert cells(page, "WEST")[4].startswith("noted")
        offered = set(re.findall(r"acts/recommendation-answer\?q=(\d)", page))
        assert offered == ({"1", "2", "3", "4", "5"} if reader == "south/officer" else set())
    owed = talks.audit("west/auditor", OFFICIAL, "owed")
    assert {
        each["side"]: each["state"] for each in owed if each["clock"] == "transmittal_answer"
    } == {"south": "overdue", "west": "overdue"}
    before = await talks.who("north/auditor").get(
        f"/v1/channels/{OFFICIAL}/transmittals/{handed.transmittal}?at={handed.answered[0]['position']}"
    )
    first, second = before.json["recommendations"][:2]
    assert (first["answers"][0]["answer"], second["answers"][0].get("answer")) == ("taken_up", None)


async def test_the_bundle_is_for_the_members_and_proves_itself_anywhere(
    handed: Handed, tmp_path: Path
) -> None:
    talks = handed.talks
    bundle = json.loads(handed.bytes)
    where = f"/v1/channels/{TRACK2}/releases/{bundle['release']}/bundle"
    assert (await talks.who().get(f"/v1/releases/{TRACK2}/{bundle['release']}")).status == 404
    assert (await talks.who().get(where)).status == 401
    assert (await talks.who("north/officer").get(where)).status == 404
    listed = (await talks.who().get("/v1/releases")).json["releases"]
    assert bundle["release"] not in {each["release"] for each in listed}
    for page in ("/releases", f"/releases/{TRACK2}/{bundle['release']}"):
        async with talks.session.get(talks.base_url + page) as answer:
            assert (answer.status, TEXTS[0] in await answer.text()) == (
                200 if page == "/releases" else 404,
                False,
            )
    page = await talks.page("group-b/officer", f"/c/{TRACK2}/exchanges/{bundle['release']}")
    assert where in page and 'data-audience="members"' in page
    file = tmp_path / "bundle.json"
    file.write_bytes(handed.bytes)
    key = await talks.log_key("group-b/auditor", TRACK2)
    said = talks.service.run("audit", "release", str(file), "--log", str(key))
    assert "only for the members of the channel" in said.stderr
    assert "agreed to by group-a and group-b, with two officers each" in said.stderr
    other = json.loads(handed.bytes)
    other["records"][0]["extract"] = other["records"][0]["extract"].replace("telephone", "secret")
    file.write_text(json.dumps(other))
    talks.service.run("audit", "release", str(file), "--log", str(key), check=7)


async def test_the_page_says_whether_the_file_is_a_bundle_that_proves_itself(
    handed: Handed,
) -> None:
    talks = handed.talks
    view = await handed.view()
    check = view["bundle"]
    assert (check["state"], check["sides"], len(check["extracts"])) == ("proved", [*GROUPS], 5)
    assert {each["in_bundle"] for each in view["recommendations"]} == {"same"}
    lie = json.loads(handed.bytes)
    lie["records"][0]["extract"] = lie["records"][0]["extract"].replace("telephone", "secret")
    source = {name: lie[name] for name in ("cid", "release", "terms")}
    cases: tuple[tuple[bytes, dict[str, str] | None, str], ...] = (
        (b'{"a": "report"}', None, "file"),
        (b'{"a": "report"}', source, "refuted"),
        (json.dumps(lie).encode(), source, "refuted"),
        (handed.bytes, source | {"release": handed.recommended[0]["id"]}, "refuted"),
        (handed.bytes, None, "proved"),
    )
    for content, named, expected in cases:
        body = {
            "act": "transmittal",
            "title": "Again",
            "group": THE_GROUP,
            "bundle": await talks.attached("north/officer", OFFICIAL, content, "file.json"),
            "recommendations": [
                {"text": "Other words.", "record": handed.recommended[0]["id"]},
                {"text": "No record of that.", "record": handed.transmittal},
            ],
            **({} if named is None else {"source": named}),
        }
        id = (await talks.opens("north/officer", OFFICIAL, body))["exchange"]
        answer = await talks.who("south/officer").get(f"/v1/channels/{OFFICIAL}/transmittals/{id}")
        assert answer.json["bundle"]["state"] == expected, (named, answer.json["bundle"])
        page = await talks.page("south/officer", f"/c/{OFFICIAL}/exchanges/{id}")
        assert f'data-bundle-state="{expected}"' in page
        found = [each.get("in_bundle", "") for each in answer.json["recommendations"]]
        assert found == (["differs", "missing"] if expected == "proved" else ["", ""])
    digest = view["bundle"]["sha256"]
    page = await talks.page("south/officer", f"/c/{OFFICIAL}/exchanges/{handed.transmittal}")
    links = {*re.findall(r'href="([^"]*/files/[^"]*)"', page)}
    assert [(await talks.who("south/officer").get(link)).body for link in links] == [handed.bytes]
    erased = await talks.who("north/officer").call(
        "DELETE", f"/v1/channels/{OFFICIAL}/files/{digest}"
    )
    assert erased.status == 200
    assert (await handed.view())["bundle"]["state"] == "absent"


async def test_the_answers_go_back_and_both_channels_and_the_audit_say_the_same(
    handed: Handed, timed: TimedGateway, tmp_path: Path
) -> None:
    talks = handed.talks
    await answered(handed, timed)
    extract = await sent_back(handed)
    official = {
        each["q"]: (each["answers"][0].get("answer", ""), each["answers"][0].get("taken_up_as", ""))
        for each in (await handed.view())["recommendations"]
    }
    expected = {q: (answer or "no_response", title) for q, (answer, title) in official.items()}
    statuses, fates = {}, {}
    dialogue = await talks.page("group-b/officer", f"/c/{TRACK2}/dialogue")
    for q, made in enumerate(handed.recommended, 1):
        answer = await talks.who("group-b/auditor").get(
            f"/v1/channels/{TRACK2}/exchanges/{made['exchange']}"
        )
        state = answer.json["state"]
        (fate,) = (each["content"] for each in state["acts"]["fate"])
        statuses[q] = state["status"]
        assert fate["answered_by"] == "south"
        fates[q] = (fate["result"], fate.get("taken_up_as", ""))
        page = await talks.page("group-b/officer", f"/c/{TRACK2}/exchanges/{made['exchange']}")
        shown = page[page.index("data-fates") :].partition("</section>")[0]
        text = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
        result = expected[q][0].replace("_", " ")
        assert f"SOUTH : {result}" in text and expected[q][1] in text
        assert ('data-bundle-state="proved"' in shown) == (q <= len(ANSWERS))
        row = dialogue[dialogue.index(TEXTS[q - 1]) :].partition("</tr>")[0]
        assert result in re.sub(r"<[^>]+>", " ", row)
    assert fates == expected
    assert statuses == {q: answer for q, (answer, _) in expected.items()}
    file = tmp_path / "answers.json"
    file.write_bytes(extract.body)
    key = await talks.log_key("north/auditor", OFFICIAL)
    said = talks.service.run("audit", "release", str(file), "--log", str(key))
    assert "agreed to by north and south and west, with two officers each" in said.stderr
    proved = release_bundle.verify(extract.body, log=key)
    given = [json.loads(act) for act in proved.acts.values()]
    assert [(act["q"], act["answer"], act.get("taken_up_as", "")) for act in given] == [
        (q, *expected[q]) for q in (1, 2, 3)
    ]
    for reader, channel in (("south/auditor", OFFICIAL), ("group-b/auditor", TRACK2)):
        replayed = talks.audit(reader, channel, "replay", check=None)
        assert replayed["digest"] == replayed["live_digest"]


async def test_no_speaker_is_found_in_the_official_channel_or_in_an_extract(
    handed: Handed, timed: TimedGateway
) -> None:
    talks = handed.talks
    await answered(handed, timed)
    extract = await sent_back(handed)
    names = {*SPEAKERS.values()}
    log = await talks.who("north/auditor").get(
        f"/v1/channels/{OFFICIAL}/records", Accept="application/x-ndjson"
    )
    texts = {"the log": log.body.decode()}
    own = (await talks.who("north/officer").get(f"/v1/channels/{OFFICIAL}/state")).json
    texts["the state"] = json.dumps(own)
    texts["the view"] = json.dumps(await handed.view())
    for path in (
        "",
        "/dialogue",
        "/inbox",
        "/undertakings",
        "/audit",
        f"/exchanges/{handed.transmittal}",
        f"/exchanges/{handed.transmittal}/form",
        f"/exchanges/{handed.transmittal}.json",
        "/reports/period",
    ):
        texts[path] = await talks.page("south/officer", f"/c/{OFFICIAL}{path}")
    for bundle in (handed.bytes, extract.body):
        records = json.loads(bundle)["records"]
        assert not any("record" in record for record in records)
        texts[bundle[:40].decode()] = json.dumps(records)
    assert {where for where, text in texts.items() if any(name in text for name in names)} == set()
    inside = handed.bytes.decode()
    assert any(name in inside for name in names), "the search finds a name where there is one"
    theirs = json.dumps(json.loads(extract.body)["records"])
    assert not re.search(r"\b(north|south|west)/", theirs), "nor an officer of the capitals"


async def test_a_release_for_members_leaves_out_what_names_an_officer(handed: Handed) -> None:
    talks = handed.talks
    made = handed.recommended[0]
    (item,) = await talks.extracts("group-a/officer", TRACK2, [made])
    whole = {name: item[name] for name in ("record", "exchange", "commit")}
    for wrong in (whole, item | {"without": ["signed"]}, item | {"without": ["text"]}):
        body = {
            "act": "release",
            "title": "Spring talks",
            "records": [wrong],
            "publish_at": "2026-01-01T00:00:00Z",
            "audience": "members",
        }
        draft = await talks.who("group-a/officer").post(
            f"/v1/channels/{TRACK2}/drafts", {"act": body}
        )
        answer = await talks.who("group-a/duty_officer").call(
            "POST",
            f"/v1/channels/{TRACK2}/drafts/{draft.json['id']}/release",
            If_Match=draft.headers["ETag"],
        )
        assert answer.status == 422, answer.body
        assert answer.json["errors"][0]["pointer"] == "/records/0/without"


BRACKETS = {
    "arrays": b'{"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "unended": b"[" * 5_000,
}


async def test_a_bundle_of_brackets_is_a_file_like_any_other(handed: Handed) -> None:
    for name, raw in BRACKETS.items():
        await assert_shown_as_a_file(name, raw, handed)


async def assert_shown_as_a_file(name: str, raw: bytes, handed: Handed) -> None:
    """Hand brackets over as a file, and inside a bundle, and assert what the page says of each."""
    talks = handed.talks
    lie = json.loads(handed.bytes)
    lie["records"][0]["extract"] = raw.decode()
    sources = {
        raw: None,
        json.dumps(lie).encode(): {n: lie[n] for n in ("cid", "release", "terms")},
    }
    for content, source in sources.items():
        body = {
            "act": "transmittal",
            "title": "Brackets",
            "group": THE_GROUP,
            "bundle": await talks.attached("north/officer", OFFICIAL, content, "file.json"),
            "recommendations": [{"text": "Read this.", "record": handed.recommended[0]["id"]}],
            **({} if source is None else {"source": source}),
        }
        id = (await talks.opens("north/officer", OFFICIAL, body))["exchange"]
        answer = await talks.who("south/officer").get(f"/v1/channels/{OFFICIAL}/transmittals/{id}")
        assert answer.status == 200, (name, answer.body)
        state = "file" if source is None else "refuted"
        assert answer.json["bundle"]["state"] == state, name
        page = await talks.page("south/officer", f"/c/{OFFICIAL}/exchanges/{id}")
        assert f'data-bundle-state="{state}"' in page, name
