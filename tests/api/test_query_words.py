"""A wrong query is answered in words, whatever the member."""

from typing import Any

import msgspec
import pytest

from dragoman.domain.record.validation_errors import fault_of
from dragoman.office.description import ROUTES

QUERIES = sorted({route.query for route in ROUTES}, key=lambda query: query.__qualname__)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.__name__)
def test_no_fault_of_a_query_speaks_of_patterns(query: type[Any]) -> None:
    for member in query.__struct_encode_fields__:
        try:
            msgspec.convert({member: " No such thing? "}, query, strict=False)
        except msgspec.ValidationError as error:
            detail = str(fault_of(error, query).fault.detail)
            assert "regex" not in detail and "the schema has it" not in detail, (member, detail)
