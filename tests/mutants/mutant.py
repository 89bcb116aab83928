"""A mutant: one small change of one rule, which at least one test of the domain should notice."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change: in which part, what it is, how it is made, and what a test must have touched to have a chance to notice it.

    Of `touches` any one will do: a function as `module.name`, a module as `module.*`, `act …`, `format …`, or `profile …`.
    """

    part: str
    what: str
    touches: tuple[str, ...]
    apply: Callable[[], None]
