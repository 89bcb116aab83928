"""The first words of a message: cut at a width, in each of its languages, and never of a code."""

from typing import Any

import msgspec
import pytest

from dragoman.console.matter.first_words import beginnings, first_words, repeats
from dragoman.members.runs import QuotedText


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("Read.", "Read."),
        ("Read,\n\n  and\tunderstood.", "Read, and understood."),
        ("one two three four five six seven eight nine ten eleven twelve", None),
        (
            "one two three four five six seven eight nine ten eleven twelve thirteen",
            "one two three four five six seven eight nine ten eleven twelve …",
        ),
        ("a" * 72, None),
        ("a" * 73, "a" * 72 + " …"),
        ("in " + "a" * 100, "in " + "a" * 69 + " …"),
        (f"{'long' * 10} {'word' * 10}", f"{'long' * 10} …"),
        ("长" * 36, None),
        ("长" * 37, "长" * 36 + " …"),
        ("e\u0301" * 80, "e\u0301" * 72 + " …"),
    ],
)
def test_a_text_ends_with_a_whole_word_or_character(text: str, beginning: str | None) -> None:
    assert first_words(text) == (text if beginning is None else beginning)


@pytest.mark.parametrize(
    ("act", "members", "expected"),
    [
        ("reply", {"text": "Agreed.", "remarks": "Later."}, [("", "Agreed.")]),
        ("reply", {"text": {"fr": "Oui.", "zh": "同意。"}}, [("fr", "Oui."), ("zh", "同意。")]),
        ("reply", {"remarks": "Later."}, [("", "Later.")]),
        ("reply", {}, []),
        ("hazardous-incident", {"facts": "unknown"}, []),
        ("hazardous-incident", {"text": "Then.", "facts": "Now."}, [("", "Now.")]),
        ("contact-note", {"subject": "Reception"}, [("", "Reception")]),
        ("contact-note", {"subject": "Reception", "text": "Met."}, [("", "Met.")]),
        ("explanation-request", {"questions": ["Why?", "When?"]}, [("", "Why?")]),
        ("correction", {"fields": {"facts": "No."}, "reason": "Wrong."}, [("", "Wrong.")]),
    ],
)
def test_a_message_begins_with_its_main_text_in_each_of_its_languages(
    act: str, members: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in members.items()}
    member, texts = beginnings(act, raw)
    assert texts == tuple(QuotedText(text, tag) for tag, text in expected)
    assert member in members or not expected


def test_a_beginning_that_says_no_more_than_the_heading_is_told_from_one_that_does() -> None:
    long = "Prior notification of large exercises, a tested line, risk reduction in sensitive areas"
    assert repeats(QuotedText(first_words(long)), long)
    assert repeats(QuotedText("Ninth talks"), "Ninth  talks")
    assert not repeats(QuotedText("Two aircraft passed close."), long)
