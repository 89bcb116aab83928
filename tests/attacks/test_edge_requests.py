"""A stranger and one side's officer attack the gateway with their requests, while the other side
works on.
"""

import asyncio
import json
import select
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest

from hostile_client import Response, SecondSide, alike, exchange, request, unhindered
from read_files import EDGE
from service import DRAGOMAN, NOTE, Caller, Demonstration, Service, at_a_screen, new_key

pytestmark = pytest.mark.reads(*EDGE)

T = TypeVar("T")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A demonstration that only these tests attack."""
    service = Demonstration(tmp_path_factory.mktemp("attacked") / "data")
    yield service
    service.stop()


def parts(count: int) -> bytes:
    """Return a multipart form of so many empty parts."""
    part = b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'
    return part * count + b"--B--\r\n"


@pytest.mark.parametrize(
    "path", ["/preferences", "/sign-in", "/sign-out", "/c/nato-china/acknowledge"]
)
async def test_a_stranger_chooses_no_codec_for_a_form(service: Service, path: str) -> None:
    """Ten thousand bytes of punycode keep the interpreter for a tenth of a second, half a million
    for minutes.
    """
    async with unhindered(service) as attacked:

        async def attack() -> None:
            for body in (b"language=" + b"a" * 8_000, b"language=" + b"a" * 490_000):
                answer = await exchange(
                    service.base_url,
                    request("POST", path, ("Content-Type", f"{FORM}; charset=punycode"), body=body),
                )
                assert answer.status in (401, 303, 413, 415)

        await attacked(lambda: alike(4, attack))


async def test_a_small_form_in_another_charset_is_an_unsupported_media_type(
    service: Service,
) -> None:
    for path in ("/preferences", "/sign-in", "/sign-out"):
        for charset in ("punycode", "idna", "utf-16", "latin-1", "nope"):
            media_type = ("Content-Type", f"{FORM}; charset={charset}")
            answer = await exchange(
                service.base_url, request("POST", path, media_type, body=b"language=fr")
            )
            assert_a_problem(answer, 415)


async def test_a_form_of_a_stranger_has_at_most_eight_kibibytes_and_no_parts(
    service: Service,
) -> None:
    for path in ("/preferences", "/sign-in", "/sign-out"):
        large = await exchange(
            service.base_url,
            request("POST", path, ("Content-Type", FORM), body=b"x=" + b"a" * 8_192),
        )
        assert large.status == 413
        chunked = (
            request("POST", path, ("Content-Type", FORM), ("Transfer-Encoding", "chunked"))
            + b"2001\r\nx="
            + b"a" * 0x1FFF
            + b"\r\n0\r\n\r\n"
        )
        assert (await exchange(service.base_url, chunked)).status == 413
        media_type = ("Content-Type", "multipart/form-data; boundary=B")
        assert (
            await exchange(service.base_url, request("POST", path, media_type, body=parts(1)))
        ).status == 415


async def test_a_strangers_form_of_many_parts_holds_nobody_up(service: Service) -> None:
    async with unhindered(service) as attacked:

        async def attack() -> None:
            for _ in range(3):
                media_type = ("Content-Type", "multipart/form-data; boundary=B")
                answer = await exchange(
                    service.base_url, request("POST", "/sign-in", media_type, body=parts(990))
                )
                assert answer.status in (413, 415)

        await attacked(lambda: alike(16, attack))


SECRET = "drg_" + "s3cret" * 7

NO_HTTP = {
    "a token file that ends in CR": request(
        "GET", "/v1/me", ("Authorization", f"Bearer {SECRET}\r")
    ),
    "a control character in a token": request(
        "GET", "/v1/me", ("Authorization", f"Bearer {SECRET}\x01")
    ),
    "a control character in a cookie": request(
        "GET", "/", ("Cookie", f"__Host-dragoman={SECRET}\x7f")
    ),
    "a control character in a link": request("GET", f"/v1/calendars/{SECRET}\x01"),
    "a byte that is no ASCII in a link": request(
        "GET", f"/v1/calendars/{SECRET}".encode() + b"\xff"
    ),
    "a header without a colon": f"GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {SECRET}\r\n\r\n".encode(),
    "a header that is too long": request(
        "GET", "/v1/me", ("Authorization", f"Bearer {SECRET * 300}")
    ),
    "too many headers": request("GET", "/v1/me", *((f"X-{n}", SECRET) for n in range(200))),
    "a link that is too long": request("GET", f"/v1/calendars/{SECRET * 300}"),
    "a URL that is none": request("GET", f"http://[::1/{SECRET}"),
    "an unknown expectation": request("GET", "/v1/me", ("Expect", SECRET)),
    "an expectation that is no text": request(
        "GET", "/v1/me", ("Expect", SECRET.encode() + b"\xff")
    ),
    "an unknown transfer encoding": request("POST", "/sign-in", ("Transfer-Encoding", SECRET)),
    "two lengths": request("POST", "/sign-in", ("Content-Length", "1"), ("Content-Length", SECRET)),
    "no method": request("G\x01T", f"/v1/calendars/{SECRET}"),
    "TLS where there is none": b"\x16\x03\x01\x02\x00\x01\x00" + SECRET.encode() + b"\r\n\r\n",
}

MALFORMED = {
    "bytes in a token": request("GET", "/v1/me", ("Authorization", b"Bearer \xff")),
    "bytes in a session of the API": request("GET", "/v1/me", ("Cookie", b"__Host-dragoman=\xff")),
    "half a pair in a link": request("GET", b"/v1/calendars/%ed%a0%80"),
    "a file name that is too long": request("GET", "/static/" + "a" * 3_000),
    "a form that is not UTF-8": request(
        "POST", "/sign-in", ("Content-Type", FORM), body=b"token=%ff"
    ),
    "half a pair in a form": request(
        "POST", "/sign-in", ("Content-Type", FORM), body=b"token=%ed%a0%80"
    ),
    "a chunk that is none": request(
        "POST", "/sign-in", ("Content-Type", FORM), ("Transfer-Encoding", "chunked")
    )
    + b"zz\r\n",
}


def assert_a_problem(answer: Response, *statuses: int) -> None:
    """A problem document with the headers that every answer has, which names no version and quotes
    nothing.
    """
    assert answer.status in statuses, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body)["status"] == answer.status
    assert answer.headers["server"] == "dragoman"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]
    assert SECRET not in str(answer)


@pytest.mark.parametrize("raw", NO_HTTP.values(), ids=lambda _: "")
async def test_what_is_no_http_is_a_problem_and_one_line_without_values(
    service: Service, raw: bytes
) -> None:
    before = len(service.logged)
    answer = await exchange(service.base_url, raw)
    assert_a_problem(answer, 400)
    assert answer.headers["cache-control"] == "no-store"
    lines = await until(
        lambda: [
            line
            for line in service.logged[before:]
            if line.get("request_id") == answer.headers["x-request-id"]
        ]
    )
    assert [(line["event"], line["status"], line["level"]) for line in lines] == [
        ("request", 400, "info")
    ]
    assert lines[0]["address"] == "127.0.0.1"
    assert "s3cret" not in service.log.read_text()


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=lambda _: "")
async def test_a_malformed_request_is_refused_and_is_no_failure_of_the_service(
    service: Service, raw: bytes
) -> None:
    assert_a_problem(await exchange(service.base_url, raw), 400, 401, 404)


@pytest.mark.parametrize(
    "raw",
    [
        MALFORMED["bytes in a token"],
        NO_HTTP["a token file that ends in CR"],
        NO_HTTP["an unknown expectation"],
        MALFORMED["half a pair in a form"],
    ],
    ids=["token", "no HTTP", "expectation", "form"],
)
async def test_what_is_malformed_is_taken_from_the_addresss_budget(
    frugal: Service, raw: bytes
) -> None:
    statuses = [(await exchange(frugal.base_url, raw)).status for _ in range(60)]
    assert 429 in statuses, statuses
    await asyncio.sleep(2)  # the budget fills up again for the next one


@pytest.fixture(scope="module")
def frugal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that answers an address five times a second."""
    small = {f"DRAGOMAN_BUDGETS__{name}_REQUESTS": "5" for name in ("ADDRESS", "STRANGER")}
    service = Service(tmp_path_factory.mktemp("frugal") / "data", environment=small)
    yield service
    service.stop()


