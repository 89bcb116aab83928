"""The form of times, spans and numbers in the three languages, and the words in which the service
speaks to a reader of any language.
"""

import pytest

from dragoman.i18n.words import of_tag, words


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0, "0 s", "0秒"),
        (41, "41 s", "41秒"),
        (545, "9 min 05 s", "9分05秒"),
        (3_600, "1 h", "1小时"),
        (111_900, "31 h 05 min", "31小时05分"),
        (273_600, "3 d 4 h", "3天4小时"),
    ],
)
def test_spans_are_read_aloud(seconds: float, english: str, chinese: str) -> None:
    assert english == words("en").span(seconds).replace("\N{NO-BREAK SPACE}", " ")
    assert english.replace("d", "j") == words("fr").span(seconds).replace("\N{NO-BREAK SPACE}", " ")
    assert chinese == words("zh").span(seconds)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "24 Nov 2026 19:05:12Z"),
        ("fr", "24 nov. 2026 19:05:12Z"),
        ("zh", "2026年11月24日 19:05:12Z"),
    ],
)
def test_times_are_in_utc_to_the_second(language: str, text: str) -> None:
    assert text == words(language).written("2026-11-25T03:05:12.345+08:00").replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_a_share_is_as_exact_as_it_is_asked_for() -> None:
    assert [words("fr").share(0.996, places) for places in (0, 1)] == ["100\u202f%", "99,6\u202f%"]


def test_sentences_follow_one_another_as_their_language_has_it() -> None:
    assert [words(each).sentences(("A.", "B.")) for each in ("en", "zh")] == ["A. B.", "A.B."]


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"),
        ("fr-CA", "fr"),
        ("zh-Hans", "zh"),
        ("zh-TW", "zh"),
        ("ru", "en"),
        ("", "en"),
        ("f", "en"),
    ],
)
def test_a_reader_of_a_language_that_is_none_of_ours_is_spoken_to_in_english(
    tag: str, language: str
) -> None:
    assert of_tag(tag).language == language
    assert of_tag(tag) is of_tag(language), "no tag that somebody makes up is kept"
