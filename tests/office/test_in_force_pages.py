"""The windows in force: board, wall display and page list the same ones at any moment.

The side that announced an event says how it goes on.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from office import Office
from person import Person
from samples import act

CHANNEL = "nato-china"
CIRCLE = {
    "circle": {"pos": {"lat": 18, "lon": 118}, "radius": {"value": 12, "unit": "nm"}},
    "name": "South range",
}


def announced(
    office: Office,
    side: str,
    *,
    opens: timedelta,
    lasts: timedelta = timedelta(hours=2),
    **changes: Any,
) -> Any:
    """A side announces a danger area that opens so long from now."""
    begins = datetime.now(UTC) + opens
    ends = begins + lasts
    window = {"from": f"{begins:%Y-%m-%dT%H:%M:%SZ}", "to": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
    area = act("danger-area", window=window, **changes)
    return office.api(f"{side}/duty_officer", lambda duty: duty.open(area, CHANNEL)).json


def listed(reader: Person) -> list[str]:
    """The exchanges of the windows that a page lists, in its order."""
    return [str(each) for each in reader.xpath("//*[@data-window]/@data-window")]


def test_board_wall_and_page_list_the_same_windows_now_and_then(own: Office) -> None:
    reader = own.person("china/officer").open(f"/c/{CHANNEL}")
    assert listed(reader) == []
    near = announced(own, "nato", opens=timedelta(hours=5), place=CIRCLE)
    for far in (timedelta(days=3), timedelta(days=-6)):
        announced(own, "nato", opens=far)
    opened = announced(own, "china", opens=timedelta(minutes=-30))
    windows_now, windows_then = [opened["exchange"], near["exchange"]], [near["exchange"]]
    for path, windows in (
        ("?", windows_now),
        ("?wall=1", windows_now),
        ("/in-force?", windows_now),
        (f"?at={near['position']}", windows_then),
        (f"?wall=1&at={near['position']}", windows_then),
        (f"/in-force?at={near['position']}", windows_then),
    ):
        shown = listed(reader.open(f"/c/{CHANNEL}{path}"))
        if "wall" in path:  # the display has no room for everything, and says so
            assert shown == windows[: len(shown)], path
            assert len(shown) == len(windows) or re.search(r"\d+ more on the board", reader.text)
            continue
        assert shown == windows, path
    reader.within("South range").see("opens in 4").within("")
    (chart,) = reader.xpath("//svg[contains(@class, 'chart')]")
    assert "1 NATO" in " ".join(chart.itertext())
    exports = reader.within("Take it along").links()
    assert len(exports) > 1
    view = reader.open(f"/c/{CHANNEL}/in-force.json").json
    (table,) = (each for each in view["sections"][1]["blocks"] if each["block"] == "Listing")
    assert [row["names"]["window"] for row in table["groups"][0]["rows"]] == windows_now
    for path in exports.values():
        assert reader.open(path).status == 200, path


def test_the_page_shows_another_moment_that_the_reader_writes(demo: Office) -> None:
    ahead = announced(demo, "nato", opens=timedelta(days=40))
    reader = demo.person("china/officer").open(f"/c/{CHANNEL}/in-force")
    assert ahead["exchange"] not in listed(reader)
    then = datetime.now(UTC) + timedelta(days=40, minutes=30)
    reader.fill("At another moment", f"{then:%d%H%MZ %b %y}".upper()).press("Show")
    shown = listed(reader)
    assert ahead["exchange"] in shown
    path = f"/v1/channels/{CHANNEL}/in-force?moment={then:%Y-%m-%dT%H:%M}Z"
    answer = demo.api("nato/duty_officer", lambda nato: nato.get(path))
    assert [window["exchange"] for window in answer.json["windows"]] == shown, (
        "the page lists the windows that the API lists at that moment"
    )
    reader.fill("At another moment", "some day").press("Show").see("This time was not read.")
    assert reader.fields()["At another moment, past or still to come"] == "some day"


def test_the_side_that_announced_a_window_says_how_it_goes_on(demo: Office) -> None:
    sent = announced(demo, "nato", opens=timedelta(minutes=30))
    opener, other = demo.person("nato/officer"), demo.person("china/officer")
    exchange = f"/c/{CHANNEL}/exchanges/{sent['exchange']}"
    for button, word in (
        ("Report that it has begun", "open"),
        ("Report that it is on hold", "holding"),
        ("Report that it is over", ""),
    ):
        opener.open(exchange).press(button).press("Send").see("Recorded: record")
        other.open(f"/c/{CHANNEL}/in-force")
        marks = other.xpath("//*[@data-window=$id]//*[@class='mark']", id=sent["exchange"])
        assert ["".join(each.itertext()).strip() for each in marks] == [word] * bool(word)
    other.open(exchange).within("Window").see("not in force")
    assert "Report that it is over" not in other.within("").buttons()
