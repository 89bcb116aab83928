"""Every reference of an act to something beside the log is found, wherever it stands. The
commitment to a person is the one in the specification.
"""

import json

import pytest
from msgspec import to_builtins

from dragoman.audit.replay import Replay
from dragoman.domain.acts import references
from dragoman.domain.fold import Folded
from dragoman_schemas.fields import Attachment
from samples import SAMPLES
from world import NOTE, World, refused

PERSON = {"id": "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f6", "commitment": "3f" * 32}
FILE = Attachment(sha256="5d" * 32, media_type="application/pdf", bytes=48213, title="Annex")


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def test_the_commitment_is_the_known_one() -> None:
    """Made with sha256sum, over `dragoman-person/v1`, a line feed, the bytes 00 to 1f, and the
    entry.
    """
    entry = b'{"name":"Li Wei","telephones":["+86 10 5550 0100"]}'
    assert (
        references.commitment(bytes(range(32)), entry)
        == "a4fea6fed04d96ade1aa40b3c1768690c08fc481909ab3e766dc8bf8393bc034"
    )


@pytest.mark.parametrize(
    ("name", "pointers"),
    [
        ("point-of-contact", ["/person", "/deputy"]),
        ("meeting-request", ["/delegation/0"]),
        ("contact-note", ["/participants/0"]),
        ("people-programme", ["/contacts/0"]),
        ("hazardous-incident", []),
    ],
)
def test_people_are_found_with_where_they_are_named(name: str, pointers: list[str]) -> None:
    assert [where for where, _, _ in references.people(SAMPLES[name])] == pointers
    assert references.may_name(compact(SAMPLES[name])) == bool(pointers)


@pytest.mark.parametrize(
    ("name", "pointer"), [("annual-exchange", "/file"), ("terrorism-warning", "/sealed/0")]
)
def test_attachments_are_found_with_where_they_stand(name: str, pointer: str) -> None:
    assert list(references.attachments(SAMPLES[name])) == [(pointer, FILE)]
    assert list(references.digests(SAMPLES[name])) == [FILE.sha256]
    assert references.may_name(compact(SAMPLES[name]))


def test_a_corrections_fields_are_looked_into() -> None:
    act = {
        "act": "correction",
        "fields": {"deputy": PERSON, "attachments": [to_builtins(FILE)]},
        "reason": "x",
    }
    assert list(references.people(act)) == [("/fields/deputy", PERSON["id"], PERSON["commitment"])]
    assert [where for where, _ in references.attachments(act)] == ["/fields/attachments/0"]


def test_a_document_is_named_by_its_digest_and_attached_by_nobody() -> None:
    act = {"act": "reference-document", "sha256": "5d" * 32}
    assert (list(references.digests(act)), list(references.attachments(act))) == (["5d" * 32], [])


def test_what_only_looks_alike_is_nobody() -> None:
    assert list(references.people({"names": {"id": "Weiyuan Dao", "commitment": "Bindung"}})) == []
    assert list(references.digests({"sha256": 1, "x": {"sha256": "5D" * 32}})) == []


@pytest.mark.parametrize(
    ("taken", "refusal"),
    [
        (None, None),
        (["application/pdf"], None),
        (["text/plain", "image/png"], "files of these types: text/plain, image/png"),
        ([], "takes no files"),
    ],
)
def test_a_channel_takes_the_types_of_its_opening(
    taken: list[str] | None, refusal: str | None
) -> None:
    world = World()
    world.ledger, world.raws = Replay(), []
    assert world.take(world.genesis(file_types=taken)).valid
    officer = {"act": "officer", "officer": "o-1", "office": "hq", "roles": ["officer"]}
    world.keep("nato/root", officer)
    id = world.open("nato/o-1", NOTE)
    attached = {"attachments": [to_builtins(FILE)]}
    for act, pointer, exchange in (
        (NOTE | attached, "", ""),
        ({"act": "correction", "fields": attached, "reason": "typing"}, "/fields", id),
    ):
        folded = world.keep("nato/o-1", act, exchange, seen=bool(exchange))
        if refusal is None:
            assert isinstance(folded, Folded) and folded.valid
        else:
            (fault,) = refused(folded).faults
            assert fault.pointer == f"{pointer}/attachments/0/media_type"
            assert refusal in str(fault.detail)
