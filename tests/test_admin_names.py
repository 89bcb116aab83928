"""The names by which the operator's own address is asked."""

import socket
from ipaddress import IPv4Address, IPv6Address

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import admin_door
from dragoman.admin_door import is_ours
from dragoman.lifecycle import Lifecycle
from dragoman.settings import Admin, Http, Settings
from ports import free_port

NAMES = frozenset({"g1.office.example"})


@given(st.ip_addresses(), st.sampled_from(["", ":8479"]))
def test_an_address_is_ours(address: IPv4Address | IPv6Address, port: str) -> None:
    host = f"[{address}]" if address.version == 6 else f"{address}"
    assert is_ours(host + port, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "LOCALHOST:1",
        "g1",
        "gateway:8479",
        "g1.office.example",
        "G1.Office.Example.:1",
        "a.localhost",
    ],
)
def test_a_short_name_and_a_name_of_the_settings_are_ours(host: str) -> None:
    assert is_ours(host, NAMES)


@given(
    st.lists(st.text("abcxyz019-", min_size=1, max_size=9), min_size=2, max_size=4).map(".".join),
    st.sampled_from(["", ":8479", ".", ".:80"]),
)
def test_a_name_of_the_internet_is_not(name: str, end: str) -> None:
    assert not is_ours(f"{name}.example{end}", NAMES)


async def test_the_address_refuses_a_foreign_name_and_answers_its_own() -> None:
    port = free_port()
    settings = Settings(
        admin=Admin(port=port, names=("g1.office.example",)),
        http=Http(public_url="https://liaison.example.org"),
    )
    expected = {
        f"127.0.0.1:{port}": 200,
        f"localhost:{port}": 200,
        "g1.office.example": 200,
        "liaison.example.org": 200,
        socket.gethostname(): 200,
        "evil.example": 421,
        f"127.0.0.1.evil.example:{port}": 421,
        "liaison.example.org.evil.example": 421,
        "[": 421,
    }
    async with (
        admin_door.opened(settings, Lifecycle("gateway")) as door,
        aiohttp.ClientSession() as session,
    ):
        for host, status in expected.items():
            for path in ("/metrics", "/livez"):
                url, headers = f"{door.address}{path}", {"Host": host}
                async with session.get(url, headers=headers) as answer:
                    assert answer.status == status, (host, path)
                    assert ("# HELP" in await answer.text()) == (
                        path == "/metrics" and status == 200
                    )
