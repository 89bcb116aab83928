"""The page of log events explains each event that the code writes, and no other."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

from dragoman.api.log_events_page import LogCall, log_calls
from dragoman.log_events import SECTIONS

ROOT = Path(__file__).parents[2]

EXPLAINED = [name for section in SECTIONS for name in section.events]
VARIABLES = {"telemetry"}
"""Modules that write lines whose name they get from others."""


@cache
def calls() -> list[LogCall]:
    """All lines that the code writes, which takes seconds to see."""
    return list(log_calls())


def test_each_event_in_the_code_is_explained_and_no_other() -> None:
    written = {call.event for call in calls() if call.event is not None}
    assert sorted(written - set(EXPLAINED)) == [], "enter these in dragoman/log_events/"
    assert sorted(set(EXPLAINED) - written) == [], "no code writes these"
    assert len(written) > 130


def test_each_event_is_explained_once_and_in_order() -> None:
    assert [name for name, number in Counter(EXPLAINED).items() if number > 1] == []
    for section in SECTIONS:
        assert list(section.events) == sorted(section.events)


def test_each_explanation_is_a_sentence() -> None:
    for section in SECTIONS:
        for name, event in section.events.items():
            for text in (event.meaning, event.action):
                assert re.fullmatch(r"[A-Z`].*[.)]", text), name
            assert len(event.meaning.split()) > 4, name


def test_the_name_of_an_event_is_written_where_its_line_is() -> None:
    assert {call.module for call in calls() if call.event is None} == VARIABLES


def test_calls_are_recognised_in_every_form(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        "log.info('a.one', channel=1)\n"
        "self._logger.exception('a.two')\n"
        "log.log(logging.ERROR if bad else logging.INFO, 'a.three', x=1)\n"
        "say = log.debug if often else log.info\n"
        "say('a.four')\n"
        'out(f\'{{"event":"a.five","lines":{n},"level":"error"}}\')\n'
        "log.warning(name, **fields)\n"
        "BUILD.info({'version': 1})\n"
        "done = task.exception()\n"
    )
    calls = sorted(log_calls(tmp_path), key=lambda call: str(call.event))
    assert calls == [
        LogCall(None, ("warning",), (), "module"),
        LogCall("a.five", ("error",), ("lines",), "module"),
        LogCall("a.four", ("debug", "info"), (), "module"),
        LogCall("a.one", ("info",), ("channel",), "module"),
        LogCall("a.three", ("info", "error"), ("x",), "module"),
        LogCall("a.two", ("error",), ("exception",), "module"),
    ]


def test_the_table_of_faults_names_events_that_are_written() -> None:
    page = (ROOT / "docs" / "operating-faults.md").read_text()
    table = page.partition("## What you see\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (.*?) \| ", table, re.MULTILINE)
    names = named(" ".join(cells)) - {"place.json"}
    assert len(names) > 40
    assert sorted(names - set(EXPLAINED)) == []


def test_an_explanation_names_events_that_are_written() -> None:
    texts = [
        text for section in SECTIONS for event in section.events.values() for text in event[:2]
    ]
    names = named(" ".join(texts)) - {"place.json", "nats.log"}
    assert len(names) > 5
    assert sorted(name for name in names if name not in EXPLAINED) == []


def named(text: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+\.[a-z_]+)`", text))
