"""A connection to a cluster of which two nodes answer as the leader: one was cut off, is joined
again, and has not found out.
"""

import msgspec
from nats.aio.msg import Msg

from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.text import verbatim

_REFUSED = {"error": {"code": 400, "err_code": 10071, "description": "wrong last sequence: 0"}}
_NOTHING = {"error": {"code": 404, "err_code": 10037, "description": "no message found"}}


class Confused:
    """Answers in place of the bus, so often as is said, and lets all else through."""

    def __init__(self, bus: NatsConnection) -> None:
        self.refuses = 0
        """Writes that the old leader refuses first; the true one writes them."""
        self.swallows = 0
        """Writes that the old leader refuses, and that come to nobody else."""
        self.forgets = 0
        """Questions to which the old leader says first that there is nothing."""
        self.loses = 0
        """Writes whose answer is lost."""
        self._request = bus.request
        bus.request = self.request  # type: ignore[method-assign]

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        headers: dict[str, str] | None = None,
        seconds: float | None = None,
    ) -> Msg:
        if subject.startswith("$JS.API.STREAM.MSG.GET."):
            if self.forgets:
                self.forgets -= 1
                return _answered(_NOTHING)
        elif "Nats-Expected-Last-Subject-Sequence" in (headers or {}):
            if self.swallows:
                self.swallows -= 1
                return _answered(_REFUSED)
            if self.refuses:
                self.refuses -= 1
                await self._request(subject, payload, headers)
                return _answered(_REFUSED)
            if self.loses:
                self.loses -= 1
                await self._request(subject, payload, headers)
                raise LogUnreachable(verbatim("TimeoutError from the broker"))
        return await self._request(subject, payload, headers)


def _answered(answer: object) -> Msg:
    return Msg(_client=None, data=msgspec.json.encode(answer))  # type: ignore[arg-type]
