"""One notice to many channels: offered on the check page, recorded once in each, one table."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from browsing import Visiting, assert_accessible
from identified import one_side
from office import Office
from service import Caller, Gateway

pytestmark = pytest.mark.browser

PAIRS = {"north": ("alpha", "beta"), "south": ("alpha", "gamma")}


@pytest.fixture(scope="module")
def office(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a service without a demonstration."""
    service = Office(tmp_path_factory.mktemp("notices") / "data")
    yield service
    service.stop()


async def tokens(session: aiohttp.ClientSession, office: Gateway) -> dict[str, str]:
    """Open two channels that share a side; return the token of an officer of each side."""
    operator = Caller(session, office, "operator")
    for name, sides in PAIRS.items():
        officers = [
            {"side": side, "officer": "o-1", "office": "hq", "roles": ["officer"]} for side in sides
        ]
        body = {"name": name, "sides": list(sides), "officers": officers}
        assert (await operator.call("POST", "/v1/channels", body)).status == 201
    await one_side(operator, "alpha", *PAIRS)
    issued = {}
    for side in ("alpha", "beta", "gamma"):
        channels = [name for name, sides in PAIRS.items() if side in sides]
        answer = await operator.post("/v1/tokens", {"actor": f"{side}/o-1", "channels": channels})
        issued[side] = answer.json["token"]
    return issued


async def test_the_table_of_who_has_a_notice_is_accessible(
    visit: Visiting, office: Gateway, session: aiohttp.ClientSession
) -> None:
    issued = await tokens(session, office)
    alpha = await visit(office)
    page = alpha.page
    await alpha.enter_with(issued["alpha"], "/c/north/compose/contact-note")
    await page.locator("[name='f.form'][value='conversation']").check()
    await page.locator("textarea[name='f.text.en']").fill("Our office moves on Monday.")
    await page.get_by_role("button", name="Check before sending").click()
    await page.locator("#also").get_by_label("SOUTH").check()
    await page.locator("button[name='do'][value='send']").click()
    await page.wait_for_url("**/c/north/notices/**")
    await assert_accessible(alpha)
    assert not alpha.complaints
