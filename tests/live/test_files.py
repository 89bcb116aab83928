"""Files stand beside the log by their SHA-256: fetched by the side that put them, and by the others
once an act names them.
"""

import asyncio
import random
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

import dragoman
from beside import attached, digest, put
from dragoman.application.operations.files import TYPES
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.nats_connection import connected
from dragoman.limits import CHUNK_BYTES, FILE_BYTES, SPARE_BYTES
from dragoman.office import description
from dragoman.stores import files
from dragoman.stores.erasable import Erasable
from dragoman.stores.files import File
from samples import act
from service import NOTE, Caller, Gateway, Second, Service, new_key

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
FILES = f"{C}/files"


@pytest.fixture
def second(own: Service, tmp_path: Path) -> Iterator[Service]:
    service = Second(own, tmp_path / "second")
    yield service
    service.stop()


def noted(*contents: bytes) -> dict[str, Any]:
    """A contact note with files attached."""
    return {**NOTE, "attachments": [attached(content) for content in contents]}


async def test_a_file_is_its_sides_until_an_act_names_it(who: Who) -> None:
    content = secrets.token_bytes(2 * CHUNK_BYTES + 1)
    path = f"{FILES}/{digest(content)}"
    first, again = (
        await put(who("nato/officer"), content),
        await put(who("nato/duty_officer"), content),
    )
    assert (first.status, again.status, first.json) == (201, 200, again.json)
    assert (first.json["side"], first.json["bytes"], first.json["media_type"]) == (
        "nato",
        len(content),
        "text/plain",
    )
    for own in ("nato/officer", "nato/administrator"):
        assert (await who(own).get(path)).body == content
    for other in ("china/officer", "china/auditor", "nato/auditor", "operator"):
        (await who(other).get(path)).problem(404, "not-found")
    posted = await who("nato/officer").post(f"{C}/contacts", noted(content))
    assert posted.status == 201, posted.body
    for reader in ("china/officer", "china/auditor", "nato/auditor", "nato/officer"):
        answer = await who(reader).get(path, Dragoman_Min_Position=str(posted.json["position"]))
        assert (answer.status, answer.body) == (200, content)
        view = (await who(reader).get(f"{C}/exchanges/{posted.json['exchange']}")).json
        assert view["files"] == {digest(content): {"there": True}}
    (await who("operator").get(path)).problem(404, "not-found")
    (await who("").get(path)).problem(401, "unauthenticated")


async def test_a_file_is_given_as_one_that_no_browser_opens_here(who: Who) -> None:
    content = secrets.token_bytes(100)
    await put(who("nato/officer"), content, "application/pdf")
    answer = await who("nato/officer").get(f"{FILES}/{digest(content)}")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert (
        answer.headers["Content-Security-Policy"]
        == "default-src 'none'; frame-ancestors 'none'; sandbox"
    )
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = await who("nato/officer").get(
        f"{FILES}/{digest(content)}", If_None_Match=answer.headers["ETag"]
    )
    assert (again.status, again.body) == (304, b"")


CLOSED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OWN_FORMATS = {
    "application/cap+xml",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/geo+json",
    "application/json",
    "application/octet-stream",
    "application/x-ndjson",
    "text/calendar",
    "text/csv",
    "text/event-stream",
    "text/html",
    "text/markdown",
    "text/plain",
    "text/vcard",
}
"""The types of what the service writes itself, and of bytes that no browser opens."""


async def test_no_answer_with_a_file_opens_in_a_browser(who: Who) -> None:
    """Whatever its type, whoever asks, and however a page would embed it."""
    contents = {media_type: secrets.token_bytes(100) for media_type in TYPES}
    for media_type, content in contents.items():
        assert (await put(who("nato/officer"), content, media_type)).status == 201
    annexes = [attached(content, media_type) for media_type, content in contents.items()]
    for some in (annexes[:5], annexes[5:]):
        posted = await who("nato/officer").post(f"{C}/contacts", {**NOTE, "attachments": some})
        assert posted.status == 201, posted.body
    for media_type, content in contents.items():
        path = f"{FILES}/{digest(content)}"
        for reader, method, headers in (
            ("nato/officer", "GET", {}),
            ("china/officer", "GET", {"Accept": "text/html", "Sec_Fetch_Dest": "iframe"}),
            ("china/auditor", "HEAD", {"Accept": "image/*", "Sec_Fetch_Dest": "image"}),
            ("china/officer", "GET", {"If_None_Match": f'"{digest(content)}"'}),
        ):
            answer = await who(reader).call(method, path, **headers)
            assert answer.status == (304 if "If_None_Match" in headers else 200)
            assert {name: answer.headers[name] for name in CLOSED} == CLOSED, media_type
            assert answer.headers.get("Content-Type", media_type) == media_type


