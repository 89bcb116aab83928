"""The README of an export: every text that was ever released is accepted, and who follows the
newest one alone comes to the signed root.
"""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from dragoman.audit.checks import check_export
from dragoman.audit.export import READMES, Export
from dragoman.audit.verification import Verification
from tampering import LOG, RECORDS, Log, honest, written

RELEASED = Path(__file__).parent / "released"
"""A small export of each release, with an erasure in it, by the number of its README's text."""

CID = "f269d2d027a6082274f8703ff53adaa653573eb78f275dd5f87a8c381e7c3853"
DIGESTS = (
    "3ee35c93f2c154d13c91015bdf1d1ec9a0f85ee17bc1430a65e21d909a067f70",
    "4f48e5253a47d43bbc46f4fe00b770b7c52e9d3211d84ec9ad1dca09b6fae551",
    "272694ecaa1e531fd90ed0dab22ccf826f3290c1b74db6c9176093666a89251f",
)


def test_no_text_that_was_released_is_ever_changed() -> None:
    assert tuple(hashlib.sha256(text.encode()).hexdigest() for text in READMES) == DIGESTS


@pytest.mark.parametrize("path", sorted(RELEASED.glob("*.zip")), ids=lambda path: path.stem)
def test_an_export_of_every_release_is_verified(path: Path) -> None:
    verification = Verification(cid=CID, log=LOG)
    with Export(path) as opened:
        assert opened.readme is not None and b"{" not in opened.readme.replace(b'{"junk":', b"")
        check_export(verification, opened)
    result = verification.result()
    assert result.lie is None
    assert "2 erased by the consent of every side" in str(result.findings)


@pytest.mark.parametrize(
    ("file", "accepted"),
    [
        ("export-2026.zip", True),
        ("nato-china_1.2.zip", True),
        ("nato-china.tar", False),
        ("a.zip; rm -rf x.zip", False),
        ("a.zip\nb.zip", False),
        (".zip", False),
    ],
)
def test_the_first_text_may_name_the_file_as_it_was_called(
    file: str, accepted: bool, tmp_path: Path
) -> None:
    log = honest(erasure=False)
    about = json.loads(log.members["channel.json"])
    name, size = about["name"], log.size
    text = READMES[0].replace("{name}.zip", "{file}")
    readme = text.format(file=file, name=name, cid=log.cid, log=about["log"], size=size)
    path = written(tmp_path / "export.zip", {**log.members, "README.md": readme.encode()})
    verification = Verification(cid=log.cid, log=LOG)
    with Export(path) as opened:
        check_export(verification, opened)
    assert (verification.lie is None) == accepted


def root_of(entries: list[bytes]) -> bytes:
    """RFC 6962's root, as it is written there."""
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(entries[:split]) + root_of(entries[split:])).digest()


@pytest.mark.parametrize(
    "log",
    [honest(erasure=True), honest(erasure=True, custody="host")],
    ids=["signed by all", "a trial"],
)
def test_who_follows_the_readme_alone_comes_to_the_signed_root(log: Log) -> None:
    lines = log.members[RECORDS].split(b"\n")[:-1]
    messages = [
        bytes.fromhex(line[9:-2].decode()) if line.startswith(b'{"junk":') else line
        for line in lines
    ]
    erasures = [
        (at, json.loads(raw))
        for at, raw in enumerate(messages, 1)
        if b'"type":"dragoman.erasure.v1"' in raw
    ]
    entries = []
    for n, message in enumerate(messages, 1):
        entry = b"dragoman-entry/v1\nindex %d\ncommit %s\n" % (
            n - 1,
            hashlib.sha256(b"dragoman-commit/v1\n" + message).hexdigest().encode(),
        )
        if message.startswith(b"dragoman-entry/v1\nindex %d\ncommit " % (n - 1)):
            (by,) = (
                at for at, erasure in erasures if _names(erasure, n, message.split()[-1].decode())
            )
            assert by > n
            entry = message
        entries.append(entry)
    bundle = next(body for path, body in log.members.items() if path.startswith("tile/entries/"))
    assert bundle == b"".join(len(entry).to_bytes(2) + entry for entry in entries)
    assert base64.b64decode(log.members["checkpoint"].split(b"\n")[2]) == root_of(entries)
    act = messages[0].split(b',"data":', 1)[1].removesuffix(b"}")
    assert hashlib.sha256(b"dragoman-channel/v1\n" + act).hexdigest() == log.cid


def _names(
    erasure: dict[str, dict[str, list[dict[str, object]]]], position: int, commit: str
) -> bool:
    return any(
        (each["position"], each["commit"]) == (position, commit)
        for each in erasure["data"]["records"]
    )
