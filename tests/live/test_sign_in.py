"""People's sign-in: at an OIDC provider by the code flow, the life of tokens, and an officer's own
sessions.
"""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from aiohttp import web

from dragoman.console.sign_in.provider_sign_in import BEGUN
from dragoman.limits import JWKS_BYTES
from patience import PATIENCE_S
from provider import CLIENT, SECRET, Provider, providing
from service import Caller, Gateway, Second, Service

HTML = {"Accept": "text/html"}


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with providing() as provider:
        provider.add("rsa", "RS256")
        yield provider


def signing_in_at(provider: Provider, folder: Path) -> dict[str, str]:
    """The settings of a gateway whose officers sign in at the provider."""
    secret = folder / "credentials" / "oidc"
    secret.parent.mkdir()
    secret.write_text(SECRET + "\n")
    return {
        "DRAGOMAN_OIDC__ISSUER": provider.url,
        "DRAGOMAN_OIDC__CLIENT_ID": CLIENT,
        "DRAGOMAN_OIDC__CLIENT_SECRET_FILE": "$CREDENTIALS_DIRECTORY/oidc",
        "DRAGOMAN_OIDC__NAME": "Office SSO",
        "CREDENTIALS_DIRECTORY": str(secret.parent),
    }


@pytest.fixture
async def federated(tmp_path: Path, provider: Provider) -> AsyncIterator[Gateway]:
    """A demonstration whose officers sign in at the provider. It starts in a thread, since the
    provider answers from this loop.
    """
    settings = signing_in_at(provider, tmp_path)
    service = await asyncio.to_thread(
        lambda: Service(tmp_path / "data", "--demo", environment=settings)
    )
    yield service
    await asyncio.to_thread(service.stop)


async def mapped(session: aiohttp.ClientSession, service: Gateway, actor: str = "nato/d-1") -> str:
    """Map the provider's subject to an officer; the id of the mapping."""
    body = {"subject": "subject-1", "actor": actor, "channels": ["nato-china"]}
    answer = await Caller(session, service, "operator").post("/v1/subjects", body)
    return str(answer.json["id"])


class Reader:
    """A browser that keeps cookies and follows redirects step by step."""

    def __init__(self, session: aiohttp.ClientSession, service: Gateway) -> None:
        self.session = session
        self.base_url = service.base_url
        self.cookies: dict[str, str] = {}

    async def get(self, url: str) -> tuple[int, str, str]:
        """Status, location and text of one answer."""
        return await self._call("GET", url)

    async def post(self, url: str, form: dict[str, str]) -> tuple[int, str, str]:
        """The same of a form."""
        return await self._call("POST", url, data=form)

    async def _call(self, method: str, url: str, **options: Any) -> tuple[int, str, str]:
        whole = url if url.startswith("http") else self.base_url + url
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**HTML, "User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"} | (
            {"Cookie": cookie} if cookie and whole.startswith(self.base_url) else {}
        )
        async with self.session.request(
            method, whole, headers=headers, allow_redirects=False, **options
        ) as response:
            for name, morsel in response.cookies.items():
                self.cookies.pop(name, None)
                if morsel.value:
                    self.cookies[name] = morsel.value
            text = await response.text()
            return response.status, response.headers.get("Location", ""), text

    async def begin(self, next: str = "/c/nato-china") -> str:
        """Begin at the gateway; the address at the provider."""
        status, location, text = await self.get(f"/signin/oidc?next={next}")
        assert status == 303, text
        return location

    async def back(self, next: str = "/c/nato-china") -> str:
        """Begin, and sign in at the provider; the address to which it sends the browser back."""
        status, location, _ = await self.get(await self.begin(next))
        assert status == 302
        return location


async def sessions_of(reader: Reader) -> Any:
    """The reader's own sessions and tokens, as the API gives them to the page."""
    status, _, text = await reader.get("/v1/me/sessions")
    assert status == 200, text
    return json.loads(text)


