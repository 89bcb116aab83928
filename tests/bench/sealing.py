"""Sealing: posts a second while heads are signed and cosigned by one witness, over those of a
service that leaves that to others.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dragoman.tlog import note
from plan import Plan
from posting import Rounds, load
from programs import CHANNEL, Failed, Numbers, Server, environment, running, service
from table import Line, Section
from wire import answer, body_of, connect, get

_DRAGOMAN: Final = str(Path(sys.executable).with_name("dragoman"))
_NAME: Final = "bench.invalid/witness"
_SECONDS: Final = 60.0


def _run(*arguments: str) -> str:
    return subprocess.run(
        [_DRAGOMAN, *arguments], check=True, capture_output=True, text=True, env=environment()
    ).stdout.strip()


def _asked(server: Server, path: str) -> bytes:
    with connect(server.base_url) as connection:
        connection.sendall(get(f"{server.channel_url}{path}", server.poster.read_text()))
        return answer(connection)


@contextmanager
def _witnessed(folder: Path) -> Iterator[tuple[Server, note.Verifier]]:
    """A service whose heads are signed, and cosigned by a witness beside its own mirror."""
    key, port = folder / "witness.pem", 18_475
    _run("keys", "new", str(key))
    verifier = note.read_verifier(_run("witness", "key", str(key), "--name", _NAME))
    (config := folder / "sealed.toml").write_text(
        f'[registrar]\nwitnesses = ["{verifier} http://127.0.0.1:{port}"]\n'
    )
    with service(folder / "sealed", "--demo", "--config", str(config)) as server:
        about: dict[str, Any] = body_of(_asked(server, ""))
        command = [
            *(
                _DRAGOMAN,
                "serve",
                "witness",
                str(folder / "mirror"),
                "--key",
                str(key),
                "--name",
                _NAME,
                "--port",
                str(port),
            ),
            *(
                "--cid",
                about["cid"],
                "--log",
                about["log"],
                "--channel",
                CHANNEL,
                "--server",
                server.base_url,
            ),
            *("--token-file", str(server.poster)),
        ]
        with running(command, folder / "witness.log"):
            yield server, verifier


def _caught_up(server: Server, verifier: note.Verifier) -> float:
    """Return the seconds until the newest record is under a cosigned head. Raise `Failed` at the
    limit.
    """
    begin = time.perf_counter()
    position = int(body_of(_asked(server, ""))["position"])
    while time.perf_counter() < begin + _SECONDS:
        found = _asked(server, "/log/checkpoint").partition(b"\r\n\r\n")[2]
        try:
            head = note.read(found)
        except note.NotANote:
            head = None
        if (
            head is not None
            and int(head.text.split("\n")[1]) >= position
            and head.signed_by(verifier) is not None
        ):
            return time.perf_counter() - begin
        time.sleep(0.05)
    raise Failed(f"{position} records are not cosigned after {_SECONDS:g} s")


def measure(plan: Plan, folder: Path) -> Numbers:
    """`seal_ratio`, and how long the witness takes to come after."""
    connections = "--connections", plan.connections
    (config := folder / "plain.toml").write_text("[registrar]\nbeside = true\n")
    with (
        _witnessed(folder) as (sealed, verifier),
        service(folder / "plain", "--demo", "--config", str(config)) as plain,
    ):
        _caught_up(sealed, verifier)
        rounds = Rounds((sealed, plain), names=("sealed", "plain"))
        rounds.run(1, *connections, "--seconds", plan.warm_up)
        found = rounds.run(plan.rounds, *connections, "--seconds", plan.posting)
        load(sealed, *connections, "--posts", plan.few)
        after = _caught_up(sealed, verifier)
    ratio = round(found["sealed"]["per_second"] / found["plain"]["per_second"], 4)
    return {"seal_ratio": ratio, "seal": {**found, "after_s": round(after, 2)}, "failures": []}


def section(found: Numbers) -> Section:
    """Its part of the table."""
    seal = json.loads(json.dumps(found["seal"]))
    table = Section("posting under heads", "sealed", "plain")
    for number, (one, other) in enumerate(
        zip(seal["sealed"]["rounds"], seal["plain"]["rounds"], strict=True), 1
    ):
        table.lines.append(Line(f"posts/s, round {number}", one["per_second"], other["per_second"]))
    table.lines.append(
        Line(
            "posts/s, median",
            seal["sealed"]["per_second"],
            seal["plain"]["per_second"],
            found["seal_ratio"],
            "\u2265 0.8",
        )
    )
    table.remarks.append(
        f"registrar and one witness beside its mirror; everything was cosigned {seal['after_s']} s after the last post"
    )
    return table
