"""The page about clusters, word for word: its commands on five machines, one after the other."""

import os
import re
import shutil
from pathlib import Path

import pytest

from machines import Machine, blocks_of, connected_machines
from netns import NoNamespaces
from patience import PATIENCE_S

FOLDER = Path(__file__).parents[2] / "deploy" / "nats" / "cluster"
ADDRESS = re.compile(r"\| (`[^|]+) \| ([0-9., ]+) \|")


def addresses() -> dict[str, str]:
    """The machines of the page, and the address that it gives each."""
    found: dict[str, str] = {}
    for names, numbers in ADDRESS.findall((FOLDER / "README.md").read_text()):
        found |= dict(zip(re.findall(r"`(\w+)`", names), numbers.split(", "), strict=True))
    return found


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_commands_make_a_host_of_three_nodes_and_two_gateways(tmp_path: Path) -> None:
    blocks = blocks_of(FOLDER / "README.md")
    assert {"g1", "g2", "n1", "n2", "n3"} == addresses().keys()
    try:
        with connected_machines(tmp_path, addresses(), f"r{os.getpid() % 10000}") as machines:
            work = machines["g1"].folder / "work"
            shutil.rmtree(work)
            shutil.copytree(FOLDER, work)
            for block in blocks:
                ending, staying = block.parts
                for name in block.machines:
                    machine = machines[name]
                    if block.waits:
                        machine.until(ending)
                        continue
                    carried_out(machine, ending)
                    for command in staying:
                        machine.start(command)
                if any("serve gateway" in command for command in staying):
                    machine.until("curl -sf http://127.0.0.1:8470/readyz")
            signed(machines["g2"])
    except NoNamespaces as error:
        pytest.skip(f"network namespaces are needed: {error}")


def carried_out(machine: Machine, script: str) -> None:
    """Run commands that end; the one place that the page leaves open is a process id."""
    node = machine.running[0] if machine.running else None
    done = machine.run(script.replace("=PID", f"={node.pid}" if node is not None else "=PID"))
    assert done.returncode == 0, (machine.name, script, done.stdout, done.stderr, machine.output)
    if node is not None and "ldm" in script:
        node.wait(PATIENCE_S)
        machine.running.remove(node)


def signed(machine: Machine) -> None:
    """Assert that the head of the channel that was opened at the second gateway is signed."""
    machine.until(
        'curl -sf -H "Authorization: Bearer $(cat adm-1.token)" '
        "http://127.0.0.1:8470/v1/channels/north-south/log/checkpoint"
    )
