"""References in an act to people and files, which are kept beside the log.

People and files are found by their shape, in an act as in a state, so that a
correction's fields are searched too. A person is an object of exactly `id` and
`commitment`; a file is one with the members of an attachment. Keys are never escaped
(docs/spec/record.md §3), so an act whose bytes contain neither word refers to nothing.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman_schemas.fields import Attachment, Person
from dragoman_schemas.state import Registry

_PERSON: Final = frozenset(Person.__struct_fields__)
_ATTACHMENT: Final = frozenset(Attachment.__struct_fields__)
_HEX32: Final = re.compile(r"[0-9a-f]{64}")


def may_name(encoded: bytes) -> bool:
    """Return whether an act or a state can refer to anything.

    Most do not, and need not be decoded for it.
    """
    return b'"commitment":' in encoded or b'"sha256":' in encoded


def people(value: Any, pointer: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield each person that decoded JSON names.

    Each has a pointer, the id of the person's entry, and the commitment.
    """
    for place, members in _objects(value, pointer):
        if members.keys() == _PERSON and _is_digest(members["commitment"]):
            yield place, str(members["id"]), members["commitment"]


def attachments(value: Any, pointer: str = "") -> Iterator[tuple[str, Attachment]]:
    """Yield each file that decoded JSON attaches, with a pointer."""
    for place, members in _objects(value, pointer):
        if members.keys() == _ATTACHMENT and _is_digest(members["sha256"]):
            yield place, Attachment(**members)


def digests(value: Any) -> Iterator[str]:
    """Yield the SHA-256 of each file that decoded JSON attaches.

    Files that are otherwise named by their SHA-256 are included.
    """
    for _, members in _objects(value, ""):
        if _is_digest(members.get("sha256")):
            yield str(members["sha256"])


def check_types(registry: Registry, act: bytes) -> Refusal | None:
    """Refuse an act that attaches a file of a type that the channel does not take.

    The type is the sender's word. Nobody compares it with the file's bytes.
    """
    types = registry.file_types
    if types is None or not may_name(act):
        return None
    for where, attachment in attachments(msgspec.json.decode(act)):
        if attachment.media_type not in types:
            detail = (
                sentence(
                    "this channel takes files of these types: %(types)s", types=", ".join(types)
                )
                if types
                else sentence("this channel takes no files")
            )
            return invalid(f"{where}/media_type", detail)
    return None


def commitment(random: bytes, entry: bytes) -> str:
    """Return the commitment to an entry of the register of people, in hex.

    Without the 32 random bytes, the commitment says nothing about the entry
    (docs/spec/record.md §8).
    """
    return hashlib.sha256(b"dragoman-person/v1\n" + random + entry).hexdigest()


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _HEX32.fullmatch(value) is not None


def _objects(value: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield pointer, value
        for name, inner in value.items():
            yield from _objects(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _objects(inner, f"{pointer}/{index}")
