"""Bearer tokens, page sessions, calendar links, and mapped OIDC subjects.

Of tokens, sessions and links only the SHA-256 is stored. A token is bound to one
officer, and to channels by their cid or to an identity of the officer's side. A
channel that is opened again under an old name is therefore another one. The officer's
rights there are in the channel's own log, not here.
A revocation reaches every gateway within a second, if the broker answers the gateway.
"""

import hashlib
import secrets
from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache
from typing import Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.limits import CONSOLE_SECONDS, KEPT_FORM_SECONDS, SESSIONS
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.identities import Identities
from dragoman.stores.key_value import Bucket

BUCKET: Final = "DRAGOMAN_ACCESS"
OPERATOR: Final = "operator"
_TOKEN_BYTES: Final = 32
_ID: Final = 12
_FORGOTTEN_SECONDS: Final = 24 * 3600


Scope = Literal["act", "read"]
Kind = Literal["token", "subject", "link"]


class Grant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rights of a token: it speaks for an actor in some channels.

    A grant gets its `id` when it is stored. It ends at `expires`, in Unix seconds. The
    operator opens channels and issues tokens. A grant of the scope `read` posts
    nothing. `subject` is a subject of the OIDC provider, whose tokens give this grant.
    A link was `made_with` a token, and ends with it. `key` is that of the form that
    made it, so that sending the form again makes no second one. With `identity` it
    holds wherever the actor's side is that identity, and `channels` is empty.
    """

    id: str = ""
    actor: str
    channels: tuple[str, ...] = ()
    identity: str = ""
    issued: str = ""
    label: str = ""
    scope: Scope = "act"
    expires: float = 0.0
    subject: str = ""
    made_with: str = ""
    key: str = ""

    @property
    def side(self) -> str:
        """The actor's side."""
        return self.actor.partition("/")[0]

    @property
    def is_operator(self) -> bool:
        """Return whether this is the operator's grant."""
        return self.actor == OPERATOR

    @property
    def account(self) -> str:
        """The scope of the budgets for requests in no single channel."""
        return self.identity or ",".join(sorted(self.channels))


class StationGrant(Grant, frozen=True, kw_only=True):
    """The grant of a station's own token, which is never stored.

    It holds in a channel only while the key with the id `keyid` is in force there.
    """

    keyid: str

    @property
    def account(self) -> str:
        """The key's id: each token of a station names channels as the station likes."""
        return self.keyid


