"""People stand in the register and nowhere else: entered, changed and erased by their side, named
by id, read by every office.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from beside import MS_LI, enter, named
from samples import act
from service import Caller, Gateway, Second, Service, new_key

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
PEOPLE = f"{C}/people"


@pytest.fixture
def second(own: Service, tmp_path: Path) -> Iterator[Service]:
    service = Second(own, tmp_path / "second")
    yield service
    service.stop()


def commitment(entry: Any) -> str:
    """Return the commitment that an officer's own program would make from the answer to GET."""
    said = json.dumps(entry["entry"], ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.sha256(
        b"dragoman-person/v1\n" + bytes.fromhex(entry["random"]) + said
    ).hexdigest()


@pytest.mark.parametrize("role", ["officer", "duty_officer", "head_of_office", "administrator"])
async def test_who_is_of_an_office_enters_people_and_every_office_reads_them(
    role: str, who: Who
) -> None:
    entry = await enter(who(f"nato/{role}"))
    assert (entry["side"], entry["revision"], entry["entry"]) == ("nato", 1, MS_LI)
    assert entry["commitment"] == commitment(entry)
    for reader in ("china/officer", "china/administrator", "nato/duty_officer"):
        answer = await who(reader).get(f"{PEOPLE}/{entry['id']}")
        assert (answer.json, answer.headers["ETag"]) == (entry, f'"{entry["commitment"]}"')
        listed = (await who(reader).get(f"{PEOPLE}?side=nato")).json["people"]
        assert {name: value for name, value in entry.items() if name != "random"} in listed
    assert entry["id"] not in [
        each["id"]
        for each in (await who("china/officer").get(f"{PEOPLE}?side=china")).json.get("people", ())
    ]


async def test_a_list_has_pages(who: Who) -> None:
    entered = [(await enter(who("nato/officer")))["id"] for _ in range(3)]
    found: list[str] = []
    path = f"{PEOPLE}?limit=2"
    while path:
        answer = await who("china/officer").get(path)
        assert len(answer.json["people"]) <= 2
        found += [each["id"] for each in answer.json["people"]]
        path = answer.headers["Link"].partition(">")[0][1:] if "Link" in answer.headers else ""
    assert set(entered) <= set(found)
    assert found == sorted(set(found))


async def test_nobody_else_learns_of_anybody(who: Who) -> None:
    entry = await enter(who("nato/officer"))
    path = f"{PEOPLE}/{entry['id']}"
    for method, where in (
        ("GET", PEOPLE),
        ("GET", path),
        ("POST", PEOPLE),
        ("PUT", path),
        ("DELETE", path),
    ):
        body = MS_LI if method in ("POST", "PUT") else None
        headers = {"Idempotency_Key": new_key(), "If_Match": f'"{entry["commitment"]}"'}
        (await who("nato/auditor").call(method, where, body, **headers)).problem(
            403, "not-permitted"
        )
        (
            await who("nato/auditor").call(
                method, where.replace("nato-china", "elsewhere"), body, **headers
            )
        ).problem(404, "not-found")
        for stranger in ("russia/officer", "operator"):
            (await who(stranger).call(method, where, body, **headers)).problem(404, "not-found")
        (await who("").call(method, where, body, **headers)).problem(401, "unauthenticated")
    drill = f"/v1/channels/nato-china-exercise/people/{entry['id']}"
    (await who("nato/officer").get(drill)).problem(404, "not-found")


async def test_an_entry_with_named_readers_is_read_by_these_and_by_its_own_side(who: Who) -> None:
    """The identifiers of a terrorism warning are such an entry."""
    entry = await enter(who("nato/officer"), {**MS_LI, "readers": ["china/d-1"]})
    warning = act("terrorism-warning", identifiers=[named(entry)])
    warning.pop("sealed")
    draft = await who("nato/officer").post(f"{C}/drafts", {"act": warning})
    release = f"{C}/drafts/{draft.json['id']}/release"
    released = await who("nato/head_of_office").call(
        "POST", release, If_Match=draft.headers["ETag"]
    )
    assert released.status == 201, released.body
    exchange = f"{C}/exchanges/{released.json['exchange']}"
    for reader, reads in (
        ("china/duty_officer", True),
        ("nato/duty_officer", True),
        ("china/officer", False),
        ("china/administrator", False),
    ):
        alone = (await who(reader).get(f"{PEOPLE}/{entry['id']}")).json
        (listed,) = [
            each
            for each in (await who(reader).get(PEOPLE)).json["people"]
            if each["id"] == entry["id"]
        ]
        seen = (await who(reader).get(exchange)).json["people"][entry["id"]]
        assert ["entry" in each for each in (alone, listed, seen)] == [reads] * 3
        assert [each.get("sealed", False) for each in (alone, listed, seen)] == [not reads] * 3
        assert ("random" in alone, alone["commitment"]) == (reads, entry["commitment"])
        assert reads or "Li Wei" not in json.dumps((alone, listed, seen))
    audited = (await who("china/auditor").get(exchange)).json["people"][entry["id"]]
    assert "entry" not in audited
    wrong = await who("nato/officer").post(PEOPLE, {**MS_LI, "readers": ["d-1"]})
    assert wrong.problem(422, "invalid-act")["errors"][0]["pointer"] == "/readers/0"


async def test_only_its_own_side_changes_and_erases_an_entry(who: Who) -> None:
    entry = await enter(who("nato/officer"))
    path = f"{PEOPLE}/{entry['id']}"
    (
        await who("china/head_of_office").call(
            "PUT", path, MS_LI, If_Match=f'"{entry["commitment"]}"'
        )
    ).problem(403, "not-permitted")
    (
        await who("china/head_of_office").call("DELETE", path, If_Match=f'"{entry["commitment"]}"')
    ).problem(403, "not-permitted")
    assert (await who("nato/officer").get(path)).json == entry


async def test_who_changes_an_entry_has_read_it(who: Who) -> None:
    entry = await enter(who("nato/officer"))
    path, changed = f"{PEOPLE}/{entry['id']}", {**MS_LI, "telephones": ["+86 10 5550 0199"]}
    (await who("nato/officer").call("PUT", path, changed)).problem(428, "precondition-required")
    answers = await asyncio.gather(
        *(
            who("nato/duty_officer").call("PUT", path, changed, If_Match=f'"{entry["commitment"]}"')
            for _ in range(5)
        )
    )
    assert sorted(answer.status for answer in answers) == [200, 412, 412, 412, 412]
    now = next(answer.json for answer in answers if answer.status == 200)
    assert (now["revision"], now["entry"], now["commitment"]) == (2, changed, commitment(now))
    assert now["commitment"] != entry["commitment"] and now["random"] != entry["random"]
    (await who("nato/officer").call("DELETE", path, If_Match=f'"{entry["commitment"]}"')).problem(
        412, "moved"
    )
    (await who("nato/officer").call("DELETE", path)).problem(428, "precondition-required")


async def test_of_who_is_erased_nothing_is_left_but_that_they_are(who: Who) -> None:
    entry = await enter(who("nato/officer"))
    path = f"{PEOPLE}/{entry['id']}"
    erased = await who("nato/officer").call("DELETE", path, If_Match=f'"{entry["commitment"]}"')
    left = {
        "id": entry["id"],
        "side": "nato",
        "revision": 2,
        "created": entry["created"],
        "updated": erased.json["updated"],
        "erased": True,
    }
    assert (erased.status, erased.json, erased.headers.get("ETag")) == (200, left, None)
    for reader in ("china/officer", "nato/officer"):
        answer = await who(reader).get(path)
        assert (answer.status, answer.json) == (200, left)
    assert entry["id"] not in (await who("nato/officer").get(PEOPLE)).body.decode()
    assert (await who("nato/officer").call("DELETE", path)).json == left, (
        "erasing twice is erasing once"
    )
    back = await who("nato/officer").call("PUT", path, MS_LI, If_Match=f'"{entry["commitment"]}"')
    assert "enter the person again" in back.problem(412, "moved")["detail"]


async def test_entering_twice_with_one_key_is_entering_once(who: Who) -> None:
    key = new_key()
    first = await who("nato/officer").post(PEOPLE, MS_LI, key=key)
    again = await who("nato/officer").post(PEOPLE, MS_LI, key=key)
    assert (first.status, first.json) == (again.status, again.json)
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (
        False,
        "true",
    )
    (await who("nato/officer").post(PEOPLE, {**MS_LI, "name": "Another"}, key=key)).problem(
        422, "key-reused"
    )
    (await who("nato/officer").call("POST", PEOPLE, MS_LI)).problem(400, "idempotency-key")
    at_once = await asyncio.gather(
        *(who("nato/officer").post(PEOPLE, MS_LI, key=key + "0") for _ in range(5))
    )
    assert len({json.dumps(answer.json) for answer in at_once}) == 1
    path = f"{PEOPLE}/{first.json['id']}"
    assert (
        await who("nato/officer").call("DELETE", path, If_Match=first.headers["ETag"])
    ).status == 200
    assert (await who("nato/officer").post(PEOPLE, MS_LI, key=key)).json["erased"], (
        "nobody comes back by a retry"
    )


async def test_an_id_that_is_given_is_one_sides(who: Who) -> None:
    id = "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4aaaa"
    assert (await enter(who("nato/officer"), key=id))["id"] == id
    (await who("china/officer").post(PEOPLE, MS_LI, key=id)).problem(422, "key-reused")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": 7}, "/name"),
        ({**MS_LI, "rank": "captain"}, "/rank"),
        ({"name": "x", "telephones": []}, "/telephones"),
        ({"name": "x", "telephones": ["ring the bell"]}, "/telephones/0"),
        ({"name": "x", "emails": ["x"]}, "/emails/0"),
        ({"name": "x", "note": "x" * 1001}, "/note"),
        ({"name": "x\u202ey"}, "/name"),
        (b'{"name":"x","name":"y"}', ""),
    ],
)
async def test_what_is_no_entry_is_pointed_at(body: Any, pointer: str, who: Who) -> None:
    problem = (await who("nato/officer").post(PEOPLE, body)).problem(422, "invalid-act")
    assert problem["errors"][0]["pointer"] == pointer


