"""Every act that an officer can enter, with nothing but its required members: filled in, checked,
sent, and compared with its record.

The acts, their fields and the values come from the shapes, the table and the samples, so a new
format is tested without a line here.

Without scripts   every act: a browser's own reading of the form is sent, as it sends it when the button is pressed
With scripts      one act for every set of kinds of required fields, typed into the page and sent by its buttons
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

import beside
from browsing import Visit
from dragoman.console.forms import field_types
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import OFFICERS, Who
from filling import CHOSEN, filled, fits, needed
from patience import PATIENCE_MS
from reaching import CHANNEL, Reaching
from samples import SAMPLES
from service import Caller, Gateway

pytestmark = pytest.mark.browser

_BY_SERVICES: Final = {Who.WATCH, Who.COURIER, Who.GATEWAY, Who.DESK}
_BY_BUTTON: Final = {"acknowledgement"}
"""Acts that have a button and no form."""

_OF_A_MATTER: Final = {"release", "alternative"}
"""Acts whose form offers what there is in a matter: `test_release_pages` and `test_dialogue_pages`
fill them in with the least they need.
"""

OPENED: Final = sorted(
    act for act, form in FORMATS.items() if "official" in form.kinds and act not in _OF_A_MATTER
)
CONTINUED: Final = sorted(
    act
    for act, rule in RULES.items()
    if act not in FORMATS
    and rule.family is None
    and rule.who not in _BY_SERVICES
    and not rule.roles.isdisjoint(OFFICERS)
    if act not in _BY_BUTTON | _OF_A_MATTER
    and any(act in form.moves for form in FORMATS.values() if "official" in form.kinds)
)


def _of_every_kind() -> list[str]:
    """Return acts that together ask for every kind of required field, each of them adding one."""
    found: list[str] = []
    seen: set[str] = set()
    for act in OPENED:
        controls = {each.control for each in field_types.members(act) if each.required}
        rows = {
            f"optional {each.control}"
            for each in field_types.members(act)
            if isinstance(each.kind, field_types.RowsField | field_types.QuantityField)
        }
        if not controls | rows <= seen:
            found.append(act)
            seen |= controls | rows
    return found


FILL: Final = """
    for (const [name, value] of entries) {
        const all = [...root.querySelectorAll(`[name="${name}"]`)];
        const choices = all.filter((each) => ["radio", "checkbox"].includes(each.type));
        const one = choices.find((each) => value === null ? each.value !== "" : each.value === value) ?? (choices.length ? null : all[0]);
        if (!one) throw new Error(`the form does not ask for ${name}, or does not offer ${value}`);
        if (choices.length && !one.checked) one.click();
        if (!choices.length) {
            one.value = value;
            one.dispatchEvent(new Event("input", { bubbles: true }));
        }
    }
"""

TYPE: Final = f"(entries) => {{ const root = document; {FILL} }}"

SEND: Final = f"""async ([address, entries, presses]) => {{
    const acts = [];
    let answer = await fetch(address, {{ headers: {{ Accept: "text/html" }} }});
    let root = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok) {{ {FILL} }}
    for (const press of presses) {{
        if (!answer.ok) break;
        const button = root.querySelector(`main form [name="do"][value="${{press}}"]`);
        if (!button) throw new Error(`no button ${{press}}: ${{root.querySelector("main").textContent}}`);
        const sent = new FormData(button.form, button);
        acts.push(...sent.getAll("act"));
        sent.delete("upload");
        const body = button.form.enctype === "multipart/form-data" ? sent : new URLSearchParams(sent);
        answer = await fetch(button.form.getAttribute("action"), {{ method: "POST", body, headers: {{ Accept: "text/html" }} }});
        root = new DOMParser().parseFromString(await answer.text(), "text/html");
    }}
    const faults = [...root.querySelectorAll(".fault a[href^='#']")].map((each) => each.getAttribute("href").slice(1));
    const text = root.querySelector("main")?.textContent.replace(/\\s+/g, " ") ?? "";
    return {{ status: answer.status, url: answer.url, acts, faults, text }};
}}"""


TEXT: Final = (
    "async (address) => (await fetch(address, { headers: { Accept: 'text/html' } })).text()"
)

FIELD: Final = """async (address) => {
    const text = await (await fetch(address, { headers: { Accept: "text/html" } })).text();
    const page = new DOMParser().parseFromString(text, "text/html");
    const field = [...page.querySelectorAll("[data-edit] textarea")].find((each) => each.value);
    return [field.name, `${field.value.trim()} Seen again.`];
}"""
"""The first text of an opening, and what it is changed to."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pages(browser: Browser, demo: Gateway) -> AsyncIterator[dict[str, Page]]:
    """A page of each officer who writes, signed in, in which the browser reads and sends forms
    without showing them.
    """
    opened = {}
    for who in ("nato/head_of_office", "nato/officer", "china/head_of_office"):
        context = await browser.new_context(bypass_csp=True)
        context.set_default_timeout(PATIENCE_MS)
        visit = Visit(await context.new_page(), demo)
        await visit.sign_in(who, CHANNEL)
        await visit.page.goto(
            f"{demo.base_url}/static/icon.svg"
        )  # of the same origin, and does nothing by itself
        opened[who] = visit.page
    yield opened
    for page in opened.values():
        await page.context.close()


