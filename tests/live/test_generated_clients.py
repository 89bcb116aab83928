"""Clients that other people's generators make of the description: each posts an incident
and reads it, in Python and in TypeScript.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from described import DOCUMENT, written
from gobuild import HERE, required
from service import Gateway

ROOT: Final = HERE.parents[1]
PROGRAMS: Final = HERE / "clients"
TOOLS: Final = ROOT / "node_modules" / ".bin"
SECONDS: Final = 180
ACTS: Final = ["dragoman.hazardous-incident.v1", "dragoman.acknowledgement.v1"]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Return the output of a program. Assert that it ends well and complains of nothing."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def spoken(service: Gateway, *command: str | Path, cwd: Path, **environment: str) -> Any:
    """Return everything that a client saw."""
    people = (service.token(who) for who in ("nato/duty_officer", "china/duty_officer"))
    return json.loads(run(*command, service.base_url, *people, cwd=cwd, **environment))


def assert_understood(seen: dict[str, Any]) -> None:
    number = seen.pop("number")
    assert number.startswith("NATO")
    assert {each for each in seen.pop("timeline") if each in ACTS} == {*ACTS}
    assert seen == {
        "status": 201,
        "facts": "Two aircraft passed close. Rest unknown.",
        "refused": ["/place/lat"],
    }


def test_a_python_client_is_generated_without_complaint_and_works(
    demo: Gateway, tmp_path: Path
) -> None:
    bodies = {
        media
        for operations in DOCUMENT["paths"].values()
        for operation in operations.values()
        for media in operation.get("requestBody", {}).get("content", {})
    }
    settings = {
        "literal_enums": True,
        "post_hooks": [],
        "content_type_overrides": dict.fromkeys(
            sorted(bodies - {"application/json"}), "application/octet-stream"
        ),
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    generator = Path(sys.executable).with_name("openapi-python-client")
    made = (
        "--path",
        written(tmp_path),
        "--output-path",
        tmp_path / "dragoman_client",
        "--meta",
        "none",
        "--fail-on-warning",
    )
    run(generator, "generate", *made, "--config", tmp_path / "settings.json", cwd=tmp_path)
    assert_understood(
        spoken(demo, sys.executable, PROGRAMS / "office.py", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    )


def test_a_typescript_client_is_generated_compiles_strictly_and_works(
    demo: Gateway, tmp_path: Path
) -> None:
    required(
        shutil.which("node") is not None and (TOOLS / "openapi-typescript").exists(),
        "npm, and with it node_modules",
    )
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "package.json").write_text('{"type":"module"}')
    shutil.copy(PROGRAMS / "office.ts", tmp_path)
    run(TOOLS / "openapi-typescript", written(tmp_path), "-o", "dragoman.ts", cwd=tmp_path)
    compiled = ("--strict", "--module", "nodenext", "--target", "es2022")
    run(TOOLS / "tsc", *compiled, "--types", "node", "--skipLibCheck", "office.ts", cwd=tmp_path)
    assert_understood(spoken(demo, "node", "office.js", cwd=tmp_path))


@pytest.mark.parametrize("name", ["openapi"])
def test_no_component_is_a_path_of_python_and_no_schema_a_boolean(name: str) -> None:
    components = DOCUMENT["components"]["schemas"]
    assert all(
        component.isalnum() and shape["title"] == component
        for component, shape in components.items()
    )

    def booleans(schema: Any) -> list[str]:
        if isinstance(schema, list):
            return [each for part in schema for each in booleans(part)]
        if not isinstance(schema, dict):
            return []
        own = [
            key
            for key in ("items", "contains", "not", "propertyNames", "if", "then", "else")
            if isinstance(schema.get(key), bool)
        ]
        own += [key for key, each in schema.get("properties", {}).items() if isinstance(each, bool)]
        return own + [each for part in schema.values() for each in booleans(part)]

    assert booleans(components) == []
