"""Quantities in SI units, shown beside the unit in which they were entered.

The SI units are metres and metres per second (docs/spec/catalogue.md §2).
"""

from collections.abc import Iterator
from typing import Any, Final

FACTORS: Final[dict[str, tuple[float, str]]] = {
    "m": (1.0, "m"),
    "km": (1_000.0, "m"),
    "nm": (1_852.0, "m"),
    "ft": (0.3048, "m"),
    "m/s": (1.0, "m/s"),
    "km/h": (1 / 3.6, "m/s"),
    "kn": (1_852 / 3_600, "m/s"),
}
"""Each unit as a number of SI units.

A knot is a nautical mile per hour: 0.5144 m/s.
"""


def in_si(value: Any) -> tuple[float, str] | None:
    """Return a quantity in SI to a thousandth, with its SI unit.

    The quantity is given as entered: `{"value": number, "unit": unit}`. None for any
    other value.
    """
    if not (
        isinstance(value, dict) and value.keys() == {"value", "unit"} and value["unit"] in FACTORS
    ):
        return None
    factor, unit = FACTORS[value["unit"]]
    return round(value["value"] * factor, 3), unit


def metres(quantity: Any) -> float:
    """Return a length as entered in metres, to a thousandth."""
    quantity_in_si = in_si(quantity)
    assert quantity_in_si is not None
    return quantity_in_si[0]


def quantities(value: Any, pointer: str = "") -> Iterator[tuple[str, float, str]]:
    """Yield each quantity in decoded JSON: a pointer, its value in SI, the SI unit."""
    quantity = in_si(value)
    if quantity is not None:
        yield pointer, *quantity
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from quantities(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from quantities(inner, f"{pointer}/{index}")
