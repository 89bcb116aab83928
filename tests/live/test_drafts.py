"""Two officers of a side put one act together, and nobody else learns of it before it is released."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from samples import SAMPLES, act
from service import Caller, Gateway, at_a_screen, new_key

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
DRAFTS = f"{C}/drafts"
REQUEST = act("explanation-request", bring_in=["nato"])


async def drafted(who: Who, body: Any = REQUEST, author: str = "nato/officer") -> Any:
    answer = await who(author).post(DRAFTS, {"act": body})
    assert answer.status == 201, answer.body
    assert answer.json["etag"] == answer.headers["ETag"]
    return answer.json


async def test_a_two_key_act_is_drafted_by_one_and_released_by_another(who: Who) -> None:
    (await who("nato/head_of_office").post(f"{C}/notifications", REQUEST)).problem(
        403, "second-key-required"
    )
    draft = await drafted(who)
    assert draft["two_key"]
    path = f"{DRAFTS}/{draft['id']}"
    (await who("nato/officer").call("POST", f"{path}/release", If_Match=draft["etag"])).problem(
        403, "second-key-required"
    )
    released = await who("nato/head_of_office").call(
        "POST", f"{path}/release", If_Match=draft["etag"]
    )
    assert (released.status, released.json["id"]) == (201, draft["id"])
    record = (await who("china/officer").get(f"{C}/records/{released.json['position']}")).json
    assert (record["actor"], record["releasedby"]) == ("nato/o-1", "nato/h-1")
    (await who("nato/officer").get(path)).problem(404, "not-found")
    again = await who("nato/head_of_office").call("POST", f"{path}/release", If_Match=draft["etag"])
    assert (again.json["position"], again.headers["Idempotent-Replayed"]) == (
        released.json["position"],
        "true",
    )


async def test_a_draft_is_its_own_sides_alone(who: Who) -> None:
    draft = await drafted(who)
    path = f"{DRAFTS}/{draft['id']}"
    for stranger in ("china/head_of_office", "china/officer"):
        (await who(stranger).get(path)).problem(404, "not-found")
        assert draft["id"] not in [
            each["id"] for each in (await who(stranger).get(DRAFTS)).json["drafts"]
        ]
        for method, where in (("PUT", path), ("DELETE", path), ("POST", f"{path}/release")):
            answer = await who(stranger).call(
                method, where, {"act": REQUEST} if method == "PUT" else None, If_Match=draft["etag"]
            )
            answer.problem(404, "not-found")
    (await who("nato/auditor").get(path)).problem(403, "not-permitted")
    (await who("operator").get(path)).problem(404, "not-found")
    (await who("").get(path)).problem(401, "unauthenticated")
    assert draft["id"] in [
        each["id"] for each in (await who("nato/duty_officer").get(DRAFTS)).json["drafts"]
    ]


async def test_what_is_released_is_what_was_read(who: Who) -> None:
    draft = await drafted(who)
    path = f"{DRAFTS}/{draft['id']}"
    changed = await who("nato/duty_officer").call(
        "PUT", path, {"act": {**REQUEST, "type": "transfer"}}, If_Match=draft["etag"]
    )
    assert (changed.status, changed.json["author"]) == (200, "nato/d-1")
    (
        await who("nato/head_of_office").call("POST", f"{path}/release", If_Match=draft["etag"])
    ).problem(412, "moved")
    (await who("nato/head_of_office").call("POST", f"{path}/release")).problem(
        428, "precondition-required"
    )
    (await who("nato/officer").call("DELETE", path, If_Match=draft["etag"])).problem(412, "moved")
    assert (
        await who("nato/officer").call("DELETE", path, If_Match=changed.json["etag"])
    ).status == 204
    (await who("nato/officer").get(path)).problem(404, "not-found")


async def test_a_draft_may_be_unfinished_and_its_release_says_what_is_missing(who: Who) -> None:
    draft = await drafted(
        who, {"act": "hazardous-incident", "kind": "near_miss"}, "nato/duty_officer"
    )
    path = f"{DRAFTS}/{draft['id']}"
    refused = await who("nato/duty_officer").call("POST", f"{path}/release", If_Match=draft["etag"])
    assert refused.problem(422, "invalid-act")["errors"][0]["pointer"] == "/time"
    assert (await who("nato/duty_officer").get(path)).status == 200
    finished = await who("nato/duty_officer").call(
        "PUT", path, {"act": SAMPLES["hazardous-incident"]}, If_Match=draft["etag"]
    )
    released = await who("nato/duty_officer").call(
        "POST", f"{path}/release", If_Match=finished.json["etag"]
    )
    assert released.status == 201, released.body


async def test_drafting_twice_with_one_key_is_drafting_once(who: Who) -> None:
    key = new_key()
    first = await who("nato/officer").post(DRAFTS, {"act": REQUEST}, key=key)
    again = await who("nato/officer").post(DRAFTS, {"act": REQUEST}, key=key)
    assert (first.json, again.headers.get("Idempotent-Replayed")) == (again.json, "true")
    (
        await who("nato/officer").post(DRAFTS, {"act": {**REQUEST, "type": "other"}}, key=key)
    ).problem(422, "key-reused")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"act": {"act": "unheard-of"}}, "/act/act"),
        ({"act": {}}, "/act/act"),
        ({}, "/act"),
        ({"act": REQUEST, "x": 1}, "/x"),
    ],
)
async def test_a_draft_is_of_some_act(body: Any, pointer: str, who: Who) -> None:
    assert (await who("nato/officer").post(DRAFTS, body)).problem(422, "invalid-act")["errors"][0][
        "pointer"
    ] == pointer


async def test_what_a_duty_officer_sends_alone_waits_for_its_second_key(who: Who) -> None:
    sent = await who("nato/duty_officer").post(
        f"{C}/notifications", act("launch-notice", phase="deviation")
    )
    assert sent.status == 201, sent.body
    view = (await who("china/officer").get(f"{C}/exchanges/{sent.json['exchange']}")).json
    assert view["state"]["one_key"]
    assert (
        await who("nato/head_of_office").act(
            sent.json["exchange"], {"act": "second-key", "of": sent.json["id"]}
        )
    ).status == 201
    view = (await who("china/officer").get(f"{C}/exchanges/{sent.json['exchange']}")).json
    assert view["state"]["one_key"][0]["second"]["by"] == "nato/h-1"


async def test_the_command_that_the_first_officer_is_told_turns_the_second_key(
    own: Gateway, tmp_path: Path
) -> None:
    for role in ("duty_officer", "head_of_office"):
        (tmp_path / role).write_text(own.token(f"nato/{role}"))
    (tmp_path / "notice.json").write_text(json.dumps(act("launch-notice", phase="deviation")))
    place = ("--channel", "nato-china", "--token-file")
    told = own.run(
        "post", str(tmp_path / "notice.json"), *place, str(tmp_path / "duty_officer")
    ).stderr
    said = next(
        line.partition("  ")[2] for line in told.splitlines() if "sent by one officer" in line
    )
    echoed, _, command = said.partition(" | ")
    key, (_, *arguments) = shlex.split(echoed)[1], shlex.split(command)
    turned = own.run(*arguments, *place, str(tmp_path / "head_of_office"), stdin=key)
    assert "second-key recorded" in turned.stderr


async def test_two_officers_draft_and_release_on_the_command_line(
    own: Gateway, tmp_path: Path
) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(REQUEST))
    for role in ("officer", "head_of_office"):
        (tmp_path / role).write_text(own.token(f"nato/{role}"))

    def run(role: str, *arguments: str, check: int = 0) -> CompletedProcess[str]:
        return own.run(
            *arguments, "--channel", "nato-china", "--token-file", str(tmp_path / role), check=check
        )

    id = run("officer", "draft", str(file)).stdout.strip()
    listed = run("head_of_office", "draft")
    assert (listed.stdout.strip(), "takes two officers" in listed.stderr) == (id, True)
    assert run("head_of_office", "release", id).stdout.strip().endswith("/N06/O")
    assert run("head_of_office", "release", id, check=2).stderr.startswith(
        "dragoman: there is no draft"
    )


async def test_a_number_of_many_digits_is_no_draft_and_breaks_no_list(who: Who) -> None:
    endless = (
        b'{"act":{"act":"contact-note","form":"conversation","text":"x","n":'
        + b"7" * 200_000
        + b"}}"
    )
    refused = (await who("nato/officer").post(DRAFTS, endless)).problem(422, "invalid-act")
    assert [each["pointer"] for each in refused["errors"]] == ["/act/n"]
    draft = await drafted(who)
    change = {"If_Match": draft["etag"], "Idempotency_Key": new_key()}
    (await who("nato/officer").call("PUT", f"{DRAFTS}/{draft['id']}", endless, **change)).problem(
        422, "invalid-act"
    )
    headers = await at_a_screen(
        who("nato/officer").session, who("nato/officer").service, "nato/officer"
    )
    for form in ("", ".csv", ".json"):
        async with who("nato/officer").session.get(
            f"{who('').service.base_url}/c/nato-china/drafts{form}", headers=headers
        ) as answer:
            assert answer.status == 200
