"""The comparison of a gateway's whole answers with those from a replayed log.

    comparison = Comparison(host, channel)
    for question in questions(store, "a-b", position, random, sample=20, opens=False):
        await comparison.ask(question)
    comparison.result()

The same queries give both answers. The host is asked first, and its answer states its
position. The replay then reads and folds the log up to exactly that position, and is
asked the same. Two answers of one position, in one language and for one caller, are the
same bytes, apart from the members that no log can tell. Each member that differs is a
`Mismatch`: its place, its exchange, and both values.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Final, Protocol

import msgspec
from msgspec import Raw, Struct

from dragoman.audit.json_differences import differences, escaped
from dragoman.audit.replay import Hole
from dragoman.audit.replayed_answers import Response
from dragoman.audit.replayed_channel import ReplayedProjection

MISMATCHES: Final = 100
"""The limit of differences: a gateway of another log would differ in everything."""

UNANSWERED: Final = 10
"""The number of unanswered questions after which the host is asked no more.

The comparison waits for each of them.
"""

_VALUE_CHARACTERS: Final = 2_000
"""The limit of a value in a mismatch, in characters."""

_TRIES: Final = 5
"""The number of tries of a question while the log moves on between the two answers."""

_BESIDE: Final = frozenset({"as_of", "live", "standing", "people", "files", "desk", "about"})
"""Members that no replay of this log can give.

