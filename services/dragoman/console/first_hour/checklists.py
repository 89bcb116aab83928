"""The checklist of a role for the first hour.

Nobody ticks a step. A step is done once the channel's state says so, or once the
officer has opened its page. Each step leads to its page.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.operations import own_reach
from dragoman.console.page.context import PageContext
from dragoman.document.blocks import Block, Buttons, Checklist, Paragraph, Section, section
from dragoman.domain.acts.act_rules import DUTY
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words
from dragoman.members.runs import Mark, PageLink, PressButton
from dragoman.projection.projection import Projection
from dragoman.projection.queries import duty_watch
from dragoman.stores.first_hours import FirstHour, FirstHours
from dragoman_schemas.state import Registry

FIRST_HOURS: Final = web.AppKey("first_hours", FirstHours)

ROLES: Final = ("duty_officer", "officer", "head_of_office", "administrator", "auditor")
"""The roles with a checklist, in the order in which an officer's lists appear."""

OPERATOR: Final = "operator"

_PAGES: Final = {
    "/help": "help",
    "/inbox": "inbox",
    "/people": "people",
    "/audit": "audit",
    "/reports/period": "period",
    "/watch/turn-over": "turn_over",
    "/host/terms": "terms",
}
"""Pages whose opening is a step, with the name of the step."""


class HourStep(Struct, frozen=True, kw_only=True):
    """A step of a checklist: its text, the address of its page, and its state."""

    text: str
    address: str
    is_done: bool


class RoleChecklist(Struct, frozen=True, kw_only=True):
    """The checklist of one role."""

    role: str
    steps: tuple[HourStep, ...]

    @property
    def done(self) -> int:
        """Return the number of steps that are done."""
        return sum(step.is_done for step in self.steps)

    @property
    def is_complete(self) -> bool:
        """Return whether nothing is left to do."""
        return self.done == len(self.steps)


def block_of(checklist: RoleChecklist) -> Checklist:
    """Return the steps of a checklist as a block."""
    steps = ((step.is_done, PageLink((step.text,), f"/{step.address}")) for step in checklist.steps)
    return Checklist(checklist.role, tuple(steps))


def in_section(words: Words, checklist: RoleChecklist, title: str = "") -> Section:
    """Return the section of a checklist, with the number of its steps that are done."""
    count, steps = words.number(checklist.done), words.number(len(checklist.steps))
    return section(
        title or words.say("Your first hour"),
        block_of(checklist),
        aside=words.say("%(a)s of %(b)s done", a=count, b=steps),
        first_hour="",
    )


def _board_section(context: PageContext, lists: Sequence[RoleChecklist]) -> Section:
    """Return the next step of each checklist, which a board shows until it is done."""
    words = context.words
    blocks: list[Block] = []
    for checklist in lists:
        if len(lists) > 1:
            blocks.append(Paragraph((Mark("strong", words.value(checklist.role).capitalize()),)))
        following = next(step for step in checklist.steps if not step.is_done)
        blocks.append(block_of(replace(checklist, steps=(following,))))
    dismissal = words.say("Take this list off my board")
    blocks.append(Buttons((PressButton(dismissal, "/first-hour", {"do": "dismiss"}),)))
    return section(
        words.say("Your first hour"),
        *blocks,
        aside=PageLink((words.say("all steps"),), "/first-hour"),
        first_hour="",
    )


def _in_office(registry: Registry, side: str, *roles: str) -> list[str]:
    """Return the officers of a side who have one of some roles and are in office."""
    return [
        actor
        for actor, officer in registry.officers.items()
        if actor.startswith(f"{side}/")
        and officer.until is None
        and not frozenset(roles).isdisjoint(officer.roles)
    ]


def actor_of(context: PageContext) -> str:
    """Return the name under which the reader's first hour is stored."""
    return OPERATOR if context.grant.is_operator else context.grant.actor


def hour_of(context: PageContext) -> FirstHour:
    """Return the reader's first hour."""
    return context.request.app[FIRST_HOURS].of(actor_of(context))


async def note_opened(context: PageContext, path: str) -> None:
    """Note that the reader has opened a page, if that is a step of a checklist.

    A page is noted once. Nothing is noted while the broker cannot be reached.
    """
    step = _PAGES.get(path, "")
    if path.startswith("/records/{"):
        step = "record"
    elif path.startswith("/recorded") and context.registry.kind == "exercise":
        step = "exercise"
    elif context.channel is not None and context.past:
        step = "past"
    if step:
        await note(context, step)


