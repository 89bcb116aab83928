"""Anybody can read the statements that the sides made public together. Each statement proves
itself, and says only what the sides agreed to.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dragoman.domain import release_bundle
from dragoman.domain.acts.families import release
from service import Answer, Caller, Service

C = "/v1/channels/nato-china"
BETWEEN = "Between us: our minister is not told yet."
Who = Callable[..., Caller]

pytestmark = pytest.mark.xdist_group("service")


@dataclass(frozen=True, kw_only=True)
class Released:
    """A release: its exchange, and the record of which it is."""

    id: str
    note: dict[str, Any]
    whole: dict[str, Any]


def stamp(after: timedelta) -> str:
    return f"{datetime.now(UTC) + after:%Y-%m-%dT%H:%M:%SZ}"


async def by_two(who: Who, side: str, act: dict[str, Any], exchange: str = "") -> Answer:
    """Post an act as its side's officer, released by the duty officer."""
    view = await who(f"{side}/officer").get(f"{C}/exchanges/{exchange}") if exchange else None
    etag = "" if view is None else view.headers["ETag"].strip('"')
    drafted = await who(f"{side}/officer").post(
        f"{C}/drafts", {"act": act, "exchange": exchange, "if_match": etag}
    )
    path = f"{C}/drafts/{drafted.json['id']}/release"
    answer = await who(f"{side}/duty_officer").call("POST", path, If_Match=drafted.headers["ETag"])
    assert answer.status == 201, answer.body
    return answer


async def proposed(who: Who, after: timedelta = timedelta(seconds=-1)) -> Released:
    """A note of which the text is left out, and its acknowledgement, proposed for release by nato."""
    note = {
        "act": "contact-note",
        "form": "conversation",
        "text": "Not for the public.",
        "subject": "A talk",
    }
    opened = (await who("nato/officer").open(note)).json
    answered = (
        await who("china/officer").act(opened["exchange"], {"act": "reply", "text": "Agreed."})
    ).json
    recorded = json.loads((await who("nato/officer").get(f"{C}/records/{opened['position']}")).body)
    act = json.dumps(recorded["data"], ensure_ascii=False, separators=(",", ":")).encode()
    extract = hashlib.sha256(release.extract(act, ["text"])).hexdigest()
    records = [
        {
            "record": opened["id"],
            "exchange": opened["exchange"],
            "commit": opened["commit"],
            "without": ["text"],
            "extract": extract,
        },
        {"record": answered["id"], "exchange": opened["exchange"], "commit": answered["commit"]},
    ]
    body = {
        "act": "release",
        "title": {"en": "A talk", "zh": "一次会谈"},
        "records": records,
        "publish_at": stamp(after),
    }
    sent = await by_two(who, "nato", body)
    return Released(id=sent.json["exchange"], note=opened, whole=answered)


async def consent(who: Who, id: str) -> None:
    await who("china/officer").act(id, {"act": "reply", "text": BETWEEN})
    terms = await who("china/officer").terms(id, {"act": "release-consent"})
    await by_two(who, "china", {"act": "release-consent", "terms": terms}, id)


@pytest.fixture
async def anybody(who: Who) -> Caller:
    return who("")


async def published(anybody: Caller, id: str) -> Answer:
    return await anybody.get(f"/v1/releases/nato-china/{id}")


async def signed(who: Who, size: int) -> None:
    await who("nato/officer").sealed(size)


async def test_what_every_side_agreed_to_is_given_to_anybody_and_proves_itself(
    who: Who, anybody: Caller, own: Service, tmp_path: Path
) -> None:
    made = await proposed(who)
    assert (await published(anybody, made.id)).status == 404, "one side publishes nothing"
    await consent(who, made.id)
    await signed(who, (await who("nato/officer").get(C)).json["position"])
    answer = await published(anybody, made.id)
    assert answer.status == 200, answer.body
    assert b"Not for the public." not in answer.body
    assert BETWEEN.encode() not in answer.body, "a reply to the release is published with it"
    found = release_bundle.verify(answer.body)
    assert (found.sides, found.whole, found.extracts) == (
        ("china", "nato"),
        (made.whole["position"],),
        (made.note["position"],),
    )
    assert made.id in {
        each["release"] for each in (await anybody.get("/v1/releases")).json["releases"]
    }
    file = tmp_path / "bundle.json"
    file.write_bytes(answer.body)
    log = (await who("nato/officer").get(C)).json["log"]
    said = own.run("audit", "release", str(file), "--log", log)
    assert (
        said.returncode,
        "agreed to by china and nato, with two officers each" in said.stderr,
    ) == (0, True), said.stderr
    file.write_bytes(answer.body.replace(b"Agreed.", b"Refused"))
    own.run("audit", "release", str(file), "--log", log, check=7)


