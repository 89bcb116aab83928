"""Answers are compressed where the line gains more than the processor loses."""

import pytest
from aiohttp import web

from dragoman.application.http.request import compressed
from dragoman.limits import COMPRESSED_BYTES, COMPRESSED_PAGE_BYTES


@pytest.mark.parametrize(
    ("content_type", "size", "expected"),
    [
        ("text/html", COMPRESSED_PAGE_BYTES, True),  # what rings is a small part of a page
        ("text/html", COMPRESSED_PAGE_BYTES - 1, False),
        ("application/json", COMPRESSED_BYTES, True),
        ("application/json", COMPRESSED_BYTES - 1, False),
        ("image/png", COMPRESSED_BYTES, False),
    ],
)
def test_a_small_page_is_compressed_and_a_small_answer_of_the_api_is_not(
    content_type: str, size: int, expected: bool
) -> None:
    response = compressed(web.Response(body=bytes(size), content_type=content_type))
    assert response.compression is expected
