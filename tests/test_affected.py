"""`make affected` runs the tests of what a change touches, and more in doubt."""

from pathlib import Path

import pytest

from affected import explained, selected
from import_graph import Graph, imports_of

TREE = {
    "services/dragoman/__init__.py": "",
    "services/dragoman/text.py": "",
    "services/dragoman/notifier/__init__.py": "",
    "services/dragoman/notifier/webhook.py": "from dragoman import (\n    text,  # (said)\n    limits,\n)\n",
    "services/dragoman/console/page.py": 'OWN = "templates"\nimport dragoman.notifier.webhook as hook\n',
    "services/dragoman/console/templates/page.html": "",
    "services/dragoman/eventlog/writer.py": "",
    "services/dragoman/bootstrap.py": "from dragoman.notifier import webhook\nfrom dragoman.console import page\n",
    "tests/support/service.py": "",
    "tests/live/conftest.py": "from service import Service\n",
    "tests/live/test_hooks.py": "# a webhook\n",
    "tests/live/test_posts.py": "",
    "tests/live/test_walk.py": 'WALK = "docs/api.md"\n',
    "tests/console/test_page.py": "from dragoman.console.page import Page\n",
    "tests/console/test_named.py": 'MODULE = "dragoman.text"\n',
    "tests/test_house.py": "from dragoman.bootstrap import House\n",
    "docs/api.md": "",
    "pyproject.toml": "",
}  # fmt: skip


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Graph.of(tmp_path, ["services/dragoman/limits.py"])


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        # Through the package, a module, an alias and a list in brackets; a string names it, too.
        ("services/dragoman/text.py", {"console/test_page", "console/test_named", "live/test_hooks",
                                       "live/test_posts", "live/test_walk", "test_house"}),
        # Of what is put together, only what has to do with a room runs.
        ("services/dragoman/notifier/webhook.py", {"console/test_page", "live/test_hooks"}),
        # A deep room has to do with all that starts the program.
        ("services/dragoman/eventlog/writer.py", {"live/test_hooks", "live/test_posts", "live/test_walk", "test_house"}),
        # What puts the program together has to do with all, too.
        ("services/dragoman/bootstrap.py", {"live/test_hooks", "live/test_posts", "live/test_walk", "test_house"}),
        # A deleted module is still imported.
        ("services/dragoman/limits.py", {"console/test_page", "live/test_hooks", "live/test_posts",
                                         "live/test_walk", "test_house"}),
        ("services/dragoman/console/templates/page.html", {"console/test_page"}),
        ("docs/api.md", {"live/test_walk"}),
        ("tests/live/conftest.py", {"live/test_hooks", "live/test_posts", "live/test_walk"}),
        ("tests/console/test_named.py", {"console/test_named"}),
    ],
)  # fmt: skip
def test_a_change_runs_the_tests_that_it_touches(
    graph: Graph, changed: str, tests: set[str]
) -> None:
    assert selected(graph, [changed]).keys() == {f"tests/{test}.py" for test in tests}


@pytest.mark.parametrize("changed", ["pyproject.toml", "what/is/this.bin"])
def test_everything_runs_where_nobody_knows_better(graph: Graph, changed: str) -> None:
    assert [*selected(graph, ["docs/api.md", changed])] == ["tests"]


def test_it_says_why(graph: Graph) -> None:
    assert explained(selected(graph, ["docs/api.md"])) == (
        "tests/live: test_walk.py: imports or reads docs/api.md\n"
    )


def test_an_import_is_read_in_every_form() -> None:
    text = (
        "def f():\n    from a.b import (\n        c as d,  # )\n        _e,\n    )\nimport x.y, z\n"
    )
    assert [*imports_of(text)] == [
        (2, "a.b", "c"), (2, "a.b", "_e"), (6, "x.y", ""), (6, "z", ""),
    ]  # fmt: skip
