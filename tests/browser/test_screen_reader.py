"""A screen reader is given the browser's own tree of names and roles, and what is read out.

No reader is driven here. The tree is what the browser hands to any of them.
"""

import asyncio
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from playwright.async_api import Page, expect

from browsing import EXERCISE, Flash, Visit, Visiting, acknowledge_all
from everywhere import CHANNEL, places
from patience import PATIENCE_S
from service import Gateway

pytestmark = pytest.mark.browser

TRANSCRIPT = Path(__file__).parents[2] / "docs" / "screen-reader.md"
CONTROLS = frozenset(
    {
        *("button", "link", "textbox", "searchbox", "combobox", "listbox", "checkbox", "radio"),
        *("slider", "switch", "spinbutton", "DisclosureTriangle", "alertdialog", "dialog"),
        *("table", "region", "navigation", "complementary", "heading", "columnheader"),
    }
)
"""Roles that need a name."""

LANGUAGES = {"en-GB": "en", "fr-FR": "fr", "zh-CN": "zh"}
HAN = re.compile("[\u4e00-\u9fff]")


async def tree(page: Page) -> list[dict[str, Any]]:
    """The nodes of a page that a reader is given, in the order in which they are read."""
    session = await page.context.new_cdp_session(page)
    nodes = (await session.send("Accessibility.getFullAXTree"))["nodes"]
    await session.detach()
    by_id = {node["nodeId"]: node for node in nodes}

    def walk(node: dict[str, Any], *, within: str) -> Iterator[dict[str, Any]]:
        role = node.get("role", {}).get("value", "")
        if not node.get("ignored"):
            name = " ".join(node.get("name", {}).get("value", "").split())
            said = " ".join(node.get("description", {}).get("value", "").split())
            level = [
                each["value"]["value"] for each in node["properties"] if each["name"] == "level"
            ]
            yield {
                "role": role,
                "name": name,
                "description": said,
                "level": level[0] if level else 0,
                "within": within,
                "id": node["nodeId"],
            }
            within = role if role in ("table", "row") else within
        for child in node.get("childIds", ()):
            if child in by_id:
                yield from walk(by_id[child], within=within)

    return list(walk(nodes[0], within=""))


def wrong(nodes: list[dict[str, Any]]) -> list[str]:
    """The controls and landmarks without a name, and headings that skip a level."""
    found = [
        f"{node['role']} without a name"
        for node in nodes
        if node["role"] in CONTROLS and not node["name"]
    ]
    levels = [node["level"] for node in nodes if node["role"] == "heading"]
    found += [
        f"a heading of level {level} after one of {before}"
        for before, level in itertools.pairwise(levels)
        if level > before + 1
    ]
    if levels.count(1) != 1:
        found.append(f"{levels.count(1)} headings of level 1")
    names = [node["name"] for node in nodes if node["role"] in ("region", "complementary")]
    found += [f"two regions named {name}" for name in set(names) if names.count(name) > 1]
    tables = [node for node in nodes if node["role"] == "table"]
    heads = [node for node in nodes if node["role"] in ("columnheader", "rowheader")]
    if len(heads) < len(tables):
        found.append("a table without headers")
    return found


async def board(guest: Visit, _: dict[str, str]) -> None:
    await guest.page.goto(f"{guest.service.base_url}/c/{CHANNEL}")


async def refused(guest: Visit, _: dict[str, str]) -> None:
    await guest.page.goto(f"{guest.service.base_url}/c/{CHANNEL}/compose/hazardous-incident")
    await guest.page.locator("button[value=check]").click()
    await expect(guest.page.locator("main [role=alert] a")).to_have_count(4)


async def checked(guest: Visit, _: dict[str, str]) -> None:
    await guest.page.goto(f"{guest.service.base_url}/c/{CHANNEL}/compose/hazardous-incident")
    await guest.page.locator("#f-kind input").first.check()
    await guest.page.locator("#f-time").fill("0305Z")
    await guest.page.locator("#f-place").fill("15.1N 116.4E")
    await guest.page.locator("textarea[name^='f.facts']").first.fill("One aircraft passed close.")
    await guest.page.locator("button[value=check]").click()
    await expect(guest.page.locator("#act-bytes")).to_be_attached()


