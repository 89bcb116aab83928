"""Values with their times, typed or pasted as lines of CSV."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dragoman.domain.acts import field_checks
from dragoman.members.kind import EMPTY, Kind, Member, Say, TypedForm
from dragoman.members.runs import Break, Runs, joined, listed
from dragoman.text import Text, sentence

_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]{1,9})?")


@dataclass(frozen=True)
class ReadingsKind(Kind):
    """Values with their times: one a line, the time, a separator and the number.

    The separator is a comma, a semicolon or a tab. A first line of names is left out.
    A comma before decimals is read where a semicolon or a tab separates.
    """

    control = "lines"
    is_wide = True
    at_least = True

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the values, in the order of the lines."""
        values, wrong = readings(form.lines(name))
        if wrong:
            return form.fault(member, name, form.words.sentence(unreadable(wrong)))
        return values or EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the lines in one box."""
        yield name, "\n".join(f"{item['at']},{item['value']}" for item in value)

    def _runs(self, value: Any, say: Say) -> Runs:
        pairs = (
            joined((say.words.written(item["at"], "minute"), " ", say.words.exact(item["value"])))
            for item in value
        )
        return listed(pairs, Break(say.words.semicolon))


def readings(lines: Iterable[str]) -> tuple[list[dict[str, Any]], int]:
    """Return the values of lines, and the number of the first bad line; 0 for none."""
    values = []
    for number, line in enumerate(lines, start=1):
        reading = _reading(line)
        if reading is not None:
            values.append(reading)
        elif number > 1 and line.strip():
            return [], number
    return values, 0


def unreadable(number: int) -> Text:
    """Return the fault of a line without a time and a number."""
    return sentence(
        "Line %(n)s: write a time, a comma and a number, like 2026-11-24T03:05Z,4.25", n=number
    )


def _reading(line: str) -> dict[str, Any] | None:
    """Return the time and the value of a line; None for any other line."""
    separator = next((mark for mark in ("\t", ";", ",") if mark in line), ",")
    at, _, text = (part.strip().strip('"') for part in line.partition(separator))
    number = text if separator == "," else text.replace(",", ".")
    if field_checks.moment(at) is None or not re.search(r"(Z|[+-][0-9]{2}:[0-9]{2})$", at):
        return None
    if _NUMBER.fullmatch(number) is None:
        return None
    return {"at": at, "value": float(number)}
