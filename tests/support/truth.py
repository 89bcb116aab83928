"""The truth of a page: each run that has a source equals what its source says.

    log = Log(world.raws)
    faults(html, log, at=21)     one line for each run that says something else

The log is read here from its bytes alone, without the code that words the pages. `data-source`
names the source of what is inside (`document/html.py`):

    record 17 what        the words of one record, or the times of it
    follows title X       how the matter X was called at the page's position
    follows answers X     a side's silence in X
    follows F X           words of any record of X, by what the query F worked out
    duty F X              the same, of what has to happen

A side's own words (class `said`) without a source must at least be on record by then.
"""

import json
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from lxml import html as parser

from dragoman.audit.replay import Replay
from dragoman.domain.record.codec import parse
from dragoman.domain.views.titles import subject_of, title_of
from dragoman.i18n.words import words
from dragoman.members import shapes
from dragoman.members.kind import Member, Say
from dragoman.members.runs import Aside, plain

REFUSING: Final = {"decline", "amendment-refusal", "consent-withdrawal"}
ANSWERING: Final = REFUSING | {
    "agreement",
    "endorsement",
    "release-consent",
    "amendment-agreement",
    "grant",
    "acceptance",
    "counter-proposal",
}
ASKING: Final = {"counter-proposal", "postponement", "amendment", "correction", "update"}
"""Acts after which a side is asked anew."""

SILENT: Final = re.compile(r"([A-Z][A-Z-]*) has not answered")
ANSWER: Final = re.compile(
    r"(agreed|agreed in part|refused|agreement taken back) by (?:one officer of )?([A-Z][A-Z-]*)"
)
RANG: Final = re.compile(r"\b(rang|rung|has ringed|is ringing)\b", re.IGNORECASE)
NOT_PASSED: Final = re.compile(r"\bnot passed (it )?on\b", re.IGNORECASE)
PASSED: Final = re.compile(r"([A-Z]+) said that it passed")
BY_WORD: Final = re.compile(r"by the word of ([A-Z]+)")
SAID_OF_RINGING: Final = "The record does not say whether it rang, or who heard it."

_SAID: Final = "contains(concat(' ', normalize-space(@class), ' '), ' said ')"
_MARKED: Final = "contains(concat(' ', normalize-space(@class), ' '), ' marked ')"
_UNSEEN: Final = (
    "descendant-or-self::text()[not(ancestor::small) and not(ancestor::*[@class='how'])]"
)


class Entry(NamedTuple):
    """A record as the log has it."""

    side: str
    act: dict[str, Any]
    exchange: str
    time: str


class Log:
    """The content of a log, read from its bytes."""

    def __init__(self, raws: Iterable[bytes]) -> None:
        self.raws = [*raws]
        self.entries = [self._read(raw) for raw in self.raws]
        self._names: dict[int, dict[str, list[str]]] = {}

    @staticmethod
    def _read(raw: bytes) -> Entry:
        record = parse(raw)
        act = json.loads(record.act) if record.act else {}
        return Entry(record.side, act, record.envelope.subject or "", record.envelope.time)

    def entry(self, position: int) -> Entry:
        return self.entries[position - 1]

    def of_exchange(self, id: str, at: int) -> Iterator[tuple[int, Entry]]:
        """Yield the records of an exchange up to a position, with their positions."""
        for position, entry in enumerate(self.entries[:at], 1):
            if entry.exchange == id:
                yield position, entry

    def titles(self, at: int) -> dict[str, str]:
        """Return the name of each matter at a position, in English."""
        return {id: names[-1] for id, names in self.names(at).items()}

    def names(self, at: int) -> dict[str, list[str]]:
        """Return all names that each matter had up to a position, the newest last."""
        if at not in self._names:
            self._names[at] = {}
            replay, w = Replay(), words("en")
            for raw in self.raws[:at]:
                replay.take([raw])
                state = replay.exchange(parse(raw).envelope.subject or parse(raw).envelope.id)
                if state is not None:
                    name = squeezed(w.subject(subject_of(state), title_of(state))[1])
                    self._names[at].setdefault(state.id, []).append(name)
        return self._names[at]