def test_no_other_route_answers_with_what_a_browser_opens() -> None:
    serving = {
        route.path
        for route in description.ROUTES
        if route.method == "GET" and not OWN_FORMATS.issuperset(route.media)
    }
    assert serving == {"/v1/channels/{channel}/files/{sha256}"}


def test_no_page_has_an_element_that_opens_a_file() -> None:
    package = Path(dragoman.__file__).parent
    opening = re.compile(
        r"""<(audio|embed|iframe|img|object|video)\b|createElement\(["'](audio|embed|iframe|img|"""
        r"""object|video)\b"""
    )
    sources = [
        path
        for kind in ("html", "js", "py")
        for path in package.rglob(f"*.{kind}")
        if "vendor" not in path.parts
    ]
    assert len(sources) > 500
    assert [path.name for path in sources if opening.search(path.read_text())] == []


async def test_a_file_of_another_channel_is_not_here(who: Who) -> None:
    content = secrets.token_bytes(100)
    await put(who("nato/officer"), content, channel="nato-china-exercise")
    (await who("nato/officer").get(f"{FILES}/{digest(content)}")).problem(404, "not-found")
    (await who("nato/officer").call("DELETE", f"{FILES}/{digest(content)}")).problem(
        404, "not-found"
    )
    refused = await who("nato/officer").post(f"{C}/contacts", noted(content))
    assert refused.problem(422, "invalid-act")["errors"][0]["pointer"] == "/attachments/0/sha256"
    (
        await who("russia/officer").get(f"/v1/channels/nato-china-exercise/files/{digest(content)}")
    ).problem(404, "not-found")


async def test_each_side_has_its_own_copy_and_learns_nothing_of_the_others(who: Who) -> None:
    content = secrets.token_bytes(100)
    assert (await put(who("nato/officer"), content)).status == 201
    assert (await put(who("china/officer"), content)).status == 201, (
        "no side learns that the other has it"
    )
    path = f"{FILES}/{digest(content)}"
    assert (await who("china/officer").call("DELETE", path)).json["erased"]
    (await who("china/officer").get(path)).problem(404, "not-found")
    assert (await who("nato/officer").get(path)).body == content


async def test_what_is_not_the_file_is_refused(who: Who) -> None:
    content, officer = secrets.token_bytes(100), who("nato/officer")
    path = f"{FILES}/{digest(content)}"
    wrong = await officer.call("PUT", path, content + b"x", Content_Type="text/plain")
    assert digest(content + b"x") in wrong.problem(422, "invalid")["detail"]
    for media_type in (
        "text/html",
        "image/svg+xml",
        "application/octet-stream",
        "multipart/form-data",
    ):
        problem = (await officer.call("PUT", path, content, Content_Type=media_type)).problem(
            415, "media-type"
        )
        assert "application/pdf" in problem["detail"]
    for name in ("x", digest(content).upper(), digest(content)[:-1]):
        (await officer.call("PUT", f"{FILES}/{name}", content, Content_Type="text/plain")).problem(
            400, "bad-request"
        )
    (await officer.call("PUT", path, b"", Content_Type="text/plain")).problem(422, "invalid")
    for method, body in (("GET", None), ("DELETE", None)):
        (await officer.call(method, path, body)).problem(404, "not-found")
    for auditor in ("nato/auditor", "china/auditor"):
        (await who(auditor).call("PUT", path, content, Content_Type="text/plain")).problem(
            403, "not-permitted"
        )
        (await who(auditor).get(FILES)).problem(403, "not-permitted")
    assert (await put(officer, content)).status == 201
    (await officer.call("PUT", path, content, Content_Type="text/csv")).problem(409, "exists")


