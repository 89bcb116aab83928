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

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

import beside
from browsing import Visit
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.members import shapes
from dragoman.members.groups import RowsKind
from dragoman.members.places import QuantityKind
from filling import filled, fits, needed
from patience import PATIENCE_MS
from reaching import CHANNEL, Reaching
from service import Caller, Gateway

pytestmark = pytest.mark.browser


_OF_A_MATTER: Final = {"release", "alternative"}
"""Acts whose form offers what there is in a matter: `test_release_pages` and `test_dialogue_pages`
fill them in with the least they need.
"""

OPENED: Final = sorted(
    act for act, form in FORMATS.items() if "official" in form.kinds and act not in _OF_A_MATTER
)


def _of_every_kind() -> list[str]:
    """Return acts that together ask for every kind of required field, each of them adding one."""
    found: list[str] = []
    seen: set[str] = set()
    for act in OPENED:
        controls = {each.control for each in shapes.members(act) if each.required}
        rows = {
            f"optional {each.control}"
            for each in shapes.members(act)
            if isinstance(each.kind, RowsKind | QuantityKind)
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


@pytest.fixture
def reaching(session: aiohttp.ClientSession, demo: Gateway) -> Reaching:
    """Exchanges in which something may be done."""
    return Reaching(session, demo)


def _is_of(fault: str, member: str) -> bool:
    return fault == f"f-{member}" or fault.startswith(f"f-{member}-")


async def _recorded(caller: Caller, address: str) -> Any:
    """Return the act of the record to whose page an address leads."""
    position = re.search(r"/recorded/([0-9]+)", address)
    assert position, address
    return (await caller.get(f"/v1/channels/{CHANNEL}/records/{position[1]}")).json["data"]


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
            for each in shapes.members(act)
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
