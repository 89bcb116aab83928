"""The button of a form that fills in the earliest dates that pass."""

from datetime import datetime
from typing import Any

from multidict import MultiDict

from dragoman.console.compose.writing import Writing
from dragoman.domain.acts import earliest_date
from dragoman.members.kind import PREFIX, form_fields


def with_earliest_dates(writing: Writing, fields: MultiDict[str], earliest: str) -> MultiDict[str]:
    """Return a form with its dates moved to the earliest ones that pass.

    The form stays as it is if a date in it cannot be read.
    """
    try:
        begins = datetime.fromisoformat(earliest)
    except ValueError:
        return fields
    if begins.tzinfo is None:
        return fields
    members = [member for member in writing.members() if member.name in ("windows", "dates")]
    typed = writing.typed(fields)
    dates: dict[str, Any] = typed.read(members)
    if typed.faults:
        return fields
    moved = earliest_date.moved_to(dates, begins)
    replaced = tuple(f"{PREFIX}.{name}." for name in moved)
    result = MultiDict(
        (name, value) for name, value in fields.items() if not name.startswith(replaced)
    )
    result.extend(form_fields(writing.context.registry.languages, members, moved))
    return result
