"""HEAD is answered wherever GET is, with the same status and the same headers, and without a body."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from described import CALLERS, OPERATIONS
from dragoman.office.pages import ROUTES
from service import INCIDENT, Answer, Caller, Gateway, at_a_screen

Who = Callable[[str], Caller]
C: Final = "/v1/channels/nato-china"
PAGES: Final = sorted(
    {
        sheet.path if sheet.anywhere else f"/c/nato-china{sheet.path}"
        for sheet in ROUTES
        if sheet.method == "GET"
    }
)
STREAMS: Final = ("/v1/channels/{channel}/records", "/v1/stream", "/alarm/events")
MOMENTARY: Final = frozenset(
    {"date", "x-request-id", "ratelimit", "dragoman-as-of", "content-length", "transfer-encoding"}
)
"""Headers that differ from one answer to the next, and those of how a body is sent."""


def lasting(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that are the same when it is asked for again; a page has a nonce of
    its own.
    """
    return {
        name.lower(): re.sub(r"'nonce-[^']*'", "", value)
        for name, value in headers.items()
        if name.lower() not in MOMENTARY
    }


async def compare(caller: Caller, path: str, **headers: str) -> Answer:
    """Ask for a path by GET and by HEAD, which must say the same; the answer to GET.

    What may have come between the two, such as another record, is asked for again.
    """
    for _ in range(5):
        read = await caller.get(path, **headers)
        head = await caller.call("HEAD", path, **headers)
        if (read.status, lasting(read.headers)) == (head.status, lasting(head.headers)):
            break
    assert (head.status, lasting(head.headers)) == (read.status, lasting(read.headers)), path
    assert head.body == b""
    assert (
        "Content-Length" not in head.headers
        or read.headers.get("Content-Encoding")
        or _length(head) == pytest.approx(len(read.body), abs=64)
    )
    return read


def _length(answer: Answer) -> int:
    return int(answer.headers["Content-Length"])


@pytest.fixture
async def ids(who: Who) -> dict[str, str]:
    """One of everything that a path may name."""
    officer = who("nato/officer")
    while (
        await officer.get(f"{C}/log/checkpoint")
    ).status == 404:  # the demonstration has only just begun
        await asyncio.sleep(0.1)
    made = {
        "channel": "nato-china",
        "position": "1",
        "act": "contact-note",
        "name": "nato-china",
        "officer": "d-1",
    }
    made["exchange"] = (await who("nato/duty_officer").open(INCIDENT)).json["exchange"]
    for operation, name, caller in (
        ("new_draft", "draft", officer),
        ("new_person", "person", officer),
        ("new_link", "link", officer),
        ("new_endpoint", "endpoint", who("nato/head_of_office")),
    ):
        _, path, described = OPERATIONS[operation]
        body = (
            described.get("requestBody", {})
            .get("content", {})
            .get("application/json", {})
            .get("example")
        )
        answer = await caller.post(path.replace("{channel}", "nato-china"), body)
        assert answer.status == 201, answer.body
        made[name] = answer.json["id"]
        if name == "link":
            made["secret"] = answer.json["path"].rpartition("/")[2]
    _, _, put = OPERATIONS["put_file"]
    made["sha256"] = next(each["example"] for each in put["parameters"] if each["name"] == "sha256")
    await officer.call(
        "PUT", f"{C}/files/{made['sha256']}", b"hello world", Content_Type="text/plain"
    )
    return made


def filled(path: str, ids: Mapping[str, str], examples: Mapping[str, Any]) -> str:
    """A path with its variables."""
    return re.sub(
        r"{(\w+)(?::(?:[^{}]|{[^{}]*})*)?}",
        lambda found: str(ids.get(found[1], examples.get(found[1], ""))),
        path,
    )


