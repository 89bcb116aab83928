"""The bundle installs by every Python that it is for, whatever built it, or it leaves nothing."""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import release
import releases
from read_files import RELEASED

pytestmark = pytest.mark.reads(*RELEASED)

HERE = {version: python for version in release.PYTHONS if (python := release.interpreter(version))}
INSTALLER = releases.ROOT / "deploy" / "release" / "install.sh"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return releases.small_bundle(tmp_path / "bundle")


def install(
    bundle: Path, *arguments: str | Path, path: str = ""
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"PATH": path} if path else {})
    return subprocess.run(
        [bundle / "install.sh", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def locked(name: str, file: Path, marker: str = "") -> str:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{name}==1.0{marker} \\\n    --hash=sha256:{digest}\n    # via dragoman\n"


def test_a_bundle_has_what_each_python_needs_whatever_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package is locked for each version of Python alone; the builder is one of them."""
    index = tmp_path / "index"
    index.mkdir()
    entries = []
    for version in release.PYTHONS:
        name = f"only_{version.replace('.', '_')}"
        marker = f" ; python_full_version >= '{version}' and python_full_version < '{version}.99'"
        entries.append(locked(name, releases.small_wheel(index, name), marker))
    entries.append(
        locked("elsewhere", releases.small_wheel(index, "elsewhere"), " ; sys_platform == 'win32'")
    )
    entries.append(locked(release.SOURCES_ONLY, _sources(index, release.SOURCES_ONLY)))
    (tmp_path / "tree" / "requirements").mkdir(parents=True)
    (tmp_path / "tree" / "requirements" / "runtime.lock").write_text("".join(entries))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    with releases.committed():
        build = release.Build(tmp_path / "work", home_url="")
    build.work.mkdir()
    wheels = build.wheels(tmp_path / "tree")
    names = {path.name.split("-")[0] for path in wheels.iterdir()}
    assert names == {"only_3_11", "only_3_12", "only_3_13", release.SOURCES_ONLY}


def _sources(index: Path, name: str) -> Path:
    folder = index / f"{name}-1.0"
    folder.mkdir()
    (folder / f"{name}.py").touch()
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\n'
    )
    archive = index / f"{name}-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name)
    return archive


def test_a_bundle_that_lacks_a_wheel_for_one_python_is_not_released(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noticed where no such Python is here, too."""
    monkeypatch.setattr(release, "interpreter", lambda _: None)
    with releases.committed():
        build = release.Build(tmp_path, home_url="")
    build.tried(bundle)
    (bundle / "wheels" / "needed_before-1.0-py3-none-any.whl").unlink()
    releases.finished(bundle)
    with pytest.raises(release.NotReleased, match=r"--python-version 3\.11 (?s:.*)needed.before"):
        build.tried(bundle)


def test_a_bundle_is_not_released_unless_every_python_here_runs_it(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with releases.committed():
        build = release.Build(tmp_path, home_url="")
    monkeypatch.setattr(release, "interpreter", HERE.get)
    build.tried(bundle)
    assert {path.name for path in tmp_path.glob("installed-*")} == {
        f"installed-{version}" for version in HERE
    }
    monkeypatch.setattr(release, "PYTHONS", (release.PYTHONS[-1],))
    releases.small_wheel(bundle / "wheels", "dragoman", module="def main(): raise SystemExit(3)\n")
    releases.finished(bundle)
    build.work = tmp_path / "again"
    build.work.mkdir()
    with pytest.raises(release.NotReleased, match="Nothing was installed") as refusal:
        build.tried(bundle)
    assert not [*build.work.glob("installed-*")]
    named = re.search(r"named after the directory:((?: python[\d.]+)+)$", str(refusal.value))
    assert named, refusal.value
    for python in named[1].split():
        code = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
        shown = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
        assert shown.stdout.strip() in {"3.11", "3.12", "3.13"}


def test_an_environment_works_in_its_place_and_is_left_as_it_is(
    bundle: Path, tmp_path: Path
) -> None:
    """Check that no file names the temporary folder, and that a second call changes nothing."""
    target = tmp_path / "opt of ours" / "dragoman"
    target.mkdir(parents=True)
    done = install(bundle, target, sys.executable)
    assert done.returncode == 0, done.stderr
    assert f"Next: {target}/bin/dragoman quickstart" in done.stdout
    for program in ("dragoman --version", "pip --version", "python -c 'import dragoman'"):
        subprocess.run(f"'{target}'/bin/{program}", shell=True, check=True, capture_output=True)
    activated = f". '{target}/bin/activate'; command -v dragoman; dragoman --version"
    shown = subprocess.run(["bash", "-c", activated], check=True, capture_output=True, text=True)
    assert shown.stdout == f"{target}/bin/dragoman\n1.0\n"
    assert not Path(f"{target}.new").exists()
    for path in [target / "pyvenv.cfg", *(target / "bin").iterdir()]:
        assert path.is_symlink() or f"{target}.new".encode() not in path.read_bytes(), path
    before = {path: path.lstat().st_mtime_ns for path in target.rglob("*")}
    again = install(bundle, target)
    assert again.returncode == 1 and f"{target} exists" in again.stderr
    assert {path: path.lstat().st_mtime_ns for path in target.rglob("*")} == before


def test_a_damaged_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    (bundle / "requirements.txt").write_text("changed")
    done = install(bundle, tmp_path / "target")
    assert done.returncode == 1 and "damaged" in done.stderr
    assert [*tmp_path.iterdir()] == [bundle]


def test_a_python_that_does_not_fit_is_refused_before_anything_is_written(
    bundle: Path, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("dirname", "pwd", "echo"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    (programs / "python3").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python3").chmod(0o755)
    nothing = install(bundle, tmp_path / "target", path=str(programs))
    assert nothing.returncode == 1 and "apt-get install python3-venv" in nothing.stderr
    fitting = f"python3.{sys.version_info.minor}"
    (programs / fitting).symlink_to(sys.executable)
    named = install(bundle, tmp_path / "target", "python3", path=str(programs))
    assert named.returncode == 1
    assert f"can be named after the directory: {fitting}\n" in named.stderr
    assert not (tmp_path / "target").exists()


def test_the_installer_takes_the_pythons_of_the_bundle() -> None:
    (versions,) = re.findall(r'^versions="(.*)"$', INSTALLER.read_text(), re.MULTILINE)
    assert tuple(versions.split()) == release.PYTHONS
