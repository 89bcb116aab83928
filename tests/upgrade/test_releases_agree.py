"""Two releases read one log: this one, and a next one that has rules 2.

Before the sides adopt rules 2, both judge every record alike, also what only the next release could
have made. From the record that puts rules 2 in force, this release stops, and says what it lacks.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import next_release

SUPPORT = Path(next_release.__file__).parent
SCRIPT = SUPPORT / "two_releases.py"
Lines = list[dict[str, Any]]


def _run(build: dict[str, str], *arguments: str, stdin: str = "") -> str:
    path = os.pathsep.join(part for part in (build.get("PYTHONPATH", ""), str(SUPPORT)) if part)
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _lines(text: str) -> Lines:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def log(build: dict[str, str]) -> str:
    """A log that crosses the adoption of rules 2, with records on which releases could differ."""
    return _run(build, "make")


@pytest.fixture(scope="module", params=["fold", "fold-parsed"])
def folds(request: pytest.FixtureRequest, build: dict[str, str], log: str) -> tuple[Lines, Lines]:
    """The log as this release folds it, and as the next one does."""
    return _lines(_run({}, request.param, stdin=log)), _lines(_run(build, request.param, stdin=log))


def test_both_have_the_same_digest_at_every_position_before_the_adoption(
    log: str, folds: tuple[Lines, Lines]
) -> None:
    labels = [line["label"] for line in _lines(log)]
    old, new = folds
    adopted = labels.index("in force") + 1
    assert len(old) == adopted + 1, "it folds up to the record that puts the rules in force"
    for label, here, there in zip(labels[:adopted], old, new, strict=False):
        assert here == there, label
    assert old[-1] == {"rules": 2, "release": next_release.RELEASE, "position": adopted}
    assert len(new) == len(labels)


def test_what_came_with_the_next_rules_is_void_before_and_valid_after(
    log: str, folds: tuple[Lines, Lines]
) -> None:
    labels = [line["label"] for line in _lines(log)]
    valid = {label: line["valid"] for label, line in zip(labels, folds[1], strict=True)}
    for phase in ("rules 1", "one side", "the other side"):
        for kind in ("courtesy as courtesy.v1", "contact-note.v2", "contact-note.v2 with a mood",
                     "correction of a mood", "weather-inquiry"):  # fmt: skip
            assert not valid[f"{phase}: {kind}"], (phase, kind)
        for kind in ("contact-note.v1", "call-record by an officer", "reply as reply.v1"):
            assert valid[f"{phase}: {kind}"], (phase, kind)
    for kind in ("courtesy as courtesy.v1", "contact-note.v2", "contact-note.v2 with a mood",
                 "contact-note.v1", "correction of a mood", "weather-inquiry"):  # fmt: skip
        assert valid[f"rules 2: {kind}"], kind
    for kind in ("contact-note.v1 with a mood", "call-record by an officer", "contact-note.v3"):
        assert not valid[f"rules 2: {kind}"], kind
    assert valid["after"]
    owed = dict(zip(labels, (line["deadlines"] for line in folds[1]), strict=True))
    assert any(text.startswith("answer china ") for text in owed["rules 2: weather-inquiry"])
    assert not any(text.startswith("answer") for text in owed["rules 2: contact-note.v1"])
