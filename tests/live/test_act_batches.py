"""Many acts in one request: each line has the outcome that it would have had alone."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from dragoman.client import client, new_key
from service import DRAGOMAN, INCIDENT, NOTE, Caller, Gateway

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"


def line(act: Any, **more: Any) -> bytes:
    return msgspec.json.encode({"key": new_key(), "act": act, **more})


async def batch(caller: Caller, *lines: bytes, **headers: str) -> Any:
    body = b"\n".join(lines)
    return await caller.call(
        "POST", f"{C}/acts", body, **{"Content_Type": "application/x-ndjson", **headers}
    )


def outcomes(answer: Any) -> list[Any]:
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
    return [json.loads(each) for each in answer.body.splitlines()]


async def alone(caller: Caller, raw: bytes) -> tuple[int, Any]:
    """The outcome of a line as a request of its own: its status, and its act or problem."""
    sent = json.loads(raw)
    path = f"exchanges/{sent['exchange']}/acts" if "exchange" in sent else "contacts"
    more = {"If_Match": f'"{sent["if_match"]}"'} if "if_match" in sent else {}
    if sent["act"] == INCIDENT:
        path = "notifications"
    answer = await caller.post(f"{C}/{path}", sent["act"], key=sent["key"], **more)
    return answer.status, (answer.json["act"] if answer.status == 201 else problem(answer.json))


def problem(found: Any) -> tuple[Any, ...]:
    """Return the parts of a problem that are the same in each request."""
    return found["type"], found["detail"], found.get("errors"), found.get("allowed")


async def test_each_line_has_the_outcome_that_it_would_have_alone(who: Who) -> None:
    nato = who("nato/duty_officer")
    opened = (await who("china/duty_officer").open(INCIDENT)).json
    lines = [
        line(NOTE),
        line(INCIDENT),
        line({"act": "contact-note", "form": "conversation"}),  # a member is missing
        line({"act": "no-such-act"}),
        line({"act": "acknowledgement"}, exchange=new_key()),
        line({"act": "update", "text": "Later."}, exchange=opened["exchange"], if_match="0" * 64),
        line({"act": "closing-agreement", "terms": "0" * 64}, exchange=opened["exchange"]),
        line(NOTE, key="short"),
    ]
    answered = outcomes(await batch(nato, *lines))
    assert [each["line"] for each in answered] == [*range(1, len(lines) + 1)]
    renewed = [
        msgspec.json.encode({**json.loads(raw), **({} if b"short" in raw else {"key": new_key()})})
        for raw in lines
    ]
    for raw, found in zip(renewed, answered, strict=True):
        status, said = await alone(nato, raw)
        assert found["status"] == status, (raw, found)
        assert said == (found["recorded"]["act"] if status == 201 else problem(found["problem"])), (
            raw
        )
    again = outcomes(await batch(nato, *lines))
    for first, second in zip(answered, again, strict=True):
        recorded = first.get("recorded")
        assert second.get("recorded") == recorded
        assert second.get("replayed", False) == (recorded is not None)


async def test_an_exchange_is_opened_and_carried_on_in_one_request(who: Who) -> None:
    key = new_key()
    lines = [
        line(INCIDENT, key=key),
        *(line({"act": "update", "text": f"Part {n}."}, exchange=key) for n in range(5)),
        *(line({**NOTE, "text": f"Note {n}."}) for n in range(120)),
    ]
    answered = outcomes(await batch(who("nato/duty_officer"), *lines))
    assert {each["status"] for each in answered} == {201}, answered[:7]
    positions = [each["recorded"]["position"] for each in answered]
    assert positions[:6] == sorted(positions[:6]) and len(set(positions)) == len(lines)
    view = (await who("china/duty_officer").get(f"{C}/exchanges/{key}")).json["state"]
    assert [each["content"]["text"] for each in view["acts"]["update"]] == [
        f"Part {n}." for n in range(5)
    ]


async def test_a_key_that_comes_twice_in_one_request_is_recorded_once(who: Who) -> None:
    key = new_key()
    first, second, other = outcomes(
        await batch(
            who("nato/officer"), line(NOTE, key=key), line(NOTE, key=key), line(INCIDENT, key=key)
        )
    )
    assert first["recorded"] == second["recorded"] and second["replayed"]
    assert other["problem"]["type"].endswith("key-reused")


async def test_a_line_that_cannot_be_read_costs_no_other_line(who: Who) -> None:
    deep = b'{"key":"0123456789abcdef","act":' + b"[" * 200 + b"]" * 200 + b"}"
    bad = [b"", b"{", b"[]", b'{"act":1}', b"\xff", deep, b'{"key":"x","act":{},"actt":1}']
    answered = outcomes(await batch(who("nato/officer"), line(NOTE), *bad, line(NOTE)))
    assert [each["status"] for each in answered[:1] + answered[-1:]] == [201, 201]
    assert {each["status"] for each in answered[1:-1]} <= {400, 422}
    assert all(each["problem"]["detail"] for each in answered[1:-1])


async def test_a_request_that_can_have_no_outcomes_is_refused_whole(who: Who) -> None:
    nato = who("nato/officer")
    before = (await nato.get(f"{C}/state")).json["position"]
    note = line(NOTE)
    for answer, status in (
        (await batch(nato), 400),
        (await batch(nato, *[note] * 501), 400),
        (await batch(nato, note, If_Match='"' + "0" * 64 + '"'), 400),
        (await batch(nato, b"{", b"[]"), 400),
        (await batch(who("china/auditor"), note), 403),
        (await batch(nato, note, Content_Type="application/json"), 415),
        (await batch(nato, *[line({**NOTE, "text": "x" * 60_000})] * 9), 413),
    ):
        assert answer.status == status, answer.body
    assert (await nato.get(f"{C}/state")).json["position"] == before


async def test_the_client_sends_many_acts_in_requests_of_a_fit_size(demo: Gateway) -> None:
    long = [line({**NOTE, "text": f"{n} " + "x" * 50_000}) for n in range(12)]
    async with client(demo.base_url, demo.token("nato/officer")) as office:
        found = await office.post_batch("nato-china", [*long, line({"act": "no-such-act"})])
    assert [each.status for each in found] == [201] * 12 + [422]
    assert [each.line for each in found] == [*range(1, 14)]


def test_a_file_of_acts_is_recorded_once(demo: Gateway, tmp_path: Path) -> None:
    acts = [{**NOTE, "text": f"Line {n} of a file."} for n in range(30)]
    path = tmp_path / "acts.ndjson"
    path.write_text("\n".join(json.dumps(act) for act in acts) + '\n\n{"act": "no-such-act"}\n')

    token = tmp_path / "token"
    token.write_text(demo.token("nato/officer"))
    token.chmod(0o600)
    named = [str(DRAGOMAN), "post", "--server", demo.base_url, "--token-file", str(token)]
    named += ["--channel", "nato-china"]

    def run(path: Path = path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*named, "--batch", str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    first, second = run(), run()
    assert (first.returncode, len(first.stdout.split())) == (1, 30), first.stderr
    assert first.stdout == second.stdout
    assert "line 32: " in first.stderr and "30 of 31 recorded; 1 refused" in first.stderr
    assert "30 of them already before" in second.stderr
    for wrong, says in (("\n", "the file has no act"), ('{"act": ', "line 1 of the file: ")):
        (tmp_path / "wrong").write_text(wrong)
        refused = run(tmp_path / "wrong")
        assert (refused.returncode, refused.stdout) == (2, "") and says in refused.stderr
