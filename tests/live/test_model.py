"""The whole service against a plain model: whatever is posted, tried again and killed, the log
holds what was acknowledged.

Two gateways on one broker are started once; each example has a channel of its own, and ends by
auditing all of its log.
"""

import asyncio
import itertools
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from dragoman.audit.replay import Replay
from dragoman.domain.record import codec as records
from model import OPENS, RECORDED, RESTS_ON, Model, Post
from pair import FIRST, SECOND, VICTIMS, Pair
from service import INCIDENT, NOTE, Answer, still_to_come
from world import REQUEST

T = TypeVar("T")

SHORT = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=8,
    stateful_step_count=30,
    phases=[
        Phase.generate
    ],  # a crash does not come a second time in the same place: nothing can be shrunk
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LONG = settings(SHORT, derandomize=False, max_examples=100, stateful_step_count=50)

SIDES = ("nato", "china")
ROLES = {"o-1": "officer", "d-1": "duty_officer", "adm-1": "administrator", "au-1": "auditor"}
READER = "nato/au-1"
BODIES: dict[str, dict[str, Any]] = {
    "contact-note": NOTE,
    "hazardous-incident": INCIDENT,
    "meeting-request": REQUEST,
    "interim-reply": {"next_word_by": "2026-11-25T08:00Z"},
    "acceptance": {"window": 0},
    "meeting-held": {"from": "2026-11-26T08:00Z", "to": "2026-11-26T09:00Z"},
    "readout": {"kind": "joint", "topics": ["Incident of 24 November"]},
    "counter-account": {"facts": "One aircraft passed at a distance."},
    "correction": {"fields": {"subject": "Corrected."}, "reason": "A slip."},
    "cancellation": {"reason": "Sent in error."},
}
PATHS = {
    "contact-note": "contacts",
    "hazardous-incident": "notifications",
    "meeting-request": "meetings",
}
OVERTAKEN = {"not-found", "not-permitted", "not-allowed-in-state", "invalid-act", "moved", "void"}
"""Refusals of a gateway that lags, where one that has everything would record, or refuse otherwise.
"""

UNKNOWN = {"no answer", "unavailable", "unknown-outcome"}
"""Answers of a gateway that is being killed."""

GATEWAYS = st.sampled_from([FIRST, SECOND])
PICKS = st.integers(0, 999)
"""The index of something that exists. Drawing from a list would depend on who was faster."""
BUSIEST = 8
OPENINGS = st.sampled_from([0, 4, 48])
"""At two gateways together: of 48, half of them at each, some are committed in one batch."""


def picked(among: Sequence[T], pick: int) -> T:
    """One of several."""
    return among[pick % len(among)]


def some(among: Iterable[T], pick: int) -> list[T]:
    """One of several, or none of none."""
    several = [*among]
    return [picked(several, pick)] if several else []


def kind_of(answer: Answer | None) -> str:
    """Return the kind of answer to a post, or "no answer"."""
    if answer is None:
        return "no answer"
    return RECORDED if answer.status == 201 else str(answer.json["type"]).removeprefix("/problems/")


