"""The opening of channels: trials, and openings that the sides have signed.

A gateway without the host's log key has a channel opened by the gateway that has it.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from msgspec import UNSET

from dragoman.application.channel_genesis import append_genesis, make_genesis, make_trial_genesis
from dragoman.application.command_handler import CommandHandler
from dragoman.application.disk_space import DiskSpace
from dragoman.application.host_identity import HostIdentity
from dragoman.application.new_channels import check_new_channel, is_half_opened
from dragoman.application.opening_requests import OpeningRequest, OpeningRequests, TrialRequest
from dragoman.domain.acts import act_registry
from dragoman.domain.acts.families import genesis as genesis_module
from dragoman.domain.decide import Submission
from dragoman.domain.record import ids
from dragoman.domain.record.codec import is_name, read_act
from dragoman.domain.record.errors import refuse
from dragoman.eventlog.event_log import EventLog, LogBroken, LogUnreachable
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.stores.keystore import Keystore
from dragoman.tlog import dsse
from dragoman_schemas.acts import rules_versions
from dragoman_schemas.acts.office.channel import ChannelOpening, LiveChannel
from dragoman_schemas.fields import or_default
from dragoman_schemas.host_responses import NewChannel, Opening, OpeningTerms


class OpenLog(Protocol):
    """A function that follows a channel's log. Raises `LogBroken`, `LogUnreachable`."""

    async def __call__(self, channel: str, *, new: bool = False) -> Projection:
        """Return the channel's projection; the stream of a `new` one is made first."""


