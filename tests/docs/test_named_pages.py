"""Pages that messages and alerts name: each is there, and has the section that they say."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PAGE = re.compile(r"(docs/[\w-]+\.md)(?: says)?(?:, ((?:when|a|check) [a-z -]+)|#([\w-]+))?")
"""A page, and its section: in the words of a message, or as the anchor of an alert."""


def named() -> set[tuple[str, str]]:
    """The pages and sections that services and files for operators name."""
    files = [*(ROOT / "services").rglob("*.py"), *(ROOT / "deploy").rglob("*.yml")]
    texts = [re.sub(r'"\s+f?"', "", file.read_text()) for file in files]
    return {
        (page, words.replace(" ", "-") or anchor)
        for text in texts
        for page, words, anchor in _PAGE.findall(text)
    }


def sections_of(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_page_and_section_that_the_product_names_is_there() -> None:
    sections = {(page, section) for page, section in named() if section}
    assert len(sections) > 20
    assert {page for page, _ in named() if not (ROOT / page).is_file()} == set()
    assert {(page, name) for page, name in sections if name not in sections_of(page)} == set()