async def test_every_operation_that_reads_answers_head(who: Who, ids: dict[str, str]) -> None:
    statuses: dict[str, int] = {}
    for name, (method, path, operation) in OPERATIONS.items():
        if method != "GET" or path in STREAMS:
            continue
        examples = {
            each["name"]: each["example"]
            for each in operation["parameters"]
            if each["in"] == "path"
        }
        url = filled(path, ids, examples)
        for caller in (who(CALLERS.get(name, "nato/officer")), who("")):
            read = await compare(caller, url)
            statuses.setdefault(name, read.status)
        for media in list(operation["responses"].get("200", {}).get("content", {}))[1:]:
            if media != "text/event-stream":
                await compare(who(CALLERS.get(name, "nato/officer")), url, Accept=media)
        if read.headers.get("ETag"):
            await compare(who(""), url, If_None_Match=read.headers["ETag"])
    assert {name: status for name, status in statuses.items() if status != 200} == dict.fromkeys(
        (
            "show_release",
            "show_members_bundle",
            "show_notice",
            "show_transmittal",
            "show_identity",
            "show_outbox",
        ),
        404,
    ) | dict.fromkeys(("list_parcels", "fetch_parcel"), 403), (
        "an incident is no release, no notice to many, no transmittal and no identity"
    )


async def test_every_page_answers_head(who: Who, demo: Gateway, ids: dict[str, str]) -> None:
    headers = {
        name.replace("-", "_"): value
        for name, value in (await at_a_screen(who("").session, demo, "nato/head_of_office")).items()
    }
    operator = {
        name.replace("-", "_"): value
        for name, value in (await at_a_screen(who("").session, demo, "operator")).items()
    }
    found = 0
    for path in PAGES:
        if path in STREAMS:
            continue
        url = filled(path, ids, {})
        asked = operator if path.startswith("/host") else headers
        found += (await compare(who(""), url, **asked)).status == 200
    for path in (
        "/sign-in",
        "/docs",
        "/",
        "/c/nato-china/inbox.json",
        "/c/nato-china/inbox.csv",
        "/static/console.css",
        "/nothing",
    ):
        await compare(who(""), path, **headers)
    await compare(who(""), "/c/nato-china", Accept="text/html")  # and is sent to the form
    assert found > len(PAGES) / 2


async def test_of_a_stream_there_is_no_head(who: Who) -> None:
    officer = who("nato/officer")
    for path, accept in (
        (f"{C}/records", "application/x-ndjson"),
        (f"{C}/inbox", "text/event-stream"),
    ):
        answer = await officer.call("HEAD", path, Accept=accept)
        assert (answer.status, answer.headers["Allow"], answer.body) == (405, "GET", b"")


async def test_what_is_allowed_names_head(who: Who) -> None:
    for path in (f"{C}/state", f"{C}/exchanges", "/c/nato-china/inbox"):
        allowed = (await who("nato/officer").call("DELETE", path)).headers["Allow"].split(",")
        assert {"GET", "HEAD"} <= set(allowed)


async def test_head_delivers_nothing(who: Who, ids: dict[str, str], demo: Gateway) -> None:
    exchange = ids["exchange"]
    screen = {
        name.replace("-", "_"): value
        for name, value in (await at_a_screen(who("").session, demo, "china/officer")).items()
    }
    for path in ("/c/nato-china", f"/c/nato-china/exchanges/{exchange}"):
        assert (await who("").call("HEAD", path, **screen)).status == 200
    assert (await who("china/officer").call("HEAD", f"{C}/exchanges/{exchange}")).status == 200
    begun = time.monotonic()
    while time.monotonic() < begun + 1.5:  # deliveries are noted within a second
        facts = (await who("nato/officer").get(f"{C}/exchanges/{exchange}")).json["facts"]
        assert not any("delivered" in each for each in facts)
        await asyncio.sleep(0.2)
    assert (await who("").get("/c/nato-china", **screen)).status == 200
    async with asyncio.timeout(30):
        while not any(
            "delivered" in each
            for each in (await who("nato/officer").get(f"{C}/exchanges/{exchange}")).json["facts"]
        ):
            await asyncio.sleep(0.1)
