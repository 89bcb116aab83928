"""Hostile messages in a log, and as bodies: no process ends, no other channel notices, every audit
says which records are void.
"""

import asyncio
import base64
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dragoman.application.rosters import worker
from dragoman.application.rosters.reading_messages import ReadingRequest
from dragoman.audit.export import Export
from dragoman.tlog import checkpoint, note
from hostile import brief, documents, nested
from poisoned import CHANNEL, Operation, Sender, failures, goes_on, is_record, operations, store
from read_files import AUDIT, GATEWAY
from receiver import receiving
from service import NOTE, Caller, Service, at_a_screen
from witnesses import Running as Witness
from witnesses import until

SETTINGS = {"DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]'}
C = f"/v1/channels/{CHANNEL}"


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A demonstration for hostile messages."""
    service = Service(tmp_path_factory.mktemp("poisoned") / "data", "--demo", environment=SETTINGS)
    yield service
    service.stop()


async def values_of(caller: Caller) -> dict[str, str]:
    """Return values for the variables of a path. They name things that exist."""
    exchange = (await caller.open(NOTE)).json["exchange"]
    draft = (await caller.post(f"{C}/drafts", {"act": NOTE})).json["id"]
    return {
        "channel": CHANNEL,
        "exchange": exchange,
        "draft": draft,
        "person": exchange,
        "identity": "nato",
        "sha256": "ab" * 32,
        "parcel": "5f" * 32,
        "entry": exchange,
        "family": "contacts",
    }


async def test_no_body_is_an_error_of_ours_in_any_operation(
    poisoned: Service, session: aiohttp.ClientSession
) -> None:
    values = await values_of(Caller(session, poisoned, "nato/officer"))
    sender, bodies = Sender(session, poisoned), brief()
    worst = [
        each
        for each in bodies
        if each[0].startswith(
            (
                "arrays-1000",
                "objects-1000",
                "under-every-name",
                "number-digits",
                "only",
                "text-lone",
            )
        )
    ]
    async with asyncio.TaskGroup() as sending:
        for turn, operation in enumerate(found := operations(values)):
            for number, (name, raw) in enumerate([*worst, *bodies[turn :: len(found)]]):
                who = (
                    ("nato/head_of_office", "operator", "nato/officer", "")[number % 4]
                    if number >= len(worst)
                    else ""
                )
                sending.create_task(sender.send(operation, name, raw, who))
            for who in ("nato/head_of_office", "operator"):
                for name, raw in worst:
                    sending.create_task(sender.send(operation, name, raw, who))
    assert not sender.errors, "\n".join(sender.errors)
    assert len(found) >= 13, found
    assert await drafts_that_are_errors(session, poisoned, "nato/officer") == []


async def test_no_document_is_an_error_of_ours(
    poisoned: Service, session: aiohttp.ClientSession
) -> None:
    sender = Sender(session, poisoned)
    channel = {"channel": CHANNEL}
    alerts = Operation("post", "/v1/channels/{channel}/imports", ["application/cap+xml"], channel)
    roster = Operation("put", "/v1/channels/{channel}/roster", ["text/calendar"], channel)
    async with asyncio.TaskGroup() as sending:
        for number, (name, raw) in enumerate(documents()):
            sending.create_task(sender.send(alerts, name, raw, "nato/head_of_office"))
            if number % 9 == 0:  # The service starts a process for each.
                sending.create_task(sender.send(roster, name, raw, "nato/head_of_office"))
    assert not sender.errors, "\n".join(sender.errors)


def test_no_calendar_is_an_error_of_ours() -> None:
    begins = datetime(2026, 11, 24, tzinfo=UTC)
    ends = begins + timedelta(days=62)
    for name, raw in documents():
        read = worker.result_of(
            ReadingRequest(side="nato", officers=("d-1",), begins=begins, ends=ends, raw=raw)
        )
        assert (read.reading is None) == bool(read.fault), name


async def drafts_that_are_errors(
    session: aiohttp.ClientSession, service: Service, who: str
) -> list[str]:
    """Return the errors of accepted drafts. Such a draft cannot be shown to the colleagues who have
    it on their list.
    """
    listed = await Caller(session, service, who).get(f"{C}/drafts")
    assert listed.status == 200, listed.body
    headers, wrong = await at_a_screen(session, service, who), []
    for each in listed.json["drafts"]:
        for path in (
            "drafts",
            f"drafts/{each['id']}",
            f"compose/{each['act']['act']}?draft={each['id']}",
        ):
            async with session.get(
                f"{service.base_url}/c/{CHANNEL}/{path}", headers=headers
            ) as page:
                if page.status >= 500:
                    wrong.append(f"{path}: {page.status}: {json.dumps(each['act'])[:200]}")
    return wrong


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("nato/officer", f"{C}/contacts"),
        ("nato/officer", f"{C}/drafts"),
        ("nato/officer", f"{C}/people"),
        ("nato/head_of_office", "/v1/webhooks"),
        ("operator", "/v1/tokens"),
        ("operator", "/v1/subjects"),
        ("operator", "/v1/openings"),
        ("operator", "/v1/channels"),
    ],
)
async def test_a_body_that_is_nested_too_deep_says_so(
    poisoned: Service, session: aiohttp.ClientSession, who: str, path: str
) -> None:
    caller = Caller(session, poisoned, who)
    for raw in (b'{"a":' * 1_000 + b"1" + b"}" * 1_000, b'{"act":' + b"[" * 40 + b"]" * 40 + b"}"):
        problem = (await caller.post(path, raw)).problem(422, "invalid-act")
        assert "nested deeper than 3" in problem["errors"][0]["detail"]


async def test_no_token_is_an_error_of_ours(
    poisoned: Service, session: aiohttp.ClientSession
) -> None:
    for _, raw in [*nested()][::7]:
        token = base64.urlsafe_b64encode(raw[:1_900]).rstrip(b"=").decode()
        answer = await Caller(session, poisoned).get(
            f"{C}/state", Authorization=f"Bearer {token}.{token}.{token}"
        )
        assert answer.status in (400, 401), answer.body


async def test_no_form_is_an_error_of_ours(
    poisoned: Service, session: aiohttp.ClientSession
) -> None:
    headers = await at_a_screen(session, poisoned, "nato/duty_officer")
    texts = [
        "[" * 1_000,
        "9" * 400,
        "1e999999",
        "\x00",
        "{",
        "null",
        '"',
        "\ud800".encode("utf-8", "surrogatepass").decode(errors="replace"),
    ]
    for act, names in {
        "hazardous-incident": ("f.attachments", "f.casualties", "f.place", "f.time", "f.facts.en"),
        "contact-note": ("f.person", "f.text.en"),
    }.items():
        for text in texts:
            form = {"act": act, **dict.fromkeys(names, text)}
            async with session.post(
                f"{poisoned.base_url}/c/{CHANNEL}/compose/{act}",
                data=form,
                headers=headers,
                allow_redirects=False,
            ) as answer:
                assert answer.status < 500, (act, text[:20], await answer.text())


@pytest.mark.reads(*GATEWAY, *AUDIT, "tests/support/hostile.py", "tests/support/poisoned.py")
async def test_hostile_messages_in_a_log_stop_nobody(
    poisoned: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    officer = Caller(session, poisoned, "nato/officer")
    about = (await officer.get(C)).json
    pins = {"cid": about["cid"], "log": about["log"]}
    before = await goes_on(session, poisoned)
    witness = Witness(tmp_path, "nato")
    async with receiving() as receiver:
        answer = await Caller(session, poisoned, "china/head_of_office").post(
            "/v1/webhooks", {"channel": CHANNEL, "url": receiver.url}
        )
        assert answer.status == 201, answer.body
        witness.start(poisoned, pins)
        try:
            last = await store(poisoned, messages := brief())
            posted = await goes_on(session, poisoned)
            assert posted > last >= before + len(messages)
            await receiver.until(1)
            assert failures(poisoned) == []
            poisoned.arguments = ()
            poisoned.restart()
            async with aiohttp.ClientSession() as anew:
                newest = await goes_on(anew, poisoned)
                assert (
                    await readings_that_are_errors(anew, poisoned, "nato/auditor", before, last)
                    == []
                )
            assert failures(poisoned) == []
            witness.restart(poisoned, pins)

            async def holds_all() -> bool:
                sealed = witness.mirror / "sealed"
                return (
                    sealed.exists()
                    and checkpoint.read(note.read(sealed.read_bytes()).text).size >= newest
                )

            await until(holds_all)
        finally:
            witness.stop()
        assert "Traceback" not in witness.told.read_text()
    check_audits(
        poisoned, tmp_path, pins, sum(not is_record(raw) for _, raw in messages), witness.mirror
    )


async def readings_that_are_errors(
    session: aiohttp.ClientSession, service: Service, who: str, first: int, last: int
) -> list[str]:
    """Return a log's messages, and views of the whole log, that cannot be read or shown."""
    caller, headers, wrong = (
        Caller(session, service, who),
        await at_a_screen(session, service, who),
        [],
    )
    few = range(first, last, 11)
    paths = [
        f"{C}/records/{position}{more}" for position in few for more in ("", "/proof", "/causes")
    ]
    paths += [
        f"{C}/{each}"
        for each in (
            "state",
            "exchanges",
            "records",
            "statistics",
            "reports/audit",
            "reports/situation",
            f"diff?from=1&to={last}",
        )
    ]
    for path in paths:
        answer = await caller.get(path)
        if answer.status >= 500:
            wrong.append(f"{path}: {answer.status}: {answer.body[:200]!r}")
    for path in [f"records/{position}" for position in few] + [
        "log",
        f"log?at={first + 20}",
        "audit",
        "exchanges",
        "differences",
        "reports",
        "statistics",
    ]:
        async with session.get(f"{service.base_url}/c/{CHANNEL}/{path}", headers=headers) as page:
            if page.status >= 500:
                wrong.append(f"{path}: {page.status}")
    return wrong


def check_audits(
    service: Service, folder: Path, pins: dict[str, str], junk: int, mirror: Path
) -> None:
    """Every audit reads the log to its end, and says which records are void."""
    pinned = ["--cid", pins["cid"], "--log", pins["log"]]
    token = folder / "auditor.token"
    token.write_text(service.token("nato/auditor"))
    live = ["--channel", CHANNEL, "--token-file", str(token)]
    file = folder / "log.zip"

    def audit(
        *arguments: object, codes: tuple[int, ...] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        done = service.run("audit", *map(str, arguments), check=None)
        assert "Traceback" not in done.stdout + done.stderr, (arguments, done.stderr[-2000:])
        assert done.returncode in codes, (arguments, done.returncode, done.stderr[-2000:])
        return done

    audit("export", "--to", file, *live)
    with Export(file) as export:
        void = {position for position, raw in enumerate(export.messages(), 1) if not is_record(raw)}
    assert len(void) >= junk
    verified: dict[str, Any] = json.loads(audit("verify", file, *pinned, "--json").stdout)
    said = {int(each.partition(":")[0]) for each in verified["void"]}
    assert void <= said, sorted(void - said)[:10]
    audit("owed", "--file", file)
    listed = json.loads(audit("findings", "--file", mirror, "--json").stdout)
    assert void <= {each["position"] for each in listed if each["kind"] == "void"}
    audit("diff", 1, max(void) + 1, "--file", file)
    audit("--file", file)
    audit("verify", mirror, *pinned)
    audit("tables", folder / "tables.sqlite", "--file", file)
    audit("replay", *live)
    audit("mirror", folder / "anew", "--once", *pinned, *live)
    audit("compare", file, mirror)
    service.stop()
    rebuilt = service.run("log", "rebuild", str(file), *pinned, "--data", str(service.data))
    assert "Traceback" not in rebuilt.stdout + rebuilt.stderr