@pytest.fixture
def reaching(session: aiohttp.ClientSession, demo: Gateway) -> Reaching:
    """Exchanges in which something may be done."""
    return Reaching(session, demo)


async def _sent(page: Page, address: str, act: str, *presses: str) -> tuple[Any, dict[str, Any]]:
    """Fill in the required fields, and those that the form then says are needed; return what came
    of it, and the act that it must be.
    """
    names = needed(act)
    entries, expected = filled(act, names)
    edited = []
    if expected.get("fields") is CHOSEN:
        edited.append(tuple(await page.evaluate(FIELD, address)))
    found = await page.evaluate(SEND, [address, entries + edited, list(presses)])
    while found[
        "faults"
    ]:  # what only a rule asks for: a reply that says something, a launch at some time
        asked = [
            each.name
            for each in field_types.members(act)
            if any(_is_of(fault, each.name) for fault in found["faults"])
        ]
        assert asked, found
        assert not set(asked) & set(names), found
        names = [*names, *asked]
        entries, expected = filled(act, names)
        found = await page.evaluate(SEND, [address, entries + edited, list(presses)])
    assert found["status"] == 200, found
    assert all(fits(expected, json.loads(each)) for each in found["acts"]), (
        expected,
        found["acts"],
    )
    return found, expected


def _is_of(fault: str, member: str) -> bool:
    return fault == f"f-{member}" or fault.startswith(f"f-{member}-")


async def _recorded(caller: Caller, address: str) -> Any:
    """Return the act of the record to whose page an address leads."""
    position = re.search(r"/recorded/([0-9]+)", address)
    assert position, address
    return (await caller.get(f"/v1/channels/{CHANNEL}/records/{position[1]}")).json["data"]


@pytest.mark.parametrize("act", OPENED)
async def test_every_format_is_sent_with_its_required_members_only(
    act: str, pages: dict[str, Page], reaching: Reaching
) -> None:
    await beside.enter(reaching.caller("nato"))
    address = f"/c/{CHANNEL}/compose/{act}"
    if not FORMATS[act].rule.two_key:
        found, expected = await _sent(pages["nato/head_of_office"], address, act, "check", "send")
    else:
        kept, expected = await _sent(pages["nato/officer"], address, act, "check", "draft")
        draft = urlsplit(kept["url"]).path
        found = await pages["nato/head_of_office"].evaluate(SEND, [draft, [], ["release"]])
    assert fits(expected, await _recorded(reaching.caller("china"), found["url"])), found


@pytest.mark.parametrize("act", CONTINUED)
async def test_every_act_in_an_exchange_is_sent_with_its_required_members_only(
    act: str, pages: dict[str, Page], reaching: Reaching
) -> None:
    side, exchange = await reaching.for_act(act)
    address, query = f"/c/{CHANNEL}/exchanges/{exchange}/acts/{act}", ""
    page = pages[f"{side}/head_of_office"]
    shown = await page.evaluate(
        "async (address) => (await fetch(address, {headers: {Accept: 'text/html'}})).text()",
        address.partition("/acts")[0],
    )
    assert f'{address}"' in shown, f"the exchange's page has no button for {act}"
    found, expected = await _sent(page, address + query, act, "check", "send")
    assert fits(expected, await _recorded(reaching.caller(side), found["url"])), found


