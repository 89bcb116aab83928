"""A file of another side is held until the scanner has passed it: by API, on pages, as a bundle."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from beside import attached, digest, put
from dragoman.application.clock import utc_now
from office import Office
from patience import PATIENCE_S
from service import NOTE, Answer

C = "/v1/channels/nato-china"
SCANNER = """#!/bin/sh
content=$(cat)
case "$content" in
*virus*) echo "stream: Eicar FOUND"; exit 1 ;;
*later*) test -e "$1" || { echo "no database"; exit 2; } ;;
esac
"""


@pytest.fixture(scope="module")
def scanning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A demonstration with a scanner, which has its database once a file is there."""
    folder = tmp_path_factory.mktemp("scanning")
    command = folder / "scan"
    command.write_text(SCANNER)
    command.chmod(0o700)
    scanner = json.dumps([str(command), str(folder / "database")])
    office = Office(folder / "data", demo=True, environment={"DRAGOMAN_FILES__SCANNER": scanner})
    yield office
    office.stop()


def posted(office: Office, content: bytes) -> str:
    """An exchange of nato with a file."""

    async def post(nato: Any) -> str:
        assert (await put(nato, content)).status == 201
        return str((await nato.open({**NOTE, "attachments": [attached(content)]})).json["exchange"])

    return office.api("nato/officer", post)


def fetched(office: Office, who: str, content: bytes) -> Answer:
    return office.api(who, lambda caller: caller.get(f"{C}/files/{digest(content)}"))


def seen(office: Office, who: str, exchange: str) -> Any:
    view = office.api(who, lambda caller: caller.get(f"{C}/exchanges/{exchange}")).json
    (file,) = view["files"].values()
    return file


def shown(office: Office, who: str, exchange: str, content: bytes) -> tuple[bool, bool]:
    """Return whether an exchange's page says that a file is being scanned, and links to it."""
    page = office.person(who).open(f"/c/nato-china/exchanges/{exchange}")
    return "is being scanned" in page.text, f"{C}/files/{digest(content)}" in page.links().values()


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_file_is_held_until_it_has_passed(scanning: Office) -> None:
    content = b"for later"
    exchange = posted(scanning, content)
    failed = "exit status 2: no database"
    until(lambda: seen(scanning, "china/officer", exchange).get("scanner") == failed)
    assert seen(scanning, "china/officer", exchange) == {"scanning": True, "scanner": failed}
    held = fetched(scanning, "china/officer", content)
    assert failed in held.problem(409, "file-held")["detail"]
    assert held.headers["Retry-After"]
    assert fetched(scanning, "china/auditor", content).status == 409
    unchanged = scanning.api(
        "china/officer",
        lambda china: china.get(
            f"{C}/files/{digest(content)}", If_None_Match=f'"{digest(content)}"'
        ),
    )
    assert unchanged.status == 409
    assert shown(scanning, "china/officer", exchange, content) == (True, False)
    assert fetched(scanning, "nato/officer", content).body == content, "it is the side's own"
    assert shown(scanning, "nato/officer", exchange, content) == (False, True)

    database: Path = scanning.data.parent / "database"
    database.touch()
    scanning.set(utc_now() + timedelta(minutes=1))
    until(lambda: seen(scanning, "china/officer", exchange) == {"there": True})
    assert fetched(scanning, "china/officer", content).body == content
    assert shown(scanning, "china/officer", exchange, content) == (False, True)


def test_a_refused_file_is_given_to_no_other_side_and_the_scanners_line_is_said(
    scanning: Office,
) -> None:
    content = b"a virus"
    exchange = posted(scanning, content)
    until(lambda: seen(scanning, "china/officer", exchange).get("refused", False))
    refused = fetched(scanning, "china/officer", content).problem(403, "file-refused")
    assert "stream: Eicar FOUND" in refused["detail"]
    page = scanning.person("china/officer").open(f"/c/nato-china/exchanges/{exchange}")
    assert "refused by the scanner here: stream: Eicar FOUND" in page.text
    assert f"{C}/files/{digest(content)}" not in page.links().values()
    assert fetched(scanning, "nato/officer", content).body == content


def test_a_bundle_is_not_read_before_it_has_passed(scanning: Office) -> None:
    content = b'{"a": "virus"}'

    async def hand_over(nato: Any) -> str:
        assert (await put(nato, content, "application/json")).status == 201
        body = {
            "act": "transmittal",
            "title": "From the group",
            "group": "a group",
            "bundle": attached(content, "application/json"),
            "recommendations": [{"text": "Talk more often."}],
        }
        return str((await nato.open(body)).json["exchange"])

    id = scanning.api("nato/officer", hand_over)

    def bundle(who: str) -> Any:
        return scanning.api(who, lambda one: one.get(f"{C}/transmittals/{id}")).json["bundle"]

    until(lambda: "Eicar" in bundle("china/officer").get("why", ""))
    assert (bundle("china/officer")["state"], bundle("nato/officer")["state"]) == ("held", "file")
    page = scanning.person("china/officer").open(f"/c/nato-china/exchanges/{id}")
    assert "The file is held back. The scanner here refused this file" in page.text
    assert f"{C}/files/{digest(content)}" not in page.links().values()
