"""The sender process: its lanes, and how it makes the plug-in of an address."""

from collections import Counter
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.notifier.messaging.sender import (
    LANE_THREADS,
    REPLY_SECONDS,
    SHARE,
    THREADS,
    Lanes,
    Sender,
    SenderReply,
    SenderRequest,
)
from dragoman.worker_process import Pipe
from spellings import dangerous_addresses

_MESSAGES = st.lists(
    st.tuples(st.sampled_from("aaaab"), st.integers(0, 9), st.none() | st.integers(0, 99)),
    max_size=150,
)


@given(_MESSAGES)
def test_no_side_takes_the_threads_of_the_others(
    messages: list[tuple[str, int, int | None]],
) -> None:
    lanes, begun = Lanes(), list[tuple[tuple[str, str], SenderRequest]]()
    for n, (side, host, end) in enumerate(messages):
        lanes.add(SenderRequest(n=n, side=side, url=f"ntfy://h{host}/t/@x", is_own=True), 0.0)
        begun += lanes.begin(0.0)
        if begun and end is not None:
            lanes.end(begun.pop(end % len(begun))[0])
            begun += lanes.begin(0.0)
    of_side = Counter(request.side for _, request in begun)
    assert all(count <= THREADS // SHARE for count in of_side.values())
    assert all(count <= LANE_THREADS for count in Counter(lane for lane, _ in begun).values())
    newcomer = SenderRequest(n=-1, side="c", url="ntfy://h1/t", is_own=True)
    lanes.add(newcomer, 0.0)
    assert newcomer in [request for _, request in lanes.begin(0.0)]


def test_a_side_in_many_channels_leaves_threads_to_the_others() -> None:
    lanes = Lanes()
    for n in range(40 * THREADS):
        side, host = f"channel{n % 40}/a", n // 40 // LANE_THREADS
        lanes.add(SenderRequest(n=n, side=side, url=f"ntfy://h{host}/t", is_own=True), 0.0)
    assert len(lanes.begin(0.0)) < THREADS
    other = SenderRequest(n=-1, side="channel0/b", url="ntfy://h0/t", is_own=True)
    lanes.add(other, 1.0)
    assert [request for _, request in lanes.begin(1.0)] == [other]
    assert lanes.begin(REPLY_SECONDS + 1.0) == []  # Nobody awaits the others any more.


class Replies:
    """A pipe that keeps nothing."""

    def send(self, message: bytes) -> None:
        """Drop a message."""


@pytest.fixture(scope="module")
def sender() -> Sender:
    sender = Sender(cast(Pipe, Replies()))
    sender.load()
    return sender


@given(dangerous_addresses())
@settings(deadline=None)
def test_no_parameter_weakens_a_plug_in(sender: Sender, address: tuple[str, str]) -> None:
    plugin = sender.plugin(address[1])
    if plugin is None:
        return
    assert plugin.verify_certificate is True
    assert plugin.redirects is False
    assert plugin.request_timeout == (4.0, 4.0)
    assert (plugin.retry, plugin.wait, plugin.attach) == (0, 0.0, None)


@given(dangerous_addresses())
@settings(deadline=None)
def test_a_side_s_own_address_with_such_a_parameter_sends_nothing(
    sender: Sender, address: tuple[str, str]
) -> None:
    request = SenderRequest(n=1, side="c/north", url=address[1], is_own=True)
    reply = sender.done(request)
    assert isinstance(reply, SenderReply)
    assert not reply.ok
    assert "is not allowed" in reply.reason, reply
