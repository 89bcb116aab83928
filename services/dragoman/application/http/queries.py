"""The query of a request, decoded into the Struct that its handler declares.

    class ExampleQuery(Struct, frozen=True, kw_only=True):
        year: Whole = 2026
        sides: tuple[str, ...] = ()        ?year=2026&sides=nato&sides=china

A program gets a strict reading, `of_call`, because a mistyped parameter would change
its answer unseen. A page gets a lenient one, `of_page`: its address may come from a
form, a bookmark, or a mail that added parameters of its own.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, get_origin

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from dragoman.application.http.request import S
from dragoman.domain.record.errors import Refusal, Refused, refuse
from dragoman.domain.record.validation_errors import fault_of
from dragoman.text import Text, sentence

Whole = Annotated[int, Meta(ge=0, le=999_999_999_999_999)]
"""A position or a number, which a database and JSON can hold."""


def of_call(request: web.Request, shape: type[S]) -> S:
    """Return the query of a call of the API.

    Raises `Refused` for an unknown, doubled or faulty parameter.
    """
    try:
        query, parameters = _decoded(_values(request, shape), shape), request.query
    except _FaultyParameter as error:
        raise refuse(
            "bad-request",
            "The query is not valid: %(name)s: %(fault)s.",
            name=error.name,
            fault=error.fault,
        ) from None
    if any(len(parameters.getall(name)) > 1 for name in {*parameters} - _lists(shape)):
        raise refuse("bad-request", "A query parameter is given twice; give each once.")
    declared_names = shape.__struct_encode_fields__
    if unknown := parameters.keys() - {*declared_names}:
        names = ", ".join(sorted(unknown))
        detail = sentence(
            "There is no query parameter %(names)s here; this path has none.", names=names
        )
        if declared_names:
            detail = sentence(
                "There is no query parameter %(names)s here; this path has: %(known)s.",
                names=names,
                known=", ".join(declared_names),
            )
        raise Refused(Refusal(kind="bad-request", detail=detail))
    return query


def of_page(request: web.Request, shape: type[S]) -> S:
    """Return the query of a page. Raises `Refused` for a faulty parameter.

    Unknown parameters do not count, nor does an empty one: a form sends its empty
    fields, too. The first of a doubled parameter counts. White space is as people type
    it, so a run of it is one space. A `bool` is true where the address has the
    parameter at all, as in `?wall`.
    """
    types = _types(shape)
    values: dict[str, Any] = {}
    for name, value in _values(request, shape).items():
        if types.get(name) is bool:
            values[name] = True
        elif isinstance(value, list):
            values[name] = [item for text in value if (item := _typed(text))]
        elif text := _typed(value):
            values[name] = text
    try:
        return _decoded(values, shape)
    except _FaultyParameter as error:
        raise refuse(
            "bad-request",
            "The address of this page asks for something that is not there: %(name)s: %(fault)s.",
            name=error.name,
            fault=error.fault,
        ) from None


def has_empty(request: web.Request, shape: type[Struct]) -> bool:
    """Return whether a parameter of a shape is empty, as a submitted form has it."""
    return any(request.query.get(name) == "" for name in _types(shape))


def _typed(text: str) -> str:
    return " ".join(text.split())


def _values(request: web.Request, shape: type[Struct]) -> dict[str, Any]:
    """Return the parameters of a request: a text each, and for a list all its texts."""
    parameters, lists = request.query, _lists(shape)
    return {
        name: parameters.getall(name) if name in lists else parameters[name] for name in parameters
    }


class _FaultyParameter(Exception):
    """A parameter that its shape does not take."""

    def __init__(self, name: Text | str, fault: Text | str) -> None:
        super().__init__(name, fault)
        self.name, self.fault = name, fault


def _decoded(values: Mapping[str, Any], shape: type[S]) -> S:
    try:
        return msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as error:
        fault = fault_of(error, shape).fault
        name = fault.pointer.removeprefix("/").partition("/")[0]
        raise _FaultyParameter(
            name or sentence("it"), _range(shape, name) or fault.detail
        ) from None


def _range(shape: type[Struct], name: str) -> Text | None:
    """Return the range of a whole number; None for a parameter of another kind."""
    info = msgspec.inspect.type_info(_types(shape).get(name, str))
    types = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    match types[0]:
        case msgspec.inspect.IntType(ge=int(least), le=int(most)):
            return sentence(
                "write a whole number from %(least)s to %(most)s", least=least, most=most
            )
        case msgspec.inspect.IntType(ge=None, le=None):
            return sentence("write a whole number")
        case _:
            return None


@cache
def _types(shape: type[Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(shape)}


@cache
def _lists(shape: type[Struct]) -> frozenset[str]:
    return frozenset(name for name, type in _types(shape).items() if get_origin(type) is tuple)
