"""The view of a channel for its members."""

from dragoman.domain.acts.log_policy import log_of
from dragoman.projection.projection import Projection
from dragoman_schemas.host_responses import ChannelView


def view_of(projection: Projection) -> ChannelView:
    """Return the view of a channel for its members."""
    registry = projection.registry
    return ChannelView(
        name=registry.name,
        cid=registry.cid,
        kind=registry.kind,
        custody=registry.custody,
        sides=tuple(side.name for side in registry.sides),
        languages=registry.languages,
        marking=registry.marking,
        position=projection.state.position,
        time=projection.state.time,
        opened=registry.opened.time,
        exercise_of=registry.exercise_of.name if registry.exercise_of is not None else "",
        log=str(log_of(registry)),
        policy=registry.policy,
        observers=tuple(side.name for side in registry.sides if side.observer),
        ended="" if registry.ended is None else registry.ended.said.time,
        successor=""
        if registry.ended is None or registry.ended.successor is None
        else registry.ended.successor.name,
    )
