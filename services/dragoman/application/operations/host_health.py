"""The health of a host: conditions of its services and channels."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.application.http.request import SERVICE
from dragoman.application.operations import (
    transparency_log,
)
from dragoman.application.service import Service
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.lifecycle import STAYS
from dragoman.text import Text, sentence
from dragoman.tlog import dsse
from dragoman_schemas.host_responses import Check, Health

_SIGNED: Final = "heads are signed"
_ONE_KEY: Final = "channels have the host's log key"
_REPORTED: Final = frozenset({_SIGNED, _ONE_KEY})
"""The conditions that a monitor reports, and without which the service is in use."""


class Condition(Struct, frozen=True):
    """A condition for using the service, whether it is met, and why not."""

    name: str
    ok: bool
    why: Text | None = None


async def health(app: web.Application, *, is_operator: bool = False) -> Health:
    """Return whether the service may be used, with its conditions."""
    return health_of(await conditions(app, is_operator=is_operator))


def health_of(conditions: Sequence[Condition]) -> Health:
    """Return conditions as the answer to a health request, in English."""
    # Posts are accepted and stored without a signed head.
    ready = all(condition.ok for condition in conditions if condition.name not in _REPORTED)
    checks = tuple(
        Check(name=condition.name, ok=condition.ok, detail=str(condition.why or ""))
        for condition in conditions
    )
    return Health(status="ok" if ready else "not ready", checks=checks)


async def conditions(app: web.Application, *, is_operator: bool = False) -> list[Condition]:
    """Return the conditions for using a gateway.

    The heads are checked only if all other conditions are met. The operator gets the
    names of channels.
    """
    service = app[SERVICE]
    result = own_conditions(service)
    result.append(await _one_key(service, is_operator=is_operator))
    # A monitor of this service learns of unsigned heads; the service stays in use all the same.
    if all(condition.ok for condition in result if condition.name not in _REPORTED):
        unsigned = await transparency_log.unsigned(app)
        result.append(Condition(_SIGNED, unsigned is None, unsigned))
    return result


def own_conditions(service: Service) -> list[Condition]:
    """Return the conditions for using any service that follows the logs."""
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
        Condition("data are in their place", read_only is None, read_only),
    ]
    # Names of channels are their members' business.
    late, broken, doubted = service.channel_counts()
    why = sentence(
        "%(n)s of %(all)s are not read live, %(broken)s of them broken; the log says which",
        n=late,
        all=len(service.channels),
        broken=broken,
    )
    result.append(Condition("channels are read live", not late, why if late else None))
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
    result.append(
        Condition(
            "the copy is written",
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
    return result


async def _one_key(service: Service, *, is_operator: bool) -> Condition:
    """Return whether the host's log key is that of all channels.

    The operator gets the names of the others, whose heads no signer with the host's key
    signs.
    """
    try:
        key = await service.identity.log_key() if service.channels else None
    except LogUnreachable:
        key = service.identity.known
    others = sorted(
        projection.name
        for projection in service.channels.values()
        if key is not None
        and projection.is_channel
        and projection.registry.log_key != dsse.encode_base64(key)
    )
    if not others:
        return Condition(_ONE_KEY, ok=True)
    if is_operator:
        return Condition(
            _ONE_KEY,
            ok=False,
            why=sentence(
                "another log key is in the genesis of %(channels)s: start a signer on the data "
                "directory that has that key, or their heads stay unsigned",
                channels=", ".join(others),
            ),
        )
    return Condition(
        _ONE_KEY,
        ok=False,
        why=sentence(
            "another log key is in the genesis of %(n)s of %(all)s channels; ask with the "
            "operator's token which",
            n=len(others),
            all=len(service.channels),
        ),
    )