async def test_a_file_has_a_limit_whether_or_not_it_says_how_long_it_is(who: Who) -> None:
    largest, officer = bytes(FILE_BYTES), who("nato/officer")
    assert (await put(officer, largest)).status == 201
    assert (await officer.get(f"{FILES}/{digest(largest)}")).body == largest
    assert (await officer.call("DELETE", f"{FILES}/{digest(largest)}")).status == 200
    (await put(officer, bytes(FILE_BYTES + 1))).problem(413, "too-large")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(FILE_BYTES // 2**20 + 1):
            yield bytes(2**20)

    headers = {**officer.headers, "Content-Type": "text/plain"}
    url = f"{officer.service.base_url}{FILES}/{'5d' * 32}"
    async with officer.session.put(url, data=pieces(), headers=headers) as response:
        assert (response.status, (await response.json(content_type=None))["type"]) == (
            413,
            "/problems/too-large",
        )


@pytest.mark.process
async def test_a_side_keeps_no_store_of_what_it_does_not_say(
    own: Service, session: aiohttp.ClientSession
) -> None:
    officer = Caller(session, own, "nato/officer")
    cid = (await officer.get(C)).json["cid"]
    async with connected(
        own.nats_url, "gateway", BrokerEndpoint(own.nats_url, "", own.data / "keys").seed("gateway")
    ) as bus:
        entries = Erasable(bus, files.STREAM, files.PREFIX)
        many = SPARE_BYTES // FILE_BYTES
        before = len((await officer.get(FILES)).json["files"])  # named by acts, and not counted
        for number in range(many):
            file = File(
                sha256=f"{number:064x}",
                side="nato",
                at="",
                stage="kept",
                media_type="text/plain",
                bytes=FILE_BYTES,
            )
            await entries.publish(f"{files.PREFIX}{cid}.nato.{file.sha256}", _encoded(file))
    listed = (await officer.get(FILES)).json
    assert (len(listed["files"]) - before, listed["spare_bytes"]) == (many, SPARE_BYTES)
    refused = (await put(officer, b"one more")).problem(413, "no-room")
    assert "GET /files" in refused["detail"]
    assert (await put(Caller(session, own, "china/officer"), b"one more")).status == 201, (
        "another side has room of its own"
    )
    assert (await officer.call("DELETE", f"{FILES}/{0:064x}")).status == 200
    assert (await put(officer, b"one more")).status == 201
    assert (await officer.post(f"{C}/contacts", noted(b"one more"))).status == 201
    assert (await put(officer, bytes(FILE_BYTES))).status == 201, "what an act names is not counted"


def _encoded(file: File) -> bytes:
    return msgspec.json.encode(file)


@pytest.mark.process
async def test_a_file_that_was_damaged_is_never_whole(
    own: Service, session: aiohttp.ClientSession
) -> None:
    officer, content = Caller(session, own, "nato/officer"), secrets.token_bytes(CHUNK_BYTES + 1)
    cid = (await officer.get(C)).json["cid"]
    assert (await put(officer, content)).status == 201
    async with connected(
        own.nats_url, "gateway", BrokerEndpoint(own.nats_url, "", own.data / "keys").seed("gateway")
    ) as bus:
        entries = Erasable(bus, files.STREAM, files.PREFIX)
        last = await entries.next(f"{files.CHUNKS}{cid}.nato.{digest(content)}.*.1", 1)
        assert last is not None
        await entries.erase(last.seq)
        with pytest.raises(aiohttp.ClientError):
            await officer.get(f"{FILES}/{digest(content)}")
        await entries.publish(last.subject, b"x")
    with pytest.raises(aiohttp.ClientError):
        await officer.get(f"{FILES}/{digest(content)}")
    assert (await officer.call("DELETE", f"{FILES}/{digest(content)}")).status == 200
    assert (await put(officer, content)).status == 201
    assert (await officer.get(f"{FILES}/{digest(content)}")).body == content


async def test_an_act_attaches_what_is_there_as_it_is(who: Who) -> None:
    officer, content = who("nato/officer"), secrets.token_bytes(100)
    before = (await officer.get(C)).json["position"]
    missing = await officer.post(f"{C}/contacts", noted(content))
    fault = missing.problem(422, "invalid-act")["errors"][0]
    assert fault["pointer"] == "/attachments/0/sha256" and "PUT" in fault["detail"]
    await put(officer, content)
    for member, value in (("bytes", 99), ("media_type", "text/csv")):
        body = noted(content)
        body["attachments"][0][member] = value
        refused = await officer.post(f"{C}/contacts", body)
        assert (
            refused.problem(422, "invalid-act")["errors"][0]["pointer"]
            == f"/attachments/0/{member}"
        )
    foreign = await who("china/officer").post(f"{C}/contacts", noted(content))
    assert foreign.problem(422, "invalid-act")["errors"] == [fault], (
        "what is not yet said is not there for the other side"
    )
    assert await officer.said_after(before) == []
    assert (await officer.post(f"{C}/contacts", noted(content))).status == 201
    assert (await who("china/officer").post(f"{C}/contacts", noted(content))).status == 201, (
        "what was said may be referred to"
    )


async def test_a_draft_names_nothing_to_anybody(who: Who) -> None:
    officer, content = who("nato/officer"), secrets.token_bytes(100)
    await put(officer, content)
    draft = await officer.post(f"{C}/drafts", {"act": noted(content)})
    assert draft.status == 201
    (await who("china/officer").get(f"{FILES}/{digest(content)}")).problem(404, "not-found")
    listed = {
        each["sha256"]: each.get("named", False)
        for each in (await officer.get(FILES)).json["files"]
    }
    assert listed[digest(content)] is False


async def test_a_file_of_the_annual_exchange_and_a_document_are_named_too(who: Who) -> None:
    head, content, paper = (
        who("nato/head_of_office"),
        secrets.token_bytes(100),
        secrets.token_bytes(100),
    )
    for each in (content, paper):
        await put(head, each)
    draft = (
        await who("nato/officer").post(
            f"{C}/drafts", {"act": act("annual-exchange", file=attached(content))}
        )
    ).json
    annual = await head.call("POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"])
    assert annual.status == 201, annual.body
    document = await head.post(f"{C}/dialogue", act("reference-document", sha256=digest(paper)))
    assert document.status == 201, document.body
    for each in (content, paper):
        answer = await who("china/officer").get(
            f"{FILES}/{digest(each)}", Dragoman_Min_Position=str(document.json["position"])
        )
        assert answer.body == each


