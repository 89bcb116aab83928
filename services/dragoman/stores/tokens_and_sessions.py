"""Who a caller is: bearer tokens, page sessions and a calendar's secret links, of which only SHA-256 is stored, and an OIDC provider's subjects.

A token is bound to one officer and to channels by their cid, so that a channel opened
anew under an old name is another. What the officer may do there stands in the channel's
own log, not here. Revocation reaches every gateway that the broker answers within a
second.
"""

import hashlib
import secrets
from functools import lru_cache
from typing import Final, Literal

import msgspec
from msgspec import Struct

from dragoman.limits import CONSOLE_SECONDS, KEPT_FORM_SECONDS, SESSIONS
from dragoman.stores.enrolments import Enrolments
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
    """What a token gives: it speaks for an actor in those channels, until it `expires`, in Unix seconds. The operator opens channels and issues tokens.

    One of the scope `read` posts nothing. A `subject` is the OIDC provider's, whose
    tokens give this. A link was `made_with` a token, and ends with it. `key` is that of
    the form by which it was made, so that sending it again makes no second one.
    """

    id: str
    actor: str
    channels: tuple[str, ...] = ()
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
        """Return whether this is the operator's."""
        return self.actor == OPERATOR


class _Session(Struct, frozen=True, kw_only=True):
    token: str
    expires: float


