"""A release of the tree as it is, changes and all, and bare environments with it."""

import os
import shutil
import subprocess
import sys
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
