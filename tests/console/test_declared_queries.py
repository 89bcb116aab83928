"""The query of a page is declared: no handler reads it by hand."""

import re
from pathlib import Path

import pytest

import dragoman

_PACKAGE = Path(dragoman.__file__).parent
_BY_HAND = re.compile(r"\brequest\.(?:query|query_string)\b")

RAW = {
    "console/page/context.py": "writes the page's own address again, as it came",
    "console/compose/form_beginnings.py": "takes the fields of a form, which differ by act",
    "console/sign_in/provider_sign_in.py": "gives the provider's parameters to the protocol",
}
"""The modules that may read a query by hand, with the reason."""


@pytest.mark.parametrize("folder", ["console", "office"])
def test_no_page_reads_its_query_by_hand(folder: str) -> None:
    readers = {
        str(path.relative_to(_PACKAGE))
        for kind in ("py", "html")
        for path in (_PACKAGE / folder).rglob(f"*.{kind}")
        if _BY_HAND.search(path.read_text())
    }
    assert readers == {path for path in RAW if path.startswith(folder)}, (
        "declare the query as a Struct beside the handler, and take it with context.asked"
    )
