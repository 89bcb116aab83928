"""The service calls only those URLs of strangers that lead nowhere inside, however the URLs are
written.
"""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from dragoman.interop.ssrf_guard import AddressGuard

INSIDE = (
    "10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a00:1::1", "::10.0.0.1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe", "192.0.0.192", "192.0.0.9", "192.88.99.1", "198.18.0.1", "240.0.0.1",
    "::ffff:0:7f00:1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "4000::1", "2a00:1450:4001::5efe:a00:1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_called(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert not AddressGuard(()).allows(address)
    assert (
        str(AddressGuard(()).check(f"https://{host}/hook"))
        == f"{URL(f'https://{host}/').raw_host} is not a public address, and the operator of this host does not allow it"
    )


@pytest.mark.parametrize(
    "host",
    [
        "①②⑦.⓪.⓪.①",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
        "\uff11\uff10.\uff11.\uff12.\uff13",
        "[::ffff:0:127.0.0.1]",
        "[::FFFF:127.0.0.1]",
        "127.1",
        "0x7f.1",
        "2130706433",
        "127.0.0.1.",
        "0177.0.0.01",
    ],
)
@pytest.mark.parametrize("port", ["", ":8443"])
def test_a_host_is_checked_as_it_will_be_called(host: str, port: str) -> None:
    assert AddressGuard(()).check(f"https://{host}{port}/hook") is not None


@given(st.ip_addresses(v=4), st.data())
def test_an_address_is_refused_in_whatever_characters_its_digits_are_written(
    address: IPv4Address, data: st.DataObject
) -> None:
    spelled = "".join(
        data.draw(st.sampled_from(_SPELLINGS.get(each, each))) for each in str(address)
    )
    wrong = AddressGuard(()).check(f"https://{spelled}/")
    assert (wrong is None) == AddressGuard(()).allows(str(address))


_SPELLINGS = {".": ".\u3002\uff0e\uff61"} | {
    str(n): f"{n}{chr(0xFF10 + n)}{chr(0x1D7CE + n)}{chr(0x2080 + n)}" for n in range(10)
}


@pytest.mark.parametrize("address", ["203.0.114.9", "2a00:1450:4001::5", "64:ff9b::808:808"])
def test_a_public_address_is(address: str) -> None:
    assert AddressGuard(()).allows(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hook",
        "https://example.org:8443/hook?x=y",
        "https://[2a00:1450:4001::5]/",
    ],
)
def test_an_https_url_is_taken(url: str) -> None:
    assert AddressGuard(()).check(url) is None


def test_plain_http_is_for_the_networks_that_the_settings_name() -> None:
    guard = AddressGuard(["127.0.0.0/8", "fd00::/8"])
    assert guard.check("http://127.0.0.1:9000/hook") is guard.check("http://[fd00::1]/") is None
    assert guard.allows("127.0.0.1") and not guard.allows("10.0.0.1")
    for url in ("http://8.8.8.8/x", "http://localhost/x", "http://10.0.0.1/", "ftp://127.0.0.1/"):
        assert str(guard.check(url)).startswith("it is not an https URL")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "https://",
        "https://[x",
        "https://user@example.org/",
        "https://example.org/#x",
        "https://h:99999/",
    ],
)
def test_what_is_no_url_is_said_to_be(url: str) -> None:
    assert AddressGuard(()).check(url) is not None
