"""rules.md §7, what is of every page: letters and targets, focus, times, even-handedness, colours,
flashing, print.
"""

import io
import itertools
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect
from pypdf import PdfReader

from browsing import EXERCISE, SIZES, Flash, Visit, Visiting
from office import Office
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CSS = (
    Path(__file__).parents[2] / "services" / "dragoman" / "console" / "static" / "console.css"
).read_text()
CALM = "nato-china"


@pytest_asyncio.fixture(loop_scope="session")
async def incident(session: aiohttp.ClientSession, demo: Gateway) -> str:
    rows = (
        await Caller(session, demo, "nato/officer").get(
            f"/v1/channels/{EXERCISE}/exchanges?act=hazardous-incident"
        )
    ).json["exchanges"]
    return str(rows[-1]["id"])


async def as_(visit: Visiting, who: str, path: str, **options: Any) -> Visit:
    guest = await visit(**options)
    await guest.enter(who, path)
    return guest


@pytest.mark.parametrize(
    "path",
    [
        f"/c/{CALM}",
        f"/c/{EXERCISE}/audit",
        f"/c/{CALM}/inbox",
        f"/c/{CALM}/compose/hazardous-incident",
    ],
)
async def test_letters_and_targets_are_large_enough_and_what_has_the_focus_is_seen(
    visit: Visiting, path: str
) -> None:
    nato = await as_(visit, "nato/head_of_office", path)
    small = await nato.page.evaluate(
        """() => [...document.querySelectorAll("main *")].filter((each) => {
            const text = [...each.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
            if (!text || each.closest("small, .travel label, code, pre, kbd, svg, th, dt, .note, .hide, .crumb, table.log, .zpr, .tag-drill, .num, h3, figcaption")) return false;
            return parseFloat(getComputedStyle(each).fontSize) < 16;
        }).map((each) => each.outerHTML.slice(0, 160))"""
    )
    assert small == []
    low = await nato.page.evaluate(
        """() => [...document.querySelectorAll("main button, .mast button, .mast nav a, #link-bar button")].filter((each) => {
            const box = each.getBoundingClientRect();
            return box.height > 0 && box.height < 24;
        }).map((each) => each.outerHTML.slice(0, 160))"""
    )
    assert low == []
    hidden = []
    for _ in range(25):
        await nato.page.keyboard.press("Tab")
        hidden += await nato.page.evaluate(
            """() => {
                const each = document.activeElement;
                if (!each || each === document.body) return [];
                const box = each.getClientRects()[0] ?? each.getBoundingClientRect();  // its first line, of a link in two
                const x = box.x + Math.min(box.width / 2, 8), y = box.y + Math.min(box.height / 2, 8);
                const seen = document.elementFromPoint(x, y);
                return seen && (each === seen || each.contains(seen) || seen.contains(each) || seen.closest("label")?.contains(each)) ? [] : [each.outerHTML.slice(0, 160)];
            }"""
        )
    assert hidden == []


@pytest.mark.parametrize(
    "path",
    [
        f"/c/{CALM}",
        f"/c/{EXERCISE}",
        f"/c/{EXERCISE}/audit",
        f"/c/{CALM}/meetings",
        f"/c/{EXERCISE}/log",
    ],
)
async def test_every_time_is_absolute_and_in_utc(visit: Visiting, path: str) -> None:
    nato = await as_(visit, "nato/officer", path)
    times = await nato.page.locator("time").evaluate_all(
        "times => times.map((time) => [time.getAttribute('datetime'), time.textContent])"
    )
    assert times
    assert [
        each
        for each in times
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", each[0] or "")
    ] == []
    assert [text for _, text in times if re.search(r"\bago\b|yesterday|just now", text)] == []
    text = await nato.page.locator("main").inner_text()
    assert re.findall(r"\d (?:min|h|d|s)\b", text) == []


async def test_both_sides_are_shown_alike(visit: Visiting, tmp_path: Path, chromium: Path) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        guests = [await visit(service, java_script_enabled=False) for _ in range(2)]
        for guest, side in zip(guests, ("nato", "china"), strict=True):
            await guest.sign_in(f"{side}/auditor", CALM)

        async def shown(guest: Visit) -> str:
            await guest.page.reload()
            await guest.page.evaluate(
                "() => { const list = document.querySelector('section[aria-labelledby=ring] ul');"
                " list.append(...[...list.children].sort((one, other) => one.textContent.localeCompare(other.textContent))); }"
            )  # whom to ring is listed the other side first, and a move is mine or theirs
            html = await guest.page.locator("main").inner_html()
            return re.sub(
                r'<section class="group".*?</header>|<ol class="matters [a-z]+">|<b>[^<]+</b>: |'
                r"\d\d:\d\d:\d\dZ|[0-9T:.-]+Z|\d+&nbsp;s\b|\d\d:\d\d(?=</time>)|(?<=\d)\d\.\d\b",
                "",
                html,
            )

        before, between, after = "", "", "not yet"
        while (
            before != after
        ):  # a minute, an hour or a day turned while the other side's page was read
            before, between, after = (
                await shown(guests[0]),
                await shown(guests[1]),
                await shown(guests[0]),
            )
        assert between == before
    finally:
        service.stop()


