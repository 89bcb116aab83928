"""The compose file: docker-compose takes it, it names what the image has, and it is as closed as the
image allows.
"""

import json
import subprocess
from pathlib import Path

import pytest

from needed import needed

COMPOSE = Path(__file__).parents[2] / "deploy" / "compose"
DOCKERFILE = Path(__file__).parents[2] / "deploy" / "image" / "Dockerfile"


@pytest.mark.parametrize(
    "path", sorted(COMPOSE.glob("*/compose.yaml")), ids=lambda p: p.parent.name
)
def test_a_compose_file_is_taken_and_closed(path: Path) -> None:
    done = subprocess.run(
        [needed("docker-compose"), "-f", path, "config", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    image = DOCKERFILE.read_text()
    ours = [
        service
        for service in json.loads(done.stdout)["services"].values()
        if service["image"] == "dragoman"
    ]
    assert ours
    for service in ours:
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(
            each["target"] in ("/var/lib/dragoman", "/var/lib/nats") or each["read_only"]
            for each in service["volumes"]
        ), "nothing else is written"
        assert all(
            each["host_ip"] == "127.0.0.1" and f"EXPOSE {each['target']}" in image
            for each in service.get("ports", ())
        )


def test_one_host_runs_what_the_image_runs_by_itself() -> None:
    text = (COMPOSE / "one" / "compose.yaml").read_text()
    assert 'command: ["up"]' in text and 'CMD ["up"]' in DOCKERFILE.read_text()
    assert "VOLUME /var/lib/dragoman" in DOCKERFILE.read_text()
