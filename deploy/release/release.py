"""Build a release from the newest commit, into `dist/`.

    dragoman-0.1.0-py3-none-any.whl       built twice in two places, and once from the sdist: all equal
    dragoman-0.1.0.tar.gz                 the sources, built twice
    dragoman-0.1.0-constraints.txt        what it was tested with, with hashes
    dragoman-0.1.0-sbom.cdx.json          what is in an installation (CycloneDX)
    dragoman-0.1.0-licences.txt           under which licences, with their texts
    dragoman-0.1.0-changes.md             what a user notices
    dragoman-0.1.0-offline-x86_64.tar.gz  all of that, wheels for three Pythons, and an installer
    SHA256SUMS, SHA256SUMS.minisig        checksums of all files, and their signature

Every file is the same in a second build of the same commit, but for the signature. Needs git, npm,
unshare, and the registries of PyPI and npm; a signature needs minisign. Nothing is released unless
the bundle can be installed without a network by each of those Pythons that is here.
"""

import argparse
import filecmp
import gzip
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import assets
from packaging.requirements import Requirement

from dragoman import __version__
from dragoman.cli import app
from dragoman.office import generate_docs

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
MARKERS = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}
"""The machines that the bundle is for, as markers of requirements call them."""

SOURCES_ONLY = "nkeys"
"""The library that has no wheel: one is built of its sources."""

SHIPPED = {"swagger-ui-dist": "Apache-2.0", "world-atlas": "ISC"}
"""The packages of npm of which files are shipped, and their licences."""

_RULE = "========"
"""The line over and under the title of the command line's own pages."""

SHELLS: dict[Literal["bash", "zsh", "fish"], str] = {
    "bash": "dragoman.bash",
    "zsh": "_dragoman",
    "fish": "dragoman.fish",
}

NO_NETWORK = ("unshare", "--net", *(() if os.geteuid() == 0 else ("--map-root-user",)))


class NotReleased(Exception):
    """A reason why no release was built."""


