"""Papers give a side's words in the reader's language, and mark the text that prevails."""

import msgspec
import pytest
from msgspec import Raw

from dragoman.i18n.words import of_tag
from dragoman.members.runs import QuotedText, filled
from dragoman.members.texts import quoted_in


@pytest.mark.parametrize(
    ("text", "language", "original", "expected"),
    [
        ("plain", "zh", "", QuotedText("plain")),
        ({"en": "yes", "zh": "是"}, "zh", "", QuotedText("是", "zh")),
        ({"en": "yes", "zh": "是"}, "zh-Hans", "en", QuotedText("是", "zh", "（zh，原文为en）")),  # noqa: RUF001
        (
            {"en": "yes", "ru": "да"},
            "ru",
            "en",
            QuotedText("да", "ru", " (ru, the original is in en)"),
        ),
        ({"en": "yes", "zh": "是"}, "en", "en", QuotedText("yes", "en", " (en, the original)")),
        ({"en": "yes", "zh-Hans": "是"}, "zh", "", QuotedText("是", "zh-Hans")),
        ({"en": "yes", "zh": "是"}, "fr", "zh", QuotedText("是", "zh", " (zh, l’original)")),
        ({"en": "yes", "zh": "是"}, "fr", "", QuotedText("yes", "en")),
    ],
)
def test_texts_are_read_in_the_readers_language(
    text: object, language: str, original: str, expected: QuotedText
) -> None:
    raw = Raw(msgspec.json.encode(text))
    assert expected == quoted_in(raw, of_tag(language), language, original)


def test_a_text_in_a_sentence_stays_its_sides() -> None:
    sentence = "%(what)s: %(subject)s."
    assert filled(sentence, what="Note", subject=QuotedText("A 100% (sure) %(what)s")) == (
        "Note: ",
        QuotedText("A 100% (sure) %(what)s"),
        ".",
    )