async def test_what_is_not_public_yet_looks_as_if_there_were_nothing(
    who: Who, anybody: Caller
) -> None:
    made = await proposed(who, timedelta(hours=1))
    await consent(who, made.id)
    waiting, nothing = (
        await published(anybody, made.id),
        await published(anybody, made.note["exchange"]),
    )
    assert (waiting.status, nothing.status) == (404, 404)
    assert waiting.json["detail"] == nothing.json["detail"]
    assert (await anybody.get(f"/v1/releases/no-such-channel/{made.id}")).json[
        "detail"
    ] == nothing.json["detail"]
    assert made.id not in {
        each["release"] for each in (await anybody.get("/v1/releases")).json["releases"]
    }


async def test_an_extract_that_is_not_what_is_left_of_its_record_is_refused(who: Who) -> None:
    officer = who("nato/officer")
    opened = (
        await officer.open(
            {
                "act": "contact-note",
                "form": "conversation",
                "text": "Not for the public.",
                "subject": "A talk",
            }
        )
    ).json
    named = {
        "record": opened["id"],
        "exchange": opened["exchange"],
        "commit": opened["commit"],
        "without": ["text"],
        "extract": "cd" * 32,
    }
    act = {
        "act": "release",
        "title": "A talk",
        "records": [named],
        "publish_at": stamp(timedelta(hours=1)),
    }
    drafted = await officer.post(f"{C}/drafts", {"act": act})
    path = f"{C}/drafts/{drafted.json['id']}/release"
    answer = await who("nato/duty_officer").call("POST", path, If_Match=drafted.headers["ETag"])
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/records/0/extract"), (
        answer.body
    )


def _lies(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Bundles that say something else, each in one place."""

    def changed(what: str, **members: Any) -> tuple[str, dict[str, Any]]:
        return what, {**body, **members}

    first, second = body["records"]
    text = json.loads(body["text"])
    yield changed("a record less", records=[first])
    yield changed("a record twice", records=[first, first])
    yield changed("another order", records=[second, first])
    yield changed(
        "an extract of other words",
        records=[{**first, "extract": first["extract"].replace("conversation", "letter")}, second],
    )
    yield changed(
        "a whole record in place of an extract",
        records=[{**first, "record": first["extract"]}, second],
    )
    yield changed(
        "nothing in place of a record",
        records=[{**first, "extract": ""}, {**second, "record": "", "commit": first["commit"]}],
    )
    yield changed("another title", text=body["text"].replace("A talk", "A fight"))
    yield changed(
        "another time", text=body["text"].replace(text["publish_at"], "2020-01-01T00:00:00Z")
    )
    yield changed("another digest", terms="ab" * 32)
    yield changed(
        "a consent less",
        consents=[each for each in body["consents"] if "release-consent" not in each["record"]],
    )
    yield changed("another channel", cid="ab" * 32)
    yield changed("no opening", opening=[])
    yield changed(
        "a proof of another record", records=[{**first, "proof": second["proof"]}, second]
    )


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield each value at the ends of a document, with its path."""
    below = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else None
    )
    if below is None:
        yield value, path
        return
    for step, each in below:
        yield from _leaves(each, (*path, step))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a document with another value at a path."""
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = _with(document[path[0]], path[1:], value)
    return copy


def _mangled(value: Any) -> Iterator[Any]:
    yield from (None, 7, -1, "", "x", "\ud800", "[]", "{}", '{"records":7}', [], {})
    if isinstance(value, str):
        yield from (value[:-1], value + " ", value.swapcase(), "{" + value)


def proved(body: Any) -> release_bundle.Proved | None:
    try:
        return release_bundle.verify(json.dumps(body).encode())
    except release_bundle.NotProved:
        return None


def is_proved(body: Any) -> bool:
    return proved(body) is not None


async def test_no_bundle_that_says_something_else_is_proved(who: Who, anybody: Caller) -> None:
    made = await proposed(who)
    await consent(who, made.id)
    await signed(who, (await who("nato/officer").get(C)).json["position"])
    body = (await published(anybody, made.id)).json
    assert is_proved(body)
    for what, lie in _lies(body):
        assert not is_proved(lie), what


async def test_whatever_is_changed_in_a_bundle_it_is_not_proved_and_nothing_falls_over(
    who: Who, anybody: Caller
) -> None:
    made = await proposed(who)
    await consent(who, made.id)
    await signed(who, (await who("nato/officer").get(C)).json["position"])
    body = (await published(anybody, made.id)).json
    tried = 0
    for value, path in _leaves(body):
        for other in (each for each in _mangled(value) if each != value):
            tried += 1
            found = proved(_with(body, path, other))
            assert found is None or (found.withheld and path[-1] == "extract"), (path, other)
    assert tried > 300
