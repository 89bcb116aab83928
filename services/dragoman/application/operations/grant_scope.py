"""The scope of a new grant: one channel, a list of channels, or wherever its side is.

A grant means one side. Two channels may have sides of the same name that are strangers,
and so may an exercise and another live channel. Several channels are therefore one
grant only if an identity names their sides. An exercise of a channel with the same keys
needs no identity. The operator is asked about any other name, with the
candidates.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct, UnsetType

from dragoman.application.service import Service
from dragoman.domain.acts import access as rules
from dragoman.domain.record.errors import FieldFault, Refusal, Refused, refuse
from dragoman.limits import NAMED_CHANNELS
from dragoman.projection.projection import Projection
from dragoman.text import Text, sentence
from dragoman_schemas.state import Registry


class GrantScope(Struct, frozen=True, kw_only=True):
    """The channels of a grant, cids by name, or the identity of its side."""

    channels: dict[str, str] = {}
    identity: str = ""


def scope_of(
    service: Service,
    actor: str,
    names: Sequence[str],
    identity: str | UnsetType,
    *,
    wherever: bool,
) -> GrantScope:
    """Return the scope of a grant to an officer. Raises `Refused`.

    Without names and identity it is the only channel of that officer.
    """
    if len(names) > NAMED_CHANNELS:
        raise _asked(
            "/channels",
            sentence(
                "A token names at most %(most)s channels, and this one names %(n)s. Give the "
                "identity of the side instead: the token is then for every channel of it.",
                most=NAMED_CHANNELS,
                n=len(names),
            ),
        )
    if wherever and names:
        raise _asked(
            "/wherever", sentence("Give either `wherever` or the channels, and not both of them.")
        )
    member_of = {
        p.name: p
        for p in service.channels.values()
        if p.is_channel and _is_known(p.registry, actor)
    }
    for name in names or member_of:
        if name in member_of and (reason := member_of[name].unsigned) is not None:
            raise refuse("read-only", "No token is issued: %(error)s.", error=reason)
    if not isinstance(identity, UnsetType):
        return _in_identity(service, actor, names, member_of, identity)
    if wherever:
        return GrantScope(identity=_only_identity(service, actor, member_of))
    return GrantScope(channels=_channels(service, actor, names, member_of))


def _is_known(registry: Registry, actor: str) -> bool:
    """Return whether an actor is or was an officer of a channel, or is its root.

    A root may read a channel whose sides keep their own keys.
    """
    return actor in registry.officers or rules.may_read(registry, actor) is None


def _asked(pointer: str, detail: Text) -> Refused:
    """Return a refusal that points at one member of the request."""
    return Refused(
        Refusal(kind="invalid", detail=detail, faults=(FieldFault(pointer=pointer, detail=detail),))
    )


def _in_identity(
    service: Service,
    actor: str,
    names: Sequence[str],
    member_of: Mapping[str, Projection],
    name: str,
) -> GrantScope:
    """Return the scope of a grant in an identity, or in some of its channels."""
    identity = service.identities.find(name)
    side = actor.partition("/")[0]
    cids = frozenset() if identity is None else identity.cids.get(side, frozenset())
    channels = {p.name: p.registry.cid for p in member_of.values() if p.registry.cid in cids}
    if not channels:
        raise _asked(
            "/identity",
            sentence(
                "%(actor)s is an officer in no channel of the identity %(identity)s. The "
                "candidates: %(candidates)s.",
                actor=actor,
                identity=name,
                candidates=_candidates(service, side, member_of),
            ),
        )
    if not names:
        return GrantScope(identity=name)
    strange = [channel for channel in names if channel not in channels]
    if strange:
        raise _asked(
            "/channels",
            sentence(
                "%(channels)s: the identity %(identity)s has no such channel with %(actor)s in "
                "it; leave it out, or enter it in the identity first.",
                channels=", ".join(strange[:10]),
                identity=name,
                actor=actor,
            ),
        )
    return GrantScope(channels={channel: channels[channel] for channel in names})


def _only_identity(service: Service, actor: str, member_of: Mapping[str, Projection]) -> str:
    """Return the only identity of an officer's side. Raises `Refused`."""
    if not member_of:
        raise _unknown(actor, member_of)
    side = actor.partition("/")[0]
    identities = {_identity_of(service, p, side) for p in member_of.values()}
    if len(identities) > 1 or "" in identities:
        raise _asked(
            "/wherever",
            sentence(
                "%(side)s may be several sides here, perhaps strangers to each other: "
                "%(candidates)s. Add `identity` with one of them; enter a channel in an "
                "identity first: dragoman identity.",
                side=side,
                candidates=_candidates(service, side, member_of),
            ),
        )
    return identities.pop()


