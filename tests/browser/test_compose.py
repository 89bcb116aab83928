"""Writing in a browser: the four-field incident, every format from its shapes, the check page,
drafts and their release, what happens to what was typed.
"""

import asyncio
import json
import re
import signal
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import fields as fields_of
from playwright.async_api import Page, expect

from browsing import EXERCISE, Visit, Visiting
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.i18n.words import words
from dragoman_schemas.acts import SHAPES
from office import Office
from patience import PATIENCE_S
from service import INCIDENT, Caller, Gateway, Service

pytestmark = pytest.mark.browser

UNPROCESSABLE = HTTPStatus(422).phrase
"""It has another name in Python 3.13."""

CALM = "nato-china"


async def incident(visit: Visit, **fields: str) -> None:
    """Fill the four fields."""
    page = visit.page
    await page.goto(f"{visit.service.base_url}/c/{CALM}/compose/hazardous-incident")
    await page.get_by_label(fields.get("kind", "near miss"), exact=True).check()
    await page.locator("#f-time").fill(fields.get("time", "0305"))
    await page.locator("#f-place").fill(fields.get("place", "15-07N 116-26E"))
    await page.locator("textarea[name^='f.facts']").first.fill(
        fields.get("facts", "Two aircraft passed close. Rest unknown.")
    )


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=re.compile(name)).first.click()


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_incident_is_reported_in_three_pages_exactly_as_it_was_checked(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, *, scripts: bool
) -> None:
    nato = await visit(java_script_enabled=scripts)
    await nato.sign_in("nato/duty_officer", CALM)
    await incident(nato)
    if scripts:
        await expect(nato.page.locator("#f-time-echo")).to_contain_text("03:05Z")
        await expect(nato.page.locator("#f-place-echo")).to_contain_text("15°07′00″ N")
    await press(nato.page, "Check before sending")
    await expect(nato.page.locator("h1")).to_have_text("Check before sending")
    act = json.loads(await nato.page.locator("#act-bytes").inner_text())
    assert list(act) == ["act", "kind", "time", "place", "facts"]
    assert act["place"] == {"lat": 15.116667, "lon": 116.433333}
    assert act["time"].endswith("T03:05:00Z")
    digest = await nato.page.locator("code.break").first.inner_text()
    if scripts:
        assert digest == await nato.page.evaluate(
            """async () => {
                const bytes = new TextEncoder().encode(document.getElementById("act-bytes").textContent);
                const digest = await crypto.subtle.digest("SHA-256", bytes);
                return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
            }"""
        )
    await expect(
        nato.page.locator("#then + *, section[aria-labelledby=then]").first
    ).to_contain_text("CHINA owes: Acknowledgement")
    await press(nato.page, r"Send to CHINA \(immediate\)")
    await expect(nato.page.locator("h1")).to_contain_text("Recorded: record")
    position = int(re.sub(r"\D", "", await nato.headline()))
    record = (
        await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/records/{position}")
    ).json
    assert record["data"] == act
    await nato.page.get_by_role("link", name="Open the exchange").click()
    await expect(nato.page.locator("h1")).to_have_text("Near miss")
    assert nato.complaints == []


async def test_what_was_typed_stays_after_an_error_and_each_error_leads_to_its_field(
    visit: Visiting,
) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CALM)
    requests: list[str] = []
    nato.page.on(
        "request",
        lambda request: (
            requests.append(request.url)
            if request.method == "POST" and "/compose/" in request.url
            else None
        ),
    )
    await incident(nato, place="15.1203 116.4411", time="32:99")
    await nato.page.locator("#f-place").blur()
    assert requests == []
    await press(nato.page, "Check before sending")
    assert (await nato.page.title()).startswith("Error: ")
    summary = nato.page.locator(".fault")
    await expect(summary).to_be_focused()
    await expect(summary).to_contain_text(
        "Did you mean 15.1203N 116.4411E? Write N or S and E or W."
    )
    await expect(nato.page.locator("#f-place")).to_have_attribute("aria-invalid", "true")
    assert await nato.page.locator("#f-place").input_value() == "15.1203 116.4411"
    assert (
        await nato.page.locator("textarea[name^='f.facts']").first.input_value()
        == "Two aircraft passed close. Rest unknown."
    )
    await summary.get_by_role("link").first.click()
    await nato.page.locator("#f-place").fill("15.1203N 116.4411E")
    await nato.page.locator("#f-time").fill("240305H NOV 26")
    await press(nato.page, "Check before sending")
    act = json.loads(await nato.page.locator("#act-bytes").inner_text())
    assert act["time"] == "2026-11-23T19:05:00Z"
    await press(nato.page, "Change")
    assert await nato.page.locator("#f-time").input_value() == "240305H NOV 26"
    refused = (
        f"Failed to load resource: the server responded with a status of 422 ({UNPROCESSABLE})"
    )
    assert all(each.startswith(refused) for each in nato.complaints), nato.complaints


