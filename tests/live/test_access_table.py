"""docs/access.md is what the service does: every role calls every operation, in its channels and in
another one, which is a desk's by turns.

What is another's is looked for in everything that anybody else may read: bodies, headers, streams,
and what is said in refusals.
"""

import asyncio
import codecs
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import pytest

import identified
from accessed import CALLED, POSTED
from beside import attached, digest, named, put
from described import OPERATIONS, check
from dragoman.audit.replay import Replay
from dragoman.domain.acts.act_registry import PATHS, RULES
from dragoman.domain.record import ids
from dragoman.office.pages import ROUTES
from office import Office
from patience import PATIENCE_S
from samples import SAMPLES, act
from service import INCIDENT, NOTE, Answer, Caller, Gateway, new_key
from world import World, public_of

ROLES: Final = {
    "officer": "o-1",
    "duty_officer": "d-1",
    "head_of_office": "h-1",
    "auditor": "a-1",
    "administrator": "adm-1",
}
C: Final = "/v1/channels/nato-china"
OPERATOR, NOBODY, ELSEWHERE = "operator", "nobody", "an officer elsewhere"
EVENTS: Final = "text/event-stream"
LAST: Final = ("revoke_link", "erase_file", "remove_endpoint")
"""Operations that leave nothing for the calls after them, so they come last."""

NOTHING: Final = {
    "show_identity": "There is no identity",
    "resend": "There is no such delivery",
    "show_release": "Nothing is published here.",
    "show_members_bundle": "No release with that id is out.",
    "show_transmittal": "No transmittal in this channel has that id",
    "forget_subject": "There is no subject",
    "show_notice": "There is no notice",
    "remove_way": "You have no such way",
    "confirm_test": "No test of the last day",
    "show_outbox": "There is no outbox",
    "withdraw": "There is no outbox",
    "send_again": "There is no outbox",
}
"""The answer to a permitted call where nothing of that kind exists: nothing has failed, and no
provider is set.
"""

CHANGING: Final = {"X-Request-Id", "Date", "RateLimit", "RateLimit-Policy"}
"""Headers that no two answers share."""

DESK_TASK: Final = {"act": "tasking", "text": "Draft a reply.", "officers": ["o-1"]}
RARE: Final = {"acts": ["annual-exchange"]}
"""Acts that an endpoint asks for and that nobody posts here."""


