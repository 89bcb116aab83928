"""The digest of a state: it depends on the states, not on the way to them, and on all of them."""

from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.record.state_digest import digest, replaced


@given(st.lists(st.binary(min_size=1), min_size=1, unique=True), st.randoms())
def test_order_does_not_matter(states: list[bytes], random: object) -> None:
    shuffled = sorted(states)
    one = two = 0
    for state in states:
        one = replaced(one, None, state)
    for state in shuffled:
        two = replaced(two, None, state)
    assert one == two


@given(st.binary(), st.binary(), st.integers(0, 2**4096 - 1))
def test_a_replaced_state_leaves_no_trace(before: bytes, after: bytes, rest: int) -> None:
    assert replaced(replaced(rest, None, before), before, after) == replaced(rest, None, after)


def test_channel_position_and_time_are_part_of_it() -> None:
    digests = {
        digest(0, "a", 1, "t"),
        digest(0, "b", 1, "t"),
        digest(0, "a", 2, "t"),
        digest(0, "a", 1, "u"),
        digest(1, "a", 1, "t"),
    }
    assert len(digests) == 5
