"""The contracts about imports find what breaks them."""

from pathlib import Path

import pytest

from import_contracts import faults

FILES = {
    "services/dragoman/text.py": "from dragoman.api.page import show\n",
    "services/dragoman/api/page.py": "from dragoman import text\nfrom dragoman.reports import chart\n",
    "services/dragoman/reports/chart.py": "",
    "services/dragoman/reports/_axes.py": "",
    "services/dragoman/reports/lines.py": "from dragoman.reports import _axes\n",
}
MUTUAL = "from dragoman.api.page import show\n"
PAIR = "services/dragoman/api services/dragoman/reports"


@pytest.mark.parametrize(
    ("chart", "debt", "told"),
    [
        ("", (), []),  # the root of the package is layered elsewhere; a module may be private
        ("from dragoman.reports.lines import (\n    _draw,\n)\n", (), ["chart.py:1: _draw is private"]),
        (MUTUAL, (), [f"{PAIR}: these folders import each other"]),
        (MUTUAL, (PAIR,), []),
        ("", (PAIR,), [f"{PAIR}: this pair is gone"]),
    ],
)  # fmt: skip
def test_a_broken_contract_is_named(
    tmp_path: Path, chart: str, debt: tuple[str, ...], told: list[str]
) -> None:
    for name, text in {**FILES, "services/dragoman/reports/chart.py": chart}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    broken = [*faults(tmp_path, debt)]
    assert len(broken) == len(told)
    assert all(part in fault for part, fault in zip(told, broken, strict=True))