async def exchange(guest: Visit, ids: dict[str, str]) -> None:
    await guest.page.goto(f"{guest.service.base_url}/c/{EXERCISE}/exchanges/{ids['incident']}")


async def correction(guest: Visit, ids: dict[str, str]) -> None:
    await guest.page.goto(
        f"{guest.service.base_url}/c/{EXERCISE}/exchanges/{ids['incident']}/acts/correction"
    )


async def inbox(guest: Visit, _: dict[str, str]) -> None:
    await guest.page.goto(f"{guest.service.base_url}/c/{CHANNEL}/inbox")


async def people(guest: Visit, _: dict[str, str]) -> None:
    await guest.page.goto(f"{guest.service.base_url}/c/{CHANNEL}/people")


async def roster(guest: Visit, _: dict[str, str]) -> None:
    await guest.page.goto(f"{guest.service.base_url}/c/{CHANNEL}/people/register")


async def menu(guest: Visit, _: dict[str, str]) -> None:
    await guest.page.goto(f"{guest.service.base_url}/c/{CHANNEL}/compose")


async def proof(guest: Visit, _: dict[str, str]) -> None:
    await guest.page.goto(f"{guest.service.base_url}/c/{EXERCISE}/records/20")
    await guest.page.locator("[data-begin]").click()
    await expect(guest.page.locator("[data-proved]")).to_have_attribute(
        "data-state", re.compile("normal|standby")
    )


SEEN = (board, refused, checked, exchange, correction, inbox, people, roster, menu, proof)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_control_has_a_name_and_headings_are_in_order(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, language: str
) -> None:
    ids = await places(session, demo)
    guest = await visit(locale=language)
    await guest.sign_in("nato/officer", CHANNEL)
    found = {}
    for show in SEEN:
        await show(guest, ids)
        nodes = await tree(guest.page)
        assert len(nodes) > 50
        if faults := wrong(nodes):
            found[show.__name__] = faults
        tag = await guest.page.locator("html").get_attribute("lang")
        assert (tag or "").startswith(LANGUAGES[language])
        if language != "zh-CN":  # words of others have their own language
            untagged = await guest.page.evaluate(UNTAGGED)
            assert untagged == [], show.__name__
    assert found == {}


UNTAGGED = """() => {
    const han = /[\\u4e00-\\u9fff]/;
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walk.nextNode()) {
        const { parentElement: owner, data } = walk.currentNode;
        const skipped = owner.closest("script, template, style, pre, code, textarea");
        if (!skipped && han.test(data) && !owner.closest("[lang^=zh]")) found.push(data.trim());
    }
    return found;
}"""
"""Chinese words that a reader would speak in another language."""


LISTENING = """() => {
    window.readOut = [];
    const regions = document.querySelectorAll("[role=status], [role=alert]");
    new MutationObserver(() => {
        for (const dialog of document.querySelectorAll("dialog:modal")) {
            for (const region of dialog.querySelectorAll("[role=status]")) listen(region);
        }
    }).observe(document.body, { childList: true, subtree: true, attributes: true });
    const heard = new WeakMap();
    const listen = (region) => {
        if (heard.has(region)) return;
        heard.set(region, region.textContent.trim());
        new MutationObserver(() => {
            const text = region.textContent.trim().replace(/\\s+/g, " ");
            const behind = document.querySelector("dialog:modal") && !region.closest("dialog:modal");
            if (text && text !== heard.get(region) && !behind) window.readOut.push(text);
            heard.set(region, text);
        }).observe(region, { childList: true, characterData: true, subtree: true });
    };
    regions.forEach(listen);
}"""
"""Note what is read out of live regions; what is behind a dialog is not."""


