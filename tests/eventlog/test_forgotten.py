"""A copy that a leader calls in flight and has forgotten: the post is recorded all the same, and
once.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from brokers import RealBroker
from dragoman.eventlog.event_log import Appended, EntryToAppend
from records import again, note


async def test_a_post_whose_id_is_refused_for_ever_is_recorded_once(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await real_broker.log()
    entry = EntryToAppend(record=note(1), expected=0)
    ask = log._bus.request

    async def forgetful(
        subject: str, payload: bytes = b"", headers: dict[str, str] | None = None
    ) -> Any:
        if headers and headers.get("Nats-Msg-Id") == entry.message_id:
            return SimpleNamespace(
                data=b'{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"}}'
            )
        return await ask(subject, payload, headers)

    monkeypatch.setattr(log._bus, "request", forgetful)
    assert await log.append([entry]) == Appended(1)
    monkeypatch.undo()
    assert await log.append([entry]) == Appended(1), "under its own id it is found where it stands"
    assert [message.raw for message in await log.read(1, 10)] == [entry.record.raw]
    assert (
        await (await real_broker.log()).append(
            [EntryToAppend(record=again(note(1), "Else."), expected=0)]
        )
    ) != Appended(2)
