"""Mutants of function bodies, as mutmut makes them. In a child process each takes the place of the
code that it was made from.

Left out: what only other words for people would be (a refusal's detail, a title), what the type
check refuses, so that it could never be committed, and functions that run at import alone, since
what they make is changed in the tables.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from difflib import ndiff
from importlib import import_module
from pathlib import Path
from textwrap import dedent, indent
from types import FunctionType
from typing import Final

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import parse_mutant_key

from mutant import ROOT, Mutant, module_of

AT_IMPORT: Final = frozenset({"exchange.life", "act_rules.opening"})
_ERROR: Final = re.compile(r"^(?P<path>[^:]+):(?P<line>\d+): error:")


class Bodies:
    """A module's functions in all their variants, and where each stands in the file that mutmut
    writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        made = mutate_file_contents(str(path), (ROOT / path).read_text())
        self.code = made.code
        self.shadow = ROOT / "build" / "mutants" / path.name
        self._lines = made.code.splitlines(keepends=True)
        self._spans = made.line_span_by_function_name
        self.names = [
            name
            for name in made.mutant_names
            if _of(self.name, name) not in AT_IMPORT and not self._is_words(name)
        ]

    def where(self, name: str) -> range:
        """The lines on which a variant stands."""
        return range(self._spans[name].start, self._spans[name].end + 1)

    def text(self, name: str) -> str:
        """One variant's source."""
        lines = self.where(name)
        return dedent("".join(self._lines[lines.start - 1 : lines.stop - 1]))

    @staticmethod
    def origin(name: str) -> str:
        """The name under which the function stands unchanged from which a variant was made."""
        return f"{name.partition('__mutmut_')[0]}__mutmut_orig"

    def _is_words(self, name: str) -> bool:
        one, other = (
            list(_constants(source)) for source in (self.text(name), self.text(self.origin(name)))
        )
        if len(one) != len(other) or _shape(self.text(name)) != _shape(
            self.text(self.origin(name))
        ):
            return False
        return any(
            ours != theirs and " " in theirs for ours, theirs in zip(one, other, strict=True)
        )


def _of(module: str, name: str) -> str:
    function, owner = parse_mutant_key(name.partition("__mutmut_")[0])
    return f"{module}.{function}" if owner is None else f"{module}.{owner}.{function}"


def _constants(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _shape(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
        elif isinstance(node, ast.FunctionDef):
            node.name = ""
    return ast.dump(tree)


def of(paths: list[str]) -> tuple[list[Mutant], dict[str, int]]:
    """The mutants of some modules, and how many by module the type check refuses."""
    bodies = [Bodies(Path(path)) for path in paths]
    refused = _refused(bodies) if bodies else set()
    found = [
        _mutant(each, name)
        for each in bodies
        for name in each.names
        if (each.name, name) not in refused
    ]
    return found, {
        each.name: sum(name in each.names for module, name in refused if module == each.name)
        for each in bodies
    }


def _refused(bodies: list[Bodies]) -> set[tuple[str, str]]:
    """The variants in which mypy finds an error, all looked at together in place of the modules."""
    shadows: list[str] = []
    for each in bodies:
        each.shadow.parent.mkdir(parents=True, exist_ok=True)
        each.shadow.write_text(each.code)
        shadows += ["--shadow-file", str(each.path), str(each.shadow)]
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--no-error-summary",
        "--cache-dir",
        "build/mutants/mypy",
        *shadows,
    ]
    done = subprocess.run(
        [*command, *(str(each.path) for each in bodies)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    wrong: dict[str, set[int]] = {}
    for line in done.stdout.splitlines():
        match = _ERROR.match(line)
        if match is not None:
            wrong.setdefault(match["path"], set()).add(int(match["line"]))
    refused = set()
    for each in bodies:
        lines = wrong.get(str(each.path), set())
        assert not any(lines.intersection(each.where(each.origin(name))) for name in each.names), (
            f"{each.path} is wrong unchanged"
        )
        refused |= {
            (each.name, name) for name in each.names if lines.intersection(each.where(name))
        }
    assert refused, f"the type check found nothing, which cannot be:\n{done.stdout}{done.stderr}"
    return refused


def _mutant(bodies: Bodies, name: str) -> Mutant:
    module = import_module(module_of(bodies.name))
    function, owner = parse_mutant_key(name.partition("__mutmut_")[0])
    held = vars(module) if owner is None else vars(vars(module)[owner])
    target = held[function]
    assert isinstance(target, FunctionType)

    def apply() -> None:
        namespace = dict(vars(module))
        text = bodies.text(name)
        if target.__code__.co_freevars == ("__class__",):  # it calls `super()`
            within = indent(text, "    ")
            text = f"def _made(__class__):\n{within}\n    return {name}\n{name} = _made(None)"
        exec(text, namespace)  # its source is ours, changed by one node
        changed = namespace[name]
        assert isinstance(changed, FunctionType)
        target.__code__, target.__defaults__, target.__kwdefaults__ = (
            changed.__code__,
            changed.__defaults__,
            changed.__kwdefaults__,
        )

    where = _of(bodies.name, name)
    return Mutant(
        part=bodies.name,
        what=f"{where}\n{_difference(bodies, name)}",
        touches=(where,),
        apply=apply,
    )


def _difference(bodies: Bodies, name: str) -> str:
    before, after = (_lines(bodies.text(each)) for each in (bodies.origin(name), name))
    changed = [line for line in ndiff(before, after) if line.startswith(("- ", "+ "))]
    return "\n".join(f"  {line}" for line in changed)


def _lines(source: str) -> list[str]:
    return [line.strip() for line in re.sub(r"\bx\w*__mutmut_\w+", "", source).splitlines()]
