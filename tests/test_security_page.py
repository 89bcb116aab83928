"""The security page is held to the tree: every path and every test that it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPANS = sorted({*re.findall(r"`([^`\n]+)`", (ROOT / "docs" / "security.md").read_text())})
_PATH = re.compile(r"[\w-][\w.-]*(?:/[\w.-]+)*(?:/|\.(?:conf|html|js|lock|md|py|toml)|-lock\.json)")
_TEST = re.compile(r"test_\w+")
_DEFINED = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def test_every_path_on_the_security_page_is_there() -> None:
    named = [span for span in SPANS if _PATH.fullmatch(span)]
    assert named
    assert [
        path
        for path in named
        if not any((below / path).exists() for below in (ROOT, ROOT / "services" / "dragoman"))
    ] == []


def test_every_test_on_the_security_page_is_there() -> None:
    named = {span for span in SPANS if _TEST.fullmatch(span)} - {"test_"}
    defined = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in _DEFINED.findall(file.read_text())
    }
    assert named
    assert named - defined == set()
