"""A mutant: one small change of one rule, which at least one test of the domain should notice."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOMAIN: Final = ROOT / "services" / "dragoman" / "domain"


def file_of(name: str) -> Path:
    """Return the file of a module of the domain, by its last name, which no other one has."""
    (path,) = DOMAIN.rglob(f"{name}.py")
    return path


def module_of(name: str) -> str:
    """Return the dotted name of a module of the domain."""
    parts = file_of(name).relative_to(DOMAIN.parent).with_suffix("").parts
    return ".".join(("dragoman", *parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change: in which part, what it is, how it is made, and what a test must have touched to
    have a chance to notice it.

    Of `touches` any one will do: a function as `module.name`, a module as `module.*`, `act …`,
    `format …`, or `profile …`.
    """

    part: str
    what: str
    touches: tuple[str, ...]
    apply: Callable[[], None]
