"""The page of the roster, and its lines on the board: put, offered and taken."""

from datetime import UTC, datetime, timedelta

from office import Office

CHANNEL = "nato-china"


def calendar() -> bytes:
    """A day and a half, with a gap of two hours at the end of the first twelve."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{n}\r\nSUMMARY:{officer} night watch\r\n"
        f"DTSTART:{now + timedelta(hours=begins):%Y%m%dT%H%M%SZ}\r\n"
        f"DTEND:{now + timedelta(hours=ends):%Y%m%dT%H%M%SZ}\r\nEND:VEVENT\r\n"
        for n, (officer, begins, ends) in enumerate(
            (("d-1", -1, 1), ("d-1", 1, 12), ("h-1", 14, 36))
        )
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{events}END:VCALENDAR\r\n".encode()


def test_a_roster_is_put_and_a_shift_changes_hands(demo: Office) -> None:
    head = demo.person("china/head_of_office").open(f"/c/{CHANNEL}").follow("the roster")
    head.attach("Calendar", "x.ics", b"BEGIN:VCALENDAR", "text/calendar")
    head.press("Put this calendar").see("it is not one calendar").miss("State at record 0")
    head.attach("Calendar", "roster.ics", calendar(), "text/calendar").press("Put this calendar")
    assert len(head.xpath("//*[@data-gap]")) > 1
    head.see("nobody there")

    officer = demo.person("china/duty_officer").open(f"/c/{CHANNEL}").see("d-1 until")
    officer.open(f"/c/{CHANNEL}/roster")
    officer.press([name for name in officer.buttons() if "Offer this shift" in name][-1])
    colleague = demo.person("china/officer").open(f"/c/{CHANNEL}/roster").see("You have no role")
    assert "Take this shift" not in colleague.buttons()
    head.open(f"/c/{CHANNEL}/roster").press("Take this shift")
    officer.open(f"/c/{CHANNEL}/roster").see("h-1 took the shift of d-1")

    other = demo.person("nato/head_of_office")
    for path in ("", "/roster"):
        other.open(f"/c/{CHANNEL}{path}")
        assert other.status == 200
        assert other.xpath("//*[@data-roster or @data-change or @class='roster-days']") == []


def test_the_page_of_the_roster_is_in_three_languages(demo: Office) -> None:
    for language, words in (
        ("en", "Roster of CHINA"),
        ("fr", "Tableau de service"),
        ("zh", "值班表"),
    ):
        reader = demo.person("china/head_of_office", language).open(f"/c/{CHANNEL}/roster")
        assert words in reader.title
