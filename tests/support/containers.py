"""Containers without a container engine: each service on a machine of its own, with the command, the
environment and the folders that it would have in a container.
"""

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from machines import Machine
from patience import PATIENCE_S
from service import DRAGOMAN

DEPLOY = Path(__file__).parents[2] / "deploy"

PATH = f"{DRAGOMAN.parent}:{os.environ['PATH']}"
ENTRYPOINTS = {"dragoman": ["dragoman"], "prom/prometheus": ["prometheus"]}
"""The entrypoints of the images. Prometheus's volume is a folder of the test."""

_IN_CONTAINER = """set -e
mkdir -p {own}/etc {own}/var
cp -a /etc/. {own}/etc 2>/dev/null || true
cp {hosts} {own}/etc/hosts
mount --bind {own}/etc /etc
mount --bind {own}/var /var/lib
{mounts}
cd {work}
exec env -i PATH={path} HOME={own} {environment} {command}
"""


class Containers:
    """Services as a compose file has them, each on a machine of its own."""

    def __init__(
        self, folder: Path, machines: dict[str, Machine], hosts: Path, services: dict[str, Any]
    ) -> None:
        self.folder = folder
        self.machines = machines
        self.hosts = hosts
        self.services = services
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
            own=own, hosts=self.hosts, mounts="\n".join(mounts), path=shlex.quote(PATH),
            environment=" ".join(shlex.quote(f"{k}={v}") for k, v in variables.items()),
            command=shlex.join(command), work=_home(mounts),
        )  # fmt: skip
        return ["ip", "netns", "exec", self.machines[name].namespace, "sh", "-c", script]

    def start(self, name: str) -> None:
        service = self.services[name]
        default = ENTRYPOINTS.get(service["image"], [])
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

    def stop(self) -> None:
        """Stop what runs."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def hosts_file(path: Path, addresses: dict[str, str]) -> Path:
    """Write the names of all machines, as a cluster's own names would lead to them."""
    names = "".join(f"{at} {name}\n" for name, at in addresses.items())
    path.write_text("127.0.0.1 localhost\n" + names)
    return path


def _home(mounts: list[str]) -> str:
    """The image's working folder, if it is there."""
    return "/var/lib/dragoman" if any("/var/lib/dragoman" in each for each in mounts) else "/"