class Who(Caller):
    """Somebody with a token, or without one: their role and side, and the channels for which the
    token is.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        service: Gateway,
        token: str,
        name: str,
        channels: tuple[str, ...] = (),
        actor: str = "",
    ) -> None:
        super().__init__(session, service)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.name, self.channels, self.actor = name, channels, actor
        self.side, _, role = name.partition("/")
        self.role = role or name

    def column(self, channel: str) -> str:
        """Return the table's column with the person's rights in a channel."""
        if self.role in (OPERATOR, NOBODY):
            return self.role
        return self.role.replace("_", " ") if channel in self.channels else ELSEWHERE


@dataclass
class Furnished:
    """A demonstration with one of everything: by channel its exchange of each side, and by channel
    and side what is that side's.
    """

    service: Gateway
    sides: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tokens: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    exchanges: dict[str, dict[str, str]] = field(default_factory=dict)
    things: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    endpoints: dict[tuple[str, str, str], str] = field(default_factory=dict)
    desk: str = ""
    secret: str = ""

    def who(self, session: aiohttp.ClientSession, name: str) -> Who:
        """Somebody by `side/role`, `side/role@desk`, the operator or nobody."""
        if name in (OPERATOR, NOBODY):
            return Who(
                session,
                self.service,
                self.service.operator.strip() if name == OPERATOR else "",
                name,
            )
        token, channels = self.tokens[name]
        side, _, role = name.partition("@")[0].partition("/")
        return Who(
            session, self.service, token, f"{side}/{role}", channels, f"{side}/{ROLES[role]}"
        )


async def made(answer: Answer, status: int = 201) -> Any:
    assert answer.status == status, answer.body
    return answer.json


async def furnish(service: Gateway) -> Furnished:
    """Open a desk of nato's, and give each side of each channel one of all that operations are
    about.
    """
    house = Furnished(service, desk=f"desk-{secrets.token_hex(8)}")
    async with aiohttp.ClientSession() as session:
        operator = house.who(session, OPERATOR)
        officers = [
            {"side": "nato", "officer": name, "office": "hq", "roles": [role]}
            for role, name in ROLES.items()
        ]
        await made(
            await operator.post(
                "/v1/channels",
                {"name": house.desk, "kind": "desk", "sides": ["nato"], "officers": officers},
            )
        )
        channels = (await operator.get("/v1/channels")).json["channels"]
        house.sides = {each["name"]: tuple(each["sides"]) for each in channels}
        for name, token in service.demo["tokens"].items():
            side = name.partition("/")[0]
            house.tokens[name] = (
                token,
                tuple(
                    each
                    for each, sides in house.sides.items()
                    if side in sides and each != house.desk
                ),
            )
        for role, name in ROLES.items():
            issued = await made(
                await operator.post(
                    "/v1/tokens", {"actor": f"nato/{name}", "channels": [house.desk]}
                )
            )
            house.tokens[f"nato/{role}@desk"] = issued["token"], (house.desk,)
        await asyncio.gather(
            *(
                provide(house, session, channel, side)
                for channel, sides in house.sides.items()
                for side in sides
            )
        )
        while any(
            [
                (
                    await house.who(
                        session, f"{sides[0]}/officer{'@desk' * (name == house.desk)}"
                    ).get(f"/v1/channels/{name}/log/checkpoint")
                ).status
                == 404
                for name, sides in house.sides.items()
            ]
        ):
            await asyncio.sleep(0.1)  # a registrar signs it in a moment
        officer = house.who(session, "nato/officer")
        link = await made(await officer.post("/v1/channels/nato-china/calendar-links", None))
        house.secret = link["path"].rpartition("/")[2]
    return house


async def provide(
    house: Furnished, session: aiohttp.ClientSession, channel: str, side: str
) -> None:
    """Give a side in a channel an exchange, a draft, an entry, files and endpoints of its own."""
    desk = "@desk" * (channel == house.desk)
    officer, head = (
        house.who(session, f"{side}/{role}{desk}") for role in ("officer", "head_of_office")
    )
    at = f"/v1/channels/{channel}"
    content, spare = f"{channel} {side}".encode(), f"spare {channel} {side}".encode()
    for each in (content, spare):
        await put(officer, each, channel=channel)
    opened = await head.open(
        {**(DESK_TASK if desk else INCIDENT), "attachments": [attached(content)]}, channel
    )
    house.exchanges.setdefault(channel, {})[side] = opened.json["exchange"]
    house.things[channel, side] = {
        "draft": (await made(await officer.post(f"{at}/drafts", {"act": NOTE})))["id"],
        "person": (await made(await officer.post(f"{at}/people", {"name": "Li Wei"})))["id"],
        "sha256": digest(content),
        "spare": digest(spare),
    }
    wanted = {"channel": channel, "address": "duty@liaison.example", **RARE}
    for role in ("", *ROLES):  # one that stays, and one that each role may try to remove
        house.endpoints[channel, side, role] = (
            await made(await head.post("/v1/webhooks", wanted))
        )["id"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    service = Office(tmp_path_factory.mktemp("access") / "data", demo=True)
    try:
        yield asyncio.run(furnish(service))
    finally:
        service.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session with as many connections as the tests use at once."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=24),
        timeout=aiohttp.ClientTimeout(total=PATIENCE_S),
        auto_decompress=True,
    ) as session:
        yield session


# Calls


def is_of_channel(name: str) -> bool:
    """Return whether an operation is about a channel. The channel is in its path, behind an
    endpoint, or named by the body.
    """
    return (
        name in ("new_endpoint", "new_way")
        or "{channel}" in OPERATIONS[name][1]
        or "{endpoint}" in OPERATIONS[name][1]
    )


def filled(house: Furnished, name: str, who: Who, channel: str, more: dict[str, str]) -> str:
    """The path of an operation in a channel: with what is the caller's side's where the side is in
    it, or else a member's, and with `more`.
    """
    _, path, operation = OPERATIONS[name]
    sides = house.sides[channel]
    side = who.side if who.side in sides else sides[0]
    given = {
        each["name"]: str(each["example"])
        for each in operation["parameters"]
        if each["in"] == "path"
    }
    others = [exchange for of, exchange in sorted(house.exchanges[channel].items()) if of != side]
    role = who.role if name == "remove_endpoint" and who.role in ROLES else ""
    given |= {
        "channel": channel,
        "family": "desk" if channel == house.desk else "notifications",
        "tile": "0/000.p/1",
    }
    given |= {
        "exchange": others[0] if others else house.exchanges[channel][side],
        "secret": house.secret,
    }
    given |= {
        **house.things[channel, side],
        "endpoint": house.endpoints[channel, side, role],
    } | more
    if name == "erase_file":
        given["sha256"] = given["spare"]
    return re.sub(r"{(\w+)}", lambda found: given[found[1]], path)


def body_of(house: Furnished, name: str, channel: str, named: str = "") -> tuple[Any, str]:
    """Return the body that is sent to an operation, and its type."""
    content = OPERATIONS[name][2].get("requestBody", {}).get("content", {})
    if not content:
        return None, ""
    media = "text/plain" if "text/plain" in content else next(iter(content))
    body = content[media]["example"]
    match name:
        case "post_opening" if channel == house.desk:
            body = DESK_TASK
        case "post_act" if channel == house.desk:
            body = act("seen-by")
        case "new_endpoint":
            body = {"channel": named or channel, "address": "duty@liaison.example", **RARE}
        case "new_way":
            body = {**body, "channel": named or channel}
        case "new_channel":
            body = {**body, "name": f"opened-{secrets.token_hex(4)}"}
        case "take_import" if channel.endswith("-exercise"):
            body = body.replace("Actual", "Exercise")
        case "put_file":
            body = f"put {channel}"
        case _:
            pass
    return (body.encode() if isinstance(body, str) else body), media


def types_of(name: str) -> list[str]:
    """The types in which an operation is answered, each asked for by itself."""
    method, _, operation = OPERATIONS[name]
    content = operation["responses"].get("200", {}).get("content", {})
    if redirects(name):
        return ["application/json"]
    return [*content] if method == "GET" and name != "fetch_file" else [""]


def redirects(name: str) -> bool:
    """Return whether an operation leads to another one, which then answers."""
    return "308" in OPERATIONS[name][2]["responses"]


async def call(
    house: Furnished,
    who: Who,
    name: str,
    channel: str,
    accept: str = "",
    *,
    named: str = "",
    **more: str,
) -> Answer:
    """Call an operation in a channel as somebody; `named` stands where the channel's name does."""
    body, media = body_of(house, name, channel, named)
    if name == "put_file":
        more["sha256"] = digest(body)
    if named:
        more["channel"] = named
    url = filled(house, name, who, channel, more)
    if name == "stream_all":  # It has no other type, and no end.
        accept = EVENTS
    return await ask(
        who, OPERATIONS[name][0], url, accept, body, {"Content-Type": media} if media else {}
    )


