"""The page of the roster, and its lines on the board: put, offered and taken in a browser."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from browsing import Visiting
from service import Gateway

pytestmark = [pytest.mark.browser, pytest.mark.writes]

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


async def test_a_roster_is_put_and_a_shift_changes_hands_without_scripts(
    visit: Visiting, demo: Gateway
) -> None:
    head = await visit(demo, java_script_enabled=False)
    await head.sign_in("china/head_of_office", CHANNEL)
    page = head.page
    await page.get_by_role("link", name="the roster").click()
    await page.locator("#file").set_input_files(
        {"name": "x.ics", "mimeType": "text/calendar", "buffer": b"BEGIN:VCALENDAR"}
    )
    await page.get_by_role("button", name="Put this calendar").click()
    await expect(page.locator("#file-fault")).to_contain_text("it is not one calendar")
    await expect(page.get_by_text("State at record 0")).to_have_count(0)
    await page.locator("#file").set_input_files(
        {"name": "roster.ics", "mimeType": "text/calendar", "buffer": calendar()}
    )
    await page.get_by_role("button", name="Put this calendar").click()
    assert await page.locator("[data-gap]").count() > 1
    await expect(page.locator("[data-fault=gap]").first).to_contain_text("nobody there")

    officer = await visit(demo, java_script_enabled=False)
    await officer.sign_in("china/duty_officer", CHANNEL)
    await expect(officer.page.locator("[data-roster=in_force]")).to_contain_text("d-1 until")
    await officer.page.goto(f"{demo.base_url}/c/{CHANNEL}/roster")
    await officer.page.locator("summary").filter(has_text="offer one").click()
    await officer.page.get_by_role("button", name="Offer this shift").last.click()
    colleague = await visit(demo, java_script_enabled=False)
    await colleague.enter("china/officer", f"/c/{CHANNEL}/roster")
    await expect(colleague.page.locator("[data-change]")).to_contain_text("You have no role")
    await expect(colleague.page.get_by_role("button", name="Take this shift")).to_have_count(0)
    await page.reload()
    await page.get_by_role("button", name="Take this shift").click()
    await officer.page.reload()
    await expect(officer.page.locator("[data-change]")).to_contain_text("h-1 took the shift of d-1")

    other = await visit(demo, java_script_enabled=False)
    await other.sign_in("nato/head_of_office", CHANNEL)
    await expect(other.page.locator("[data-roster]")).to_have_count(0)
    await other.page.goto(f"{demo.base_url}/c/{CHANNEL}/roster")
    await expect(other.page.locator("[data-change], .roster-days")).to_have_count(0)
