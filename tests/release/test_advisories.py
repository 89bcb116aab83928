"""Locked versions are compared with advisories; ecosystems that were not compared are named."""

import json
import zipfile
from pathlib import Path
from typing import Any

import advisories
import pytest

import releases

LOCKED = {
    "PyPI": {"aiohttp": "3.14.5"},
    "npm": {"swagger-ui-dist": "5.35.0"},
    "Go": {advisories.BROKER: "2.15.1"},
}


def archive(path: Path, *entries: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for number, entry in enumerate(entries):
            out.writestr(f"X-{number}.json", json.dumps({"id": f"X-{number}", **entry}))
    return path


def affected(ecosystem: str, name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}]
    return {
        "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges, **more}]
    }


@pytest.mark.parametrize(
    ("events", "covered"),
    [
        ([{"introduced": "0"}, {"fixed": "3.14.6"}], True),
        ([{"introduced": "0"}, {"fixed": "3.14.5"}], False),
        ([{"introduced": "3.15"}], False),
        ([{"introduced": "0"}, {"last_affected": "3.14.5"}], True),
        (
            [{"introduced": "0"}, {"fixed": "3.1"}, {"introduced": "3.14.5"}, {"fixed": "3.14.7"}],
            True,
        ),
        ([{"introduced": "what?"}], True),
    ],
)
def test_a_version_is_compared_with_its_ranges(
    tmp_path: Path, events: list[dict[str, str]], *, covered: bool
) -> None:
    found = advisories.known(
        archive(tmp_path / "a.zip", affected("PyPI", "AIOHTTP", *events)), LOCKED
    )
    assert [len(lines) for lines in found.values()] == [int(covered)]


def test_versions_that_are_listed_are_covered_and_what_was_withdrawn_is_not(tmp_path: Path) -> None:
    entry = affected("Go", advisories.BROKER, versions=["2.15.1"])
    found = advisories.known(
        archive(tmp_path / "a.zip", entry, {**entry, "withdrawn": "2026-01-01T00:00:00Z"}), LOCKED
    )
    assert found == {"Go": {f"{advisories.BROKER} 2.15.1: X-0"}}


def test_what_was_not_compared_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories, "node_audit", lambda _root: None)
    monkeypatch.setattr(advisories, "locked", lambda _root: LOCKED)
    harmless = archive(tmp_path / "a.zip", affected("PyPI", "nobody-has-this", {"introduced": "0"}))
    assert advisories.main([str(harmless)]) == 0
    text = capsys.readouterr().out
    assert "PyPI: 1 packages, 0 known" in text
    assert "npm: NOT CHECKED" in text and "Go: NOT CHECKED" in text
    harmful = archive(tmp_path / "b.zip", affected("PyPI", "aiohttp", {"introduced": "0"}))
    assert advisories.main([str(harmless), str(harmful)]) == 1
    assert "X-0" in capsys.readouterr().out
    (tmp_path / "c.zip").write_bytes(b"no archive")
    assert advisories.main([str(tmp_path / "c.zip")]) == 2


def test_the_broker_that_is_locked_is_supported() -> None:
    locked = advisories.locked(releases.ROOT)
    (version,) = locked["Go"].values()
    assert tuple(map(int, version.split("."))) >= tuple(
        map(int, advisories.OLDEST_BROKER.split("."))
    )
    assert {"aiohttp", "msgspec", "nats-py"} <= locked["PyPI"].keys()
    upgrading = (releases.ROOT / "docs" / "upgrading.md").read_text()
    assert f"nats-server {advisories.OLDEST_BROKER} or newer" in upgrading
