"""The first steps in a channel that was just opened, as a checklist.

Nobody ticks a step: each is done once the channel's state says so. A step names who
does it, and leads to the page on which it is done.
"""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

from msgspec import Struct

from dragoman.console.context import PageContext
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.i18n.words import Words, as_moment
from dragoman.projection.projection import Projection
from dragoman.projection.queries import duty_watch
from dragoman_schemas.state import Registry

_NEW: Final = timedelta(days=30)
"""The time after its opening for which the board of a channel shows the checklist."""

READERS: Final = frozenset({"administrator", "head_of_office"})
"""The roles whose board shows the checklist."""


class FirstStep(Struct, frozen=True, kw_only=True):
    """A step of the checklist. `missing` are the sides that still have to do it."""

    text: str
    who: str
    address: str
    missing: tuple[str, ...] = ()
    is_done: bool


class FirstSteps(Struct, frozen=True, kw_only=True):
    """The checklist of a channel."""

    steps: tuple[FirstStep, ...]

    @property
    def done(self) -> int:
        """Return the number of steps that are done."""
        return sum(step.is_done for step in self.steps)

    @property
    def is_complete(self) -> bool:
        """Return whether nothing is left to do."""
        return self.done == len(self.steps)


def is_new(context: PageContext) -> bool:
    """Return whether the board of the channel shows the checklist to the reader."""
    opened = as_moment(context.registry.opened.time)
    return (
        not context.past
        and not READERS.isdisjoint(context.roles)
        and context.moment - opened < _NEW
    )


async def of_channel(context: PageContext) -> FirstSteps:
    """Return the checklist for the officers of a channel."""
    words, registry, projection = context.words, context.registry, context.projection
    sides = full_sides(registry)
    points = await context.in_thread(
        duty_watch.points_of_contact, context.service.store, context.name, context.moment, None
    )
    reachable = {point.side for point in points.points if point.stage == "in_force"}
    steps = [
        _administrators(words, registry, sides, context.link("/admin/officers")),
        _duty_officers(words, registry, sides, context.link("/admin/officers")),
        _two_officers(words, registry, sides, context.link("/admin/officers")),
        _step(
            words.say("Each side enters its office, with place and hours."),
            words.say("head of office or officer"),
            context.link("/compose/liaison-office"),
            sides,
            lambda side: projection.office(side) is not None,
        ),
        _step(
            words.say("Each side announces a point of contact, with a telephone number."),
            words.say("head of office or officer"),
            context.link("/compose/point-of-contact"),
            sides,
            lambda side: side in reachable,
        ),
        _limits(words, registry, sides, context.link("/admin/profiles")),
        _witnesses(words, registry, sides, context.link("/admin/policy")),
    ]
    if registry.kind in UNTIMED:
        del steps[1]
    return FirstSteps(steps=tuple(steps))


def of_host(words: Words, projection: Projection, able: Collection[str]) -> FirstSteps:
    """Return the checklist for the operator, who sees no message of the channel.

    `able` are the officers for whom a token or a subject is in force.
    """
    registry = projection.registry
    sides = full_sides(registry)

    def all_may_sign_in(role: str) -> Callable[[str], bool]:
        return lambda side: any(actor in able for actor in in_office(registry, side, role))

    operator, tokens = words.say("operator"), "/host/tokens"
    return FirstSteps(
        steps=(
            _administrators(words, registry, sides, "/host/terms"),
            _step(
                words.say("An administrator of each side can sign in."),
                operator,
                tokens,
                sides,
                all_may_sign_in("administrator"),
            ),
            _duty_officers(words, registry, sides, f"/host/channels/{registry.name}"),
            _step(
                words.say("A duty officer of each side can sign in."),
                operator,
                tokens,
                sides,
                all_may_sign_in("duty_officer"),
            ),
            _witnesses(words, registry, sides, f"/host/channels/{registry.name}"),
        )
    )


def in_office(registry: Registry, side: str, *roles: str) -> list[str]:
    """Return the officers of a side who have one of some roles and are in office."""
    return [
        actor
        for actor, officer in registry.officers.items()
        if actor.startswith(f"{side}/")
        and officer.until is None
        and not frozenset(roles).isdisjoint(officer.roles)
    ]


def _administrators(
    words: Words, registry: Registry, sides: Collection[str], address: str
) -> FirstStep:
    return _step(
        words.say("Each side has an administrator."),
        words.say("the side’s root keys"),
        address,
        sides,
        lambda side: bool(in_office(registry, side, "administrator")),
    )


def _duty_officers(
    words: Words, registry: Registry, sides: Collection[str], address: str
) -> FirstStep:
    return _step(
        words.say("Each side has a duty officer."),
        words.say("administrator"),
        address,
        sides,
        lambda side: bool(in_office(registry, side, "duty_officer")),
    )


def _two_officers(
    words: Words, registry: Registry, sides: Collection[str], address: str
) -> FirstStep:
    def has_two(side: str) -> bool:
        heads = in_office(registry, side, "head_of_office")
        return (
            bool(heads) and len({*heads, *in_office(registry, side, "officer", "duty_officer")}) > 1
        )

    return _step(
        words.say("Each side has a head of office and a second officer, for acts of two."),
        words.say("administrator"),
        address,
        sides,
        has_two,
    )


def _limits(words: Words, registry: Registry, sides: Collection[str], address: str) -> FirstStep:
    return _step(
        words.say("The sides adopt the limits within which they answer."),
        words.say("administrator"),
        address,
        sides,
        lambda side: side in registry.profiles,
    )


def _witnesses(words: Words, registry: Registry, sides: Collection[str], address: str) -> FirstStep:
    return _step(
        words.say("The sides adopt the witnesses that countersign the log."),
        words.say("administrator"),
        address,
        sides,
        lambda side: bool(registry.policy) or side in registry.policies,
    )


def _step(
    text: str, who: str, address: str, sides: Collection[str], is_done: Callable[[str], bool]
) -> FirstStep:
    missing = tuple(side for side in sides if not is_done(side))
    return FirstStep(text=text, who=who, address=address, missing=missing, is_done=not missing)
