"""The walk of docs/api.md, from a token to an acknowledged flash, as it is written there."""

import os
import re
import subprocess
from pathlib import Path

from office import Office
from patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
STEPS = re.findall(
    r"<!-- walk -->\n```sh\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL
)


def test_a_flash_is_acknowledged_by_whoever_can_type_curl(tmp_path: Path) -> None:
    service = Office(tmp_path / "data")
    try:
        # One shell from step to step; the stream has a moment to open, and what was reported a
        # moment to arrive.
        script = (
            "\nsleep 1\n".join(STEPS).replace("docs/examples", str(ROOT / "docs" / "examples"))
            + "\nkill %1"
        )
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "URL": service.base_url, "DATA": str(service.data)},
        )
    finally:
        service.stop()
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert len(STEPS) == 5
    assert re.search(r"south acknowledged at 20\d\d-", done.stdout)
