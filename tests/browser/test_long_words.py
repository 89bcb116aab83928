"""Long numbers and long words: nothing is cut off and nothing lies over something else, at five
widths, in three languages.
"""

import aiohttp
import pytest

from browsing import EXERCISE, Visiting
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"
LANGUAGES = ("en-GB", "fr-FR", "zh-CN")
WIDTHS = (390, 768, 1280, 1366, 1440)
PATHS = ("", "/inbox", "/meetings", "/audit", "/people")
SIDES = {
    "NATO": "NORTH-ATLANTIC-LIAISON-ORGANISATION-WEST",
    "CHINA": "SOUTH-CHINA-SEA-LIAISON-OFFICE-DIRECTORATE",
}
SPANS = ("9 min 59 s", "99 min 59 s")
RECORDS = "12,345"

LENGTHEN = """([sides, span, records]) => {
    const long = (text) => Object.entries(sides).reduce((said, [side, name]) => said.replaceAll(new RegExp(`\\\\b${side}\\\\b(?!-)`, "g"), name), text)
        .replace(/\\b\\d+\\s(s|min)(\\s\\d+\\ss)?\\b/g, span).replace(/(record|enregistrement|记录)\\s?\\d+/g, `$1 ${records}`);
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        if (node.parentElement.closest("script, style, template, svg, dialog:not([open])")) continue;
        const text = long(node.data);
        if (text !== node.data) node.data = text;
    }
}"""

FOUND = """() => {
    const wrong = [];
    const wide = document.documentElement.clientWidth;
    const scrolls = (each) => each.closest(".wide-scroll, pre, .ceiling, .drill, dialog:not([open]), [hidden]");
    const leaves = [...document.querySelectorAll("body *")].filter((each) => {
        if (scrolls(each) || each.closest("svg") || !each.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) return false;
        const style = getComputedStyle(each);
        if (style.clipPath !== "none" || style.position === "sticky" || each.closest(".hide, .skip")) return false;
        return [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    });
    const boxes = [];
    const texts = leaves.flatMap((each) => [...each.childNodes].filter((node) => node.nodeType === 3 && node.data.trim()).map((node) => [each, node]));
    for (const [each, node] of texts) {
        const range = document.createRange();
        range.selectNodeContents(node);
        const text = range.getBoundingClientRect();
        if (text.width < 2) continue;
        const line = each.closest(".strip :is(.bar, .rail li)"); // one line by design: its whole text is its title, and stands in the states
        if (line?.title) {
            const said = line.querySelector("p") ?? line, box = line.getBoundingClientRect();
            if (box.right > wide + 1 || box.left < -1) wrong.push(["the line is beyond the page", each.tagName, line.title.slice(0, 60), Math.round(box.right)]);
            if (said.scrollWidth > said.clientWidth + 1 && getComputedStyle(said).textOverflow !== "ellipsis") wrong.push(["cut without a mark", each.tagName, line.title.slice(0, 60)]);
            continue;
        }
        if (each.closest(".rail") && each.getBoundingClientRect().width < 2) continue; // a word for who hears the page
        if (text.right > wide + 1 || text.left < -1) wrong.push(["beyond the page", each.tagName, each.textContent.trim().slice(0, 60), Math.round(text.right)]);
        for (let around = each; around && around !== document.body; around = around.parentElement) {
            const style = getComputedStyle(around);
            if (!["hidden", "clip"].includes(style.overflowX)) continue;
            const box = around.getBoundingClientRect();
            if (text.right > box.right + 1 || text.bottom > box.bottom + 1) wrong.push(["cut", each.tagName, each.textContent.trim().slice(0, 60)]);
        }
        if (!each.closest(".mast, .send, .menu")) for (const line of range.getClientRects()) if (line.width > 2) boxes.push([each, line]);
    }
    boxes.sort((a, b) => a[1].top - b[1].top);
    for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length && boxes[j][1].top < boxes[i][1].bottom - 4; j++) {
        const [one, a] = boxes[i], [other, b] = boxes[j];
        if (one === other || one.contains(other) || other.contains(one)) continue;
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 6)
            wrong.push(["over each other", one.textContent.trim().slice(0, 40), other.textContent.trim().slice(0, 40)]);
    }
    if (document.documentElement.scrollWidth > wide) wrong.push(["scrolls sideways", document.documentElement.scrollWidth]);
    return wrong.slice(0, 5);
}"""


