"""Routes of one notice to many channels."""

from typing import Any, Final

from msgspec import Struct

from dragoman.api import examples
from dragoman.api.routing import May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.http.submission import key_of
from dragoman.application.operations.notices import notice_table, post_notice
from dragoman_schemas.notice_responses import NewNotice, NoticeTable


class NoticeQuery(Struct, frozen=True, kw_only=True):
    """The officer who posted the notice; by default the caller."""

    by: str = ""


async def new_notice(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Record an act in several channels.

    The answer says for each channel whether it has the record. Where it says
    otherwise, the same request may be sent again with the same key.
    """
    new = await call.decoded(NewNotice)
    key = key_of(call.request.headers.get("Idempotency-Key"))
    return ApiReply(body=await post_notice(call, new, key))


async def show_notice(call: ApiRequest[NoticeQuery]) -> ApiAnswer:
    """Return the table of a notice, with the receipts of each addressee."""
    by = call.query.by or call.grant.actor
    return ApiReply(
        body=await notice_table(ApiRequest(call.request, NoBody()), call.path("key"), by)
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "POST",
        "/v1/notices",
        new_notice,
        "Post one notice to many channels",
        NoBody,
        {200: NoticeTable},
        takes=NewNotice,
        headers=("Idempotency-Key",),
        example=examples.NOTICE,
        may=May.CALLER,
    ),
    Route(
        "GET",
        "/v1/notices/{key}",
        show_notice,
        "Who has a notice that went to many channels",
        NoticeQuery,
        {200: NoticeTable},
        may=May.CALLER,
    ),
)
