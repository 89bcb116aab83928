"""The five answers after the end of a channel: no receipt is awaited any more."""

from dragoman.audit.replay_view import ReplayedChannel
from dragoman.reports.audit_answers import answers
from world import INCIDENT, World

END = {"act": "channel-end", "reason": {"en": "We go on elsewhere."}}


def awaited(world: World) -> tuple[int, list[int]]:
    """Return the receipts that the five answers await, in all and of each side."""
    past = ReplayedChannel(world.ledger, world.raws)
    report = answers(past, past.period(), 1, []).report
    return report.waiting, [standing.unacknowledged for standing in report.standing]


def test_no_receipt_is_awaited_once_all_sides_have_ended_the_channel() -> None:
    world = World()
    world.open("nato/d-1", INCIDENT)
    assert awaited(world) == (1, [0, 1])
    assert world.attested(END, "nato/root", "china/root").valid
    assert awaited(world) == (0, [0, 0])