async def test_the_check_page_of_an_amendment_shows_both_texts_and_no_id(
    pages: dict[str, Page], reaching: Reaching
) -> None:
    side, exchange = await reaching.for_act("amendment-agreement")
    address = f"/c/{CHANNEL}/exchanges/{exchange}/acts/amendment-agreement"
    found, _ = await _sent(pages[f"{side}/head_of_office"], address, "amendment-agreement", "check")
    before, after = (
        SAMPLES["roadmap-item"]["deliverable"],
        SAMPLES["amendment"]["fields"]["deliverable"],
    )
    stands, consented = found["text"].split("The text that you consent to")
    assert re.search(rf"The present text, which would be replaced\s*Deliverable\s*{before}", stands)
    assert after in consented and before not in consented.partition("Your consent names")[0]
    state = (await reaching.caller(side).get(f"/v1/channels/{CHANNEL}/exchanges/{exchange}")).json[
        "state"
    ]
    assert state["acts"]["amendment"][-1]["id"] not in stands


async def test_a_meeting_that_was_held_offers_what_is_said_afterwards(
    pages: dict[str, Page], reaching: Reaching
) -> None:
    side, exchange = await reaching.for_act("readout-agreement")
    offered = {}
    for each in ("nato", "china"):
        html = await pages[f"{each}/head_of_office"].evaluate(
            TEXT, f"/c/{CHANNEL}/meetings/{exchange}"
        )
        offered[each] = re.findall(
            rf'class="button[^"]*" href="[^"]*/exchanges/{exchange}/acts/([a-z-]+)', html
        )
    other = "nato" if side == "china" else "china"
    told = re.sub("<[^>]+>", "", html)
    assert (
        f"{other.upper()} proposes a joint readout" in told and "gives its readout" not in told
    )  # it is joint once both have said it
    assert offered == {side: ["readout-agreement", "readout"], other: ["readout"]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def writing(browser: Browser, demo: Gateway) -> AsyncIterator[dict[str, Visit]]:
    """A head of office and an officer at their screens, with scripts."""
    opened = {}
    for who in ("nato/head_of_office", "nato/officer"):
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(PATIENCE_MS)
        opened[who] = Visit(await context.new_page(), demo)
        await opened[who].sign_in(who, CHANNEL)
    yield opened
    for visit in opened.values():
        await visit.page.context.close()


@pytest.mark.parametrize("act", _of_every_kind())
async def test_a_form_with_scripts_is_sent_with_its_required_members_only(
    act: str, writing: dict[str, Visit], demo: Gateway, reaching: Reaching
) -> None:
    await beside.enter(reaching.caller("nato"))
    visit = writing["nato/officer" if FORMATS[act].rule.two_key else "nato/head_of_office"]
    page, names = visit.page, needed(act)
    await page.goto(f"{demo.base_url}/c/{CHANNEL}/compose/{act}")
    checking, faults = page.locator("#checking"), page.locator(".fault a")
    while True:
        entries, expected = filled(act, names)
        await page.evaluate(TYPE, entries)
        async with page.expect_navigation():
            await page.locator("[name=do][value=check]").click()
        if not await faults.count():
            break
        links = [
            str(await each.get_attribute("href")).removeprefix("#") for each in await faults.all()
        ]
        asked = [
            each.name
            for each in field_types.members(act)
            if any(_is_of(link, each.name) for link in links)
        ]
        assert asked and not set(asked) & set(names), (links, names)
        names = [*names, *asked]
    checked = json.loads(await checking.locator("[name=act]").input_value())
    assert fits(expected, checked), checked
    if not FORMATS[act].rule.two_key:
        async with page.expect_navigation():
            await page.locator("[name=do][value=send]").click()
        assert fits(expected, await _recorded(reaching.caller("china"), page.url))
    assert [each for each in visit.complaints if "422" not in each] == []
