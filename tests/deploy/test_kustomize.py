"""The files for Kubernetes: kustomize builds them, the published schemas take them, and every
container's command runs with its environment, its secrets and its folders.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from containers import DEPLOY, PATH, Containers, hosts_file
from machines import Machine, connected_machines
from needed import needed
from netns import NoNamespaces

_OVERLAYS = ("one", "cluster")
_MONITOR = "http://127.0.0.1:{port}{path}"


@pytest.fixture
def built(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    """The objects of each overlay."""
    kustomize = needed("kustomize")
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    overlays = tmp_path / "deploy" / "kustomize" / "overlays"
    subprocess.run(
        ["sh", overlays / "cluster" / "prepare.sh"],
        env={**os.environ, "PATH": PATH}, check=True, capture_output=True,
    )  # fmt: skip
    found = {}
    for overlay in _OVERLAYS:
        text = subprocess.run(
            [kustomize, "build", overlays / overlay], capture_output=True, text=True, check=True
        ).stdout
        (tmp_path / f"{overlay}.yaml").write_text(text)
        found[overlay] = list(yaml.safe_load_all(text))
    return found


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod by its name, with its specification."""
    for each in objects:
        if each["kind"] == "StatefulSet":
            for number in range(each["spec"]["replicas"]):
                yield f"{each['metadata']['name']}-{number}", each["spec"]["template"]["spec"]


