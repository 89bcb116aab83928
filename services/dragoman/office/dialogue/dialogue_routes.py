"""Routes of the dialogue."""

from typing import Any, Final

from dragoman.api.routing import CHANNEL, READ_HEADERS, May, Route
from dragoman.application.http.conditional_requests import (
    headers_of,
    served,
    standing,
)
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.projection.queries import dialogue
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.dialogue_responses import CodebookView, Coded, Perceptions, Roadmap


async def show_codebook(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the codebook that every side has adopted.

    Until all have, it is the codebook that is offered.
    """
    projection, position = await standing(call)
    adopted = {(book.codebook, book.version) for book in projection.registry.codebooks.values()}
    agreed = len(adopted) == 1 and len(projection.registry.codebooks) == len(
        projection.registry.sides
    )
    book = CODEBOOKS[adopted.pop()[0]] if agreed else next(iter(CODEBOOKS.values()))
    messages = tuple(
        Coded(code_word=book.code_word, designator=number, texts=texts)
        for number, texts in book.texts.items()
    )
    body = CodebookView(
        codebook=book.name,
        version=book.version,
        in_force=agreed,
        messages=messages,
        phrases=book.phrases,
    )
    return ApiReply(body=body, headers=headers_of(call, projection, position))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/perceptions",
        served(dialogue.perceptions),
        "Each side's perceptions next to the other's",
        NoBody,
        {200: Perceptions},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/roadmap",
        served(dialogue.roadmap),
        "The joint roadmap over the areas",
        NoBody,
        {200: Roadmap},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/codebook",
        show_codebook,
        "The coded messages in full",
        NoBody,
        {200: CodebookView},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
)
