"""A hostile client: bytes that no client library sends, attacks on one side's or no token, and the
second side that they must not hold up.
"""

import asyncio
import math
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from service import NOTE, Caller, Gateway, at_a_screen, new_key

LATE_SECONDS = 0.5
"""The longest that an attack may make the second side wait, at the 99th percentile; or ten times
what it waits in quiet.
"""


_FRESH = 12
"""Messages that wait for an acknowledgement of the second side when an attack begins."""


@dataclass(frozen=True)
class Response:
    """The response on a connection: its status, its headers by small letters, its body. Status 0
    means no response: the connection was closed.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


async def exchange(
    base_url: str, raw: bytes, *then: bytes, wait: float = 20.0, address: str = ""
) -> Response:
    """Send these bytes on a connection of their own, each after a moment, and read the first
    answer.
    """
    url = urlsplit(base_url)
    context = ssl._create_unverified_context() if url.scheme == "https" else None
    reader, writer = await asyncio.open_connection(
        url.hostname, url.port, ssl=context, local_addr=(address, 0) if address else None
    )
    try:
        async with asyncio.timeout(wait):
            writer.write(raw)
            for each in then:
                await writer.drain()
                await asyncio.sleep(
                    0.05
                )  # as a packet of its own; the answer is the same if it is not
                writer.write(each)
            await writer.drain()
            return await _response(reader, bodiless=raw.startswith(b"HEAD "))
    except (ConnectionError, asyncio.IncompleteReadError):
        return Response()
    finally:
        writer.close()


async def _response(reader: asyncio.StreamReader, *, bodiless: bool) -> Response:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines if line)
    }
    length = headers.get("content-length", "")
    body = await reader.readexactly(int(length)) if length.isdigit() and not bodiless else b""
    return Response(int(first.split(" ")[1]), headers, body)


def request(
    method: str = "GET",
    path: bytes | str = "/v1/me",
    *headers: tuple[str, bytes | str],
    body: bytes = b"",
    host: str = "dragoman.example",
) -> bytes:
    """Return a request's bytes, as wrong as its parts are."""
    target = path if isinstance(path, bytes) else path.encode()
    given = [("Host", host), *headers, *([("Content-Length", str(len(body)))] if body else [])]
    lines = [
        name.encode() + b": " + (value if isinstance(value, bytes) else value.encode())
        for name, value in given
    ]
    return b"\r\n".join((method.encode() + b" " + target + b" HTTP/1.1", *lines, b"", body))


@dataclass
class Waits:
    """The time that each request of the second side took, in seconds."""

    seconds: list[float] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """The 99th percentile; of fewer than a hundred the longest."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(len(ordered) * 0.99) - 1)] if ordered else 0.0


class SecondSide:
    """An officer of the side that is not attacking, who posts, reads and acknowledges all the time."""

    def __init__(
        self, service: Gateway, who: str = "china/officer", other: str = "nato/officer"
    ) -> None:
        """Use these two of the demonstration's people."""
        self.service = service
        self.who = who
        self.other = other

    async def measure(self, during: Awaitable[object] | None = None, *, rounds: int = 8) -> Waits:
        """Return the time of each request, until `during` ends and for so many rounds at least.
        Every answer must be a success. The message that the side acknowledges comes from the
        other side, whose wait is not counted.
        """
        waits = Waits()
        attack = None if during is None else asyncio.ensure_future(during)
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=60),
            connector=aiohttp.TCPConnector(force_close=True),
        ) as session:
            own, opposite = (
                Caller(session, self.service, self.who),
                Caller(session, self.service, self.other),
            )
            exchange_id = (await opposite.open(NOTE)).json["exchange"]
            fresh: list[str] = []
            for _ in range(_FRESH):
                fresh.append((await opposite.open(NOTE)).json["exchange"])
            screen = {
                **await at_a_screen(session, self.service, self.who),
                "Accept-Encoding": "identity",
            }
            while (attack is not None and not attack.done()) or rounds > 0:
                rounds -= 1
                answer = await opposite.post(
                    "/v1/channels/nato-china/contacts", NOTE, key=new_key()
                )  # the attack may have used up the budget of this side
                if answer.status == 201:
                    fresh.append(answer.json["exchange"])
                for ask in self._round(own, exchange_id, fresh, screen):
                    begun = time.monotonic()
                    status = await ask()
                    waits.seconds.append(time.monotonic() - begun)
                    assert status in (200, 201), status
        if attack is not None:
            await attack
        return waits

    def _round(
        self, own: Caller, exchange_id: str, fresh: list[str], screen: Mapping[str, str]
    ) -> Sequence[Callable[[], Awaitable[int]]]:
        async def post() -> int:
            return (await own.open(NOTE)).status

        async def board() -> int:
            return (await own.get("/v1/channels/nato-china/state")).status

        async def reply() -> int:
            return (await own.act(exchange_id, {"act": "reply", "text": "Seen."})).status

        async def acknowledge() -> int:
            return (await own.act(fresh.pop(), {"act": "acknowledgement"})).status

        async def page() -> int:
            url = f"{self.service.base_url}/c/nato-china"
            async with own.session.get(url, headers=screen) as answer:
                text = await answer.text()
                assert answer.status != 200 or "<main" in text
                return answer.status

        return (post, board, reply, *([acknowledge] if fresh else ()), page)