PLAIN = (
    ("\u00a0", " "),
    (r"\d\d? [A-Z][a-z]{2} \d{4}", "24 Nov 2026"),
    (r"\d\d? [a-zéû]{3,5}\.? \d{4}", "24 nov. 2026"),
    (r"\d{4}年\d\d?月\d\d?日", "2026年11月24日"),
    (r"\d\d:\d\d:\d\dZ", "19:05:12Z"),
    ("/ ", "/"),
    (r"NATO/\d\d/\d{4}", "NATO/26/0014"),
    (r"\b\d+ s\b", "41 s"),
    (r"，\d+秒", "，41秒"),
)
"""The texts that differ at each run, in the three languages, and those that are written for them."""


def plain(text: str) -> str:
    """A text with times, numbers and spans that are the same at each run."""
    for changing, fixed in PLAIN:
        text = re.sub(changing, fixed, text)
    return text


class Steps(NamedTuple):
    """The words of a transcript that are not the page's: what happens, and what a reader says of
    the roles.
    """

    comes: str
    dialog: str
    focus: str
    escape: str
    out: str
    tab: str
    button: str
    link: str
    letter: str


STEPS = {
    "en": Steps(
        "A flash comes:",
        "alert dialog: ",
        "focus: ",
        "Esc is pressed:",
        "read out: ",
        "Tab is pressed, three times:",
        "button",
        "link",
        "A is pressed:",
    ),
    "fr": Steps(
        "Un message flash arrive :",
        "dialogue d’alerte : ",
        "focus : ",
        "On appuie sur Échap :",
        "annoncé : ",
        "On appuie trois fois sur Tab :",
        "bouton",
        "lien",
        "On appuie sur A :",
    ),
    "zh": Steps(
        "特提电文到达：",
        "警示对话框：",
        "焦点：",
        "按Esc：",
        "读出：",
        "按三次Tab：",
        "按钮",
        "链接",
        "按A：",
    ),
}


def written(language: str) -> str:
    """The transcript of a language, as the page of the documentation has it."""
    blocks = re.findall(r"```text\n(.*?)\n```", TRANSCRIPT.read_text(), re.DOTALL)
    return str(dict(zip(STEPS, blocks, strict=True))[language])


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_flash_is_read_out_as_the_transcript_says(
    visit: Visiting, demo: Gateway, flash: Flash, session: aiohttp.ClientSession, locale: str
) -> None:
    steps = STEPS[LANGUAGES[locale]]
    await acknowledge_all(session, demo, "china", EXERCISE)
    china = await visit(locale=locale)
    page = china.page
    await china.sign_in("china/duty_officer", EXERCISE)
    await page.evaluate(LISTENING)
    lines = [steps.comes]
    await flash()
    dialog = page.locator("dialog.flash:modal")
    await expect(dialog).to_be_visible()
    (opened,) = [node for node in await tree(page) if node["role"] == "alertdialog"]
    lines += [f"  {steps.dialog}{plain(opened['name'])}", f"  {plain(opened['description'])}"]
    focused = await page.evaluate("document.activeElement.textContent.trim()")
    lines.append(f"  {steps.focus}{plain(focused)}")

    async def heard(doing: str, count: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await page.evaluate("window.readOut.length") < count:
                await page.wait_for_timeout(50)
        said = await page.evaluate("window.readOut.splice(0)")
        lines.append(doing)
        lines.extend(f"  {steps.out}{plain(each)}" for each in said)

    await page.evaluate("window.readOut.length = 0")
    await page.keyboard.press("Escape")
    await heard(steps.escape)
    lines.append(steps.tab)
    for _ in range(3):
        await page.keyboard.press("Tab")
        node = next(
            line
            for line in (await page.locator(":focus").aria_snapshot()).splitlines()
            if line.startswith("- ")
        )
        role, _, name = node[2:].rstrip(":").partition(" ")
        lines.append(f"  {getattr(steps, role)} {name}")
    await page.locator("dialog.flash:modal [data-keys=act]").wait_for()
    await page.keyboard.press("a")
    await heard(steps.letter, 2)
    await expect(dialog).to_have_count(0)
    transcript = "\n".join(lines)
    assert transcript == written(LANGUAGES[locale]), (
        f"write this into {TRANSCRIPT.name}:\n{transcript}"
    )
    assert china.complaints == []