class Console(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One browser at which an officer sits: how its alarm stands, for the channel of an exercise or for the live ones, and when it said so last.

    `state` is `armed`, `partly`, `off`, `not_armed`, `blind`, or `no_answer` where
    nobody answered its watch check, `since` then; `at` and `since` are in Unix seconds.
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
    """Return what is stored of a token or a session."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class Access:
    """The tokens and sessions of a deployment."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket
        self.searches = Searches(bucket)
        self.enrolments = Enrolments(bucket)
        self.watching = WatchFloor(bucket)
        self._held: frozenset[Grant] = frozenset()
        self._held_at = -1

    async def issue(
        self,
        actor: str,
        channels: tuple[str, ...],
        *,
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
        """Return a new token, or link, and what it gives. The token is known to the caller alone from here on.

        With `over` 0 only where it was never issued, else `Moved` is raised. Raises
        `LogUnreachable`.
        """
        token = secret or new_token()
        digest = hashed(token)
        grant = Grant(
            id=digest[:12],
            actor=actor,
            channels=channels,
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
        issued: str,
        scope: Scope = "act",
    ) -> Grant:
        """Map a subject of an OIDC provider to an officer, in place of whom it was mapped to before."""
        digest = hashed(f"{issuer}\n{subject}")
        grant = Grant(
            id=digest[:12],
            actor=actor,
            channels=channels,
            issued=issued,
            scope=scope,
            subject=subject,
        )
        await self._bucket.put(f"subject.{digest}", grant)
        return grant

    async def revoke(self, id: str, kind: Kind = "token") -> bool:
        """Revoke a token or a link, or forget a subject, by its id; False where there is none."""
        await self._bucket.refresh()
        for key in [
            key for key in self._bucket.values if key.startswith(f"{kind}.{id}") and len(id) == _ID
        ]:
            await self._bucket.put(key, None)
            return True
        return False

    async def listed(self, kind: Kind = "token") -> list[Grant]:
        """Return all tokens, subjects or links in force."""
        await self._bucket.refresh()
        return sorted(
            (
                _grant(value)
                for key, value in self._bucket.values.items()
                if key.startswith(f"{kind}.")
            ),
            key=lambda grant: grant.issued,
        )

    async def refresh(self) -> None:
        """Bring what other gateways issued and revoked."""
        await self._bucket.refresh()

    def find(
        self, token: str, now: float, kind: Literal["token", "link"] = "token"
    ) -> Grant | None:
        """Return what a token gives at that time, as far as this gateway knows. It is looked up by its digest: no comparison tells how much of it is right."""
        value = self._bucket.values.get(f"{kind}.{hashed(token)}")
        grant = None if value is None else _in_time(_grant(value), now)
        return (
            None
            if grant is not None and grant.made_with and not self._is_held(grant, now)
            else grant
        )

    def _is_held(self, link: Grant, now: float) -> bool:
        """Return whether the token with which a link was made, or the mapping of a subject to the same officer, is still in force."""
        ids = (f"token.{link.made_with}", f"subject.{link.made_with}")
        grants = (
            _grant(value) for key, value in self._bucket.values.items() if key.startswith(ids)
        )
        return any(
            grant.actor == link.actor and _in_time(grant, now) is not None for grant in grants
        )

    def was_known(self, token: str) -> bool:
        """Return whether a token was ever issued: one that was revoked does not come back."""
        return f"token.{hashed(token)}" in self._bucket.revisions

    def of_subject(self, issuer: str, subject: str) -> Grant | None:
        """Return what a subject of an OIDC provider is mapped to, as far as this gateway knows."""
        issued = f"{issuer}\n{subject}"
        value = self._bucket.values.get(f"subject.{hashed(issued)}")
        return None if value is None else _grant(value)

    def holds(self, grant: Grant, now: float) -> bool:
        """Return whether a grant that was found earlier is still in force, as it was found."""
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
        """Return a page's session in place of a token; the id goes into the cookie. Those that are over go, and the oldest of too many."""
        rows = [
            (key, _session(value))
            for key, value in self._bucket.values.items()
            if key.startswith("session.")
        ]
        own = sorted(
            (value.expires, key)
            for key, value in rows
            if value.token == hashed(token) and value.expires >= now
        )
        over = [key for key, value in rows if value.expires < now - KEPT_FORM_SECONDS]
        for key in (*over[:SESSIONS], *(key for _, key in own[: max(0, len(own) - SESSIONS + 1)])):
            await self._bucket.put(key, None)
        session = new_token()
        await self._bucket.put(
            f"session.{hashed(session)}", _Session(token=hashed(token), expires=now + seconds)
        )
        return session

    async def close_session(self, session: str) -> None:
        """End a session; of one that there is not, nothing is written."""
        key = f"session.{hashed(session)}"
        if key in self._bucket.values:
            await self._bucket.put(key, None)

    async def beat(self, session: str, console: Console) -> None:
        """Keep how a session's browser stands; those that have said nothing for long are forgotten on the way. Raises `LogUnreachable`."""
        known = [
            (key, _console(value))
            for key, value in self._bucket.values.items()
            if key.startswith("console.")
        ]
        for key in [key for key, value in known if value.at < console.at - _FORGOTTEN_SECONDS][
            :SESSIONS
        ]:
            await self._bucket.put(key, None)
        await self._bucket.put(f"console.{hashed(session)}", console)

    def consoles(self, now: float, cid: str) -> list[Console]:
        """Return the browsers that have said within a minute how they stand, whose session is for a channel, as far as this gateway knows.

        Sides and officers of two channels may have the same names. A browser whose
        session is over hears no alarm, so it does not count.
        """
        values = self._bucket.values
        result = [
            (key, _console(value)) for key, value in values.items() if key.startswith("console.")
        ]
        return [
            console
            for key, console in result
            if console.at > now - CONSOLE_SECONDS
            and self._hears(key.partition(".")[2], console, now, cid)
        ]

    def _hears(self, session: str, console: Console, now: float, cid: str) -> bool:
        """Return whether a session, by its hash, is open, is that console's officer's and is for a channel."""
        grant = self._of_session(session, now)
        return grant is not None and grant.actor == console.actor and cid in grant.channels

    def session(self, session: str, now: float) -> Grant | None:
        """Return what a session gives: what its token gives, until it ends or the token is revoked."""
        return self._of_session(hashed(session), now)

    def session_ends(self, session: str) -> float:
        """Return when a session ends, in Unix seconds: with its own time or with its token's. 0 where there is none."""
        value = self._bucket.values.get(f"session.{hashed(session)}")
        if value is None:
            return 0.0
        known = _session(value)
        granted = self._bucket.values.get(f"token.{known.token}")
        ends = 0.0 if granted is None else _grant(granted).expires
        return 0.0 if granted is None else min(known.expires, ends or known.expires)

    def ended(self, session: str, now: float) -> Grant | None:
        """Return what a session gave that has ended within the hour, by itself or with its token's time.

        None for one that was closed, or whose token was revoked.
        """
        value = self._bucket.values.get(f"session.{hashed(session)}")
        known = None if value is None else _session(value)
        granted = None if known is None else self._bucket.values.get(f"token.{known.token}")
        if known is None or granted is None:
            return None
        grant = _grant(granted)
        end = min(known.expires, grant.expires or known.expires)
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
