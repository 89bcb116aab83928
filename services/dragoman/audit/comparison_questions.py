"""Questions that the comparison asks of both gateways."""

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from dragoman.audit.answer_comparison import ComparedPath
from dragoman.limits import LIST_PAGE, SEARCH_CHARACTERS
from dragoman.projection.queries import lists
from dragoman.projection.queries.lists import Filter
from dragoman.projection.store import Store
from dragoman.projection.view import queried
from dragoman_schemas.responses import Row

_READ: Final = 10
"""The number of records from whose words each search of a sample is drawn."""


_WORDS: Final = re.compile(r"[^\W_]+")


_HAN: Final = re.compile(r"[\u3400-\u9fff]")


_SEED_BITS: Final = 53
"""Bits of a seed: too many to try all, and a number that every JSON reader keeps."""


def drawn_seed() -> int:
    """Return a seed that nobody can foresee."""
    return secrets.randbits(_SEED_BITS)


class Draw(Random):
    """A draw that its seed repeats, and that its first results do not foretell.

    A host sees the questions one by one. It must not learn from the first ones which
    answers are asked for next. So each number comes from SHA-256 of the seed and a
    counter.
    """

    def __init__(self, seed: int) -> None:
        """Begin the draw of a seed."""
        self._key = f"dragoman sample {seed}".encode()
        self._drawn = 0
        super().__init__(seed)

    def getrandbits(self, k: int, /) -> int:
        """Return a number of so many bits."""
        digests = b""
        while len(digests) * 8 < k:
            self._drawn += 1
            digests += hashlib.sha256(self._key + self._drawn.to_bytes(8, "big")).digest()
        return int.from_bytes(digests, "big") >> (len(digests) * 8 - k)

    def random(self) -> float:
        """Return a number from 0 up to 1."""
        return self.getrandbits(53) / 2**53


def questions(
    store: Store, channel: str, position: int, random: Random, *, sample: int, opens: bool
) -> list[ComparedPath]:
    """Return the questions about a channel at a position: a random sample of each kind.

    `sample` is the size of each sample; 0 means all questions. With `opens`, reading a
    current exchange tells the other side that it was opened. Then exchanges are read as
    they were at the position.
    """
    rows = _rows(store, channel)
    whole = not sample

    def some(items: Sequence[Any]) -> list[Any]:
        return list(items) if whole or len(items) <= sample else random.sample(items, sample)

    compared_paths: list[ComparedPath] = []
    for row in some(rows):
        now = f"?at={position}" if opens else ""
        compared_paths.append(
            ComparedPath(
                kind="exchanges", path=f"/exchanges/{row.id}{now}", past=opens, timed=not opens
            )
        )
    names = {row.id for row in rows}
    for at in some(range(1, position + 1)):
        exchange = _subject(store.raws(channel, at, at)[at][0])
        if exchange in names:
            compared_paths.append(
                ComparedPath(kind="exchanges", path=f"/exchanges/{exchange}?at={at}", past=True)
            )
        compared_paths.append(ComparedPath(kind="records", path=f"/records/{at}", past=True))
        compared_paths.append(ComparedPath(kind="records", path=f"/records/{at}/causes", late=True))
        compared_paths.append(ComparedPath(kind="states", path=f"/state?at={at}", past=True))
    compared_paths.append(ComparedPath(kind="states", path="/state"))
    narrowed = _filters(rows, some(rows))
    compared_paths += [
        _list(filters, whole=whole, random=random, position=position)
        for filters in (narrowed if whole else [{}, *some(narrowed)])
    ]
    compared_paths += [
        ComparedPath(kind="lists", path=path, late=True)
        for path in ("/inbox", "/exchanges?facets=true")
    ]
    read = (
        range(1, position + 1)
        if whole
        else random.sample(range(1, position + 1), min(position, _READ * sample))
    )
    words = sorted({text for at in read for text in _searched(store.raws(channel, at, at)[at][0])})
    for item in some([word for word in words if _HAN.search(word)]) + some(
        [word for word in words if not _HAN.search(word)]
    ):
        compared_paths.append(
            ComparedPath(kind="searches", path=f"/exchanges?{urlencode({'q': item})}", pages=whole)
        )
    compared_paths += _reports(position, some(range(1, position)))
    random.shuffle(compared_paths)
    return compared_paths


def _rows(store: Store, channel: str) -> list[Row]:
    """Return every exchange's row, as the replay has it."""
    rows: list[Row] = []
    cursor = ""
    while True:
        page = queried(store, channel, lists.listed, Filter(cursor=cursor), LIST_PAGE)
        rows += page.exchanges
        if not (cursor := page.next):
            return rows


def _filters(rows: Sequence[Row], numbered: Sequence[Row]) -> list[dict[str, str]]:
    """Return the filters of lists: each value that some exchange has."""
    sides = sorted({side for row in rows for side in (row.side, *row.to)})
    texts: list[dict[str, str]] = [{}]
    for name in ("family", "act", "status", "area"):
        texts += [{name: value} for value in sorted({getattr(row, name) for row in rows})]
    texts += [
        {"family": family, "status": status}
        for family, status in sorted({(row.family, row.status) for row in rows})
    ]
    texts += [
        {name: side}
        for side in sides
        for name in ("side", "unacknowledged_by", "unanswered_by", "overdue")
    ]
    texts += [{"overdue": "any"}]
    return texts + [{"number": row.number} for row in numbered]


def _list(filters: dict[str, str], *, whole: bool, random: Random, position: int) -> ComparedPath:
    drawn = (
        {}
        if whole
        else {
            "limit": str(random.randint(1, LIST_PAGE)),
            "cursor": str(random.randint(1, position + 1)),
        }
    )
    query = urlencode({**filters, **drawn} if filters else filters)
    return ComparedPath(
        kind="lists",
        path="/exchanges" + (f"?{query}" if query else ""),
        timed="overdue" in filters,
        pages=whole,
    )


def _reports(position: int, past: Sequence[int]) -> Iterator[ComparedPath]:
    """Yield questions over many exchanges, and on changes between positions.

    The exchanges are as they were at the position.
    """
    for name in (
        "watch",
        "in-force",
        "undertakings",
        "mechanisms",
        "statistics",
        "reports/situation",
        "reports/turn-over",
        "reports/period",
    ):
        yield ComparedPath(kind="reports", path=f"/{name}?at={position}", past=True)
    for name in ("perceptions", "roadmap"):
        yield ComparedPath(kind="reports", path=f"/{name}", late=True)
    yield ComparedPath(kind="reports", path="/points-of-contact", timed=True, late=True)
    for first, last in pairwise([0, *sorted(past), position]):
        if first < last:
            yield ComparedPath(kind="reports", path=f"/diff?from={first}&to={last}", past=True)


class _Spoken(Struct):
    subject: str = ""
    data: Any = None


_said = msgspec.json.Decoder(_Spoken).decode


def _subject(raw: bytes) -> str:
    """Return the exchange of a record; empty for bytes that are no record."""
    try:
        return _said(raw).subject
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _searched(raw: bytes) -> Iterator[str]:
    """Yield the words that find a record, and each pair of adjacent Han characters.

    A word that is too long for a search is left out: a server refuses its address.
    """
    try:
        data = _said(raw).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for text in _texts(data):
        for word in _WORDS.findall(text):
            if _HAN.search(word):
                yield from (one + other for one, other in pairwise(word))
            elif len(word) <= SEARCH_CHARACTERS:
                yield word.lower()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "signed":
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
