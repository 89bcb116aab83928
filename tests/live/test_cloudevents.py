"""Every record is a CloudEvents event, over HTTP and in the broker, to a reader that we did not
write.
"""

from collections.abc import Callable

import msgspec
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.nats_connection import connected
from service import NOTE, Caller, Service

C = "/v1/channels/nato-china"
EVENT, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
Who = Callable[[str], Caller]


def read(raw: bytes) -> CloudEvent:
    """An event as the SDK reads it."""
    event = JSONFormat().read(CloudEvent, raw)
    assert isinstance(event, CloudEvent)
    return event


async def test_a_record_is_an_event(who: Who) -> None:
    recorded = (await who("nato/officer").open(NOTE)).json
    answer = await who("china/officer").get(f"{C}/records/{recorded['position']}")
    event = read(answer.body)
    assert answer.headers["Content-Type"].startswith(EVENT)
    assert (event.get_id(), event.get_type(), event.get_source()) == (
        recorded["id"],
        "dragoman.contact-note.v1",
        "/sides/nato/offices/brussels",
    )
    assert event.get_extension("actor") == "nato/o-1" and event.get_data() == NOTE


async def test_records_are_given_as_batches_that_follow_each_other(who: Who) -> None:
    last = (await who("nato/officer").open(NOTE)).json
    reader = who("china/officer")
    ids: list[str] = []
    path = f"{C}/records?from=1"
    while path:
        answer = await reader.get(path, Accept=BATCH)
        assert answer.status == 200 and answer.headers["Content-Type"].startswith(BATCH), (
            answer.body
        )
        ids += [
            read(bytes(raw)).get_id()
            for raw in msgspec.json.decode(answer.body, type=list[msgspec.Raw])
        ]
        path = (
            answer.headers["Link"].partition("<")[2].partition(">")[0]
            if "Link" in answer.headers
            else ""
        )
    stands = (await reader.get(f"{C}/records", Accept="application/x-ndjson")).body.splitlines()
    assert last["id"] in ids and len(ids) == len(set(ids)) == sum(
        b'"valid":true' in line for line in stands[: len(ids)]
    )


@pytest.mark.process
async def test_a_message_of_the_log_says_that_it_is_an_event(who: Who, process: Service) -> None:
    position = (await who("nato/officer").open(NOTE)).json["position"]
    async with connected(
        process.nats_url, "auditor", BrokerEndpoint("", "", process.data / "keys").seed("auditor")
    ) as bus:
        (message,) = await bus.fetch("DRAGOMAN_LOG_NATO-CHINA", ">", position, 1)
    assert message.header(b"Content-Type") == EVENT
    assert read(message.data).get_data() == NOTE