def run(
    *command: str | Path, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """Run a program, and return what it printed. Raises `NotReleased`."""
    done = subprocess.run(
        command,
        cwd=cwd or ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotReleased(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def changes(text: str, version: str, *, candidate: bool) -> str:
    """Return the version's section of the changelog.

    A candidate may have the section of what is not released yet. Raises `NotReleased`.
    """
    for heading in (version, "Unreleased") if candidate else (version,):
        section = re.search(
            rf"^## {re.escape(heading)}\b[^\n]*\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE
        )
        if section:
            return f"# Dragoman {version}\n\n{section[1].strip()}\n"
    raise NotReleased(
        f"CHANGELOG.md has no section '## {version}': name it so, with the date, and commit it"
    )


def interpreter(version: str) -> str | None:
    """Return the program of a version of Python that has its module venv, if it is here."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    programs = [Path(folder) / f"python{version}" for folder in os.get_exec_path()]
    code = f"import ensurepip, sys, venv; sys.exit({version!r} != '%d.%d' % sys.version_info[:2])"
    for program in (*programs, *pyenv.glob(f"{version}.*/bin/python{version}")):
        try:
            done = subprocess.run([program, "-c", code], capture_output=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return str(program)
    return None


def locked_for(lock: str, python: str) -> dict[str, str]:
    """Return the requirements of a lock that a version of Python needs, by name.

    pip evaluates markers for the Python that runs it, even for a download for another one.
    So the markers are evaluated here, for the first release of that version, and left out.
    """
    environment = MARKERS | {"python_version": python, "python_full_version": f"{python}.0"}
    chosen = {}
    for entry in re.findall(r"^[a-z0-9].*\n(?:[ #].*\n)*", lock, re.MULTILINE):
        first, *hashes = entry.splitlines(keepends=True)
        requirement = Requirement(first.rstrip(" \\\n"))
        if requirement.marker is None or requirement.marker.evaluate(environment):
            requirement.marker = None
            chosen[requirement.name] = f"{requirement} \\\n{''.join(hashes)}"
    return chosen


class Build:
    """A release that is being built in a temporary folder."""

    def __init__(self, work: Path, *, home_url: str) -> None:
        """Begin with the newest commit."""
        self.work = work
        self.commit = run("git", "rev-parse", "HEAD").strip()
        self.epoch = run("git", "show", "--no-patch", "--format=%ct", "HEAD").strip()
        self.environment = {
            "SOURCE_DATE_EPOCH": self.epoch,
            "DRAGOMAN_HOME_URL": home_url,
            "DRAGOMAN_REQUIRE_ASSETS": "1",
        }

    def tree(self, name: str) -> Path:
        """Return a folder with the files of the commit."""
        folder = self.work / name
        folder.mkdir()
        archive = folder.with_suffix(".tar")
        run("git", "archive", "--output", archive, "HEAD")
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        return folder

    def packages(self, tree: Path, *targets: str) -> list[Path]:
        """Return the packages that are built of a tree, by name."""
        out = tree / "built"
        run(
            *(sys.executable, "-m", "hatchling", "build", "-d", str(out)),
            *(argument for target in targets for argument in ("-t", target)),
            cwd=tree,
            environment=self.environment,
        )
        return sorted(out.iterdir())

    def twice(self) -> tuple[Path, Path, Path]:
        """Return the tree, the wheel and the sdist, built in two places and compared.

        The sdist is built into a wheel as well. Raises `NotReleased` if two differ.
        """
        trees = self.tree("one"), self.tree("elsewhere")
        one, other = (self.packages(tree, "wheel", "sdist") for tree in trees)
        wheel, sdist = one
        with tarfile.open(sdist) as tar:
            tar.extractall(self.work / "sources", filter="data")
        (unpacked,) = (self.work / "sources").iterdir()
        again = self.packages(unpacked, "wheel")
        for left, right in (*zip(one, other, strict=True), (wheel, again[0])):
            if not filecmp.cmp(left, right, shallow=False):
                raise NotReleased(f"two builds of {left.name} differ: {left} and {right}")
        return trees[0], wheel, sdist

    def wheels(self, tree: Path) -> Path:
        """Return a folder with the wheels of all that an installation needs."""
        folder = self.work / "wheels"
        lock = (tree / "requirements/runtime.lock").read_text()
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        exact = ("--require-hashes", "--no-deps")
        platforms = [f"--platform={platform}" for platform in PLATFORMS]
        sources = self.work / "sources.txt"
        for python in PYTHONS:
            locked = locked_for(lock, python)
            sources.write_text(locked.pop(SOURCES_ONLY))
            binary = self.work / f"binary-{python}.txt"
            binary.write_text("".join(locked.values()))
            run(
                *(*pip, "download", *exact, "--only-binary=:all:", *platforms),
                *("--python-version", python, "--dest", folder, "-r", binary),
            )
        run(
            *(*pip, "wheel", *exact, "--no-build-isolation", "--wheel-dir", folder),
            *("-r", sources),
            environment=self.environment,
        )
        return folder

    def installed(self, wheels: Path, requirements: Path) -> Path:
        """Return the Python of a bare environment with the release in it."""
        environment = self.work / "bare"
        run(sys.executable, "-m", "venv", environment)
        python = environment / "bin" / "python"
        run(
            *(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-index", "--find-links", wheels, "--require-hashes", "-r", requirements),
        )
        return python

    def tried(self, bundle: Path) -> None:
        """Install a bundle for each version of Python, without a network.

        uv evaluates every marker for a version, also where no such Python is here. Raises
        `NotReleased` if a version lacks a wheel or cannot be installed.
        """
        uv = Path(sys.executable).with_name("uv")
        for version in PYTHONS:
            run(
                *(uv, "pip", "install", "--quiet", "--dry-run", "--no-cache", "--no-index"),
                *("--find-links", bundle / "wheels", "--only-binary=:all:", "--require-hashes"),
                *("--python", sys.executable, "--python-version", version),
                *("--python-platform", "x86_64-manylinux_2_28", "--target", self.work / "nowhere"),
                *("-r", bundle / "requirements.txt"),
            )
            python = interpreter(version)
            if python is None:
                print(
                    f"Python {version} is not here: the bundle was not run by it", file=sys.stderr
                )
                continue
            target = self.work / f"installed-{version}"
            run(*NO_NETWORK, bundle / "install.sh", target, python)
            run(target / "bin" / "python", "-m", "pip", "check")


def requirements_of(wheels: Path) -> str:
    """Return requirements that name each wheel of a folder, with its hash."""
    hashes: dict[str, list[str]] = {}
    for wheel in sorted(wheels.iterdir()):
        name, version = wheel.name.split("-")[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        hashes.setdefault(f"{name}=={version}", []).append(f"--hash=sha256:{digest}")
    return "".join(f"{name} {' '.join(found)}\n" for name, found in hashes.items())


def sbom(python: Path, tree: Path, version: str) -> str:
    """Return the components of an environment, and of the packages of npm."""
    tool = Path(sys.executable).with_name("cyclonedx-py")
    text = run(
        *(tool, "environment", "--output-reproducible", "--pyproject", tree / "pyproject.toml"),
        *("--of", "JSON", python),
    )
    document = json.loads(text)
    document["components"] = [
        component
        for component in document["components"]
        if component["name"] not in {"pip", "setuptools", "dragoman"}
    ]
    of_the_builder = re.compile("(pip|setuptools)==")
    document["dependencies"] = [
        entry | {"dependsOn": [*itertools.filterfalse(of_the_builder.match, entry["dependsOn"])]}
        if "dependsOn" in entry
        else entry
        for entry in document["dependencies"]
        if not of_the_builder.match(entry["ref"])
    ]
    document["metadata"]["component"]["version"] = version
    lock = json.loads((tree / "package-lock.json").read_text())["packages"]
    for name, licence in SHIPPED.items():
        package = lock[f"node_modules/{name}"]
        document["components"].append(
            {
                "type": "library",
                "bom-ref": f"{name}@{package['version']}",
                "name": name,
                "version": package["version"],
                "purl": f"pkg:npm/{name}@{package['version']}",
                "licenses": [{"license": {"id": licence}}],
            }
        )
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def licences(python: Path, tree: Path) -> str:
    """Return the licences of what an installation has, with their texts."""
    tool = Path(sys.executable).with_name("pip-licenses")
    text = run(
        *(tool, f"--python={python}", "--from=mixed", "--format=plain-vertical"),
        *("--with-license-file", "--no-license-path", "--with-notice-file"),
        *("--ignore-packages", "pip", "setuptools", "dragoman", "pip-licenses"),
    )
    vendor = tree / "services/dragoman/console/static/vendor"
    page = "".join((vendor / name).read_text() for name in ("LICENSE", "NOTICE"))
    land = (vendor / assets.LAND_LICENCE).read_text()
    return (
        f"{text.strip()}\n\nswagger-ui-dist\n{SHIPPED['swagger-ui-dist']}\n{page.strip()}\n"
        f"\nworld-atlas\n{SHIPPED['world-atlas']}\n{land.strip()}\n"
    )


def manual() -> bytes:
    """Return the manual page of the command line, for `man`."""
    from docutils.core import publish_string

    text = app.generate_docs(output_format="rst")
    text = re.sub(
        r"^\.\. (_cyclopts[^\n]*|contents::[^\n]*(\n   [^\n]*)*)\n", "", text, flags=re.MULTILINE
    )
    body = text.split(f"{_RULE}\ndragoman\n{_RULE}\n", 1)[-1]
    head = f"{_RULE}\ndragoman\n{_RULE}\n\n:Manual section: 1\n:Version: {__version__}\n\n"
    page = publish_string(
        head + body,
        writer="manpage",
        settings_overrides={"report_level": 4, "halt_level": 5, "datestamp": None},
    )
    named = rb".SH NAME\1dragoman \\- " + app.help.rstrip(".").encode() + b"\n"
    return re.sub(rb"\.SH (?:NAME|Name)(\n)dragoman \\- *\n", named, bytes(page))


def completions(folder: Path) -> None:
    """Write the completions of three shells into a folder."""
    folder.mkdir()
    for shell, name in SHELLS.items():
        text = app.generate_completion(prog_name="dragoman", shell=shell)
        (folder / name).write_text(text)


def packed(folder: Path, target: Path, epoch: int) -> None:
    """Write a folder as an archive that depends on its names and bytes alone."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            entry = tar.gettarinfo(path, f"{folder.name}/{path.relative_to(folder)}")
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = epoch
            entry.mode = 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") if path.is_file() else io.BytesIO() as file:
                tar.addfile(entry, file if path.is_file() else None)
    with target.open("wb") as out, gzip.GzipFile("", "wb", 6, out, mtime=epoch) as zipped:
        zipped.write(raw.getvalue())


def checksums(folder: Path, names: Iterable[Path]) -> None:
    """Write the checksums of files of a folder beside them, as `sha256sum` checks them."""
    lines = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n"
        for path in sorted(names)
    )
    (folder / "SHA256SUMS").write_text("".join(lines))


def signed(file: Path, key: Path, version: str) -> None:
    """Sign the checksums with a key of minisign, whose passphrase it asks for itself."""
    minisign = shutil.which("minisign")
    if minisign is None:
        raise NotReleased("minisign is not here: install Debian's package minisign")
    subprocess.run([minisign, "-S", "-s", key, "-m", file, "-t", f"dragoman {version}"], check=True)


def release(
    out: Path, *, home_url: str = "", key: Path | None = None, candidate: bool = False
) -> None:
    """Build everything into an empty folder. Raises `NotReleased`."""
    if run("git", "status", "--porcelain"):
        raise NotReleased("the tree has changes that are not committed: a release is of a commit")
    if out.exists() and any(out.iterdir()):
        raise NotReleased(f"{out} is not empty: move the earlier release away, or delete it")
    out.mkdir(parents=True, exist_ok=True)
    name = f"dragoman-{__version__}"
    with tempfile.TemporaryDirectory() as temporary:
        build = Build(Path(temporary), home_url=home_url)
        text = changes(run("git", "show", "HEAD:CHANGELOG.md"), __version__, candidate=candidate)
        tree, wheel, sdist = build.twice()
        wheels = build.wheels(tree)
        shutil.copy(wheel, wheels)
        bundle = build.work / f"{name}-offline-x86_64"
        bundle.mkdir()
        (bundle / "requirements.txt").write_text(requirements_of(wheels))
        python = build.installed(wheels, bundle / "requirements.txt")
        files = {
            out / wheel.name: wheel.read_bytes(),
            out / sdist.name: sdist.read_bytes(),
            out / f"{name}-constraints.txt": (tree / "requirements/runtime.lock").read_bytes(),
            out / f"{name}-sbom.cdx.json": sbom(python, tree, __version__).encode(),
            out / f"{name}-licences.txt": licences(python, tree).encode(),
            out / f"{name}-changes.md": text.encode(),
        }
        for path, content in files.items():
            path.write_bytes(content)
            if path.suffix not in {".whl", ".gz"}:
                (bundle / path.name).write_bytes(content)
        shutil.copytree(wheels, bundle / "wheels")
        for folder in ("deploy", "docs", "schemas/samples", "schemas/published"):
            shutil.copytree(tree / folder, bundle / folder)
        for path, description in generate_docs.descriptions(bundle / "schemas/published"):
            path.write_text(description)
        documents = ("README.md", "LICENSE", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")
        for document in (*documents, "tests/README.md"):
            (bundle / document).parent.mkdir(exist_ok=True)
            shutil.copy(tree / document, bundle / document)
        (bundle / "dragoman.1").write_bytes(manual())
        completions(bundle / "completions")
        shutil.copy(tree / "deploy/release/install.sh", bundle)
        checksums(bundle, [path for path in bundle.rglob("*") if path.is_file()])
        build.tried(bundle)
        packed(bundle, out / f"{bundle.name}.tar.gz", int(build.epoch))
    checksums(out, out.iterdir())
    if key is not None:
        signed(out / "SHA256SUMS", key, __version__)


def main() -> int:
    """Build a release as the arguments say."""
    parser = argparse.ArgumentParser(description="Build a release from the newest commit.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--home-url", default="", help="where this release's tree can be read")
    parser.add_argument("--sign", type=Path, help="a secret key of minisign")
    parser.add_argument("--candidate", action="store_true", help="take the section Unreleased")
    given = parser.parse_args()
    try:
        release(given.out, home_url=given.home_url, key=given.sign, candidate=given.candidate)
    except NotReleased as error:
        print(f"no release was built: {error}", file=sys.stderr)
        return 1
    for path in sorted(given.out.iterdir()):
        print(path)
    if given.sign is None:
        print("SHA256SUMS is not signed: name the key with SIGN=KEY", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