def squeezed(text: str) -> str:
    """Return a text without the way in which it is set out."""
    return re.sub(r"[\s…]+", " ", text).strip()


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value, and each of its lines."""
    match value:
        case str():
            yield squeezed(value)
        case dict():
            for name, inner in value.items():
                yield squeezed(name)
                yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)


def moments(value: Any) -> set[datetime]:
    """Return every moment in a value."""
    found = set()
    for text in texts(value):
        try:
            found.add(datetime.fromisoformat(text).astimezone(UTC))
        except ValueError:
            continue
    return found


def faults(html: str, log: Log, at: int) -> list[str]:
    """Return the faults of a page of a position, a line for each."""
    tree = parser.fromstring(html)
    main = (tree.xpath("//main") or [tree])[0]
    lines: list[str] = []
    for element in main.xpath(f".//*[{_SAID}][not(.//*[{_SAID}])][not({_MARKED})]"):
        lines += _of_words(element, log, at)
    for element in main.xpath(f".//*[{_MARKED}][{_SAID}]"):
        lines += _of_difference(element, log, at)
    for element in main.xpath(".//*[starts-with(@data-source, 'record ')]//time[@datetime]"):
        lines += _of_times(element, log)
    for element in main.xpath(".//*[starts-with(@data-source, 'record ')]"):
        lines += _of_value(element, log)
    for element in main.xpath(".//*[@data-record]"):
        lines += _of_sheet(element, log)
    for element in main.xpath(".//*[@data-source]"):
        lines += _of_answer(element, log, at)
    lines += _of_duties(" ".join(main.xpath(f".//text()[not(ancestor::*[{_SAID}])]")), log, at)
    return lines


def unsourced(html: str) -> int:
    """Return the number of the sides' own words on a page that have no source."""
    tree = parser.fromstring(html)
    own = tree.xpath(f"//main//*[{_SAID}][not(.//*[{_SAID}])]")
    return sum(not element.xpath("ancestor-or-self::*[@data-source]") for element in own)


def _source(element: Any) -> list[str]:
    named = element.xpath("ancestor-or-self::*[@data-source][1]/@data-source")
    return str(named[-1]).split() if named else []


def _of_words(element: Any, log: Log, at: int) -> Iterator[str]:
    text = squeezed(" ".join(element.xpath(_UNSEEN)))
    match _source(element):
        case ["record", number, *member]:
            if int(number) > at:
                yield f"record {number} is later than {at}: {text!r}"
            elif not is_in(text, _member(log.entry(int(number)).act, member)):
                yield f"record {number} does not say {text!r}"
        case ["follows", "title", id]:
            title = log.titles(at).get(id, "")
            if not is_called(text, title):
                yield f"at {at} the matter {id[:8]} is not called {text!r}, but {title!r}"
        case ["follows", "past", "title", id]:
            if not any(is_called(text, name) for name in log.names(at).get(id, ())):
                yield f"the matter {id[:8]} was never called {text!r}"
        case ["follows" | "duty", _, *rest] if rest:
            entries = (
                [log.entry(int(number)) for number in rest]
                if rest[0].isdigit()
                else [entry for _, entry in log.of_exchange(rest[0], at)]
            )
            lists = [it for it in log.entries[:at] if it.act.get("act") == "onward-adoption"]
            is_title = is_called(text, log.titles(at).get(rest[0], ""))
            if not is_title and not any(is_in(text, entry.act) for entry in (*entries, *lists)):
                yield f"no record of {' '.join(rest)[:20]} up to {at} says {text!r}"
        case _:
            on_record = any(is_in(text, entry.act) for entry in log.entries[:at])
            if not on_record and not any(is_called(text, it) for it in log.titles(at).values()):
                yield f"nobody said {text!r} up to {at}"


def _of_difference(element: Any, log: Log, at: int) -> Iterator[str]:
    """Yield each of two versions that nobody said; struck out is the older, underlined the newer."""
    for left_out in ("ins", "del"):
        parts = element.xpath(f".//text()[not(ancestor::{left_out})]")
        text = squeezed("".join(parts))
        if text and not any(is_in(text, entry.act) for entry in log.entries[:at]):
            yield f"no version up to {at} says {text!r}"


def _member(act: dict[str, Any], path: list[str]) -> Any:
    """Return the value of a member, or the whole act where the member is inside it."""
    return act[path[0]] if path and path[0] in act else act


def is_in(text: str, value: Any) -> bool:
    """Return whether a record has a text; a page may shorten it, or quote several."""
    bare = text.strip("[]«»“” ")
    every = [*texts(value)]
    return any(bare == said or said.startswith(bare) for said in every if bare) or all(
        part in every for part in re.split(r"\s*[;,/]\s+", bare)
    )


def is_called(text: str, title: str) -> bool:
    """Return whether a text is a title, or the beginning of one."""
    return bool(title) and (text == title or title.startswith(text))


def _of_times(element: Any, log: Log) -> Iterator[str]:
    _, number, *member = _source(element)
    moment = datetime.fromisoformat(element.get("datetime")).astimezone(UTC)
    entry = log.entry(int(number))
    named = moments(_member(entry.act, member)) | (set() if member else moments(entry.time))
    if moment not in named:
        yield f"record {number} does not name the time {element.get('datetime')}"


