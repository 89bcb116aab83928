"""The host's public log key, which the broker keeps once and for ever.

    $KV.DRAGOMAN_HOST.log_key    {"log_key":"FQ3c…"}

All gateways on one broker are one host, and the heads of its logs are signed by one
key. The first opening enters the public part of that key here. The stream refuses a
second message, so nobody can replace the key through the broker. Only the broker's user
`steward` may write it. Every user that reads streams may read it.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.domain.record import nesting
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.stores.compare_and_set import read_message
from dragoman.text import sentence
from dragoman.tlog import dsse

_STREAM: Final = "KV_DRAGOMAN_HOST"
_SUBJECT: Final = "$KV.DRAGOMAN_HOST.log_key"
_MOST_BYTES: Final = 4096
_KEY_BYTES: Final = 32


class _Value(Struct, frozen=True):
    log_key: str


class HostKeyStore:
    """The host's log key in the broker: read by the gateway, written by the steward."""

    def __init__(self, bus: NatsConnection, steward: NatsConnection) -> None:
        """Read through the bus, and write through the steward's connection."""
        self._bus = bus
        self._steward = steward

    @staticmethod
    async def create(steward: NatsConnection, replicas: int) -> None:
        """Create the stream, or find it. Raises `LogUnreachable`."""
        settings: dict[str, Any] = {
            "name": _STREAM,
            "subjects": ["$KV.DRAGOMAN_HOST.>"],
            "storage": "file",
            "max_msgs_per_subject": 1,
            "discard": "new",
            "discard_new_per_subject": True,
            "deny_delete": True,
            "deny_purge": True,
            "allow_direct": True,
            "num_replicas": replicas,
            "max_msg_size": _MOST_BYTES,
        }
        answer = await steward.api(f"STREAM.CREATE.{_STREAM}", settings)
        if "error" in answer:
            raise LogUnreachable(
                sentence(
                    "the bucket %(name)s cannot be made: %(answer)s",
                    name=_STREAM,
                    answer=answer["error"].get("description"),
                )
            )

    async def read(self) -> bytes | None:
        """Return the host's log key; None if none is entered yet.

        Raises `LogUnreachable`, also if the value is not a key.
        """
        message = await read_message(self._bus, _STREAM, {"last_by_subj": _SUBJECT})
        if message is None:
            return None
        try:
            key = dsse.decode_base64(nesting.decode(message.data, _Value).log_key, _KEY_BYTES)
        except msgspec.MsgspecError:
            key = None
        if key is None:
            raise LogUnreachable(
                sentence(
                    "the value of %(subject)s in the broker is not a key: put the broker's store "
                    "back from a copy",
                    subject=_SUBJECT,
                )
            )
        return key

    async def enter(self, key: bytes) -> bytes:
        """Enter the host's log key if none is entered, and return the one that is.

        Raises `LogUnreachable`.
        """
        payload = msgspec.json.encode(_Value(dsse.encode_base64(key)))
        # The answer does not matter. Another gateway may have been first, and an answer may
        # be lost. The key that can be read is the host's.
        try:
            await self._steward.request(
                _SUBJECT, payload, {"Nats-Expected-Last-Subject-Sequence": "0"}
            )
        except LogUnreachable as error:
            entered = await self.read()
            if entered is None:
                raise LogUnreachable(
                    sentence(
                        "the host's log key cannot be entered in the broker: %(error)s; the "
                        "broker's user steward needs the right to publish %(subject)s, see "
                        "docs/operating-faults.md",
                        error=error.said,
                        subject=_SUBJECT,
                    )
                ) from None
            return entered
        entered = await self.read()
        if entered is None:
            raise LogUnreachable(
                sentence("the broker does not show the host's log key that was entered")
            )
        return entered
