"""The documentation site: it builds without a warning, has every page, and needs no network."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from playwright.async_api import Request, async_playwright, expect

from patience import PATIENCE_MS, PATIENCE_S

ROOT = Path(__file__).parents[2]
BUILDER = ROOT / "docs" / "site" / "build.py"
CHROMIUM = Path("/usr/bin/chromium")

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Addresses that a browser loads by itself, by element and attribute. Links are not among them."""

DEFECTS = {
    "A link to no page: [x](none.md).": "cross-reference target not found: 'none.md'",
    "A link to no heading: [x](metrics.md#none).": "local id not found in doc 'docs/metrics'",
    "A link to no file: [x](../deploy/none.toml).": "not found: '../deploy/none.toml'",
    "[A folder](../deploy/prometheus/) without a page.": "not found: '../deploy/prometheus/'",
    "A picture that is not there: ![x](pictures/none.png)": "image file not readable",
    "No list has this page.": "document isn't included in any toctree",
}
"""Sentences of a bad page, each with the warning about it."""


class Site(NamedTuple):
    """A built site, and the warnings of its build."""

    folder: Path
    status: int
    warnings: list[str]


def builder() -> ModuleType:
    specification = importlib.util.spec_from_file_location("site_builder", BUILDER)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site with one bad page: one build shows that all else is good."""
    source, target = (tmp_path_factory.mktemp("docs") / name for name in ("pages", "site"))
    site_builder = builder()
    site_builder.stage(source)
    (source / "docs" / "bad.md").write_text("# Bad\n\n" + "\n\n".join(DEFECTS))
    build = subprocess.run(
        site_builder.sphinx_command(source, target),
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_S,  # one build in many processes, beside other tests
        check=False,
    )
    return Site(target, build.returncode, [*filter(None, build.stderr.split("\n"))])


@pytest.fixture
def site(built: Site) -> Path:
    return built.folder


@pytest.mark.reads("*.md", "docs/**", "deploy/**", "tests/**/README.md", "requirements/dev.lock")
def test_each_page_is_in_the_site(site: Path) -> None:
    pages = {
        page.relative_to(ROOT).with_suffix(".html")
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        if page.parent != ROOT / "docs" / "site"
    }
    assert len(pages) > 80
    assert {str(page) for page in pages if not (site / page).exists()} == set()


@pytest.mark.reads("*.md", "docs/**", "deploy/**", "tests/**/README.md", "requirements/dev.lock")
def test_every_warning_is_about_the_bad_page(built: Site) -> None:
    others = [line for line in built.warnings if "/docs/bad.md" not in line]
    assert others == []


@pytest.mark.reads("*.md", "docs/**", "deploy/**", "tests/**/README.md", "requirements/dev.lock")
@pytest.mark.parametrize("warning", DEFECTS.values())
def test_a_dead_link_and_a_page_in_no_list_fail_the_build(built: Site, warning: str) -> None:
    assert built.status != 0
    assert [line for line in built.warnings if warning in line], built.warnings


class Resources(HTMLParser):
    """The addresses that a browser would load for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if LOADED.get(tag) == name and value]


def addresses(site: Path) -> Iterator[tuple[Path, str]]:
    for page in site.rglob("*.html"):
        resources = Resources()
        resources.feed(page.read_text())
        yield from ((page, address) for address in resources.addresses)
    for sheet in site.rglob("*.css"):
        for address in re.findall(
            r"(?:url\(\s*|@import\s+)[\"']?([^\"')]+)", sheet.read_text(), re.IGNORECASE
        ):
            yield sheet, address


@pytest.mark.reads("*.md", "docs/**", "deploy/**", "tests/**/README.md", "requirements/dev.lock")
def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = list(addresses(site))
    assert len(loaded) > 500
    assert [(page, address) for page, address in loaded if is_elsewhere(address)] == []


@pytest.mark.parametrize(
    ("address", "elsewhere"),
    [
        ("https://fonts.example/a.woff2", True),
        ("//cdn.example/a.js", True),
        ("../_static/a.css", False),
        ("data:image/svg+xml;base64,AAAA", False),
    ],
)
def test_an_address_elsewhere_is_recognised(address: str, elsewhere: bool) -> None:
    assert is_elsewhere(address) is elsewhere


def is_elsewhere(address: str) -> bool:
    return bool(re.match(r"(?!data:)[a-z][a-z0-9+.-]*:|//", address, re.IGNORECASE))


def test_a_diagram_that_is_no_diagram_of_states_is_not_passed_over() -> None:
    site_builder = builder()
    match = re.search("(.*)", "  [*] --> sent")
    assert match is not None
    assert "| *(start)* |  | sent |" in site_builder._transitions(match)
    match = re.search("(.*)", "  note right of sent")
    assert match is not None
    with pytest.raises(ValueError, match="not a transition"):
        site_builder._transitions(match)


@pytest.mark.reads("*.md", "docs/**", "deploy/**", "tests/**/README.md", "requirements/dev.lock")
@pytest.mark.browser
async def test_the_search_works_from_a_disk(site: Path) -> None:
    if not CHROMIUM.exists():
        if os.environ.get("DRAGOMAN_REQUIRE_BROWSER") == "1":
            pytest.fail(f"DRAGOMAN_REQUIRE_BROWSER=1, and there is no {CHROMIUM}")
        pytest.skip(f"there is no {CHROMIUM}: install Chromium to run this")
    requests: list[str] = []
    errors: list[str] = []

    def note(request: Request) -> None:
        requests.append(request.url)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto((site / "index.html").as_uri())
        await page.get_by_role("textbox", name="Search").first.fill("nats.disconnected")
        await page.keyboard.press("Enter")
        results = page.locator("#search-results li a")
        await expect(results.first).to_be_visible(timeout=PATIENCE_MS)
        await results.get_by_text("Log events").first.click()
        await expect(page.locator("h1")).to_contain_text("Log events", timeout=PATIENCE_MS)
        await browser.close()
    assert errors == []
    assert len(requests) > 5
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
