"""One notice to many channels: one post, one record in each channel, one table.

The ids of the records follow from the idempotency key, the officer and the channel. So
a post that is repeated records nothing twice, and the table of a notice needs no store
of its own: it is read from the logs, by the key.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from dragoman.application.http import body_workers
from dragoman.application.http.conditional_requests import in_view
from dragoman.application.http.problems import refusal_of
from dragoman.application.http.request import ApiRequest, NoBody
from dragoman.application.http.submission import key_of, submit
from dragoman.domain.acts import access
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.decide import Submission
from dragoman.domain.judge import takes_two
from dragoman.domain.record import ids
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Refused, refuse
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.queries.notices import notice_receipts
from dragoman_schemas.act_frame import Act
from dragoman_schemas.notice_responses import NewNotice, NoticeEntry, NoticeTable
from dragoman_schemas.problems import TYPES

_AT_ONCE: Final = 8
"""Channels to which a notice is posted at once."""

_SIDES: Final = ("to", "info", "on_behalf_of", "signatories")
"""Members that name the sides of one channel, which other channels do not have."""


async def post_notice(
    call: ApiRequest[NoBody], new: NewNotice, key: str, *, is_form: bool = False
) -> NoticeTable:
    """Post an opening act in several channels, and return who has it.

    A channel that refuses it has the reason in its row, and the others have the record.
    A page's form has the key of its draft. Raises `Refused` if the act is not for
    several channels, or a channel is named twice.
    """
    if len(set(new.channels)) < len(new.channels):
        raise refuse("bad-request", "A channel is named twice; name each once.")
    raw = bytes(new.act)
    act, data = await body_workers.read(call.request, len(raw), read_act, raw, cut=True)
    _check(data)
    turn = asyncio.Semaphore(_AT_ONCE)

    async def post(name: str) -> NoticeEntry:
        async with turn:
            return await _post(call, name, act, data, key, is_form=is_form)

    entries = await asyncio.gather(*(post(name) for name in new.channels))
    return NoticeTable(key=key, by=call.grant.actor, entries=tuple(entries))


def _check(data: Act) -> None:
    """Raise `Refused` for an act that cannot be one notice to many channels."""
    name = str(data.__struct_config__.tag)
    if name not in FORMATS:
        raise refuse(
            "invalid",
            "A notice opens an exchange in each channel; %(act)s carries one on. Post it in its "
            "own channel.",
            act=name,
        )
    addressing = next((member for member in _SIDES if getattr(data, member, None)), "")
    if addressing:
        raise refuse(
            "invalid",
            "Leave out %(member)s: a notice to many channels goes to every side of each.",
            member=addressing,
        )


async def _post(
    call: ApiRequest[NoBody], name: str, act: bytes, data: Act, key: str, *, is_form: bool
) -> NoticeEntry:
    try:
        projection = call.service.channel(call.grant, name)
        rule = RULES[str(data.__struct_config__.tag)]
        if takes_two(projection.registry, projection, None, rule, data):
            raise refuse(
                "second-key-required",
                "%(act)s takes two officers. Draft it in each channel, and have a colleague "
                "release it.",
                act=rule.act,
            )
        submission = Submission(
            actor=call.grant.actor,
            act=act,
            data=data,
            id=ids.from_key(projection.name, call.grant.actor, key),
            family=rule.family or "",
        )
        await submit(call, projection, submission, is_form=is_form)
    except (Refused, LogUnreachable, LogBroken, NotYetApplied) as error:
        refusal, _ = refusal_of(error)
        return NoticeEntry(
            channel=name,
            status=TYPES[refusal.kind][0],
            problem=refusal.kind,
            detail=str(refusal.detail),
        )
    return await _entry(call, projection, submission.id, 201)


async def notice_table(call: ApiRequest[NoBody], key: str, by: str) -> NoticeTable:
    """Return the table of a notice, in every channel that the caller may see.

    `by` is the officer who posted it. Raises `Refused` if there is no such notice.
    """
    key = key_of(key)
    projections: Sequence[Projection] = call.service.visible(call.grant)
    rows = [
        (projection, id)
        for projection in projections
        if projection.is_channel
        and access.officer_side(by)
        and projection.exchange(id := ids.from_key(projection.name, by, key)) is not None
    ]
    if call.grant.is_operator or not rows:
        raise refuse(
            "not-found",
            "There is no notice of %(by)s under this key in a channel that you may read.",
            by=by,
        )
    entries = [await _entry(call, projection, id, 200) for projection, id in rows]
    return NoticeTable(key=key, by=by, entries=tuple(entries))


async def _entry(
    call: ApiRequest[NoBody], projection: Projection, exchange: str, status: int
) -> NoticeEntry:
    """Return the row of a channel that has the record."""
    await projection.in_file()
    entry, _ = await in_view(call, projection, None, None, notice_receipts, exchange, status)
    return entry
