"""The comparison of `dragoman audit replay`.

It compares the gateway's answers with those of the replayed log.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

import aiohttp

from dragoman.audit.answer_comparison import (
    AnswerComparison,
    Comparison,
    GatewayUnavailable,
    Mismatch,
)
from dragoman.audit.comparison_questions import Draw, questions
from dragoman.audit.replay import Page, Replay, Source, erasures_in, messages_of
from dragoman.audit.replayed_answers import Response
from dragoman.audit.replayed_channel import ReplayedProjection, replayed_channel
from dragoman.cli.common import HEAD_SECONDS, head_of, out, say
from dragoman.client import Client, Garbled, ProblemResponse, Unreachable
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.acts.log_policy import log_of
from dragoman.tlog import checkpoint
from dragoman.tlog.note import NotANote
from dragoman_schemas.host_responses import Me

SAMPLE: Final = 20
"""Exchanges, and answers of each other kind, that are compared by default. It takes
several seconds.
"""

QUICK: Final = 10
"""Answers that a first look compares: a second or two, also of a long log."""

_PATIENT_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 0.25
_WHOLE: Final = aiohttp.ClientTimeout(total=120, connect=5)
"""The time for one answer: a report of a long log takes a while."""

_FAILURES: Final = 3
"""Times that a question is asked if the gateway answers with an error of its own."""

_UNAUTHENTICATED, _TOO_MANY, _UNAVAILABLE = 401, 429, 503
_SHOWN: Final = 20
"""Mismatches that are printed; `--json` has more."""

_SHOWN_CHARACTERS: Final = 200


class GatewayChanged(Exception):
    """A log that a gateway gave differently the second time.

    Or its head is of other records. The message says which.
    """


class Gateway:
    """The gateway that is audited.

    It is asked as patiently as an honest gateway that is busy needs.
    """

    def __init__(self, caller: Client, channel: str) -> None:
        """Ask for a channel."""
        self._caller = caller
        self._channel = f"/v1/channels/{channel}"
        self._name = channel

    async def ask(self, path: str, least: int) -> Response:
        """Return the answer for a path of the channel, at a position or after it.

        Raises `GatewayUnavailable`, and `ProblemResponse` if the token is not in force
        any more.
        """
        until, failures = time.monotonic() + _PATIENT_SECONDS, 0
        while True:
            begun = time.monotonic()
            try:
                answer = await self._caller.call(
                    "GET",
                    self._channel + path,
                    headers={"Dragoman-Min-Position": str(least)},
                    timeout=_WHOLE,
                )
                return Response(
                    headers=answer.headers, body=answer.body, seconds=time.monotonic() - begun
                )
            except Garbled as error:
                return Response(refused=str(error))
            except Unreachable as error:
                wait, why = _AGAIN_SECONDS, str(error)
            except ProblemResponse as error:
                status = error.problem.status
                if status == _UNAUTHENTICATED:
                    raise
                if not error.is_unanswered and status != _TOO_MANY:
                    return Response(refused=f"{status} {error.problem.type}")
                failures += status not in (_TOO_MANY, _UNAVAILABLE)
                wait, why = max(error.wait, _AGAIN_SECONDS), f"{status}: {error}"
            if failures >= _FAILURES or time.monotonic() + wait > until:
                raise GatewayUnavailable(why)
            await asyncio.sleep(wait)

    async def position(self) -> int:
        """Return the newest position. Raises `GatewayUnavailable`."""
        try:
            return (await self._caller.channel(self._name)).position
        except (ProblemResponse, Unreachable, Garbled) as error:
            raise GatewayUnavailable(str(error)) from None

    async def head(self) -> bytes | None:
        """Return the newest signed head, or None. Raises `GatewayUnavailable`."""
        try:
            return await head_of(self._caller, self._name)
        except (ProblemResponse, Unreachable) as error:
            raise GatewayUnavailable(str(error)) from None

    async def more(self, first: int, least: int) -> AsyncGenerator[Page, None]:
        """Yield the messages from a position on, up to another one at least.

        Raises `GatewayUnavailable`, `Hole`.
        """
        try:
            async for page in messages_of(self._caller.records(self._name, first, least)):
                yield page
        except (ProblemResponse, Unreachable) as error:
            raise GatewayUnavailable(str(error)) from None


async def compare(
    caller: Client,
    channel: str,
    fold: Replay,
    source: Source,
    *,
    sample: int,
    seed: int,
    report: Callable[[str, int, int], None],
    most: int | None = None,
) -> AnswerComparison:
    """Compare the gateway's answers with those of the replayed log.

    `sample` is the number of answers of each kind, or 0 for all. Of the sample, `most`
    answers are compared if it is given. The source is folded
    again, which must give the replayed log. Raises `Hole`, `GatewayChanged`,
    `LogBroken`.
    """
    replayed = fold.result()
    me = (await caller.call("GET", "/v1/me")).of("word on whose the token is", Me)
    opens = not OFFICERS.isdisjoint(me.roles.get(channel, ()))
    host = Gateway(caller, channel)
    async with replayed_channel(channel, me.actor.partition("/")[0], host.more) as replay:
        if fold.erased or fold.unproven or fold.entries:
            replay.expect(await erasures_in(source))
        await replay.begin(
            _reporting(source(), lambda done: report("replaying again", done, replayed.position)),
            replayed.position,
        )
        if replay.projection.standing.frontier.root().hex() != replayed.root:
            raise GatewayChanged(
                "the gateway gave other records when the log was read a second time"
            )
        random = Draw(seed)
        comparison = Comparison(host, replay)
        compared_paths = questions(
            replay.projection.store,
            channel,
            replay.position,
            random,
            sample=sample,
            opens=opens,
        )[:most]
        for number, question in enumerate(compared_paths, 1):
            await comparison.ask(question)
            report("comparing", number, len(compared_paths))
            if comparison.is_over:
                break
        try:
            stopped = await _compare_head(host, replay, replayed.position)
        except GatewayUnavailable as error:
            stopped = ""
            comparison.leave_unanswered("the newest signed head and its records", str(error))
        return comparison.result(seed=seed, whole=not sample, stopped=stopped)


async def _reporting(
    pages: AsyncGenerator[Page, None], done: Callable[[int], None]
) -> AsyncGenerator[Page, None]:
    async for page in pages:
        yield page
        done(page[-1][0] if page else 0)


async def _compare_head(host: Gateway, replay: ReplayedProjection, replayed: int) -> str:
    """Compare the signed head with the records that arrived meanwhile.

    Return a note on records that no head covers. Raises `GatewayChanged`, `Hole`,
    `GatewayUnavailable`.
    """
    if replay.position == replayed:
        return ""
    registry = replay.projection.registry
    until = time.monotonic() + HEAD_SECONDS
    while True:
        signed = await host.head()
        if signed is None:
            return ""
        try:
            head, _ = checkpoint.read_signed(signed, log_of(registry))
        except NotANote as error:
            raise GatewayChanged(
                f"the signed head is not of the key that the genesis names: {error}"
            ) from None
        if head.size >= replay.position or time.monotonic() > until:
            break
        await asyncio.sleep(_AGAIN_SECONDS)
    await replay.reach(head.size)
    if replay.projection.root(head.size) != head.root:
        raise GatewayChanged(
            f"the signed head of {head.size} records is of other records than these: "
            "keep both, they convict the signer"
        )
    if head.size < replay.position:
        return (
            f"the records after {head.size} arrived while answers were compared, "
            "and no signed head covers them yet"
        )
    return ""


def show(compared: AnswerComparison) -> None:
    """Print the number of compared answers, and their positions."""
    counts = (
        ", ".join(f"{count} {kind}" for kind, count in sorted(compared.answers.items()))
        or "nothing"
    )
    drawn = (
        "all of them"
        if compared.whole
        else f"a sample; --seed {compared.seed} draws it again, --all compares all"
    )
    out("")
    out(f"compared   {counts}")
    out(f"           at positions {compared.first} to {compared.last}: {drawn}")


def tell(compared: AnswerComparison) -> None:
    """Print the differences and the unanswered questions on standard error."""
    for mismatch in compared.mismatches[:_SHOWN]:
        say(f"dragoman: VERIFICATION FAILED: {_in_words(mismatch)}")
    if len(compared.mismatches) > _SHOWN:
        say(f"and {len(compared.mismatches) - _SHOWN} differences more; --json has them")
    if compared.stopped:
        say(compared.stopped)
    for text in compared.unanswered:
        say(f"dragoman: not answered: {text}")


def _in_words(mismatch: Mismatch) -> str:
    where = (
        f"exchange {mismatch.number} ({mismatch.exchange}), "
        if mismatch.number
        else f"{mismatch.exchange}, "
        if mismatch.exchange
        else ""
    )
    gateway, text = (
        answer if len(answer) <= _SHOWN_CHARACTERS else f"{answer[:_SHOWN_CHARACTERS]}…"
        for answer in (mismatch.gateway, mismatch.replay)
    )
    what = mismatch.pointer or "the whole answer"
    more = f", and {mismatch.answers - 1} answers more" if mismatch.answers > 1 else ""
    return (
        f"{where}{what}: the gateway says {gateway}, the replay {text} "
        f"(GET {mismatch.question}, at position {mismatch.position}{more})"
    )