async def test_an_officer_signs_in_at_the_provider_and_the_session_ends_with_the_mapping(
    session: aiohttp.ClientSession, provider: Provider, federated: Service
) -> None:
    reader = Reader(session, federated)
    _, _, page = await reader.get("/sign-in?next=/c/nato-china")
    assert "Sign in with Office SSO" in page and "/signin/oidc?next=%2Fc%2Fnato-china" in page
    before = time.time()
    status, _, text = await reader.get(await reader.back())
    assert (status, "Give this subject to the operator" in text) == (403, True)
    assert '<code class="break" id="subject">subject-1</code>' in text
    subject = await mapped(session, federated)
    back = await reader.back("/c/nato-china/inbox")
    query = dict(parse_qsl(urlsplit(back).query))
    status, _, text = await reader.get(back)
    assert status == 200, text
    assert '<a class="button" href="/c/nato-china/inbox">' in text
    assert BEGUN not in reader.cookies
    status, _, text = await reader.get("/c/nato-china")
    assert status == 200 and "d-1" in text
    (own,) = (await sessions_of(reader))["sessions"]
    assert (own["by"], own["current"]) == ("provider", True)
    assert (own["browser"], own["system"]) == ("Firefox", "Linux")
    assert before <= datetime.fromisoformat(own["began"]).timestamp() <= time.time()
    await federated.said(lambda line: line["event"] == "sign_in.done")
    told = federated.log.read_text()
    secrets = [
        query["code"],
        query["state"],
        SECRET,
        "provider-access",
        "eyJ",
        *reader.cookies.values(),
    ]
    assert [secret for secret in secrets if secret in told] == []
    operator = Caller(session, federated, "operator")
    assert (await operator.call("DELETE", f"/v1/subjects/{subject}")).status == 204
    status, location, _ = await reader.get("/c/nato-china")
    assert (status, location) == (303, "/sign-in?next=/c/nato-china")
    await mapped(session, federated, "nato/o-1")  # to another officer
    assert (await reader.get("/c/nato-china"))[0] == 303


Change = Callable[[Provider], None]


def claims(**changes: Any) -> Change:
    return lambda provider: provider.changes.update(changes)


def answers(make: Callable[[], web.StreamResponse]) -> Change:
    return lambda provider: setattr(provider, "answer", lambda _code: make())


DEEP = '{"id_token":' + "[" * 5_000 + "]" * 5_000 + "}"
LIES: dict[str, tuple[Change, int, str]] = {
    "wrong nonce": (claims(nonce="another"), 502, "could not be verified"),
    "no nonce": (claims(nonce=None), 502, "could not be verified"),
    "wrong audience": (claims(aud="https://other.example"), 502, "could not be verified"),
    "several audiences": (claims(aud=[CLIENT, "other"]), 502, "could not be verified"),
    "of another client": (
        claims(aud=[CLIENT, "other"], azp="other"),
        502,
        "could not be verified",
    ),
    "wrong issuer": (claims(iss="https://other.example"), 502, "could not be verified"),
    "expired": (claims(exp=int(time.time()) - 60), 502, "could not be verified"),
    "of tomorrow": (claims(iat=int(time.time()) + 86_400), 502, "could not be verified"),
    "an expiry without an end": (claims(exp=math.inf), 502, "could not be verified"),
    "a time that is no number": (claims(iat=math.nan), 502, "could not be verified"),
    "a beginning before all time": (claims(nbf=-math.inf), 502, "could not be verified"),
    "no subject": (claims(sub=""), 502, "could not be verified"),
    "a subject that no page shows": (claims(sub="\ud800"), 502, "could not be verified"),
    "a nonce that is no text": (claims(nonce=["\ud800"]), 502, "could not be verified"),
    "an access token": (claims(typ="at+jwt"), 502, "could not be verified"),
    "alg: none": (lambda it: setattr(it, "unsigned", True), 502, "could not be verified"),
    "a key of its own": (
        lambda it: it.changes.update(key=other_key()),
        502,
        "could not be verified",
    ),
    "no JSON": (answers(lambda: web.Response(text="<html>")), 502, "could not be verified"),
    "too deep": (answers(lambda: web.Response(text=DEEP)), 502, "could not be verified"),
    "too large": (
        answers(lambda: web.Response(text=" " * (JWKS_BYTES + 1))),
        502,
        "could not be verified",
    ),
    "a redirect": (
        answers(lambda: web.Response(status=302, headers={"Location": "/token"})),
        502,
        "could not be verified",
    ),
    "denied": (lambda it: setattr(it, "denies", "access_denied"), 403, "refused or cancelled"),
    "an error": (lambda it: setattr(it, "denies", "server_error"), 502, "server_error"),
    "an error that is no word": (lambda it: setattr(it, "denies", "<b>x"), 502, "with an error"),
}


