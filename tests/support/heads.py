"""Signed heads of messages that are held in memory, and what a witness is asked of them."""

from typing import Any

from dragoman.audit import compare
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.checkpoint import Addition
from world import seed_of

ORIGIN = "example.org/nato-china"


def head_over(messages: list[bytes], owner: str = "log", origin: str = ORIGIN) -> bytes:
    nodes = compare.of_messages("", messages, None).nodes
    text = checkpoint.Checkpoint(origin, len(messages), merkle.root_of(nodes, len(messages))).text
    return note.encode(text, [note.sign(origin, seed_of(owner), text)])


def asking(messages: list[bytes], old: int, new: int, /, **changes: Any) -> bytes:
    """A request to cosign the head of the first `new` messages."""
    nodes = compare.of_messages("", messages, None).nodes
    proof = tuple(merkle.consistency(nodes, old, new)) if old <= new else ()
    given: dict[str, Any] = {
        "old": old,
        "proof": proof,
        "checkpoint": head_over(messages[:new]),
    } | changes
    return bytes(Addition(**given))
