"""Names, texts and problems of a hostile side or host have the reader's terminal show nothing but
themselves.
"""

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.audit.verification_result import LogInconsistent, Verified
from dragoman.cli import errors
from dragoman.cli.audit import verify
from dragoman.cli.common import Target, out, out_json, say, table
from dragoman.client import ProblemResponse
from dragoman.printable import escaped, one_line
from dragoman_schemas.problems import Problem

HIDING = "\x1b[1A\x1b[2K\rno lie was found\x1b[8m"
OBEYED = {"Cc", "Zl", "Zp", "Cs"}
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def obeyed(text: str) -> set[str]:
    """The characters of a text that a terminal would obey, besides the ends of our own lines."""
    return {
        each
        for each in text
        if each != "\n" and (unicodedata.category(each) in OBEYED or each in BIDI)
    }


@given(st.text())
def test_nothing_that_is_printed_is_obeyed(text: str) -> None:
    assert not obeyed(escaped(text).replace("\t", ""))
    assert "\n" not in one_line(f"a{text}z")


@given(st.text(st.characters(codec="utf-8")))
def test_json_that_is_printed_means_the_same(text: str) -> None:
    printed = escaped(msgspec.json.encode({"name": text}).decode())
    assert msgspec.json.decode(printed) == {"name": text}


@pytest.mark.parametrize(
    "text",
    [
        "对方已确认没有发现谎言",
        "Подтверждено, ложь не найдена",
        "Réponse reçue — 5 €",
        "👩‍✈️",
        "می‌خواهم",
    ],
)
def test_words_of_any_language_stay_readable(text: str) -> None:
    assert escaped(text) == one_line(text) == text


def test_a_failed_verification_cannot_be_made_to_look_like_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lie = LogInconsistent(
        check="records",
        position=3,
        what=f"it is of {HIDING}\nno lie was found",
        evidence=f"the record\u2028{HIDING}",
    )
    verify._print(
        Verified(channel=HIDING, cid="", position=3, digest="", findings=(), lie=lie),
        Target(),
        pinned=True,
    )
    printed = capsys.readouterr()
    assert not obeyed(printed.out + printed.err)
    assert not [line for line in printed.err.split("\n") if line.startswith("no lie")]
    assert "VERIFICATION FAILED" in printed.err


def test_no_problem_and_no_table_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    errors.report(
        ProblemResponse(
            Problem(type="x", title=HIDING, status=400, detail=f"x\n{HIDING}", allowed=(HIDING,))
        )
    )
    errors.trace(ValueError(HIDING))
    say(f"\u202e{HIDING}")
    out(f"{HIDING}\nno lie was found")
    out_json({"name": f"{HIDING}\u2066\x9b2J"})
    table([[HIDING, "a\nb"]], ["NAME", "WHAT"])
    printed = capsys.readouterr()
    assert not obeyed(printed.out + printed.err)
    assert not [
        line for line in (printed.out + printed.err).split("\n") if line.startswith("no lie")
    ]
