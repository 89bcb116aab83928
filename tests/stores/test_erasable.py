"""Erased data is no longer on the broker's disk. Every reader knows of the erasure before the next
answer.
"""

import asyncio
import secrets

import pytest

from brokers import RealBroker
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import CHUNK_BYTES
from dragoman.stores import files, people
from dragoman.stores.compare_and_set import LeaderMessage, WriteConflict
from dragoman.stores.erasable import Erasable
from dragoman.stores.files import File, FileStore
from dragoman.text import verbatim
from found import holding

CID = "c1" * 32


async def opened(broker: RealBroker, user: str = "gateway") -> Erasable:
    await Erasable.create(
        await broker.bus("steward"), people.STREAM, people.SUBJECTS, 1, people.BYTES
    )
    return Erasable(await broker.bus(user), people.STREAM, people.PREFIX)


async def with_files(broker: RealBroker) -> FileStore:
    await Erasable.create(await broker.bus("steward"), files.STREAM, files.SUBJECTS, 1, files.BYTES)
    return FileStore(Erasable(await broker.bus(), files.STREAM, files.PREFIX))


def a_file(content: bytes, sha256: str = "5d" * 32) -> File:
    return File(
        sha256=sha256,
        side="nato",
        at="2026-11-24T10:00:00.000Z",
        stage="kept",
        media_type="text/plain",
        bytes=len(content),
    )


async def test_writing_over_a_value_overwrites_it_on_disk(real_broker: RealBroker) -> None:
    entries = await opened(real_broker)
    secret = secrets.token_hex(16).encode()
    await entries.put("a", b"before", 0)
    await entries.put("b", secret, 0)
    await entries.put("c", b"after", 0)
    assert holding(real_broker.data, secret), "the search has teeth"
    await entries.put("b", b"nothing", entries.revisions["b"])
    assert holding(real_broker.data, secret) == []
    await entries.put("d", secret, 0)
    await entries.put("d", b"nothing", entries.revisions["d"])
    await real_broker.restart()
    assert holding(real_broker.data, secret) == []


async def test_a_reader_is_at_the_end_whenever_it_asks(real_broker: RealBroker) -> None:
    here, there = await opened(real_broker), await opened(real_broker)
    for number in range(3):
        await here.put("a", b"%d" % number, here.revisions.get("a", 0))
        await there.refresh()
        assert there.values == {"a": b"%d" % number}


async def test_who_read_an_older_value_does_not_write_over_the_new_one(
    real_broker: RealBroker,
) -> None:
    here, there = await opened(real_broker), await opened(real_broker)
    await here.put("a", b"1", 0)
    with pytest.raises(WriteConflict):
        await there.put("a", b"2", 0)
    await here.refresh()
    assert here.values == {"a": b"1"}


async def test_what_a_gateway_did_not_come_to_erase_another_one_erases(
    real_broker: RealBroker,
) -> None:
    here, there = await opened(real_broker), await opened(real_broker)
    secret = secrets.token_hex(16).encode()
    await here.put("a", secret, 0)
    await here.publish(
        f"{people.PREFIX}a", b"nothing", here.revisions["a"]
    )  # and then it is killed
    assert holding(real_broker.data, secret)
    await there.refresh()
    await there.sweep()
    assert (there.values, holding(real_broker.data, secret)) == ({"a": b"nothing"}, [])
    await here.refresh()
    await here.sweep()


