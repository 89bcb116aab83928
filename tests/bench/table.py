"""The table: what was found, for a person, each number beside its target."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a label, two numbers that are compared, what the comparison comes to, and what it
    should come to.
    """

    label: str
    one: float | None = None
    other: float | None = None
    ratio: float | None = None
    target: str = ""
    places: int = 0


@dataclass(slots=True)
class Section:
    """One part of the table, with the names of its two columns, and remarks below."""

    title: str
    one: str
    other: str
    lines: list[Line] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """The section as text."""
        head = f"{self.title:44}{self.one:>12}{self.other:>12}{'ratio':>9}  target"
        return "\n".join(
            (head, *map(_row, self.lines), *(f"  {remark}" for remark in self.remarks))
        )


def _row(line: Line) -> str:
    one, other = (
        f"{'' if number is None else format(number, f'.{line.places}f'):>12}"
        for number in (line.one, line.other)
    )
    ratio = "" if line.ratio is None else f"{line.ratio:.3f}"
    return f"  {line.label:42}{one}{other}{ratio:>9}  {line.target}".rstrip()