class PageSession(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session of the pages, which a token or a subject of the provider began.

    `token` is the digest of the token, or empty. `subject` is the digest of issuer and
    subject, and `granted` the time of the mapping: a later mapping ends the session.
    `used` lags by up to `USE_SECONDS`. `browser` and `system` are names like Firefox
    and Windows; nothing else of the browser's own description is stored. A session of
    an earlier release has no `begun`. All times are in Unix seconds.
    """

    token: str
    expires: float
    subject: str = ""
    granted: str = ""
    begun: float = 0.0
    used: float = 0.0
    browser: str = ""
    system: str = ""

    @property
    def grant_key(self) -> str:
        """The key of the grant with which the session began."""
        return f"token.{self.token}" if self.token else f"subject.{self.subject}"


USE_SECONDS: Final = 600.0
"""The smallest interval between two writes of the time at which a session was used."""


class Console(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One browser of an officer, with its alarm's state and the time of its report.

    The state is for the channel of an exercise, or for the live channels. `state` is
    `armed`, `partly`, `off`, `not_armed`, `blind` or `no_answer`. The last one means
    that its watch check has had no answer `since` then. `at` and `since` are in Unix
    seconds.
    """

    actor: str
    state: str
    exercise: str = ""
    at: float = 0.0
    since: float = 0.0

    @property
    def side(self) -> str:
        """The officer's side."""
        return self.actor.partition("/")[0]


_console = msgspec.json.Decoder(Console).decode
_grant = lru_cache(1024)(msgspec.json.Decoder(Grant).decode)
_session = lru_cache(1024)(msgspec.json.Decoder(PageSession).decode)


def hashed(secret: str) -> str:
    """Return the stored form of a token or a session."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class TokensAndSessions:
    """The tokens and sessions of a deployment."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self.bucket = self._bucket = bucket
        self._identities = Identities(bucket)
        self._held: frozenset[Grant] = frozenset()
        self._held_at = -1
        self._uses: dict[str, float] = {}

    async def issue(
        self,
        grant: Grant,
        *,
        secret: str = "",
        kind: Literal["token", "link"] = "token",
        over: int | None = None,
    ) -> tuple[str, Grant]:
        """Return a new token, or link, and its grant, which gets the token's id.

        From now on only the caller has the token. With `over` 0 it must never have been
        issued before. Raises `WriteConflict` or `LogUnreachable`.
        """
        token = secret or new_token()
        digest = hashed(token)
        granted = replace(grant, id=digest[:_ID])
        await self._bucket.put(f"{kind}.{digest}", granted, over)
        return token, granted

    async def map(self, issuer: str, grant: Grant) -> Grant:
        """Map the subject of a grant at an OIDC provider to the grant's officer.

        Replaces the officer to whom it was mapped before. The grant gets an id.
        """
        digest = subject_digest(issuer, grant.subject)
        mapped = replace(grant, id=digest[:_ID])
        await self._bucket.put(f"subject.{digest}", mapped)
        return mapped

    async def revoke(self, id: str, kind: Kind = "token") -> bool:
        """Revoke a token or a link, or delete a subject, by its id.

        Returns False if it does not exist.
        """
        await self._bucket.refresh()
        for key in [
            key for key in self._bucket.values if key.startswith(f"{kind}.{id}") and len(id) == _ID
        ]:
            await self._bucket.put(key, None)
            return True
        return False

    async def listed(self, kind: Kind = "token") -> list[Grant]:
        """Return all tokens, subjects or links in force, oldest first."""
        await self._bucket.refresh()
        return sorted(
            (
                _grant(value)
                for key, value in self._bucket.values.items()
                if key.startswith(f"{kind}.")
            ),
            key=lambda grant: (grant.issued, grant.id),
        )

    async def refresh(self) -> None:
        """Read the changes of other gateways."""
        await self._bucket.refresh()

    def find(
        self, token: str, now: float, kind: Literal["token", "link"] = "token"
    ) -> Grant | None:
        """Return the grant of a token at a time. This gateway's copy may lag.

        A token is looked up by its digest. No comparison reveals how much of it is
        right.
        """
        value = self._bucket.values.get(f"{kind}.{hashed(token)}")
        grant = None if value is None else _in_time(_grant(value), now)
        return (
            None
            if grant is not None and grant.made_with and not self._is_held(grant, now)
            else grant
        )

    def _is_held(self, link: Grant, now: float) -> bool:
        """Return whether the token that made a link is still in force.

        Likewise if it was made with a subject that is mapped to the same officer.
        """
        ids = (f"token.{link.made_with}", f"subject.{link.made_with}")
        grants = (
            _grant(value) for key, value in self._bucket.values.items() if key.startswith(ids)
        )
        return any(
            grant.actor == link.actor and _in_time(grant, now) is not None for grant in grants
        )

    def was_known(self, token: str) -> bool:
        """Return whether a token was ever issued, also one that was revoked since.

        A revoked token does not come back.
        """
        return f"token.{hashed(token)}" in self._bucket.revisions

    def of_subject(self, issuer: str, subject: str) -> Grant | None:
        """Return the grant of a subject of an OIDC provider.

        This gateway's copy may lag.
        """
        value = self._bucket.values.get(f"subject.{subject_digest(issuer, subject)}")
        return None if value is None else _grant(value)

    def covers(self, grant: Grant, cid: str) -> bool:
        """Return whether a grant is for the channel with this cid."""
        return cid in self.cids(grant)

    def cids(self, grant: Grant) -> Collection[str]:
        """Return the cids of the channels that a grant is for."""
        if grant.identity:
            return self._identities.cids(grant.identity, grant.side)
        return grant.channels

    def holds(self, grant: Grant, now: float) -> bool:
        """Return whether an earlier result of `find` is still in force, unchanged."""
        if self._held_at != self._bucket.changes:
            granted = (
                value
                for key, value in self._bucket.values.items()
                if key.startswith(("token.", "subject."))
            )
            self._held = frozenset(map(_grant, granted))
            self._held_at = self._bucket.changes
        return grant in self._held and _in_time(grant, now) is not None

    async def open_session(
        self,
        session: PageSession,
        now: float,
        secret: str = "",
    ) -> str:
        """Return the secret of a new page session; it goes into the cookie.

        Deletes sessions that have ended, and the oldest ones of a grant with too many.
        A `secret` that the caller chose opens one session only. Raises `WriteConflict`
        if it opened a session before.
        """
        sessions = [
            (key, _session(value))
            for key, value in self._bucket.values.items()
            if key.startswith("session.")
        ]
        of_grant = sorted(
            (other.expires, key)
            for key, other in sessions
            if other.grant_key == session.grant_key and other.expires >= now
        )
        over = [key for key, other in sessions if other.expires < now - KEPT_FORM_SECONDS]
        new = secret or new_token()
        await self._bucket.put(f"session.{hashed(new)}", session, 0)
        for key in (
            *over[:SESSIONS],
            *(key for _, key in of_grant[: max(0, len(of_grant) - SESSIONS + 1)]),
        ):
            await self._bucket.put(key, None)
        return new

    async def close_session(self, session: str) -> None:
        """End a session, if it exists."""
        key = f"session.{hashed(session)}"
        if key in self._bucket.values:
            await self._bucket.put(key, None)

    async def end_session(self, session: str, now: float) -> None:
        """End a session by its officer's own word, if it exists.

        For an hour, a form that its browser still sends is kept for that officer.
        """
        key = f"session.{hashed(session)}"
        if (value := self._bucket.values.get(key)) is not None:
            stored = _session(value)
            ended = replace(stored, expires=min(stored.expires, now - 1))
            await self._bucket.put(key, ended)

    async def beat(self, session: str, console: Console) -> None:
        """Store the state of a session's browser. Raises `LogUnreachable`.

        Deletes some browsers that have not reported for long.
        """
        consoles = [
            (key, _console(value))
            for key, value in self._bucket.values.items()
            if key.startswith("console.")
        ]
        for key in [key for key, other in consoles if other.at < console.at - _FORGOTTEN_SECONDS][
            :SESSIONS
        ]:
            await self._bucket.put(key, None)
        await self._bucket.put(f"console.{hashed(session)}", console)

    def consoles(self, now: float, cid: str) -> list[Console]:
        """Return the browsers for a channel that have reported within a minute.

        This gateway's copy may lag. Sides and officers of two channels may have the
        same names, so the session must be for the channel. A browser whose session has
        ended hears no alarm, so it does not count.
        """
        values = self._bucket.values
        consoles = [
            (key, _console(value)) for key, value in values.items() if key.startswith("console.")
        ]
        return [
            console
            for key, console in consoles
            if console.at > now - CONSOLE_SECONDS
            and self._hears(key.partition(".")[2], console, now, cid)
        ]

    def _hears(self, session: str, console: Console, now: float, cid: str) -> bool:
        """Return whether a session is open, for a channel, and of a console's officer.

        `session` is its hash.
        """
        grant = self._of_session(session, now)
        return grant is not None and grant.actor == console.actor and self.covers(grant, cid)

    def session(self, session: str, now: float) -> Grant | None:
        """Return a session's grant: its token's, until either of them ends."""
        return self._of_session(hashed(session), now)

    def session_ends(self, session: str) -> float:
        """Return the end of a session, in Unix seconds; 0 if it does not exist.

        It ends at its own time, or with its token.
        """
        value = self._bucket.values.get(f"session.{hashed(session)}")
        if value is None:
            return 0.0
        stored = _session(value)
        grant = self._grant_of(stored)
        return 0.0 if grant is None else min(stored.expires, grant.expires or stored.expires)

    def ended(self, session: str, now: float) -> Grant | None:
        """Return the grant of a session that has ended within the hour.

        It ended by its own time, by its token's, or because its officer signed out.
        None for a session that was closed, or whose token was revoked.
        """
        value = self._bucket.values.get(f"session.{hashed(session)}")
        stored = None if value is None else _session(value)
        grant = None if stored is None else self._grant_of(stored)
        if stored is None or grant is None:
            return None
        end = min(stored.expires, grant.expires or stored.expires)
        return grant if end < now <= end + KEPT_FORM_SECONDS else None

    def _of_session(self, digest: str, now: float) -> Grant | None:
        value = self._bucket.values.get(f"session.{digest}")
        if value is None:
            return None
        session = _session(value)
        grant = self._grant_of(session)
        return None if grant is None or session.expires < now else _in_time(grant, now)

    def _grant_of(self, session: PageSession) -> Grant | None:
        """Return the grant with which a session began, if it is still the same one."""
        value = self._bucket.values.get(session.grant_key)
        grant = None if value is None else _grant(value)
        is_other = grant is not None and session.subject and grant.issued != session.granted
        return None if is_other else grant

    # The sessions and tokens of one officer

    def note_use(self, session: str, now: float) -> None:
        """Note that a session is used; `write_uses` stores it."""
        self._uses[hashed(session)] = now

    async def write_uses(self) -> None:
        """Store when sessions were last used, each at most once in `USE_SECONDS`.

        A session that ended meanwhile stays ended. Raises `LogUnreachable`.
        """
        uses, self._uses = self._uses, {}
        for digest, at in uses.items():
            key = f"session.{digest}"
            value = self._bucket.values.get(key)
            session = None if value is None else _session(value)
            if session is not None and at - session.used >= USE_SECONDS:
                with suppress(WriteConflict):
                    await self._bucket.put(
                        key, replace(session, used=at), self._bucket.revisions[key]
                    )

    def own_sessions(self, grant: Grant, now: float) -> list[tuple[str, PageSession, Grant]]:
        """Return an officer's sessions in force, with id and grant, newest first."""
        sessions = (
            (digest[:_ID], _session(value), granted)
            for key, value in self._bucket.values.items()
            if key.startswith("session.")
            and (digest := key.partition(".")[2])
            and (granted := self._of_session(digest, now)) is not None
            and self._is_same_officer(grant, granted)
        )
        return sorted(sessions, key=lambda entry: (entry[1].begun, entry[0]), reverse=True)

    async def own_tokens(self, grant: Grant, now: float) -> list[Grant]:
        """Return an officer's tokens in force, newest first.

        Raises `LogUnreachable`.
        """
        return [
            token
            for token in reversed(await self.listed())
            if _in_time(token, now) is not None and self._is_same_officer(grant, token)
        ]

    async def end_sessions(self, grant: Grant, ids: Collection[str], now: float) -> int:
        """End an officer's sessions by their ids; return how many ended.

        Ids of other officers' sessions are passed over. Raises `LogUnreachable`.
        """
        await self._bucket.refresh()
        ending = {id for id, _, _ in self.own_sessions(grant, now)} & {*ids}
        keys = [
            key
            for key in self._bucket.values
            if key.startswith("session.") and key.partition(".")[2][:_ID] in ending
        ]
        for key in keys:
            await self._bucket.put(key, None)
        return len(keys)

    def _is_same_officer(self, grant: Grant, other: Grant) -> bool:
        """Return whether another grant is of the same officer, with no more rights.

        Officers of two channels may have the same name and be strangers. So the two
        grants must have a channel in common. A grant that only reads has no part in one
        that acts.
        """
        if grant.actor != other.actor or (grant.scope == "read" and other.scope != "read"):
            return False
        if grant.id == other.id or grant.is_operator:
            return True
        return not {*self.cids(grant)}.isdisjoint(self.cids(other))


def session_id(session: str) -> str:
    """Return the id of a session, which its lists show, from its secret."""
    return hashed(session)[:_ID]


def subject_digest(issuer: str, subject: str) -> str:
    """Return the digest by which a subject of a provider is stored."""
    return hashed(f"{issuer}\n{subject}")


def _in_time(grant: Grant, now: float) -> Grant | None:
    return grant if not grant.expires or grant.expires > now else None


def new_token() -> str:
    """Return a token of 32 random bytes, recognisable by its prefix."""
    return "drg_" + secrets.token_urlsafe(_TOKEN_BYTES)