# Acts


async def test_an_act_names_who_is_there(who: Who) -> None:
    entry, deputy = await enter(who("nato/officer")), await enter(who("china/officer"))
    body = act("point-of-contact", person=named(entry), deputy=named(deputy))
    draft = (await who("nato/officer").post(f"{C}/drafts", {"act": body})).json
    posted = await who("nato/head_of_office").call(
        "POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"]
    )
    assert posted.status == 201, posted.body
    record = (await who("china/auditor").get(f"{C}/records/{posted.json['position']}")).body
    assert b"Li Wei" not in record and entry["commitment"].encode() in record
    people = (await who("china/officer").get(f"{C}/exchanges/{posted.json['exchange']}")).json[
        "people"
    ]
    assert people == {
        entry["id"]: {"side": "nato", "entry": MS_LI},
        deputy["id"]: {"side": "china", "entry": MS_LI},
    }
    for auditor in ("nato/auditor", "china/auditor"):
        people = (await who(auditor).get(f"{C}/exchanges/{posted.json['exchange']}")).json["people"]
        assert people == {entry["id"]: {"side": "nato"}, deputy["id"]: {"side": "china"}}


async def test_an_act_that_names_somebody_else_is_pointed_at_and_leaves_nothing(who: Who) -> None:
    nato = who("nato/officer")
    entry, gone, changed = [await enter(nato) for _ in range(3)]
    assert (
        await nato.call("DELETE", f"{PEOPLE}/{gone['id']}", If_Match=f'"{gone["commitment"]}"')
    ).status == 200
    assert (
        await nato.call(
            "PUT", f"{PEOPLE}/{changed['id']}", MS_LI, If_Match=f'"{changed["commitment"]}"'
        )
    ).status == 200
    before = (await nato.get(C)).json["position"]
    stranger = {"id": "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4bbbb", "commitment": "3f" * 32}
    body = act("meeting-request", delegation=[named(entry), named(gone), named(changed), stranger])
    problem = (await nato.post(f"{C}/meetings", body)).problem(422, "invalid-act")
    assert [fault["pointer"] for fault in problem["errors"]] == [
        "/delegation/1/id",
        "/delegation/2/commitment",
        "/delegation/3/id",
    ]
    assert (
        "was erased" in problem["errors"][0]["detail"]
        and "POST /people" in problem["errors"][2]["detail"]
    )
    posted = await nato.post(f"{C}/meetings", act("meeting-request", delegation=[named(entry)]))
    correction = {
        "act": "correction",
        "fields": {"delegation": [stranger]},
        "reason": "Another delegate.",
    }
    refused = await nato.act(posted.json["exchange"], correction, If_Match=posted.json["etag"])
    assert refused.problem(422, "invalid-act")["errors"][0]["pointer"] == "/fields/delegation/0/id"
    assert [act["act"] for act in await nato.said_after(before)] == ["meeting-request"]


