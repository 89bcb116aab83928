"""Schemathesis asks every operation of the running service, as each role: what it sends by our
description, and what it breaks on purpose.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from described import OPERATIONS
from read_files import DESCRIBED
from service import Service

pytestmark = pytest.mark.reads(*DESCRIBED, "tests/foreign/schemathesis*")

HERE = Path(__file__).parent
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
ROLES = (
    "operator",
    "nato/officer",
    "nato/duty_officer",
    "nato/head_of_office",
    "nato/administrator",
    "nato/auditor",
)
WIDEST = ("operator", "nato/head_of_office")
"""The roles that may do most. The others are asked in the long form."""


def ask(service: Service, role: str, folder: Path, *options: str, seconds: int) -> str:
    """Return the output of Schemathesis after it has asked as a role."""
    token = service.operator.strip() if role == "operator" else service.token(role)
    command: list[str | Path] = [
        SCHEMATHESIS,
        "--config-file",
        HERE / "schemathesis.toml",
        "run",
        f"{service.base_url}/v1/openapi.json",
        "-c",
        "all",
    ]
    named = ["-u", service.base_url, "-H", f"Authorization: Bearer {token}", *options]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "PYTHONPATH": str(HERE),
    }
    done = subprocess.run(
        [*command, *named],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return str(done.stdout)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "role",
    [pytest.param(role, marks=() if role in WIDEST else pytest.mark.long) for role in ROLES],
)
def test_no_answer_is_other_than_described(
    own: Service, role: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--long"):
        said = ask(own, role, tmp_path, seconds=880)
    else:  # all that is in the description, and a little of what is not: the same each time
        said = ask(
            own,
            role,
            tmp_path,
            "--phases",
            "examples,fuzzing",
            "--max-examples",
            "2",
            "--seed",
            "7",
            seconds=110,
        )
    assert f"Tested: {len(OPERATIONS) - 1}\n" in said, said[
        -1500:
    ]  # all but the description itself, which it has read
