"""The page of problems explains each type, and no other."""

import re

from dragoman.api import problems_page
from dragoman_schemas.problems import TYPES


def test_each_problem_type_is_explained_and_no_other() -> None:
    assert problems_page.EXPLANATIONS.keys() == TYPES.keys()
    for kind, text in problems_page.EXPLANATIONS.items():
        assert re.fullmatch(r"[A-Z`].*[.)]", text.meaning), kind
        assert re.fullmatch(r"[A-Z`].*[.)]", text.action), kind