@pytest.mark.reads("deploy/kustomize/**", "deploy/nats/cluster/**", "requirements/dev.lock")
def test_the_schemas_take_every_object(
    built: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    validate = Path(sys.executable).parent / "kubernetes-validate"
    for overlay in _OVERLAYS:
        path = tmp_path / f"{overlay}.yaml"
        done = subprocess.run(
            [validate, "--strict", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        path.write_text(path.read_text().replace("replicas:", "replicaz:", 1))
        wrong = subprocess.run([validate, "--strict", path], capture_output=True, check=False)
        assert wrong.returncode != 0, "an unknown member is refused"


def test_every_container_is_closed_and_watched(built: dict[str, list[dict[str, Any]]]) -> None:
    for objects in built.values():
        for name, pod in pods(objects):
            assert pod["securityContext"]["runAsNonRoot"], name
            assert pod["automountServiceAccountToken"] is False
            for container in (*pod["containers"], *pod.get("initContainers", ())):
                context = container["securityContext"]
                assert context["readOnlyRootFilesystem"], name
                assert context["allowPrivilegeEscalation"] is False
                assert context["capabilities"] == {"drop": ["ALL"]}
            for container in pod["containers"]:
                assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
        labels = [
            each["spec"]["template"]["metadata"]["labels"]
            for each in objects
            if each["kind"] == "StatefulSet"
        ]
        for policy in (each for each in objects if each["kind"] == "NetworkPolicy"):
            wanted = policy["spec"]["podSelector"]["matchLabels"].items()
            assert any(wanted <= label.items() for label in labels), policy["metadata"]["name"]


class Cluster(Containers):
    """Pods as containers: what their volumes hold is written to folders."""

    def __init__(
        self,
        folder: Path,
        objects: list[dict[str, Any]],
        machines: dict[str, Machine],
        hosts: Path,
    ) -> None:
        self.pods = dict(pods(objects))
        self._held = {
            (each["kind"], each["metadata"]["name"]): _content(each)
            for each in objects
            if each["kind"] in ("ConfigMap", "Secret")
        }
        self._folder = folder
        services: dict[str, Any] = {}
        for name, pod in self.pods.items():
            volumes: dict[str, Path] = {
                each["name"]: self._placed(name, each) for each in pod["volumes"]
            }
            volumes["data"] = folder / "data" / name
            volumes["data"].mkdir(parents=True)
            for container in (*pod.get("initContainers", ()), *pod["containers"]):
                key = name if container in pod["containers"] else f"{name}-init"
                services[key] = _service(name, container, volumes)
        super().__init__(folder, machines, hosts, services)

    def _placed(self, pod: str, volume: dict[str, Any]) -> Path:
        folder: Path = self._folder / "volumes" / pod / volume["name"]
        folder.mkdir(parents=True)
        held: dict[str, bytes] = {}
        if "configMap" in volume:
            held = self._held["ConfigMap", volume["configMap"]["name"]]
        elif "secret" in volume:
            held = self._held["Secret", volume["secret"]["secretName"]]
        for name, content in held.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
        return folder


def _content(each: dict[str, Any]) -> dict[str, bytes]:
    if each["kind"] == "Secret":
        return {name: base64.b64decode(text) for name, text in each["data"].items()}
    return {name: text.encode() for name, text in each["data"].items()}


def _service(pod: str, container: dict[str, Any], volumes: dict[str, Path]) -> dict[str, Any]:
    """A container as a compose file would have it."""
    mounts = [
        {
            "type": "bind",
            "source": str(volumes[each["name"]] / each.get("subPath", "")),
            "target": each["mountPath"],
        }
        for each in container["volumeMounts"]
    ]
    values = {
        each["name"]: each.get("value", pod)  # a field reference here is the name of the pod
        for each in container.get("env", ())
    }
    return {
        "image": "dragoman",
        "entrypoint": container.get("command"),
        "command": container.get("args"),
        "environment": values,
        "volumes": sorted(mounts, key=lambda mount: len(mount["target"])),
    }


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_pods_of_the_cluster_start_find_each_other_and_open_a_channel(
    built: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    objects = built["cluster"]
    names = [name for name, _ in pods(objects)]
    addresses = {name: f"10.78.0.{place}" for place, name in enumerate(names, 1)}
    dns = {
        f"{name}.nats" if name.startswith("nats-") else name: at for name, at in addresses.items()
    }
    hosts = hosts_file(tmp_path / "hosts", dns)
    with ExitStack() as stack:
        try:
            machines = stack.enter_context(
                connected_machines(tmp_path / "machines", addresses, f"k{os.getpid() % 10000}")
            )
        except NoNamespaces as error:
            pytest.skip(f"network namespaces are needed: {error}")
        machines |= {f"{name}-init": machine for name, machine in machines.items()}
        folder = tmp_path / "run"
        folder.mkdir()
        cluster = Cluster(folder, objects, machines, hosts)
        stack.callback(cluster.stop)

        def started(*wanted: str) -> None:
            for name in wanted:
                if f"{name}-init" in cluster.services:
                    service = cluster.services[f"{name}-init"]
                    done = cluster.run(f"{name}-init", *service["entrypoint"])
                    assert done.returncode == 0, done.stderr
                cluster.start(name)
            for name in wanted:
                container = cluster.pods[name]["containers"][0]
                ports = {each["name"]: each["containerPort"] for each in container["ports"]}
                for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                    asked = container[probe]["httpGet"]
                    url = _MONITOR.format(port=ports[asked["port"]], path=asked["path"])
                    cluster.until(name, "curl", "-sf", url)

        started("nats-0", "nats-1", "nats-2")
        started("keeper-0", "gateway-0", "scheduler-0", "notifier-0", "signer-0")
        site = tmp_path / "deploy" / "kustomize" / "overlays" / "cluster" / "site"
        token = (site / "operator.token").read_text().strip()
        opening = {"name": "north-south", "sides": ["north", "south"]}
        opened = cluster.run(
            *("gateway-0", "curl", "-s", "-X", "POST", "http://127.0.0.1:8470/v1/channels"),
            *("-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"),
            *("-d", json.dumps(opening)),
        )
        assert '"cid"' in opened.stdout, opened.stdout
        health = _MONITOR.format(port=8479, path="/readyz")
        cluster.until("keeper-0", "curl", "-sf", health, says='"heads are signed","ok":true')
