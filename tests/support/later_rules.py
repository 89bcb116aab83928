"""Rules 2 that only the tests have: what they change is the limit of every deadline.

    with later_rules.in_use():
        world.keep("nato/root", {"act": "rules-adoption", "rules": 2})

A real version of the rules would ask `registry.rules >= 2` in the same way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from dragoman.domain.acts.act_registry import VERSIONS
from dragoman.domain.acts.deadline_builder import Deadline, DeadlineBuilder
from dragoman_schemas.acts.rules_versions import ACTS


@contextmanager
def in_use() -> Iterator[None]:
    """Run with rules 2, under which every limit is half as long."""
    of_rules_1 = DeadlineBuilder.deadline

    def deadline(self: DeadlineBuilder, *arguments: Any, **options: Any) -> Deadline:
        computed = of_rules_1(self, *arguments, **options)
        if self.registry.rules < 2:
            return computed
        return msgspec.structs.replace(
            computed, due=computed.begins + (computed.due - computed.begins) / 2
        )

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(VERSIONS, 2, replace(VERSIONS[1], number=2))
        patched.setitem(ACTS, 2, ACTS[1])
        patched.setattr(DeadlineBuilder, "deadline", deadline)
        yield
