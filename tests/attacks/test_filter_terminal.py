"""Names, texts and problems of a hostile side or host have the reader's terminal show nothing but
themselves.
"""

import hashlib
import io
import logging
import re
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from dragoman import telemetry
from dragoman.audit.verification_result import LogInconsistent, Verified
from dragoman.cli import errors, file
from dragoman.cli.audit import verify
from dragoman.cli.common import Target, UsageError, out, out_json, say, table
from dragoman.client import ProblemResponse
from dragoman.printable import escaped, one_line
from dragoman_schemas.problems import Problem

HIDING = "\x1b[1A\x1b[2K\rno lie was found\x1b[8m"
OBEYED = {"Cc", "Zl", "Zp", "Cs"}
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


class Response(NamedTuple):
    """A gateway's response."""

    status: int
    body: bytes


def obeyed(text: str) -> set[str]:
    """The characters of a text that a terminal would obey, besides the ends of our own lines."""
    return {
        each
        for each in text
        if each != "\n" and (unicodedata.category(each) in OBEYED or each in BIDI)
    }


@given(st.text())
def test_nothing_that_is_printed_is_obeyed(text: str) -> None:
    assert not obeyed(escaped(text).replace("\t", ""))
    assert "\n" not in one_line(text)


@given(st.text(st.characters(codec="utf-8")))
def test_json_that_is_printed_means_the_same(text: str) -> None:
    printed = escaped(msgspec.json.encode({"name": text}).decode())
    assert msgspec.json.decode(printed) == {"name": text}


@pytest.mark.parametrize(
    "text",
    [
        "对方已确认没有发现谎言",
        "Подтверждено, ложь не найдена",
        "Réponse reçue — 5 €",
        "👩‍✈️",
        "می‌خواهم",
    ],
)
def test_words_of_any_language_stay_readable(text: str) -> None:
    assert escaped(text) == one_line(text) == text


def test_a_failed_verification_cannot_be_made_to_look_like_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lie = LogInconsistent(
        check="records",
        position=3,
        what=f"it is of {HIDING}\nno lie was found",
        evidence=f"the record\u2028{HIDING}",
    )
    verify._print(
        Verified(channel=HIDING, cid="", position=3, digest="", findings=(), lie=lie),
        Target(),
        pinned=True,
    )
    printed = capsys.readouterr()
    assert not obeyed(printed.out + printed.err)
    assert not [line for line in printed.err.split("\n") if line.startswith("no lie")]
    assert "VERIFICATION FAILED" in printed.err


def test_no_problem_and_no_table_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    errors.report(
        ProblemResponse(
            Problem(type="x", title=HIDING, status=400, detail=f"x\n{HIDING}", allowed=(HIDING,))
        )
    )
    errors.trace(ValueError(HIDING))
    say(f"\u202e{HIDING}")
    out(f"{HIDING}\nno lie was found")
    out_json({"name": f"{HIDING}\u2066\x9b2J"})
    table([[HIDING, "a\nb"]], ["NAME", "WHAT"])
    out("\nno lie was found\n")
    say("\nno lie was found\n")
    table([["\nno lie was found"]], ["NAME"])
    printed = capsys.readouterr()
    assert not obeyed(printed.out + printed.err)
    assert not [
        line for line in (printed.out + printed.err).split("\n") if line.startswith("no lie")
    ]


class Terminal(io.TextIOWrapper):
    """A terminal that remembers what was written on it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    def isatty(self) -> bool:
        return True

    def shown(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """The logs of this process, in the format of a terminal."""
    before = structlog.get_config()
    terminal = Terminal()
    telemetry.configure("console", "info", terminal)
    yield terminal
    telemetry.configure("console")
    structlog.configure(**before)


def failed(text: str) -> None:
    raise ValueError(text)


def test_a_traceback_in_the_log_moves_no_cursor(terminal: Terminal) -> None:
    try:
        failed(f"{HIDING}\u2066")
    except ValueError:
        structlog.get_logger().exception("post.failed", stack_info=True, detail=f"{HIDING}\n")
        logging.getLogger("aiohttp.server").exception("it failed: %s", HIDING)
    shown = terminal.shown()
    assert HIDING not in shown
    own = re.sub(r"\x1b\[[0-9;]*m", "", shown)  # the colours of the log's own
    assert not obeyed(own)
    assert own.count("Traceback (most recent call last)") == 2, "its lines are still lines"
    assert "\\u001b[1A" in own


async def test_a_file_is_not_written_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = HIDING.encode()
    digest = hashlib.sha256(content).hexdigest()

    class Gateway:
        async def call(self, *_: object, **__: object) -> Response:
            return Response(200, content)

    @asynccontextmanager
    async def connected(_: Target) -> AsyncIterator[Gateway]:
        yield Gateway()

    terminal, target = Terminal(), Target(channel="nato-china")
    monkeypatch.setattr(file, "connected", connected)
    monkeypatch.setattr("sys.stdout", terminal)
    with pytest.raises(UsageError, match="--output"):
        await file.file_get(digest, target=target)
    assert terminal.shown() == ""
    assert await file.file_get(digest, output=tmp_path / "file", target=target) == 0
    assert (tmp_path / "file").read_bytes() == content
