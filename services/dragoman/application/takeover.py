"""The witnesses' confirmation that the logs of a gateway are the newest.

A gateway needs it before it takes over from a service elsewhere.
"""

import asyncio
from collections.abc import Callable

from dragoman.application.service import Service
from dragoman.data_directory import Confirmation
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.stores.signed_heads import StreamMissing
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.note import NotANote
from dragoman.witness_client import LogConfirmation, Witnesses, confirmation_of


class TakeOver:
    """The question to the witnesses of all channels.

    It remembers how far each witness has come, from one call to the next.
    """

    def __init__(self, service: Service, witnesses: Callable[[], Witnesses]) -> None:
        """Ask about the channels of a service.

        `witnesses` makes new witnesses for a channel.
        """
        self._service = service
        self._make = witnesses
        self._witnesses: dict[str, Witnesses] = {}

    async def confirmation(self) -> Confirmation:
        """Ask every witness about every channel, and return the confirmation.

        A restored log that waits for records is read-only by itself, and is left out.
        """
        channels = [
            projection
            for _, projection in sorted(self._service.channels.items())
            if projection.is_channel and projection.incomplete is None
        ]
        return confirmation_of(
            {channel.name: await self._log_confirmation(channel) for channel in channels}
        )

    async def _log_confirmation(self, projection: Projection) -> LogConfirmation:
        service, name = self._service, projection.name
        nodes = service.trees.nodes(name)
        try:
            sealed = await self._sealed(name)
            size = 0 if sealed is None else checkpoint.read(note.read(sealed).text).size
            if size <= projection.state.position:
                await projection.in_file(size)
                # The subtrees are read in a thread, so that the later proof is quick.
                await asyncio.wrap_future(service.store.in_thread(merkle.root_of, nodes, size))
        except (LogUnreachable, NotYetApplied) as error:
            return LogConfirmation(waiting=(f"the log cannot be asked: {error}",))
        except NotANote as error:
            return LogConfirmation(against=f"what is sealed is not a head: {error}")

        def root(size: int) -> bytes | None:
            return projection.root(size) if size <= projection.state.position else None

        witnesses = self._witnesses.setdefault(name, self._make())
        return await witnesses.confirm(log_of(projection.registry), root, nodes, sealed)

    async def _sealed(self, channel: str) -> bytes | None:
        """Return the newest signed head; None if none was signed.

        Raises `LogUnreachable`.
        """
        try:
            head = await self._service.signed_heads.newest(channel)
        except StreamMissing:
            return None
        return None if head is None else head.note