async def note(context: PageContext, step: str) -> None:
    """Note that the reader has done a step, unless that is noted already."""
    hour = hour_of(context)
    if step in hour.opened or hour.dismissed:
        return

    def with_step(stored: FirstHour) -> FirstHour:
        return replace(stored, opened=tuple(dict.fromkeys((*stored.opened, step))))

    try:
        await context.request.app[FIRST_HOURS].change(actor_of(context), with_step)
    except LogUnreachable:  # the step is then noted when its page is opened again
        return


async def lists_of(context: PageContext) -> list[RoleChecklist]:
    """Return the checklists of the reader's roles in the page's channel."""
    hour = hour_of(context)
    makers: dict[str, Callable[[PageContext, FirstHour], Sequence[HourStep]]] = {
        "officer": _officer,
        "administrator": _administrator,
        "auditor": _auditor,
    }
    checklists = []
    for role in ROLES:
        if role not in context.roles:
            continue
        if role == "duty_officer":
            steps: Sequence[HourStep] = await _duty_officer(context, hour)
        elif role == "head_of_office":
            steps = await _head_of_office(context, hour)
        else:
            steps = makers[role](context, hour)
        checklists.append(RoleChecklist(role=role, steps=tuple(steps)))
    return checklists


async def on_board(context: PageContext) -> Section | None:
    """Return the checklists that the board shows: those that are not complete.

    There are none once the reader has dismissed them, and none of the past.
    """
    if context.past or hour_of(context).dismissed:
        return None
    lists = [item for item in await lists_of(context) if not item.is_complete]
    return _board_section(context, lists) if lists else None


def of_operator(context: PageContext, *, is_healthy: bool) -> RoleChecklist:
    """Return the checklist of the operator, who sees no message of any channel."""
    words, hour = context.words, hour_of(context)
    channels = [
        projection.registry
        for projection in context.service.visible(context.grant)
        if projection.registry.kind == "official"
    ]
    return RoleChecklist(
        role=OPERATOR,
        steps=(
            HourStep(
                text=words.say("Open a channel with its sides."),
                address="/host/open",
                is_done=bool(channels),
            ),
            HourStep(
                text=words.say("See that each side of each channel has an administrator."),
                address="/host/terms" if not channels else f"/host/channels/{channels[0].name}",
                is_done=bool(channels)
                and all(
                    _in_office(registry, side.name, "administrator")
                    for registry in channels
                    for side in registry.sides
                ),
            ),
            HourStep(
                text=words.say("Read the terms that a side signs to keep its own keys."),
                address="/host/terms",
                is_done="terms" in hour.opened,
            ),
            HourStep(
                text=words.say("See that every check of the host is in order."),
                address="/host",
                is_done=is_healthy,
            ),
        ),
    )


def _officer(context: PageContext, hour: FirstHour) -> list[HourStep]:
    words = context.words
    steps = [
        HourStep(
            text=words.say("Read what the symbols and shortcuts mean."),
            address="/help",
            is_done="help" in hour.opened,
        ),
        HourStep(
            text=words.say("Open the inbox, and read what waits for your side."),
            address=context.link("/inbox"),
            is_done="inbox" in hour.opened,
        ),
        HourStep(
            text=words.say("See whom you ring if the line is lost."),
            address=context.link("/people"),
            is_done="people" in hour.opened,
        ),
        _reach(context),
    ]
    exercise = _exercise_of(context)
    if exercise is not None:
        steps.append(
            HourStep(
                text=words.say("Write one message in the exercise channel."),
                address=f"/c/{exercise.name}/compose",
                is_done="exercise" in hour.opened,
            )
        )
    return steps


async def _duty_officer(context: PageContext, hour: FirstHour) -> list[HourStep]:
    words, registry = context.words, context.registry
    if registry.kind in UNTIMED:
        return _officer(context, hour)
    watch = registry.watches.get(context.side)
    if watch is not None and watch.since.by == context.grant.actor:
        await note(context, "watch")
    if _is_armed(context):
        await note(context, "armed")
    hour = hour_of(context)
    return [
        _reach(context),
        HourStep(
            text=words.say("Arm the alarm on this screen, and hear it."),
            address=context.link(),
            is_done="armed" in hour.opened or _is_armed(context),
        ),
        drill_step(context, words, hour),
        HourStep(
            text=words.say("Go through the turn-over, point by point."),
            address=context.link("/watch/turn-over"),
            is_done="turn_over" in hour.opened,
        ),
        HourStep(
            text=words.say("Take the watch once."),
            address=f"{context.link()}#watch",
            is_done="watch" in hour.opened,
        ),
    ]


