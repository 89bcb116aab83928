"""The cosigning of settled heads with the side's witness key, pushed to the host.

A witness never cosigns two branches. The copy settles only what continues it. So the
newest settled head continues the last cosigned one. A cosigned head is on the disk
before anybody gets it. A station that was restored from an old copy has fewer records
than it once cosigned: it cosigns nothing until its copy has come as far again.
"""

import asyncio
from contextlib import suppress

import structlog

from dragoman.client import Garbled, ProblemResponse, Unreachable
from dragoman.eventlog import durable
from dragoman.eventlog.archive_format import COSIGNED
from dragoman.eventlog.cosign_times import TIMES, TimesFile
from dragoman.station.copy_log import CopyLog
from dragoman.station.link import HostLink
from dragoman.tlog import checkpoint, note
from dragoman.tlog.dsse import public_of
from dragoman.tlog.note import COSIGNATURE, NotANote, Verifier

log = structlog.get_logger()


class Cosigner:
    """The witness of one channel at a station."""

    def __init__(self, link: HostLink, copy: CopyLog, name: str, seed: bytes) -> None:
        """Go on from the last head that was cosigned here.

        `name` is that of the witness in the channel's policy.
        """
        self._link, self._copy, self._name, self._seed = link, copy, name, seed
        self.verifier = Verifier(name, COSIGNATURE, public_of(seed))
        self._folder = copy.settled.folder
        self._times = TimesFile(self._folder / TIMES)
        path = self._folder / COSIGNED
        restored = copy.settled.restored
        self.size = 0 if restored is None else restored.size
        if path.exists():
            self.size = max(self.size, copy.settled.size_of(path.read_bytes()) or 0)
        self._shown = self._handed_in = 0
        self._newest: bytes | None = None
        self._changed = asyncio.Event()

    def take(self, signed: bytes) -> None:
        """Take a head that settled; it is cosigned and pushed soon."""
        self._newest = signed
        with suppress(NotANote):
            head, signatures = checkpoint.read_signed(signed, self._copy.settled.log)
            if signatures.signed_by(self.verifier) is not None:
                self._shown = max(self._shown, head.size)
        self._changed.set()

    async def run(self) -> None:
        """Cosign and push the newest head, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._newest is None:
                continue
            if (self._folder / "held").exists():
                # The head waits: once the witness is released, it is cosigned although no
                # further record comes.
                await asyncio.sleep(1)
                self._changed.set()
                continue
            try:
                await self._push(self._newest)
            except (Unreachable, Garbled, ProblemResponse) as error:
                log.info("station.not_cosigned", channel=self._copy.channel, reason=str(error))
                await asyncio.sleep(1)
                self._changed.set()

    async def _push(self, signed: bytes) -> None:
        head, signatures = checkpoint.read_signed(signed, self._copy.settled.log)
        if (awaited := self._copy.settled.cut_ahead) is not None and head.size < awaited.first:
            return  # Its side has signed a handover: nothing more of the old host is cosigned.
        is_there = signatures.signed_by(self.verifier) is not None
        if head.size < max(self.size, self._shown, self._handed_in + 1) or is_there:
            return
        line = note.cosign(self._name, self._seed, head.text, int(self._link.clock.now()))
        cosigned = signed + line.line.encode()
        if head.size > self.size:
            await asyncio.to_thread(self._keep, cosigned, head.size, line.time)
            self.size = head.size
        await self._link.client.call(
            "POST",
            f"/v1/channels/{self._copy.channel}/log/cosignatures",
            cosigned,
            {"Content-Type": "text/plain"},
        )
        self._handed_in = head.size

    def _keep(self, cosigned: bytes, size: int, time: int) -> None:
        """Store the time of a cosignature, and then the head with it."""
        self._times.add([(size, time)])
        durable.write(self._folder / COSIGNED, cosigned, summed=True)
