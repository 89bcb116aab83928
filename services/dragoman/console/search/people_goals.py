"""People as goals: the officers of the sides, and the register of people.

Names are for the offices: auditors find officers by their ids only, as in the log.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from dragoman.application import attachment_checks
from dragoman.application.operations import people_register
from dragoman.console.page.context import PageContext
from dragoman.console.search.goals import Goal, channels_of, within
from dragoman.console.search.named_goals import plain
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import Projection
from dragoman_schemas.fields import or_default

_REGISTER_SECONDS: Final = 0.1
"""The longest wait for the register of people; the other goals do not wait for it."""


async def people(context: PageContext, typed: str) -> list[Goal]:
    """Return the people whose name, post or id has all the typed words."""
    wanted = plain(typed).split()
    if not wanted:
        return []
    goals: list[Goal] = []
    for channel in channels_of(context):
        goals += await _registered(context, channel, wanted)
        goals += _officers(context, channel, wanted)
    return goals


async def _registered(context: PageContext, channel: Projection, wanted: list[str]) -> list[Goal]:
    """Return the matching entries of the register that the reader may read.

    The register keeps no past, so a page of the past has none.
    """
    if context.past or not attachment_checks.is_staff(channel, context.grant.actor):
        return []
    try:
        async with asyncio.timeout(_REGISTER_SECONDS):
            persons = await context.service.people.listed(channel.registry.cid)
    except (LogUnreachable, TimeoutError):
        return []
    goals: list[Goal] = []
    for person in persons:
        entry = or_default(people_register.view(person, context.grant.actor).entry, None)
        if entry is None:
            continue
        post, institution = or_default(entry.post, ""), or_default(entry.institution, "")
        if _has(wanted, (entry.name, post, institution)):
            goals.append(
                Goal(
                    kind="person",
                    label=entry.name,
                    address=f"/c/{channel.name}/people/register/{person.id}",
                    channel=channel.name,
                    detail=context.words.listed(
                        [part for part in (post, institution, person.side.upper()) if part]
                    ),
                )
            )
    return sorted(goals, key=lambda goal: (goal.label.casefold(), goal.address))


def _officers(context: PageContext, channel: Projection, wanted: list[str]) -> Iterator[Goal]:
    """Yield the matching officers in office at the page's moment."""
    words = context.words
    registry = within(context, channel).registry
    for actor, officer in sorted(registry.officers.items()):
        side, _, name = actor.partition("/")
        roles = words.listed([words.value(role) for role in officer.roles])
        if officer.until is None and _has(wanted, (side, name, roles)):
            yield Goal(
                kind="officer",
                label=f"{side.upper()}/{name}",
                address=context.to(f"/c/{channel.name}/admin/officers", side=side),
                channel=channel.name,
                detail=roles,
            )


def _has(wanted: list[str], texts: tuple[str, ...]) -> bool:
    """Return whether every typed word begins a word of the texts.

    A word of another script may stand anywhere.
    """
    folded = plain(" ".join(texts))
    beginnings = folded.replace("-", " - ").split() + folded.split()
    return all(
        any(word.startswith(part) for word in beginnings) if part.isascii() else part in folded
        for part in wanted
    )