async def ask(
    who: Who,
    method: str,
    url: str,
    accept: str = "",
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One call; of a stream of events what comes at once."""
    sent = {**(headers or {}), **({"Accept": accept} if accept else {})}
    if method != "GET":
        sent["Idempotency-Key"] = new_key()
    if accept != EVENTS:
        return await who.call(method, url, body, **sent)
    async with who.session.get(
        who.service.base_url + url, headers={**who.headers, **sent}
    ) as response:
        told = b""
        try:
            while response.status == 200:
                told += await asyncio.wait_for(
                    response.content.readany(), 0.2 if told else PATIENCE_S
                )
        except TimeoutError:
            pass
        return Answer(response.status, response.headers.copy(), told or await response.read())


# What is expected


def expected(name: str, column: str, house: Furnished, channel: str) -> int:
    """The status of the refusal that the table prints; 0 where none is."""
    cell = CALLED[name][column]
    if name == "post_acts" and cell == "by the act":  # each line has a refusal of its own
        return 0
    if cell == "by the act":
        body, _ = body_of(house, name, channel)
        cell = {"yes": "yes", "no": "403"}[POSTED[body["act"]][column]]
    return int(cell) if cell.isdigit() else 0


def differs(name: str, column: str, wanted: int, answer: Answer) -> bool:
    """Return whether an answer differs from the table. A permitted request may still be refused,
    for example a draft without the ETag that was read.
    """
    if wanted:
        return answer.status != wanted
    if name in NOTHING:
        return not answer.json["detail"].startswith(NOTHING[name])
    if name in ("readyz", "healthz"):
        # A busy machine makes the service not ready for a moment, which is no question of access.
        return answer.status not in (200, 503)
    if OPERATIONS[name][0] == "GET":
        return answer.status not in (200, 406)
    return answer.status in (401, 403, 404) or answer.status >= 500


def alike(answer: Answer, channel: str) -> tuple[int, bytes, dict[str, str]]:
    """An answer without what no two of them share, and without the channel's name."""
    body = re.sub(rb'"request_id":"[0-9a-f]+"', b"", answer.body.replace(channel.encode(), b"NAME"))
    kept = {
        name: value
        for name, value in answer.headers.items()
        if name.title().replace("Ratelimit", "RateLimit") not in CHANGING
    }
    return answer.status, body, kept


async def visit(
    house: Furnished, who: Who, channel: str, described: set[tuple[str, int]], turn: int
) -> list[str]:
    """Call every operation of a channel; what differs from the table. The types of an operation
    take turns from one visit to the next.
    """
    wrong: list[str] = []
    link = ""
    column = who.column(channel)
    for name in sorted(
        filter(is_of_channel, OPERATIONS), key=lambda name: (name in LAST, name != "new_link")
    ):
        types = types_of(name)
        accept = types[turn % len(types)]
        more = {"link": link} if link else {}
        answer = await call(house, who, name, channel, accept, **more)
        if name == "new_link" and answer.status == 201:
            link = answer.json["id"]
        if (name, answer.status) not in described and accept != EVENTS and not redirects(name):
            described.add((name, answer.status))
            check(name, answer)
        wanted = expected(name, column, house, channel)
        if (
            wanted == 404
            and channel not in who.channels
            and "{endpoint}" not in OPERATIONS[name][1]
        ):
            never = codecs.encode(channel, "rot13")
            other = await call(house, who, name, channel, accept, named=never)
            if alike(answer, channel) != alike(other, never):
                wrong.append(f"{name} {accept} {who.name} {channel}: {answer} is not {other}")
        if differs(name, column, wanted, answer):
            wrong.append(
                f"{name} {accept} {who.name} {channel}: {wanted or 'allowed'}, not {answer.status} {answer.body[:200]!r}"
            )
    return wrong


def everybody(house: Furnished, session: aiohttp.ClientSession) -> list[Who]:
    return [house.who(session, name) for name in (*house.tokens, OPERATOR, NOBODY)]


def places(house: Furnished, who: Who) -> list[str]:
    """The channels where somebody calls: their own, and one where they are not; the operator and
    nobody in all.

    One where they are not is the desk for a role of one side, and another channel for the same role
    of the next side.
    """
    if not who.channels:
        return [*house.sides]
    sides = sorted({side for sides in house.sides.values() for side in sides})
    at_desk = ([*ROLES].index(who.role) + sides.index(who.side)) % 2 == 0
    strange = [each for each in house.sides if each not in who.channels]
    return [*who.channels, min(strange, key=lambda each: (each == house.desk) is not at_desk)]


def two_of_each(people: list[Who]) -> list[Who]:
    """The people of two sides for each role in the same channels: sides differ in their names."""
    seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
    kept = []
    for who in people:
        seen[who.role, who.channels] += 1
        if seen[who.role, who.channels] <= 2:
            kept.append(who)
    return kept


async def test_every_role_may_what_the_table_says_in_every_channel(
    request: pytest.FixtureRequest, house: Furnished, session: aiohttp.ClientSession
) -> None:
    """Of every side with `--long`."""
    people = everybody(house, session)
    if not request.config.getoption("--long"):
        people = two_of_each(people)
    described: set[tuple[str, int]] = set()
    visits = [
        visit(house, who, channel, described, turn)
        for turn, (who, channel) in enumerate(
            (who, channel) for who in people for channel in places(house, who)
        )
    ]
    wrong = [line for found in await asyncio.gather(*visits) for line in found]
    assert not wrong, "\n".join(wrong[:40])


async def stand(house: Furnished, who: Who, operator: Who) -> list[str]:
    """Call every operation that is of no channel; what differs from the table."""
    wrong: list[str] = []
    column = who.column(who.channels[0] if who.channels else "")
    for name in OPERATIONS:
        if is_of_channel(name):
            continue
        more: dict[str, str] = {}
        if name == "revoke_token":
            more["id"] = (
                await made(
                    await operator.post(
                        "/v1/tokens", {"actor": "china/o-1", "channels": ["nato-china"]}
                    )
                )
            )["id"]
        answer = await call(house, who, name, "nato-china", **more)
        check(name, answer)
        if differs(name, column, wanted := expected(name, column, house, "nato-china"), answer):
            wrong.append(
                f"{name} {who.name}: {wanted or 'allowed'}, not {answer.status} {answer.body[:200]!r}"
            )
    return wrong


async def test_what_is_of_no_channel_is_for_whom_the_table_says(
    house: Furnished, session: aiohttp.ClientSession
) -> None:
    operator = house.who(session, OPERATOR)
    wrong = [
        line
        for found in await asyncio.gather(
            *(stand(house, who, operator) for who in everybody(house, session))
        )
        for line in found
    ]
    assert not wrong, "\n".join(wrong[:40])


def test_every_operation_is_printed_and_so_is_every_act() -> None:
    assert CALLED.keys() == OPERATIONS.keys()
    assert POSTED.keys() == RULES.keys()


@pytest.mark.parametrize(
    "name",
    [
        "contact-note",
        "hazardous-incident",
        "liaison-office",
        "watch-assumption",
        "codebook-adoption",
    ],
)
async def test_an_act_is_for_the_roles_that_the_table_prints(
    name: str, house: Furnished, session: aiohttp.ClientSession
) -> None:
    where = next(path for path, family in PATHS.items() if family == RULES[name].family)
    for role in ROLES:
        answer = await house.who(session, f"china/{role}").post(f"{C}/{where}", SAMPLES[name])
        assert (answer.status == 403) == (POSTED[name][role.replace("_", " ")] == "no"), answer.body


async def test_a_token_for_reading_changes_nothing_and_reads_what_its_officer_reads(
    house: Furnished, session: aiohttp.ClientSession
) -> None:
    issued = await made(
        await house.who(session, OPERATOR).post(
            "/v1/tokens", {"actor": "nato/h-1", "channels": ["nato-china"], "scope": "read"}
        )
    )
    reader = Who(session, house.service, issued["token"], "nato/head_of_office", ("nato-china",))
    for name, (method, _, _) in OPERATIONS.items():
        answer = await call(house, reader, name, "nato-china")
        if method == "GET":
            assert not differs(
                name,
                "head of office",
                expected(name, "head of office", house, "nato-china"),
                answer,
            ), (name, answer)
        else:
            answer.problem(403, "not-permitted")


async def test_what_is_another_sides_is_not_there_and_its_people_are_not_to_be_changed(
    house: Furnished, session: aiohttp.ClientSession
) -> None:
    nato, head = house.things["nato-china", "nato"], house.who(session, "china/head_of_office")
    theirs = await made(await house.who(session, "china/officer").post(f"{C}/calendar-links", None))
    given = {
        **nato,
        "sha256": nato["spare"],
        "endpoint": house.endpoints["nato-china", "nato", ""],
        "link": theirs["id"],
    }
    for name, (_, path, _) in OPERATIONS.items():
        if (
            not {"{draft}", "{sha256}", "{endpoint}", "{link}", "{person}"}.isdisjoint(
                re.findall(r"{\w+}", path)
            )
            and name != "put_file"
        ):
            answer = await call(house, head, name, "nato-china", **given)
            wanted = 200 if name == "show_person" else 403 if "{person}" in path else 404
            assert answer.status == wanted, (name, answer)


async def test_who_is_no_officer_any_more_stands_behind_no_draft(
    house: Furnished, session: aiohttp.ClientSession
) -> None:
    administrator, head = (
        house.who(session, "nato/administrator"),
        house.who(session, "nato/head_of_office"),
    )
    entry = {"act": "officer", "officer": "o-2", "office": "hq", "roles": ["officer"]}
    await made(await administrator.post(f"{C}/channel", entry))
    issued = await made(
        await house.who(session, OPERATOR).post(
            "/v1/tokens", {"actor": "nato/o-2", "channels": ["nato-china"]}
        )
    )
    officer = Who(session, house.service, issued["token"], "nato/officer", ("nato-china",))
    draft = await made(
        await officer.post(f"{C}/drafts", {"act": act("explanation-request", bring_in=["nato"])})
    )
    await made(await administrator.post(f"{C}/channel", {**entry, "roles": ["auditor"]}))
    (await officer.get(f"{C}/drafts")).problem(403, "not-permitted")
    released = await head.call("POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"])
    assert "is not an officer any more" in released.problem(403, "not-permitted")["detail"]


