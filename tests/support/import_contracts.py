"""Two contracts about imports in services and schemas, as a part of `make check`.

    python tests/support/import_contracts.py

1. Nobody imports a private name, such as `_row`, from another module.
2. No two folders import each other. The pairs that do are listed in `folder_pairs.txt`. A new pair
fails, and so does a listed pair that is gone: delete its line.

The modules directly in `dragoman` are no folder: `pyproject.toml` gives each a layer of its own.
"""

import sys
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from import_graph import imports_of, paths_of

ROOT: Final = Path(__file__).parents[2]
DEBT: Final = Path(__file__).with_name("folder_pairs.txt")
_LAYERED: Final = "services/dragoman"


def faults(root: Path, debt: Collection[str]) -> Iterator[str]:
    """Yield each broken contract, with the reason and what to do."""
    paths = {
        name: path
        for name, path in paths_of(root).items()
        if path.startswith(("services/", "schemas/"))
        and not name.startswith(("services.", "schemas."))
    }
    crossings: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted(paths.values()):
        for line, module, name in imports_of((root / path).read_text()):
            imported = paths.get(f"{module}.{name}") or paths.get(module)
            if imported is None or imported == path:
                continue
            if name.startswith("_") and not name.startswith("__") and imported == paths.get(module):
                yield (
                    f"{path}:{line}: {name} is private to {module}. Give it a public name there, "
                    "or move what needs it."
                )
            folders = str(Path(path).parent), str(Path(imported).parent)
            if folders[0] != folders[1] and _LAYERED not in folders:
                crossings[folders].append(f"{path}:{line} imports {imported}")
    mutual = {pair for pair in crossings if pair[::-1] in crossings and pair[0] < pair[1]}
    known = {" ".join(pair): pair for pair in mutual}
    for pair in sorted(known.keys() - set(debt)):
        one, other = crossings[known[pair]], crossings[known[pair][::-1]]
        yield (
            f"{pair}: these folders import each other, so neither can be read or tested first. "
            f"The smaller side begins at {min(one, other, key=len)[0]}."
        )
    for pair in sorted(set(debt) - known.keys()):
        yield f"{pair}: this pair is gone. Delete its line in {DEBT.name}."


def main() -> None:
    """Print the broken contracts."""
    broken = [*faults(ROOT, DEBT.read_text().splitlines())]
    sys.stdout.writelines(f"{fault}\n" for fault in broken)
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