# Bodies that take long to read


def heavy_bodies() -> dict[str, tuple[str, str, bytes]]:
    """Return bodies within every limit that take long to read: where each is sent, as what, and
    its bytes.
    """
    declared = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 60}">' for n in range(7)
    )
    bomb = f"<!DOCTYPE a [{declared}<!ATTLIST a b CDATA '&e6;'>]><a/>".encode()
    empty = (
        b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">' + b"<info/>" * 33_000 + b"</alert>"
    )
    nested = (
        b"BEGIN:VCALENDAR\r\n"
        + b"BEGIN:VEVENT\r\n" * 8_000
        + b"END:VEVENT\r\n" * 8_000
        + b"END:VCALENDAR\r\n"
    )
    blanks = (
        b'{"act":"contact-note",' + b" " * 470_000 + b'"form":"conversation","text":"x","text":"y"}'
    )
    members = (
        b'{"act":"contact-note",' + b",".join(b'"m%d" : [ ]' % n for n in range(15_000)) + b"}"
    )
    return {
        "a document type": (f"{C}/imports", "application/cap+xml", bomb),
        "a document type in UTF-16": (
            f"{C}/imports",
            "application/cap+xml",
            bomb.decode().encode("utf-16-le"),
        ),
        "empty elements": (f"{C}/imports", "application/cap+xml", empty),
        "nested calendars": (f"{C}/roster", "text/calendar", nested),
        "blanks": (f"{C}/contacts", "application/json", blanks),
        "members": (f"{C}/contacts", "application/json", members),
    }