# What is written and not said


class Words:
    """A word for each place where it is written, which occurs nowhere else."""

    def __init__(self, house: Furnished) -> None:
        self.draft, self.desk, self.person, self.endpoint, self.file, self.control = (
            f"zq{secrets.token_hex(9)}" for _ in range(6)
        )
        self.channel, self.link = house.desk, ""


@dataclass
class Written:
    """The places where the words were written: the URLs to ask for in each channel, and the
    officers who ask.
    """

    words: Words
    asked: dict[str, dict[str, str]]
    exchanges: dict[str, tuple[str, ...]]
    both: Who


async def write(house: Furnished, session: aiohttp.ClientSession) -> Written:
    """Write a word, as officers of nato, into everything that is not said to others."""
    words = Words(house)
    officer, head = house.who(session, "nato/officer"), house.who(session, "nato/head_of_office")
    desk = house.who(session, "nato/officer@desk")
    shared = (await head.open(INCIDENT)).json
    draft = await made(await officer.post(f"{C}/drafts", {"act": {**NOTE, "text": words.draft}}))
    task = await desk.open(
        {**DESK_TASK, "text": words.desk, "about": shared["exchange"]}, house.desk
    )
    sealed = {"name": words.person, "note": words.person, "readers": ["nato/o-1"]}
    person = await made(await officer.post(f"{C}/people", sealed))
    contact = {**SAMPLES["point-of-contact"], "person": named(person), "duty_number_dead": True}
    contact.pop("deputy")
    point = (await head.open(contact)).json["exchange"]
    wanted = {"channel": "nato-china", "url": f"https://{words.endpoint}.example/told", **RARE}
    endpoint = await made(await head.post("/v1/webhooks", wanted))
    words.link = (await made(await officer.post(f"{C}/calendar-links", None)))["path"].rpartition(
        "/"
    )[2]
    await put(officer, words.file.encode())
    operator = house.who(session, OPERATOR)
    pairs = [("nato-china", "nato"), (house.desk, "nato")]
    await identified.entered(
        operator, "nato-office", 1, pairs
    )  # by an earlier test already, perhaps
    both = await made(
        await operator.post(
            "/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-china", house.desk]}
        )
    )
    asked = {
        "draft": draft["id"],
        "person": person["id"],
        "endpoint": endpoint["id"],
        "sha256": digest(words.file.encode()),
    }
    return Written(
        words,
        {"nato-china": asked, house.desk: asked},
        {
            "nato-china": (shared["exchange"], point),
            house.desk: (task.json["exchange"], shared["exchange"]),
        },
        Who(session, house.service, both["token"], "nato/officer", ("nato-china", house.desk)),
    )


