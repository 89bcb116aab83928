from datetime import datetime

from dragoman.members.phonetic_alphabet import spelt, spelt_place, spelt_time


def test_a_number_is_spelt_letter_by_letter_and_digit_by_digit() -> None:
    assert spelt("N20/O") == "November two zero stroke Oscar"
    assert spelt("nato-china") == "November Alfa Tango Oscar dash Charlie Hotel India November Alfa"
    assert spelt("-1.5") == "dash one decimal five"


def test_what_the_alphabet_does_not_have_stands_as_it_is() -> None:
    assert spelt("é 中9") == "é 中 nine"


def test_a_time_is_said_in_utc_digit_by_digit_with_zulu() -> None:
    assert spelt_time(datetime.fromisoformat("2026-11-24T03:05:07+08:00")) == (
        "two three November two zero two six time one nine zero five zero seven Zulu"
    )
    assert (
        spelt_time(datetime.fromisoformat("2026-01-09T00:05Z"))
        == "nine January two zero two six time zero zero zero five Zulu"
    )


def test_a_place_is_said_in_degrees_minutes_and_seconds() -> None:
    assert spelt_place(15.1203, 116.4411) == (
        "one five degrees zero seven minutes one three seconds North",
        "one one six degrees two six minutes two eight seconds East",
    )
    assert spelt_place(-0.5, -7.99999) == (
        "zero zero degrees three zero minutes zero zero seconds South",
        "zero zero eight degrees zero zero minutes zero zero seconds West",
    )