def other_key() -> Any:
    """A key that the provider did not publish, under the id of one that it did."""
    stranger = Provider()
    stranger.add("rsa", "RS256")
    return stranger.keys["rsa"]


async def test_what_a_provider_gets_wrong_signs_nobody_in_and_says_what_to_do(
    session: aiohttp.ClientSession, provider: Provider, federated: Service
) -> None:
    await mapped(session, federated)
    for name, (change, wanted, told) in LIES.items():
        provider.changes, provider.answer = {}, None
        provider.unsigned, provider.denies = False, ""
        change(provider)
        reader = Reader(session, federated)
        status, _, text = await reader.get(await reader.back())
        assert (status, told in text, reader.cookies) == (wanted, True, {}), (name, text)
        assert "/signin/oidc?next=%2Fc%2Fnato-china" in text, name
    reasons = await federated.said(
        lambda line: line["event"] == "sign_in.refused" and line["by"] == "provider", len(LIES)
    )
    assert "the ID token has another nonce" in {line["reason"] for line in reasons}
    provider.changes, provider.answer, provider.denies = (
        {"aud": [CLIENT, "x"], "azp": CLIENT},
        None,
        "",
    )
    reader = Reader(session, federated)
    assert (await reader.get(await reader.back()))[0] == 200


async def test_an_address_that_comes_back_is_for_one_browser_and_one_time(
    session: aiohttp.ClientSession, provider: Provider, federated: Gateway
) -> None:
    await mapped(session, federated)
    provider.forgetful = True  # it takes a code again and again
    mine, thief = Reader(session, federated), Reader(session, federated)
    back = await mine.back()
    await thief.begin()
    begun = dict(mine.cookies)
    for stranger in (thief, Reader(session, federated)):
        status, _, text = await stranger.get(back)
        assert (status, "did not begin in this browser" in text) == (400, True)
    assert provider.exchanged == []
    assert (await mine.get(back))[0] == 200
    again = Reader(session, federated)
    assert (await again.get(back))[0] == 400
    for nonsense in ("x", "...", f"{'é' * 50}.1.Lw.", f"{'a' * 50}.{'9' * 300}.%%.x"):
        again.cookies = {BEGUN: nonsense}
        assert (await again.get(back))[0] == 400, nonsense
    for cookies in (begun, {BEGUN: begun[BEGUN].replace(".", ".1", 1)}):
        again.cookies = dict(cookies)
        status, _, text = await again.get(back)
        assert (status, "used up" in text, again.cookies) == (400, True, {})
    assert len(provider.exchanged) == 2  # the first time, and with the browser's own old cookie
    own = (await sessions_of(mine))["sessions"]
    assert len(own) == 1
    await mine.get(await mine.back())  # signing in anew ends the session before
    (after,) = (await sessions_of(mine))["sessions"]
    assert after["id"] != own[0]["id"]


async def test_signing_in_at_the_provider_leads_nowhere_else_and_a_provider_may_be_down(
    session: aiohttp.ClientSession, provider: Provider, federated: Gateway
) -> None:
    await mapped(session, federated)
    elsewhere = ("https://evil.example/", "//evil.example", "/%5Cevil.example", "/" + "a" * 3_000)
    reader = Reader(session, federated)
    for next in elsewhere:
        _, _, text = await reader.get(await reader.back(next))
        assert '<a class="button" href="/">' in text, next
    back = await reader.back()
    await provider.close()
    status, _, text = await reader.get(back)
    assert (status, "cannot be reached" in text, "A token still works" in text) == (503, True, True)