async def test_a_draft_names_who_is_there_when_it_is_released(who: Who) -> None:
    nato = who("nato/officer")
    entry = await enter(nato)
    draft = (
        await nato.post(f"{C}/drafts", {"act": act("contact-note", participants=[named(entry)])})
    ).json
    assert (
        await nato.call("DELETE", f"{PEOPLE}/{entry['id']}", If_Match=f'"{entry["commitment"]}"')
    ).status == 200
    refused = await who("nato/head_of_office").call(
        "POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"]
    )
    assert refused.problem(422, "invalid-act")["errors"][0]["pointer"] == "/participants/0/id"


async def test_posting_again_gives_the_first_answer_whoever_was_erased_since(who: Who) -> None:
    nato, key = who("nato/officer"), new_key()
    entry = await enter(nato)
    body = act("contact-note", participants=[named(entry)])
    first = await nato.post(f"{C}/contacts", body, key=key)
    assert first.status == 201, first.body
    changed = await nato.call(
        "PUT", f"{PEOPLE}/{entry['id']}", MS_LI, If_Match=f'"{entry["commitment"]}"'
    )
    view = (await nato.get(f"{C}/exchanges/{first.json['exchange']}")).json["people"][entry["id"]]
    assert view == {"side": "nato", "entry": MS_LI, "changed": True}
    assert (
        await nato.call("DELETE", f"{PEOPLE}/{entry['id']}", If_Match=changed.headers["ETag"])
    ).status == 200
    again = await nato.post(f"{C}/contacts", body, key=key)
    assert (again.status, again.json, again.headers["Idempotent-Replayed"]) == (
        201,
        first.json,
        "true",
    )
    view = (await nato.get(f"{C}/exchanges/{first.json['exchange']}")).json["people"][entry["id"]]
    assert view == {"side": "nato", "erased": True}


@pytest.mark.process
async def test_what_one_gateway_erased_the_other_does_not_show(
    own: Gateway, second: Gateway, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    one, other = dice.sample((own, second), 2)
    here, there = Caller(session, one, "nato/officer"), Caller(session, other, "china/officer")
    for _ in range(5):
        entry = await enter(here)
        path = f"{PEOPLE}/{entry['id']}"
        posted = await here.post(f"{C}/contacts", act("contact-note", participants=[named(entry)]))
        assert (await there.get(path)).json == entry
        assert (await here.call("DELETE", path, If_Match=f'"{entry["commitment"]}"')).status == 200
        assert (await there.get(path)).json["erased"]
        assert entry["id"] not in (await there.get(PEOPLE)).body.decode()
        view = await there.get(
            f"{C}/exchanges/{posted.json['exchange']}",
            Dragoman_Min_Position=str(posted.json["position"]),
        )
        assert view.json["people"] == {entry["id"]: {"side": "nato", "erased": True}}