@dataclass(slots=True, kw_only=True)
class ChannelOpenings:
    """The opening of channels at one gateway.

    `open_log` follows a channel's stream, which it makes for a new channel. `custody`
    has the keys of trials. `origin` is the origin of a new channel's log, with
    `{channel}` and `{key}` in it. `channels` are those of the service. Nothing else
    follows a new channel while `lock` is held.
    """

    command_handler: CommandHandler
    identity: HostIdentity
    keeper: OpeningRequests
    custody: Keystore
    origin: str
    open_log: OpenLog
    disks: DiskSpace
    channels: dict[str, Projection]
    now: Callable[[], datetime]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def _refuse_to_open(self) -> None:
        """Raise `Refused` if no channel can be opened now."""
        self.command_handler.refuse_if_read_only()
        self.disks.refuse_if_scarce()

    async def open_trial(self, new: NewChannel) -> Projection:
        """Open a trial channel, and enter its first officers as root.

        A gateway without a log key has it opened by the gateway with the host's. Raises
        `Refused`.
        """
        check_new_channel(new)
        self._refuse_to_open()
        if not await self.identity.opens_here():
            return await self._opened_elsewhere(new.name, TrialRequest(new))
        async with self.lock:
            exercise_of = None
            if isinstance(new.exercise_of, str):
                live = self.channels.get(new.exercise_of)
                if live is None or not live.is_channel:
                    raise refuse(
                        "invalid",
                        "There is no channel %(channel)s to exercise; open that one first.",
                        channel=new.exercise_of,
                    )
                exercise_of = (live.name, live.registry.cid)
            projection = self.channels.get(new.name)
            if projection is None or not projection.is_channel:
                genesis = make_trial_genesis(
                    self.custody,
                    new,
                    exercise_of=exercise_of,
                    log_key=await self.identity.claim(),
                    origin=self._origin(new.name),
                    rules=or_default(new.rules, self._rules()),
                    moment=self.now(),
                )
                projection = projection or await self.open_log(new.name, new=True)
                self.channels[new.name] = projection
                self.command_handler.refuse_if_read_only()
                await append_genesis(_writable(projection), genesis)
                await projection.reached(1)
            elif not is_half_opened(projection, new):
                raise refuse(
                    "exists",
                    "There is a channel %(channel)s already; choose another name.",
                    channel=new.name,
                )
            for officer in new.officers:
                body = b'{"act":"officer","officer":"%s","office":"%s","roles":[%s]}' % (
                    officer.officer.encode(),
                    officer.office.encode(),
                    ",".join(f'"{role}"' for role in officer.roles).encode(),
                )
                act, data = read_act(body, cut=False)
                actor = f"{officer.side}/root"
                id = ids.from_key(new.name, actor, f"opening-officer/{officer.officer}")
                await self.command_handler.post(
                    projection, Submission(actor=actor, act=act, data=data, id=id, family="channel")
                )
            return projection

    async def open_signed(self, opening: Opening) -> Projection:
        """Open a channel whose sides keep their own keys, from a signed opening.

        The opening is signed by the root keys of all sides. The same opening again
        changes nothing. A gateway without a log key has the channel opened by the
        gateway with the host's. Raises `Refused`.
        """
        self._refuse_to_open()
        opens_here = await self.identity.opens_here()
        act, data = read_act(bytes(opening.act), cut=False)
        if not isinstance(data, ChannelOpening):
            raise refuse(
                "invalid", "This is not a channel-opening; draft one with `dragoman channel draft`."
            )
        if not opens_here:
            return await self._opened_elsewhere(data.name, OpeningRequest(opening))
        self._check_signed(data)
        signatures = " ".join(
            sorted({part for line in opening.signatures for part in line.split()})
        )
        genesis = make_genesis(data.name, act, data, signatures, moment=self.now())
        async with self.lock:
            projection = self.channels.get(data.name)
            if projection is not None and projection.is_channel:
                if projection.registry.cid != genesis_module.cid_of(act):
                    raise refuse(
                        "exists",
                        "There is a channel %(channel)s already; choose another name.",
                        channel=data.name,
                    )
                return projection
            await self.identity.claim()
            projection = projection or await self.open_log(data.name, new=True)
            self.channels[data.name] = projection
            self.command_handler.refuse_if_read_only()
            await append_genesis(_writable(projection), genesis)
            await projection.reached(1)
            return projection

    async def _opened_elsewhere(
        self, name: str, request: TrialRequest | OpeningRequest
    ) -> Projection:
        """Have a channel opened by the gateway with the host's log key, and follow it.

        Raises `Refused`.
        """
        # Meanwhile the channel must not be followed twice.
        async with self.lock:
            position = await self.keeper.open(self.identity.known, request)
            projection = self.channels.get(name)
            try:
                if projection is None:
                    projection = self.channels[name] = await self.open_log(name)
                await projection.reached(position)
            except (LogBroken, LogUnreachable, NotYetApplied) as error:
                raise refuse(
                    "behind",
                    "The channel %(channel)s is open, and this gateway does not show it yet: "
                    "%(error)s. Look for it in a moment; do not open it again.",
                    channel=name,
                    error=error.said,
                ) from None
        return projection

    async def terms(self, name: str) -> OpeningTerms:
        """Return the log key and the origin that this host puts into an opening.

        The key signs the heads of the log, which the origin names. Raises `Refused`.
        """
        if not await self.identity.opens_here():
            return await self.keeper.terms(self.identity.known, name)
        return self._terms(name)

    def _terms(self, name: str) -> OpeningTerms:
        if not is_name(name):
            raise refuse(
                "invalid",
                "%(name)s is not a valid name: use small letters and digits, with hyphens between.",
                name=name[:63],
            )
        return OpeningTerms(
            log_key=dsse.encode_base64(self._own_key),
            origin=self._origin(name),
            rules=self._rules(),
        )

    def _rules(self) -> int:
        """Return the version of the rules that a new channel names by default.

        It is the highest one in force in a channel here. So an opening during an
        upgrade stops no gateway that lacks a later one. A host without channels has the
        newest.
        """
        versions = {
            act_registry.in_force(p.registry).number for p in self.channels.values() if p.is_channel
        }
        return max(versions, default=rules_versions.NEWEST)

    @property
    def _own_key(self) -> bytes:
        assert self.identity.own_key is not None
        return self.identity.own_key

    def _origin(self, name: str) -> str:
        """Return the origin of a channel's log.

        Raises `Refused` if another channel has it.
        """
        origin = self.origin.replace("{channel}", name).replace(
            "{key}", hashlib.sha256(self._own_key).hexdigest()
        )
        channels_with_origin = [
            p.name
            for p in self.channels.values()
            if p.is_channel and p.name != name and p.registry.origin == origin
        ]
        if channels_with_origin:
            raise refuse(
                "invalid",
                "%(origin)s is the origin of %(channel)s: the setting `origin` must have "
                "{channel} in it where there are several channels.",
                origin=origin,
                channel=channels_with_origin[0],
            )
        return origin

    def _check_signed(self, data: ChannelOpening) -> None:
        terms = self._terms(data.name)
        if (data.log_key, data.origin) != (terms.log_key, terms.origin):
            raise refuse(
                "invalid",
                "This host signs the heads of %(channel)s as %(origin)s with %(key)s; draft the "
                "opening with those.",
                channel=data.name,
                origin=terms.origin,
                key=terms.log_key,
            )
        if data.custody is not UNSET:
            raise refuse("invalid", "The sides' own keys signed this opening: leave out `custody`.")
        if isinstance(data.exercise_of, LiveChannel):
            live = self.channels.get(data.exercise_of.name)
            if live is None or not live.is_channel or live.registry.cid != data.exercise_of.cid:
                raise refuse(
                    "invalid",
                    "There is no such channel %(channel)s here to exercise.",
                    channel=data.exercise_of.name,
                )


def _writable(projection: Projection) -> EventLog:
    """Return the log of a new channel, which is no copy."""
    assert projection.event_log is not None
    return projection.event_log
