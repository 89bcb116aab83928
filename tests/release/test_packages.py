"""The packages of a release: equal wherever they are built, whole, and signed."""

import email
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from build_hook import index_page

import release
import releases
from dragoman.cli import app
from needed import needed
from read_files import RELEASED
from releases import Built

pytestmark = pytest.mark.xdist_group("release")
VENDOR = "dragoman/console/static/vendor"


@pytest.mark.reads(*RELEASED)
def test_a_build_that_depends_on_its_place_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with releases.committed():
        build = release.Build(tmp_path / "work", home_url="")
        build.work.mkdir()
        tree = build.tree
        monkeypatch.setattr(build, "tree", lambda name: _with_its_place(tree(name)))
        with pytest.raises(release.NotReleased, match=r"two builds of .* differ"):
            build.twice()


def _with_its_place(tree: Path) -> Path:
    module = tree / "services/dragoman/__init__.py"
    module.write_text(f"{module.read_text()}\nPLACE = {tree.name!r}\n")
    return tree


@pytest.mark.reads(*RELEASED)
def test_the_packages_have_all_that_an_installation_needs(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = set(wheel.namelist())
    tree = {
        str(path.relative_to(releases.ROOT / root))
        for root in ("services", "schemas")
        for path in (
            releases.ROOT / root / ("dragoman" if root == "services" else "dragoman_schemas")
        ).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert tree <= names
    assert {
        f"{VENDOR}/swagger-ui.css",
        f"{VENDOR}/land.json",
        f"{VENDOR}/land.LICENSE.txt",
    } <= names
    assert {Path(name).parts[0].partition("-")[0] for name in names} == {
        "dragoman",
        "dragoman_schemas",
    }
    with tarfile.open(built.sdist) as sdist:
        sources = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"README.md", "deploy/release/build_hook.py", f"services/{VENDOR}/land.json"} <= sources


@pytest.mark.reads(*RELEASED)
def test_the_page_of_an_index_shows_its_pictures(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        page = email.message_from_bytes(wheel.read(name))
    text = str(page.get_payload())
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)#\s]+)\)", text)
    assert len([link for picture, link in links if picture]) >= 2
    for _, link in links:
        assert link.startswith("https://"), link
        if link.startswith(releases.HOME_URL):
            assert (releases.ROOT / link.removeprefix(releases.HOME_URL).lstrip("/")).exists(), link
    assert page["License-Expression"] == "Apache-2.0" and page["Requires-Python"] == ">=3.11"


def test_a_page_without_an_address_has_no_dead_links() -> None:
    text = "Read [this](docs/a.md) and [that](https://b.example).\n![a picture](docs/p.png)\n"
    assert index_page(text, "") == "Read this and [that](https://b.example).\n\n"


@pytest.mark.reads(*RELEASED)
def test_the_manual_page_and_completions_name_every_command(tmp_path: Path) -> None:
    page = release.manual().decode()
    assert '.TH "dragoman" "1"' in page
    release.completions(tmp_path / "completions")
    names = {name for name in app if not name.startswith("-")}
    assert len(names) > 30
    for name in names:
        assert name.replace("-", "\\-") in page or name in page, name
        for path in (tmp_path / "completions").iterdir():
            assert name in path.read_text(), (name, path)
    script = f'source {tmp_path}/completions/dragoman.bash; COMP_WORDS=(dragoman quick); COMP_CWORD=1; $(complete -p dragoman | grep -o "[-]F [^ ]*" | cut -c4-) dragoman quick dragoman; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["quickstart"], done


@pytest.mark.reads(*RELEASED)
def test_the_components_do_not_depend_on_the_python_that_builds(tmp_path: Path) -> None:
    """Each version of Python brings other versions of pip and setuptools."""
    python = tmp_path / "environment" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "environment"], check=True)
    wheel = releases.small_wheel(tmp_path, "needs_pip", "pip")
    subprocess.run([python, "-m", "pip", "install", "--no-index", "-q", wheel], check=True)
    text = release.sbom(python, releases.ROOT, "1.0")
    names = {part["name"] for part in json.loads(text)["components"]}
    assert "swagger-ui-dist" in names and any("needs" in name for name in names)
    assert re.findall(r'"(?:pip|setuptools)==[^"]*"', text) == []


