"""The reader of forms: UTF-8 only, and nothing that a sender may choose a codec for."""

import ast
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dragoman
from dragoman.console.page import form_body
from dragoman.console.page.form_body import Upload
from dragoman.domain.record.errors import Refused
from dragoman.limits import FORM_FIELDS

B = b"boundary"
texts = st.text(st.characters(codec="utf-8"), max_size=40)


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """A multipart form of parts: the lines of a part's head, and its content."""
    return (
        b"".join(
            b"--%s\r\n%s\r\n\r\n%s\r\n" % (B, head.encode(), content) for head, content in parts
        )
        + b"--%s--\r\n" % B
    )


@given(st.lists(st.tuples(texts, texts), max_size=8))
def test_a_urlencoded_form_comes_back_as_it_was_filled_in(fields: list[tuple[str, str]]) -> None:
    assert [*form_body.parsed(urlencode(fields).encode()).items()] == fields


@given(st.lists(st.binary(max_size=60).filter(lambda each: B not in each), max_size=5))
def test_files_come_back_byte_for_byte(contents: list[bytes]) -> None:
    parts = [
        (f'Content-Disposition: form-data; name="upload"; filename="{n}.bin"', each)
        for n, each in enumerate(contents)
    ]
    found = form_body.parsed(multipart(*parts), B)
    assert [each.content for each in found.values() if isinstance(each, Upload)] == contents


def test_a_browsers_form_with_a_file_is_read() -> None:
    body = multipart(
        ('Content-Disposition: form-data; name="f.text.zh"', "会面\r\n".encode()),
        (
            'Content-Disposition: form-data; name="upload"; filename="报告 %22x%22.pdf"\r\nContent-Type: application/pdf',
            b"%PDF\r\n\r\n--",
        ),
    )
    form = form_body.parsed(body, B)
    upload = form["upload"]
    assert form["f.text.zh"] == "会面\r\n"
    assert isinstance(upload, Upload)
    assert (upload.filename, upload.media_type, upload.content) == (
        '报告 "x".pdf',
        "application/pdf",
        b"%PDF\r\n\r\n--",
    )


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(raw: bytes) -> None:
    for boundary in (b"", B):
        with suppress(Refused):
            form_body.parsed(raw, boundary)


@pytest.mark.parametrize(
    "head",
    [
        'Content-Disposition: form-data; name="x"\r\nContent-Type: text/plain; charset=punycode',
        'Content-Disposition: form-data; name="x"\r\nContent-Transfer-Encoding: quoted-printable',
        'Content-Disposition: form-data; name="x"\r\nContent-Encoding: gzip',
    ],
)
def test_a_parts_own_charset_or_encoding_is_refused(head: str) -> None:
    with pytest.raises(Refused) as caught:
        form_body.parsed(multipart((head, b"x")), B)
    assert caught.value.refusal.kind == "media-type"


def test_the_codec_of_an_extended_file_name_is_never_used() -> None:
    head = "Content-Disposition: form-data; name=\"x\"; filename*=punycode''" + "a" * 3_000
    with pytest.raises(Refused):
        form_body.parsed(multipart((head, b"x")), B)


@pytest.mark.parametrize("more", [1, 240_000])
def test_more_fields_than_any_form_has_are_refused_at_once(more: int) -> None:
    part = ('Content-Disposition: form-data; name="x"', b"")
    begun = time.process_time()
    for raw, boundary in (
        (b"a&" * (FORM_FIELDS + more), b""),
        (multipart(*[part] * (FORM_FIELDS + 1)), B),
    ):
        with pytest.raises(Refused):
            form_body.parsed(raw, boundary)
    assert time.process_time() - begun < 0.5


def test_nothing_in_the_service_decodes_a_body_as_its_sender_wishes() -> None:
    """aiohttp's `post`, `text`, `json` and `multipart` of a request use the sender's charset; no
    module of the gateway calls them.
    """
    package = Path(dragoman.__file__).parent
    files = [
        file
        for room in ("api", "application", "console", "office", "server")
        for file in (package / room).rglob("*.py")
    ]
    assert len(files) > 80
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and "request" in ast.unparse(node.func.value)
            ):
                assert node.func.attr not in ("post", "text", "json", "multipart"), (
                    f"{file.name}:{node.lineno}"
                )
