"""Every report of a channel in which nearly everything was said, in the three languages: none of
its own words is left in another.
"""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest

from catalogue import CONTINUING, OPENINGS
from dragoman.application.operations import report_requests
from dragoman.application.operations.report_requests import Gather, Gathered
from dragoman.document.blocks import (
    Block,
    Paragraph,
    Points,
    Quote,
    ReportDocument,
    Table,
)
from dragoman.domain.fold import Folded
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.i18n.words import LANGUAGES
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    Mark,
    MarkedText,
    PageLink,
    PressButton,
    QuotedText,
    Run,
    Sourced,
    TextChange,
)
from dragoman.projection.projection import Projection
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.store import Store
from dragoman.reports import log_findings
from dragoman.text import verbatim
from dragoman.tlog import dsse
from samples import SAMPLES
from world import INCIDENT, NOTE, World, public_of, seed_of

ALL: Final = PeriodQuery()


FOUND: Final = (
    log_findings.of_records(12),
    log_findings.of_no_head(verbatim("…")),
    log_findings.of_head(0, ""),
    log_findings.of_head(12, ""),
    log_findings.of_head(12, "2026-11-24T12:00:00Z"),
    log_findings.of_witnesses(0, {}),
    log_findings.of_witnesses(7, {"nato": 12, "china": 7}),
    log_findings.of_no_witnesses(),
)
REPORTS: Final[dict[str, Gather]] = {
    "situation": report_requests.situation_of(ALL),
    "turn-over": report_requests.turn_over_of(ALL, "china"),
    "period": report_requests.period_of(ALL),
    "audit": report_requests.audit_of(ALL, FOUND),
}
_DATA: Final = re.compile(
    r"NATO-CHINA\S*|nato-china|(?<![A-Za-z])(?:NATO|CHINA|(?:nato|china)/[a-z0-9-]+|hq|[0-9a-f]{64}|[0-9:.]+Z|kn|nm|ft|km|km/h|m/s|[a-z]+/(?:json|pdf)|(?:en|fr|zh)(?:-Hans)?)(?![A-Za-z])"
)
"""Values of the log in our own words: numbers, sides, officers, digests, times, language tags."""

_CODES: Final = re.compile(r"NOTAM|NAVAREA|CUES|SHA-256|`[^`]+`")
"""Names that are the same in every language, and commands."""


def told() -> World:
    """A channel with everything that one side can open in it, and most of what can be said to that."""
    world = World(languages=["en", "fr", "zh-Hans"])
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
    world.keep("nato/d-1", {"act": "watch-assumption"})
    for act, opened in OPENINGS.items():
        if opened.family == "desk":
            continue
        actor = {"any officer": "nato/o-1", "the duty officer": "nato/d-1"}.get(
            opened.who, "nato/h-1"
        )
        folded = world.keep(actor, SAMPLES[act], released_by=world.second(actor, SAMPLES[act]))
        if isinstance(folded, Folded) and folded.record is not None and folded.valid:
            carry_on(world, folded.record.envelope.id)
    world.open("nato/d-1", {**INCIDENT, "precedence": "flash"})
    told_twice = {
        "subject": {"en": "Near miss", "zh-Hans": "险些相撞"},
        "text": {"en": "They met.", "zh-Hans": "已会见。"},
        "original": "en",
    }
    world.open("nato/o-1", {**NOTE, **told_twice})
    world.open(
        "nato/d-1",
        {
            **INCIDENT,
            "passed_by": {"means": "voice", "at": "2026-11-24T03:05Z", "to_post": "Duty officer"},
        },
    )
    world.open(
        "nato/o-1",
        {**NOTE, "attribution": "chatham_house", "info": ["china"], "for_the_record": True},
    )
    stolen = {"act": "key-addition", "officer": "o-1", "keys": [public_of("nato/o-1")]}
    assert world.attested(stolen, "nato/root", "nato/o-1").valid
    world.open("nato/o-1", NOTE)
    keyid = dsse.key_id(dsse.public_of(seed_of("nato/o-1")))
    assert world.attested(
        {"act": "key-revocation", "key": keyid, "suspect_from": world.position}, "nato/root"
    ).valid
    world.clock += timedelta(days=9)
    world.open("china/o-1", SAMPLES["danger-area"])
    return world


def quiet() -> World:
    """A channel in which nobody says anything but a line check, and every watch is manned."""
    world = World(languages=["en", "fr", "zh-Hans"])
    for side in world.sides:
        world.keep(f"{side}/d-1", {"act": "watch-assumption"})
    check = world.open("nato/d-1", SAMPLES["line-check"])
    world.keep("china/d-1", {"act": "echo", "text": SAMPLES["line-check"]["challenge"]}, check)
    return world


def carry_on(world: World, exchange: str) -> None:
    """Say to an exchange whatever can be said, by whoever may, but what ends it."""
    for act in CONTINUING:
        if act in ("closure", "cancellation", "withdrawal", "decline", "erasure"):
            continue
        body: dict[str, Any] = dict(SAMPLES[act])
        state = world.exchange(exchange)
        if "of" in body:
            body["of"] = state.messages[0].id
        if act in ("dissent", "endorsement") and state.act == "joint-report":
            body["paragraph"] = 1
        for actor in ("china/d-1", "nato/h-1", "china/o-1", "nato/o-1"):
            folded = world.keep(actor, body, exchange, seen=act in ("correction", "status-change"))
            if isinstance(folded, Folded) and folded.valid:
                break


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, ReportDocument]]:
    """Each report of either channel, live and not, in each language."""
    found: dict[str, dict[str, ReportDocument]] = {}
    for world in (told, quiet):
        store = Store(tmp_path_factory.mktemp("papers") / "projection.sqlite")
        asyncio.run(keep(store, world().raws))
        found |= {
            f"{world.__name__} {name}": {each: laid.paper(each) for each in LANGUAGES}
            for name, laid in gathered(store)
        }
        store.close()
    return found


