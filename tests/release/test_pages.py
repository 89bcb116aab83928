"""README and the operating pages, carried out literally with the wheel, outside of the checkout."""

import json
import re
import sys
from pathlib import Path

import pytest

import release
from dragoman import __version__
from needed import needed
from page_walks import blocks_of, patterns_of, walk
from read_files import RELEASED
from releases import ROOT, Built, bare
from service import NOTE

pytestmark = pytest.mark.xdist_group("release")
README, OPERATING = ROOT / "README.md", sorted((ROOT / "docs").glob("operating*.md"))


@pytest.fixture(autouse=True)
def _machines() -> None:
    """Each walk has a network and processes of its own."""
    for program in ("ip", "unshare", "curl", "age-keygen"):
        needed(program)


def printed(blocks: list[str], outputs: list[str], command: str) -> str:
    """The output of the blocks that have a command."""
    return "".join(
        output for block, output in zip(blocks, outputs, strict=True) if command in block
    )


@pytest.mark.reads(*RELEASED, "services/dragoman/backup/**")
def test_readme_leads_from_nothing_to_a_proof(installed: Path, tmp_path: Path) -> None:
    _walk_readme(installed, tmp_path / "walk")


@pytest.mark.reads(*RELEASED, "services/dragoman/backup/**")
def test_readme_does_with_the_other_tested_python(built: Built, tmp_path: Path) -> None:
    """The oldest and the newest tested Python, whichever of them runs the tests."""
    oldest, *_, newest = release.PYTHONS
    other = oldest if f"3.{sys.version_info.minor}" == newest else newest
    python = release.interpreter(other)
    if python is None:
        pytest.skip(f"Python {other} is not here")
    _walk_readme(bare(tmp_path / "environment", built.wheel, python), tmp_path / "walk")


def _walk_readme(installed: Path, folder: Path) -> None:
    blocks = blocks_of(README)
    outputs = walk(blocks, folder, installed)
    assert "the token speaks for south/d-1 in border-desk" in printed(
        blocks, outputs, "context add"
    )
    shown = printed(blocks, outputs, "dragoman show")
    assert "FLASH" in shown
    (row,) = re.findall(r"^hazardous-incident  south  (\S+)  (\S+)", shown, re.MULTILINE)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", moment) for moment in row)
    assert "the replay and the gateway agree" in printed(blocks, outputs, "audit replay")
    answers = printed(blocks, outputs, "curl")
    posted, end = json.JSONDecoder().raw_decode(answers)
    state, _ = json.JSONDecoder().raw_decode(answers[end:].lstrip())
    assert re.fullmatch(r"BORDER-DESK/NORTH/\d\d/0002/.*", posted["number"])
    assert posted["number"] in {row["number"] for row in state["unacknowledged"]}
    assert "NORTH-SOUTH/NORTH/" in printed(blocks, outputs, "post near-miss.json --data office")
    assert "collision-2001" in printed(blocks, outputs, "--scenario")


def test_readme_begins_with_what_a_checkout_needs() -> None:
    text = README.read_text()
    checkout, bundle = (
        text.index(f"\n## {title}") for title in ("From a checkout", "Five minutes")
    )
    assert text.index("\n## ") == checkout < bundle
    commands = re.findall(r"^make (\w+)", patterns_of(README)[0], re.MULTILINE)
    assert commands == ["run", "test"]
    targets = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {*commands, *re.findall(r"`make (\w+)", text)} <= set(targets)
    for command in commands:
        (row,) = re.findall(rf"^\| `make {command}` \| (.+) \| (.+) \|$", text, re.MULTILINE)
        assert all(row)


def test_readme_installs_what_a_release_has() -> None:
    (install,) = (block for block in patterns_of(README) if "install.sh" in block)
    bundle = f"dragoman-{__version__}-offline-x86_64"
    assert f"tar -xzf {bundle}.tar.gz\n{bundle}/install.sh dragoman-env\n" in install


@pytest.mark.reads(*RELEASED, "services/dragoman/backup/**")
def test_a_host_is_lost_and_restored_by_the_pages_alone(installed: Path, tmp_path: Path) -> None:
    blocks = [block for page in OPERATING for block in blocks_of(page)]
    data, backups = tmp_path / "host", tmp_path / "backups"
    before = [
        f"dragoman quickstart border-desk --data {data}\n",
        f"""cat > note.json <<'END'
{json.dumps({**NOTE, "subject": "Before"})}
END
dragoman post note.json --data {data} --token-file {data}/tokens/north-d-1 > number.txt
""",
    ]
    restored = next(index for index, block in enumerate(blocks) if "dragoman restore" in block)
    lost = f"""pkill -KILL -f 'dragoman quickstart'
pkill -KILL nats-server || true  # it may have ended with the service
while pgrep nats-server; do sleep 0.1; done
cp -r {data}/tokens tokens && rm -r {data}
"""
    after = 'dragoman show "$(cat number.txt)" --data DATA --token-file tokens/south-d-1\n'
    # The pages' other blocks come before the loss, in which a support archive is made as well.
    earlier = [block for block in blocks[:restored] if not block.startswith("dragoman support")]
    later = blocks[restored : restored + 2]
    rest = blocks[restored + 2 :]
    steps = [*before, *earlier, lost, *later, after.replace("DATA", str(data)), *rest]
    outputs = walk(
        steps,
        tmp_path / "walk",
        installed,
        {"/var/lib/dragoman": data, "/backups/office": backups},
    )
    assert len(blocks) >= 7 and any("dragoman support" in block for block in rest)
    shown = outputs[steps.index(after.replace("DATA", str(data)))]
    assert "Before" in shown and "from north to south" in shown


@pytest.mark.parametrize("page", [README, *OPERATING], ids=lambda page: str(page.stem))
def test_every_other_block_names_what_the_reader_puts_in(page: Path) -> None:
    """A block is carried out, or it has a placeholder or an example name, or is not for a shell."""
    for block in patterns_of(page):
        is_outline = re.search(r"\b[A-Z]{3,}\b|\bexample\b|\.json|^make |install\.sh|──", block)
        assert is_outline, block