async def overheard(
    house: Furnished, who: Who, written: Written, found: dict[str, list[bytes]]
) -> None:
    """Ask for everything that there is to read, in every type, and keep all that is answered, by
    what was asked.
    """

    async def keep(url: str, accept: str = "") -> None:
        answer = await ask(who, "GET", url, accept)
        said = [
            answer.body,
            *(f"{name}: {value}".encode() for name, value in answer.headers.items()),
        ]
        found.setdefault(url, []).extend(said)

    for name in (name for name, (method, _, _) in OPERATIONS.items() if method == "GET"):
        for channel in written.asked if is_of_channel(name) else ("nato-china",):
            exchanges = written.exchanges[channel] if "{exchange}" in OPERATIONS[name][1] else ("",)
            for exchange in exchanges:
                url = filled(
                    house, name, who, channel, {**written.asked[channel], "exchange": exchange}
                )
                for accept in types_of(name):
                    await keep(url + "?after=0" * (accept == EVENTS), accept)
    last = (await who.get(C)).headers.get("Dragoman-Position", "1")
    for url in (
        f"{C}/records/{position}" for position in range(max(1, int(last) - 20), int(last) + 1)
    ):
        await keep(url)
    await keep(f"{C}/log/tile/entries/000.p/{int(last) % 256 or 1}")
    for query in (
        "overdue=any",
        "side=nato",
        "unacknowledged_by=china",
        "family=contact",
        "act=point-of-contact",
    ):
        await keep(f"{C}/exchanges?{query}")
    await keep(f"{C}/people?side=nato")


