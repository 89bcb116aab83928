"""Times and places are read in every notation that officers write, where it has one meaning; where
it has two, they are asked.
"""

from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dragoman.domain.acts.geodesy import GeoPoint, bearing, distance_m
from dragoman.i18n.places import written_place
from dragoman.members.input import not_understood, times
from dragoman.members.input.mgrs import write_square
from dragoman.members.input.not_understood import NeedsHemisphere, NotUnderstoodInput
from dragoman.members.input.places import read_place
from dragoman.members.input.times import read_moment, read_time

NOW = datetime(2026, 11, 26, 6, 30, 20, 123456, UTC)
SHANGHAI, BRUSSELS = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Brussels")
SECOND_M = 31.0
"""Metres of a second of arc, nearly."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def minute(moment: datetime) -> str:
    """A UTC time as tables have it."""
    assert moment.tzinfo is UTC
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0305", "2026-11-26 03:05"),
        ("03:05", "2026-11-26 03:05"),
        ("3:05", "2026-11-26 03:05"),
        ("  03:05:07 ", "2026-11-26 03:05:07"),
        ("0305Z", "2026-11-26 03:05"),
        ("0305z", "2026-11-26 03:05"),
        ("03:05Z", "2026-11-26 03:05"),
        ("0305 Z", "2026-11-26 03:05"),
        ("0305 UTC", "2026-11-26 03:05"),
        ("03:05 GMT", "2026-11-26 03:05"),
        ("3 h 05 TU", "2026-11-26 03:05"),
        ("0305 hrs", "2026-11-26 03:05"),
        ("03:05+08", "2026-11-25 19:05"),
        ("03:05+8", "2026-11-25 19:05"),
        ("03:05+08:00", "2026-11-25 19:05"),
        ("0305+0800", "2026-11-25 19:05"),
        ("03:05 UTC+8", "2026-11-25 19:05"),
        ("03:05 GMT+08:00", "2026-11-25 19:05"),
        ("23:05\u221203:30", "2026-11-26 02:35"),
        ("23:05-0330", "2026-11-26 02:35"),
        ("0305L", "2026-11-25 19:05"),
        ("0305l", "2026-11-25 19:05"),
        ("0305J", "2026-11-25 19:05"),
        ("03:05 local", "2026-11-25 19:05"),
        ("03:05 local time", "2026-11-25 19:05"),
        ("03:05 (local)", "2026-11-25 19:05"),
        ("0305 LT", "2026-11-25 19:05"),
        ("3 h 05, heure locale", None),
        ("3 h 05 heure locale", "2026-11-25 19:05"),
        ("0305H", "2026-11-25 19:05"),
        ("0305R", "2026-11-25 08:05"),
        ("3:05 am", "2026-11-26 03:05"),
        ("3:05 p.m.", "2026-11-25 15:05"),
        ("3 pm", "2026-11-25 15:00"),
        ("12:05 am", "2026-11-26 00:05"),
        ("12:05 pm", "2026-11-25 12:05"),
        ("24 Nov 03:05", "2026-11-24 03:05"),
        ("24 Nov 0305", "2026-11-24 03:05"),
        ("24Nov 0305Z", "2026-11-24 03:05"),
        ("24 NOVEMBER 2026 03:05Z", "2026-11-24 03:05"),
        ("24th November, 2026 at 3:05", "2026-11-24 03:05"),
        ("24 Nov 26 03:05", "2026-11-24 03:05"),
        ("24 Nov 2026 2105", "2026-11-24 21:05"),
        ("Nov 24 03:05", "2026-11-24 03:05"),
        ("Nov. 24, 2026 3:05 pm", "2026-11-24 15:05"),
        ("03:05Z 24 Nov", "2026-11-24 03:05"),
        ("0305, 24 Nov 2026", "2026-11-24 03:05"),
        ("03:05+08 on Nov 24, 2026", "2026-11-23 19:05"),
        ("2026-11-24 03:05", "2026-11-24 03:05"),
        ("2026-11-24 0305L", "2026-11-23 19:05"),
        ("2026-11-24T03:05Z", "2026-11-24 03:05"),
        ("2026-11-24T03:05:07+08:00", "2026-11-23 19:05:07"),
        ("2026-11-24t03:05:07z", "2026-11-24 03:05:07"),
        ("2026/11/24 03:05", "2026-11-24 03:05"),
        ("24/11 03:05", "2026-11-24 03:05"),
        ("11/24 03:05", "2026-11-24 03:05"),
        ("11/11 03:05", "2026-11-11 03:05"),
        ("11-24 03:05", "2026-11-24 03:05"),
        ("24/11/2026 03:05", "2026-11-24 03:05"),
        ("24.11. 03:05", None),
        ("24.11 03:05", "2026-11-24 03:05"),
        ("24.11.2026 03:05", "2026-11-24 03:05"),
        ("03.11.2026 03:05", "2026-11-03 03:05"),
        ("240305Z NOV 26", "2026-11-24 03:05"),
        ("240305ZNOV26", "2026-11-24 03:05"),
        ("240305z nov 2026", "2026-11-24 03:05"),
        ("240305H NOV 26", "2026-11-23 19:05"),
        ("240305J NOV 26", "2026-11-23 19:05"),
        ("240305M NOV 26", "2026-11-23 15:05"),
        ("240305Y NOV 26", "2026-11-24 15:05"),
        ("240305N NOV 26", "2026-11-24 04:05"),
        ("240305 NOV 26", "2026-11-24 03:05"),
        ("240305+08 NOV 26", "2026-11-23 19:05"),
        ("24030507Z NOV 26", "2026-11-24 03:05:07"),
        ("240305ZDEC25", "2025-12-24 03:05"),
        ("240305Z NOV", "2026-11-24 03:05"),
        ("240305Z", "2026-11-24 03:05"),
        ("270305Z", "2026-10-27 03:05"),
        ("310305Z", "2026-10-31 03:05"),
        ("24 nov. 03h05", "2026-11-24 03:05"),
        ("3 h 05", "2026-11-26 03:05"),
        ("03h05min07s", "2026-11-26 03:05:07"),
        ("03H05", "2026-11-26 03:05"),
        ("3 heures 05", "2026-11-26 03:05"),
        ("3 h", "2026-11-26 03:00"),
        ("24 août 3 h 05", "2026-08-24 03:05"),
        ("24 AOU\u0302T 03:05", "2026-08-24 03:05"),
        ("le 1er février 2026 à 3 h 05", "2026-02-01 03:05"),
        ("24 févr. 2026 03:05", "2026-02-24 03:05"),
        ("24 déc. 2025 03:05", "2025-12-24 03:05"),
        ("24 juil. 03:05 locale", "2026-07-23 19:05"),
        ("3 h 05 le 24 novembre 2026", "2026-11-24 03:05"),
        ("11月24日 03:05", "2026-11-24 03:05"),
        ("11月24日03:05", "2026-11-24 03:05"),
        ("11 月 24 日 03:05", "2026-11-24 03:05"),
        ("2026年11月24日3时5分", "2026-11-24 03:05"),
        ("26年11月24号3点05分7秒", "2026-11-24 03:05:07"),
        ("3时05分", "2026-11-26 03:05"),
        ("3点", "2026-11-26 03:00"),
        ("上午3时05分", "2026-11-26 03:05"),
        ("凌晨3点05分", "2026-11-26 03:05"),
        ("下午3时05分", "2026-11-25 15:05"),
        ("下午15时05分", "2026-11-25 15:05"),
        ("下午 3:05", "2026-11-25 15:05"),
        ("晚上9点", "2026-11-25 21:00"),
        ("11月24日下午3时05分", "2026-11-24 15:05"),
        ("北京时间11月24日3时5分", "2026-11-23 19:05"),
        ("11月24日 北京时间03:05", "2026-11-23 19:05"),
        ("当地时间3时05分", "2026-11-25 19:05"),
        ("世界时3时05分", "2026-11-26 03:05"),
        ("0305 Brussels", "2026-11-26 02:05"),
        ("24 Nov 20:55 New York time", "2026-11-25 01:55"),
        ("03:05, Beijing", "2026-11-25 19:05"),
        ("\uff10\uff13\uff1a\uff10\uff15", "2026-11-26 03:05"),
        ("11月24日\u300003\uff1a05", "2026-11-24 03:05"),
        ("now", "2026-11-26 06:30:20"),
        ("Maintenant", "2026-11-26 06:30:20"),
        ("现在", "2026-11-26 06:30:20"),
        ("-5 min", "2026-11-26 06:25:20"),
        ("\u22125min", "2026-11-26 06:25:20"),
        ("5 min ago", "2026-11-26 06:25:20"),
        ("5 minutes ago", "2026-11-26 06:25:20"),
        ("il y a 5 min", "2026-11-26 06:25:20"),
        ("Il y a 2 heures", "2026-11-26 04:30:20"),
        ("1 h 30 min ago", "2026-11-26 05:00:20"),
        ("-1,5 h", "2026-11-26 05:00:20"),
        ("5分钟前", "2026-11-26 06:25:20"),
        ("2 小时以前", "2026-11-26 04:30:20"),
        ("1小时30分钟前", "2026-11-26 05:00:20"),
        ("3天前", "2026-11-23 06:30:20"),
        ("-20 s", "2026-11-26 06:30"),
    ],
)
def test_a_time_is_read(text: str, read: str | None) -> None:
    if read is None:
        assert refused_time(text) == "no_time"
    else:
        assert minute(read_time(text, NOW, SHANGHAI)) == read


def test_fractions_of_a_second_are_kept() -> None:
    assert read_time("2026-11-24T03:05:07.25Z", NOW, SHANGHAI) == at("2026-11-24T03:05:07.250000Z")
    assert read_time("03:05:07,1234567", NOW, SHANGHAI) == at("2026-11-26T03:05:07.123456Z")


@pytest.mark.parametrize(
    ("text", "now", "read"),
    [
        ("0705", "2026-11-26T06:05Z", "2026-11-26 07:05"),
        ("0706", "2026-11-26T06:05Z", "2026-11-25 07:06"),
        ("2355", "2026-11-26T00:10Z", "2026-11-25 23:55"),
        ("0005", "2026-11-25T23:55Z", "2026-11-26 00:05"),
        ("2355L", "2026-11-26T15:50Z", "2026-11-26 15:55"),
        ("0005L", "2026-11-26T15:50Z", "2026-11-26 16:05"),
        ("1205+14", "2026-11-26T00:10Z", "2026-11-25 22:05"),
        ("010005Z", "2026-11-30T23:50Z", "2026-12-01 00:05"),
        ("31 Dec 23:55", "2027-01-01T00:10Z", "2026-12-31 23:55"),
        ("1 Jan 00:05", "2026-12-31T23:55Z", "2027-01-01 00:05"),
        ("29 Feb 03:05", "2026-11-26T06:05Z", None),
        ("29 Feb 03:05", "2025-11-26T06:05Z", "2024-02-29 03:05"),
        ("29 Feb 03:05", "2102-11-26T06:05Z", None),
    ],
)
def test_what_was_left_out_of_the_past_is_taken_as_near_as_can_be(
    text: str, now: str, read: str | None
) -> None:
    if read is None:
        with pytest.raises(NotUnderstoodInput) as raised:
            read_time(text, at(now), SHANGHAI)
        assert raised.value.code == "in_future", "the nearest year is asked about, not passed over"
    else:
        assert minute(read_time(text, at(now), SHANGHAI)) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0305", "2026-11-27 03:05"),
        ("0631", "2026-11-26 06:31"),
        ("0630", "2026-11-27 06:30"),
        ("03:05 local", "2026-11-26 19:05"),
        ("下午3时05分", "2026-11-26 15:05"),
        ("270305Z", "2026-11-27 03:05"),
        ("240305Z", "2026-12-24 03:05"),
        ("310305Z", "2026-12-31 03:05"),
        ("24 Jan 03:05", "2027-01-24 03:05"),
        ("24 juin 3 h 05", "2027-06-24 03:05"),
        ("26 Nov 06:00", "2026-11-26 06:00"),
        ("25 Nov 06:30", "2027-11-25 06:30"),
        ("29 Feb 03:05", "2028-02-29 03:05"),
        ("240305Z NOV 26", "2026-11-24 03:05"),
        ("2027-11-24T03:05+08:00", "2027-11-23 19:05"),
        ("now", "2026-11-26 06:30:20"),
        ("-5 min", "2026-11-26 06:25:20"),
        ("+2 h", "2026-11-26 08:30:20"),
        ("in 2 hours", "2026-11-26 08:30:20"),
        ("dans 2 h", "2026-11-26 08:30:20"),
        ("2小时后", "2026-11-26 08:30:20"),
        ("2 个小时之后", "2026-11-26 08:30:20"),
        ("+30 min", "2026-11-26 07:00:20"),
        ("in 1 hour 30 minutes", "2026-11-26 08:00:20"),
        ("+3 d", "2026-11-29 06:30:20"),
        ("dans 3 jours", "2026-11-29 06:30:20"),
        ("3天后", "2026-11-29 06:30:20"),
    ],
)
def test_a_time_to_come_is_read(text: str, read: str) -> None:
    assert minute(read_moment(text, NOW, SHANGHAI)) == read


def refused_time(text: str, zone: ZoneInfo = SHANGHAI) -> str:
    with pytest.raises(NotUnderstoodInput) as raised:
        read_time(text, NOW, zone)
    return raised.value.code


UNREAD_TIMES = [
    ("", "empty"),
    (" \u3000\t", "empty"),
    ("...", "empty"),
    ("03:05" + " " * 120, "too_long"),
    ("soon", "no_time"),
    ("305", "no_time"),
    ("-5", "no_time"),
    ("-5 m", "no_time"),
    ("24 Brumaire 03:05", "no_time"),
    ("0305\u20130405", "no_time"),
    ("0305-0405", "no_time"),
    ("24 Nov", "day_only"),
    ("2026-11-24", "day_only"),
    ("24/11/2026", "day_only"),
    ("2026年11月24日", "day_only"),
    ("31 Nov 03:05", "no_such_day"),
    ("2026-02-29 03:05", "no_such_day"),
    ("320305Z", "no_such_day"),
    ("13月1日 03:05", "no_such_day"),
    ("24/13 03:05", "no_such_day"),
    ("0026-11-24 03:05", "no_such_day"),
    ("9001-11-24 03:05", "no_such_day"),
    ("2405", "no_such_time"),
    ("24:00", "no_such_time"),
    ("03:60", "no_such_time"),
    ("03:05:60", "no_such_time"),
    ("13:05 am", "no_such_time"),
    ("上午15时", "no_such_time"),
    ("03:05+15", "no_such_zone"),
    ("03:05+08:60", "no_such_zone"),
    ("03/04 03:05", "ambiguous_order"),
    ("03.04 03:05", "ambiguous_order"),
    ("03/04/2026 03:05", "ambiguous_order"),
    ("24/11/26 03:05", "ambiguous_order"),
    ("030507", "ambiguous_time"),
    ("24 Nov 2026", "ambiguous_time"),
    ("Nov 24 2015", "ambiguous_time"),
    ("上午12时05分", "ambiguous_time"),
    ("晚上12点", "ambiguous_time"),
    ("晚上1点", "ambiguous_time"),
    ("240305L NOV 26", "ambiguous_zone"),
    ("240305L", "ambiguous_zone"),
    ("0305h", "ambiguous_zone"),
    ("03:05 h", "ambiguous_zone"),
    ("北京时间03:05Z", "ambiguous_zone"),
    ("24 Nov 2027 03:05", "in_future"),
    ("24 Dec 03:05", "in_future"),
    ("+2 h", "in_future"),
    ("2小时后", "in_future"),
]


@pytest.mark.parametrize(("text", "code"), UNREAD_TIMES)
def test_a_time_that_has_no_meaning_or_several_is_not_read(text: str, code: str) -> None:
    assert refused_time(text) == code


def test_an_hour_that_a_clock_leaps_over_or_shows_twice_is_not_read() -> None:
    assert refused_time("2026-03-29 02:30 local", BRUSSELS) == "no_such_time"
    assert refused_time("2026-10-25 02:30 local", BRUSSELS) == "ambiguous_time"
    assert read_time("2026-10-25 02:30+02", NOW, BRUSSELS) == at("2026-10-25T00:30Z")


@given(
    st.datetimes(at("1990-01-01"), at("2090-01-01")).map(
        lambda each: each.replace(second=0, microsecond=0, tzinfo=UTC)
    ),
    st.sampled_from(
        [
            "%d%H%MZ %b %Y",
            "%d %b %Y %H%MZ",
            "%Y-%m-%dT%H:%MZ",
            "%d.%m.%Y %H:%M",
            "%Y年%m月%d日%H时%M分",
            "%b %d, %Y %I:%M %p",
        ]
    ),
)
def test_a_time_in_any_form_is_the_same_time(moment: datetime, form: str) -> None:
    assert read_time(moment.strftime(form), moment + timedelta(days=400), SHANGHAI) == moment


@given(
    st.datetimes(at("1990-01-01"), at("2090-01-01"), timezones=st.just(UTC)),
    st.times().map(lambda each: each.replace(microsecond=0)),
    st.sampled_from(["Z", "+14", "-12", "J", "H"]),
)
def test_a_time_without_a_day_is_within_a_day_of_now(now: datetime, clock: time, zone: str) -> None:
    text = f"{clock:%H:%M:%S}{zone}"
    assert now - timedelta(hours=23) < read_time(text, now, SHANGHAI) <= now + timedelta(hours=1)
    assert now <= read_moment(text, now, SHANGHAI) < now + timedelta(days=1)


@given(st.text(alphabet="0123456789 :.,+-/NSEWOZLHapm°'\"\u2032年月日时分度北东", max_size=24))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    for read in (
        lambda: read_time(text, NOW, SHANGHAI),
        lambda: read_moment(text, NOW, SHANGHAI),
        lambda: read_place(text),
    ):
        with suppress(NotUnderstoodInput):
            read()


REEF = GeoPoint(15.1203, 116.4411)
MINUTES = GeoPoint(15.116667, 116.433333)
TENTHS = GeoPoint(15.12, 116.441667)
SECONDS = GeoPoint(15.120278, 116.441111)
CAPE = GeoPoint(-33.5, 18.25)
WEST = GeoPoint(-33.5, -18.25)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("15.1203 N 116.4411 E", REEF),
        ("15.1203N 116.4411E", REEF),
        ("15.1203N116.4411E", REEF),
        ("15.1203° N, 116.4411° E", REEF),
        ("15.1203 n / 116.4411 e", REEF),
        ("N15.1203 E116.4411", REEF),
        ("N 15.1203, E 116.4411", REEF),
        ("15.1203 north, 116.4411 east", REEF),
        ("15,1203 N 116,4411 E", REEF),
        ("15,1203° Nord ; 116,4411° Est", REEF),
        ("116.4411 E 15.1203 N", REEF),
        ("E116.4411 N15.1203", REEF),
        ("+15.1203 +116.4411", REEF),
        ("+15.1203, +116.4411", REEF),
        ("+15,1203 +116,4411", REEF),
        ("+15.1203; 116.4411 E", REEF),
        ("15N 116E", GeoPoint(15, 116)),
        ("-33.5, 18.25", CAPE),
        ("-33.5,18.25", CAPE),
        ("\u221233.5 +18.25", CAPE),
        ("-33,5 18,25", CAPE),
        ("-33,5, 18,25", CAPE),
        ("-33 30 18 15", CAPE),
        ("33°30', -18°", GeoPoint(33.5, -18)),
        ("-33.5 -18.25", WEST),
        ("-33.5, 18.25 E", CAPE),
        ("33.5 S, -18.25", WEST),
        ("-33-30 +18-15", CAPE),
        ("-33°30'00\" 18°15'00\"", CAPE),
        ("-33, 18", GeoPoint(-33, 18)),
        ("33.5, -18.25", GeoPoint(33.5, -18.25)),
        ("33.5 S 18.25 W", WEST),
        ("33,5 S 18,25 O", WEST),
        ("33,5 sud 18,25 ouest", WEST),
        ("15-07N 116-26E", MINUTES),
        ("15\u201307N/116\u201326E", MINUTES),
        ("116-26E 15-07N", MINUTES),
        ("N15-07 E116-26", MINUTES),
        ("1507N 11626E", MINUTES),
        ("1507N11626E", MINUTES),
        ("N1507 E11626", MINUTES),
        ("15 07 N 116 26 E", MINUTES),
        ("15°07'N 116°26'E", MINUTES),
        ("15° 07\u2032 N, 116° 26\u2032 E", MINUTES),
        ("15°7N 116°26E", MINUTES),
        ("15-07.2N 116-26.5E", TENTHS),
        ("15°07.2'N 116°26.5'E", TENTHS),
        ("15 07.2 N 116 26.5 E", TENTHS),
        ("15°07,2\u2019 N 116°26,5\u2019 E", TENTHS),
        ("1507.2N 11626.5E", TENTHS),
        ("15\u00ba07.2'N 116\u00ba26.5'E", TENTHS),
        ("15°07'13\"N 116°26'28\"E", SECONDS),
        ("15°07'13''N 116°26'28''E", SECONDS),
        ("15°07\u203213\u2033N 116°26\u203228\u2033E", SECONDS),
        ("15°07\u203213\u2033\u00a0N 116°26\u203228\u2033\u00a0E", SECONDS),
        ("15°07\u201913\u201d N, 116°26\u201928\u201d E", SECONDS),
        ("15° 07' 13\" N 116° 26' 28\" E", SECONDS),
        ("15-07-13N 116-26-28E", SECONDS),
        ("15 07 13 N 116 26 28 E", SECONDS),
        ("150713N 1162628E", SECONDS),
        ("150713.0N 1162628.0E", SECONDS),
        ("北纬15度7分13秒 东经116度26分28秒", SECONDS),
        ("北纬15度7分13秒\uff0c东经116度26分28秒", SECONDS),
        ("东经116度26分28秒\u3001北纬15度7分13秒", SECONDS),
        ("北纬15°07\u203213\u2033 东经116°26\u203228\u2033", SECONDS),
        ("北纬15.1203度 东经116.4411度", REEF),
        ("南纬33度30分 西经18度15分", WEST),
        (
            "\uff11\uff15\uff0e\uff11\uff12\uff10\uff13\uff2e \uff11\uff11\uff16\uff0e\uff14\uff14\uff11\uff11\uff25",
            REEF,
        ),
        ("90N 0E", GeoPoint(90, 0)),
        ("90 S 180 W", GeoPoint(-90, -180)),
        ("0.0000001 S 0.0000001 W", GeoPoint(0, 0)),
        ("15.12034567 N 116.44114321 E", GeoPoint(15.120346, 116.441143)),
    ],
)
def test_a_place_is_read(text: str, point: GeoPoint) -> None:
    assert read_place(text) == point
    assert "-0.0" not in repr(read_place(text))


def refused_place(text: str) -> NotUnderstoodInput:
    with pytest.raises(NotUnderstoodInput) as raised:
        read_place(text)
    return raised.value


UNREAD_PLACES = [
    ("", "empty"),
    ("15.1203 N 116.4411 E" * 7, "too_long"),
    ("the reef", "no_place"),
    ("15.1203", "no_place"),
    ("15.1203 N", "no_place"),
    ("15.12.03 N 116.44.11 E", "no_place"),
    ("15.5°07'N 116°26'E", "no_place"),
    ("zoo", "no_place"),
    ("15.1203 N 116.4411 N", "same_axis"),
    ("E116 W15", "same_axis"),
    ("-33.5 S 18.25 E", "sign_and_letter"),
    ("15-60N 116-26E", "minutes_range"),
    ("15-07-60N 116-26-28E", "minutes_range"),
    ("1567N 11626E", "minutes_range"),
    ("1507N 1626E", "digit_count"),
    ("15071N 11626E", "digit_count"),
    ("15-07N 181E", "longitude_range"),
    ("+15.1, -180.1", "longitude_range"),
    ("180-01E 15-07N", "longitude_range"),
    ("90.1 N 116.4411 E", "latitude_range"),
    ("-91 0", "latitude_range"),
    ("-33 18 30", "ambiguous_place"),
    ("-33,5,18", "ambiguous_place"),
    ("50IPB3994671708", "bad_mgrs"),
    ("50PIB3994671708", "bad_mgrs"),
    ("50PMO3994671708", "bad_mgrs"),
    ("50PMW3994671708", "bad_mgrs"),
    ("50PAB3994671708", "bad_mgrs"),
    ("50PMB399467170", "bad_mgrs"),
    ("50PMB399467 1708", "bad_mgrs"),
    ("50PMB399467171708", "bad_mgrs"),
    ("50PMB", "bad_mgrs"),
    ("50QMB3994671708", "bad_mgrs"),
    ("61PMB3994671708", "bad_mgrs"),
    ("00PMB3994671708", "bad_mgrs"),
    ("32XMG1427883355", "bad_mgrs"),
    ("33XTG1427883355", "bad_mgrs"),
    ("ZAH1234512345", "polar_mgrs"),
    ("B NK 12345 12345", "polar_mgrs"),
]


@pytest.mark.parametrize(("text", "code"), UNREAD_PLACES)
def test_a_place_that_is_none_or_several_is_not_read(text: str, code: str) -> None:
    assert refused_place(text).code == code


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("15.1203, 116.4411", REEF),
        ("15.1203 116.4411", REEF),
        ("+15.1203 116.4411", REEF),
        ("15-07 116-26", MINUTES),
        ("15°07' 116°26'", MINUTES),
        ("15 07 116 26", MINUTES),
        ("15 07 13 116 26 28", SECONDS),
        ("1507 11626", MINUTES),
        ("15.1203 N 116.4411", REEF),
        ("15.1203 116.4411 E", REEF),
        ("N 15.1203, 116.4411", REEF),
        ("116.4411 E, 15.1203", REEF),
        ("33.5 S 18.25", CAPE),
        ("33.5, 18.25 O", GeoPoint(33.5, -18.25)),
    ],
)
def test_a_hemisphere_that_was_left_out_is_asked_for(text: str, suggestion: GeoPoint) -> None:
    refused = refused_place(text)
    assert isinstance(refused, NeedsHemisphere)
    assert (refused.code, refused.suggestion) == ("needs_hemisphere", suggestion)


def test_the_question_is_in_the_sentence() -> None:
    assert str(refused_place("15.1203, 116.4411")).startswith("Did you mean 15.1203 N 116.4411 E? ")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("116.4411 N 15.1203 E", REEF),
        ("116.4411, 15.1203", REEF),
        ("+116.4411 +15.1203", REEF),
        ("-116.4411, +15.1203", GeoPoint(15.1203, -116.4411)),
        ("116.4411 N 95 E", None),
        ("181 N 15 E", None),
    ],
)
def test_a_latitude_is_never_exchanged_for_a_longitude_unasked(
    text: str, suggestion: GeoPoint | None
) -> None:
    refused = refused_place(text)
    assert (refused.code, refused.suggestion) == ("latitude_range", suggestion)
    assert ("Did you mean" in str(refused)) == (suggestion is not None)


SQUARES = [
    ("Eiffel tower", GeoPoint(48.858198, 2.294496), "31UDQ4825111932"),
    ("Washington Monument", GeoPoint(38.889805, -77.036537), "18SUJ2337106519"),
    ("Bergen, in the wide zone", GeoPoint(60.39299, 5.32415), "32VKN9747700830"),
    ("Stavanger, in the wide zone", GeoPoint(58.97, 5.7331), "32VLL1219341301"),
    ("Svalbard", GeoPoint(75.0, 8.9), "31XFD7019232079"),
    ("Longyearbyen", GeoPoint(78.2232, 15.6267), "33XWG1427883355"),
    ("Ny-Ålesund", GeoPoint(78.9236, 11.9312), "33XVH3421263176"),
    ("Kvitøya", GeoPoint(80.1, 32.6), "35XPJ0732497918"),
    ("Barents Sea", GeoPoint(79.5, 33.5), "37XCJ8826731056"),
    ("Sydney", GeoPoint(-33.8568, 151.2153), "56HLH3490052288"),
    ("Ushuaia", GeoPoint(-54.8019, -68.303), "19FEV4480527029"),
    ("the reef", REEF, "50PMB3994671708"),
    ("Quito", GeoPoint(-0.1807, -78.4678), "17MQV8186180007"),
    ("Greenwich", GeoPoint(51.4779, -0.0015), "30UYC0821307235"),
    ("west of the date line", GeoPoint(-17.0, 179.999), "60KZG1934417999"),
    ("east of the date line", GeoPoint(-17.0, -179.999), "01KAB8065517999"),
    ("the northern edge", GeoPoint(83.999, 10.0), "33XVP4171230513"),
    ("the southern edge", GeoPoint(-79.999, 10.0), "32CNS1938618359"),
    ("Taipei", GeoPoint(25.033964, 121.564468), "51RUH5517069476"),
    ("Beijing", GeoPoint(39.9055, 116.3976), "50SMK4850817442"),
]
"""Places and their squares as GEOTRANS has them (the `mgrs` package 1.6), which shares nothing with
us.
"""


@pytest.mark.parametrize(
    ("point", "square"),
    [(point, square) for _, point, square in SQUARES],
    ids=[name for name, _, _ in SQUARES],
)
def test_the_grid_is_the_one_that_others_use(point: GeoPoint, square: str) -> None:
    assert distance_m(read_place(square), point) < 1
    written = read_place(write_square(point))
    assert distance_m(written, read_place(square)) < 1.5


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("50PMB3994671708", GeoPoint(15.120303, 116.441096)),
        ("50P MB 39946 71708", GeoPoint(15.120303, 116.441096)),
        ("50p mb 3994671708", GeoPoint(15.120303, 116.441096)),
        ("50 P MB 39946 71708", GeoPoint(15.120303, 116.441096)),
        ("50PMB39947170", GeoPoint(15.120271, 116.441082)),
        ("50PMB399717", GeoPoint(15.120678, 116.441127)),
        ("50PMB 39 71", GeoPoint(15.118408, 116.436945)),
        ("50PMB34", GeoPoint(14.878720, 116.395740)),
    ],
)
def test_a_reference_means_the_middle_of_its_square(text: str, point: GeoPoint) -> None:
    assert distance_m(read_place(text), point) < 0.5  # as GEOTRANS has it


def test_a_square_across_two_bands_is_written_with_either() -> None:
    assert read_place("50PPC4737571873") == read_place("50QPC4737571873")


def test_the_grid_is_written_with_blanks() -> None:
    assert write_square(REEF) == "50P MB 39946 71708"
    assert write_square(GeoPoint(-17.0, -179.999)) == "01K AB 80655 17999"


@pytest.mark.parametrize("lat", [84.000001, 90, -80.000001, -90])
def test_the_grid_does_not_reach_the_poles(lat: float) -> None:
    with pytest.raises(NotUnderstoodInput) as raised:
        write_square(GeoPoint(lat, 0))
    assert raised.value.code == "polar_mgrs"


@pytest.mark.parametrize(
    ("point", "form", "written"),
    [
        (SECONDS, "dms", "15°07\u203213\u2033\u00a0N 116°26\u203228\u2033\u00a0E"),
        (WEST, "dms", "33°30\u203200\u2033\u00a0S 018°15\u203200\u2033\u00a0W"),
        (
            GeoPoint(14.99999, -0.00001),
            "dms",
            "15°00\u203200\u2033\u00a0N 000°00\u203200\u2033\u00a0W",
        ),
        (MINUTES, "dm", "15-07N 116-26E"),
        (TENTHS, "dm", "15-07.2N 116-26.5E"),
        (REEF, "dm", "15-07.22N 116-26.47E"),
        (GeoPoint(14.99999, -0.05), "dm", "15-00N 000-03W"),
        (REEF, "decimal", "+15.1203, +116.4411"),
        (WEST, "decimal", "-33.5, -18.25"),
        (GeoPoint(10, -100), "decimal", "+10, -100"),
        (GeoPoint(-0.0000001, 0), "decimal", "+0, +0"),
    ],
)
def test_a_place_is_written(
    point: GeoPoint, form: Literal["dms", "dm", "decimal"], written: str
) -> None:
    assert written_place(point, form) == written


points = st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))
on_the_grid = st.builds(GeoPoint, st.floats(-79, 83), st.floats(-180, 180))


@given(points, st.sampled_from(["dms", "dm"]))
def test_a_place_that_was_written_is_read_within_a_second(
    point: GeoPoint, form: Literal["dms", "dm"]
) -> None:
    read = read_place(written_place(point, form))
    assert abs(read.lat - point.lat) < 1 / 3600
    assert abs(read.lon - point.lon) < 1 / 3600


@given(points)
def test_decimals_are_read_as_they_were_written(point: GeoPoint) -> None:
    read = read_place(written_place(point, "decimal"))
    assert read == GeoPoint(round(point.lat, 6), round(point.lon, 6))


@given(on_the_grid)
@example(GeoPoint(0.0, 0.0))
@example(GeoPoint(-1e-15, -1e-15))
@example(GeoPoint(-1e-8, 0.0))
@example(GeoPoint(8.0, 180.0))
@example(GeoPoint(72.0, 9.0))
@example(GeoPoint(64.0, 3.0))
@example(GeoPoint(55.9999999, 2.9999999))
@example(GeoPoint(-80.0, -180.0))
@example(GeoPoint(84.0, 41.9999999))
def test_a_square_that_was_written_is_read_within_a_metre_and_a_half(point: GeoPoint) -> None:
    assert distance_m(read_place(write_square(point)), point) < 1.5


@given(points, points)
def test_a_distance_is_the_same_both_ways(a: GeoPoint, b: GeoPoint) -> None:
    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=0.01)
    assert 0 <= bearing(a, b) < 360


def test_distances_and_bearings_over_the_sphere() -> None:
    paris, washington = GeoPoint(48.85837, 2.29448), GeoPoint(38.8895, -77.0352)
    assert distance_m(paris, washington) == pytest.approx(
        6_161_926.7, abs=0.1
    )  # as PROJ has it on the same sphere
    assert bearing(paris, washington) == pytest.approx(291.708592, abs=1e-5)
    assert bearing(washington, paris) == pytest.approx(51.750350, abs=1e-5)
    assert distance_m(paris, paris) == bearing(paris, paris) == 0
    assert distance_m(GeoPoint(0, 179.5), GeoPoint(0, -179.5)) == pytest.approx(111_195, abs=1)
    assert bearing(GeoPoint(0, 179.5), GeoPoint(0, -179.5)) == pytest.approx(90)


def test_every_code_stands_in_a_table() -> None:
    assert {code for _, code in UNREAD_TIMES + UNREAD_PLACES} | {"needs_hemisphere"} == set(
        get_args(not_understood.Code)
    )


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("4 Jan 2027", "2027-01-04", "2027-01-04"),
        ("2027-01-04", "2027-01-04", "2027-01-04"),
        ("4 janvier", "2027-01-04", "2027-01-04"),
        ("2027年1月4日", "2027-01-04", "2027-01-04"),
        ("Jan 2027", "2027-01-01", "2027-01-31"),
        ("février 2028", "2028-02-01", "2028-02-29"),
        ("2027-02", "2027-02-01", "2027-02-28"),
        ("2027年1月", "2027-01-01", "2027-01-31"),
        ("Nov", "2026-11-01", "2026-11-30"),
        ("Oct", "2027-10-01", "2027-10-31"),
        ("29 Feb", "2028-02-29", "2028-02-29"),
    ],
)
def test_days_and_months_are_read_without_a_time_of_day(text: str, first: str, last: str) -> None:
    found = times.read_days(text, NOW.date())
    assert found is not None
    assert tuple(each.isoformat() for each in found) == (first, last)


@pytest.mark.parametrize("text", ["0305", "24 Nov 03:05", "-5 min", "next spring", "2027"])
def test_what_is_no_day_is_left_to_the_readers_of_times(text: str) -> None:
    assert times.read_days(text, NOW.date()) is None


@pytest.mark.parametrize("text", ["30 Feb 2027", "30 Feb", "2027-13", "2027年13月"])
def test_a_day_or_a_month_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(NotUnderstoodInput) as refused:
        times.read_days(text, NOW.date())
    assert refused.value.code == "no_such_day"
