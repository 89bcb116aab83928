"""A service whose logs and operations are given hostile messages, and what must hold of it
afterwards.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from described import DOCUMENT
from dragoman.domain.acts.act_registry import PATHS
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.eventlog.nats_connection import connected
from dragoman.eventlog.stream_config import stream_of
from hostile import Named
from service import NOTE, Caller, Gateway, Service, new_key

CHANNEL: Final = "nato-china"
OTHERS: Final = {"nato-china-track2": "group-a/officer"}
"""Further channels of the demonstration, each with somebody who may post there."""

FAILURES: Final = frozenset(
    {"service.failed", "task.failed", "log.broken", "projection.broken", "projection.not_folded"}
)
AT_ONCE: Final = 8
_STORED_SECONDS: Final = 30.0


async def store(service: Service, messages: Iterable[Named], channel: str = CHANNEL) -> int:
    """Put messages into a channel's stream as they are, in turns on every subject that it has and
    some that it has not; the log's last position.
    """
    async with connected(
        service.nats_url, "gateway", service.data / "keys" / "nats-gateway.nk"
    ) as bus:
        found = await bus.api(f"STREAM.INFO.{stream_of(channel)}", {"subjects_filter": ">"})
        known = sorted(found["state"]["subjects"])
        subjects = [
            *known,
            *(
                f"dragoman.v1.{channel}.{family}.nobody-has-this"
                for family in sorted({*PATHS.values(), "junk"})
            ),
        ]
        waiting = [
            (subjects[number % len(subjects)], raw) for number, (_, raw) in enumerate(messages)
        ]
        last = 0
        while waiting:
            together, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            for answer in await asyncio.gather(
                *(
                    bus.client.request(subject, raw, timeout=_STORED_SECONDS)
                    for subject, raw in together
                )
            ):
                said = json.loads(answer.data)
                assert "error" not in said, said
                last = max(last, said["seq"])
    return last


async def goes_on(
    session: aiohttp.ClientSession, service: Gateway, others: Mapping[str, str] = OTHERS
) -> int:
    """Every channel takes a post and its head is signed; the position of the post in the channel of
    the hostile messages.
    """
    for channel, who in others.items():
        assert (await Caller(session, service, who).open(NOTE, channel)).json["position"]
    officer = Caller(session, service, "nato/officer")
    position = int((await officer.open(NOTE)).json["position"])
    await officer.sealed(position)
    ready = await Caller(session, service).get("/healthz")
    assert ready.status == 200, ready.body
    assert (await officer.get(f"/v1/channels/{CHANNEL}/state")).status == 200
    return position


def failures(service: Service) -> list[dict[str, Any]]:
    """Return the lines that a service logged but must not log."""
    return [
        line for line in service.logged if line["event"] in FAILURES or line.get("status", 0) == 500
    ]


def is_record(raw: bytes) -> bool:
    """Return whether a message is a record, valid or not."""
    try:
        parse(raw)
    except NotARecord:
        return False
    return True


class Operation:
    """One operation of the API that takes a body."""

    def __init__(
        self, method: str, path: str, media: Sequence[str], values: dict[str, str]
    ) -> None:
        """Fill in the path's variables."""
        self.method = method.upper()
        self.template = path
        self.path = path.format(**{name: quote(value, safe="") for name, value in values.items()})
        self.media = media

    def __repr__(self) -> str:
        return f"{self.method} {self.template}"


def operations(values: dict[str, str]) -> list[Operation]:
    """Every operation of the API that takes a body, of a path that is filled in with these
    values.
    """
    return [
        Operation(method, path, [*each["requestBody"]["content"]], values)
        for path, methods in DOCUMENT["paths"].items()
        for method, each in methods.items()
        if isinstance(each, dict) and "requestBody" in each
    ]


class Sender:
    """Sends bodies to operations, some at once, and keeps what was answered with an error of the
    service's own.
    """

    def __init__(self, session: aiohttp.ClientSession, service: Gateway) -> None:
        self._session = session
        self._service = service
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.sent = 0
        self.errors: list[str] = []

    async def send(
        self, operation: Operation, name: str, raw: bytes, who: str, media: str = ""
    ) -> None:
        """Send one body as somebody, or as nobody."""
        caller = Caller(self._session, self._service, who)
        headers = {
            "Content_Type": media or operation.media[self.sent % len(operation.media)],
            "Idempotency_Key": new_key(),
            "If_Match": '"' + "0" * 64 + '"',
        }
        async with self._turn:
            self.sent += 1
            try:
                answer = await caller.call(operation.method, operation.path, raw, **headers)
            except aiohttp.ClientError as error:
                self.errors.append(f"{operation} as {who or 'nobody'}: {name}: {error!r}")
                return
        if answer.status >= 500:
            self.errors.append(
                f"{operation} as {who or 'nobody'}: {name}: {answer.status} {answer.body[:200]!r}"
            )
