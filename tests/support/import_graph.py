"""The imports of a tree of Python files, read from their lines without running them.

    graph = Graph.of(root)
    graph.imports["services/dragoman/witness.py"]    paths of the files that it imports
    graph.importers({"services/dragoman/text.py"})   those that import it, directly or not

Text that only looks like an import counts as one, and so does the dotted name of a module in a
string. A
package's `__init__.py` is imported with each of its modules.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

SOURCES: Final = ("services", "schemas", "tests/support", "tests/bench", "tests/mutants",
                  "tests/projection", "deploy/release", "deploy/grafana", "docs/site", "")  # fmt: skip
"""The folders from which modules are named; the last one is the root itself."""

_STATEMENT: Final = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|.*)|import[ \t]+(.*))[ \t]*$",
    re.MULTILINE,
)
_COMMENT: Final = re.compile(r"#.*")
_NAMED: Final = re.compile(
    r"[\"'](\w+(?:\.\w+)+)(?::\w+)?[\"']|\bimport_module\(\s*[\"'](\w+)[\"']"
)
_ALIAS: Final = re.compile(r"(\w+(?:\.\w+)*)(?:[ \t]+as[ \t]+\w+)?")


class Import(NamedTuple):
    """One imported name: the line, the module, and the name in it; empty for the module itself."""

    line: int
    module: str
    name: str


def imports_of(text: str) -> Iterator[Import]:
    """Yield the imports of a module, by its text."""
    text = _COMMENT.sub("", text)
    for statement in _STATEMENT.finditer(text):
        line = text.count("\n", 0, statement.start()) + 1
        module, names, modules = statement.groups()
        for alias in _ALIAS.finditer(names or modules):
            yield Import(line, module, alias[1]) if module else Import(line, alias[1], "")


def paths_of(root: Path, deleted: Collection[str] = ()) -> dict[str, str]:
    """Return the path of every module by each name by which it can be imported."""
    paths: dict[str, str] = {}
    files = {
        str(path.relative_to(root))
        for folder in ("services", "schemas", "tests", "deploy", "docs")
        for path in (root / folder).rglob("*.py")
    }
    for path in sorted(files | {name for name in deleted if name.endswith(".py")}):
        for source in SOURCES:
            if path.startswith(f"{source}/" if source else ""):
                parts = Path(path).relative_to(source).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                paths.setdefault(name, path)
    return paths


@dataclass(frozen=True)
class Graph:
    """The files of a tree with their texts and their imports, by paths below the root."""

    texts: dict[str, str]
    imports: dict[str, set[str]]

    @classmethod
    def of(cls, root: Path, deleted: Collection[str] = ()) -> "Graph":
        """Read a tree. Deleted files can still be imported."""
        paths = paths_of(root, deleted)
        texts = {
            path: (root / path).read_text() for path in {*paths.values()} if (root / path).exists()
        }
        imports = {path: set(_resolved(path, text, paths)) for path, text in texts.items()}
        return cls(texts, imports)

    def importers(self, paths: Collection[str], but: Collection[str] = ()) -> set[str]:
        """Return files with all that import them, directly or not. Do not go beyond `but`."""
        inverse: dict[str, set[str]] = {}
        for path, imported in self.imports.items():
            for target in imported:
                inverse.setdefault(target, set()).add(path)
        reached, waiting = set(paths), [*paths]
        while waiting:
            new = inverse.get(waiting.pop(), set()) - reached
            reached |= new
            waiting += [path for path in new if not path.startswith(tuple(but))]
        return reached


def _resolved(path: str, text: str, paths: dict[str, str]) -> Iterator[str]:
    """Yield the paths of a file's imports, and of the `conftest.py` of its folder of tests.

    The one of all tests is left out: what its fixtures give has a type, which a test imports.
    """
    folder = Path(path).parent
    for module, name in {(found.module, found.name) for found in imports_of(text)}:
        for named in (f"{module}.{name}", module, *_packages(module)):
            # A test finds its neighbours by their bare names.
            yield from {
                paths[key] for key in (named, f"{'.'.join(folder.parts)}.{named}") if key in paths
            }
    for dotted, bare in _NAMED.findall(text):
        yield from (
            paths[name] for name in (dotted or bare, dotted.rpartition(".")[0]) if name in paths
        )
    above = {str(parent / "conftest.py") for parent in Path(path).parents if parent.parts[1:]}
    yield from above.intersection(paths.values()) - {path}


def _packages(module: str) -> Iterator[str]:
    while module := module.rpartition(".")[0]:
        yield module