PLAIN = sorted(
    {
        sheet.path
        for sheet in ROUTES
        if sheet.method == "GET" and "{" not in sheet.path and not sheet.anywhere
    }
)
"""The pages of a channel whose addresses name nothing else."""


async def boards(house: Furnished, who: Who, found: dict[str, list[bytes]]) -> None:
    """The same on the pages, all of them."""
    token = who.headers["Authorization"].partition(" ")[2]
    signed = await who.session.post(
        who.service.base_url + "/sign-in", data={"token": token}, allow_redirects=False
    )
    cookie = signed.headers["Set-Cookie"].partition(";")[0]
    pages = [f"/c/{channel}{path}" for channel in ("nato-china", house.desk) for path in PLAIN]
    for path in ("/", "/alarm", "/go", "/host", *pages, *(f"{page}.json" for page in pages)):
        async with who.session.get(
            who.service.base_url + path, headers={"Cookie": cookie, "Accept": "text/html"}
        ) as response:
            found.setdefault(path, []).append(await response.read())


def holding(found: dict[str, list[bytes]], word: str) -> list[str]:
    """Return the URLs whose answers contain the word. A URL that itself contains the word is left
    out.
    """
    return [
        url
        for url, said in found.items()
        if word not in url and any(word.encode() in each for each in said)
    ]


