"""Members of an opening that a correction, an update or an amendment replaces.

    place    15°07′00″ N 116°26′00″ E    [Edit]
    facts    One aircraft passed close.  [Edit]

A form shows every member with its present value and opens its field in place. The
fields hold the present values, so a form is sent with all of them. Only the members
whose value has changed become part of the act.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from multidict import MultiDict

from dragoman.console.compose.form_choices import replaceable_members
from dragoman.console.compose.writing import Writing
from dragoman.console.display.act_display import Display
from dragoman.domain.acts.families import retracting
from dragoman.members import shapes
from dragoman.members.groups import GroupKind, OtherKind
from dragoman.members.kind import PREFIX, UNKNOWN, FieldError, Member, form_fields
from dragoman.members.shapes import FieldsKind

_FIELDS: Final = f"{PREFIX}.fields"
_RETRACTION: Final = "retraction"
_ADDRESSED: Final = frozenset({"to", "info", "on_behalf_of", "signatories"})
"""Members that no form changes: a message keeps its addressees."""


class MemberEdit(Struct, frozen=True, kw_only=True):
    """A member of the form: its label, its present value, and its field."""

    member: Any
    name: str
    label: str
    shown: Any
    is_open: bool


def offered(writing: Writing) -> tuple[Member, ...]:
    """Return the members that the act may replace; none for any other act."""
    if writing.exchange is None or not any(
        isinstance(member.kind, FieldsKind) for member in shapes.members(writing.act)
    ):
        return ()
    names = [name for name in replaceable_members(writing) if name not in _ADDRESSED]
    if writing.act == _RETRACTION:
        names = [name for name in names if name in _present_values(writing)]
    return tuple(
        member
        for member in shapes.members(writing.exchange.act)
        if member.name in names and not isinstance(member.kind, OtherKind)
    )


def with_present(writing: Writing, fields: MultiDict[str]) -> MultiDict[str]:
    """Return a form's fields, with the present text of members that it lacks."""
    result = fields.copy()
    for member in offered(writing):
        if not _entries(fields, member.name):
            result.extend(_present(writing, member))
    return result


def edits(writing: Writing, display: Display, fields: Mapping[str, Any]) -> list[MemberEdit]:
    """Return the members with their present values, those of the format first."""
    content = _present_values(writing)
    changed = fields.getall("fields", []) if isinstance(fields, MultiDict) else []
    return [
        MemberEdit(
            member=Member(member.name, member.kind, required=True),
            name=f"{_FIELDS}.{member.name}",
            label=display.words.field(member.name, member.act),
            shown=display.fact(member, content[member.name]).shown
            if member.name in content
            else "",
            is_open=member.name in changed,
        )
        for member in sorted(offered(writing), key=lambda member: member.name in shapes.FRAME)
    ]


def keep_changed(writing: Writing, fields: MultiDict[str]) -> list[FieldError]:
    """Keep those members in a form that have another value than now.

    Return the faults of members that were emptied: a value on record is replaced, and
    never taken away.
    """
    members = offered(writing)
    if not members or writing.exchange is None:
        return []
    fields.popall("fields", None)
    faults = []
    for member in members:
        entries = _entries(fields, member.name)
        if not entries or not _has_changed(writing, member, fields, entries):
            for name, _ in _named(fields, member.name):
                fields.popall(name, None)
            continue
        fields.add("fields", member.name)
        if _read(writing, member, fields) == (None, False):
            label = writing.context.words.field(member.name, member.act)
            text = writing.context.words.say("This cannot be emptied. Give the right value.")
            faults.append(FieldError(field=f"{_FIELDS}.{member.name}", label=label, sentence=text))
    return faults


def told_plainly(
    writing: Writing, emptied: list[FieldError], faults: Iterable[FieldError]
) -> list[FieldError]:
    """Return all faults, with a plain one for an act that would change nothing."""
    text = writing.context.words.say("Change at least one field.")
    fields = {fault.field for fault in emptied}
    return emptied + [
        replace(fault, sentence=text) if fault.field == _FIELDS else fault
        for fault in faults
        if fault.field not in fields
    ]


def _present_values(writing: Writing) -> Mapping[str, Raw]:
    """Return the values that an act may replace: for a retraction, the side's own."""
    if writing.exchange is None:
        return {}
    if writing.act == _RETRACTION:
        return retracting.own_statement(writing.exchange, writing.context.side)
    return writing.exchange.content


def _present(writing: Writing, member: Member) -> MultiDict[str]:
    assert writing.exchange is not None
    context = writing.context
    return form_fields(context.registry.languages, [member], _present_values(writing), _FIELDS)


def _named(fields: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    key = f"{_FIELDS}.{name}"
    return [
        (field, str(text))
        for field, text in fields.items()
        if field == key or field.startswith(f"{key}.")
    ]


def _entries(fields: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    """Return the entries of a member in a form, with plain line ends."""
    return sorted(
        (field, text.replace("\r\n", "\n").strip()) for field, text in _named(fields, name)
    )


def _has_changed(
    writing: Writing,
    member: Member,
    fields: MultiDict[str],
    entries: list[tuple[str, str]],
) -> bool:
    """Return whether a member of a form says something else than the exchange does now.

    A field that was not touched may be sent with a preset, or with fewer digits than
    the record has. So both are read as acts and compared, and not only their texts.
    """
    assert writing.exchange is not None
    present = _present(writing, member)
    if [entry for entry in entries if entry[1]] == [
        entry for entry in _entries(present, member.name) if entry[1]
    ]:
        return False
    value, has_faults = _read(writing, member, fields)
    if has_faults:
        return True
    raw = _present_values(writing).get(member.name)
    if raw is None:
        return value not in (None, UNKNOWN)
    return value not in (msgspec.json.decode(bytes(raw)), _read(writing, member, present)[0])


def _read(writing: Writing, member: Member, fields: MultiDict[str]) -> tuple[Any, bool]:
    """Return the value that a member's field gives, and whether it has faults."""
    group = GroupKind((Member(member.name, member.kind),))
    parser = writing.typed(fields)
    read = parser.read((Member("fields", group),))
    value = read.get("fields", {}).get(member.name)
    # As it would be on record: a parser may give tuples and objects that are encoded so.
    return json.loads(msgspec.json.encode(value)), bool(parser.faults)
