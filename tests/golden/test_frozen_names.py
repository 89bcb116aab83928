"""No name on the wire, on disk or in a digest changes unnoticed, and none that an earlier version
wrote is gone.
"""

import ast
import lzma
import re
from pathlib import Path

import pytest

from frozen_names import FILE, PACKAGE, literals_in, names

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_NO_NAMES = [
    "Archive",
    "ArchiveBusy",
    "ArchiveDamaged",
    "Mirror",
    "NotThisChannel",
    "Pinned",
    "Unproven",
    "repair",
    "void",
]
_NO_IMPORTS = [
    "answers 201",
    "header Dragoman-Position",
    "header Preference-Applied",
    "takes text/calendar",
    *(
        f"given .{name}"
        for name in ("channel", "commit", "family", "number", "one_key", "position")
    ),
    *(f"given .{name}" for name in ("time", "standing", "standing.proof")),
    "given .standing.countersigned_by",
]
_FEWER = "0075-fewer-formats-and-guides.md"
RETIRED: dict[str, str] = (
    {
        f"literal: {name}": "0048-the-tree-is-sorted-by-the-words-of-its-field.md"
        for name in _NO_NAMES
    }
    | {
        # A channel-opening may name a later version of the rules, and still names 1.
        "act dragoman.channel-opening.v1: .rules = 1": "0054-rules-are-adopted.md",
        # Marks of a day: which flashes a side had opened.
        "literal: opened.": "0072-openings-are-kept-beside-the-log.md",
        # Keys of saved searches in the bucket of tokens and sessions. Nobody reads them any more.
        "literal: search.": _FEWER,
    }
    | {f"API: POST /v1/channels/{{channel}}/imports {name}": _FEWER for name in _NO_IMPORTS}
    | {"API: GET /v1/channels/{channel}/points-of-contact gives text/calendar": _FEWER}
)
"""Names of an earlier version that are gone, each with the page in docs/decisions that says why
nobody needs them.
"""

_CONFIGURATION = "literal: # Written by `dragoman up` at every start"
"""The beginning of the broker's configuration. Each start writes it anew, so no file of an earlier
version is read. Its users and rights may grow (docs/decisions/0057-a-host-has-one-identity.md).
"""


def test_the_list_of_names_is_that_of_this_program() -> None:
    listed, now = set((ROOT / FILE).read_text().splitlines()), set(names().splitlines())
    told = "a name on the wire, on disk or in a digest changed; if that is meant, `make schemas` lists it anew"
    assert listed == now, f"{told}: gone {sorted(listed - now)[:5]}, new {sorted(now - listed)[:5]}"


@pytest.mark.parametrize("path", sorted(HERE.glob("*/names.xz")), ids=lambda path: path.parent.name)
def test_no_name_of_an_earlier_version_is_gone(path: Path) -> None:
    earlier = set(lzma.decompress(path.read_bytes()).decode().splitlines())
    gone = earlier - set((ROOT / FILE).read_text().splitlines()) - RETIRED.keys()
    gone = {name for name in gone if not name.startswith(_CONFIGURATION)}
    assert not gone, f"old logs, files and callers have these names: {sorted(gone)[:10]}"


def test_every_name_that_is_retired_has_its_decision() -> None:
    assert all((ROOT / "docs" / "decisions" / page).exists() for page in RETIRED.values())


_PREFIX = re.compile(r"dragoman-[a-z-]+/v[0-9]+")
_OF_ONE_FILE = {"dragoman-fold/v1"}
"""The prefix of a digest that only the file of one projection has. Another digest there means that
the file is folded anew.
"""


def test_every_prefix_of_what_is_hashed_is_listed() -> None:
    listed = set(_PREFIX.findall((ROOT / FILE).read_text()))
    written = {
        prefix
        for path in PACKAGE.rglob("*.py")
        for literal in literals_in(ast.parse(path.read_text()))
        for prefix in _PREFIX.findall(literal)
    }
    assert written - _OF_ONE_FILE == listed