async def test_what_takes_two_keys_is_written_by_one_officer_and_released_by_another(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    drafter, releaser = await visit(), await visit(java_script_enabled=False)
    await drafter.sign_in("nato/officer", CALM)
    page = drafter.page
    await page.goto(f"{demo.base_url}/c/{CALM}/compose/explanation-request")
    await page.locator("textarea[name^='f.cause']").first.fill("Unusual activity in the area")
    await page.locator("[name^='f.type']").first.fill("concentration of forces")
    await page.locator("#f-place").fill("Strait")
    await page.locator("textarea[name^='f.questions']").first.fill(
        "What is it for?\n\nWhen does it end?"
    )
    await press(page, "Check before sending")
    await expect(page.get_by_text("This takes a second officer")).to_be_visible()
    act = json.loads(await page.locator("#act-bytes").inner_text())
    assert [next(iter(each.values())) for each in act["questions"]] == [
        "What is it for?",
        "When does it end?",
    ]
    await press(page, "Keep as draft")
    await expect(page.get_by_text("A colleague of your side releases it.")).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("Release"))).to_have_count(0)
    address = page.url.partition("?")[0]
    await releaser.sign_in("nato/head_of_office", CALM)
    await releaser.page.goto(address)
    await expect(releaser.page.get_by_text("released by you")).to_be_visible()
    await press(releaser.page, "Release: ")
    await expect(releaser.page.locator("h1")).to_contain_text("Recorded: record")
    position = int(re.sub(r"\D", "", await releaser.headline()))
    record = (
        await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/records/{position}")
    ).json
    assert (record["actor"], record["releasedby"], record["data"]) == ("nato/o-1", "nato/h-1", act)
    china = await visit()
    await china.sign_in("china/head_of_office", CALM)
    await china.page.goto(address)
    await expect(china.page.get_by_text("Your side has no such draft.")).to_be_visible()
    assert drafter.complaints + releaser.complaints == []


