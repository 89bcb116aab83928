"""Events of a station's stream beside the records: signed heads, and the log's end.

    event: head     the newest head, at once after connecting; each newer one, and each
                    new cosignature of it
    event: end      every five seconds: how many records the log has, and
                    when the host last saw that

The end is a heartbeat with a meaning. A station that hears none knows within ten
seconds that its line is cut, and one that hears it knows that its copy is whole.
"""

import asyncio
import time
from typing import Any, Final

import msgspec

from dragoman.api.sse_broadcast import Stream
from dragoman.application.http.request import ApiRequest
from dragoman.application.operations import transparency_log
from dragoman.domain.record.errors import Refused
from dragoman.projection.projection import Projection

HEARTBEAT_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.1


async def attend(call: ApiRequest[Any], projection: Projection, response: Stream) -> None:
    """Write heads and ends into a station's stream, for ever."""
    heads = call.request.app[transparency_log.HEADS]
    note, beaten = b"", float("-inf")
    while True:
        try:
            newest = await heads.newest(call, projection.name, _LOOK_SECONDS)
        except Refused:
            newest = None  # the broker does not answer now
        if newest is not None and newest.note != note:
            note = newest.note
            head = msgspec.json.encode({"note": note.decode()})
            await response.push(b"event: head\ndata: %b\n\n" % head)
        now = time.monotonic()
        if now >= beaten + HEARTBEAT_SECONDS and call.service.is_live(projection):
            beaten = now
            end = msgspec.json.encode(
                {"position": projection.state.position, "time": call.service.as_of(projection)}
            )
            await response.push(b"event: end\ndata: %b\n\n" % end)
        await asyncio.sleep(_LOOK_SECONDS)
