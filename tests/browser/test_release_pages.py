"""A matter is proposed for release, agreed to and read by somebody who has no token, on the pages
alone.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import Visit, Visiting, assert_accessible
from dragoman.domain import release_bundle
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CALM: Final = "nato-china"
SECRET: Final = "Said in confidence."
SHOTS: Final[Path | None] = None


async def released(visit: Visit) -> None:
    """Release the draft that is open, and see that it is recorded."""
    await visit.page.locator("button[value=release]").click()
    await expect(visit.page.locator("h1")).to_contain_text("Recorded: record")


async def test_two_sides_make_a_matter_public_and_a_stranger_reads_and_verifies_it(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    note = {
        "act": "contact-note",
        "form": "conversation",
        "text": SECRET,
        "subject": "A talk about ships",
    }
    opened = (await Caller(session, demo, "nato/officer").open(note)).json
    await Caller(session, demo, "china/officer").act(
        opened["exchange"], {"act": "reply", "text": "We agree to talk."}
    )
    officer, duty, other, theirs = await visit(), await visit(), await visit(), await visit()

    # nato's officer proposes it from the page of the matter, without the words of the note
    await officer.enter("nato/officer", f"/c/{CALM}/exchanges/{opened['exchange']}")
    await officer.page.keyboard.press("m")
    await officer.page.get_by_role("link", name="Propose its release").click()
    await officer.page.locator("textarea[name='f.title.en']").fill("What was said about ships")
    at = datetime.now(UTC) - timedelta(minutes=1)
    await officer.page.locator("#f-publish_at").fill(f"{at:%Y-%m-%d %H:%M}Z")
    records = officer.page.locator(".released")
    await expect(records).to_have_count(2)
    await expect(records.locator("input[name='f.records']:checked")).to_have_count(0)
    for each in range(2):
        await records.nth(each).locator("input[name='f.records']").check()
    await records.first.locator("summary").click()
    await records.first.locator("input[value=text]").check()
    await officer.page.get_by_role("button", name="Check before sending").click()
    await expect(officer.page.locator("main")).to_contain_text("without: ")
    await officer.page.locator("button[value=hand]").click()
    await officer.page.wait_for_url("**/drafts/**")  # the line is asked before a form is sent
    draft = officer.page.url.partition("?")[0]
    await duty.sign_in("nato/duty_officer", CALM)
    await duty.page.goto(draft)
    await released(duty)
    id = await _exchange_of(duty, demo)

    # china's officer reads what anybody will read, and consents with a colleague
    await other.enter("china/officer", f"/c/{CALM}/exchanges/{id}")
    await other.page.get_by_role("link", name="What anybody will read").click()
    await expect(other.page.locator("main")).to_contain_text("We agree to talk.")
    await expect(other.page.locator("main")).not_to_contain_text(SECRET)
    stranger = await visit()
    assert (await stranger.page.goto(f"{demo.base_url}/releases/{CALM}/{id}")).status == 404  # type: ignore[union-attr]
    await other.page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{id}/acts/release-consent")
    await other.page.get_by_role("button", name="Check before sending").click()
    await expect(other.page.locator("[data-consented]")).to_contain_text(
        "What was said about ships"
    )
    await expect(other.page.locator("main")).to_contain_text("This takes two officers")
    await other.page.locator("button[value=hand]").click()
    await other.page.wait_for_url("**/drafts/**")
    draft = other.page.url.partition("?")[0]
    await theirs.sign_in("china/duty_officer", CALM)
    await theirs.page.goto(draft)
    await released(theirs)

    # anybody
    await Caller(session, demo, "nato/officer").sealed(
        (await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}")).json["position"]
    )
    await stranger.page.goto(f"{demo.base_url}/releases")
    await stranger.page.get_by_role("link", name="What was said about ships").first.click()
    await expect(stranger.page.locator("#proof")).to_have_attribute("data-state", "normal")
    await expect(stranger.page.locator("#proof")).to_contain_text(
        "Your browser has verified the bundle"
    )
    await assert_accessible(stranger)
    shown = await stranger.page.locator("main").inner_text()
    assert "We agree to talk." in shown and SECRET not in shown
    raw = await (await stranger.page.request.get(f"{demo.base_url}/v1/releases/{CALM}/{id}")).body()
    assert release_bundle.verify(raw).sides == ("china", "nato")
    if SHOTS is not None:
        await stranger.page.screenshot(path=SHOTS / "public.png", full_page=True)
        await other.page.goto(f"{demo.base_url}/c/{CALM}/dialogue")
        await other.page.locator("#releases").scroll_into_view_if_needed()
        await other.page.screenshot(path=SHOTS / "dialogue.png")
    await _every_lie_is_found(stranger, json.loads(raw))


async def _exchange_of(visit: Visit, demo: Gateway) -> str:
    position = int(re.sub(r"\D", "", await visit.headline()))
    answer = await visit.page.request.get(f"{demo.base_url}/c/{CALM}/records/{position}.json")
    return str((await answer.json())["line"]["exchange"])


def lies(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Bundles that say something else, each in one place."""
    first, second = body["records"]
    text = json.loads(body["text"])
    return {
        "a record less": {"records": [first]},
        "another order": {"records": [second, first]},
        "other words in an extract": {
            "records": [
                {**first, "extract": first["extract"].replace("conversation", "letter")},
                second,
            ]
        },
        "other words in a record": {
            "records": [first, {**second, "record": second["record"].replace("agree", "refuse")}]
        },
        "an extract beside the whole record": {"records": [first, {**second, "extract": "{}"}]},
        "another title": {"text": body["text"].replace("about ships", "about war")},
        "another time": {"text": body["text"].replace(text["publish_at"], "2020-01-01T00:00:00Z")},
        "another digest": {"terms": "ab" * 32},
        "a consent less": {
            "consents": [
                each for each in body["consents"] if "release-consent" not in each["record"]
            ]
        },
        "a proof of another record": {"records": [{**first, "proof": second["proof"]}, second]},
        "another channel": {"channel": "nato-osce"},
        "another moment": {"publish_at": "2020-01-01T00:00:00Z"},
        "a side more": {"sides": [*body["sides"], "osce"]},
        "a text that is none": {"text": "[]"},
        "another log": {"log": body["log"].replace("dragoman", "other")},
    }


async def _every_lie_is_found(visit: Visit, body: dict[str, Any]) -> None:
    proved = """async (body) => {
        const { prove } = await import("/static/release.js");
        try { await prove(body); return true; } catch { return false; }
    }"""
    assert await visit.page.evaluate(proved, body) is True
    for what, changed in lies(body).items():
        lie = {**body, **changed}
        assert await visit.page.evaluate(proved, lie) is False, what
        with pytest.raises(release_bundle.NotProved):
            release_bundle.verify(json.dumps(lie).encode())
