"""Rows of page sessions: those of an earlier release, and the time of the last use."""

from dataclasses import dataclass, field

import msgspec

from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.tokens_and_sessions import (
    USE_SECONDS,
    Grant,
    PageSession,
    TokensAndSessions,
    hashed,
    session_id,
)

NOW = 1_800_000_000.0


@dataclass
class InMemory:
    """A bucket in memory, with revisions. Another gateway may write to it in between."""

    values: dict[str, bytes] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    changes: int = 0
    between: str = ""

    async def refresh(self) -> None:
        """Read nothing: there is one copy."""

    async def put(self, key: str, value: object | None, revision: int | None = None) -> None:
        if self.between == key:
            self.between = ""
            await self.put(key, None)
        if revision is not None and revision != self.revisions.get(key, 0):
            raise WriteConflict(key)
        self.writes += 1
        self.changes += 1
        self.revisions[key] = self.writes
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = msgspec.json.encode(value)


async def at_a_desk() -> tuple[InMemory, TokensAndSessions, str]:
    """Return a store with one session, and the session's secret."""
    bucket = InMemory()
    access = TokensAndSessions(bucket)  # type: ignore[arg-type]
    token, _ = await access.issue(
        Grant(actor="nato/o-1", channels=("cid",), issued="2027-01-15T08:00:00Z")
    )
    session = PageSession(token=hashed(token), expires=NOW + 3600, begun=NOW, used=NOW)
    return bucket, access, await access.open_session(session, NOW)


async def test_the_last_use_is_written_every_ten_minutes_and_not_with_every_request() -> None:
    bucket, access, secret = await at_a_desk()
    before = bucket.writes
    for second in range(0, 3 * int(USE_SECONDS), 10):
        access.note_use(secret, NOW + second)
        access.note_use(secret, NOW + second + 1)
        await access.write_uses()
    assert bucket.writes - before == 2
    grant = access.session(secret, NOW)
    assert grant is not None
    ((id, session, _),) = access.own_sessions(grant, NOW)
    assert (id, session.used) == (session_id(secret), NOW + 2 * USE_SECONDS + 1)


async def test_a_session_that_another_gateway_ends_meanwhile_stays_ended() -> None:
    bucket, access, secret = await at_a_desk()
    bucket.between = f"session.{hashed(secret)}"
    access.note_use(secret, NOW + USE_SECONDS)
    await access.write_uses()
    assert access.session(secret, NOW) is None


async def test_a_session_and_a_token_of_an_earlier_release_are_read() -> None:
    bucket, access, secret = await at_a_desk()
    token = next(key for key in bucket.values if key.startswith("token."))
    row = {"token": token.partition(".")[2], "expires": NOW + 60}
    bucket.values["session." + hashed("earlier")] = msgspec.json.encode(row)
    grant = access.session("earlier", NOW)
    assert grant is not None and (grant.actor, grant.expires) == ("nato/o-1", 0.0)
    assert access.session_ends("earlier") == NOW + 60
    assert {session.begun for _, session, _ in access.own_sessions(grant, NOW)} == {0.0, NOW}
    # and an earlier release reads rows of this one: it needs both members
    assert {"token", "expires"} <= msgspec.json.decode(
        msgspec.json.encode(PageSession(token="", expires=NOW, subject="x"))
    ).keys()
    assert await access.end_sessions(grant, [session_id(secret)], NOW) == 1
