"""A side's duty roster over HTTP: its own side reads and changes it, and the other side learns
nothing of it, whatever it reads.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from icalendar import Calendar

from dragoman.limits import CALENDAR_BYTES
from found import holding
from libical import errors
from patience import PATIENCE_S
from service import INCIDENT, Caller, Gateway, Service, at_a_screen, new_key

C = "/v1/channels/nato-china"
R = f"{C}/roster"
SETTINGS = {"DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]'}
SECRET = "s3cret-of-the-calendar"


@cache
def now() -> datetime:
    """The minute in which the first test began, which may be long after this file was read."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def ics(*shifts: tuple[str, float, float]) -> bytes:
    """A calendar of shifts: officer, and hours from now to begin and end."""
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{n}@x\r\nSUMMARY:A person's name\r\nX-DRAGOMAN-OFFICER:{officer}\r\n"
        f"DTSTART:{now() + timedelta(hours=begins):%Y%m%dT%H%M%SZ}\r\n"
        f"DTEND:{now() + timedelta(hours=ends):%Y%m%dT%H%M%SZ}\r\nEND:VEVENT\r\n"
        for n, (officer, begins, ends) in enumerate(shifts)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{events}END:VCALENDAR\r\n".encode()


WHOLE = (("d-1", -2, 3), ("h-1", 3, 90), ("watcher-9", 90, 91))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("roster") / "data", "--demo", environment=SETTINGS)
    yield service
    service.stop()


@pytest.fixture
def who(session: aiohttp.ClientSession, service: Gateway) -> Callable[[str], Caller]:
    return lambda name: Caller(session, service, name)


Who = Callable[[str], Caller]


async def put(who: Who, raw: bytes, status: int = 200, role: str = "head_of_office") -> Any:
    answer = await who(f"china/{role}").call("PUT", R, raw, Content_Type="text/calendar")
    assert answer.status == status, answer.body
    return answer.json


def duty(view: dict[str, Any], name: str = "shifts") -> list[tuple[str, float, float]]:
    hours = timedelta(hours=1)
    return [
        (
            each["officer"],
            (datetime.fromisoformat(each["begins"]) - now()) / hours,
            (datetime.fromisoformat(each["ends"]) - now()) / hours,
        )
        for each in view.get(name, [])
    ]


async def test_a_side_has_a_roster_and_the_other_side_sees_nothing_of_it(
    who: Who, service: Gateway, session: aiohttp.ClientSession
) -> None:
    for role in ("officer", "duty_officer"):
        await put(who, ics(*WHOLE), 403, role)
    await put(who, ics(("d-1", 3, 2)), 422)
    view = await put(who, ics(*WHOLE))
    assert (view["status"], view["source"], view["put_by"]) == ("in_force", "file", "h-1")
    assert duty(view) == list(WHOLE) and duty(view, "now") == [WHOLE[0]]
    assert duty(view, "next") == [WHOLE[1]]
    assert [each["kind"] for each in view.get("warnings", [])] == []
    settings = {"warn_days": 5, "reminders": [15, 60]}
    view = (await who("china/administrator").call("PUT", f"{R}/settings", settings)).json
    assert [(each["kind"], each.get("officer", "")) for each in view["warnings"]] == [
        ("not_in_office", "watcher-9"),
        ("gap", ""),
    ]
    for role in ("officer", "duty_officer", "administrator"):
        assert (await who(f"china/{role}").get(R)).json == view
    (await who("china/auditor").get(R)).problem(403, "not-permitted")

    mine = (await who("nato/head_of_office").get(R)).json
    assert mine["status"] == "none" and not mine.get("shifts")
    for path in ("roster.ics", "roster", "people", "watch", "state", "inbox"):
        assert b"watcher-9" not in (await who("nato/officer").get(f"{C}/{path}")).body

    async def page(reader: str, path: str) -> str:
        headers = await at_a_screen(session, service, reader)
        async with session.get(f"{service.base_url}/c/nato-china{path}", headers=headers) as answer:
            assert answer.status == 200
            return await answer.text()

    assert 'data-roster="in_force"' in await page("china/duty_officer", "")
    assert "watcher-9" in await page("china/duty_officer", "/roster")
    for path in ("", "/roster", "/people", "/admin", "/audit"):
        text = await page("nato/head_of_office", path)
        assert "watcher-9" not in text and "data-roster=" not in text