async def listened(who: Who, url: str, told: list[bytes]) -> None:
    """Hear a stream for as long as one is let."""
    async with who.session.get(
        who.service.base_url + url, headers={**who.headers, "Accept": EVENTS}
    ) as response:
        while piece := await response.content.readany():
            told.append(piece)


async def test_what_nato_keeps_to_itself_is_in_no_answer_to_anybody_else(
    house: Furnished, session: aiohttp.ClientSession
) -> None:
    told: list[bytes] = []
    china = house.who(session, "china/officer")
    listening = [
        asyncio.create_task(listened(china, f"{C}/{name}", told)) for name in ("records", "inbox")
    ]
    written = await write(house, session)
    words = written.words
    spies = [
        house.who(session, name)
        for name in (*(f"china/{role}" for role in ROLES), "ukraine/officer", OPERATOR, NOBODY)
    ]
    colleagues = [
        house.who(session, f"nato/{role}") for role in ("auditor", "administrator", "duty_officer")
    ]
    heard: list[dict[str, list[bytes]]] = [{} for _ in (*spies, *colleagues, written.both)]
    people = [*spies, *colleagues, written.both]
    await asyncio.gather(
        *(overheard(house, who, written, found) for who, found in zip(people, heard, strict=True))
    )
    await boards(house, china, heard[0])
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    assert told, "the streams said something"
    heard[0]["streams"] = told

    secret = {"draft", "desk", "person", "endpoint", "file", "channel", "link"}
    unknown = {who.name: secret for who in spies} | {
        OPERATOR: secret - {"channel"},  # whose list has the names of all channels
        "nato/auditor": secret,
        "nato/administrator": secret - {"person", "endpoint", "file"},
        "nato/duty_officer": secret - {"draft", "person", "endpoint", "file"},
    }
    for who, found in zip(people[:-1], heard[:-1], strict=True):
        leaked = {
            place: urls
            for place in unknown[who.name]
            if (urls := holding(found, getattr(words, place)))
        }
        assert not leaked, (who.name, leaked)
        if who in spies[:5]:
            assert holding(found, "Two aircraft passed close"), "they read what was said to them"
    own = {place for place in secret if holding(heard[-1], getattr(words, place))}
    assert own == secret - {"link"}, (
        "an officer of nato who is of the desk reads it all, but a link's secret once only"
    )


async def test_a_search_and_a_refusal_say_of_a_word_what_they_say_of_any(
    house: Furnished, session: aiohttp.ClientSession
) -> None:
    written = await write(house, session)
    words = written.words
    assert (
        len(
            (await written.both.get(f"/v1/channels/{house.desk}/exchanges?q={words.desk}")).json[
                "exchanges"
            ]
        )
        == 1
    )
    for name in (*(f"china/{role}" for role in ROLES), "nato/auditor", OPERATOR):
        who = house.who(session, name)
        for word in (words.draft, words.desk, words.person, words.endpoint, words.file):
            for query in ("q", "number", "status", "side", "cursor", "unanswered_by"):
                asked = [
                    await who.get(f"{C}/exchanges?{query}={each}") for each in (word, words.control)
                ]
                assert asked[0].status == asked[1].status
                assert asked[0].json.get("exchanges") == asked[1].json.get("exchanges")
            for operation, (method, path, _) in OPERATIONS.items():
                variables = re.findall(r"{(\w+)}", path)
                if method != "GET" or operation == "show_linked":
                    continue
                for variable in variables:
                    answers = [
                        (
                            await who.get(
                                filled(house, operation, who, "nato-china", {variable: each})
                            ),
                            each,
                        )
                        for each in (word, words.control)
                    ]
                    said = {
                        (answer.status, re.sub(rb"\b\d+\b", b"N", alike(answer, each)[1]))
                        for answer, each in answers
                    }
                    assert len(said) == 1, (
                        operation,
                        variable,
                        said,
                    )  # but for how long the log is by then


# A side that comes later