@pytest.mark.usefixtures("flash")
async def test_nothing_flashes_faster_than_once_a_second_and_nothing_moves_where_that_is_not_wanted(
    visit: Visiting, flash: Flash
) -> None:
    await flash()
    china = await visit()
    await china.sign_in("china/duty_officer")
    await expect(china.page.locator("dialog[open]")).to_be_visible()
    running = await china.page.evaluate(
        "document.getAnimations().map((each) => each.effect.getTiming().duration)"
    )
    assert running
    assert all(duration >= 1000 for duration in running)
    still = await visit(reduced_motion="reduce")
    await still.sign_in("china/duty_officer")
    await expect(still.page.locator("dialog[open]")).to_be_visible()
    assert await still.page.evaluate("document.getAnimations().length") == 0


async def test_a_page_prints_with_its_marking_and_without_what_is_pressed(
    visit: Visiting, incident: str
) -> None:
    nato = await as_(visit, "nato/officer", f"/c/{EXERCISE}/exchanges/{incident}/form")
    await nato.page.emulate_media(media="print")
    text = await nato.page.locator("body").inner_text()
    assert "SIDES ONLY" in text
    assert text.count("EXERCISE") >= 3
    assert await nato.page.locator("button:visible, nav:visible").count() == 0
    number = (await nato.page.locator(".form-sheet .lead").inner_text()).split()[-1]
    words = (await nato.page.locator(".check-words").last.inner_text()).split()
    pages = [
        page.extract_text()
        for page in PdfReader(io.BytesIO(await nato.page.pdf(prefer_css_page_size=True))).pages
    ]
    for place, printed in enumerate(pages, 1):
        assert f"page {place} of {len(pages)}" in printed
        assert printed.count("SIDES ONLY") == 2
        assert printed.count("EXERCISE") >= 3
        assert re.sub(r"[\s/]", "", number) in re.sub(r"[\s/]", "", printed)
    assert any(all(word in printed for word in words) for printed in pages)


