"""The inquest itself: it finds what is planted, so that what it does not find is not there."""

import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import aiohttp

from dragoman.client import new_key
from dragoman.eventlog.event_log import subject_of
from dragoman.eventlog.nats_connection import connected
from house import House
from inquest import Inquest
from traffic import Traffic


async def test_an_inquest_finds_what_is_served_otherwise_than_it_is_recorded(
    house: House, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    traffic = Traffic(session, house.gateway, dice)
    await traffic.flow(0.3)
    await traffic.settle()
    inquest = Inquest(house.broker.url, house.broker.keys)
    assert (await inquest.held(traffic)).clean
    with (
        closing(
            sqlite3.connect(house.gateway.data / "projection" / "gateway.sqlite")
        ) as connection,
        connection,
    ):
        connection.execute(
            "UPDATE exchanges SET status = 'withdrawn' WHERE key = (SELECT max(key) FROM exchanges)"
        )
        connection.execute(
            "UPDATE records SET state = CAST(replace(CAST(state AS TEXT), 'Report', 'Rumour') AS BLOB) WHERE state IS NOT NULL"
        )
    connection.close()
    differing = await inquest.differing(session, house.gateway)
    assert any(each.startswith("the list") for each in differing)
    assert any(each.startswith("exchange") for each in differing)


async def test_an_inquest_finds_what_is_lost_doubled_and_wrongly_refused(
    house: House, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    traffic = Traffic(session, house.gateway, dice)
    await traffic.flow(0.3)
    await traffic.settle()
    inquest = Inquest(house.broker.url, house.broker.keys)
    assert (await inquest.held(traffic)).clean
    known = await traffic.post(traffic.note())
    other = await traffic.post(traffic.note("Something else."))

    never_kept = replace(known, key=new_key())
    another_act = replace(known, act=other.act)
    refused_yet_kept = replace(known, answer=b"", refusal="moved")
    traffic.postings += [never_kept, another_act, refused_yet_kept]
    finding = await inquest.held(traffic)
    assert [never_kept.key, another_act.key] == finding.lost
    assert [refused_yet_kept.key] == finding.wrong

    record, _ = inquest.stored[-1]
    async with connected(house.broker.url, "gateway", house.broker.keys / "nats-gateway.nk") as bus:
        await bus.request(subject_of(record), record.raw)
    assert [record.envelope.id] == (await inquest.held(traffic)).doubled