async def test_shifts_are_offered_taken_and_covered_and_both_officers_see_it(who: Who) -> None:
    await put(who, ics(*WHOLE))
    giver, taker = who("china/duty_officer"), who("china/head_of_office")
    part = {"do": "offer", "begins": f"{now() + timedelta(hours=1):%Y-%m-%dT%H:%MZ}",
            "ends": f"{now() + timedelta(hours=2):%Y-%m-%dT%H:%MZ}"}  # fmt: skip
    (await taker.post(f"{R}/changes", part)).problem(422, "invalid")
    key = new_key()
    for _ in range(2):
        view = (await giver.post(f"{R}/changes", part, key=key)).json
    (offered,) = view["changes"]
    assert duty(view) == list(WHOLE), "an offer alone changes nobody's duty"
    (await giver.post(f"{R}/changes", {"do": "take", "change": offered["id"]})).problem(
        422, "invalid"
    )
    (
        await who("china/officer").post(f"{R}/changes", {"do": "take", "change": offered["id"]})
    ).problem(422, "invalid")
    for _ in range(2):
        view = (await taker.post(f"{R}/changes", {"do": "take", "change": offered["id"]})).json
    assert duty(view)[:3] == [("d-1", -2, 1), ("h-1", 1, 2), ("d-1", 2, 3)]
    assert (await giver.get(R)).json["changes"] == view["changes"]
    cover = {"officer": "d-1", "begins": part["ends"], "ends": f"{now() + timedelta(hours=5):%Y-%m-%dT%H:%MZ}",
             "of": "h-1"}  # fmt: skip
    (await giver.post(f"{R}/covers", cover)).problem(403, "not-permitted")
    view = (await taker.post(f"{R}/covers", cover)).json
    assert duty(view)[2:5] == [("d-1", 2, 3), ("d-1", 3, 5), ("h-1", 5, 90)]

    answer = await giver.get(f"{R}.ics")
    assert errors(answer.body) == []
    events = list(Calendar.from_ical(answer.body).walk("VEVENT"))
    assert [str(each["X-DRAGOMAN-OFFICER"]) for each in events] == [
        "d-1",
        "h-1",
        "d-1",
        "d-1",
        "h-1",
        "watcher-9",
    ]
    assert str(events[1]["DESCRIPTION"]) == "h-1 took this shift of d-1."
    assert b"A person's name" not in answer.body, "no text of the calendar is kept"
    link = (await giver.call("POST", f"{C}/calendar-links?of=roster")).json
    assert (await who("").get(link["path"])).body == answer.body
    (await who("china/auditor").call("POST", f"{C}/calendar-links?of=roster")).problem(
        403, "not-permitted"
    )
    plain = (await giver.call("POST", f"{C}/calendar-links")).json
    assert b"X-DRAGOMAN-OFFICER" not in (await who("").get(plain["path"])).body

    (await giver.post(f"{R}/changes", {"do": "withdraw", "change": offered["id"]})).problem(
        403, "not-permitted"
    )
    view = (await taker.call("DELETE", f"{R}/officers/d-1")).json
    assert duty(view) == [("h-1", 3, 90), ("watcher-9", 90, 91)] and "changes" not in view


async def test_a_flash_reaches_at_once_whom_the_roster_has_on_watch(who: Who) -> None:
    """By the log alone it reaches the head of office after nine minutes."""
    await put(who, ics(("h-1", -2, 3)))
    opened = (await who("nato/duty_officer").open({**INCIDENT, "precedence": "flash"})).json
    head = who("china/head_of_office")
    async with (
        asyncio.timeout(PATIENCE_S),
        head.session.get(
            f"{head.service.base_url}{C}/records",
            headers={**head.headers, "Accept": "text/event-stream"},
        ) as stream,
    ):
        async for line in stream.content:
            if (
                line.startswith(b"data: ")
                and opened["exchange"].encode() in line
                and b'"reaches"' in line
            ):
                break
    alarm = json.loads(line[6:])
    assert (alarm["alarm"], alarm["reaches"]) == ("flash_unacknowledged", ["duty_officer"])
    assert b"h-1" not in line, "the waiting side reads the same event, and learns no name"
    await who("china/duty_officer").act(opened["exchange"], {"act": "acknowledgement"})


