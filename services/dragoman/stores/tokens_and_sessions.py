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
from functools import lru_cache
from typing import Final, Literal

import msgspec
from msgspec import Struct

from dragoman.limits import CONSOLE_SECONDS, KEPT_FORM_SECONDS, SESSIONS
from dragoman.stores.enrolments import Enrolments
from dragoman.stores.identities import Identities
from dragoman.stores.key_value import Bucket
from dragoman.stores.saved_searches import Searches
from dragoman.stores.watch_floor import WatchFloor

BUCKET: Final = "DRAGOMAN_ACCESS"
OPERATOR: Final = "operator"
_TOKEN_BYTES: Final = 32
_ID: Final = 12
_FORGOTTEN_SECONDS: Final = 24 * 3600


Scope = Literal["act", "read"]
Kind = Literal["token", "subject", "link"]


class Grant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rights of a token: it speaks for an actor in some channels.

    They end at `expires`, in Unix seconds. The operator opens channels and issues
    tokens. A grant of the scope `read` posts nothing. `subject` is a subject of the
    OIDC provider, whose tokens give this grant. A link was `made_with` a token, and
    ends with it. `key` is that of the form that made it, so that sending the form again
    makes no second one. With `identity` it holds wherever the actor's side is that
    identity, and `channels` is empty.
    """

    id: str
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


class _Session(Struct, frozen=True, kw_only=True):
    token: str
    expires: float


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
_session = msgspec.json.Decoder(_Session).decode


def hashed(secret: str) -> str:
    """Return the stored form of a token or a session."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class TokensAndSessions:
    """The tokens and sessions of a deployment."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self.bucket = self._bucket = bucket
        self.searches = Searches(bucket)
        self.enrolments = Enrolments(bucket)
        self.watching = WatchFloor(bucket)
        self.identities = Identities(bucket)
        self._held: frozenset[Grant] = frozenset()
        self._held_at = -1

    async def issue(
        self,
        actor: str,
        channels: tuple[str, ...],
        *,
        identity: str = "",
        issued: str,
        label: str = "",
        scope: Scope = "act",
        expires: float = 0.0,
        secret: str = "",
        made_with: str = "",
        key: str = "",
        kind: Literal["token", "link"] = "token",
        over: int | None = None,
    ) -> tuple[str, Grant]:
        """Return a new token, or link, and its grant.

        From now on only the caller has the token. With `over` 0 it must never have been
        issued before. Raises `WriteConflict` or `LogUnreachable`.
        """
        token = secret or new_token()
        digest = hashed(token)
        grant = Grant(
            id=digest[:12],
            actor=actor,
            channels=channels,
            identity=identity,
            issued=issued,
            label=label,
            scope=scope,
            expires=expires,
            made_with=made_with,
            key=key,
        )
        await self._bucket.put(f"{kind}.{digest}", grant, over)
        return token, grant

    async def map(
        self,
        issuer: str,
        subject: str,
        actor: str,
        channels: tuple[str, ...],
        *,
        identity: str = "",
        issued: str,
        scope: Scope = "act",
    ) -> Grant:
        """Map a subject of an OIDC provider to an officer.

        Replaces the officer to whom it was mapped before.
        """
        digest = hashed(f"{issuer}\n{subject}")
        grant = Grant(
            id=digest[:12],
            actor=actor,
            channels=channels,
            identity=identity,
            issued=issued,
            scope=scope,
            subject=subject,
        )
        await self._bucket.put(f"subject.{digest}", grant)
        return grant

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
        issued = f"{issuer}\n{subject}"
        value = self._bucket.values.get(f"subject.{hashed(issued)}")
        return None if value is None else _grant(value)

    def covers(self, grant: Grant, cid: str) -> bool:
        """Return whether a grant is for the channel with this cid."""
        return cid in self.cids(grant)

    def cids(self, grant: Grant) -> Collection[str]:
        """Return the cids of the channels that a grant is for."""
        if grant.identity:
            return self.identities.cids(grant.identity, grant.side)
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

    async def open_session(self, token: str, now: float, seconds: float) -> str:
        """Return a new page session for a token; the id goes into the cookie.

        Deletes sessions that have ended, and the oldest ones of a token with too many.
        """
        sessions = [
            (key, _session(value))
            for key, value in self._bucket.values.items()
            if key.startswith("session.")
        ]
        of_token = sorted(
            (session.expires, key)
            for key, session in sessions
            if session.token == hashed(token) and session.expires >= now
        )
        over = [key for key, session in sessions if session.expires < now - KEPT_FORM_SECONDS]
        for key in (
            *over[:SESSIONS],
            *(key for _, key in of_token[: max(0, len(of_token) - SESSIONS + 1)]),
        ):
            await self._bucket.put(key, None)
        new = new_token()
        await self._bucket.put(
            f"session.{hashed(new)}", _Session(token=hashed(token), expires=now + seconds)
        )
        return new

    async def close_session(self, session: str) -> None:
        """End a session, if it exists."""
        key = f"session.{hashed(session)}"
        if key in self._bucket.values:
            await self._bucket.put(key, None)

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
        granted = self._bucket.values.get(f"token.{stored.token}")
        ends = 0.0 if granted is None else _grant(granted).expires
        return 0.0 if granted is None else min(stored.expires, ends or stored.expires)

    def ended(self, session: str, now: float) -> Grant | None:
        """Return the grant of a session that has ended within the hour.

        It ended by its own time or by its token's. None for a session that was closed,
        or whose token was revoked.
        """
        value = self._bucket.values.get(f"session.{hashed(session)}")
        stored = None if value is None else _session(value)
        granted = None if stored is None else self._bucket.values.get(f"token.{stored.token}")
        if stored is None or granted is None:
            return None
        grant = _grant(granted)
        end = min(stored.expires, grant.expires or stored.expires)
        return grant if end < now <= end + KEPT_FORM_SECONDS else None

    def _of_session(self, digest: str, now: float) -> Grant | None:
        value = self._bucket.values.get(f"session.{digest}")
        if value is None:
            return None
        session = _session(value)
        granted = self._bucket.values.get(f"token.{session.token}")
        return None if granted is None or session.expires < now else _in_time(_grant(granted), now)


def _in_time(grant: Grant, now: float) -> Grant | None:
    return grant if not grant.expires or grant.expires > now else None


def new_token() -> str:
    """Return a token of 32 random bytes, recognisable by its prefix."""
    return "drg_" + secrets.token_urlsafe(_TOKEN_BYTES)
