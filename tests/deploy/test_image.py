"""The image: built without a network from the wheels alone, and run as it says itself, on a root that
it cannot write. It needs buildah and mmdebstrap, root, and a minute: with `--long`.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from needed import needed
from patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
_BASE, _IMAGE = "localhost/dragoman-base:test", "localhost/dragoman:test"
_RUN = """set -e
ip link set lo up
mount --bind {root} {root}
mount -o remount,ro,bind {root}
mount -t tmpfs tmpfs {root}/tmp
mount --bind {data} {root}/var/lib/dragoman
mount --bind /proc {root}/proc
mount --bind /dev {root}/dev
exec chroot --userspec={user} {root} env -i {environment} {command}
"""


def limits() -> list[str]:
    """Limits that a container may have here: those of this process."""
    found = []
    for name, kind in (("nproc", resource.RLIMIT_NPROC), ("nofile", resource.RLIMIT_NOFILE)):
        _, most = resource.getrlimit(kind)
        found.append(f"--ulimit={name}={most}:{most}")
    return found


def carried_out(*command: object, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "STORAGE_DRIVER": "vfs"},
    )
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout.strip()


@dataclass
class Image:
    root: Path
    config: dict[str, Any]

    def run(self, data: Path, *command: str) -> subprocess.Popen[str]:
        """Run a command as the image says, in a network of its own."""
        words = [*self.config["Entrypoint"], *(command or self.config["Cmd"])]
        script = _RUN.format(
            root=self.root,
            data=data,
            user=self.config["User"],
            environment=" ".join(f"'{each}'" for each in self.config["Env"]),
            command=" ".join(words),
        )
        return subprocess.Popen(
            ["unshare", "--mount", "--net", "sh", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def inside(self, process: subprocess.Popen[str], *command: str) -> int:
        """Run a command beside a running one; its exit code."""
        chroot = ["chroot", f"--userspec={self.config['User']}", str(self.root)]
        return subprocess.run(
            [
                *("nsenter", "--target", str(process.pid), "--mount", "--net", *chroot),
                *("env", "-i", *self.config["Env"], *command),
            ],
            check=False,
        ).returncode


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    buildah = needed("buildah")
    folder = tmp_path_factory.mktemp("image")
    carried_out("make", "wheels")
    base = folder / "base.tar"
    packages = "--include=python3,python3-venv"
    carried_out(needed("mmdebstrap"), "--quiet", "--variant=minbase", packages, "trixie", base)
    empty = carried_out(buildah, "from", *limits(), "scratch")
    carried_out(buildah, "add", "--quiet", empty, base, "/")
    carried_out(buildah, "commit", "--quiet", "--rm", empty, _BASE)
    carried_out(
        *("unshare", "--net", buildah, "build", "--quiet", "--format=docker"),
        *("--isolation=chroot", "--network=host", *limits(), f"--build-arg=BASE={_BASE}"),
        *("--file=deploy/image/Dockerfile", f"--tag={_IMAGE}", "."),
    )
    container = carried_out(buildah, "from", *limits(), _IMAGE)
    try:
        described = json.loads(carried_out(buildah, "inspect", "--type=image", _IMAGE))
        root = Path(carried_out(buildah, "mount", container))
        yield Image(root, described["Docker"]["config"])
    finally:
        carried_out(buildah, "rm", container)
        carried_out(buildah, "rmi", "--force", _IMAGE, _BASE)
        shutil.rmtree(ROOT / "build" / "wheels")


@pytest.mark.timeout(600)
def test_the_image_runs_as_nobody_special_is_healthy_and_stops(
    request: pytest.FixtureRequest,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if not pytestconfig.getoption("long"):
        pytest.skip("only with --long")
    image: Image = request.getfixturevalue("image")
    assert image.config["User"] == "10001:10001"
    data = tmp_path_factory.mktemp("volume")
    data.chmod(0o700)
    shutil.chown(data, 10001, 10001)
    process = image.run(data)
    try:
        check = image.config["Healthcheck"]["Test"][1:]
        deadline = time.monotonic() + PATIENCE_S
        while image.inside(process, *check) != 0:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.5)
        assert image.inside(process, "touch", "/opt/dragoman/written") != 0, "the root is read only"
        assert image.inside(process, "touch", "/var/lib/dragoman/written") == 0
        assert image.inside(process, "dragoman", "doctor", "--data", "/var/lib/dragoman") in (0, 1)
        process.send_signal(getattr(signal, image.config["StopSignal"]))
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output
    assert '"event":"service.stopped"' in output
    assert "Traceback" not in output


def test_the_readme_says_what_the_file_does() -> None:
    file = (ROOT / "deploy" / "image" / "Dockerfile").read_text()
    readme = (ROOT / "deploy" / "image" / "README.md").read_text()
    for fact in ("10001", "/var/lib/dragoman", "8470"):
        assert fact in file and fact in readme
    assert not re.search(r"\b(curl|wget|apt-get|https?://)", file.partition("FROM")[2])
    assert (ROOT / ".dockerignore").read_text().splitlines()[-2:] == ["*", "!build/wheels"]
