"""A release of the tree as it is, changes and all, and bare environments with it."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import release

ROOT = Path(__file__).parents[2]
HOME_URL = "https://dragoman.example/tree/v0"
_GIT = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@dragoman.example"} | {
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@dragoman.example",
}


@dataclass(frozen=True)
class Built:
    """The tree that was built, and its two packages."""

    tree: Path
    wheel: Path
    sdist: Path


@contextmanager
def committed() -> Iterator[Path]:
    """A repository whose newest commit is the tree as it is; releases are built of it meanwhile."""
    with TemporaryDirectory() as temporary:
        tree = Path(temporary) / "tree"
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "the tree as it is"]):
            subprocess.run(["git", *command], cwd=tree, check=True, env=os.environ | _GIT)
        with patch.object(release, "ROOT", tree):
            yield tree


def bare(folder: Path, wheel: Path, python: str = sys.executable) -> Path:
    """Install a wheel, and what it needs, into an environment of its own; return its `bin`."""
    uv = str(Path(sys.executable).with_name("uv"))
    install = (uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"))
    lock = str(ROOT / "requirements" / "runtime.lock")
    subprocess.run([uv, "venv", "--quiet", "--python", python, str(folder)], check=True)
    subprocess.run([*install, "--require-hashes", "-r", lock], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    return folder / "bin"


def small_wheel(folder: Path, name: str, *requires: str, module: str = "") -> Path:
    """Write the wheel of a package with one module, whose `main` its program runs."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    members = {
        f"{name}.py": module,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    record = "".join(f"{member},,\n" for member in [*members, f"{about}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as out:
        for member, text in (members | {f"{about}/RECORD": record}).items():
            out.writestr(member, text)
    return wheel


def small_bundle(folder: Path) -> Path:
    """Make a bundle whose program needs another package on Python 3.11 alone."""
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    module = "def main(): print('1.0')\n"
    small_wheel(wheels, "dragoman", "needed_before; python_version < '3.12'", module=module)
    small_wheel(wheels, "needed_before")
    return finished(folder)


def finished(bundle: Path) -> Path:
    """Write the list and the checksums of a bundle's wheels, and its installer."""
    (bundle / "requirements.txt").write_text(release.requirements_of(bundle / "wheels"))
    shutil.copy(ROOT / "deploy" / "release" / "install.sh", bundle)
    names = (path for path in bundle.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    release.checksums(bundle, names)
    return bundle
