"""Each error of a form can be acted on: its link leads to a field that is seen, with the same
label, and its words are those of an officer.

Forms of the official channel are sent three times: empty; with a word of nonsense in every field;
and filled in, but with a character that no record may hold. The pages that come back are laid out by
the browser, in a frame without scripts, and a field that a style hides is no field that is seen.
"""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

import beside
from browsing import Visit, Visiting
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.members import shapes
from dragoman.members.shapes import FieldsKind
from filling import filled, needed
from patience import PATIENCE_MS
from reaching import CHANNEL, Reaching
from service import Gateway

pytestmark = pytest.mark.browser

ACTS: Final = (
    "acceptance",
    "counter-account",
    "danger-area",
    "immediate-notification",
    "liaison-office",
    "meeting-request",
    "people-programme",
    "perception",
    "reference-document",
    "transmittal",
)
"""Forms that have every kind of field between them. `tests/office` sends the form of every act."""

SENT: Final = """async ([address, how, entries]) => {
    if (how === "empty") window.blank = await (await fetch(address, { headers: { Accept: "text/html" } })).text();
    const page = new DOMParser().parseFromString(window.blank, "text/html");
    const form = page.getElementById("writing");
    for (const control of how === "empty" ? [] : form.querySelectorAll("input:not([type]), textarea")) {
        control.value = control.dataset.reads === "time" ? "some day" : control.dataset.reads === "place" ? "15.12 116.44" : "nonsense";
        if (how === "characters") control.value = "";
    }
    for (const [name, value] of how === "characters" ? entries : []) {
        const all = [...form.querySelectorAll(`[name="${name}"]`)];
        const one = ["radio", "checkbox"].includes(all[0].type) ? all.find((each) => value === null ? each.value : each.value === value) : all[0];
        if (one !== all[0] || one.type === "radio" || one.type === "checkbox") one.checked = true;
        else one.value = one.dataset.reads || one.inputMode === "decimal" ? value : `${value} \\u0007`;
    }
    const sent = new FormData(form);
    sent.delete("upload");
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: sent, headers: { Accept: "text/html" } });
    const shown = async (html) => {
        const frame = document.createElement("iframe");
        frame.sandbox = "allow-same-origin";
        frame.width = 1280;
        frame.height = 800;
        frame.srcdoc = html;
        document.body.replaceChildren(frame);
        await new Promise((done) => { frame.onload = done; });
        return frame.contentDocument;
    };
    const seen = (each) => each.checkVisibility() && each.getBoundingClientRect().height > 0;
    const html = await answer.text();
    const after = await shown(html);
    const faults = [...after.querySelectorAll("main .fault li")].map((item) => {
        const link = item.querySelector("a");
        const place = link && after.getElementById(link.getAttribute("href").slice(1));
        const label = place && (place.localName === "fieldset" ? place.querySelector("legend") : after.querySelector(`label[for="${place.id}"]`));
        return { text: item.textContent.trim(), href: link?.getAttribute("href"), seen: Boolean(place) && seen(place), label: label?.textContent };
    });
    const drawers = [...after.querySelectorAll("#writing details[open]")].filter((each) => !each.querySelector(".wrong"));
    const wrong = [...after.querySelectorAll("main .wrong")].map((each) => each.textContent);
    const problem = [...after.querySelectorAll("main .fault > p")].map((each) => each.textContent);
    if (how !== "empty") return { status: answer.status, faults, wrong, problem };
    const first = await shown(window.blank);
    const names = [...new Set([...first.querySelectorAll("#writing [name^='f.']")].filter(seen).map((each) => each.name))];
    return { status: answer.status, faults, wrong, problem, drawers: drawers.length, names };
}"""

