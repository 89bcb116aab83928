"""Tables as CSV: no cell is a formula, whatever stands before it."""

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.interop import spreadsheet

_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00\ufe0f\U000e0100"
_UNSEEN = st.text(
    st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp"], include_characters=_INVISIBLE),
    max_size=5,
)


@given(
    _UNSEEN,
    st.sampled_from("=+-@\u2212\uff1d\uff0b\uff0d\uff20\ufe66"),
    st.text(st.characters(codec="utf-8")),
)
def test_no_cell_begins_like_a_formula_behind_whatever_is_not_seen(
    before: str, sign: str, after: str
) -> None:
    assert spreadsheet.cell(before + sign + after) == f"'{before}{sign}{after}"


@pytest.mark.parametrize("unseen", [*_INVISIBLE, "\u200b", "\ufeff"])
def test_a_formula_behind_an_invisible_character_is_a_text(unseen: str) -> None:
    assert spreadsheet.cell(f"{unseen}=1+1") == f"'{unseen}=1+1"
    assert spreadsheet.cell(f"{unseen}\u22121") == f"'{unseen}\u22121"
    assert spreadsheet.cell(f"north{unseen}=1") == f"north{unseen}=1"


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")),
            min_size=2,
            max_size=2,
        )
    )
)
def test_a_table_is_read_again_as_it_was_but_for_apostrophes(rows: list[list[str]]) -> None:
    text = spreadsheet.table(("one", "two"), rows)
    read = [*csv.reader(io.StringIO(text, newline=""))]
    assert read == [["one", "two"], *([spreadsheet.cell(cell) for cell in row] for row in rows)]


@pytest.mark.parametrize(
    ("value", "cell"),
    [("north", "north"), (["a", "b"], "a b"), (True, "true"), (7, "7"), (" plain", " plain")],
)
def test_other_values_are_as_they_were(value: object, cell: str) -> None:
    assert spreadsheet.cell(value) == cell


def test_a_number_of_many_digits_is_a_cell_as_well() -> None:
    digits = b'{"n":' + b"7" * 200_000 + b"}"
    assert spreadsheet.cell(msgspec.Raw(digits)).startswith('{"n":7')