async def test_erasing_is_for_the_side_that_put_it_and_said_by_the_exchange(who: Who) -> None:
    officer, content = who("nato/officer"), secrets.token_bytes(100)
    await put(officer, content)
    posted = await officer.post(f"{C}/contacts", noted(content))
    path, view = f"{FILES}/{digest(content)}", f"{C}/exchanges/{posted.json['exchange']}"
    (await who("china/officer").call("DELETE", path)).problem(404, "not-found")
    (await who("nato/auditor").call("DELETE", path)).problem(403, "not-permitted")
    erased = await officer.call("DELETE", path)
    assert (erased.status, erased.json["erased"], erased.json.get("media_type")) == (
        200,
        True,
        None,
    )
    assert (await officer.call("DELETE", path)).json == erased.json
    for reader in ("china/officer", "nato/officer", "nato/auditor"):
        (await who(reader).get(path)).problem(404, "not-found")
        assert (await who(reader).get(view)).json["files"] == {digest(content): {"erased": True}}
    assert (await put(officer, content)).status == 201, "its side may put it again"
    assert (await who("china/officer").get(path)).body == content


async def test_putting_a_file_many_times_at_once_is_putting_it_once(who: Who) -> None:
    officer, content = who("nato/officer"), secrets.token_bytes(CHUNK_BYTES)
    answers = await asyncio.gather(*(put(officer, content) for _ in range(6)))
    assert {answer.status for answer in answers} <= {200, 201, 409}
    assert [answer.status for answer in answers].count(201) == 1
    assert (await officer.get(f"{FILES}/{digest(content)}")).body == content


@pytest.mark.process
async def test_what_one_gateway_erased_the_other_does_not_give(
    own: Gateway, second: Gateway, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    one, other = dice.sample((own, second), 2)
    here, there = Caller(session, one, "nato/officer"), Caller(session, other, "china/officer")
    content = secrets.token_bytes(100)
    await put(here, content)
    posted = await here.post(f"{C}/contacts", noted(content), key=new_key())
    path, position = f"{FILES}/{digest(content)}", str(posted.json["position"])
    assert (await there.get(path, Dragoman_Min_Position=position)).body == content
    assert (await here.call("DELETE", path)).status == 200
    (await there.get(path)).problem(404, "not-found")
    view = (
        await there.get(f"{C}/exchanges/{posted.json['exchange']}", Dragoman_Min_Position=position)
    ).json
    assert view["files"] == {digest(content): {"erased": True}}
