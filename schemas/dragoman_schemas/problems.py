"""Problem details (RFC 9457): the shape of every error, and a table of their types."""

from msgspec import Struct

BASE = "/problems/"


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One error in a body: its place (an RFC 6901 pointer) and its text.

    For dates that are over or too soon, `earliest` is the beginning that passes.
    """

    pointer: str
    detail: str
    earliest: str = ""


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as `application/problem+json`. `detail` ends with what to do next."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    request_id: str = ""
    errors: tuple[Fault, ...] = ()
    allowed: tuple[str, ...] = ()
    position: int | None = None


TYPES: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be read"),
    "idempotency-key": (400, "An Idempotency-Key is needed"),
    "unauthenticated": (401, "A valid token is needed"),
    "not-permitted": (403, "You are not allowed to do this"),
    "second-key-required": (403, "This act needs a second officer"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This method is not allowed on this path"),
    "not-acceptable": (406, "There is no response in a type that you accept"),
    "not-allowed-in-state": (409, "The act is not allowed in this state"),
    "void": (409, "The record is in the log, and void"),
    "busy": (409, "Other requests were faster, three times"),
    "file-held": (409, "The file waits for its scan"),
    "file-refused": (403, "The scanner refused the file"),
    "exists": (409, "It exists already"),
    "erased": (410, "It was erased, by the consent of every side"),
    "moved": (412, "The data that you relied on has changed"),
    "too-slow": (408, "The body did not arrive in time"),
    "too-large": (413, "The body is too large"),
    "no-room": (413, "The limit of what can be stored here is reached"),
    "media-type": (415, "A body of this type is not accepted here"),
    "invalid-act": (422, "The act is not valid"),
    "invalid": (422, "The request is not valid"),
    "key-reused": (422, "The key was used for another post"),
    "precondition-required": (428, "This act must say what it relies on"),
    "budget": (429, "The budget for this is used up"),
    "unavailable": (503, "The log cannot be reached"),
    "unknown-outcome": (503, "It is not known whether the post was recorded"),
    "behind": (503, "This gateway has not reached that position yet"),
    "read-only": (503, "This gateway does not write"),
    "internal": (500, "The service failed"),
}
"""The HTTP status and the title of each problem type."""
