"""The board over all channels: both sides read the same of it, and acknowledge there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from identified import entered
from office import Office
from person import Person
from service import INCIDENT, Caller

NAMES = ("north", "south", "west")
FLASH = {**INCIDENT, "precedence": "flash"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office without a demonstration."""
    office = Office(tmp_path / "data")
    yield office
    office.stop()


async def opened(operator: Caller) -> dict[str, str]:
    """Open three channels and an exercise; return the tokens of a duty officer of each side."""
    officers = [
        {"side": side, "officer": "d-1", "office": "hq", "roles": ["officer", "duty_officer"]}
        for side in ("alpha", "beta")
    ]
    for name in (*NAMES, "north-exercise"):
        body: dict[str, Any] = {"name": name, "sides": ["alpha", "beta"], "officers": officers}
        if name.endswith("exercise"):
            body |= {"kind": "exercise", "exercise_of": "north"}
        assert (await operator.call("POST", "/v1/channels", body)).status == 201
    tokens = {}
    for side in ("alpha", "beta"):
        pairs = [(name, side) for name in (*NAMES, "north-exercise")]
        assert (await entered(operator, side, 1, pairs)).status == 200
        issued = await operator.post("/v1/tokens", {"actor": f"{side}/d-1", "identity": side})
        tokens[side] = issued.json["token"]
    return tokens


@pytest.fixture
def tokens(office: Office) -> dict[str, str]:
    """The tokens of a duty officer of each side, in office in three channels and an exercise."""
    return office.api("operator", opened)


def sends(office: Office, token: str, body: Any, channel: str) -> None:
    """Somebody opens an exchange."""

    async def opens(caller: Caller) -> None:
        caller.headers = {"Authorization": f"Bearer {token}"}
        await caller.open(body, channel)

    office.api("", opens)


def test_a_flash_is_acknowledged_on_the_board_without_scripts(
    office: Office, tokens: dict[str, str]
) -> None:
    sends(office, tokens["beta"], FLASH, "south")
    alpha = Person(office.base_url, tokens["alpha"]).open("/")
    assert alpha.path == "/board", "a reader with several channels is led on"
    alpha.see("This page does not ring.")
    assert alpha.title == "1 waits for you"
    alpha.press("Acknowledge receipt SOUTH/")
    assert alpha.path.startswith("/board?")
    assert "waits for you" not in alpha.title


def test_both_sides_read_the_same_of_each_other(office: Office, tokens: dict[str, str]) -> None:
    sends(office, tokens["beta"], INCIDENT, "north")
    sends(office, tokens["alpha"], INCIDENT, "south")
    sends(office, tokens["alpha"], FLASH, "north-exercise")
    shown = {}
    for side, token in tokens.items():
        reader = Person(office.base_url, token).open("/board")
        assert "waits for you" in reader.title
        shown[side] = reader.open("/board.json").json
    for view in shown.values():
        view.pop("as_of")
        view["total"] = sorted(view["total"].values())
        for row in view["rows"]:
            row["row"].pop("whose")
        view["rows"].sort(
            key=lambda row: (row["channel"], row["row"]["exchange"], row["row"]["clock"])
        )
        for line in view["channels"]:
            for moving in ("as_of", "position", "newest"):  # What is delivered is recorded.
                line.pop(moving)
    assert shown["alpha"] == shown["beta"]
    assert {row["channel"] for row in shown["alpha"]["rows"]} == {"north", "south"}
    assert shown["alpha"]["channels"][-1]["channel"] == "north-exercise", "apart, at the end"


def test_what_is_said_of_all_channels_says_that_exercises_are_counted_apart(demo: Office) -> None:
    reader = demo.person("china/duty_officer").open("/board")
    view = reader.open("/board.json").json
    kinds = [line["kind"] for line in view["channels"]]
    assert kinds.count("exercise") == 1
    reader.open("/board").see(f"{len(kinds) - 1} channel", "1 exercise is counted apart, below.")
    waits = any(
        side["waiting"]
        for line in view["channels"]
        if line["kind"] != "exercise"
        for side in line["sides"]
    )
    assert ("Nothing waits for an acknowledgement." in reader.text) == (not waits)