@asynccontextmanager
async def unhindered(
    service: Gateway,
) -> AsyncIterator[Callable[[Callable[[], Awaitable[object]]], Awaitable[Waits]]]:
    """Measure the second side in quiet, then while each attack runs; assert that it never waits too
    long.

    An attack is made up to three times: what it does to the service it does each time, and a
    machine that was busy just then is not.
    """
    side = SecondSide(service)
    await side.measure(rounds=1)  # what a first request loads is not in the figures
    quiet = (await side.measure()).worst

    async def attacked(attack: Callable[[], Awaitable[object]]) -> Waits:
        for last in (False, False, True):
            waits = await side.measure(attack())
            now = (
                quiet if waits.worst <= LATE_SECONDS else max(quiet, (await side.measure()).worst)
            )  # a machine may become busy meanwhile
            limit = max(LATE_SECONDS, 10 * now)
            assert not last or waits.worst <= limit, (
                f"the second side waited {waits.worst:.3f} s; in quiet {now:.3f} s, at most {limit:.3f} s"
            )
            if waits.worst <= limit:
                break
        return waits

    yield attacked


async def alike(count: int, attack: Callable[[], Awaitable[object]]) -> list[object]:
    """Run an attack on so many connections at once."""
    return [*(await asyncio.gather(*(attack() for _ in range(count))))]


_CHARSETS = (
    "utf-8",
    "UTF-8",
    "punycode",
    "idna",
    "utf-7",
    "utf-16",
    "big5",
    "rot13",
    "zip",
    "base64",
    "unicode_escape",
    "nope",
    "\xff",
    "",
)
_ENCODINGS = ("", "gzip", "deflate", "br", "quoted-printable", "base64", "x-uuencode", "identity")
_PLACES = (
    *(
        "/preferences",
        "/sign-in",
        "/sign-out",
        "/c/nato-china/acknowledge",
        "/c/nato-china/write/contact-note",
        "/c/nato-china/inbox/read",
        "/c/nato-china/compose/contact-note",
        "/c/nato-china/people/register/new",
    ),
    *(
        f"/v1/channels/nato-china/{name}"
        for name in (
            "contacts",
            "notifications",
            "imports",
            "drafts",
            "state",
            "exchanges",
            "records",
        )
    ),
    *(
        "/v1/me",
        "/v1/channels",
        "/v1/calendars/x",
        "/livez",
        "/static/x",
        "/docs",
        "/v1/tokens",
        "/",
    ),
)
_HEADERS = (
    "Accept",
    "Accept-Language",
    "Cookie",
    "If-Match",
    "Idempotency-Key",
    "Prefer",
    "Range",
    "Expect",
    "X-Request-Id",
    "traceparent",
)


