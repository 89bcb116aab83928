"""The health of a host: conditions of its services and channels."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.application.http.request import SERVICE
from dragoman.application.operations import (
    transparency_log,
)
from dragoman.application.service import Service
from dragoman.application.station_port import HostLine
from dragoman.domain.acts import log_policy
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.readiness import IN_TIME, ONE_KEY, PLACED, READABLE, SIGNED, STAYS, WRITTEN, health_of
from dragoman.text import MomentValue, Text, sentence
from dragoman.tlog import dsse
from dragoman_schemas.host_responses import Check, Health

_NAMED: Final = 20
"""The greatest number of channels that are named to the operator."""

_PROVED: Final = "the log keys of channels are here"


class Condition(Struct, frozen=True):
    """A condition for using the service, whether it is met, and why not."""

    name: str
    ok: bool
    why: Text | None = None


def checks_of(conditions: Sequence[Condition]) -> list[Check]:
    """Return conditions as checks, in English."""
    return [
        Check(name=condition.name, ok=condition.ok, detail=str(condition.why or ""))
        for condition in conditions
    ]


def health(conditions: Sequence[Condition]) -> Health:
    """Return whether all is well, in English."""
    return health_of(checks_of(conditions))


async def checks(app: web.Application, *, is_operator: bool = False) -> list[Check]:
    """Return the conditions for using a gateway, in English."""
    return checks_of(await conditions(app, is_operator=is_operator))


async def conditions(app: web.Application, *, is_operator: bool = False) -> list[Condition]:
    """Return the conditions for using a gateway.

    The heads are checked only if all other conditions are met. The operator gets the
    names of channels.
    """
    service = app[SERVICE]
    result = own_conditions(service, is_operator=is_operator)
    is_well = all(condition.ok for condition in result)
    result.append(await _one_key(service, is_operator=is_operator))
    if is_well:
        unsigned = await transparency_log.unsigned(app)
        result.append(Condition(SIGNED, unsigned is None, unsigned))
    return result


def own_conditions(service: Service, *, is_operator: bool = False) -> list[Condition]:
    """Return the conditions for using any service that follows the logs.

    The operator gets the names of channels, with their faults.
    """
    lifecycle = service.lifecycle
    # Both are read once, because they may change at any time.
    unproven, read_only = service.guard.reason, service.command_handler.read_only_reason
    result = [
        Condition(
            STAYS,
            not lifecycle.is_stopping,
            lifecycle.status if lifecycle.is_stopping else None,
        ),
        Condition("broker connected", service.bus.up),
        Condition("broker syncs every write", unproven is None, unproven),
        Condition(PLACED, read_only is None, read_only),
    ]
    result += _channel_conditions(service, is_operator=is_operator)
    result += _station_conditions(service, is_operator=is_operator)
    doubted = service.channel_counts()[2]
    newer = sum(projection.newer is not None for projection in service.channels.values())
    result.append(
        Condition(
            "the rules of channels are known",
            not newer,
            sentence(
                "%(n)s of %(all)s channels go on by newer rules than this release has; the log "
                "names the release",
                n=newer,
                all=len(service.channels),
            )
            if newer
            else None,
        )
    )
    releases = {
        projection.judged_otherwise.release
        for projection in service.channels.values()
        if projection.judged_otherwise is not None
    }
    result.append(
        Condition(
            "records mean what they meant before",
            not releases,
            sentence(
                "this release judges kept records otherwise than before, and records nothing in "
                "those channels: go back to release %(releases)s; the log names the channels",
                releases=", ".join(sorted(releases)),
            )
            if releases
            else None,
        )
    )
    unsigned = sum(projection.unsigned is not None for projection in service.channels.values())
    result.append(
        Condition(
            _PROVED,
            not unsigned,
            sentence(
                "no signer of this host has the log key of %(n)s of %(all)s channels, which are "
                "read-only here: go on at their own host, or start a signer with that key",
                n=unsigned,
                all=len(service.channels),
            )
            if unsigned
            else None,
        )
    )
    result.append(
        Condition(
            "the copy is what the log makes",
            not doubted,
            sentence(
                "the copy of %(n)s of %(all)s channels is built again from the log; the log "
                "says why",
                n=doubted,
                all=len(service.channels),
            )
            if doubted
            else None,
        )
    )
    is_readable = doubted < max(1, len(service.channels))
    result.append(
        Condition(
            READABLE,
            is_readable,
            None
            if is_readable
            else sentence("nothing can be read here until the copy is built again"),
        )
    )
    result.append(
        Condition(
            WRITTEN,
            not service.store.stalled,
            sentence("the copy's file is not written: lists are as old as it is; the log says why")
            if service.store.stalled
            else None,
        )
    )
    failing = sentence(
        "%(tasks)s fail and are tried again; the log says why",
        tasks=", ".join(sorted(service.failing)),
    )
    result.append(
        Condition("background tasks run", not service.failing, failing if service.failing else None)
    )
    shortage = service.disks.shortage()
    result.append(Condition("there is room on the disks", shortage is None, shortage))
    return result


def _channel_conditions(service: Service, *, is_operator: bool) -> list[Condition]:
    """Return whether all channels are read and written, and what this process lacks."""
    late, broken, _ = service.channel_counts()
    behind = late and sum(
        not projection.is_copy
        and projection.log.end.is_behind
        and not projection.broken
        and not service.is_live(projection)
        for projection in service.channels.values()
    )
    why = sentence(
        "%(n)s of %(all)s are not read live, %(broken)s of them broken; the log says which",
        n=late,
        all=len(service.channels),
        broken=broken,
    )
    # Names of channels are their members' business.
    if is_operator and (faults := _faults(service)):
        why = sentence("%(why)s: %(faults)s", why=why, faults=faults)
    return [
        Condition("channels are read live", not late, why if late else None),
        Condition(
            IN_TIME,
            not behind,
            sentence("%(n)s channels have more records than were read here", n=behind)
            if behind
            else None,
        ),
    ]


def _station_conditions(service: Service, *, is_operator: bool) -> list[Condition]:
    """Return the conditions of a station: its lines, its copies and its outbox."""
    station = service.station
    if station is None:
        return []
    names = sorted(service.channels)
    lines = {name: line for name in names if (line := station.line(name)) is not None}
    cut = {line.host: line for line in lines.values() if line.is_cut}
    doubts = tuple(line.hindrance for line in lines.values() if line.hindrance is not None)
    doubted = sentence(
        "%(n)s of %(all)s channels get nothing from their host, which is in doubt or refuses this "
        "station",
        n=len(doubts),
        all=len(lines),
    )
    if is_operator:
        doubted = sentence("%(why)s: %(faults)s", why=doubted, faults=doubts[:_NAMED])
    off = [abs(line.clock_ahead_s) for line in lines.values() if line.do_clocks_differ]
    old = {name: entries for name in lines if (entries := station.old_entries(name))}
    return [
        Condition(
            "the lines to hosts are up",
            not cut,
            sentence(
                "%(hosts)s: pages show the state of then, and posts wait in the outbox; check the "
                "network between this machine and the host: the station connects by itself",
                hosts=tuple(_cut_line(line, is_operator=is_operator) for line in cut.values()),
            )
            if cut
            else None,
        ),
        Condition(
            "the copies of hosts' logs are not in doubt",
            not doubts,
            doubted if doubts else None,
        ),
        Condition(
            "the clocks here and at the hosts agree",
            not off,
            sentence(
                "the clock here and that of a host differ by %(d)s: compare both with a third one; "
                "records have the time of their host",
                d=timedelta(seconds=max(off)),
            )
            if off
            else None,
        ),
        Condition(
            "the outbox is not old",
            not old,
            sentence(
                "%(n)s acts wait for too long, or came back and nobody has decided: have their "
                "officers open the page Outbox",
                n=sum(map(len, old.values())),
            )
            if old
            else None,
        ),
    ]


def _cut_line(line: HostLine, *, is_operator: bool) -> Text:
    """Return since when a line is cut. The operator gets the address of the host."""
    since = line.last_known and MomentValue(line.last_known)
    if is_operator:
        return (
            sentence("the line to %(host)s is cut since %(t)s", host=line.host, t=since)
            if since
            else sentence("the host at %(host)s was never heard since the start", host=line.host)
        )
    return (
        sentence("the line to a host is cut since %(t)s", t=since)
        if since
        else sentence("a host was never heard since the start")
    )


def _faults(service: Service) -> tuple[Text, ...]:
    """Return the channels that are broken or not written on, each with its fault."""
    return tuple(
        sentence("%(channel)s (%(fault)s)", channel=projection.name, fault=fault)
        for _, projection in sorted(service.channels.items())
        if (fault := projection.broken or projection.unwritable) is not None
    )[:_NAMED]


async def _one_key(service: Service, *, is_operator: bool) -> Condition:
    """Return whether the host's log key is that of all channels.

    The operator gets the names of the others, whose heads no signer with the host's key
    signs.
    """
    try:
        key = await service.identity.log_key() if service.channels else None
    except LogUnreachable:
        key = service.identity.known
    held_keys = service.identity.own_keys
    keys = {dsse.encode_base64(item) for item in (held_keys if key in held_keys else [key]) if item}
    others = sorted(
        projection.name
        for projection in service.channels.values()
        if key is not None
        and projection.is_channel
        and not projection.is_copy
        and log_policy.key_in_force(projection.registry) not in keys
    )
    if not others:
        return Condition(ONE_KEY, ok=True)
    if is_operator:
        return Condition(
            ONE_KEY,
            ok=False,
            why=sentence(
                "another log key is in force in %(channels)s: start a signer on the data "
                "directory that has that key, or their heads stay unsigned",
                channels=", ".join(others),
            ),
        )
    return Condition(
        ONE_KEY,
        ok=False,
        why=sentence(
            "another log key is in the genesis of %(n)s of %(all)s channels; ask with the "
            "operator's token which",
            n=len(others),
            all=len(service.channels),
        ),
    )