_INHUMAN: Final = re.compile(
    r"[a-z]+_[a-z]+|`|/[a-z]+|[{}]|Expected|Invalid|regex|JSON|UUID|sha|\bid\b|\b[a-z]{2}-[A-Z]|character is a control|GET|POST|0197|"
    + "|".join(re.escape(act) for act in RULES if "-" in act)
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pages(browser: Browser, demo: Gateway) -> AsyncIterator[dict[str, Page]]:
    """A page of each head of office, in which the browser lays out what comes back."""
    opened = {}
    for side in ("nato", "china"):
        context = await browser.new_context(
            bypass_csp=True, viewport={"width": 1280, "height": 800}
        )
        context.set_default_timeout(PATIENCE_MS)
        visit = Visit(await context.new_page(), demo)
        await visit.sign_in(f"{side}/head_of_office", CHANNEL)
        await visit.page.goto(
            f"{demo.base_url}/static/console.css"
        )  # of the same origin, and does nothing by itself
        opened[side] = visit.page
    yield opened
    for page in opened.values():
        await page.context.close()


@pytest.mark.parametrize("act", ACTS)
async def test_each_error_leads_to_its_field_in_the_words_of_an_officer(
    act: str, pages: dict[str, Page], session: aiohttp.ClientSession, demo: Gateway
) -> None:
    reaching = Reaching(session, demo)
    if act in FORMATS:
        await beside.enter(reaching.caller("nato"))
        side, address = "nato", f"/c/{CHANNEL}/compose/{act}"
    else:
        side, exchange = await reaching.for_act(act)
        address = f"/c/{CHANNEL}/exchanges/{exchange}/acts/{act}"
    entries, _ = filled(act, needed(act))
    names = needed(act)
    required = [
        each
        for each in shapes.members(act)
        if each.required and each.name in names and not isinstance(each.kind, FieldsKind)
    ]
    for how in ("empty", "nonsense", "characters"):
        found: Any = await pages[side].evaluate(
            SENT, [address, how, [list(each) for each in entries]]
        )
        if (
            found["status"] == 200
        ):  # everything was filled in by choices alone, or nothing is required
            continue
        assert found["status"] == 422, found
        assert found["faults"] or found["problem"], found
        for fault in found["faults"]:
            if fault["href"] is not None:
                assert fault["seen"], (how, fault)
                assert fault["label"], (how, fault)
                label = re.sub(r" \(.*\)$", "", fault["label"].split(",")[0])
                assert label in fault["text"] or fault["href"].count("-") > 1, (how, fault)
        for text in (
            *(fault["text"] for fault in found["faults"]),
            *found["wrong"],
            *found["problem"],
        ):
            assert not _INHUMAN.search(text), (how, text)
        if how != "empty":  # what was typed is shown, wherever it was typed
            continue
        assert not found["drawers"], (how, found)
        for member in required:
            name = f"f.{member.name}"
            assert any(each == name or each.startswith(f"{name}.") for each in found["names"]), (
                f"{name} is in a closed drawer"
            )


async def test_an_end_takes_the_day_of_its_beginning_and_what_was_meant_is_a_button(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit()
    page = nato.page
    await nato.sign_in("nato/head_of_office", CHANNEL)
    await page.goto(f"{demo.base_url}/c/{CHANNEL}/compose/visit-invitation")
    begins = datetime.now(UTC).replace(hour=8, minute=0) + timedelta(days=60)
    await page.evaluate(
        """([from]) => Object.entries({ "f.purpose.en": "A visit", "f.visitors": "3", "f.place": "15.12 116.44", "f.dates.from": from, "f.dates.to": "10:00" })
            .forEach(([name, value]) => { document.querySelector(`[name="${name}"]`).value = value; })""",
        [f"{begins:%Y-%m-%d %H:%M}Z"],
    )
    await page.locator("[name=do][value=check]").click()
    await expect(page.locator("#f-place-fault")).to_contain_text("Did you mean 15.12N 116.44E?")
    assert await page.locator(".fault li").count() == 1
    await page.locator("#f-place-fault button").click()
    await expect(page.locator("#f-place")).to_have_value("15.12N 116.44E")
    await expect(page.locator(".wrong")).to_have_count(0)  # as soon as the place is read
    await page.locator("[name=do][value=check]").click()
    act = json.loads(await page.locator("#checking [name=act]").input_value())
    assert act["dates"] == {
        "from": f"{begins:%Y-%m-%dT%H:%M}:00Z",
        "to": f"{begins:%Y-%m-%dT}10:00:00Z",
    }
    assert act["place"] == {"lat": 15.12, "lon": 116.44}


async def test_a_refused_time_keeps_its_error_until_another_is_typed(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit()
    page = nato.page
    await nato.sign_in("nato/head_of_office", CHANNEL)
    await page.goto(f"{demo.base_url}/c/{CHANNEL}/compose/meeting-request")
    await page.locator("#f-purpose-en").fill("The incident at the shoal")
    await page.locator("#f-windows-0-from").fill("2024-03-04 08:00Z")
    await page.locator("#f-windows-0-to").fill("2024-03-04 10:00Z")
    await page.locator("[name=do][value=check]").click()
    await expect(page.locator(".fault li")).to_contain_text("is over")
    for end in ("from", "to"):  # the page has read both times by now
        await expect(page.locator(f"#f-windows-0-{end}-echo")).to_contain_text("ago")
    await expect(page.locator(".fault li, .wrong [name=earliest]")).to_have_count(2)
    await page.locator("#f-windows-0-to").fill("2124-03-04 10:00Z")
    await expect(page.locator(".fault, .wrong")).to_have_count(0)


async def test_a_time_that_is_half_typed_is_no_error_of_the_page(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit()
    page = nato.page
    await nato.sign_in("nato/head_of_office", CHANNEL)
    answers: list[int] = []
    page.on(
        "response",
        lambda answer: answers.append(answer.status) if "/compose/read" in answer.url else None,
    )
    await page.goto(f"{demo.base_url}/c/{CHANNEL}/compose/visit-invitation")
    await page.locator("#f-dates-from").fill("24 N")
    await expect(page.locator("#f-dates-from-echo.unread")).to_contain_text("This was not read.")
    await page.locator("#f-place").fill("15.12 116.44")
    await page.locator("#f-place-echo.unread button").click()
    await expect(page.locator("#f-place-echo")).to_contain_text("116.44")
    await expect(page.locator("#f-place-echo.unread")).to_have_count(0)
    assert answers
    assert set(answers) == {200}


async def test_a_period_takes_days_and_months_and_its_errors_say_which_end(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit()
    page = nato.page
    await nato.sign_in("nato/head_of_office", CHANNEL)
    await page.goto(f"{demo.base_url}/c/{CHANNEL}/compose/roadmap-item?more=1")
    await page.locator("[name='f.area'][value=general]").check()
    await page.locator("#f-text-en").fill("Offices in both capitals")
    await page.locator("#f-deliverable-en").fill("two offices")
    await page.locator("#f-period-from").fill("next spring")
    await page.locator("#f-period-to").fill("30 Feb 2027")
    await page.locator("[name=do][value=check]").click()
    faults = page.locator(".fault li")
    await expect(faults).to_have_text(
        [
            "Period (From): This was not read. Write a day like 24 Nov 2026, a month like Jan 2027, or a time like 24 Nov 03:05Z.",
            "Period (To): There is no such day.",
        ]
    )
    await expect(page.get_by_text("There is no such day.")).to_have_count(
        2
    )  # in the summary, and beside the field once
    await page.locator("#f-period-from").fill("Jan 2027")
    await expect(faults).to_have_count(1)
    await page.locator("#f-period-to").fill("2027-06-30")
    await expect(page.locator(".fault, .wrong")).to_have_count(0)
    await page.locator("[name=do][value=check]").click()
    act = json.loads(await page.locator("#checking [name=act]").input_value())
    assert act["period"] == {"from": "2027-01-01T00:00:00Z", "to": "2027-06-30T23:59:59Z"}


async def test_a_suggestion_is_used_without_scripts(visit: Visiting, demo: Gateway) -> None:
    nato = await visit(java_script_enabled=False)
    await nato.enter("nato/head_of_office", f"/c/{CHANNEL}/compose/visit-invitation")
    await nato.page.locator("#f-place").fill("15.12 116.44")
    await nato.page.locator("#f-place").press(
        "Enter"
    )  # which checks the form, and presses no other button
    await nato.page.locator("#f-place-fault button").click()
    assert await nato.page.locator("#f-place").input_value() == "15.12N 116.44E"
