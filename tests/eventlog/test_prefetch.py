"""A log read ahead: whole and in order whoever of the two processes reads it, and nobody is left
behind.
"""

import asyncio
from contextlib import aclosing

import pytest

from brokers import RealBroker
from dragoman.domain.record.codec import Record, parse
from dragoman.eventlog.event_log import EntryToAppend
from dragoman.eventlog.prefetch import read_ahead
from processes import children
from records import note

RECORDS = 2000


@pytest.fixture
async def filled(real_broker: RealBroker) -> RealBroker:
    """A log of some pages."""
    log = await real_broker.log()
    for start in range(1, RECORDS, 500):
        await log.append(
            [EntryToAppend(record=note(n), expected=0) for n in range(start, start + 500)]
        )
    return real_broker


@pytest.mark.parametrize(
    "pauses", [[0.0], [1.0, 4.0, 16.0]], ids=["faster than the other process starts", "slower"]
)
async def test_a_log_is_read_from_its_first_record_to_its_last(
    filled: RealBroker, pauses: list[float]
) -> None:
    before = children()
    records = 0
    for seconds in pauses:  # on a busy machine the other process takes longer to start
        found: list[tuple[int, bytes]] = []
        async with aclosing(
            read_ahead(filled.endpoint.url, filled.endpoint.seed("auditor"), "nato-china")
        ) as pages:
            async for page in pages:
                found += [
                    (position, message.raw if isinstance(message, Record) else message)
                    for position, message in page
                ]
                records += sum(
                    message == parse(message.raw)
                    for _, message in page
                    if isinstance(message, Record)
                )
                await asyncio.sleep(seconds)
        assert [(n, note(n).raw) for n in range(1, RECORDS + 1)] == found
        assert children() == before
        if records:
            break
    assert records or pauses == [0.0], "who gives it time is told what was read strictly already"


async def test_who_has_read_enough_leaves_no_process_behind(filled: RealBroker) -> None:
    before = children()
    async with aclosing(
        read_ahead(filled.endpoint.url, filled.endpoint.seed("auditor"), "nato-china")
    ) as pages:
        await anext(pages)
        await asyncio.sleep(1.0)
        await anext(pages)
    assert children() == before