C = "/v1/channels/nato-china"
HEAVY = heavy_bodies()


@pytest.mark.parametrize("name", HEAVY)
async def test_a_body_that_takes_long_to_read_holds_up_no_other_side(
    service: Service, name: str
) -> None:
    path, media_type, body = HEAVY[name]
    method, who = ("PUT", "head_of_office") if path == f"{C}/roster" else ("POST", "officer")
    token = ("Authorization", f"Bearer {service.token(f'nato/{who}')}")
    async with unhindered(service) as attacked:

        async def attack() -> None:
            key = ("Idempotency-Key", new_key())
            answer = await exchange(
                service.base_url,
                request(method, path, token, key, ("Content-Type", media_type), body=body),
                wait=60,
            )
            assert answer.status in (413, 422), answer

        await attacked(lambda: alike(8, attack))


# Pages that take long to show


INCIDENT = {
    **json.loads(
        (Path(__file__).parents[2] / "schemas/samples/acts/hazardous-incident.json").read_text()
    ),
    "whose": ["nato"],
    "to": ["china"],
}


async def test_pages_of_a_full_exchange_hold_up_no_other_side(service: Service) -> None:
    """The texts of an exchange may have two megabytes, and every page of it shows them, with
    each invisible character by its number.
    """
    async with aiohttp.ClientSession() as session:
        officer = Caller(session, service, "nato/duty_officer")
        exchange_id = (await officer.open(INCIDENT)).json["exchange"]
        for number in range(32):
            text = f"{number} " + "Nothing more is known. " * 2_000 + "\u200b" * 4_000
            update = await officer.act(exchange_id, {"act": "update", "text": text})
            if update.status != 201:
                break
        assert number > 25
        cookies = await at_a_screen(session, service, "nato/duty_officer")
    page = f"/c/nato-china/exchanges/{exchange_id}"
    async with unhindered(service) as attacked:

        async def attack() -> None:
            for path in (page, f"{page}/form", f"{page}/card"):
                answer = await exchange(
                    service.base_url,
                    request("GET", path, ("Cookie", cookies["Cookie"]), ("Accept", "text/html")),
                    wait=60,
                )
                assert answer.status in (200, 429), answer

        await attacked(lambda: alike(8, attack))


# Floods of one side, of a stranger, and of an endpoint


async def test_updates_that_fill_an_exchange_hold_up_no_other_side(service: Service) -> None:
    """80 updates of 236 KB, as long as an act may be: most of them find no room."""
    async with aiohttp.ClientSession() as session:
        officer = Caller(session, service, "nato/duty_officer")
        exchange_id = (await officer.open(INCIDENT)).json["exchange"]
        serial = iter(range(80))
        text = {"en": "m" * 59_000, "fr": "m" * 59_000, "zh-Hans": "m" * 59_000, "ru": "m" * 58_000}

        async def attack() -> None:
            for number in serial:
                answer = await officer.act(exchange_id, {"act": "update", "text": text})
                assert answer.status in (201, 413, 429), (number, answer.body)

        async with unhindered(service) as attacked:
            await attacked(lambda: alike(4, attack))


async def test_a_hundred_flashes_hold_up_no_other_side(service: Service) -> None:
    flash = {**INCIDENT, "precedence": "flash"}
    async with aiohttp.ClientSession() as session:
        officer = Caller(session, service, "nato/duty_officer")
        serial = iter(range(100))

        async def attack() -> None:
            for _ in serial:
                answer = await officer.post(f"{C}/notifications", flash, key=new_key())
                assert answer.status in (201, 413, 429), answer.body

        async with unhindered(service) as attacked:
            await attacked(lambda: alike(4, attack))


