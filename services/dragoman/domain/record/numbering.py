"""Numbers of records, counted from the log and never written into it.

See docs/spec/catalogue.md §14.

    NATO-CHINA/NATO/26/0042/N07/O      channel, side, UTC year, serial, format, kind

The kind is O for an opening, C for a correction, X for a cancellation. There is one
series from 1 for each channel, actor's side and UTC year. C and X show the opening's
format.
"""

from typing import Literal

Kind = Literal["O", "C", "X"]


def count(
    tally: dict[str, int], channel: str, side: str, time: str, code: str, kind: Kind
) -> tuple[dict[str, int], str]:
    """Return the tally after one more record, and the record's number.

    `time` is the record's, in UTC.
    """
    year = time[2:4]
    series = f"{side}/{time[:4]}"
    serial = tally.get(series, 0) + 1
    return {
        **tally,
        series: serial,
    }, f"{channel.upper()}/{side.upper()}/{year}/{serial:04d}/{code}/{kind}"
