"""Tests of the messages of `dragoman audit replay`, and of its exit code without an answer."""

import msgspec
import pytest

from dragoman.audit.replay import Replay
from dragoman.cli import errors
from dragoman.cli.audit import replay
from dragoman.cli.common import UNREACHABLE
from dragoman.client import ProblemResponse
from dragoman.domain.acts.erasure import named_in
from dragoman.tlog import leaf
from dragoman_schemas.problems import Problem
from world import NOTE, World


@pytest.mark.parametrize("signed_by", [("nato/root", "china/root"), ("nato/root",)])
def test_a_withheld_record_is_told_unless_its_erasure_came_and_every_side_consented(
    signed_by: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    id = world.open("nato/o-1", NOTE)
    at = world.exchange(id).opened.position
    world.attested(
        {
            "act": "erasure",
            "records": [msgspec.to_builtins(each) for each in world.ledger.records_of(id)],
        },
        *signed_by,
    )
    raws = [*world.raws]
    raws[at - 1] = leaf.entry(at - 1, leaf.commit(raws[at - 1]))
    fold = Replay()
    fold.expect(named_in(enumerate(raws, 1)))
    fold.take(raws[:at])
    assert replay._withheld_fault(fold, whole=False) == ""
    assert (
        "1 records are withheld; the gateway says that they were erased later"
        in capsys.readouterr().err
    )
    assert f"the record at position {at} is withheld" in replay._withheld_fault(fold, whole=True), (
        "the log ends before its erasure"
    )
    fold.take(raws[at:])
    assert (replay._withheld_fault(fold, whole=True) == "") == (len(signed_by) == 2)


@pytest.mark.parametrize("title", ["", "The service failed"])
def test_every_failure_of_a_gateway_is_no_answer(
    title: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for status in range(500, 600):
        problem = Problem(type="about:blank", title=title, status=status, detail="down")
        assert errors.report(ProblemResponse(problem)) == UNREACHABLE
        assert f"dragoman: {title or f'not answered: {status}'}: down" in capsys.readouterr().err