class SecondFederated(Second):
    """A second gateway with the settings of the first."""

    def __init__(self, first: Service, data: Path) -> None:
        self.environment = first.environment
        super().__init__(first, data)


async def test_a_sign_in_begins_at_one_gateway_and_ends_at_another_and_so_does_its_session(
    tmp_path: Path, session: aiohttp.ClientSession, provider: Provider
) -> None:
    public = "http://127.0.0.1:9"  # the address of a proxy before both
    settings = {
        **signing_in_at(provider, tmp_path),
        "DRAGOMAN_OIDC__REDIRECT_URL": f"{public}/signin/oidc/return",
        "DRAGOMAN_BUDGETS__STRANGER_REQUESTS": "1",
        "DRAGOMAN_TOKENS__DEFAULT_DAYS": "0",
        "DRAGOMAN_TOKENS__LONGEST_DAYS": "30",
    }
    first = await asyncio.to_thread(
        lambda: Service(tmp_path / "data", "--demo", environment=settings)
    )
    second = await asyncio.to_thread(lambda: SecondFederated(first, tmp_path / "second"))
    try:
        await mapped(session, first)
        reader, other = Reader(session, first), Reader(session, second)
        back = await reader.back()
        other.cookies = reader.cookies
        status, _, text = await other.get(back.replace(public, second.base_url))
        assert status == 200, text
        assert (await other.get("/c/nato-china"))[0] == 200
        async with asyncio.timeout(PATIENCE_S):
            while (await reader.get("/c/nato-china"))[0] != 200:
                await asyncio.sleep(0.05)
        async with session.get(
            f"{second.base_url}/alarm/events",
            headers={
                "Cookie": "; ".join(f"{name}={value}" for name, value in other.cookies.items())
            },
        ) as stream:
            assert stream.status == 200
            ended = time.monotonic()
            held = dict(reader.cookies)
            assert await reader.post("/sessions", {"end": "all"}) == (303, "/sign-in?out=yes", "")
            reader.cookies = other.cookies = held
            async with asyncio.timeout(PATIENCE_S):
                await stream.read()  # until it ends
                while (await other.get("/c/nato-china"))[0] == 200:
                    await asyncio.sleep(0.05)
            assert time.monotonic() - ended < 5
        # and what the settings say of tokens and of tries
        life = await issued(session, first)
        ends = datetime.fromisoformat(life["expires"]) - datetime.now(UTC)
        assert timedelta(days=29, hours=23) < ends <= timedelta(days=30)
        later = (datetime.now(UTC) + timedelta(days=31)).isoformat()
        body = {"actor": "nato/o-1", "channels": ["nato-china"], "expires": later}
        refused = await Caller(session, first, "operator").post("/v1/tokens", body)
        assert "30 days at most" in refused.problem(422, "invalid")["detail"]
        before = len(provider.exchanged)
        tries = []
        for _ in range(14):
            back = await reader.back()
            tries.append((await reader.get(back.replace(public, first.base_url)))[0])
        assert tries[:8] == [200] * 8 and 429 in tries[8:]
        assert len(provider.exchanged) == before + tries.count(200)
    finally:
        await asyncio.to_thread(second.stop)
        await asyncio.to_thread(first.stop)


# Tokens that end, and one's own sessions


async def signed_in(session: aiohttp.ClientSession, service: Gateway, token: str) -> Reader:
    """A browser that has signed in with a token."""
    reader = Reader(session, service)
    assert (await reader.post("/sign-in", {"token": token, "next": "/"}))[0] == 303
    return reader


async def issued(session: aiohttp.ClientSession, service: Gateway, **more: str) -> dict[str, Any]:
    """A new token of nato's first officer."""
    body = {"actor": "nato/o-1", "channels": ["nato-china"], **more}
    answer = await Caller(session, service, "operator").post("/v1/tokens", body)
    assert answer.status == 201, answer.body
    token: dict[str, Any] = answer.json
    return token