async def test_a_meeting_comes_about_by_a_counter_proposal(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = await visit(), await visit(java_script_enabled=False)
    await nato.enter("nato/officer", f"/c/{CALM}/compose/meeting-request")
    await nato.page.locator("#f-purpose").fill("Working group on encounters")
    await nato.page.locator("#f-windows-0-from").fill("2027-01-18 09:00Z")
    await nato.page.locator("#f-windows-0-to").fill("2027-01-18 11:00Z")
    await press(nato.page, "Check before sending")
    await press(nato.page, r"Send to CHINA \(routine\)")
    await nato.page.get_by_role("link", name="Open the exchange").click()
    address = nato.page.url
    await china.sign_in("china/officer", CALM)
    await china.page.goto(f"{address}/acts/counter-proposal")
    await china.page.locator("#f-windows-0-from").fill("19 Jan 2027 07:00Z")
    await china.page.locator("#f-windows-0-to").fill("19 Jan 2027 09:00Z")
    await press(china.page, "Check before sending")
    await press(china.page, "^(Send|Record)")
    await expect(china.page.locator("h1")).to_contain_text("Recorded: record")
    await nato.page.goto(f"{address}/acts/acceptance")
    await press(nato.page, "Check before sending")
    await press(nato.page, "^(Send|Record)")
    await expect(nato.page.locator("h1")).to_contain_text("Recorded: record")
    view = (
        await Caller(session, demo, "nato/officer").get(
            f"/v1/channels/{CALM}/exchanges/{address.rpartition('/')[2]}"
        )
    ).json
    assert view["state"]["status"] == "accepted"
    await nato.page.goto(address)
    await expect(nato.page.locator("main")).to_contain_text("accepted")
    assert nato.complaints + china.complaints == []


async def test_a_correction_shows_what_was_and_why(visit: Visiting, demo: Gateway) -> None:
    nato = await visit(java_script_enabled=False)
    await nato.sign_in("nato/duty_officer", CALM)
    await incident(nato)
    await press(nato.page, "Check before sending")
    await press(nato.page, "Send to CHINA")
    await nato.page.get_by_role("link", name="Open the exchange").click()
    address = nato.page.url
    await nato.page.goto(f"{address}/acts/correction")
    await nato.page.locator("[data-edit=place] > summary").click()
    place = nato.page.locator("[name='f.fields.place']")
    assert await place.input_value() == "15.116667N 116.433333E"
    await place.fill("15-08N 116-27E")
    await press(nato.page, "Check before sending")
    await expect(nato.page.locator(".fault")).to_contain_text("Reason")
    assert await place.input_value() == "15-08N 116-27E", "what was typed stays"
    await expect(place, "and is in sight").to_be_visible()
    await nato.page.locator("[name='f.reason']").fill("Read off the wrong chart")
    await press(nato.page, "Check before sending")
    await expect(nato.page.locator("[data-new]")).to_contain_text("15°08′00″ N")
    await expect(nato.page.locator("[data-former]")).to_contain_text("was:")
    await press(nato.page, "^(Send|Record)")
    await nato.page.goto(address)
    await expect(nato.page.locator(".sheet")).to_contain_text("15°08′00″ N")
    await expect(nato.page.locator(".sheet")).to_contain_text("was:")
    await expect(nato.page.locator(".sheet")).to_contain_text("Read off the wrong chart")


async def test_a_text_whose_answer_is_lost_is_kept_and_sent_once(
    visit: Visiting, tmp_path: Path, chromium: Path, session: aiohttp.ClientSession
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        nato = await visit(service)
        await nato.sign_in("nato/duty_officer", CALM)
        await incident(nato)
        await press(nato.page, "Check before sending")
        service.signal_broker(signal.SIGSTOP)
        try:
            await press(nato.page, "Send to CHINA")
            await expect(nato.page.locator(".fault")).to_contain_text(
                "Your text is kept. Send again: it cannot be sent twice."
            )
        finally:
            service.signal_broker(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE_S):
            while (await Caller(session, service).get("/readyz")).status != 200:
                await asyncio.sleep(0.1)
        await press(nato.page, "Send again")
        await expect(nato.page.locator("h1")).to_contain_text("Recorded: record")
        rows = (
            await Caller(session, service, "nato/officer").get(
                f"/v1/channels/{CALM}/exchanges?act=hazardous-incident"
            )
        ).json["exchanges"]
        assert len(rows) == 1
    finally:
        service.stop()


async def test_a_form_is_kept_as_a_draft_while_somebody_writes(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CALM)
    before = (await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/drafts")).json[
        "drafts"
    ]
    await incident(nato, time="not a time", facts="Half a report")
    await expect(nato.page.locator("#saved")).to_contain_text(re.compile(r"saved \d\d:\d\d:\d\dZ"))
    after = (await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/drafts")).json[
        "drafts"
    ]
    (new,) = [each for each in after if each["id"] not in {known["id"] for known in before}]
    assert new["act"]["time"] == "not a time"
    await nato.page.goto(f"{demo.base_url}/c/{CALM}/compose/hazardous-incident?draft={new['id']}")
    assert await nato.page.locator("#f-time").input_value() == "not a time"
    assert (
        await nato.page.locator("textarea[name^='f.facts']").first.input_value() == "Half a report"
    )
    assert await nato.page.evaluate("localStorage.length") == 0


@pytest.mark.parametrize(
    "act", sorted(act for act, form in FORMATS.items() if "official" in form.kinds)
)
async def test_every_format_has_a_form_that_says_what_is_missing(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, act: str
) -> None:
    async with session.post(
        f"{demo.base_url}/sign-in",
        data={"token": demo.token("nato/head_of_office")},
        allow_redirects=False,
    ) as answer:
        cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    async with session.get(
        f"{demo.base_url}/c/{CALM}/compose/{act}", headers={**cookie, "Accept": "text/html"}
    ) as answer:
        assert answer.status == 200, await answer.text()
        text = await answer.text()
    fields: dict[str, Any] = {"key": f"empty-form-of-{act}", "do": "check"}
    async with session.post(
        f"{demo.base_url}/c/{CALM}/compose/{act}",
        data=fields,
        headers={**cookie, "Accept": "text/html"},
    ) as answer:
        assert answer.status == 422
        refused = await answer.text()
    assert "There is a problem" in refused
    names = set(re.findall(r'href="#(f-[a-z0-9_-]+)"', refused))
    assert len(names) >= sum(each.required for each in fields_of(SHAPES[act])), (
        "all that is missing, at once"
    )
    for name in names:
        assert f'id="{name}"' in refused or f'id="{name}-' in refused, name
    assert "style=" not in text


@pytest.mark.parametrize(
    ("language", "tag", "said"),
    [
        ("en", "en", "201 words; flash and immediate texts"),
        ("fr", "fr", "201 mots"),
        ("zh", "zh-Hans", "201个词"),
    ],
)
async def test_what_is_refused_is_said_in_the_language_of_who_asks(
    demo: Service, session: aiohttp.ClientSession, language: str, tag: str, said: str
) -> None:
    async with session.post(
        f"{demo.base_url}/sign-in",
        data={"token": demo.token("nato/duty_officer")},
        allow_redirects=False,
    ) as answer:
        headers = {
            "Cookie": answer.headers["Set-Cookie"].partition(";")[0],
            "Accept": "text/html",
            "Accept-Language": language,
        }
    form = {
        "key": f"much-too-long-in-{language}",
        "do": "check",
        "f.kind": "near_miss",
        "f.time": "0305",
        "f.place": "15-07N 116-26E",
    }
    form["f.facts.en"] = "word " * 201
    async with session.post(
        f"{demo.base_url}/c/{CALM}/compose/hazardous-incident", data=form, headers=headers
    ) as answer:
        refused = await answer.text()
        assert (answer.status, f'<html lang="{tag}"' in refused, said in refused) == (
            422,
            True,
            True,
        ), refused
    officer = Caller(session, demo, "nato/officer")
    newest = (await officer.get(f"/v1/channels/{CALM}/state")).json["position"]
    async with session.get(
        f"{demo.base_url}/c/{CALM}/compose/no-such-act", headers=headers
    ) as answer:
        assert answer.status == 404
        assert (
            words(language).say("There is no such form. The page “Write” lists the forms.")
            in await answer.text()
        )
    scripted = {**headers, "Accept": "application/json"}
    async with session.get(
        f"{demo.base_url}/c/{CALM}/compose/no-such-act", headers=scripted
    ) as answer:
        assert (await answer.json())["detail"] == words(language).say(
            "There is no such form. The page “Write” lists the forms."
        )
    async with session.get(
        f"{demo.base_url}/c/{CALM}/records/{newest + 1000}", headers=headers
    ) as answer:
        page = await answer.text()
        assert (answer.status, 'lang="en"' in page.partition("<main")[2]) == (404, False), page
    api = (
        await officer.get(f"/v1/channels/{CALM}/records/0", **{"Accept-Language": language})
    ).problem(404, "not-found")
    assert api["detail"].startswith("Positions are whole numbers from 1 to")


async def test_an_auditor_is_told_who_writes(visit: Visiting, demo: Gateway) -> None:
    auditor = await visit()
    await auditor.enter("china/auditor", f"/c/{EXERCISE}/compose")
    await expect(
        auditor.page.get_by_text("Nothing can be written here: officers write")
    ).to_be_visible()
    await auditor.page.goto(f"{demo.base_url}/c/{EXERCISE}/compose/contact-note")
    await expect(
        auditor.page.get_by_text("Only officers can write. You are signed in without that role.")
    ).to_be_visible()


async def test_a_reply_and_an_account_ask_for_what_fits_the_incident(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    opened = (await Caller(session, demo, "nato/duty_officer").open(INCIDENT, CALM)).json
    china = await visit(java_script_enabled=False)
    page, acts = china.page, f"{demo.base_url}/c/{CALM}/exchanges/{opened['exchange']}/acts"
    await china.sign_in("china/duty_officer", CALM)

    await page.goto(acts.removesuffix("/acts"))
    copied = page.locator("section[aria-labelledby=copy] pre").first
    await expect(copied).to_contain_text(
        f" {demo.base_url}/v1/channels/{CALM}/exchanges/{opened['exchange']}"
    )
    await expect(copied).not_to_contain_text("$DRAGOMAN_TOKEN")
    for verb in ("Reply", "Give your own account", "Ask for clarification"):
        await expect(
            page.locator(".acts").get_by_role("link", name=verb, exact=True)
        ).to_be_visible()

    await page.goto(f"{acts}/reply")
    await expect(page.locator("textarea[name='f.text.en']")).to_be_visible()
    await expect(page.locator("label[for='f-text-en']")).to_contain_text(
        "text or an agreed phrase is needed"
    )
    assert (
        await named(page)
        & {"f.aims.en", "f.place", "f.ends", "f.formations", "f.equipment", "f.answers.0.q"}
        == set()
    )

    await page.goto(f"{acts}/counter-account")
    for field in ("time", "place"):
        await expect(page.locator(f"#f-{field}")).to_be_visible()
    await expect(page.get_by_label("near miss", exact=True)).to_be_visible()
    await expect(page.locator("main aside")).to_contain_text("The account of NATO")
    await expect(page.locator("main aside")).to_contain_text(INCIDENT["facts"])
    members = {each.split(".")[1] for each in await named(page) if each.startswith("f.")}
    refused = {each.name for each in fields_of(SHAPES["counter-account"])} - {
        each.name for each in fields_of(SHAPES["hazardous-incident"])
    }
    assert members & refused == {"of"} & members


async def named(page: Page) -> set[str]:
    """The names of all fields of a form, folded ones as well."""
    found: list[str] = await page.locator("#writing [name]").evaluate_all(
        "all => all.map((each) => each.name)"
    )
    return set(found)
