"""The windows in force, at the running service: the same ones as JSON, on maps, as texts of warnings
and in the calendar, now and at any earlier record.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from icalendar import Calendar

from announced import SHOAL, area
from samples import act
from service import Answer, Caller, Gateway

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
TYPES = {
    "json": "application/json",
    "geojson": "application/geo+json",
    "navtex": "text/plain",
}


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


async def released(caller: Caller, releaser: Caller, body: dict[str, Any]) -> str:
    """An opening that two officers send; its exchange."""
    draft = await caller.post(f"{C}/drafts", {"act": body})
    kept = await releaser.call(
        "POST", f"{C}/drafts/{draft.json['id']}/release", If_Match=draft.headers["ETag"]
    )
    assert kept.status == 201, kept.body
    return str(kept.json["exchange"])


async def announce(who: Who, opens: datetime) -> dict[str, str]:
    """An area, a launch, an activity, a convoy and a visit of two hours; their exchanges."""
    officer, head = who("china/officer"), who("china/head_of_office")
    begins, ends = stamp(opens), stamp(opens + timedelta(hours=2))
    window = {"from": begins, "to": ends}
    ids = {
        "danger-area": (await officer.open(area(SHOAL, window=window))).json["exchange"],
        "launch-notice": await released(officer, head, act("launch-notice", window=window)),
        "military-activity": await released(officer, head, act("military-activity", window=window)),
        "humanitarian-notification": (
            await officer.open(act("humanitarian-notification", departure=begins, arrival=ends))
        ).json["exchange"],
    }
    asked = act("visit-request", arrival=begins, stay=window)
    asked.pop("matter")
    visit = (await officer.open(asked)).json["exchange"]
    granted = await who("nato/officer").act(visit, {"act": "grant"})
    assert granted.status == 201, granted.body
    return {**ids, "visit-request": visit}


def windows(answer: Answer, ids: dict[str, str]) -> dict[str, Any]:
    """The windows of our exchanges, by their acts."""
    assert answer.status == 200, answer.body
    return {
        window["act"]: window
        for window in answer.json["windows"]
        if window["exchange"] in ids.values()
    }


async def exported(caller: Caller, query: str, numbers: dict[str, str]) -> dict[str, set[str]]:
    """The acts whose exchanges each export lists. `numbers` are those of our exchanges, by act."""

    async def read(form: str) -> bytes:
        answer = await caller.get(f"{C}/in-force?as={form}{query}")
        assert answer.status == 200, answer.body
        assert b"neither a NOTAM nor a NAVAREA" in answer.body or (
            b"NEITHER A" in answer.body and form == "navtex"
        )
        return answer.body

    features = json.loads(await read("geojson"))["features"]
    printed = (await read("navtex")).decode("ascii")
    listed = {
        "geojson": " ".join(feature["properties"]["number"] for feature in features),
        "navtex": " ".join(printed.replace("-\n", "-").split()),
    }
    return {
        form: {name for name, number in numbers.items() if number in text}
        for form, text in listed.items()
    }


async def test_every_form_lists_the_same_windows_at_any_position(who: Who) -> None:
    china, nato = who("china/officer"), who("nato/officer")
    opens = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    ids = await announce(who, opens)
    first = await nato.get(f"{C}/in-force")
    near = windows(first, ids)
    assert near.keys() == ids.keys()
    assert {window["stage"] for window in near.values()} == {"near"}
    assert near["danger-area"]["unacknowledged_by"] == ["nato"]
    later = windows(await nato.get(f"{C}/in-force?moment={stamp(opens)}"), ids)
    assert {window["stage"] for window in later.values()} == {"open"}
    numbers = {name: window["number"] for name, window in near.items()}
    exports = await exported(nato, "", numbers)
    assert exports.keys() == {"geojson", "navtex"}
    assert all(listed == ids.keys() for listed in exports.values()), exports
    calendar = Calendar.from_ical((await nato.get(f"{C}/calendar.ics")).body)
    entries: dict[str, Any] = {
        str(event["UID"]).partition("@")[0]: event for event in calendar.walk("VEVENT")
    }
    for name, id in ids.items():
        event = entries[id]
        assert stamp(event["DTSTART"].dt.astimezone(UTC)) == stamp(opens), name
        assert numbers[name] in event["DESCRIPTION"] and event["STATUS"] == "CONFIRMED"
        assert near[name]["opens"].startswith(stamp(opens).removesuffix("Z"))

    before = int(first.headers["Dragoman-Position"])
    over = await china.act(ids["danger-area"], {"act": "completed", "at": stamp(datetime.now(UTC))})
    assert over.status == 201, over.body
    remaining = {*ids} - {"danger-area"}
    position = {"Dragoman_Min_Position": str(over.json["position"])}
    assert windows(await nato.get(f"{C}/in-force", **position), ids).keys() == remaining
    assert [*(await exported(nato, "", numbers)).values()] == [remaining] * 2
    past = await nato.get(f"{C}/in-force?at={before}")
    assert windows(past, ids).keys() == ids.keys()
    assert past.headers["Dragoman-Position"] == str(before) and past.json["position"] == before
    assert [*(await exported(nato, f"&at={before}", numbers)).values()] == [ids.keys()] * 2
    again = await nato.get(f"{C}/in-force?at={before}&as=navtex")
    assert (await nato.get(f"{C}/in-force?at={before}&as=navtex")).body == again.body


async def test_what_will_be_open_is_asked_for_by_a_moment(who: Who) -> None:
    nato = who("nato/officer")
    opens = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    ids = await announce(who, opens)
    at = stamp(opens + timedelta(minutes=5))
    (await nato.get(f"{C}/in-force?at={at}")).problem(400, "bad-request")
    answer = await nato.get(f"{C}/in-force?moment={at}")
    assert {window["stage"] for window in windows(answer, ids).values()} == {"open"}
    assert answer.json["moment"] == at.replace("Z", ".000Z")
    yesterday = stamp(datetime.now(UTC) - timedelta(days=400))
    (await nato.get(f"{C}/in-force?at={yesterday}")).problem(404, "not-found")


async def test_each_type_is_given_by_accept_and_by_name(who: Who) -> None:
    nato = who("nato/officer")
    for form, media in TYPES.items():
        by_accept = await nato.get(f"{C}/in-force?at=1", Accept=media)
        by_name = await nato.get(f"{C}/in-force?at=1&as={form}", Accept="text/html")
        assert by_accept.headers["Content-Type"].partition(";")[0] == media
        assert (by_accept.status, by_accept.body) == (200, by_name.body)
        assert by_accept.headers["Cache-Control"] == "no-store"
    text = await nato.get(f"{C}/in-force?at=1&as=navtex")
    assert text.headers["Content-Type"] == "text/plain; charset=us-ascii"
    assert (
        text.headers["Content-Disposition"] == 'inline; filename="nato-china-in-force-navtex.txt"'
    )
    (await nato.get(f"{C}/in-force", Accept="text/html")).problem(406, "not-acceptable")
    (await nato.get(f"{C}/in-force?as=pdf")).problem(400, "bad-request")
    for wrong in ("moment=2026-13-01T00:00Z", "moment=tomorrow", "at=999999999"):
        (await nato.get(f"{C}/in-force?{wrong}")).problem(400, "bad-request")


async def test_a_visit_is_no_meeting_for_a_calendar_program(who: Who) -> None:
    asked = act("visit-request")
    asked.pop("matter")
    id = (await who("nato/officer").open(asked)).json["exchange"]
    answer = await who("china/officer").get(f"{C}/exchanges/{id}", Accept="text/calendar")
    answer.problem(406, "not-acceptable")


async def test_the_command_prints_the_list_and_the_exports(
    who: Who, demo: Gateway, tmp_path: Path
) -> None:
    opens = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    window = {"from": stamp(opens), "to": stamp(opens + timedelta(hours=1))}
    posted = await who("china/officer").open(area(SHOAL, window=window))
    token = tmp_path / "token"
    token.write_text(demo.token("nato/officer"))
    call = ("in-force", "--channel", "nato-china", "--token-file", str(token))
    table = demo.run(*call)
    number = posted.json["number"]
    (line,) = [line for line in table.stdout.splitlines() if number in line]
    assert line.split()[2:4] == ["near", "china"]
    assert "neither a NOTAM nor a NAVAREA" in table.stderr
    printed = demo.run(*call, "--as", "navtex", "--moment", window["from"]).stdout
    assert "15-07.2N 116-26.4E" in printed and f"REF {number.upper()}." in " ".join(printed.split())
    read = json.loads(demo.run(*call, "--json").stdout)
    assert number in {window["number"] for window in read["windows"]}