@pytest.mark.parametrize(
    ("user", "stream"),
    [("auditor", "DRAGOMAN_PEOPLE"), ("auditor", "DRAGOMAN_FILES"), ("steward", "DRAGOMAN_PEOPLE")],
)
async def test_who_need_not_read_people_and_files_cannot(
    real_broker: RealBroker, user: str, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = await opened(real_broker)
    await with_files(real_broker)
    await entries.put("a", b"1", 0)
    monkeypatch.setattr("dragoman.eventlog.nats_connection.REQUEST_SECONDS", 0.3)
    bus = await real_broker.bus(user)
    for subject in (
        f"$JS.API.DIRECT.GET.{stream}",
        f"$JS.API.STREAM.MSG.GET.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}",
    ):
        with pytest.raises(LogUnreachable):
            await bus.request(subject, b'{"seq":1}')


async def test_a_file_is_read_as_it_was_kept_and_erased_whole(real_broker: RealBroker) -> None:
    kept = await with_files(real_broker)
    secret = secrets.token_hex(16).encode()
    content = secret * (3 * CHUNK_BYTES // len(secret)) + b"and a little more"
    file = a_file(content)
    assert await kept.keep(CID, file, content, None)
    (found,) = await kept.found(CID, ("china", "nato"), file.sha256)
    assert (found.kept, b"".join([piece async for piece in kept.read(CID, found)])) == (
        True,
        content,
    )
    assert not await kept.keep(CID, file, content, None), "it is there already"
    assert holding(real_broker.data, secret)
    erased = await kept.erase(CID, found, "2026-11-24T11:00:00.000Z")
    assert erased is not None and (erased.stage, erased.media_type, erased.bytes) == (
        "erased",
        "",
        0,
    )
    assert (await kept.found(CID, ("nato",), file.sha256), await kept.listed(CID, "nato")) == (
        [erased],
        [],
    )
    assert holding(real_broker.data, secret) == []


async def test_pieces_that_a_leader_did_not_show_are_looked_for_once_more(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await with_files(real_broker)
    secret = secrets.token_hex(16).encode()
    file = a_file(secret)
    assert await kept.keep(CID, file, secret, None)
    (found,) = await kept.found(CID, ("nato",), file.sha256)
    with monkeypatch.context() as patch:
        patch.setattr(
            kept._entries, "next", _nothing
        )  # as by a node that was cut off before the file was put
        assert await kept.erase(CID, found, "2026-11-24T11:00:00.000Z") is not None
    await kept.sweep()
    assert holding(real_broker.data, secret), "it is not yet time"
    monkeypatch.setattr(files, "ELECTION_SECONDS", 0.1)
    await asyncio.sleep(0.2)
    await kept.sweep()
    (left,) = await kept.found(CID, ("nato",), file.sha256)
    assert (left.stage, left.upload, holding(real_broker.data, secret)) == ("erased", "", [])


@pytest.mark.parametrize("at", ["while it is erased", "while it is looked for once more"])
async def test_a_file_that_is_put_again_meanwhile_keeps_its_bytes(
    at: str, real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await with_files(real_broker), await with_files(real_broker)
    content = secrets.token_hex(16).encode()
    file = a_file(content)
    assert await here.keep(CID, file, content, None)
    (found,) = await here.found(CID, ("nato",), file.sha256)
    if at != "while it is erased":
        assert await here.erase(CID, found, file.at) is not None
        monkeypatch.setattr(files, "ELECTION_SECONDS", 0.0)
        await here.sweep()
    next, put_again = here._entries.next, list[bool]()

    async def put_first(subjects: str, first: int) -> LeaderMessage | None:
        if not put_again:
            (left,) = await there.found(CID, ("nato",), file.sha256)
            put_again.append(await there.keep(CID, file, content, left))
        return await next(subjects, first)

    monkeypatch.setattr(here._entries, "next", put_first)
    await (here.erase(CID, found, file.at) if at == "while it is erased" else here.sweep())
    (kept,) = await there.found(CID, ("nato",), file.sha256)
    assert (put_again, kept.kept) == ([True], True)
    assert b"".join([piece async for piece in there.read(CID, kept)]) == content


async def test_each_erasing_is_looked_at_twice_whoever_did_the_one_before(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await with_files(real_broker), await with_files(real_broker)
    file = a_file(b"something")
    left = None
    for _ in range(2):
        monkeypatch.setattr(files, "ELECTION_SECONDS", 3600.0)
        assert await here.keep(CID, file, b"something", left)
        (found,) = await here.found(CID, ("nato",), file.sha256)
        assert await here.erase(CID, found, file.at) is not None
        await there.sweep()
        await here.sweep()
        (left,) = await there.found(CID, ("nato",), file.sha256)
        assert left.upload, "not before its time"
        monkeypatch.setattr(files, "ELECTION_SECONDS", 0.1)
        await asyncio.sleep(0.2)
        await here.sweep()
        (left,) = await there.found(CID, ("nato",), file.sha256)
        assert not left.upload


async def _nothing(*_: object) -> None:
    return None


@pytest.mark.parametrize("cut_off", ["while it was put", "while it was erased"])
async def test_what_was_cut_off_leaves_no_bytes(
    cut_off: str, real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await with_files(real_broker), await with_files(real_broker)
    secret = secrets.token_hex(16).encode()
    content = secret * (2 * CHUNK_BYTES // len(secret))
    file = a_file(content)
    with monkeypatch.context() as patch:
        if cut_off == "while it was put":
            patch.setattr(here, "_put", _failing_after([True], here._put))
            with pytest.raises(LogUnreachable):
                await here.keep(CID, file, content, None)
        else:
            await here.keep(CID, file, content, None)
            (found,) = await here.found(CID, ("nato",), file.sha256)
            patch.setattr(here._entries, "erase", _failing)
            with pytest.raises(LogUnreachable):
                await here.erase(CID, found, "2026-11-24T11:00:00.000Z")
    assert holding(real_broker.data, secret)
    await there.sweep()
    (left,) = await there.found(CID, ("nato",), file.sha256)
    if cut_off == "while it was put":
        assert left.stage == "coming"
        await there.erase(CID, left, "2026-11-24T11:00:00.000Z")
    (left,) = await there.found(CID, ("nato",), file.sha256)
    assert (left.stage, holding(real_broker.data, secret)) == ("erased", [])


async def test_who_is_overtaken_overwrites_what_it_brought(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await with_files(real_broker), await with_files(real_broker)
    content = secrets.token_hex(16).encode()
    file = a_file(content)
    write = here._entries.publish

    async def overtaken(subject: str, payload: bytes, over: int | None = None) -> int:
        seq = await write(subject, payload, over)
        if subject.startswith(files.CHUNKS):
            (coming,) = await there.found(CID, ("nato",), file.sha256)
            assert await there.erase(CID, coming, file.at) is not None
        return seq

    monkeypatch.setattr(here._entries, "publish", overtaken)
    assert not await here.keep(CID, file, content, None)
    assert holding(real_broker.data, content) == []


async def _failing(*_: object) -> None:
    raise LogUnreachable(verbatim("cut off"))


def _failing_after(answers: list[bool], work: object) -> object:
    """The work, as often as there are answers; then it is cut off."""

    async def put(*arguments: object) -> bool:
        if not answers:
            raise LogUnreachable(verbatim("cut off"))
        answers.pop()
        return bool(await work(*arguments))  # type: ignore[operator]

    return put
