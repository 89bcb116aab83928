"""Numbers, counted from the log and never written into it (record.md §8).

    NATO-CHINA/NATO/26/0042/N07/O      channel, side, UTC year, serial, format, O opening · C correction · X cancellation

One series from 1 per channel, actor's side and UTC year. C and X show the opening's
format.
"""

from typing import Literal

Kind = Literal["O", "C", "X"]


def count(
    tally: dict[str, int], channel: str, side: str, time: str, code: str, kind: Kind
) -> tuple[dict[str, int], str]:
    """Return the tally after one more, and the number. `time` is the record's, in UTC."""
    year = time[2:4]
    series = f"{side}/{time[:4]}"
    serial = tally.get(series, 0) + 1
    return {
        **tally,
        series: serial,
    }, f"{channel.upper()}/{side.upper()}/{year}/{serial:04d}/{code}/{kind}"
