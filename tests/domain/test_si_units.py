"""Quantities keep the unit in which they were entered, and stand beside it in SI."""

import pytest

from dragoman.domain.acts.si_units import in_si, quantities


@pytest.mark.parametrize(
    ("value", "unit", "si"),
    [
        (1, "nm", (1852.0, "m")),
        (1, "ft", (0.305, "m")),
        (10_000, "ft", (3048.0, "m")),
        (1.5, "km", (1500.0, "m")),
        (7, "m", (7.0, "m")),
        (1, "kn", (0.514, "m/s")),
        (14, "kn", (7.202, "m/s")),
        (36, "km/h", (10.0, "m/s")),
        (2, "m/s", (2.0, "m/s")),
    ],
)
def test_a_quantity_in_si(value: float, unit: str, si: tuple[float, str]) -> None:
    assert in_si({"value": value, "unit": unit}) == si


@pytest.mark.parametrize(
    "value",
    [
        7,
        "7 nm",
        None,
        {"value": 1},
        {"value": 1, "unit": "furlong"},
        {"value": 1, "unit": "m", "of": 2},
    ],
)
def test_what_is_no_quantity(value: object) -> None:
    assert in_si(value) is None


def test_quantities_are_found_wherever_they_stand() -> None:
    found = quantities(
        {
            "cpa": {"value": 0.5, "unit": "nm"},
            "courses": [{"unit": "a", "speed": {"value": 14, "unit": "kn"}}],
            "x": "unknown",
        }
    )
    assert list(found) == [("/cpa", 926.0, "m"), ("/courses/0/speed", 7.202, "m/s")]