@pytest.mark.parametrize("language", LANGUAGES)
async def test_nothing_is_cut_off_and_nothing_lies_over_something_else(
    visit: Visiting, demo: Gateway, language: str
) -> None:
    guest = await visit(locale=language, java_script_enabled=False)
    await guest.sign_in("nato/auditor", EXERCISE)
    wrong = {}
    for path in PATHS:
        for span in SPANS:
            await guest.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
            await guest.page.goto(f"{demo.base_url}/c/{EXERCISE}{path}")
            await guest.page.evaluate(LENGTHEN, [SIDES, span, RECORDS])
            for width in WIDTHS:
                await guest.page.set_viewport_size({"width": width, "height": 900})
                if found := await guest.page.evaluate(FOUND):
                    wrong[path, span, width] = found
    assert not wrong, "\n".join(f"{where}: {found}" for where, found in wrong.items())


BROKEN = """() => [...document.querySelectorAll(":is(td, th) .side")].filter((each) => {
    const range = document.createRange();
    range.selectNodeContents(each);
    return each.textContent.trim().length < 12 && range.getClientRects().length > 1;
}).map((each) => each.textContent)"""


async def test_a_short_name_of_a_side_is_whole_in_each_table(
    visit: Visiting, demo: Gateway
) -> None:
    guest = await visit(java_script_enabled=False)
    await guest.sign_in("nato/auditor", CALM)
    for path in ("/dialogue", "/inbox?waits=all", "/meetings"):
        await guest.page.goto(f"{demo.base_url}/c/{CALM}{path}")
        await guest.page.evaluate(
            "document.querySelectorAll('details').forEach(d => d.open = true)"
        )
        for width in WIDTHS:
            await guest.page.set_viewport_size({"width": width, "height": 900})
            assert not await guest.page.evaluate(BROKEN), (path, width)


CHARTED = """() => [...document.querySelectorAll("svg.chart:not(.small)")].flatMap((chart) => {
    const wrong = [], around = chart.closest(".wide-scroll");
    if (around && around.scrollWidth > around.clientWidth) wrong.push(["wider than its room", around.scrollWidth, around.clientWidth]);
    const edge = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 6;
    for (const [name, box] of texts) {
        if (box.left < edge.left - 1 || box.right > edge.right + 1) wrong.push(["beyond the chart", name]);
        for (const [other, there] of texts) if (name < other && meet(box, there)) wrong.push(["over each other", name, other]);
        for (const mark of chart.querySelectorAll("path.ink, path.open")) if (meet(box, mark.getBoundingClientRect())) wrong.push(["over a mark", name]);
    }
    return wrong;
})"""


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_chart_has_room_on_the_page_and_each_of_its_texts_in_it(
    visit: Visiting, demo: Gateway, language: str
) -> None:
    guest = await visit(locale=language, viewport={"width": 1280, "height": 800})
    await guest.sign_in("nato/auditor", CALM)
    await guest.page.goto(f"{demo.base_url}/c/{CALM}/dialogue")
    assert await guest.page.locator("svg.chart").count()
    assert not await guest.page.evaluate(CHARTED)


async def test_a_correction_of_long_words_is_as_wide_as_the_words_that_it_corrects(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    officer = Caller(session, demo, "nato/duty_officer")
    incident = INCIDENT | {"facts": "Two ships passed. " * 40}
    id = (await officer.open(incident, CALM)).json["exchange"]
    etag = (await officer.get(f"/v1/channels/{CALM}/exchanges/{id}")).headers["ETag"]
    fields = {"facts": "Two boats passed. " * 40}
    correction = {"act": "correction", "reason": "They were small.", "fields": fields}
    assert (await officer.act(id, correction, CALM, If_Match=etag)).status == 201
    guest = await visit(viewport={"width": 1366, "height": 768})
    await guest.sign_in("nato/auditor", CALM)
    await guest.page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{id}")
    swap = guest.page.locator(".swap")
    whole, sheet = [await each.bounding_box() for each in (swap, swap.locator("> article"))]
    assert whole and sheet and sheet["width"] > whole["width"] / 2, (whole, sheet)