WIDER = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
        if (!/[a-z]{3}/.test(text.data) || text.parentElement.closest("script, style, template, pre, code, time, svg, .hide, [lang]:not(html)")) continue;
        text.data = text.data.replace(/[A-Za-z]{3,}/g, (word) => word + "e".repeat(Math.ceil(word.length * 0.4)));
    }
    return [...document.querySelectorAll("body *")].filter((each) => {
        const style = getComputedStyle(each);
        const clips = ["hidden", "clip"].includes(style.overflowX) && !each.closest(".hide, svg, .ceiling, .drill, .wide-scroll");
        const own = [...each.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        if (each.closest(".strip .bar[title], .rail li[title]") && style.textOverflow === "ellipsis") return false; // one line by design, whole in its title
        return (clips || own) && !each.closest(".hide, details:not([open]) > :not(summary)") && each.clientWidth > 1 && style.display !== "inline" && each.scrollWidth > each.clientWidth + 1
            && !["auto", "scroll"].includes(style.overflowX);
    }).map((each) => each.outerHTML.slice(0, 200));
}"""
"""Every word of ours two fifths longer, as in a language that nobody has translated yet; what no
longer fits in its box.
"""


@pytest.mark.parametrize(
    "path",
    [
        f"/c/{CALM}",
        f"/c/{CALM}/inbox",
        f"/c/{CALM}/compose/hazardous-incident",
        f"/c/{CALM}/admin/profiles",
    ],
)
async def test_words_that_are_two_fifths_longer_are_not_cut_off(visit: Visiting, path: str) -> None:
    nato = await as_(visit, "nato/head_of_office", path, viewport=SIZES["narrow"])
    assert await nato.page.evaluate(WIDER) == []
    wide = """width => [...document.querySelectorAll("body *")].filter((each) => {
        const box = each.getBoundingClientRect();
        return box.right > width + 1 && !each.closest(".hide, .wide-scroll, details:not([open]) > :not(summary)");
    }).map((each) => each.outerHTML.slice(0, 160))"""
    assert await nato.page.evaluate(wide, SIZES["narrow"]["width"]) == []


HEARD = """() => {
    window.heard = [];
    const regions = document.querySelectorAll('[aria-live]:not([aria-live=off]), [role=status], [role=alert]');
    const watch = new MutationObserver((changes) => {
        for (const each of changes) {
            const region = (each.target.nodeType === 1 ? each.target : each.target.parentElement).closest('[aria-live], [role=status], [role=alert]');
            if (region && region.textContent.trim()) window.heard.push(region.textContent.trim());
        }
    });
    for (const region of regions) watch.observe(region, { childList: true, characterData: true, subtree: true });
    return [...regions].map((region) => region.textContent.trim());
}"""


async def test_clocks_are_never_read_out_and_what_comes_is_once(
    visit: Visiting, flash: Flash
) -> None:
    china = await visit()
    await china.sign_in(
        "china/officer"
    )  # whom a flash does not call: it has a bar, whose seconds count
    before = await china.page.locator("#headline").inner_text()
    await flash()
    await expect(china.page.locator("[data-bar=flash]")).to_be_visible()
    await expect(china.page.locator("#headline")).not_to_have_text(before)  # which is read out once
    await china.page.wait_for_timeout(500)
    await china.page.evaluate(HEARD)
    shown = await china.page.locator("[data-bar=flash]").inner_text()
    seconds = (
        re.search(r"\d\s?s\b", shown) is not None
    )  # an older flash of this run counts in minutes
    counts = expect(china.page.locator("[data-bar=flash]"), "its time is seen to count")
    await counts.not_to_have_text(shown, timeout=5_000 if seconds else 90_000)
    await china.page.wait_for_timeout(5_000)
    heard = await china.page.evaluate("window.heard")
    assert [each for each in heard if "not yet read by anyone" not in each] == [], (
        "but for a flash of five minutes ago"
    )


def colours(theme: str) -> dict[str, str]:
    """The tokens of a theme: `light` and `dark` of the mock-ups, and the two that stand by
    themselves.
    """
    if theme in ("night", "contrast"):
        found = re.search(rf':root\[data-theme="{theme}"\] \{{(.*?)\n  \}}', CSS, re.DOTALL)
        assert found is not None
        return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", found[1]))
    place = 0 if theme == "light" else 1
    root = CSS.partition(":root {")[2].partition("\n  }")[0]
    pairs = {
        name: (one, other)[place]
        for name, one, other in re.findall(
            r"--([a-z-]+): light-dark\((#[0-9a-f]+), (#[0-9a-f]+)\)", root
        )
    }
    return {**dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", root)), **pairs}


def channels(colour: str) -> list[float]:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    return [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]


def linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def contrast(one: str, other: str) -> float:
    light, dark = sorted(
        (
            sum(
                weight * linear(each)
                for weight, each in zip((0.2126, 0.7152, 0.0722), channels(colour), strict=True)
            )
            for colour in (one, other)
        ),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark", "night", "contrast"])
def test_the_colours_of_a_light_have_their_contrast(theme: str) -> None:
    found = colours(theme)
    grounds = [found[name] for name in ("paper", "sheet")]
    for ground in grounds:
        assert contrast(found["ink"], ground) >= 7
        assert contrast(found["soft"], ground) >= 4.5
        assert contrast(found["edge"], ground) >= 3
        assert contrast(found["focus"], ground) >= 3
        for level in ("critical", "serious", "caution", "normal", "standby", "off"):
            assert contrast(found[level], ground) >= 3, level
    if theme == "night":
        assert max(contrast(found["ink"], ground) for ground in grounds) <= 15
    fills = {**colours("light"), **found}
    assert contrast(fills["on-alarm"], fills["alarm"]) >= 7
    assert contrast(fills["on-warn"], fills["warn"]) >= 7


MACHADO = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def test_levels_that_some_eyes_take_for_one_differ_in_shape_and_in_word() -> None:
    """Colour alone fails: every pair of levels has another shape in the sprite, whatever is seen of
    its colour.
    """
    sprite = (
        Path(__file__).parents[2]
        / "services"
        / "dragoman"
        / "console"
        / "templates"
        / "symbols.html"
    ).read_text()
    shapes = dict(re.findall(r'<symbol id="i-([a-z]+)"[^>]*>(.*?)</symbol>', sprite))
    levels = ("critical", "serious", "caution", "normal", "standby", "off")
    assert len({shapes[level] for level in levels}) == len(levels)
    close = 0
    for theme, matrix in itertools.product(("light", "dark", "night"), MACHADO.values()):
        seen = {
            level: [
                sum(
                    weight * linear(each)
                    for weight, each in zip(row, channels(colours(theme)[level]), strict=True)
                )
                for row in matrix
            ]
            for level in levels
        }
        close += sum(
            sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5 < 0.1
            for one, other in itertools.combinations(levels, 2)
        )
    assert close  # some are: which is why the shapes must differ