async def test_an_officer_sees_own_sessions_and_ends_one_all_others_or_all(
    session: aiohttp.ClientSession, demo: Gateway
) -> None:
    one, two = [await issued(session, demo, label=label) for label in ("desk", "laptop")]
    reading = await issued(session, demo, scope="read")
    readers = [await signed_in(session, demo, each["token"]) for each in (one, one, two, reading)]
    desk, wall, _laptop, auditor = readers
    stranger = await signed_in(session, demo, demo.token("china/officer"))
    view = await sessions_of(desk)
    labels = [each["label"] for each in view["sessions"] if each["grant"] in (one["id"], two["id"])]
    assert sorted(labels) == ["desk", "desk", "laptop"]
    (current,) = [each for each in view["sessions"] if each["current"]]
    assert {one["id"], two["id"], reading["id"]} <= {each["id"] for each in view["tokens"]}
    theirs = {each["id"] for each in (await sessions_of(stranger))["sessions"]}
    assert theirs.isdisjoint(each["id"] for each in view["sessions"])
    # a token that only reads has no part in sessions that act
    seen = {each["grant"] for each in (await sessions_of(auditor))["sessions"]}
    assert reading["id"] in seen and seen.isdisjoint((one["id"], two["id"]))
    assert (await auditor.post("/sessions", {"end": current["id"]}))[1] == "/sessions?said=gone"
    assert (await stranger.post("/sessions", {"end": current["id"]}))[1] == "/sessions?said=gone"
    (other,) = [each["id"] for each in view["sessions"] if each["grant"] == two["id"]]
    assert (await desk.post("/sessions", {"end": other}))[1] == "/sessions?said=ended"
    assert [await is_in(reader) for reader in readers] == [True, True, False, True]
    assert (await desk.post("/sessions", {"end": "others"}))[1] == "/sessions?said=ended"
    assert [await is_in(reader) for reader in (desk, wall, auditor)] == [True, False, False]
    assert await is_in(stranger)
    held = dict(desk.cookies)
    assert (await desk.post("/sessions", {"end": "all"}))[1] == "/sign-in?out=yes"
    desk.cookies = held
    assert not await is_in(desk)
    # and over HTTP
    desk = await signed_in(session, demo, one["token"])
    caller = Caller(session, demo)
    caller.headers = {"Authorization": f"Bearer {one['token']}"}
    listed = (await caller.get("/v1/me/sessions")).json["sessions"]
    assert not any(each["current"] for each in listed)
    assert (await caller.call("DELETE", f"/v1/me/sessions/{listed[0]['id']}")).status == 204
    assert not await is_in(desk)
    desk = await signed_in(session, demo, one["token"])
    assert (await caller.call("DELETE", "/v1/me/sessions")).status == 204
    assert not await is_in(desk)


async def is_in(reader: Reader) -> bool:
    """Say whether the session of the reader is in force."""
    return (await reader.get("/sessions"))[0] == 200


@pytest.mark.process
async def test_a_token_without_an_end_gets_one_and_its_owner_is_warned_in_time(
    session: aiohttp.ClientSession, process: Service
) -> None:
    token = await issued(session, process)
    life = datetime.fromisoformat(token["expires"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < life <= timedelta(days=90)
    soon = datetime.now(UTC) + timedelta(days=13)
    ending = await issued(session, process, expires=soon.isoformat())
    for each, told in ((token, False), (ending, True)):
        reader = await signed_in(session, process, each["token"])
        for page in ("/c/nato-china", "/sessions"):
            status, _, text = await reader.get(page)
            assert (status, "Ask the operator for another one." in text) == (200, told), page
    written = process.data.parent / "ending.token"
    written.write_text(ending["token"])
    done = await asyncio.to_thread(
        lambda: process.run(
            "doctor", "--server", process.base_url, "--token-file", str(written), check=None
        )
    )
    assert f"it ends {ending['expires']}" in done.stdout