async def _head_of_office(context: PageContext, hour: FirstHour) -> list[HourStep]:
    words, registry, side = context.words, context.registry, context.side
    points = await context.ask(duty_watch.points_of_contact)
    heads = _in_office(registry, side, "head_of_office")
    others = _in_office(registry, side, "officer", "duty_officer")
    steps = [
        HourStep(
            text=words.say("Enter your office, with place and hours."),
            address=context.link("/compose/liaison-office"),
            is_done=context.projection.office(side) is not None,
        ),
        HourStep(
            text=words.say("Announce a point of contact, with a telephone number."),
            address=context.link("/compose/point-of-contact"),
            is_done=any(
                point.side == side and point.stage == "in_force" for point in points.points
            ),
        ),
        HourStep(
            text=words.say("See that a second officer can confirm what needs two."),
            address=context.link("/admin/officers"),
            is_done=len({*heads, *others}) > 1,
        ),
    ]
    if registry.kind in UNTIMED:
        return steps
    roster = context.service.rosters.known(registry.cid, side)
    return [
        *steps,
        HourStep(
            text=words.say("Put a duty roster."),
            address=context.link("/roster"),
            is_done=bool(roster.source),
        ),
        HourStep(
            text=words.say("Say whom your side tells of which messages."),
            address=context.link("/admin/onward"),
            is_done=bool(registry.onward.get(side)),
        ),
        drill_step(context, words, hour),
    ]


def _administrator(context: PageContext, hour: FirstHour) -> list[HourStep]:
    words, registry, side = context.words, context.registry, context.side
    duty = _in_office(registry, side, "duty_officer")
    heads = _in_office(registry, side, "head_of_office")
    endpoints = context.service.notification_endpoints.of_channel(registry.cid)
    return [
        HourStep(
            text=words.say("Read what the symbols and shortcuts mean."),
            address="/help",
            is_done="help" in hour.opened,
        ),
        HourStep(
            text=words.say("Enter a duty officer and a head of office of your side."),
            address=context.link("/admin/officers"),
            is_done=bool(duty and heads),
        ),
        HourStep(
            text=words.say("Adopt the limits within which your side answers."),
            address=context.link("/admin/profiles"),
            is_done=side in registry.profiles,
        ),
        HourStep(
            text=words.say("Adopt the witnesses that countersign the log."),
            address=context.link("/admin/policy"),
            is_done=bool(registry.policy) or side in registry.policies,
        ),
        HourStep(
            text=words.say("Choose where your side is notified outside the pages."),
            address=context.link("/admin/endpoints"),
            is_done=any(endpoint.side == side for endpoint in endpoints),
        ),
    ]


def _auditor(context: PageContext, hour: FirstHour) -> list[HourStep]:
    words = context.words
    return [
        HourStep(
            text=words.say("Read the five answers, and how each is known."),
            address=context.link("/audit"),
            is_done="audit" in hour.opened,
        ),
        HourStep(
            text=words.say("Open one record, and check its proof."),
            address=context.link("/records/1"),
            is_done="record" in hour.opened,
        ),
        HourStep(
            text=words.say("Look at the board as it was at a past moment."),
            address=context.link(at=1),
            is_done="past" in hour.opened,
        ),
        HourStep(
            text=words.say("Read the record of a period."),
            address=context.link("/reports/period"),
            is_done="period" in hour.opened,
        ),
        HourStep(
            text=words.say("See that the sides have adopted witnesses."),
            address=context.link("/admin/policy"),
            is_done=bool(context.registry.policy),
        ),
    ]


def drill_step(context: PageContext, words: Words, hour: FirstHour) -> HourStep:
    """Return the step that leads to the drill."""
    return HourStep(
        text=words.say("Do the five-minute drill."),
        address=context.link("/drill"),
        is_done=hour.has_drilled,
    )


def _reach(context: PageContext) -> HourStep:
    _, proven = own_reach.counts_of(
        context.service, context.projection, context.grant.actor, context.service.now().timestamp()
    )
    return HourStep(
        text=context.words.say("Add a way to be reached away from the pages, and prove it."),
        address="/reach",
        is_done=proven > 0,
    )


def _is_armed(context: PageContext) -> bool:
    consoles = context.service.access.consoles(
        context.service.now().timestamp(), context.registry.cid
    )
    return any(
        console.actor == context.grant.actor and console.state in ("armed", "partly")
        for console in consoles
    )


def _exercise_of(context: PageContext) -> Projection | None:
    """Return the exercise of the page's channel, if the reader is in office there."""
    return next(_exercises(context), None)


def _exercises(context: PageContext) -> Iterator[Projection]:
    for projection in context.service.visible(context.grant):
        exercise_of = projection.registry.exercise_of
        is_own = projection is context.channel and projection.registry.kind == "exercise"
        if is_own or (exercise_of is not None and exercise_of.name == context.name):
            yield projection


def may_drill(context: PageContext) -> bool:
    """Return whether the reader may do the drill: an officer with duty, now."""
    return (
        not context.past
        and context.registry.kind not in UNTIMED
        and not DUTY.isdisjoint(context.roles)
    )