class Generator:
    """Requests that vary everything that a sender can: the place, charsets, encodings, parts,
    nesting, sizes and counts.
    """

    def __init__(self, dice: random.Random, *tokens: str, cookie: str = "") -> None:
        """Draw with these dice; send one of these tokens, a wrong one or none, or the cookie of a
        session, from the service's own origin.
        """
        self._dice = dice
        self._tokens = tokens
        self._cookie = cookie

    def draw(self) -> bytes:
        """Return a request."""
        media_type, body = self._body()
        headers: list[tuple[str, bytes | str]] = [("Content-Type", media_type.encode("latin-1"))]
        if self._cookie and self._dice.random() < 0.3:
            headers += [("Cookie", self._cookie), ("Sec-Fetch-Site", "same-origin")]
        elif self._dice.random() < 0.8:
            headers.append(
                (
                    "Authorization",
                    b"Bearer "
                    + (
                        self._text(30)
                        if self._dice.random() < 0.2
                        else self._dice.choice(self._tokens).encode()
                    ),
                )
            )
        headers += [
            (name, self._text(60)) for name in self._dice.sample(_HEADERS, self._dice.randrange(4))
        ]
        if self._dice.random() < 0.1:
            headers.append(("Content-Encoding", self._dice.choice(_ENCODINGS)))
        path = self._dice.choice(_PLACES).encode()
        if path == b"/sign-out":  # it would end the session of the later ones
            headers = [header for header in headers if header[1] != self._cookie]
        if self._dice.random() < 0.1:  # every body in UTF-16, too
            encoding = self._dice.choice(("utf-16-le", "utf-16-be", "utf-16"))
            body = body[:200_000].decode("latin-1").encode(encoding)
        if self._dice.random() < 0.2:
            path += self._dice.choice((b"?a=", b"/", b"%ff", b"%00", b"%ed%a0%80")) + self._text(20)
        method = self._dice.choice(
            ("POST", "POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "B@D")
        )
        return request(method, path, *headers, body=body)

    def _size(self) -> int:
        return int(10 ** self._dice.uniform(0, 5.6))

    def _text(self, most: int) -> bytes:
        """Return bytes that are mostly text."""
        pieces = (
            b"a",
            b"0",
            b" ",
            b";",
            b"=",
            b"\xff",
            b"\xc3\xa9",
            b"\x01",
            b"\r",
            b'"',
            b"%",
            b"*",
            b",",
        )
        weights = (30, 10, 4, 2, 2, 1, 2, 0.2, 0.1, 2, 1, 1, 2)
        return b"".join(self._dice.choices(pieces, weights, k=self._dice.randrange(1, most)))

    def _body(self) -> tuple[str, bytes]:
        kinds = (self._form, self._multipart, self._json, self._alert, self._calendar)
        return self._dice.choice(kinds)()

    def _form(self) -> tuple[str, bytes]:
        charset, size = self._dice.choice(_CHARSETS), self._size()
        body = self._dice.choice(
            (
                b"a&" * (size // 2),
                b"language=" + b"a" * size,
                b"x=%ff" * (size // 5),
                b"token=" + b"%C3%A9" * (size // 6),
            )
        )
        return f"application/x-www-form-urlencoded; charset={charset}", body

    def _multipart(self) -> tuple[str, bytes]:
        charset, encoding = self._dice.choice(_CHARSETS), self._dice.choice(_ENCODINGS)
        name = self._dice.choice(
            (
                'name="x"',
                f"name=\"x\"; filename*={charset}''a",
                'name="upload"; filename="a"',
                "name",
            )
        )
        head = f"Content-Disposition: form-data; {name}\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}"
        part = (
            b"--B\r\n"
            + head.encode("latin-1")
            + b"\r\n\r\n"
            + b"a" * self._dice.choice((0, 1, 1_000))
            + b"\r\n"
        )
        return "multipart/form-data; boundary=B", part * min(
            self._size(), 450_000 // len(part)
        ) + b"--B--\r\n"

    def _json(self) -> tuple[str, bytes]:
        size, depth = self._size(), self._dice.choice((1, 20, 5_000))
        filled = self._dice.choice(
            (
                b" " * size,
                b'"m":[],' * (size // 7),
                b'"t":"' + b"\\u0041" * (size // 6) + b'",',
                b"9" * size + b":1,",
            )
        )
        return (
            "application/json",
            b'{"act":"contact-note","x":'
            + b"[" * depth
            + b"]" * depth
            + b","
            + filled
            + b'"form":"conversation"}',
        )

    def _alert(self) -> tuple[str, bytes]:
        size, charset = self._size(), self._dice.choice(_CHARSETS)
        inner = self._dice.choice(
            (
                b"<info/>" * (size // 7),
                b"<a>" * (size // 7) + b"</a>" * (size // 7),
                b"&#65;" * (size // 5),
            )
        )
        start = self._dice.choice(("", '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'))
        head = f'<?xml version="1.0" encoding="{charset}"?>{start}<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
        raw = head.encode("latin-1") + inner + b"</alert>"
        if self._dice.random() < 0.3:  # expat recognizes it with and without a byte-order mark
            encoding = self._dice.choice(("utf-16-le", "utf-16-be", "utf-16"))
            raw = raw[:200_000].decode("latin-1").encode(encoding)
        return "application/cap+xml", raw

    def _calendar(self) -> tuple[str, bytes]:
        nested = min(self._size(), 200_000) // 24
        line = self._dice.choice(
            (
                b"",
                b"SUMMARY;CHARSET=punycode:" + b"a" * 1_000 + b"\r\n",
                b"RRULE:FREQ=SECONDLY;COUNT=99999999\r\n",
            )
        )
        events = b"BEGIN:VEVENT\r\n" * nested + line + b"END:VEVENT\r\n" * nested
        return (
            "text/calendar",
            b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n" + events + b"END:VCALENDAR\r\n",
        )
