"""The cluster of deploy/compose: its keys, its commands, its folders and its names, each service in a
network namespace of its own as a container would have.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from machines import Machine, connected_machines
from needed import needed
from netns import NoNamespaces
from patience import PATIENCE_S
from service import DRAGOMAN

DEPLOY = Path(__file__).parents[2] / "deploy"
_PATH = f"{DRAGOMAN.parent}:{os.environ['PATH']}"
_ENTRYPOINTS = {"dragoman": ["dragoman"], "prom/prometheus": ["prometheus"]}
"""The entrypoints of the images. Prometheus's volume is a folder of the test."""

_IN_CONTAINER = """set -e
mkdir -p {own}/etc {own}/var
cp -a /etc/. {own}/etc 2>/dev/null || true
cp {hosts} {own}/etc/hosts
mount --bind {own}/etc /etc
mount --bind {own}/var /var/lib
{mounts}
cd /
exec env -i PATH={path} HOME={own} {environment} {command}
"""


class Containers:
    """The services of a compose file, each on a machine of its own."""

    def __init__(self, folder: Path, machines: dict[str, Machine], hosts: Path) -> None:
        self.folder = folder
        self.machines = machines
        self.hosts = hosts
        done = subprocess.run(
            [needed("docker-compose"), "-f", folder / "compose.yaml", "config", "--format", "json"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.services: dict[str, Any] = json.loads(done.stdout)["services"]
        image = (DEPLOY / "image" / "Dockerfile").read_text()
        self.image = dict(re.findall(r"\b(DRAGOMAN_\w+)=(\S+)", image))
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def _script(self, name: str, command: list[str]) -> list[str]:
        service, own = (
            self.services[name],
            self.machines[name].folder / f"root-{time.monotonic_ns()}",
        )
        ours = service["image"] == "dragoman"
        variables = {**(self.image if ours else {}), **service.get("environment", {})}
        mounts = [
            f"mkdir -p $(dirname {each['target']}); "
            + (
                f"mkdir -p {each['target']}"
                if Path(each["source"]).is_dir()
                else f"touch {each['target']}"
            )
            + f"; mount --bind {each['source']} {each['target']}"
            for each in service.get("volumes", ())
            if each["type"] == "bind" and each["target"].startswith(("/etc/", "/var/lib/"))
        ]
        script = _IN_CONTAINER.format(
            own=own, hosts=self.hosts, mounts="\n".join(mounts), path=shlex.quote(_PATH),
            environment=" ".join(shlex.quote(f"{k}={v}") for k, v in variables.items()),
            command=shlex.join(command),
        )  # fmt: skip
        return ["ip", "netns", "exec", self.machines[name].namespace, "sh", "-c", script]

    def start(self, name: str) -> None:
        service = self.services[name]
        default = _ENTRYPOINTS.get(service["image"], [])
        command = [*(service.get("entrypoint") or default), *(service.get("command") or ())]
        command = [word.replace("=/prometheus", f"={self.folder}/tsdb") for word in command]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                self._script(name, command), stdout=log, stderr=log
            )

    def run(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside a service, in its container."""
        return subprocess.run(
            self._script(name, list(command)), capture_output=True, text=True, check=False
        )

    def until(self, name: str, *command: str, says: str = "") -> str:
        """Run a command until it succeeds, and says that."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            done = self.run(name, *command)
            if done.returncode == 0 and says in done.stdout:
                return done.stdout
            ended = {each: process.poll() for each, process in self.running.items()}
            logs = {
                each: (self.folder / f"{each}.log").read_text()[-800:]
                for each, code in ended.items()
                if code is not None
            }
            assert time.monotonic() < deadline and not logs, (name, command, done, logs)
            time.sleep(0.5)

    def healthy(self, name: str) -> None:
        test = self.services[name].get("healthcheck", {}).get("test")
        usual = ["CMD", "dragoman", "health", "--quiet"]  # the image's own
        self.until(name, *(test or usual)[1:])


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Containers]:
    for program in ("docker-compose", "caddy", "prometheus", "openssl", "curl"):
        needed(program)
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    folder = tmp_path / "deploy" / "compose" / "cluster"
    names = [*re.findall(r"(?m)^  (\w+):(?: #.*)?$", (folder / "compose.yaml").read_text())]
    names = [name for name in names if name not in ("proxy", "prometheus", "grafana")]
    addresses = {name: f"10.77.0.{place}" for place, name in enumerate([*names, "proxy"], 1)}
    addresses["prometheus"] = f"10.77.0.{len(addresses) + 1}"
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "127.0.0.1 localhost\n" + "".join(f"{at} {name}\n" for name, at in addresses.items())
    )
    subprocess.run(
        ["sh", folder / "prepare.sh"],
        env={**os.environ, "PATH": _PATH}, check=True, capture_output=True,
    )  # fmt: skip
    with ExitStack() as stack:
        try:
            machines = stack.enter_context(
                connected_machines(tmp_path / "machines", addresses, f"c{os.getpid() % 10000}")
            )
        except NoNamespaces as error:
            pytest.skip(f"network namespaces are needed: {error}")
        made = Containers(folder, machines, hosts)
        try:
            yield made
        finally:
            for process in made.running.values():
                process.send_signal(signal.SIGTERM)
            for process in made.running.values():
                try:
                    process.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@pytest.mark.timeout(600)
def test_the_cluster_of_the_compose_file_serves_through_its_proxy_and_is_watched(
    containers: Containers,
) -> None:
    brokers, services = ("n1", "n2", "n3"), ("g1", "g2", "scheduler", "notifier", "signer")
    for names in (brokers, services, ("proxy", "prometheus")):
        for name in names:
            containers.start(name)
        for name in names if names != ("proxy", "prometheus") else ():
            containers.healthy(name)
    get = ["curl", "-skf", "https://localhost:8443/readyz"]
    health = json.loads(containers.until("proxy", *get))
    assert health["status"] == "ok"
    up = ["curl", "-sf", "http://127.0.0.1:9090/api/v1/query?query=sum(up)"]
    containers.until("prometheus", *up, says='"5"]')
    again = subprocess.run(
        ["sh", containers.folder / "prepare.sh"], capture_output=True, text=True, check=False
    )
    assert again.returncode == 1 and "nothing was made" in again.stderr
