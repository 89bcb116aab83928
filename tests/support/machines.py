"""Machines of a network of their own, on which the commands of a page run as they stand there.

Each machine is a network namespace with one address, a `/var/lib` of its own and a working folder.
What is missing between them is ssh: `scp` is a program that copies from folder to folder.
"""

import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from netns import add_namespace, ip
from patience import PATIENCE_S
from service import DRAGOMAN

_STAYS: Final = re.compile(r"dragoman serve |nats-server -c ")
_SCP: Final = """#!/bin/sh
# scp FILE… MACHINE:PATH
for last; do :; done
machine=${last%%:*}; path=${last#*:}
while [ $# -gt 1 ]; do
  cp -p "$1" "MACHINES/$machine/lib/${path#/var/lib/}" || exit 1
  shift
done
"""


@dataclass(frozen=True, slots=True)
class Block:
    """The commands of one fence of a page, and the machines on which the page says to run them."""

    machines: tuple[str, ...]
    text: str
    waits: bool
    """True if the page says to wait until the commands succeed."""

    @property
    def parts(self) -> tuple[str, list[str]]:
        """The commands that end, as one script; and those that stay, each after the exports."""
        lines = self.text.splitlines(keepends=True)
        exports = "".join(line for line in lines if line.startswith("export "))
        stay = [exports + "exec " + line for line in lines if _STAYS.match(line)]
        return "".join(line for line in lines if not _STAYS.match(line)), stay


def blocks_of(page: Path) -> list[Block]:
    """Return the commands of a page in order. Each fence follows a line `**On MACHINES**…:`."""
    text = page.read_text()
    found = re.findall(
        r"^\*\*On ([^*]+)\*\*([^\n]*):\n\n```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    assert len(found) == text.count("```") // 2, "a fence does not say on which machine"
    return [
        Block(tuple(re.findall(r"[a-z]+\d", on)), commands, "wait" in how)
        for on, how, commands in found
    ]


@dataclass(slots=True)
class Machine:
    """One machine: its namespace, its folder, and what stays running on it."""

    name: str
    namespace: str
    folder: Path
    environment: Mapping[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def _command(self, script: str) -> list[str]:
        work = f"mount --bind {self.folder}/lib /var/lib && cd {self.folder}/work"
        return ["ip", "netns", "exec", self.namespace, "sh", "-c", f"{work} && {script}"]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run commands that end."""
        return subprocess.run(
            self._command(f"set -e\n{script}"),
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=PATIENCE_S,
            check=False,
        )

    def start(self, script: str) -> None:
        """Start a command that stays."""
        with (self.folder / "output.log").open("ab") as output:
            self.running.append(
                subprocess.Popen(
                    self._command(script), stdout=output, stderr=output, env=self.environment
                )
            )

    def until(self, script: str) -> None:
        """Run commands again and again until they succeed."""
        deadline = time.monotonic() + PATIENCE_S
        while (done := self.run(script)).returncode != 0:
            assert time.monotonic() < deadline, (self.name, script, done.stderr, self.output)
            assert all(process.poll() is None for process in self.running), self.output
            time.sleep(0.2)

    @property
    def output(self) -> str:
        """The end of what the running commands wrote."""
        return (self.folder / "output.log").read_text()[-3000:]

    def stop(self) -> None:
        """Stop what runs."""
        for process in self.running:
            process.send_signal(signal.SIGKILL)
        for process in self.running:
            process.wait(PATIENCE_S)


@contextmanager
def connected_machines(
    folder: Path, addresses: Mapping[str, str], tag: str
) -> Iterator[dict[str, Machine]]:
    """Yield machines on one wire, by name. Nothing of it reaches this machine's own network.

    Raises `NoNamespaces`.
    """
    programs = folder / "bin"
    programs.mkdir(parents=True)
    (programs / "scp").write_text(_SCP.replace("MACHINES", str(folder)))
    (programs / "scp").chmod(0o755)
    path = f"{programs}:{DRAGOMAN.parent}:/usr/sbin:/usr/bin:/sbin:/bin"
    with ExitStack() as stack:
        hub = f"{tag}hub"
        add_namespace(stack, hub)
        ip("-n", hub, "link", "add", "wire", "type", "bridge")
        ip("-n", hub, "link", "set", "wire", "up")
        machines: dict[str, Machine] = {}
        for name, address in addresses.items():
            namespace = f"{tag}{name}"
            add_namespace(stack, namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
            peer = ("peer", "name", "eth0", "netns", namespace)
            ip("-n", hub, "link", "add", name, "type", "veth", *peer)
            ip("-n", hub, "link", "set", name, "master", "wire", "up")
            ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", namespace, "link", "set", "eth0", "up")
            home = folder / name
            for part in ("lib/nats", "lib/dragoman", "work", "home"):
                (home / part).mkdir(mode=0o700, parents=True)
            machines[name] = Machine(
                name, namespace, home, {"PATH": path, "HOME": str(home / "home"), "LANG": "C.UTF-8"}
            )
            stack.callback(machines[name].stop)
        yield machines
