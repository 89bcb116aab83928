"""An exchange that every side takes out of the record: gone from every page at once, and from every
disk when its keeper carries it out.
"""

import shutil
from pathlib import Path

import aiohttp
import pytest

from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.nats_connection import connected
from dragoman.stores import opened_exchanges
from dragoman.stores.erasable import Erasable
from host import Host
from service import Caller, Service
from witnesses import until

C = "/v1/channels/nato-china"
SECRET, REPLY = "zanzibar", "quisqualis"
NOTE = {
    "act": "contact-note",
    "form": "conversation",
    "subject": f"About {SECRET}",
    "text": f"What was said of {SECRET}.",
}
READS = (
    *(
        "watch",
        "statistics",
        "perceptions",
        "points-of-contact",
        "roadmap",
        "records",
        "diff?from=1&to=9",
        "exchanges?status=open",
        "log/coverage",
    ),
    *(
        "reports/situation",
        "reports/turn-over",
        "reports/period",
        "reports/audit",
        "reports/period?language=zh",
    ),
)
OTHER = {"act": "contact-note", "form": "conversation", "text": "The weather was spoken of."}


def on_disk(folder: Path) -> list[str]:
    """The files under a folder in which anything that was said is left."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [
        str(path)
        for path in files
        if any(word.encode() in path.read_bytes().lower() for word in (SECRET, REPLY))
    ]


class Office:
    """Two sides on a host, an exchange that is to be erased, and another one beside it."""

    def __init__(self, host: Host, session: aiohttp.ClientSession) -> None:
        self.host = host
        about = host.opened()
        self.nato, self.china = host.caller(session, "nato/o-1"), host.caller(session, "china/o-1")
        self.auditor = host.caller(session, "china/a-1")
        self.to = ("--channel", "nato-china", "--token-file", "china-a-1.token")
        self.pins = ("--cid", str(about["cid"]), "--log", str(about["log"]))
        self.administrator = ("--token-file", "nato-adm-1.token")
        self.exchange = self.other = ""
        self.position = 0

    async def speak(self) -> None:
        opened = await self.nato.open(NOTE, key="a-key-that-is-tried-again")
        self.exchange, self.position = opened.json["exchange"], opened.json["position"]
        self.other = (await self.nato.open(OTHER)).json["exchange"]
        answered = await self.china.act(
            self.exchange, {"act": "reply", "text": f"We take note, {REPLY}."}
        )
        assert answered.status == 201, answered.body

    def erase(self) -> None:
        """Consent to it in the record, draft it, sign it for both sides, post it."""
        self.host.run(
            "channel", "consent", self.exchange, "--sign", "nato-adm.pem", *self.administrator
        )
        self.host.run(
            "channel",
            "erase",
            self.exchange,
            "--to",
            "erasure.json",
            "--reason",
            "Agreed.",
            *self.administrator,
        )
        for name in ("nato-adm", "china-root"):
            line, told = self.host.run("channel", "sign", "erasure.json", "--key", f"{name}.pem")
            assert (
                f"2 records of 1 exchanges will be removed from the record, for ever: {self.exchange}"
                in told
            )
            (self.host.folder / f"{name}.sig").write_text(line + "\n")
        silent = self.host.run(
            "channel", "post", "erasure.json", "nato-adm.sig", *self.administrator, check=4
        )[1]
        assert "Root or an administrator of china has not signed" in silent
        told = self.host.run(
            "channel", "post", "erasure.json", "nato-adm.sig", "china-root.sig", *self.administrator
        )[1]
        assert "erased at position" in told

    async def signed(self) -> None:
        """Wait until the head of all that is there is signed."""
        position = (await self.auditor.get(C)).json["position"]

        async def is_signed() -> bool:
            head = await self.auditor.get(f"{C}/log/checkpoint")
            return head.status == 200 and int(head.body.split()[1]) >= position

        await until(is_signed)

    def is_sound(self) -> None:
        """Whoever audits the log as it is now finds no lie, and that it goes on from what was
        exported before.
        """
        assert (
            "2 erased by the consent of every side"
            in self.host.run("audit", "verify", *self.pins, *self.to)[0]
        )
        assert self.host.run("audit", "compare", "before.zip", "gateway", *self.pins[2:], *self.to)[
            0
        ].startswith("extends")

    def holds(self) -> None:
        """The same by the broker, by an export, by a proof, and by all that an auditor asks."""
        self.is_sound()
        for source in ((), ("--from-log", "--data", str(self.host.service.data))):
            self.host.run("audit", "replay", *self.to, *source)
        told = self.host.run("audit", "replay", *self.to, "--at", str(self.position))[1]
        assert "because a record was erased later" in told
        self.host.run("audit", "proof", str(self.position), "--to", "proof.tlog-proof", *self.to)
        told = self.host.run("audit", "check", "proof.tlog-proof", "proof.json", *self.pins[2:])[1]
        assert f"a record of which the bytes are not here is at position {self.position}" in told
        assert (
            "2 records of 1 exchanges, by the consent of every side"
            in self.host.run("audit", "findings", *self.to)[0]
        )
        page = self.host.run("audit", *self.pins, *self.to)[0]
        assert "erased" in page and SECRET not in page
        for asked in (
            ("owed",),
            ("diff", str(self.position - 1), str(self.position + 3)),
            ("tables", str(self.host.folder / "log.sqlite")),
        ):
            assert SECRET not in self.host.run("audit", *asked, *self.to)[0]
        (self.host.folder / "log.sqlite").unlink()
        self.host.run("audit", "export", "--to", "after.zip", *self.to)
        assert "2 erased" in self.host.run("audit", "verify", "after.zip", *self.pins)[0]
        assert self.host.run("audit", "compare", "before.zip", "after.zip", *self.pins[2:])[
            0
        ].startswith("extends")


async def is_gone(office: Office, caller: Caller) -> None:
    problem = (await caller.get(f"{C}/exchanges/{office.exchange}")).problem(410, "erased")
    assert "with the consent of every side" in problem["detail"]
    listed = (await caller.get(f"{C}/exchanges")).json["exchanges"]
    assert [row["id"] for row in listed] == [office.other]
    assert (await caller.get(f"{C}/exchanges?q={SECRET}")).json["exchanges"] == []
    assert (await caller.get(f"{C}/exchanges?q=weather")).json["exchanges"] != []
    record = await caller.get(f"{C}/records/{office.position}")
    assert (
        record.body.startswith(b"dragoman-entry/v1\nindex ")
        and record.headers["Dragoman-Void"] == "false"
    )
    state = (await caller.get(f"{C}/state")).json
    assert [(each["family"], each["exchanges"]) for each in state["counts"]] == [
        ("contact", 1)
    ] and office.exchange in state["registry"]["erased"]
    for path in READS:
        read = await caller.get(f"{C}/{path}")
        assert read.status == 200 and SECRET.encode() not in read.body.lower(), (
            path,
            read.status,
            read.body[:300],
        )
    before = (await caller.get(f"{C}/state?at={office.position}")).json
    assert (before.get("digest", ""), before["counts"]) == ("", [])


@pytest.mark.process
async def test_an_exchange_is_taken_out_of_the_record_by_all(
    host: Host, session: aiohttp.ClientSession
) -> None:
    office = Office(host, session)
    await office.speak()
    await office.signed()
    mirror = ("audit", "mirror", str(host.folder / "mirror"), "--once", *office.pins, *office.to)
    host.run(*mirror)
    host.run("audit", "export", "--to", "before.zip", *office.to)
    office.erase()
    await office.signed()
    await is_gone(office, office.china)
    (await office.china.act(office.exchange, {"act": "acknowledgement"})).problem(404, "not-found")
    (await office.nato.post(f"{C}/contacts", NOTE, key="a-key-that-is-tried-again")).problem(
        410, "erased"
    )
    office.holds()

    assert on_disk(host.folder / "mirror")
    host.run(*mirror)
    assert not on_disk(host.folder / "mirror"), "a mirror erases with the act in hand"
    host.run("audit", "verify", str(host.folder / "mirror"), *office.pins)
    host.service.stop()
    left = on_disk(host.service.data)
    assert not [path for path in left if "/projection/" in path], (
        "the projection keeps nothing of it"
    )
    assert [path for path in left if "/nats/" in path] and [
        path for path in left if "/archive/" in path
    ]

    refused = host.run(
        "log",
        "rebuild",
        "before.zip",
        *office.pins,
        "--data",
        str(host.service.data),
        "--erase",
        check=2,
    )[1]
    assert "no record of this log was erased" in refused
    told = host.run(
        "log",
        "rebuild",
        str(host.folder / "mirror"),
        *office.pins,
        "--data",
        str(host.service.data),
        "--erase",
    )[1]
    assert "2 records are erased" in told
    assert on_disk(host.service.data) == [], "no byte of what was said is left with the host"

    host.service.start()
    await is_gone(office, office.nato)
    await office.nato.open(OTHER)
    await office.signed()
    office.holds()
    fresh = ("audit", "mirror", str(host.folder / "fresh"), "--once", *office.pins, *office.to)
    host.run(*fresh)
    host.run(*fresh)
    assert "2 erased" in host.run("audit", "verify", str(host.folder / "fresh"), *office.pins)[0]
    assert not on_disk(host.folder / "fresh")
    host.service.stop()
    for folder in ("projection", "archive"):
        shutil.rmtree(host.service.data / folder)
    host.service.start()
    await office.nato.open(OTHER)
    await office.signed()
    assert (await office.nato.get(f"{C}/exchanges/{office.exchange}")).status == 410, (
        "a projection and an archive begun anew know the entries too"
    )
    office.is_sound()


@pytest.mark.process
async def test_in_a_trial_it_is_taken_out_once_every_side_has_consented_to_just_that(
    own: Service, session: aiohttp.ClientSession
) -> None:
    nato, china = Caller(session, own, "nato/officer"), Caller(session, own, "china/officer")
    exchange = (await nato.open(NOTE)).json["exchange"]
    tokens = {side: own.data.parent / f"{side}.token" for side in ("nato", "china")}
    for side, path in tokens.items():
        path.write_text(own.token(f"{side}/administrator"))

    def said(side: str, verb: str, *more: str, check: int = 0) -> str:
        run = own.run(
            "channel",
            verb,
            exchange,
            *more,
            "--channel",
            "nato-china",
            "--token-file",
            str(tokens[side]),
            check=check,
        )
        return run.stdout + run.stderr

    assert "1 records of 1 exchanges will be removed from the record, for ever" in said(
        "nato", "erase", check=2
    )
    assert "china has not consented to the erasure of just these records" in said(
        "nato", "erase", "--yes", check=4
    )
    assert "the erasure of 1 records of 1 exchanges" in said(
        "china", "consent", "--reason", "Agreed."
    )
    assert "china has consented to this already" in said("china", "consent", check=1)
    assert "the consent is withdrawn" in said("china", "consent", "--withdraw")
    reply = await china.act(exchange, {"act": "reply", "text": f"One more word, {REPLY}."})
    assert "china has not consented" in said("nato", "erase", "--yes", check=4)
    assert "there is a later record at" in said(
        "china", "consent", "--read", str(reply.json["position"] - 1), check=2
    )
    said("china", "consent", "--read", str(reply.json["position"]))
    other = (await china.open(OTHER)).json["exchange"]
    for opened in (exchange, other):
        assert (await nato.get(f"{C}/exchanges/{opened}")).status == 200
    endpoint = BrokerEndpoint(own.nats_url, "", own.data / "keys")
    async with connected(endpoint.url, "gateway", endpoint.seed("gateway")) as bus:
        entries = Erasable(bus, opened_exchanges.STREAM, opened_exchanges.PREFIX)

        async def opened_by_nato() -> set[str]:
            messages = await entries.messages(f"{opened_exchanges.PREFIX}*.nato.>")
            return {exchange, other} & {message.subject.split(".")[5] for message in messages}

        async def are_stored() -> bool:
            return await opened_by_nato() == {exchange, other}

        async def ended_with_it() -> bool:
            return await opened_by_nato() == {other}

        await until(are_stored)
        assert "erased at position" in said("nato", "erase", "--yes")
        await until(ended_with_it)
    (await china.get(f"{C}/exchanges/{exchange}")).problem(410, "erased")
    state = (await nato.get(f"{C}/state")).json["registry"]
    assert exchange in state["erased"] and "consents" not in state
    own.run("audit", "verify", "--channel", "nato-china", "--token-file", str(tokens["nato"]))
