"""Reports mark the texts that are not their own. They give a side's words in the reader's language,
mark the text that prevails, and name the members of acts.
"""

from datetime import UTC, datetime

import msgspec
import pytest
from msgspec import Raw

from dragoman.i18n.vocabulary import chosen
from dragoman.i18n.words import of_tag
from dragoman.reports.member_texts import Members, QuotedText, Run, filled, said
from dragoman.reports.situation_report import begins


def raw(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


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
    assert expected == said(raw(text), of_tag(language), language, original)


def told(
    value: object, language: str = "en", name: str = "place", act: str = "encounter-report"
) -> tuple[Run, ...]:
    members = Members(of_tag(language), language, ("nato", "china"), chosen(act))
    return members.told(name, raw(value))


def read(runs: tuple[Run, ...]) -> str:
    return "".join(run if isinstance(run, str) else run.text for run in runs)


def test_what_is_structured_is_told_in_full() -> None:
    place = {"lat": 15.12, "lon": 116.44, "names": {"nato": "Area", "china": "海域"}}
    assert (
        read(told(place))
        == "Latitude: 15.12, Longitude: 116.44, Place names by side: NATO: Area, CHINA: 海域"
    )
    assert read(told(place, "zh")) == "纬度：15.12，经度：116.44，各方地名：NATO：Area，CHINA：海域"  # noqa: RUF001
    assert read(told({"nato": "Brussels", "china": "Beijing"})) == "NATO: Brussels, CHINA: Beijing"
    assert (
        read(told([{"q": 1, "text": {"en": "Why?", "zh": "为何？"}}], "zh"))  # noqa: RUF001
        == "题号：1，正文：为何？"  # noqa: RUF001
    )
    assert told([{"id": "x", "commitment": "y"}]) == ("a person of the register",)
    assert told(value=True, language="fr") == ("oui",)


def test_what_was_chosen_is_the_services_word_and_what_was_written_is_not() -> None:
    assert told("near_miss", "fr", "kind", "hazardous-incident") == ("quasi-collision",)
    assert told("collision", "zh", "facts", "hazardous-incident") == (QuotedText("collision"),)
    assert told(["illumination", "jamming"], "zh", "emissions") == ("雷达照射、干扰",)


def test_a_text_in_a_sentence_stays_its_sides() -> None:
    assert filled(
        "%(what)s: %(subject)s.", what="Note", subject=QuotedText("A 100% (sure) %(what)s")
    ) == (
        "Note: ",
        QuotedText("A 100% (sure) %(what)s"),
        ".",
    )


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ("2026-11-24T06:00:00", "2026-11-23T06:00:00"),
        ("2026-11-24T06:00:05", "2026-11-23T06:00:00"),
        ("2026-11-24T06:59:59", "2026-11-23T06:00:00"),
        ("2026-11-24T07:00:00", "2026-11-24T06:00:00"),
        ("2026-11-24T05:59:00", "2026-11-23T06:00:00"),
        ("2026-11-24T23:00:00", "2026-11-24T06:00:00"),
    ],
)
def test_a_situation_report_begins_at_the_six_oclock_before(ends: str, expected: str) -> None:
    assert begins(datetime.fromisoformat(ends).replace(tzinfo=UTC)) == datetime.fromisoformat(
        expected
    ).replace(tzinfo=UTC)


def test_a_quantity_stands_in_its_own_unit_and_beside_it_in_si() -> None:
    for value, unit, text in (
        (0.5, "nm", "0.5 nm (926 m)"),
        (10_000, "ft", "10000 ft (3,048 m)"),
        (7, "m", "7 m"),
    ):
        assert read(told({"value": value, "unit": unit})).replace("\N{NO-BREAK SPACE}", " ") == text