def test_the_changes_are_those_of_the_version() -> None:
    text = "# Changelog\n\n## Unreleased\n\nnew\n\n## 1.2.0, 1 May\n\nold\n\n## 1.1.0\n\nolder\n"
    assert release.changes(text, "1.2.0", candidate=False) == "# Dragoman 1.2.0\n\nold\n"
    assert release.changes(text, "1.3.0", candidate=True) == "# Dragoman 1.3.0\n\nnew\n"
    with pytest.raises(release.NotReleased, match=r"## 1\.3\.0"):
        release.changes(text, "1.3.0", candidate=False)


@pytest.mark.reads(*RELEASED)
def test_a_release_is_of_a_commit_and_goes_into_an_empty_folder(tmp_path: Path) -> None:
    with releases.committed() as tree:
        (tmp_path / "something").touch()
        with pytest.raises(release.NotReleased, match="not empty"):
            release.release(tmp_path, candidate=True)
        (tree / "README.md").write_text("changed")
        with pytest.raises(release.NotReleased, match="not committed"):
            release.release(tmp_path / "dist", candidate=True)


def test_checksums_and_their_signature_notice_a_changed_byte(tmp_path: Path) -> None:
    minisign = needed("minisign")
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "dragoman.whl").write_bytes(b"a wheel")
    release.checksums(dist, list(dist.iterdir()))
    subprocess.run(
        [minisign, "-G", "-W", "-p", f"{tmp_path}/key.pub", "-s", f"{tmp_path}/key"],
        check=True,
        capture_output=True,
    )
    release.signed(dist / "SHA256SUMS", tmp_path / "key", "0.0.0")
    verify = [minisign, "-V", "-q", "-p", f"{tmp_path}/key.pub", "-m", f"{dist}/SHA256SUMS"]
    check = ["sha256sum", "--quiet", "--check", "SHA256SUMS"]
    assert subprocess.run(verify, check=False).returncode == 0
    assert subprocess.run(check, cwd=dist, check=False).returncode == 0
    (dist / "dragoman.whl").write_bytes(b"A wheel")
    assert subprocess.run(check, cwd=dist, check=False, capture_output=True).returncode != 0
    release.checksums(dist, [dist / "dragoman.whl"])
    assert subprocess.run(verify, check=False, capture_output=True).returncode != 0


@pytest.mark.timeout(1800)
def test_a_whole_release_installs_without_a_network_and_is_the_same_again(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release itself is refused unless every Python that is here installs it."""
    if not request.config.getoption("--long"):
        pytest.skip("takes minutes, and needs the registries: --long")
    first, second = tmp_path / "first", tmp_path / "second"
    with releases.committed():
        release.release(first, home_url=releases.HOME_URL, candidate=True)
        monkeypatch.setattr(release.Build, "tried", lambda *_: None)
        release.release(second, home_url=releases.HOME_URL, candidate=True)
    assert (first / "SHA256SUMS").read_text() == (second / "SHA256SUMS").read_text()
    (archive,) = first.glob("*-offline-*.tar.gz")
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    (wheel,) = [name for name in names if "/wheels/typing_extensions-" in name]
    assert any(name.endswith("/schemas/published/openapi.json") for name in names)
    assert wheel.endswith(".whl"), "Python 3.11 and 3.12 need it, and 3.13 does not"
    components = json.loads(next(first.glob("*-sbom.cdx.json")).read_text())["components"]
    assert {"aiohttp", "nats-py", "swagger-ui-dist", "world-atlas"} <= {
        part["name"] for part in components
    }
    for path in first.iterdir():
        if path.suffix in {".json", ".txt", ".md"}:
            assert str(tmp_path) not in path.read_text()
