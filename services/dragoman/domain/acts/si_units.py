"""Quantities in SI, beside the unit in which they were entered: metres and metres a second (message catalogue §1)."""

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
"""Each unit as so many of an SI unit. A knot is a nautical mile an hour: 0.5144 m/s."""


def in_si(value: Any) -> tuple[float, str] | None:
    """Return a quantity as entered, `{"value": number, "unit": unit}`, in SI to a thousandth; None for anything else."""
    if not (
        isinstance(value, dict) and value.keys() == {"value", "unit"} and value["unit"] in FACTORS
    ):
        return None
    factor, unit = FACTORS[value["unit"]]
    return round(value["value"] * factor, 3), unit


def metres(quantity: Any) -> float:
    """Return a length as entered in metres, to a thousandth."""
    result = in_si(quantity)
    assert result is not None
    return result[0]


def quantities(value: Any, pointer: str = "") -> Iterator[tuple[str, float, str]]:
    """Yield each quantity in decoded JSON: a pointer, its value in SI, the SI unit."""
    result = in_si(value)
    if result is not None:
        yield pointer, *result
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from quantities(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from quantities(inner, f"{pointer}/{index}")