`as_of` and `live` are the gateway's word on what it has seen. `standing` follows from
cosignatures. People and files are beside the log. `desk` and `about` are of other
channels.
"""

_HEADERS: Final = ("ETag", "Dragoman-Commit", "Dragoman-Digest", "Dragoman-Void")

_YEARS: Final = range(2000, 3000)
_POSITION: Final = re.compile(r"[0-9]{1,15}")
_PLACES: Final = re.compile(r"/[0-9]+(?=/|$)")
_members = msgspec.json.Decoder(dict[str, Raw]).decode


class GatewayUnavailable(Exception):
    """The host gave no answer: it is overloaded, it failed, or it cannot be reached."""


class ComparedGateway(Protocol):
    """A gateway as its caller sees it."""

    async def ask(self, path: str, least: int) -> Response:
        """Return the answer to a path of the channel, at position `least` or after it.

        Raises `GatewayUnavailable`.
        """

    async def position(self) -> int:
        """Return the newest position. Raises `GatewayUnavailable`."""


class ComparedPath(Struct, frozen=True, kw_only=True):
    """A path of the channel that is asked of both gateways.

    A `past` path is of a past position, so the answer's position does not show how far
    the log had come. A `timed` answer depends on the gateway's clock. A `late` answer
    is computed a moment after the position that it states, and may be of a later one. A
    path with `pages` is asked for every further page.
    """

    kind: str
    path: str
    past: bool = False
    timed: bool = False
    late: bool = False
    pages: bool = False


class Mismatch(Struct, frozen=True, kw_only=True):
    """A member of an answer that differs, with its exchange and both values as JSON.

    The same difference of the same exchange may be in several `answers`; the first
    answer is named as the `question`.
    """

    question: str
    position: int
    exchange: str
    number: str
    pointer: str
    gateway: str
    replay: str
    answers: int = 1


class AnswerComparison(Struct, frozen=True, kw_only=True):
    """The result of a comparison: the number of compared answers of each kind.

    `first` and `last` are the positions. `unanswered` and `mismatches` list the rest.
    """

    answers: dict[str, int]
    first: int
    last: int
    unanswered: tuple[str, ...] = ()
    mismatches: tuple[Mismatch, ...] = ()
    seed: int = 0
    whole: bool = False
    stopped: str = ""


class Comparison:
    """A comparison in progress, question by question."""

    def __init__(self, host: ComparedGateway, replay: ReplayedProjection) -> None:
        """Begin with no compared answer."""
        self._host = host
        self._replay = replay
        self._first = replay.position
        self._answers: dict[str, int] = {}
        self._unanswered: list[str] = []
        self._mismatches: dict[tuple[str, ...], Mismatch] = {}

    @property
    def is_over(self) -> bool:
        """Return whether to stop, because of too many mismatches or missing answers."""
        return len(self._mismatches) >= MISMATCHES or len(self._unanswered) >= UNANSWERED

    def result(self, *, seed: int = 0, whole: bool = False, stopped: str = "") -> AnswerComparison:
        """Return the result so far."""
        return AnswerComparison(
            answers=dict(self._answers),
            first=self._first,
            last=self._replay.position,
            unanswered=tuple(self._unanswered),
            mismatches=tuple(self._mismatches.values()),
            seed=seed,
            whole=whole,
            stopped=stopped,
        )

    def leave_unanswered(self, question: str, why: str) -> None:
        """Note a question that the host did not answer."""
        self._unanswered.append(f"{question}: {why}")

    async def ask(self, question: ComparedPath) -> None:
        """Ask both gateways a question, and for every further page of its list."""
        path: str | None = question.path
        while path is not None and not self.is_over:
            try:
                body = await self._compare(msgspec.structs.replace(question, path=path))
            except GatewayUnavailable as error:
                self.leave_unanswered(path, str(error))
                return
            path = _next_page(path, body) if question.pages else None

    async def _compare(self, question: ComparedPath) -> bytes:
        """Compare one answer, and return the replay's body.

        The body is empty if the answers differ. Raises `GatewayUnavailable`, and `Hole`
        if records are missing.
        """
        for attempt in range(_TRIES):
            erasures = self._replay.erasures
            answer = await self._host.ask(question.path, self._replay.position)
            if not question.past and not answer.refused:
                header = answer.headers.get("Dragoman-Position", "")
                if not _POSITION.fullmatch(header):
                    mismatches = [
                        self._mismatch(
                            question, "Dragoman-Position", header or "nothing", "a position"
                        )
                    ]
                    break
                try:
                    await self._replay.reach(int(header))
                except Hole as error:
                    mismatches = [self._mismatch(question, "Dragoman-Position", header, str(error))]
                    break
                if self._replay.position != int(header):
                    # The answer is older than expected, or an erasure took the replay further.
                    continue
            mine, mismatches = await self._replay_answer(question, answer)
            if mismatches and (answer.refused or question.past or question.late):
                mine, mismatches = await self._fold_further(question, answer, mismatches)
                if self._replay.erasures != erasures:
                    # An erasure between the two answers changes answers about the past as well.
                    continue
            if not mismatches:
                self._count(question.kind)
                return mine.body
            if not question.timed or attempt:
                # On a first timed try, a deadline may have passed between the two looks at the
                # clock.
                break
        else:
            raise GatewayUnavailable(f"{_TRIES} answers were of other positions than asked for")
        self._count(question.kind)
        self._keep(mismatches)
        return b""

    async def _fold_further(
        self, question: ComparedPath, answer: Response, mismatches: list[Mismatch]
    ) -> tuple[Response, list[Mismatch]]:
        """Fold on to the newest position of the log; return the remaining differences.

        If the answer may be of any position up to there, fold position by position.
        """
        newest = await self._host.position()
        mine = Response()
        while mismatches and question.late and self._replay.position < newest:
            await self._replay.reach(self._replay.position + 1)
            mine, mismatches = await self._replay_answer(question, answer)
        await self._replay.reach(newest)
        return mine, mismatches

    async def _replay_answer(
        self, question: ComparedPath, answer: Response
    ) -> tuple[Response, list[Mismatch]]:
        """Return the replay's answer for the host's time, and the differences.

        Raises `GatewayUnavailable`.
        """
        as_of = answer.headers.get("Dragoman-As-Of", "")
        moments = _moments(answer, timed=question.timed)
        mine, mismatches = await self._at_one_of(moments, question, answer, as_of)
        if mismatches and len(moments) > 1:
            # Several limits may lie between the earliest and the latest time.
            between = [
                limit + timedelta(microseconds=1)
                for limit in await self._replay.limits(min(moments), max(moments))
            ]
            if between:
                mine, mismatches = await self._at_one_of(between, question, answer, as_of)
        return mine, mismatches

    async def _at_one_of(
        self, moments: Sequence[datetime], question: ComparedPath, answer: Response, as_of: str
    ) -> tuple[Response, list[Mismatch]]:
        """Return the replay's answer for the first time at which nothing differs.

        If something differs at each of the times, return those of the last one. Raises
        `GatewayUnavailable`.
        """
        for now in moments:
            mine = await self._replay.answer(question.path, now, as_of)
            mismatches = self._differences(question, answer, mine)
            if not mismatches:
                break
        return mine, mismatches

    def _differences(
        self, question: ComparedPath, theirs: Response, mine: Response
    ) -> list[Mismatch]:
        if theirs.refused or mine.refused:
            if theirs.refused == mine.refused:
                return []
            return [
                self._mismatch(
                    question,
                    "",
                    theirs.refused or "an answer",
                    mine.refused or "an answer",
                    _exchange_in(question.path),
                )
            ]
        headers = [
            self._mismatch(
                question,
                name,
                theirs.headers.get(name, ""),
                mine.headers.get(name, ""),
                _exchange_in(question.path),
            )
            for name in _HEADERS
            if not question.late and theirs.headers.get(name, "") != mine.headers.get(name, "")
        ]
        return self._bodies(question, theirs.body, mine.body) + headers

    def _bodies(self, question: ComparedPath, theirs: bytes, mine: bytes) -> list[Mismatch]:
        if theirs == mine:
            return []
        try:
            raw_records, right = _members(theirs), _members(mine)
            plain = msgspec.json.encode(raw_records) == theirs
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raw_records, right, plain = {}, {}, False
        # It is no JSON object, or is not written as ours: with a member twice, or white space.
        if not plain:
            return [self._mismatch(question, "", theirs, mine, _exchange_in(question.path))]
        mismatches: list[Mismatch] = []
        for name in dict.fromkeys((*right, *raw_records)):
            if (
                name not in _BESIDE
                and not (question.late and name == "position")
                and raw_records.get(name) != right.get(name)
            ):
                mismatches += self._member(question, name, raw_records.get(name), right.get(name))
        return mismatches

    def _member(
        self, question: ComparedPath, name: str, theirs: Raw | None, mine: Raw | None
    ) -> list[Mismatch]:
        """Return the differences inside a member.

        If the JSON is the same and its bytes are not, the whole member differs.
        """
        exchange = _exchange_in(question.path)
        if theirs is None or mine is None:
            gateway_text, replay_text = (
                "nothing" if raw is None else bytes(raw) for raw in (theirs, mine)
            )
            return [
                self._mismatch(question, f"/{escaped(name)}", gateway_text, replay_text, exchange)
            ]
        try:
            one, other = msgspec.json.decode(theirs), msgspec.json.decode(mine)
            rows = [*islice(differences(f"/{escaped(name)}", one, other, exchange), MISMATCHES)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            rows = []
        if not rows:
            return [
                self._mismatch(question, f"/{escaped(name)}", bytes(theirs), bytes(mine), exchange)
            ]
        return [
            self._mismatch(question, pointer, value, replay_text, where)
            for pointer, value, replay_text, where in rows
        ]

    def _mismatch(
        self,
        question: ComparedPath,
        pointer: str,
        theirs: str | bytes,
        mine: str | bytes,
        exchange: str = "",
    ) -> Mismatch:
        text, right = (
            item if isinstance(item, str) else item.decode(errors="replace")
            for item in (theirs, mine)
        )
        return Mismatch(
            question=question.path,
            position=self._replay.position,
            exchange=exchange,
            number=self._replay.number_of(exchange) if exchange else "",
            pointer=pointer,
            gateway=text[:_VALUE_CHARACTERS],
            replay=right[:_VALUE_CHARACTERS],
        )

    def _keep(self, mismatches: list[Mismatch]) -> None:
        """Keep differences up to the limit.

        A difference that another answer of the exchange already had is only counted.
        """
        for mismatch in mismatches:
            key = (
                mismatch.exchange or mismatch.question,
                _PLACES.sub("", mismatch.pointer),
                mismatch.gateway,
                mismatch.replay,
            )
            earlier = self._mismatches.get(key)
            if earlier is not None:
                self._mismatches[key] = msgspec.structs.replace(
                    earlier, answers=earlier.answers + 1
                )
            elif len(self._mismatches) < MISMATCHES:
                self._mismatches[key] = mismatch

    def _count(self, kind: str) -> None:
        self._answers[kind] = self._answers.get(kind, 0) + 1


def _moments(answer: Response, *, timed: bool) -> list[datetime]:
    """Return the time of an answer, by the gateway's clock.

    If the time matters, return the latest and the earliest possible one. A date of
    another age is not believed: no limit could be counted from it.
    """
    date = datetime.now(UTC)
    with suppress(ValueError, OverflowError):  # A proxy left it out, or it is no date.
        moment = parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
        date = moment if moment.year in _YEARS else date
    if timed:
        return [date + timedelta(seconds=1), date - timedelta(seconds=answer.seconds + 1)]
    return [date]


def _next_page(path: str, body: bytes) -> str | None:
    """Return the path of the next page of a list, or None after the last one."""
    cursor = msgspec.json.decode(body).get("next", "") if body else ""
    if not cursor:
        return None
    bare = re.sub(r"[?&]cursor=[0-9]+", "", path)
    return f"{bare}{'&' if '?' in bare else '?'}cursor={cursor}"


def _exchange_in(path: str) -> str:
    """Return the id of the exchange that a path names; empty if it names none."""
    result = re.match(r"/exchanges/([^/?]+)", path)
    return "" if result is None else result.group(1)