async def test_a_flood_of_malformed_requests_holds_up_no_other_side(service: Service) -> None:
    """The flood comes from another address than the other side, as strangers do."""
    raws = [*MALFORMED.values(), *NO_HTTP.values()]
    async with unhindered(service) as attacked:

        async def attack() -> None:
            for _ in range(6):
                for raw in raws:
                    answer = await exchange(service.base_url, raw, address="127.0.0.9")
                    assert answer.status in (400, 401, 404, 429), answer

        await attacked(lambda: alike(16, attack))


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """A port on which every connection is taken and nothing is ever answered."""

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(65_536):
                pass
        finally:
            writer.close()

    server = await asyncio.start_server(taken, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_an_endpoint_that_never_answers_holds_up_no_other_side(
    tmp_path: Path, silent: int
) -> None:
    inside = {"DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]'}
    own = Service(tmp_path / "data", "--demo", environment=inside)
    try:
        async with aiohttp.ClientSession() as session:
            head = Caller(session, own, "nato/head_of_office")
            for _ in range(4):
                endpoint = {"channel": "nato-china", "url": f"http://127.0.0.1:{silent}/"}
                answer = await head.post("/v1/webhooks", endpoint)
                assert answer.status == 201, answer.body
            officer = Caller(session, own, "nato/officer")

            async def attack() -> None:
                for _ in range(40):
                    answer = await officer.post(f"{C}/contacts", NOTE, key=new_key())
                    assert answer.status in (201, 429), answer.body

            async with unhindered(own) as attacked:
                await attacked(lambda: alike(2, attack))
    finally:
        own.stop()


# Connections that nobody sends a request on


class Narrow(Service):
    """A service whose process has few descriptors, so that connections use them up soon."""

    program = ("sh", "-c", 'ulimit -n 400; exec "$@"', "sh", DRAGOMAN)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with few descriptors, of which an address takes a hundred."""
    service = Narrow(
        tmp_path_factory.mktemp("narrow") / "data",
        "--demo",
        environment={"DRAGOMAN_BUDGETS__CONNECTIONS": "100"},
    )
    yield service
    service.stop()


@pytest.fixture
def idle(narrow: Service) -> Iterator[Callable[[str, int], list[socket.socket]]]:
    """Open so many connections from an address of this machine, and send nothing."""
    where = ("127.0.0.1", int(narrow.base_url.rpartition(":")[2]))
    opened: list[socket.socket] = []

    def connect(address: str, count: int) -> list[socket.socket]:
        made = [
            socket.create_connection(where, timeout=10, source_address=(address, 0))
            for _ in range(count)
        ]
        opened.extend(made)
        return made

    yield connect
    for each in opened:
        each.close()


def still_open(connections: list[socket.socket]) -> int:
    """Return the number of these connections that the service has not closed."""
    closed, _, _ = select.select(connections, [], [], 0)
    return len(connections) - len(closed)


async def test_idle_connections_of_an_address_and_of_many_leave_room_for_the_other_side(
    narrow: Service, idle: Callable[[str, int], list[socket.socket]]
) -> None:
    side = SecondSide(narrow)
    quiet = (await side.measure()).worst
    connections = idle("127.0.0.2", 160)
    waits = await side.measure()
    assert waits.worst < max(0.5, 10 * quiet)
    assert still_open(connections) <= 100
    connections += [each for n in range(3, 8) for each in idle(f"127.0.0.{n}", 60)]
    await until(lambda: [line for line in narrow.logged if line["event"] == "connections.full"])
    begun = time.monotonic()
    await until_served(narrow)
    assert time.monotonic() - begun < 12
    await until(lambda: not still_open(connections))
    assert [line["level"] for line in narrow.logged if line["event"] == "connections.full"] == [
        "warning"
    ]
    assert not [line for line in narrow.logged if line["level"] == "error"]


async def until_served(service: Service) -> None:
    """Wait until a new connection is served."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        for _ in range(200):
            try:
                if (await Caller(session, service, "china/officer").get("/v1/me")).status == 200:
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise AssertionError("nobody is served")


async def until(found: Callable[[], T]) -> T:
    """Wait for something that is written soon, and return it."""
    for _ in range(200):
        if result := found():
            return result
        await asyncio.sleep(0.05)
    raise AssertionError("it was not written")
