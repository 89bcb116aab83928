"""Places as text: degrees, minutes and seconds, decimal degrees."""

from typing import Literal, assert_never

from dragoman.domain.acts.geodesy import GeoPoint


def written_place(point: GeoPoint, form: Literal["dms", "dm", "decimal"] = "dms") -> str:
    """Return a point as text that people read out.

    `dms` is to the second, with no-break spaces before the letters. `dm` is to the
    hundredth of a minute, which is left out if it is zero. `decimal` is to six
    decimals, with signs.
    """
    match form:
        case "dms":
            return f"{_dms(point.lat, 2, 'NS')} {_dms(point.lon, 3, 'EW')}"
        case "dm":
            return f"{_dm(point.lat, 2, 'NS')} {_dm(point.lon, 3, 'EW')}"
        case "decimal":
            return f"{decimal(point.lat, '+')}, {decimal(point.lon, '+')}"
        case _:
            assert_never(form)


def decimal(value: float, sign: Literal["+", "-"]) -> str:
    """Return a number to six decimals, without zeros at its end.

    The sign of a positive number is written only if `sign` is "+".
    """
    return f"{round(value, 6) + 0.0:{sign}.6f}".rstrip("0").rstrip(".")


def with_letters(point: GeoPoint) -> str:
    """Return a point in decimal degrees, with letters (N, S, E, W) for the signs."""
    lat, lon = decimal(abs(point.lat), "-"), decimal(abs(point.lon), "-")
    return f"{lat} {'S' if point.lat < 0 else 'N'} {lon} {'W' if point.lon < 0 else 'E'}"


def _dms(value: float, width: int, letters: str) -> str:
    minutes, seconds = divmod(round(abs(value) * 3600), 60)
    degrees = f"{minutes // 60:0{width}}°"
    return f"{degrees}{minutes % 60:02}\u2032{seconds:02}\u2033\u00a0{letters[value < 0]}"


def _dm(value: float, width: int, letters: str) -> str:
    minutes, hundredths = divmod(round(abs(value) * 6000), 100)
    part = f".{hundredths:02}".rstrip("0").rstrip(".")
    return f"{minutes // 60:0{width}}-{minutes % 60:02}{part}{letters[value < 0]}"
