"""What we say of our API and our streams, read by Redocly's linter: no error, and nothing that it would warn of."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gobuild import required
from patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
REDOCLY = ROOT / "node_modules" / ".bin" / "redocly"


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_a_linter_of_other_people_finds_nothing(name: str) -> None:
    required(shutil.which("node") is not None and REDOCLY.exists(), "npm, and with it node_modules")
    lint: list[str | Path] = [REDOCLY, "lint", ROOT / "schemas" / "published" / f"{name}.json", "--format=json"]
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off"}
    done = subprocess.run(lint, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environment, cwd=ROOT)
    found = json.loads(done.stdout[done.stdout.index("{") :])
    assert (found["totals"]["errors"], found["totals"]["warnings"]) == (0, 0), [each["message"] for each in found["problems"]]
