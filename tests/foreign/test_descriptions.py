"""The linters of Redocly and of Stoplight read the descriptions of our API and our streams. They
find no error and nothing to warn of.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from described import written
from gobuild import required
from patience import PATIENCE_S
from read_files import DESCRIBED

pytestmark = pytest.mark.reads(*DESCRIBED, "tests/foreign/spectral.yaml")

ROOT = Path(__file__).parents[2]
REDOCLY = ROOT / "node_modules" / ".bin" / "redocly"
SPECTRAL = ROOT / "node_modules" / ".bin" / "spectral"


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_a_linter_of_other_people_finds_nothing(name: str, tmp_path: Path) -> None:
    required(shutil.which("node") is not None and REDOCLY.exists(), "npm, and with it node_modules")
    lint: list[str | Path] = [
        REDOCLY,
        "lint",
        written(tmp_path, name),
        "--format=json",
    ]
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off"}
    done = subprocess.run(
        lint,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment,
        cwd=ROOT,
    )
    found = json.loads(done.stdout[done.stdout.index("{") :])
    assert (found["totals"]["errors"], found["totals"]["warnings"]) == (0, 0), [
        each["message"] for each in found["problems"]
    ]


def test_spectral_finds_nothing(tmp_path: Path) -> None:
    required(
        shutil.which("node") is not None and SPECTRAL.exists(), "npm, and with it node_modules"
    )
    lint: list[str | Path] = [
        SPECTRAL,
        "lint",
        written(tmp_path),
        "--ruleset",
        ROOT / "tests" / "foreign" / "spectral.yaml",
        "--format=json",
        "--quiet",
    ]
    done = subprocess.run(lint, capture_output=True, text=True, timeout=200, check=False, cwd=ROOT)
    found = json.loads(done.stdout)
    assert found == [], [(each["code"], each["path"]) for each in found]
    assert done.returncode == 0, done.stderr
