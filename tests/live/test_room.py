"""A side may keep a limited number of drafts here, and a token a limited number of sessions."""

import asyncio

import aiohttp

from dragoman.limits import DRAFTS, SESSIONS
from patience import PATIENCE_S
from service import Caller, Gateway, new_key

C = "/v1/channels/nato-china"


async def test_a_side_has_so_many_drafts_and_the_other_is_not_asked(
    own: Gateway, session: aiohttp.ClientSession
) -> None:
    officer, other = Caller(session, own, "nato/officer"), Caller(session, own, "china/officer")
    draft = {"act": {"act": "contact-note", "form": "conversation", "text": "x"}}
    key = new_key()
    first = await officer.post(f"{C}/drafts", draft, key=key)
    for _ in range(DRAFTS - 1):
        assert (await officer.post(f"{C}/drafts", draft)).status == 201
    (await officer.post(f"{C}/drafts", draft)).problem(413, "no-room")
    assert (
        await officer.post(f"{C}/drafts", draft, key=key)
    ).status == 201  # sent again, it is there
    assert (await other.post(f"{C}/drafts", draft)).status == 201
    assert (
        await officer.call("DELETE", first.headers["Location"], If_Match=first.headers["ETag"])
    ).status == 204
    assert (await officer.post(f"{C}/drafts", draft)).status == 201


async def test_a_further_session_closes_the_oldest_and_signing_in_anew_the_one_before(
    own: Gateway, session: aiohttp.ClientSession
) -> None:
    token = own.token("nato/officer")

    async def signed_in(cookie: str = "") -> str:
        headers = {"Cookie": cookie} if cookie else {}
        url = f"{own.base_url}/sign-in"
        async with session.post(
            url, data={"token": token}, headers=headers, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            flags = answer.headers["Set-Cookie"]
            assert all(
                flag in flags
                for flag in ("__Host-", "HttpOnly", "Secure", "SameSite=Strict", "Path=/")
            )
            return flags.partition(";")[0]

    async def is_open(cookie: str) -> bool:
        async with session.get(
            f"{own.base_url}/c/nato-china", headers={"Cookie": cookie}, allow_redirects=False
        ) as answer:
            return answer.status == 200

    cookies = [await signed_in() for _ in range(SESSIONS + 1)]
    assert [await is_open(cookie) for cookie in cookies] == [False] + [True] * SESSIONS
    anew = await signed_in(cookies[-1])
    assert (await is_open(anew), await is_open(cookies[-1])) == (True, False)
    async with session.post(
        f"{own.base_url}/sign-out", headers={"Cookie": anew}, allow_redirects=False
    ) as answer:
        assert "Clear-Site-Data" in answer.headers
    assert not await is_open(anew)


async def test_a_form_that_does_not_arrive_is_not_waited_for(own: Gateway) -> None:
    port = int(own.base_url.rpartition(":")[2])

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nto"
    )
    answer = await asyncio.wait_for(reader.read(12), PATIENCE_S)
    assert answer == b"HTTP/1.1 408"
    writer.close()