async def keep(store: Store, raws: list[bytes]) -> None:
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(
        [StoredMessage(position=n, subject=f"s.{n}", raw=raw) for n, raw in enumerate(raws, 1)]
    )
    await projection.in_file()


def gathered(store: Store) -> Iterator[tuple[str, Gathered]]:
    for name, gather in REPORTS.items():
        for live in (True, False):
            with open_snapshot(store, "nato-china", ALL, "") as then:
                yield f"{name} {'live' if live else 'not live'}", gather(then, live)


def own(paper: ReportDocument) -> list[str]:
    """The service's own words of a paper, run by run."""
    found = [paper.title, *paper.lead, *paper.foot, paper.alarm]
    for section in paper.sections:
        found += _runs(section.title)
        for block in section.blocks:
            found += _own(block)
    return [text for text in found if text.strip()]


def _own(block: Block) -> list[str]:
    match block:
        case Paragraph():
            return _runs(block.runs)
        case Points():
            return [text for point in block.points for text in _runs(point)]
        case Quote():
            return [block.label, block.quotation.note]
        case Table():
            return [
                *block.head,
                *(text for row in block.rows for cell in row for text in _runs(cell)),
            ]
        case _:
            raise AssertionError(f"no paper has a {type(block).__name__}")


def _runs(cell: Cell) -> list[str]:
    """The service's own words in a cell."""
    runs = cell if isinstance(cell, tuple) else (cell,)
    return [text for run in runs for text in _own_words(run)]


def _own_words(run: Run) -> list[str]:
    match run:
        case QuotedText():
            return [run.note]
        case Aside() | PageLink() | Sourced():
            return _runs(run.runs)
        case Mark():
            return [run.text] if run.role in ("figure", "label", "side", "time") else []
        case Break():
            return [run.between]
        case PressButton():
            return [run.label]
        case TextChange() | MarkedText():
            return []
        case _:
            return [run]


def _marks(block: Block) -> Iterator[Mark]:
    match block:
        case Paragraph():
            cells: list[Cell] = [block.runs]
        case Points():
            cells = [*block.points]
        case Table():
            cells = [cell for row in block.rows for cell in row]
        case _:
            cells = []
    for cell in cells:
        yield from _marks_of(cell)


def _marks_of(cell: Cell) -> Iterator[Mark]:
    for run in cell if isinstance(cell, tuple) else (cell,):
        if isinstance(run, Mark):
            yield run
        elif isinstance(run, Sourced):
            yield from _marks_of(run.runs)


def test_no_paper_says_a_value_as_programs_write_it(
    papers: dict[str, dict[str, ReportDocument]],
) -> None:
    marks = [
        mark
        for each in papers.values()
        for section in each["en"].sections
        for block in section.blocks
        for mark in _marks(block)
    ]
    assert any(mark.role == "time" for mark in marks)
    assert [mark.text for mark in marks if mark.role == "code"] == []


def words_of(text: str) -> list[str]:
    return re.findall(r"[A-Za-zÀ-ÿ]{2,}", _CODES.sub("", _DATA.sub("", text)))


def test_a_chinese_paper_has_no_word_of_another_language(
    papers: dict[str, dict[str, ReportDocument]],
) -> None:
    left = {text for each in papers.values() for text in own(each["zh"]) if words_of(text)}
    assert left == set()


def test_what_an_exception_was_is_said_in_the_language_of_the_paper(
    papers: dict[str, dict[str, ReportDocument]],
) -> None:
    rows = {language: exceptions_of(paper) for language, paper in papers["told audit live"].items()}
    assert {kind for kind, _ in rows["en"]} >= {
        "announced or reported late",
        "corrected or cancelled",
        "entered for the record",
        "said by voice before it was written down",
        "signed with a key that may have been stolen",
    }
    for other in ("fr", "zh"):
        assert [
            one
            for one, another in zip(rows["en"], rows[other], strict=True)
            if one[1] == another[1]
        ] == []


def exceptions_of(paper: ReportDocument) -> list[tuple[str, str]]:
    """Of which kind each exception is, and what it was."""
    (table,) = [
        block
        for block in paper.sections[-1].blocks
        if isinstance(block, Table) and isinstance(block.rows[0][-1], QuotedText)
    ]
    return [(str(row[1]), row[-1].text) for row in table.rows if isinstance(row[-1], QuotedText)]


def test_quiet_is_said_in_every_language(papers: dict[str, dict[str, ReportDocument]]) -> None:
    lead = {
        language: paper.lead[0].split()[0]
        for language, paper in papers["quiet situation live"].items()
    }
    assert (lead["en"], lead["fr"], lead["zh"][:3]) == ("Quiet:", "Calme", "平静：")  # noqa: RUF001
    assert not any("平静" in sentence for sentence in papers["quiet situation not live"]["zh"].lead)


def test_a_paper_names_the_path_that_gives_it_again_in_its_language(
    papers: dict[str, dict[str, ReportDocument]],
) -> None:
    assert {
        paper.again.rpartition("&")[2] for each in papers.values() for paper in each.values()
    } == {
        "language=en",
        "language=fr",
        "language=zh",
    }


def test_a_french_paper_says_no_sentence_as_an_english_one(
    papers: dict[str, dict[str, ReportDocument]],
) -> None:
    for each in papers.values():
        pairs = [*zip(own(each["en"]), own(each["fr"]), strict=True)]
        assert [
            english for english, french in pairs if english == french and len(words_of(english)) > 1
        ] == []
