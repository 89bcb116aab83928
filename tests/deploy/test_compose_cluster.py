"""The cluster of deploy/compose: its keys, its commands, its folders and its names, each service in a
network namespace of its own as a container would have.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from containers import DEPLOY, PATH, Containers, hosts_file
from machines import connected_machines
from needed import needed
from netns import NoNamespaces
from read_files import DEPLOYED

pytestmark = pytest.mark.reads(*DEPLOYED)


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
    hosts = hosts_file(tmp_path / "hosts", addresses)
    subprocess.run(
        ["sh", folder / "prepare.sh"],
        env={**os.environ, "PATH": PATH}, check=True, capture_output=True,
    )  # fmt: skip
    with ExitStack() as stack:
        try:
            machines = stack.enter_context(
                connected_machines(tmp_path / "machines", addresses, f"c{os.getpid() % 10000}")
            )
        except NoNamespaces as error:
            pytest.skip(f"network namespaces are needed: {error}")
        done = subprocess.run(
            ["docker-compose", "-f", folder / "compose.yaml", "config", "--format", "json"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        made = Containers(folder, machines, hosts, json.loads(done.stdout)["services"])
        stack.callback(made.stop)
        yield made


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
    site = containers.folder / "site"
    own = [file for file in site.glob("*/*.pem") if file.name != "ca.pem"]
    before = [file.read_bytes() for file in own]
    subprocess.run(["sh", containers.folder / "certificates.sh"], check=True, capture_output=True)
    assert len(own) == len(brokers) + len(services)
    assert all(file.read_bytes() != old for file, old in zip(own, before, strict=True))
    verify: list[str | Path] = ["openssl", "verify", "-CAfile", site / "ca.pem", *own]
    assert subprocess.run(verify, check=False, capture_output=True).returncode == 0
