"""A release makes the records public that every side consented to by digest, from the agreed time.
No other record becomes public.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.acts import consent
from dragoman.domain.acts.families import release
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal
from world import NOTE, World, compact, refused

N, ND, C, CD, OSCE = "nato/o-1", "nato/d-1", "china/o-1", "china/d-1", "osce/o-1"
AT = datetime.fromisoformat("2026-12-01T09:00Z")
LATER = datetime.fromisoformat("2026-12-01T09:00:01Z")
BEFORE = datetime.fromisoformat("2026-12-01T08:59:59Z")


def item(world: World, id: str, which: int = 0) -> dict[str, Any]:
    record = [*world.ledger.records_of(id)][which]
    return {"record": record.id, "exchange": id, "commit": record.commit}


def body(*items: dict[str, Any]) -> dict[str, Any]:
    return {
        "act": "release",
        "title": "The encounter",
        "records": [*items],
        "publish_at": "2026-12-01T09:00Z",
    }


def proposed(world: World, *items: dict[str, Any]) -> str:
    kept = world.keep(N, body(*items), released_by=ND)
    assert isinstance(kept, Folded) and kept.record is not None, kept
    return kept.record.envelope.id


def test_a_release_is_public_once_every_side_has_consented_and_its_time_has_come() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = proposed(world, item(world, world.open(N, NOTE)))
    for actor, agreed in ((C, False), (OSCE, True)):
        assert not release.is_public(world.exchange(id), LATER)
        world.keep(actor, {"act": "release-consent"}, id, seen=True)
        assert release.is_agreed(world.exchange(id)) == agreed
    assert world.exchange(id).status == "agreed"
    assert [release.is_public(world.exchange(id), when) for when in (BEFORE, AT, LATER)] == [
        False,
        True,
        True,
    ]


def test_what_is_said_afterwards_is_not_released(world: World) -> None:
    note = world.open(N, NOTE)
    id = proposed(world, item(world, note))
    world.keep(C, {"act": "release-consent"}, id, seen=True)
    before = release.records_of(world.exchange(id))
    world.keep(C, {"act": "reply", "text": "This is not for the public."}, note)
    assert release.records_of(world.exchange(id)) == before
    assert len(before) == 1


def test_one_officer_releases_nothing(world: World) -> None:
    note = world.open(N, NOTE)
    assert (
        refused(world.keep(N, body(item(world, note)), released_by="")).kind
        == "second-key-required"
    )
    id = proposed(world, item(world, note))
    assert (
        refused(world.keep(N, {"act": "release-consent"}, id, seen=True)).kind == "not-permitted"
    ), "its author consents by proposing"
    world.keep(C, {"act": "release-consent"}, id, seen=True, released_by="")
    assert not release.is_agreed(world.exchange(id))
    (sent,) = world.exchange(id).one_key
    world.keep(CD, {"act": "second-key", "of": sent.id}, id)
    assert release.is_agreed(world.exchange(id))


def test_a_consent_is_taken_back_until_the_last_side_has_consented_and_what_is_public_is_so_for_good() -> (
    None
):
    world = World(sides=("nato", "china", "osce"))
    id = proposed(world, item(world, world.open(N, NOTE)))
    world.keep(C, {"act": "release-consent"}, id, seen=True)
    (given_,) = world.exchange(id).acts["release-consent"]
    assert isinstance(world.keep(C, {"act": "consent-withdrawal", "of": given_.id}, id), Folded)
    world.keep(OSCE, {"act": "release-consent"}, id, seen=True)
    assert not release.is_agreed(world.exchange(id))
    world.keep(C, {"act": "release-consent"}, id, seen=True)
    assert release.is_agreed(world.exchange(id))
    later = {
        "act": "amendment",
        "reason": "Not yet.",
        "fields": {"publish_at": "2027-01-01T09:00Z"},
    }
    etag = world.exchange(id).etag
    assert isinstance(world.decide(C, later, id, etag, released_by=CD), Record), (
        "until its time the sides may change their minds together"
    )
    world.clock = LATER
    refusal = refused(world.decide(C, later, id, etag, released_by=CD))
    assert "cannot be taken back" in str(refusal.faults[0].detail)


def test_another_text_needs_another_consent(world: World) -> None:
    note = world.open(N, NOTE)
    world.keep(C, {"act": "reply", "text": "Noted."}, note)
    id = proposed(world, item(world, note))
    seen = consent.text_terms(world.exchange(id))
    more = {
        "act": "correction",
        "reason": "The reply as well.",
        "fields": {"records": [item(world, note), item(world, note, 1)]},
    }
    assert isinstance(world.keep(N, more, id, seen=True, released_by=ND), Folded)
    assert (
        refused(world.keep(C, {"act": "release-consent", "terms": seen}, id, seen=True)).kind
        == "moved"
    )
    assert not release.is_agreed(world.exchange(id))


def _changed(world: World, note: str) -> list[tuple[dict[str, Any], str]]:
    own, other = item(world, note), world.open(N, NOTE)
    return [
        ({**own, "record": other}, "/records/0/record"),
        ({**own, "exchange": other}, "/records/0/record"),
        ({**own, "exchange": world.registry.id}, "/records/0/record"),
        ({**own, "commit": "cd" * 32}, "/records/0/commit"),
        ({**own, "without": ["text"]}, "/records/0/extract"),
        ({**own, "extract": "cd" * 32}, "/records/0/extract"),
    ]


def test_a_release_names_records_that_there_are(world: World) -> None:
    note = world.open(N, NOTE)
    for changed, pointer in _changed(world, note):
        assert refused(world.keep(N, body(changed), released_by=ND)).faults[0].pointer == pointer, (
            changed
        )
    assert (
        refused(world.keep(N, body(item(world, note), item(world, note)), released_by=ND))
        .faults[0]
        .pointer
        == "/records/1/record"
    )
    id = proposed(world, item(world, note))
    for changed, pointer in _changed(world, note):
        correction = {"act": "correction", "reason": "Another.", "fields": {"records": [changed]}}
        assert (
            refused(world.keep(N, correction, id, seen=True, released_by=ND)).faults[0].pointer
            == f"/fields{pointer}"
        )


@pytest.mark.parametrize("records", ["x", 7, [], [{}], [{"record": "x"}], None, {"a": 1}])
@pytest.mark.parametrize("act", ["correction", "amendment"])
def test_what_is_no_list_of_records_is_refused(act: str, records: Any, world: World) -> None:
    id = proposed(world, item(world, world.open(N, NOTE)))
    stood = release.records_of(world.exchange(id))
    changing = {"act": act, "reason": "Another.", "fields": {"records": records}}
    assert isinstance(world.keep(N, changing, id, seen=True, released_by=ND), Refusal)
    assert release.records_of(world.exchange(id)) == stood


def test_only_what_proves_a_release_is_published_with_it() -> None:
    world = World(sides=("nato", "china", "osce"))
    note = world.open(N, NOTE)
    world.keep(C, {"act": "reply", "text": "Noted."}, note)
    id = proposed(world, item(world, note))

    def say(actor: str, act: dict[str, Any], **how: Any) -> int:
        kept = world.keep(actor, act, id, seen=True, **how)
        assert isinstance(kept, Folded) and kept.refusal is None, kept
        return world.position

    proof = {world.exchange(id).opened.position}
    say(C, {"act": "reply", "text": "Between us: our minister is not told yet."})
    proof.add(
        say(
            N,
            {"act": "correction", "reason": "The name.", "fields": {"title": "An encounter"}},
            released_by=ND,
        )
    )
    say(C, {"act": "release-consent"})
    left = {"act": "amendment", "reason": "No.", "fields": {"publish_at": "2026-12-02T09:00Z"}}
    say(OSCE, left)
    say(
        C,
        {
            "act": "amendment-refusal",
            "of": world.exchange(id).acts["amendment"][-1].id,
            "reason": "Not later.",
        },
    )
    taken = {
        "act": "amendment",
        "reason": "Both of them.",
        "fields": {"records": [item(world, note), item(world, note, 1)]},
    }
    proof.add(say(C, taken))
    amendment = world.exchange(id).acts["amendment"][-1].id
    proof.add(say(N, {"act": "amendment-agreement", "of": amendment}))
    proof.add(say(OSCE, {"act": "amendment-agreement", "of": amendment}))
    assert release.is_agreed(world.exchange(id))
    say(C, {"act": "reply", "text": "Thank your minister."})
    say(N, {"act": "translation", "of": id, "language": "fr", "text": "Une rencontre"})
    assert release.proving(world.exchange(id)) == proof


def test_a_consent_on_one_key_is_published_with_its_second(world: World) -> None:
    id = proposed(world, item(world, world.open(N, NOTE)))
    world.keep(C, {"act": "release-consent"}, id, seen=True, released_by="")
    alone = world.position
    assert alone not in release.proving(world.exchange(id))
    world.keep(CD, {"act": "second-key", "of": world.exchange(id).one_key[0].id}, id)
    assert release.proving(world.exchange(id)) == {
        world.exchange(id).opened.position,
        alone,
        world.position,
    }


@pytest.mark.parametrize(
    "words", [{"text": "Our minister is not told yet."}, {"remarks": "Under protest."}]
)
def test_nothing_is_said_beside_a_consent_that_is_published(
    words: dict[str, Any], world: World
) -> None:
    id = proposed(world, item(world, world.open(N, NOTE)))
    refusal = refused(world.keep(C, {"act": "release-consent", **words}, id, seen=True))
    assert (refusal.faults[0].pointer, "in a reply" in str(refusal.faults[0].detail)) == (
        f"/{next(iter(words))}",
        True,
    )
    world.keep(C, {"act": "release-consent"}, id, seen=True, released_by="")
    sent = world.exchange(id).one_key[0].id
    assert "in a reply" in str(
        refused(world.keep(CD, {"act": "second-key", "of": sent, **words}, id)).faults[0].detail
    )


def test_what_a_speaker_said_under_the_chatham_house_rule_is_not_released() -> None:
    world = World(kind="track2")
    spoken, advice = (
        world.open(N, NOTE),
        world.open(
            N,
            {
                "act": "recommendation",
                "text": "Talk.",
                "area": "maritime-security",
                "addressees": ["Ministries"],
            },
        ),
    )
    assert "Chatham House" in str(
        refused(world.keep(N, body(item(world, spoken)), released_by=ND)).faults[0].detail
    )
    proposed(world, item(world, advice))


@given(
    members=st.dictionaries(
        st.sampled_from(["text", "facts", "form", "é", 'a"b']),
        st.sampled_from([1, "x", [1, {"y": 2}], "中"]),
        max_size=4,
    ),
    without=st.sets(st.sampled_from(["text", "facts", "form", "é", "act"])),
)
def test_an_extract_is_the_act_without_what_was_left_out(
    members: dict[str, Any], without: set[str]
) -> None:
    given_act = {"act": "contact-note", **members}
    found = json.loads(release.extract(compact(given_act), without))
    assert found == {
        name: value for name, value in given_act.items() if name == "act" or name not in without
    }


@pytest.mark.parametrize("without", [("text",), ("text", "form")])
def test_a_release_of_an_extract_names_its_digest(without: tuple[str, ...], world: World) -> None:
    note = world.open(N, NOTE)
    extract = release.extract(compact(NOTE), without)
    named = {
        **item(world, note),
        "without": [*without],
        "extract": hashlib.sha256(extract).hexdigest(),
    }
    (kept,) = release.records_of(world.exchange(proposed(world, named)))
    assert (kept.without, kept.extract) == (without, hashlib.sha256(extract).hexdigest())
