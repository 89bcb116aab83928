"""The repository keeps every generated document, and none of them is stale."""

from functools import cache
from pathlib import Path

from dragoman.office.generate_docs import documents

ROOT = Path(__file__).parents[2]


@cache
def generated() -> dict[Path, str]:
    """Every document as the code says it now, which takes seconds."""
    return dict(documents())


def test_what_is_published_is_what_the_code_says() -> None:
    assert {path for path, text in generated().items() if (ROOT / path).read_text() != text} == (
        set()
    ), "run make schemas"


def test_nothing_published_is_left_over() -> None:
    assert {ROOT / path for path in generated() if path.suffix == ".json"} == set(
        (ROOT / "schemas/published").rglob("*.json")
    )
