"""The content of an exchange: its opening, its frame and its defaults."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dragoman.domain.acts.access import SERVICE
from dragoman.domain.acts.act_rules import Format
from dragoman.domain.record.codec import Record, decode_under
from dragoman_schemas.act_frame import Act, Area, OpeningAct, Precedence
from dragoman_schemas.acts import rules_versions
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import (
    Exchange,
    Registry,
)

FRAME_DEFAULTS: Final = {
    "basis": '"goodwill"',
    "capacity": '"official"',
    "attribution": '"attributable"',
    "releasability": '"auditors"',
    "without_prejudice": "true",
}


TRACK2_DEFAULTS: Final = {"capacity": '"personal"', "attribution": '"chatham_house"'}


_members = msgspec.json.Decoder(dict[str, Raw]).decode


def side_of(record: Record) -> str:
    """Return the side of an act: the actor's, or the side that a service names."""
    return str(getattr(record.data, "side", record.side)) if record.side == SERVICE else record.side


def passed_at(record: Record) -> str:
    """Return the time at which the act was said by other means before it was recorded.

    It is never later than the time of the record. Empty where the record itself was the
    first to say it.
    """
    passed = getattr(record.data, "passed_by", UNSET)
    if passed is UNSET:
        return ""
    at = (
        datetime.fromisoformat(passed.at)
        .astimezone(UTC)
        .replace(tzinfo=None)
        .isoformat(timespec="milliseconds")
        + "Z"
    )
    return min(at, record.envelope.time)


def suspended(registry: Registry) -> bool:
    """Return whether the channel is suspended."""
    return registry.status is not None and registry.status.status == "suspended"


def content_of(act: bytes) -> dict[str, Raw]:
    """Return an act's members, with their bytes from the log.

    `act` and `signed` are left out.
    """
    members = _members(act)
    members.pop("act", None)
    members.pop("signed", None)
    return members


def frame(form: Format, registry: Registry, data: OpeningAct, time: str) -> tuple[Precedence, Area]:
    """Return an opening's precedence and area, its own or by default."""
    return precedence_of(form, registry, data, time), or_default(data.area, form.area)


def precedence_of(form: Format, registry: Registry, data: OpeningAct, time: str) -> Precedence:
    """Return an opening's precedence; in a Track-2 channel always `routine`."""
    if registry.kind == "track2":
        return "routine"
    return (
        form.precedence(data, time) if isinstance(data.precedence, UnsetType) else data.precedence
    )


def opening_of(
    exchange: Exchange,
    fields: Mapping[str, Raw] = MappingProxyType({}),
    rules: int = rules_versions.NEWEST,
) -> Act:
    """Return the act that opened an exchange, as corrected so far, with these members.

    `fields` replace the act's own members. The act is read by a version of the
    rules. Raises `Malformed`.
    """
    members = {**exchange.content, **fields}
    body = b"".join(b',"%s":%s' % (name.encode(), bytes(value)) for name, value in members.items())
    return decode_under(b'{"act":"%s"%s}' % (exchange.act.encode(), body), rules)
