"""Signed acts that a host holds back (rows 11 and 28): what it records later binds nobody, and is
told to whoever audits.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from dragoman.cli.signature import seed_of
from dragoman.client import new_key
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.record import codec as records
from dragoman.tlog import checkpoint, dsse
from dragoman.tlog.note import read_verifier
from forging import Hostile, append
from host import Host
from read_files import HOST
from service import Answer, Caller, Service
from witnesses import until

pytestmark = pytest.mark.reads(*HOST)

C = "/v1/channels/nato-china"
NOTE = {"act": "contact-note", "form": "proposal", "text": "A call each Monday at noon."}


class Officers:
    """An officer of each side with a key of their own, and what they sign."""

    def __init__(self, host: Host, session: aiohttp.ClientSession) -> None:
        self.host = host
        self.about = host.opened()
        self.callers = {side: host.caller(session, f"{side}/o-1") for side in ("nato", "china")}
        for side in self.callers:
            host.key(f"{side}-o")
            host.run(
                "keys",
                "enrol",
                f"{side}-o.pem",
                "--officer",
                "o-1",
                "--sign",
                f"{side}-adm.pem",
                "--token-file",
                f"{side}-adm-1.token",
            )
        self.pins = ("--cid", str(self.about["cid"]), "--log", str(self.about["log"]))
        self.to = ("--channel", "nato-china", "--token-file", "china-a-1.token")
        host.token("china/a-1")

    async def head(self) -> dict[str, Any]:
        """The newest head that is signed, as an author has seen it."""
        caller = self.callers["nato"]
        position = (await caller.get(C)).json["position"]

        async def is_signed() -> bool:
            found = await caller.get(f"{C}/log/checkpoint")
            return found.status == 200 and int(found.body.split()[1]) >= position

        await until(is_signed)
        head, _ = checkpoint.read_signed(
            (await caller.get(f"{C}/log/checkpoint")).body, read_verifier(str(self.about["log"]))
        )
        return {"size": head.size, "root": dsse.encode_base64(head.root)}

    async def signed(
        self, side: str, exchange: str, body: dict[str, Any], *, id: str = "", after: str = ""
    ) -> tuple[bytes, dict[str, str]]:
        """An act that the officer signs now, and the headers that go with it."""
        signed = {
            "channel": self.about["cid"], "type": f"dragoman.{body['act']}.v{RULES[body['act']].version}", "exchange": exchange, "id": id or new_key(),
            "author": f"{side}/o-1", "after": after, "seen": await self.head(),
        }  # fmt: skip
        act = json.dumps({**body, "signed": signed}, separators=(",", ":")).encode()
        seed = seed_of(self.host.folder / f"{side}-o.pem")
        keyid, signature = (
            dsse.key_id(dsse.public_of(seed)),
            dsse.encode_base64(dsse.sign(seed, act)),
        )
        return act, {"Dragoman_Key_Id": keyid, "Dragoman_Signature": signature}

    async def record(self, side: str, exchange: str, act: bytes, headers: dict[str, str]) -> Answer:
        """Have it recorded."""
        caller: Caller = self.callers[side]
        return await caller.call("POST", f"{C}/exchanges/{exchange}/acts", act, **headers)

    async def append(self, like: int, act: bytes, headers: dict[str, str]) -> int:
        """Write a record past the gateway, as only a host can: that act in an envelope like that of
        the record at a position.
        """
        raw = (await self.callers["nato"].get(f"{C}/records/{like}")).body
        signatures = f"{headers['Dragoman_Key_Id']}:{headers['Dragoman_Signature']}"
        return await append(
            self.host.service,
            records.build(replace(records.parse(raw).envelope, signatures=signatures), act),
        )

    def audit(self) -> str:
        """Return the output of an auditor's verification. The auditor's replay must not agree with
        this host.
        """
        told = self.host.run("audit", "verify", *self.pins, *self.to)[0]
        assert "the gateway says" in self.host.run("audit", "replay", *self.to, check=7)[1]
        return told


HONEST, HOSTILE = (
    pytest.param(Service, id="an honest host"),
    pytest.param(partial(Hostile, tricks="accepts"), id="a hostile one"),
)


@pytest.fixture
def officers(
    request: pytest.FixtureRequest, tmp_path: Path, session: aiohttp.ClientSession
) -> Iterator[Officers]:
    host = Host(tmp_path, request.param)
    yield Officers(host, session)
    host.service.stop()


@pytest.mark.parametrize("officers", [HONEST, HOSTILE], indirect=True)
async def test_row_11_a_consent_that_is_held_back_binds_to_no_other_terms(
    officers: Officers,
) -> None:
    opened = (await officers.callers["nato"].open(NOTE)).json
    etag = opened["etag"].strip('"')
    held = await officers.signed(
        "china", opened["exchange"], {"act": "closure", "reason": "Agreed."}, after=etag
    )
    changed = {
        "act": "correction",
        "fields": {"text": "A call each hour, day and night."},
        "reason": "A slip.",
    }
    assert (
        await officers.callers["nato"].act(opened["exchange"], changed, If_Match=f'"{etag}"')
    ).status == 201
    answer = await officers.record("china", opened["exchange"], *held)
    if not isinstance(officers.host.service, Hostile):
        answer.problem(412, "moved")
        return
    assert answer.status == 201, answer.body
    told = officers.audit()
    assert (
        f"void at {answer.json['position']}: `after` is not a record of the exchange that this act can follow"
        in told
    )


@pytest.mark.parametrize("officers", [HOSTILE], indirect=True)
async def test_row_28_what_was_signed_again_under_its_id_dies_in_its_first_version(
    officers: Officers,
) -> None:
    opened = (await officers.callers["nato"].open(NOTE)).json
    etag, id = opened["etag"].strip('"'), new_key()
    held = await officers.signed(
        "china", opened["exchange"], {"act": "reply", "text": "We agree."}, id=id, after=etag
    )
    again = await officers.signed(
        "china", opened["exchange"], {"act": "reply", "text": "We do not agree."}, id=id, after=etag
    )
    recorded = await officers.record("china", opened["exchange"], *again)
    assert recorded.status == 201, recorded.body
    (await officers.record("china", opened["exchange"], *held)).problem(422, "key-reused")
    position = await officers.append(recorded.json["position"], *held)
    await officers.head()
    assert f"void at {position}: An earlier record has already used its id." in officers.audit()


@pytest.mark.parametrize("officers", [HONEST], indirect=True)
async def test_row_28_what_is_recorded_long_after_it_was_signed_is_listed(
    officers: Officers,
) -> None:
    opened = (await officers.callers["nato"].open(NOTE)).json
    etag = opened["etag"].strip('"')
    held = await officers.signed(
        "china", opened["exchange"], {"act": "reply", "text": "First."}, after=etag
    )
    size = json.loads(held[0])["signed"]["seen"]["size"]
    await officers.callers["nato"].open(NOTE)
    newer = await officers.signed(
        "china", opened["exchange"], {"act": "reply", "text": "Second."}, after=etag
    )
    for each in (newer, held):
        assert (await officers.record("china", opened["exchange"], *each)).status == 201, (
            "it is legal, whoever held it back"
        )
    told = officers.host.run("audit", "verify", *officers.pins, *officers.to)[0]
    assert (
        f"was signed over a head of {size} records, after one of {size + 1} by the same author"
        in told
    )
