"""A gateway that answers with nonsense: an audit ends with what it was given and exit code 7, and
never with a traceback.
"""

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

import commands
from dragoman.audit.export import NotAnExport, line_of, message_of
from dragoman.tlog import dsse
from dragoman.tlog.note import ED25519, Verifier

_CHANNEL: Final[dict[str, Any]] = {
    "name": "nato-china",
    "cid": "0" * 64,
    "kind": "trial",
    "custody": "host",
    "sides": ["nato", "china"],
    "languages": ["en"],
    "marking": "",
    "position": 1,
    "time": "",
    "opened": "",
}
_ENTRY: Final = b'{"position":1,"commit":"","valid":false,"junk":"%b"}\n'
NONSENSE: Final[dict[str, tuple[bytes, bytes]]] = {
    "a channel that is a list": (b"[]", b""),
    "a channel without a position": (b"{}", b""),
    "a channel that is no JSON": (b"<html>", b""),
    "records that are no JSON": (json.dumps(_CHANNEL).encode(), b"hello\n"),
    "records that are no entries": (json.dumps(_CHANNEL).encode(), b'{"position":1}\n'),
    "junk that is no hex": (json.dumps(_CHANNEL).encode(), _ENTRY % b"xyz"),
    "records that are no text": (json.dumps(_CHANNEL).encode(), b"\xff\xfe\n"),
}
"""The answers of /v1/channels/nato-china, and of its records."""


@pytest.fixture
def answering() -> Iterator[tuple[str, dict[str, bytes]]]:
    """The address of a gateway, and what it answers by the last part of the path."""
    answers: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path.partition("?")[0].rpartition("/")[2])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("said", NONSENSE)
def test_nonsense_is_no_log(
    said: str, answering: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    url, answers = answering
    answers["nato-china"], answers["records"] = NONSENSE[said]
    answers["checkpoint"] = b"no head"  # which would be waited for
    (tmp_path / "token").write_text("t")
    log = str(Verifier("example.org/nato-china", ED25519, dsse.public_of(bytes(32))))
    pins = ("--cid", "0" * 64, "--log", log)
    known = {
        "DRAGOMAN_SERVER": url,
        "DRAGOMAN_TOKEN_FILE": str(tmp_path / "token"),
        "DRAGOMAN_CHANNEL": "nato-china",
    }
    environment = {**os.environ, **known}
    for command in (
        ("verify",),
        ("export", "--to", tmp_path / "log.zip"),
        ("mirror", tmp_path / "mirror", *pins, "--once"),
    ):
        if command[0] == "mirror" and "channel" in said:
            continue  # which asks for no description
        done = commands.run(["audit", *command], environment=environment)
        assert "Traceback" not in done.stderr, done.stderr
        assert (done.returncode, "VERIFICATION FAILED" in done.stderr) == (7, True), done.stderr
    assert not (tmp_path / "log.zip").exists()


def test_a_line_of_an_export_is_a_record_or_pairs_of_hex() -> None:
    assert message_of(line_of(b"\x00\xff" * 250_000)) == b"\x00\xff" * 250_000
    for wrong in (b'{"junk":"0"}', b'{"junk":"0g"}', b'{"junk":"0A"}', b'{"junk":"00"} ', b"{}"):
        with pytest.raises(NotAnExport):
            message_of(wrong)
