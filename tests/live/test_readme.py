"""The README's commands work as written."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from patience import PATIENCE_S
from service import Service

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def run(script: str, home: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=ROOT,
        check=False,
        env={**os.environ, "XDG_CONFIG_HOME": str(home)},
    )
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    return done.stdout


@pytest.mark.parametrize(
    ("number", "told"), [(0, r'"number":"NATO-CHINA/NATO/\d\d/'), (1, '"digest":"'), (2, "digest")]
)
def test_a_command_on_the_demonstration_works(
    demo: Service, tmp_path: Path, number: int, told: str
) -> None:
    block = (
        BLOCKS[number]
        .replace("http://127.0.0.1:8470", demo.base_url)
        .replace("build/auditor.token", str(tmp_path / "token"))
    )
    assert re.search(told, run(block.replace("build/demo", str(demo.data)), tmp_path))


def test_four_commands_lead_from_nothing_to_a_first_post(tmp_path: Path) -> None:
    up, *others = BLOCKS[3].strip().splitlines()
    assert up.startswith(".venv/bin/dragoman up --data build/office")
    service = Service(tmp_path / "office")
    try:
        outputs = [
            run(line.replace("build/office", str(service.data)), tmp_path) for line in others
        ]
    finally:
        service.stop()
    assert len(others) == 3
    assert outputs[-1].startswith("NORTH-SOUTH/NORTH/")


def test_there_is_no_command_that_is_not_tried() -> None:
    assert len(BLOCKS) == 4
