"""The command `dragoman prepare`, which shortens the restart with another release."""

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from dragoman import bootstrap, data_directory
from dragoman.cli.common import UsageError, say
from dragoman.eventlog import stream_config
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.projection import rebuild
from dragoman.settings import Settings, load

_NICE: Final = 5
"""The niceness of the command: the service that runs goes first."""


async def prepare(
    *,
    data: Annotated[
        Path | None,
        Parameter(help="The data directory of the running service. Default: dragoman-data."),
    ] = None,
    nats_url: Annotated[
        str | None, Parameter(help="The broker's URL. Default: that of the running gateway.")
    ] = None,
    nats_keys: Annotated[
        Path | None, Parameter(help="The folder with the keys of the broker's users.")
    ] = None,
    config: Annotated[Path | None, Parameter(help="A settings file in TOML.")] = None,
) -> int:
    """Fold the logs for this release while another release still runs.

    Call it with the new release before the restart, or with the earlier one before you
    go back. It reads the broker of the running service, and writes files beside its
    own. The first start of this release takes them over, and folds only what came
    since. The restart then takes seconds, however long the logs are.
    """
    flags = {"data": data, "nats.url": nats_url, "nats.keys": nats_keys}
    settings, _ = load(flags, config=config)
    files = sorted((settings.data / "projection").glob("*.sqlite"))
    if not files:
        raise UsageError(f"{settings.data} has no copy of the logs: name another one with --data")
    data_directory.adopt(settings.data)
    files = [file for file in files if not rebuild.is_of_this_program(file)]
    if not files:
        say("nothing to prepare: this release takes the files that are in use as they are")
        return 0
    os.nice(_NICE)
    begun = time.monotonic()
    async with _broker(settings).connected("gateway") as bus:
        names = await stream_config.channels(bus)

        def log_of(channel: str) -> JetStreamLog:
            return JetStreamLog(channel, bus, replicas=settings.nats.replicas)

        records = await rebuild.prepare(files[0], names, log_of)
    for file in files[1:]:
        await asyncio.to_thread(rebuild.copy_prepared, files[0], file)
    say(
        f"prepared {records} records of {len(names)} channels in {time.monotonic() - begun:.1f} s "
        f"for {', '.join(file.stem for file in files)}: restart with this release now"
    )
    return 0


def _broker(settings: Settings) -> BrokerEndpoint:
    """Return the broker that the settings name, or that of the running gateway."""
    keys = settings.nats.keys or settings.data / "keys"
    if settings.nats.url:
        return BrokerEndpoint(settings.nats.url, "", keys, bootstrap.broker_tls(settings))
    file = data_directory.server_file(settings.data)
    if file is None:
        raise UsageError(f"no gateway ever ran on {settings.data}: name the broker with --nats-url")
    return bootstrap.broker_of_gateway(file, keys)
