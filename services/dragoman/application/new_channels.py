"""Checks of the request for a new trial channel, before anything is written."""

from dragoman.domain.acts.families import channel as channels
from dragoman.domain.acts.families import genesis as genesis_module
from dragoman.domain.record.codec import is_name
from dragoman.domain.record.errors import refuse
from dragoman.projection.projection import Projection
from dragoman_schemas.host_responses import NewChannel


def check_new_channel(new: NewChannel) -> None:
    """Raise `Refused` if the request for a trial channel is not valid."""
    sides = set(new.sides)
    if len({(officer.side, officer.officer) for officer in new.officers}) < len(new.officers):
        raise refuse("invalid", "An officer is named twice; name each once, with all roles.")
    for officer in new.officers:
        if officer.side not in sides:
            raise refuse(
                "invalid",
                "%(side)s/%(officer)s belongs to no side of the channel; name only its sides.",
                side=officer.side,
                officer=officer.officer,
            )
        if officer.officer == channels.FORBIDDEN_OFFICER:
            raise refuse(
                "invalid",
                "An officer cannot be called %(name)s; choose another name.",
                name=channels.FORBIDDEN_OFFICER,
            )
    if not set(new.observers) < sides:
        raise refuse(
            "invalid",
            "Observers are some of the sides, and not all of them; name them in `sides` too.",
        )
    if (
        not is_name(new.name)
        or len(sides) < len(new.sides)
        or genesis_module.FORBIDDEN_SIDE in sides
    ):
        raise refuse(
            "invalid",
            "Sides are named once, and none is called %(name)s.",
            name=genesis_module.FORBIDDEN_SIDE,
        )


def is_half_opened(projection: Projection, new: NewChannel) -> bool:
    """Return whether the same opening made this channel and was cut off.

    It was cut off before all of its officers were entered.
    """
    registry = projection.registry
    officers = {f"{officer.side}/{officer.officer}" for officer in new.officers}
    same = (registry.kind, tuple(side.name for side in registry.sides), registry.languages) == (
        new.kind,
        new.sides,
        new.languages,
    )
    return same and registry.officers.keys() < officers
