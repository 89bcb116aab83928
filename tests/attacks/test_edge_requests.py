"""A stranger and one side's officer attack the gateway with their requests, while the other side works on."""

from collections.abc import Iterator

import pytest

from hostile_client import alike, exchange, request, unhindered
from service import Service

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A demonstration that only these tests attack."""
    service = Service(tmp_path_factory.mktemp("attacked") / "data", "--demo")
    yield service
    service.stop()


def parts(count: int) -> bytes:
    """Return a multipart form of so many empty parts."""
    part = b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'
    return part * count + b"--B--\r\n"


@pytest.mark.parametrize("path", ["/preferences", "/sign-in", "/sign-out", "/c/nato-china/acknowledge"])
async def test_a_stranger_chooses_no_codec_for_a_form(service: Service, path: str) -> None:
    """Ten thousand bytes of punycode keep the interpreter for a tenth of a second, half a million for minutes."""
    async with unhindered(service) as attacked:

        async def attack() -> None:
            for body in (b"language=" + b"a" * 8_000, b"language=" + b"a" * 490_000):
                answer = await exchange(service.base_url, request("POST", path, ("Content-Type", f"{FORM}; charset=punycode"), body=body))
                assert answer.status in (401, 303, 413, 415)

        await attacked(alike(4, attack))


async def test_a_form_of_a_stranger_has_at_most_eight_kibibytes_and_no_parts(service: Service) -> None:
    for path in ("/preferences", "/sign-in", "/sign-out"):
        large = await exchange(service.base_url, request("POST", path, ("Content-Type", FORM), body=b"x=" + b"a" * 8_192))
        assert large.status == 413
        chunked = (
            request("POST", path, ("Content-Type", FORM), ("Transfer-Encoding", "chunked"))
            + b"2001\r\nx="
            + b"a" * 0x1FFF
            + b"\r\n0\r\n\r\n"
        )
        assert (await exchange(service.base_url, chunked)).status == 413
        media_type = ("Content-Type", "multipart/form-data; boundary=B")
        assert (await exchange(service.base_url, request("POST", path, media_type, body=parts(1)))).status == 415


async def test_a_strangers_form_of_many_parts_holds_nobody_up(service: Service) -> None:
    async with unhindered(service) as attacked:

        async def attack() -> None:
            for _ in range(3):
                media_type = ("Content-Type", "multipart/form-data; boundary=B")
                answer = await exchange(service.base_url, request("POST", "/sign-in", media_type, body=parts(990)))
                assert answer.status in (413, 415)

        await attacked(alike(16, attack))
