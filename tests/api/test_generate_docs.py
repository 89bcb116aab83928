"""The repository keeps every generated document, and none of them is stale."""

from pathlib import Path

import pytest

from dragoman.api.generate_docs import documents

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(path, text, id=str(path)) for path, text in documents()]
)
def test_what_is_published_is_what_the_code_says(path: Path, text: str) -> None:
    assert (ROOT / path).read_text() == text, "run make schemas"


def test_nothing_published_is_left_over() -> None:
    assert {ROOT / path for path, _ in documents() if path.suffix == ".json"} == set(
        (ROOT / "schemas/published").rglob("*.json")
    )
