"""How reports say things: times, spans, and a side's words in the reader's language with the one that prevails marked."""

from datetime import UTC, datetime

import msgspec
import pytest
from msgspec import Raw

from dragoman.reports.situation import begins
from dragoman.reports.words import Said, counted, role, said, span, told, utc


def raw(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (41, "41 s"),
        (545, "9 min 05 s"),
        (111_900, "31 h 05 min"),
        (3_600, "1 h 00 min"),
        (273_600, "3 d 4 h"),
        (-41, "\N{MINUS SIGN}41 s"),
    ],
)
def test_spans_are_read_aloud(seconds: float, text: str) -> None:
    assert text == span(seconds).replace("\N{NO-BREAK SPACE}", " ")


def test_times_are_in_utc_to_the_second() -> None:
    assert utc("2026-11-24T19:05:12.345Z") == "24 Nov 2026 19:05:12Z"
    assert utc("") == "never"


def test_an_officer_is_a_role() -> None:
    assert role(("officer", "duty_officer")) == "duty officer"
    assert role(()) == "officer"


def test_counts_agree_with_their_nouns() -> None:
    assert [counted(number, "message") for number in (0, 1, 2)] == ["0 messages", "1 message", "2 messages"]


@pytest.mark.parametrize(
    ("text", "language", "original", "expected"),
    [
        ("plain", "zh", "", Said("plain")),
        ({"en": "yes", "zh": "是"}, "zh", "", Said("是", "zh")),
        ({"en": "yes", "zh": "是"}, "zh", "en", Said("是", "zh", "the original is in en")),
        ({"en": "yes", "zh": "是"}, "en", "en", Said("yes", "en", "the original")),
        ({"en": "yes", "zh-Hans": "是"}, "zh", "", Said("是", "zh-Hans")),
        ({"en": "yes", "zh": "是"}, "fr", "zh", Said("是", "zh", "the original")),
        ({"en": "yes", "zh": "是"}, "fr", "", Said("yes", "en")),
    ],
)
def test_texts_are_read_in_the_readers_language(text: object, language: str, original: str, expected: Said) -> None:
    assert expected == said(raw(text), language, original)


def test_what_is_structured_is_told_in_full() -> None:
    place = {"lat": 15.12, "lon": 116.44, "names": {"nato": "Area", "china": "海域"}}
    assert told(raw(place), "en", "", ("nato", "china")).text == "lat 15.12, lon 116.44, names nato Area, china 海域"
    assert told(raw({"nato": "Brussels", "china": "Beijing"}), "en", "", ("nato", "china")).text == "nato Brussels, china Beijing"
    assert told(raw([{"q": 1, "text": {"en": "Why?", "zh": "为何？"}}]), "zh").text == "q 1, text 为何？"  # noqa: RUF001
    assert told(raw([{"id": "x", "commitment": "y"}]), "en").text == "a person of the register"
    assert told(raw(True), "en").text == "yes"


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
    assert begins(datetime.fromisoformat(ends).replace(tzinfo=UTC)) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_quantity_stands_in_its_own_unit_and_beside_it_in_si() -> None:
    assert told(raw({"value": 0.5, "unit": "nm"}), "en").text == "0.5 nm (926 m)"
    assert told(raw({"value": 10_000, "unit": "ft"}), "en").text == "10000 ft (3,048 m)"
    assert told(raw({"value": 7, "unit": "m"}), "en").text == "7 m"
