"""An erasure removes data from the register, every view and every file on disk. The log is as
provable as before.
"""

import random
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from beside import attached, digest, enter, named, put
from dragoman.limits import CHUNK_BYTES
from found import holding
from samples import act
from service import NOTE, Caller, Gateway, Second, Service

C = "/v1/channels/nato-china"


@pytest.fixture
def second(own: Service, tmp_path: Path) -> Iterator[Service]:
    service = Second(own, tmp_path / "second")
    yield service
    service.stop()


def word() -> str:
    """A word that occurs nowhere else, of letters alone, so that search would take it for one."""
    return "".join(secrets.choice("bcdfghjkmnpqrstvwxz") for _ in range(20))


def replayed(service: Gateway, token: Path) -> str:
    """The digest of an auditor's replay, which must agree with the gateway."""
    printed = service.run(
        "audit", "replay", "--channel", "nato-china", "--token-file", str(token)
    ).stdout
    found = re.search(r"digest +([0-9a-f]{64})", printed)
    assert found is not None, printed
    return found.group(1)


@pytest.mark.process
async def test_nobody_and_nothing_erased_is_left_on_disk(
    own: Gateway,
    second: Gateway,
    session: aiohttp.ClientSession,
    tmp_path: Path,
    dice: random.Random,
) -> None:
    one, other = dice.sample((own, second), 2)
    nato, china, elsewhere = (
        Caller(session, one, "nato/officer"),
        Caller(session, one, "china/officer"),
        Caller(session, other, "china/officer"),
    )
    names = [f"{word()} {word()}" for _ in range(2)]
    telephones = [f"+32 2 {secrets.randbelow(10**12):012d}" for _ in range(2)]
    content = b"".join(
        secrets.token_hex(16).encode() for _ in range(CHUNK_BYTES // 20)
    )  # of more than one piece
    marks = [
        *(
            each.encode()
            for each in (*(part for name in names for part in name.split()), *telephones)
        ),
        content[:32],
        content[-32:],
    ]
    token = tmp_path / "token"
    token.write_text(own.token("nato/auditor"))

    # entered, changed, put, drafted, posted, searched and read, on both gateways
    entry = await enter(
        nato, {"name": names[0], "telephones": [telephones[0]], "note": f"Speaks {word()}"}
    )
    path, file = f"{C}/people/{entry['id']}", f"{C}/files/{digest(content)}"
    now = {
        "name": names[1],
        "telephones": [telephones[1]],
        "emails": [f"{names[1].split()[0]}@liaison.example"],
    }
    entry = (await nato.call("PUT", path, now, If_Match=f'"{entry["commitment"]}"')).json
    assert (await put(nato, content)).status == 201
    body: dict[str, Any] = act(
        "contact-note", participants=[named(entry)], attachments=[attached(content)]
    )
    assert (await nato.post(f"{C}/drafts", {"act": body})).status == 201
    draft = (
        await nato.post(
            f"{C}/drafts",
            {"act": act("point-of-contact", person=named(entry), deputy=named(entry))},
        )
    ).json
    head = Caller(session, one, "nato/head_of_office")
    assert (
        await head.call("POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"])
    ).status == 201
    posted = (await nato.post(f"{C}/contacts", body)).json
    for reader in (china, elsewhere):
        view = await reader.get(
            f"{C}/exchanges/{posted['exchange']}", Dragoman_Min_Position=str(posted["position"])
        )
        assert view.json["people"][entry["id"]]["entry"] == now
        assert view.json["files"] == {digest(content): {"there": True}}
        assert (await reader.get(file)).body == content
        assert names[1] in (await reader.get(f"{C}/people")).body.decode()
        for sought in (names[1].split()[0], telephones[1].replace("+", "%2B").replace(" ", "%20")):
            assert (await reader.get(f"{C}/exchanges?q={sought}")).json["exchanges"] == [], (
                "nobody is found by what the log does not hold"
            )
    before = replayed(own, token)
    held = holding(own.data, *marks)
    assert {
        part for found in held for part in found.split("/") if part.startswith("DRAGOMAN_")
    } == {"DRAGOMAN_PEOPLE", "DRAGOMAN_FILES"}, held
    assert holding(own.data, names[0].encode()) == [], "a superseded revision is overwritten"

    # erased
    assert (await nato.call("DELETE", path, If_Match=f'"{entry["commitment"]}"')).json["erased"]
    assert (await nato.call("DELETE", file)).json["erased"]
    assert holding(own.data, *marks) == []
    for reader in (china, elsewhere):
        view = (await reader.get(f"{C}/exchanges/{posted['exchange']}")).json
        assert view["people"] == {entry["id"]: {"side": "nato", "erased": True}}
        assert view["files"] == {digest(content): {"erased": True}}
        assert (await reader.get(path)).json["erased"]
        (await reader.get(file)).problem(404, "not-found")
    assert replayed(own, token) == before
    refused = await nato.post(f"{C}/contacts", body)
    assert [fault["pointer"] for fault in refused.problem(422, "invalid-act")["errors"]] == [
        "/participants/0/id",
        "/attachments/0/sha256",
    ]

    # and gone from everything that any of them wrote
    second.stop()
    assert own.stop() == 0
    assert holding(tmp_path, *marks) == []
    own.start()
    assert replayed(own, token) == before
    again = Caller(session, own, "china/officer")
    view = (await again.get(f"{C}/exchanges/{posted['exchange']}")).json
    assert (view["people"][entry["id"]]["erased"], view["files"][digest(content)]["erased"]) == (
        True,
        True,
    )
    assert (await Caller(session, own, "nato/officer").post(f"{C}/contacts", NOTE)).status == 201


@pytest.mark.process
async def test_a_broker_that_is_killed_right_after_brings_nobody_back(
    own: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    nato = Caller(session, own, "nato/officer")
    mark, content = word(), secrets.token_hex(20).encode()
    entry = await enter(nato, {"name": mark})
    await put(nato, content)
    assert (
        await nato.call("DELETE", f"{C}/people/{entry['id']}", If_Match=f'"{entry["commitment"]}"')
    ).status == 200
    assert (await nato.call("DELETE", f"{C}/files/{digest(content)}")).status == 200
    own.signal_broker(9)
    own.restart()
    nato = Caller(session, own, "nato/officer")
    assert (await nato.get(f"{C}/people/{entry['id']}")).json["erased"]
    (await nato.get(f"{C}/files/{digest(content)}")).problem(404, "not-found")
    assert holding(tmp_path, mark.encode(), content) == []