def _identity_of(service: Service, projection: Projection, side: str) -> str:
    return service.identities.name_of((projection.registry.cid, side))


def _candidates(service: Service, side: str, member_of: Mapping[str, Projection]) -> str:
    """Return the identities of a side in some channels, each with its channels."""
    groups: dict[str, list[str]] = {}
    for name, projection in sorted(member_of.items()):
        groups.setdefault(_identity_of(service, projection, side), []).append(name)
    strangers = groups.pop("", [])
    texts = [f"{identity} ({_listed(names)})" for identity, names in sorted(groups.items())]
    if strangers:
        texts.append(str(sentence("no identity (%(channels)s)", channels=_listed(strangers))))
    return ", ".join(texts) or str(sentence("none"))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" +{len(names) - 10}" if len(names) > 10 else "")


def _unknown(actor: str, member_of: Mapping[str, Projection]) -> Refused:
    return refuse(
        "invalid",
        "%(actor)s is an officer in %(channels)s; an administrator of the side enters officers.",
        actor=actor,
        channels=", ".join(sorted(member_of)) or sentence("no channel"),
    )


def _channels(
    service: Service, actor: str, names: Sequence[str], member_of: Mapping[str, Projection]
) -> dict[str, str]:
    """Return the channels in which an officer gets a grant: cids by name."""
    if not member_of or any(name not in member_of for name in names):
        raise _unknown(actor, member_of)
    side = actor.partition("/")[0]
    if not names and len(member_of) > 1:
        detail = sentence(
            "%(actor)s is an officer in several channels, perhaps not the same person: "
            "%(channels)s. Name those that are meant.",
            actor=actor,
            channels=", ".join(sorted(member_of)),
        )
        raise _asked("/channels", detail)
    chosen = {name: member_of[name] for name in names or member_of}
    if not _are_one_side(service, side, list(chosen.values())):
        raise _asked(
            "/channels",
            sentence(
                "%(side)s may be another side in each of these channels: %(candidates)s. Issue a "
                "token for each, or enter the channels in one identity first: dragoman identity.",
                side=side,
                candidates=_candidates(service, side, chosen),
            ),
        )
    return {name: projection.registry.cid for name, projection in chosen.items()}


def _are_one_side(service: Service, side: str, projections: Sequence[Projection]) -> bool:
    """Return whether a side of several channels is known to be the same side."""
    groups: list[set[str]] = []
    for projection in projections:
        marks = _marks(service, projection, side)
        apart = [group for group in groups if group.isdisjoint(marks)]
        groups = [*apart, marks.union(*(group for group in groups if group not in apart))]
    return len(groups) == 1


def _marks(service: Service, projection: Projection, side: str) -> set[str]:
    """Return marks that two channels share only if the side is the same in both."""
    registry = projection.registry
    marks = {f"channel {registry.cid}"}
    if identity := _identity_of(service, projection, side):
        marks.add(f"identity {identity}")
    exercise = registry.exercise_of
    live = None if exercise is None else service.channel_with(exercise.cid)
    if live is not None and _have_same_keys(live.registry, registry, side):
        marks.add(f"channel {live.registry.cid}")
    return marks


def _have_same_keys(live: Registry, exercise: Registry, side: str) -> bool:
    """Return whether a side has the same keys in an exercise as in its live channel.

    In trials the host keeps the keys of both.

    Anybody may open an exercise that names a live channel, with keys of their own.
    """
    if live.custody == exercise.custody == "host":
        return True
    roots = [
        frozenset(state.roots)
        for registry in (live, exercise)
        for state in registry.sides
        if state.name == side
    ]
    return len(roots) == 2 and roots[0] == roots[1]