class Own:
    """A channel whose sides keep their own keys, over HTTP: what is posted is signed over the log
    as it was read.
    """

    def __init__(self, session: aiohttp.ClientSession, service: Gateway) -> None:
        self.operator = Who(session, service, service.operator.strip(), OPERATOR)
        self.world = World(name="late")
        self.at = f"/v1/channels/{self.world.name}"

    async def open(self) -> None:
        terms = (await self.operator.get(f"/v1/openings/{self.world.name}")).json
        genesis = self.world.genesis(**terms)
        lines = b",".join(
            b'"%b"' % line.encode() for line in str(genesis.envelope.signatures).split()
        )
        await made(
            await self.operator.post(
                "/v1/openings", b'{"act":%b,"signatures":[%b]}' % (genesis.act, lines)
            )
        )

    async def who(self, actor: str) -> Who:
        issued = await made(
            await self.operator.post("/v1/tokens", {"actor": actor, "channels": [self.world.name]})
        )
        return Who(
            self.operator.session, self.operator.service, issued["token"], actor, (self.world.name,)
        )

    async def records(self, who: Who) -> list[bytes]:
        last = (await who.get(self.at)).json["position"]
        answers = [
            await who.get(f"{self.at}/records/{position}") for position in range(1, last + 1)
        ]
        assert {answer.status for answer in answers} == {200}
        return [answer.body for answer in answers]

    async def post(self, who: Who, body: dict[str, Any], *owners: str) -> Answer:
        self.world.ledger = Replay()
        self.world.ledger.take(await self.records(who))
        key = new_key()
        raw, lines = self.world.sign(
            who.name, body, ids.from_key(self.world.name, who.name, key), [*owners]
        )
        keys, signatures = zip(*(line.split(":") for line in lines.split()), strict=True)
        signed = {
            "Idempotency-Key": key,
            "Dragoman-Key-Id": " ".join(keys),
            "Dragoman-Signature": " ".join(signatures),
        }
        return await who.call("POST", f"{self.at}/channel", raw, **signed)


async def test_a_side_that_is_admitted_later_reads_the_log_from_its_first_record(
    house: Furnished, session: aiohttp.ClientSession
) -> None:
    own = Own(session, house.service)
    await own.open()
    root = await own.who("nato/root")
    officer = {"act": "officer", "officer": "o-1", "office": "hq", "roles": ["officer"]}
    await made(await own.post(root, officer, "nato/root"))
    nato = await own.who("nato/o-1")
    await made(await nato.post(f"{own.at}/contacts", NOTE))
    admission = {
        "act": "side-admission",
        "side": {"name": "third", "roots": [public_of("third/root")], "threshold": 1},
    }
    (await own.post(root, admission, "nato/root", "third/root")).problem(403, "not-permitted")
    assert (await own.operator.post("/v1/tokens", {"actor": "third/root"})).status == 422, (
        "without china there is no third side"
    )
    await made(await own.post(root, admission, "nato/root", "china/root", "third/root"))
    await made(await own.post(await own.who("third/root"), officer, "third/root"))
    third = await own.who("third/o-1")
    theirs, ours = await own.records(third), await own.records(nato)
    assert (len(theirs) >= 5, theirs) == (True, ours[: len(theirs)])
    lines = [
        (await who.get(f"{own.at}/records", Accept="application/x-ndjson")).body.splitlines()[:5]
        for who in (third, nato)
    ]
    assert (lines[0], b'"position":1,' in lines[0][0]) == (lines[1], True)


async def test_a_root_that_its_side_keeps_reads_as_an_auditor_does(
    house: Furnished, session: aiohttp.ClientSession
) -> None:
    own = Own(session, house.service)
    own.world.name, own.at = "rooted", "/v1/channels/rooted"
    await own.open()
    root = await own.who("china/root")
    while (await root.get(f"{own.at}/log/checkpoint")).status == 404:
        await asyncio.sleep(0.1)
    for name, (method, path, _) in OPERATIONS.items():
        if (
            method == "GET"
            and "{channel}" in path
            and not re.search(r"{(exchange|draft|person|parcel|sha256)}", path)
            and name != "show_terms"
        ):
            url = (
                path.replace("{channel}", "rooted")
                .replace("{position}", "1")
                .replace("{tile}", "0/000.p/1")
            )
            answer = await ask(root, "GET", url, next(iter(types_of(name))))
            printed = CALLED[name]["auditor"]
            assert str(answer.status) == (printed if printed.isdigit() else "200"), (name, answer)
    (await root.post(f"{own.at}/contacts", NOTE)).problem(403, "not-permitted")
