"""Every page of an empty channel: each block without content says in a sentence what would be there."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from dragoman.office.pages import ROUTES
from office import Office
from patience import PATIENCE_S
from reader_of_pages import Reader
from service import Answer, Caller, Gateway

ROLES = ("head_of_office", "administrator", "auditor")
NO_PAGE = {"/duty-numbers", "/records/consistency", "/log/heads", "/alarm/events"}
"""Addresses that answer scripts."""

PATHS = [
    route.path
    for route in ROUTES
    if route.method == "GET" and not route.anywhere and "{" not in route.path and not route.streams
]
LEAST_WORDS = 9
BARE = re.compile(r"(none|nothing|no)[.]?", re.IGNORECASE)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    service = Office(tmp_path_factory.mktemp("empty") / "data")
    yield service
    service.stop()


@pytest_asyncio.fixture
async def readers(service: Gateway) -> AsyncIterator[dict[str, Reader]]:
    """A channel in which nothing was said yet, and a reader of one side in each role."""
    officers = [
        {"side": side, "officer": role.replace("_", "-"), "office": "hq", "roles": [role]}
        for side in ("nato", "china")
        for role in ROLES
    ]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        operator = Caller(session, service, "operator")
        new = {
            "name": "hotline",
            "kind": "official",
            "sides": ["nato", "china"],
            "languages": ["en"],
            "officers": officers,
        }
        made(await operator.post("/v1/channels", new))
        readers = {}
        for role in ROLES:
            actor = f"nato/{role.replace('_', '-')}"
            body = {"actor": actor, "channels": ["hotline"]}
            token = made(await operator.post("/v1/tokens", body))["token"]
            async with session.post(
                service.base_url + "/sign-in", data={"token": token}, allow_redirects=False
            ) as response:
                cookie = response.headers["Set-Cookie"].partition(";")[0]
            readers[role] = Reader(session, service, cookie)
        yield readers


def made(answer: Answer) -> dict[str, Any]:
    assert answer.status == 201, answer.body
    return dict(answer.json)


def words_of(element: Any) -> list[str]:
    return " ".join(element.itertext()).split()


def faults_of(page: Any) -> Iterator[str]:
    """Yield the faults of the blocks of a page."""
    for empty in page.xpath("//main//*[contains(concat(' ', @class, ' '), ' empty ')]"):
        if len(words_of(empty)) < LEAST_WORDS:
            yield f"no sentence of explanation: {' '.join(words_of(empty))}"
    for block in page.xpath("//main//section[contains(concat(' ', @class, ' '), ' block ')]"):
        heads = block.xpath("./header | ./h2")
        rest = [text for child in block if child not in heads for text in words_of(child)]
        fields = block.xpath(".//input | .//svg | .//button")
        is_group = block.xpath("./following-sibling::*[1]/h3")
        if not rest and not fields and not is_group:
            yield f"an empty block: {' '.join(words_of(block))}"
    for line in page.xpath("//main//section//p[not(*)] | //main//section/ul/li[not(*)]"):
        if BARE.fullmatch(" ".join(words_of(line))):
            yield f"a bare word: {' '.join(words_of(line))}"


async def test_no_block_of_an_empty_channel_is_without_its_sentence(
    readers: dict[str, Reader],
) -> None:
    wrong = []
    pages = 0
    for role, reader in readers.items():
        for path in PATHS:
            if path in NO_PAGE:
                continue
            page = await reader.get(f"/c/hotline{path}")
            if reader.status != 200 or not page.xpath("//main"):
                continue
            pages += 1
            wrong += [f"{role} {path or '/'}: {fault}" for fault in faults_of(page)]
        await asyncio.sleep(0)
    assert not wrong, "\n".join(sorted(set(wrong)))
    assert pages > 60
