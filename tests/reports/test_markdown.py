"""The writer: whatever a side wrote is read as it wrote it, and is never markup."""

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dragoman.document.blocks import (
    Paragraph,
    Points,
    Quote,
    ReportDocument,
    section,
    table,
)
from dragoman.document.markdown import escaped, markdown, quoted
from dragoman.members.runs import QuotedText
from dragoman_schemas.report_shapes import ReportedChannel

READER = MarkdownIt("commonmark", {"html": True}).enable("table")
_UNKEPT: Final = ("Cc", "Cf", "Zl", "Zp", "Cs")

NASTY = [
    "<script>alert(1)</script>",
    "a | b | c",
    "`code` and ```",
    "*bold* _it_ ~~gone~~",
    "[a link](javascript:alert(1)) ![x](y)",
    "&lt;b&gt; &amp; &#60;",
    "# heading",
    "1. list",
    "- list",
    "+ list",
    "> quotation",
    "===",
    "---",
    "    indented code",
    "back\\slash\\",
    "$x$ and C:\\temp",
    "两架飞机近距离通过 | 距离不明",
    "مرحبا بالعالم",
    "line one\nline two\n\nline four",
    "\u202eturned around",
    "\x00\x07bell",
]


def paper(
    *blocks: object, kind: str = "official", custody: str = "sides", language: str = "en"
) -> ReportDocument:
    of = ReportedChannel(
        name="nato-china",
        cid="0" * 64,
        kind=kind,
        custody=custody,
        marking="SIDES | ONLY",
        sides=("nato", "china"),
        languages=("en",),
    )
    sections = (section("Part", *blocks),)  # type: ignore[arg-type]
    return ReportDocument(
        of=of,
        language=language,
        title="Report",
        lead=("A sentence.",),
        sections=sections,
        foot=("Foot.",),
        again="/v1/again?x=1&y=2",
    )


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_was_written_is_markup(text: str) -> None:
    for line in (
        escaped(text),
        *(line.removeprefix(">").removeprefix(" ").removesuffix("\\") for line in quoted(text)),
    ):
        assert not re.search(r"[<>]", line)
        assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]|~$#]", line.replace("\\\\", "")), line
        assert not re.match(r"([+=:-]|[0-9]+[.)]|#|\t| {4})", line), line
        assert not re.search(r"[\x00-\x1f\u202a-\u202e\u2066-\u2069]", line)


@given(
    st.text(
        alphabet=st.characters(
            codec="utf-8", exclude_categories=_UNKEPT, exclude_characters=" \u00a0"
        ),
        max_size=60,
    )
)
def test_another_programs_reader_shows_what_was_written(text: str) -> None:
    (_, inline, _) = READER.parse(f"x {escaped(text)} x")
    assert inline.children is not None
    assert [f"x {text} x"] == ["".join(token.content for token in inline.children)]
    assert {token.type for token in inline.children} <= {"text", "text_special"}


@pytest.mark.parametrize("text", NASTY)
def test_another_programs_reader_finds_no_markup(text: str) -> None:
    found = READER.render(
        markdown(
            paper(
                Quote("NATO", QuotedText(text)),
                table(("What",), [(QuotedText(text),)]),
                Paragraph((QuotedText(text),)),
            )
        )
    )
    tags = set(re.findall(r"</?([a-z0-9]+)", found))
    assert tags <= {
        "h1",
        "h2",
        "p",
        "strong",
        "blockquote",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "hr",
        "br",
        "code",
    }, found
    assert re.findall(r"<code>(.*?)</code>", found) == ["/v1/again?x=1&amp;y=2"]
    assert (
        found.count("<strong>") == 2
        and found.count("<td>") == 1
        and found.count("<blockquote>") == 1
    )


def test_a_table_keeps_its_cells_whatever_stands_in_them() -> None:
    rows = [(QuotedText(text), "x") for text in NASTY]
    lines = markdown(paper(table(("What", "Who"), [tuple(row) for row in rows]))).splitlines()
    body = [line for line in lines if line.startswith("|")]
    assert len(body) == len(NASTY) + 2
    assert {3} == {len(re.findall(r"(?<!\\)\|", line.replace("\\\\", ""))) for line in body}


def test_a_quotation_ends_where_its_text_ends() -> None:
    text = markdown(
        paper(
            Quote("NATO", QuotedText("one\n\n# two\n- three\n> four")),
            Paragraph(("after",)),
        )
    )
    start = text.index("NATO:")
    assert (
        text[start : text.index("after")]
        == "NATO:\n\n> one\n>\n> \\# two\\\n> \\- three\\\n> &gt; four\n\n"
    )


def test_points_begin_as_points() -> None:
    assert "\n- \\- x\n- y \\| z\n" in markdown(paper(Points((("- x",), (QuotedText("y | z"),)))))


def test_the_marking_stands_at_the_top_and_at_the_bottom() -> None:
    lines = markdown(paper()).splitlines()
    assert [lines[0], lines[-1]] == ["**SIDES \\| ONLY**"] * 2
    assert "Again, the same: `/v1/again?x=1&y=2`" in lines


def test_an_exercise_says_so_three_times_at_the_top_and_at_the_bottom() -> None:
    lines = markdown(paper(kind="exercise")).splitlines()
    assert [lines[0], lines[-1]] == ["**EXERCISE EXERCISE EXERCISE**"] * 2


def test_a_trial_says_who_keeps_the_keys() -> None:
    assert "Trial: this host keeps the keys of all sides." in markdown(paper(custody="host"))
    assert "Trial" not in markdown(paper())


def test_the_writers_own_words_are_in_the_language_of_the_paper() -> None:
    text = markdown(
        paper(
            Quote("北约", QuotedText("来信", "zh", "（zh，原文）")),  # noqa: RUF001
            custody="host",
            language="zh",
        )  # noqa: RUF001, RUF100
    )
    assert (
        "试用：本托管者保管各方密钥。" in text and "再次取得同一报告：`/v1/again?x=1&y=2`" in text  # noqa: RUF001
    )
    assert "北约（zh，原文）：\n\n> 来信" in text  # noqa: RUF001


@pytest.mark.parametrize("unseen", ["\u200b", "\u2060", "\u202e", "\u2066", "\u3164", "\u00ad"])
def test_two_texts_that_look_alike_differ_in_a_report(unseen: str) -> None:
    shown = escaped(f"pay{unseen} now")
    assert shown == f"pay\\[U+{ord(unseen):04X}\\] now"
    assert quoted(f"pay{unseen} now") == [f"> {shown}"]


@pytest.mark.parametrize(
    "text", ["\u0645\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f680", "\u65e5\u672c"]
)
def test_joiners_of_scripts_and_pictures_stay_in_a_report(text: str) -> None:
    assert escaped(text) == text
