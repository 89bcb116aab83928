"""One notice to many channels: offered on the check page, recorded once in each, one table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from identified import one_side
from office import Office
from person import Person
from service import Caller

PAIRS = {"north": ("alpha", "beta"), "south": ("alpha", "gamma")}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office without a demonstration."""
    office = Office(tmp_path / "data")
    yield office
    office.stop()


async def opened(operator: Caller) -> dict[str, str]:
    """Open two channels that share a side; return the token of an officer of each side."""
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


def test_a_notice_is_ticked_for_another_channel_and_one_table_says_who_has_it(
    office: Office,
) -> None:
    tokens = office.api("operator", opened)
    alpha = Person(office.base_url, tokens["alpha"]).open("/c/north/compose/contact-note")
    alpha.choose("conversation").fill("Text", "Our office moves on Monday.")
    alpha.press("Check before sending").choose("SOUTH").press("Send")
    assert alpha.path.startswith("/c/north/notices/")
    rows = [" ".join(row) for row in alpha.rows() if len(row) > 1]
    assert ["BETA" in rows[1], "GAMMA" in rows[2], len(rows)] == [True, True, 3]
    alpha.see("2 sides")
    gamma = Person(office.base_url, tokens["gamma"]).open("/c/south/inbox")
    gamma.press("Acknowledge receipt")
    alpha.open(alpha.path).miss("2 sides").see("1 side ")