def position_of(answers: list[Answer | None]) -> int:
    """Return the position of a post from the answers to its copies. A refused post, or one whose
    position nobody knows, comes after all others.
    """
    return min(
        (
            answer.json["position"]
            for answer in answers
            if answer is not None and answer.status == 201
        ),
        default=sys.maxsize,
    )


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """The one loop of all calls: the machine below is not asynchronous itself."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def pair(tmp_path: Path, runner: asyncio.Runner, dice: random.Random) -> Iterator[Pair]:
    async def connections() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))

    session = runner.run(connections())
    pair = Pair(tmp_path, session, dice)
    yield pair
    runner.run(session.close())
    pair.stop()


_ASKED_AT_ONCE = 20


class Liaison(RuleBasedStateMachine):
    """Officers of two sides at two gateways, and the model of what became of their posts."""

    def __init__(
        self,
        pair: Pair,
        runner: asyncio.Runner,
        answers: Counter[str],
        failures: list[BaseException],
    ) -> None:
        super().__init__()
        self.failures = failures
        self.pair = pair
        self.run = runner.run
        self.answers = answers
        self.model = Model(
            SIDES, {f"{side}/{name}": role for side in SIDES for name, role in ROLES.items()}
        )
        self.channel = self.run(pair.open_channel(self.model.officers))
        self.serial = itertools.count(1)
        self.lives = 1
        self.denied: set[str] = set()
        self.history: list[str] = []

    # What officers do; a rule that does not apply does nothing

    @rule(
        act=st.sampled_from(sorted(OPENS)), side=st.sampled_from(SIDES), who=PICKS, gateway=GATEWAYS
    )
    def open_an_exchange(self, act: str, side: str, who: int, gateway: int) -> None:
        actors = self.model.in_office(side, "officer", "duty_officer", "administrator")
        self.send(self.post(picked(actors, who), act), gateway)

    @rule(which=PICKS, what=PICKS, who=PICKS, gateway=GATEWAYS, hasty=st.booleans())
    def carry_an_exchange_on(
        self, which: int, what: int, who: int, gateway: int, *, hasty: bool
    ) -> None:
        for exchange in some(self.busiest(), which):
            for act, side in some(self.model.admitted(exchange), what):
                actor = picked(self.model.in_office(side, "officer", "duty_officer"), who)
                self.send(self.post(actor, act, exchange), gateway, hasty=hasty)

    @rule(which=PICKS, what=PICKS, who=PICKS, seen=PICKS, gateway=GATEWAYS)
    def do_what_may_not_be_done(
        self, which: int, what: int, who: int, seen: int, gateway: int
    ) -> None:
        for exchange in some(self.busiest(), which):
            act, side = picked(self.model.admitted(exchange, recorded=False), what)
            etag = picked(["", *self.model.exchanges[exchange].etags], seen)
            actor = picked(self.model.in_office(side, "officer", "duty_officer"), who)
            self.send(self.post(actor, act, exchange, etag=etag), gateway)

    @rule(which=PICKS, what=PICKS, seen=PICKS, gateway=GATEWAYS)
    def rest_on_what_has_moved(self, which: int, what: int, seen: int, gateway: int) -> None:
        for exchange in some(
            [id for id in self.busiest() if len(self.model.exchanges[id].etags) > 1], which
        ):
            for act, side in some(self.model.admitted(exchange), what):
                etag = picked(self.model.exchanges[exchange].etags[:-1], seen)
                self.send(self.post(f"{side}/d-1", act, exchange, etag=etag), gateway)

    @rule(which=PICKS, one=PICKS, other=PICKS)
    def race_in_an_exchange(self, which: int, one: int, other: int) -> None:
        for exchange in some(self.busiest(), which):
            admitted = self.model.admitted(exchange)
            racing = [
                self.post(f"{side}/o-1", act, exchange)
                for pick in (one, other)
                for act, side in some(admitted, pick)
            ]
            self.run(self.at_once([*zip(racing, (FIRST, SECOND), strict=False)], hasty=True))

    @rule(which=PICKS, gateway=GATEWAYS)
    def try_again(self, which: int, gateway: int) -> None:
        for post, _ in some(self.model.recorded.values(), which):
            self.send(post, gateway)

    @rule(which=PICKS, gateway=GATEWAYS, hasty=st.booleans())
    def use_a_key_for_another_post(self, which: int, gateway: int, *, hasty: bool) -> None:
        for known, _ in some(self.model.recorded.values(), which):
            other = Post(
                actor=known.actor,
                key=known.key,
                body={**NOTE, "text": f"Another post, no. {next(self.serial)}."},
            )
            assert self.send(other, gateway, hasty=hasty).status in (404, 422)

    @rule(which=PICKS, gateway=GATEWAYS)
    def resolve_a_doubt(self, which: int, gateway: int) -> None:
        for post in some(self.model.doubtful.values(), which):
            self.run(self.resolve(post, gateway))

    @rule(
        side=st.sampled_from(SIDES),
        role=st.sampled_from(["officer", "duty_officer"]),
        gateway=GATEWAYS,
    )
    def enter_an_officer(self, side: str, role: str, gateway: int) -> None:
        body = {
            "act": "officer",
            "officer": f"n-{next(self.serial)}",
            "office": "hq",
            "roles": [role],
        }
        self.send(Post(actor=f"{side}/adm-1", key=self.key(), body=body), gateway)

    @rule(which=PICKS, gateway=GATEWAYS)
    def revoke_an_officer_who_is_posting(self, which: int, gateway: int) -> None:
        for officer in some(
            [
                actor
                for actor in self.model.officers
                if "/n-" in actor and actor not in self.model.revoked
            ],
            which,
        ):
            side, _, name = officer.partition("/")
            revocation = Post(
                actor=f"{side}/adm-1",
                key=self.key(),
                body={"act": "officer-revocation", "officer": name},
            )
            self.run(
                self.at_once(
                    [
                        (revocation, gateway),
                        (self.post(officer, "contact-note"), FIRST + SECOND - gateway),
                    ],
                    hasty=True,
                )
            )

    # Many at once, and what kills them

    @rule(openings=OPENINGS, acts=st.lists(PICKS, max_size=4))
    def post_much_at_once(self, openings: int, acts: list[int]) -> None:
        self.run(self.at_once(self.much(openings, acts)))

    @rule(
        openings=OPENINGS,
        acts=st.lists(PICKS, max_size=4),
        whom=st.sampled_from(VICTIMS),
        after_ms=st.integers(0, 40),
    )
    def post_much_at_once_and_be_killed(
        self, openings: int, acts: list[int], whom: str, after_ms: int
    ) -> None:
        if self.lives > 0:
            self.lives -= 1
            self.run(self.at_once(self.much(openings, acts), whom=whom, after_ms=after_ms))

    def much(self, openings: int, acts: list[int]) -> list[tuple[Post, int]]:
        """Openings at both gateways, an act in each of some exchanges, and one post that comes to
        both gateways at the same time.
        """
        sending = [
            (self.post(f"{SIDES[n % 2]}/d-1", sorted(OPENS)[n % 3]), n // 2 % 2)
            for n in range(openings)
        ]
        for exchange, pick in zip(self.busiest(), acts, strict=False):
            for act, side in some(self.model.admitted(exchange), pick):
                post = self.post(f"{side}/d-1", act, exchange)
                sending += [
                    (post, gateway)
                    for gateway in picked([(FIRST,), (SECOND,), (FIRST, SECOND)], pick)
                ]
        both = self.post("nato/o-1", "contact-note")
        return [*sending, (both, FIRST), (both, SECOND)]

    # What holds after every step

    @invariant()
    def both_gateways_have_the_same_state(self) -> None:
        position = self.model.position
        digests = self.run(self.digests(range(position, position + 1)))
        assert digests[FIRST] == digests[SECOND]

    def teardown(self) -> None:
        """Kill somebody where nobody was killed, and audit the whole log, unless something has
        failed already.
        """
        failed = sys.exc_info()[1]
        try:
            if failed is None:
                self.use_a_key_for_another_post(which=0, gateway=SECOND, hasty=False)
                self.rest_on_what_has_moved(which=0, what=0, seen=0, gateway=SECOND)
                rarest = min(
                    VICTIMS, key=lambda whom: self.pair.deaths[whom]
                )  # what is drawn depends on which modules are loaded
                self.lives = 1 if not self.pair.deaths[rarest] else self.lives
                self.post_much_at_once_and_be_killed(
                    openings=48, acts=[0, 1, 2], whom=rarest, after_ms=20
                )
                self.run(self.audit())
        except BaseException as error:
            failed = error
            raise
        finally:
            if failed is not None:
                failed.add_note("\n".join([self.channel, *self.history]))
                self.failures.append(failed)

    async def audit(self) -> None:
        for number, post in enumerate([*self.model.doubtful.values()]):
            await self.resolve(post, number % 2)
        replay = Replay()
        digests: list[str] = []
        stood: dict[str, int] = {}
        for position, message in enumerate(await self.pair.messages(self.channel), 1):
            assert message.position == position
            replay.take([message.raw])
            digests.append(replay.standing.digest)
            id = records.parse(message.raw).envelope.id
            assert id not in stood, "an id stands twice"
            stood[id] = position
        opening = 1 + len(SIDES) * len(ROLES)
        acknowledged = {
            answer["id"]: answer["position"] for _, answer in self.model.recorded.values()
        }
        assert acknowledged.items() <= stood.items()
        assert replay.void.keys() == self.model.void
        assert len(stood) == opening + len(acknowledged) + len(self.model.void)
        assert [digests, digests] == await self.digests(range(1, len(digests) + 1))
        statuses = {id: exchange.status for id, exchange in self.model.exchanges.items()}
        for gateway in (FIRST, SECOND):
            found = await asyncio.gather(*(self.status(gateway, id) for id in statuses))
            assert statuses == dict(zip(statuses, found, strict=True))

    # How it is done

    def busiest(self) -> list[str]:
        """The few exchanges in which most has happened, so that some go all the way to their end."""
        return self.model.certain()[:BUSIEST]

    def key(self) -> str:
        return f"{self.channel}-key-{next(self.serial):06d}"

    def post(self, actor: str, act: str, exchange: str = "", *, etag: str | None = None) -> Post:
        """A post of its own; what must rest on something rests on the newest, unless an ETag is
        given.
        """
        if etag is None:
            etag = self.model.exchanges[exchange].etags[-1] if act in RESTS_ON else ""
        body = still_to_come(
            {**BODIES.get(act, {}), "act": act, "text": f"No. {next(self.serial)}."}
        )
        if act == "acceptance":
            body["terms"] = self.model.terms(exchange)
        return Post(actor=actor, key=self.key(), body=body, exchange=exchange, if_match=etag)

    def send(self, post: Post, gateway: int, *, hasty: bool = False) -> Answer:
        """Send one post, to a gateway that has everything unless it is done in haste; it has an
        outcome.
        """
        answer: Answer = self.run(self.sent(post, gateway, hasty=hasty))
        return answer

    async def sent(self, post: Post, gateway: int, *, hasty: bool = False) -> Answer:
        if not hasty:
            await self.digest(gateway, self.model.position)
        expected = self.model.expected(post)
        answer = await self.call(post, gateway)
        assert answer is not None and kind_of(answer) not in UNKNOWN, answer
        self.settle(post, expected, [answer], hasty=hasty)
        return answer

    async def at_once(
        self,
        sending: list[tuple[Post, int]],
        *,
        hasty: bool = False,
        whom: str = "",
        after_ms: int = 0,
    ) -> None:
        """Send all at the same time, and kill someone in the middle."""
        for gateway in (FIRST, SECOND):
            await self.digest(gateway, self.model.position)
        for post, _ in sending:
            await self.pair.token(self.channel, post.actor)
        expected = {post.key: self.model.expected(post) for post, _ in sending}
        calls = [asyncio.create_task(self.call(post, gateway)) for post, gateway in sending]
        if whom:
            await asyncio.sleep(after_ms / 1000)
            self.pair.kill(whom)
            self.history.append(f"{whom} was killed")
        answers = await asyncio.gather(*calls)
        if whom:
            await self.pair.rise()
        copies: dict[str, list[Answer | None]] = {}
        for (post, _), answer in zip(sending, answers, strict=True):
            assert whom or kind_of(answer) not in UNKNOWN, answer
            copies.setdefault(post.key, []).append(answer)
        posts = {post.key: post for post, _ in sending}
        for key in sorted(posts, key=lambda key: position_of(copies[key])):
            self.settle(posts[key], expected[key], copies[key], hasty=hasty)

    async def resolve(self, post: Post, gateway: int) -> None:
        """Try a post again until its outcome is known, which must be that it is recorded."""
        await self.digest(gateway, self.model.position)
        self.settle(post, RECORDED, [await self.call(post, gateway)])
        assert (post.actor, post.key) in self.model.recorded, post

    async def call(self, post: Post, gateway: int) -> Answer | None:
        where = (
            f"exchanges/{post.exchange}/acts" if post.exchange else PATHS.get(post.act, "channel")
        )
        if where == "channel":  # the gateway with the keys of a trial signs administration
            gateway = FIRST
        resting = {"If_Match": post.if_match} if post.if_match else {}
        return await self.pair.post(
            self.channel, gateway, post.actor, f"/{where}", post.body, key=post.key, **resting
        )

    def settle(
        self, post: Post, expected: str, answers: list[Answer | None], *, hasty: bool = False
    ) -> None:
        """Hold what the copies of a post were answered against what was expected, and tell the
        model.
        """
        kinds = [kind_of(answer) for answer in answers]
        self.answers.update(kinds)
        self.history.append(
            f"{post.key} {post.actor} {post.act} {post.exchange}: {expected} expected{' in haste' * hasty}, {kinds}"
        )
        foreseen = {expected, *UNKNOWN, *(OVERTAKEN if hasty else ())}
        assert foreseen.issuperset(kinds), (post, expected, answers)
        known = self.model.recorded.get((post.actor, post.key))
        kept = [answer for answer in answers if answer is not None and answer.status == 201]
        fresh = [answer for answer in kept if "Idempotent-Replayed" not in answer.headers]
        assert len(fresh) <= (known is None)
        if kept:
            assert {answer.body for answer in kept} == {kept[0].body}
            assert known is None or known[1] == kept[0].json
        if kept and known is None:
            assert fresh or post.key not in self.denied, "it was said that nothing was recorded"
            self.model.record(post, kept[0].json)
        self.model.void |= {
            answer.json["position"]
            for answer in answers
            if answer is not None and kind_of(answer) == "void"
        }
        if not kept and UNKNOWN.intersection(kinds):
            self.model.doubtful[post.actor, post.key] = post
            self.denied |= {post.key} if set(kinds) == {"unavailable"} else set()

    async def digest(self, gateway: int, position: int) -> str:
        """The digest of the state at a position, which the gateway is waited for to reach."""
        path = f"/state?at={position}"
        return str(
            (
                await self.pair.get(
                    self.channel, gateway, READER, path, Dragoman_Min_Position=str(position)
                )
            ).json["digest"]
        )

    async def digests(self, positions: range) -> list[list[str]]:
        """The digests at these positions, at each gateway; a state of the past is worked out anew."""
        return [
            [
                digest
                for first in range(0, len(positions), _ASKED_AT_ONCE)
                for digest in await asyncio.gather(
                    *(
                        self.digest(gateway, position)
                        for position in positions[first : first + _ASKED_AT_ONCE]
                    )
                )
            ]
            for gateway in (FIRST, SECOND)
        ]

    async def status(self, gateway: int, exchange: str) -> str:
        return str(
            (await self.pair.get(self.channel, gateway, READER, f"/exchanges/{exchange}")).json[
                "state"
            ]["status"]
        )


@pytest.mark.timeout(3600)
def test_whatever_happens_the_log_holds_what_was_acknowledged(
    pair: Pair, runner: asyncio.Runner, request: pytest.FixtureRequest
) -> None:
    profile = LONG if request.config.getoption("--long") else SHORT
    answers: Counter[str] = Counter()
    failures: list[BaseException] = []

    def liaison() -> Liaison:
        return Liaison(pair, runner, answers, failures)

    if profile is LONG:
        number = request.config.getoption("--seed")
        sys.stdout.write(
            f"the histories of --long --seed {number}\n"
        )  # is shown where the test fails
        seed(number)(liaison)
    try:
        run_state_machine_as_test(liaison, settings=profile)  # type: ignore[arg-type]
    except Flaky:
        raise failures[0] from None  # what failed once need not fail again when the same is tried
    assert pair.deaths.keys() == set(VICTIMS), pair.deaths
    assert answers.keys() >= {RECORDED, "key-reused", "moved"}, answers
