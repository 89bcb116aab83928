"""The knowledge of a side at a moment: all that was on record by then, and nothing else."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.views.knowledge import known_at, marks, openings, ordered
from dragoman_schemas.knowledge_responses import FirstOpening, KnowledgeMark
from dragoman_schemas.responses import Fact
from world import INCIDENT, World

KINDS = ("delivered", "acknowledged", "passed_on", "answered")
BEGIN = datetime.fromisoformat("2026-11-24T03:00:00.000+00:00")


def _at(seconds: int) -> str:
    return timestamp(BEGIN + timedelta(seconds=seconds))


def _story(sent: int, later: dict[str, int]) -> list[KnowledgeMark]:
    base = KnowledgeMark(
        kind="sent", side="nato", at=_at(sent), message="m", act="update", of="nato"
    )
    more = [
        KnowledgeMark(
            kind=kind,  # type: ignore[arg-type]  # one of the kinds
            side="china",
            at=_at(sent + wait),
            message="m",
            act="update",
            of="nato",
        )
        for kind, wait in later.items()
    ]
    return ordered([base, *more])


@given(
    st.integers(0, 500),
    st.dictionaries(st.sampled_from(KINDS), st.integers(0, 2_000), min_size=1),
    st.integers(0, 3_000),
)
def test_a_moment_shows_what_was_so_by_then_and_nothing_else(
    sent: int, later: dict[str, int], moment: int
) -> None:
    story = _story(sent, later)
    known = known_at(story, _at(moment))
    if moment < sent:
        assert known == ()
        return
    (one,) = known
    assert (one.side, one.of, one.sent) == ("china", "nato", _at(sent))
    for kind in KINDS:
        wait = later.get(kind)
        so = wait is not None and sent + wait <= moment
        assert getattr(one, kind) == (_at(sent + wait) if so and wait is not None else "")


def test_marks_name_the_records_that_say_so() -> None:
    world = World()
    exchange = world.open("nato/d-1", {**INCIDENT, "precedence": "flash"})
    sent = len(world.raws)
    world.keep("china/d-1", {"act": "acknowledgement"}, exchange)
    acknowledged = len(world.raws)
    state = world.exchange(exchange)
    (message,) = state.messages
    facts = [Fact(message=message.id, side="china", owes=True)]
    deliveries = {(message.id, "china"): (message.said.time, sent + 7)}
    found = marks(state, facts, deliveries, {sent: "NATO/26/0001"})
    assert [(mark.kind, mark.side, mark.position, mark.number) for mark in found] == [
        ("sent", "nato", sent, "NATO/26/0001"),
        ("delivered", "china", sent + 7, "NATO/26/0001"),
        ("acknowledged", "china", acknowledged, "NATO/26/0001"),
    ]
    assert found[2].by == "china/d-1"


@given(
    st.lists(st.sampled_from(("nato", "china")), min_size=1, max_size=8),
    st.lists(st.integers(0, 9), max_size=6, unique=True),
    st.integers(0, 600),
)
def test_who_opens_an_exchange_has_opened_all_that_was_in_it_then_and_nothing_later(
    senders: list[str], looks: list[int], moment: int
) -> None:
    """A message is sent each minute. China looks half a minute after some of them."""
    sent = [
        KnowledgeMark(
            kind="sent",
            side=side,
            at=_at(60 * n),
            position=n + 1,
            message=f"m{n}",
            act="update",
            of=side,
        )
        for n, side in enumerate(senders)
    ]
    opened = [
        KnowledgeMark(
            kind="opened",
            side="china",
            at=_at(60 * look + 30),
            position=min(look, len(senders) - 1) + 1,
            message=f"m{min(look, len(senders) - 1)}",
            act="update",
            of=senders[min(look, len(senders) - 1)],
        )
        for look in looks
    ]
    known = known_at(ordered([*sent, *opened]), _at(moment))
    assert {one.side for one in known} <= {"china"}, "nobody opens what their own side sent"
    for one in known:
        n = int(one.message.removeprefix("m"))
        past = [look for look in sorted(looks) if look >= n and 60 * look + 30 <= moment]
        assert one.of == "nato"
        assert one.opened == (_at(60 * past[0] + 30) if past else "")


def test_an_opening_leads_to_the_newest_record_and_names_the_message_to_its_side() -> None:
    world = World()
    exchange = world.open("nato/d-1", {**INCIDENT, "precedence": "flash"})
    sent = len(world.raws)
    world.keep("china/d-1", {"act": "acknowledgement"}, exchange)
    state = world.exchange(exchange)
    first = [
        FirstOpening(after=sent, position=sent, at=_at(0), by="china/o-1"),
        FirstOpening(after=sent, position=sent + 1, at=_at(9), by="china/d-1"),
    ]
    found = openings(state, "china", first, {sent: "NATO/26/0001"})
    assert [(mark.position, mark.at, mark.by, mark.number) for mark in found] == [
        (sent, _at(0), "china/o-1", "NATO/26/0001"),
        (sent + 1, _at(9), "china/d-1", "NATO/26/0001"),
    ]
    (ours,) = openings(state, "nato", first[1:], {})
    assert (ours.side, ours.of) == ("nato", "nato"), "what was acknowledged was its own message"