def _of_value(element: Any, log: Log) -> Iterator[str]:
    """Yield a value of a member that its record does not have, whatever its kind.

    Names of people, files and other exchanges are left out: they are looked up elsewhere.
    """
    _, number, *path = _source(element)
    entry = log.entry(int(number))
    if not path or element.xpath(f".//*[{_SAID}] | .//a[not(@class='how')]"):
        return
    member, value = _stated(log, entry, path[0])
    if member is None or (isinstance(value, dict) and member.kind.is_prose):
        return
    runs = (
        run for run in member.kind.runs(value, Say(words=words("en"))) if not isinstance(run, Aside)
    )
    recorded = squeezed(plain(tuple(runs)))
    shown = _text(element, ".//a[@class='how']")
    without_small = _text(element, ".//small | .//a[@class='how']")
    if "register of people" in recorded:  # the register beside the log names them
        return
    if path[0] == "terms":  # a digest, by its first digits
        recorded = recorded[: len(without_small)]
        shown = without_small
    if _bare(recorded) not in (_bare(shown), _bare(without_small)):
        yield f"record {number} has {recorded!r} as its {path[0]}, not {without_small!r}"


def _text(element: Any, beside: str) -> str:
    """Return the words of an element without those that stand beside its value."""
    bare = deepcopy(element)
    bare.tail = None
    for each in bare.xpath(beside):
        each.drop_tree()
    return squeezed(bare.text_content())


def _bare(text: str) -> str:
    """Return a text without marks; a moment may have its zero seconds, and may not."""
    return re.sub(r"\W", "", re.sub(r"(:\d\d):00(\.000)?Z", r"\1Z", text))


def _stated(log: Log, entry: Entry, name: str) -> tuple[Member | None, Any]:
    """Return a member and its value: the act's own, or one that the act gives its matter."""
    if name in entry.act:
        return shapes.member(str(entry.act["act"]), name), entry.act[name]
    fields = entry.act.get("fields", {})
    opening = next(iter(log.of_exchange(entry.exchange, len(log.raws))), None)
    if name not in fields or opening is None:
        return None, None
    return shapes.member(str(opening[1].act["act"]), name), fields[name]


def _of_sheet(element: Any, log: Log) -> Iterator[str]:
    """Yield each part of the frame of a message that is not of its record."""
    number = element.get("data-record")
    entry = log.entry(int(number))
    for author in element.xpath(".//*[@data-author]"):
        if author.get("data-author") != entry.side:
            yield f"record {number} is of {entry.side}, not of {author.get('data-author')}"
    for source in element.xpath(".//*[@data-source]/@data-source"):
        if source.split()[:2] != ["record", number]:
            yield f"the frame of record {number} has words of {source!r}"


def _of_answer(element: Any, log: Log, at: int) -> Iterator[str]:
    """Yield an answer that its record does not give, and a silence that was none."""
    text, source = squeezed(element.text_content()), _source(element)
    if (silent := SILENT.match(text)) is not None and source[:2] == ["follows", "answers"]:
        side = silent[1].lower()
        answered = _answered(log, at, source[-1], side)
        if answered:
            yield f"{side} is told to be silent, and answered in record {answered}"
    elif (answer := ANSWER.match(text)) is not None:
        word, side = answer[1], answer[2].lower()
        entry = log.entry(int(source[1])) if source[0] == "record" else Entry("", {}, "", "")
        refuses = entry.act.get("act") in REFUSING
        if entry.side != side or refuses != word.startswith(("refused", "agreement taken")):
            said = f"{entry.side}: {entry.act.get('act')}"
            yield f"{text!r} is told of {' '.join(source)} ({said})"


def _answered(log: Log, at: int, exchange: str, side: str) -> int:
    """Return the record in which a side answered after it was asked last; 0 for none."""
    answered = 0
    for position, entry in log.of_exchange(exchange, at):
        name = entry.act.get("act")
        if entry.side != side and name in ASKING:
            answered = 0
        elif entry.side == side and name in ANSWERING:
            answered = position
    return answered


def _of_duties(text: str, log: Log, at: int) -> Iterator[str]:
    """Yield each duty that is told as an event, and each word that nobody gave."""
    plain = squeezed(text).replace(SAID_OF_RINGING, "")
    for pattern in (RANG, NOT_PASSED):
        if (hit := pattern.search(plain)) is not None:
            yield f"a duty is told as an event: {plain[max(0, hit.start() - 40) : hit.end() + 40]!r}"
    speakers = {entry.side for entry in log.entries[:at]}
    told = {entry.side for entry in log.entries[:at] if entry.act.get("act") == "passed-on"}
    for pattern, sides in ((PASSED, told), (BY_WORD, speakers)):
        for hit in pattern.finditer(plain):
            if hit[1].lower() not in sides:
                yield f"{hit[1]} never said so: {hit[0]!r}"
