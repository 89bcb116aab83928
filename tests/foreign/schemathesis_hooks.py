"""Hooks for Schemathesis. It sends and reads the types that it does not know as text, unchanged.
One kind of 503 counts as a valid answer.
"""

from typing import Any, get_args

import schemathesis

from dragoman_schemas.fields import MediaType

TYPES = (
    *(
        "application/cap+xml",
        "application/EmergencyCallData.cap+xml",
        "application/cloudevents-batch+json",
        "application/x-ndjson",
    ),
    *("text/calendar", "text/vcard", "text/html", "text/markdown", "text/event-stream"),
    *(each for each in get_args(MediaType) if each != "application/json"),
)


@schemathesis.serializer(*TYPES)
def as_text(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """A body as bytes."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@schemathesis.deserializer(*TYPES)
def text(ctx: schemathesis.DeserializationContext, response: Any) -> Any:
    """A body as text."""
    return response.content.decode(errors="replace")


@schemathesis.check
def unavailable_only_while_behind(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """A 503 says that the log has not come to the position that was asked for, and when to ask
    again.
    """
    if response.status_code == 503:
        assert response.json()["type"] == "/problems/behind", response.text
        assert "retry-after" in response.headers, response.headers
