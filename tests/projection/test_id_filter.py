"""A filter of the ids that a channel has seen. It never denies a seen id, and seldom takes an
unseen id for a seen one.
"""

import uuid

from dragoman.projection.bounded_memory import IdFilter


def test_what_was_taken_in_is_never_denied_and_what_was_not_nearly_always() -> None:
    seen = IdFilter()
    ids = [
        str(uuid.UUID(int=number << 64 | number * 0x9E3779B97F4A7C15 % 2**64))
        for number in range(12_000)
    ]
    for id in ids[:6_000]:
        seen.add(id)
    seen.complete = True
    assert not any(seen.denies(id) for id in ids[:6_000])
    assert sum(seen.denies(id) for id in ids[6_000:]) > 5_900


def test_nothing_is_denied_before_it_is_complete() -> None:
    seen = IdFilter()
    assert not seen.denies("a")
    seen.complete = True
    assert seen.denies("a")