@asynccontextmanager
async def calendar_server(answer: Callable[[web.Request], web.Response]) -> AsyncIterator[str]:
    app = web.Application()

    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    app.router.add_get("/{path}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/{SECRET}"
    finally:
        await runner.cleanup()


def test_the_command_puts_checks_swaps_covers_and_exports(service: Gateway, tmp_path: Path) -> None:
    for role in ("head_of_office", "duty_officer"):
        (tmp_path / role).write_text(service.token(f"china/{role}"))

    def run(*arguments: str, role: str = "head_of_office", check: int = 0) -> Any:
        target = ("--channel", "nato-china", "--token-file", str(tmp_path / role))
        return service.run("roster", *arguments, *target, check=check)

    run("remove")
    assert "no roster" in run("check", check=1).stdout
    file = tmp_path / "roster.ics"
    file.write_bytes(ics(("d-1", -20, 3), ("d-1", 5, 100)))
    assert "2 shifts" in run("put", str(file)).stderr
    checked = run("check", check=1).stdout
    assert checked.count("WARNING duty officer") == 1 and "nobody there" in checked
    begins, ends = (f"{now() + timedelta(hours=hours):%Y-%m-%dT%H:%MZ}" for hours in (3, 5))
    run("cover", "h-1", begins, ends)
    assert "in force" in run("check").stdout
    offered = (f"{now() + timedelta(hours=hours):%Y-%m-%dT%H:%MZ}" for hours in (6, 7))
    view = json.loads(run("swap", "offer", *offered, "--json", role="duty_officer").stdout)
    run("swap", "take", view["changes"][-1]["id"])
    shown = run("show").stdout
    assert "NOW   duty officer: d-1" in shown and "open offer" not in shown
    assert run("export").stdout.count("BEGIN:VEVENT") == 5
    run("erase", "h-1")
    assert "h-1" not in run("show", "--json").stdout.replace('"by":"h-1"', "").replace(
        '"put_by":"h-1"', ""
    )
    assert run("remove", role="duty_officer", check=4).stderr
    run("remove")


@pytest.mark.process
async def test_a_subscription_is_read_and_its_url_is_never_shown_again(
    who: Who, service: Service
) -> None:
    head, answers = who("china/head_of_office"), {"now": web.Response(status=404)}

    async def tried() -> dict[str, Any]:
        """The roster, once its calendar was read or could not be read."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                view: dict[str, Any] = (await head.get(R)).json
                if view.get("read") or view.get("fault"):
                    return view
                await asyncio.sleep(0.05)

    async with calendar_server(lambda request: answers["now"]) as url:
        (await head.call("PUT", f"{R}/subscription", {"url": "http://10.0.0.1/x"})).problem(
            422, "invalid"
        )
        for response, status, fault in (
            (web.Response(status=404), "unreadable", "404"),
            (web.Response(status=302, headers={"Location": "/x"}), "unreadable", "302"),
            (web.Response(body=b"x" * (CALENDAR_BYTES + 1)), "unreadable", "bytes"),
            (web.Response(body=b"<html>"), "unreadable", "not a property"),
            (web.Response(body=ics(*WHOLE)), "in_force", ""),
        ):
            answers["now"] = response
            assert (await head.call("PUT", f"{R}/subscription", {"url": url})).json[
                "status"
            ] == "waiting"
            view = await tried()
            assert view["status"] == status and fault in view.get("fault", "")
        assert view["url"] == "http://127.0.0.1/…" and duty(view) == list(WHOLE)
    assert SECRET not in str(view)
    assert SECRET not in service.log.read_text()
    assert (await head.call("DELETE", R)).status == 204
    assert (await head.get(R)).json["status"] == "none"
    assert holding(service.data, SECRET.encode(), b"watcher-9") == [], (
        "the broker has overwritten it"
    )
