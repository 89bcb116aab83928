"""The page docs/problems.md, made from the table of problem types.

The types, with status and title, are in `dragoman_schemas.problems`. This module says
what they mean, and what a caller does. The description of the API says which operations
answer with them.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from dragoman_schemas.problems import BASE, TYPES

_HEAD: Final = """# Problems

After this page you know each problem that the API answers with, and what a program does about \
it. This page is generated (`make schemas`).

An error is `application/problem+json` (RFC 9457). Decide only by `type`: it never changes. \
`title` and `detail` are for people. A `type` is a name, and no address to open: compare the text. \
`GET /v1/openapi.json` lists the types of each operation.

```json
{
 "type": "/problems/not-allowed-in-state",
 "title": "The act is not allowed in this state",
 "status": 409,
 "detail": "…; the acts allowed to china are listed in `allowed`.",
 "allowed": ["acknowledgement", "reply"],
 "request_id": "5f1c…"
}
```

| member | content |
|---|---|
| `type` | one of the names below, after `/problems/` |
| `title`, `status` | the same for each problem of a type |
| `detail` | what is wrong, and then what to do, in English |
| `instance` | the path of the request |
| `request_id` | the id of the request, which the operator finds in the log |
| `errors[]` | for a body: a JSON pointer to each member, at any depth, that is unknown, \
missing or does not fit, and what is wrong there. At most 20, \
and those that the body itself lacks. For dates that are over or too soon, \
`earliest` is the beginning that passes |
| `allowed` | for `not-allowed-in-state`: the acts that the state allows |
| `position` | for `void` and `erased`: where in the log it is |

"""


class Explanation(NamedTuple):
    """A problem type in words: its meaning, and what a caller does."""

    meaning: str
    action: str


_AGAIN: Final = "Send the same request again after `Retry-After` seconds"

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "bad-request": Explanation(
        "The request is not valid HTTP, a parameter or header has a wrong form, or the body ended "
        "early.",
        "Correct what `detail` names. The same request fails again.",
    ),
    "idempotency-key": Explanation(
        "The operation records something once, and the request has no `Idempotency-Key`, or one of "
        "a wrong form.",
        "Send a new UUIDv7, and keep it for every repetition of this request.",
    ),
    "unauthenticated": Explanation(
        "There is no token, or it is unknown, expired or revoked.",
        "Get a new token from the operator, or a new access token from your provider.",
    ),
    "not-permitted": Explanation(
        "The token is valid, and its officer or its scope may not do this.",
        "Use the token of a role that may: [access.md](access.md) lists them.",
    ),
    "second-key-required": Explanation(
        "One officer drafts this act, and another officer of the same side releases it.",
        "Post it to `/drafts`, and have a colleague release it ([two officers](api.md#posting)).",
    ),
    "not-found": Explanation(
        "The path does not exist, or the caller may not see what is there. The two look alike.",
        "Check the path, and whether the token is for that channel.",
    ),
    "method-not-allowed": Explanation(
        "The path exists, and does not support this method.",
        "Use a method that the header `Allow` lists.",
    ),
    "not-acceptable": Explanation(
        "The answer cannot be given in a media type that `Accept` names.",
        "Ask for JSON, or for a type that `GET /v1/openapi.json` lists for the operation.",
    ),
    "not-allowed-in-state": Explanation(
        "The exchange has moved on, or has not come so far, so this act has no place in it.",
        "Read the exchange again, and choose one of `allowed`. [states.md](states.md) draws the "
        "states.",
    ),
    "void": Explanation(
        "Another act came first. The record of this one is in the log, without effect, at "
        "`position`.",
        "Read the exchange, and decide again with a new key. Do not repeat the old post.",
    ),
    "busy": Explanation(
        "Other writers were faster, three times. Nothing was recorded.",
        f"{_AGAIN}, with the same key.",
    ),
    "file-held": Explanation(
        "A file of another side is held until the scanner here has passed it "
        "([scanning.md](scanning.md)). `detail` says why the last scan failed, if one did.",
        f"{_AGAIN}.",
    ),
    "file-refused": Explanation(
        "The scanner here refused a file of another side. `detail` has the line that it wrote.",
        "Ask the side for another file. This one is never given out here.",
    ),
    "exists": Explanation(
        "Something with this name or id exists already, and is not the same.",
        "Choose another name, or read what is there.",
    ),
    "erased": Explanation(
        "Every side agreed to erase this exchange. The record of that is at `position`.",
        "Remove your own copy, if your side's rules say so. It does not come back.",
    ),
    "moved": Explanation(
        "The ETag in `If-Match`, or the digest of a text, is of an older version.",
        "Read it again. Show the change to the officer, and send the new ETag if it is still "
        "meant.",
    ),
    "too-slow": Explanation(
        "The body did not arrive in time.",
        "Send it again on a better line, with the same key.",
    ),
    "too-large": Explanation(
        "The body is larger than the operation takes.",
        "Make it smaller. Long matter of an act goes into an attachment.",
    ),
    "no-room": Explanation(
        "A limit of the channel, the exchange or the side is used up, such as 2 MiB for each side "
        "in an exchange.",
        "Open a new exchange that refers to the old one, or remove what is not needed.",
    ),
    "media-type": Explanation(
        "The `Content-Type` of the body is not one that this operation reads.",
        "Send `application/json`, or the type that the description of the operation names.",
    ),
    "invalid-act": Explanation(
        "The body is JSON, and is not a valid act: a member is unknown, missing or does not fit.",
        "Correct each of `errors`. [formats.md](formats.md) has an example of each act.",
    ),
    "invalid": Explanation(
        "The request can be read, and contradicts itself or what is stored.",
        "Correct what `detail` and `errors` name. The same request fails again.",
    ),
    "key-reused": Explanation(
        "The `Idempotency-Key` belongs to another post.",
        "Use a new key for a new post. If you meant a repetition, send exactly the first body.",
    ),
    "precondition-required": Explanation(
        "The request changes or agrees to something, and does not say which version it has read.",
        "Read it, and send its ETag in `If-Match`.",
    ),
    "budget": Explanation(
        "The officer, the side, the channel or the address has sent more than its budget allows.",
        f"{_AGAIN}. `RateLimit` says which budget it was.",
    ),
    "unavailable": Explanation(
        "The broker cannot be reached or is not trusted, or the gateway starts. Nothing was "
        "recorded.",
        f"{_AGAIN}, with the same key, here or at another gateway.",
    ),
    "unknown-outcome": Explanation(
        "The broker did not answer in time. The post may be recorded, or not.",
        f"{_AGAIN}, with the same key, until another answer comes. It cannot be recorded twice.",
    ),
    "behind": Explanation(
        "This gateway has not read the log so far yet, or is overloaded.",
        f"{_AGAIN}, here or at another gateway.",
    ),
    "read-only": Explanation(
        "The gateway records nothing in this channel, because something is wrong with its log or "
        "its data. Reading goes on.",
        "Try another gateway, and tell the operator. Keep what you wanted to post.",
    ),
    "internal": Explanation(
        "A fault of the program. It is not known to be an error of your request.",
        "Tell the operator the `request_id`. For a post, send it once more with the same key.",
    ),
}
"""The meaning of each problem type. A test compares its keys with `TYPES`."""


def page() -> str:
    """Return the page."""
    return _HEAD + "\n".join(_types())


def _types() -> Iterator[str]:
    """Yield the overview by status, and then each type, by status."""
    order = sorted(TYPES, key=lambda kind: TYPES[kind][0])
    yield "| status | types |"
    yield "|---|---|"
    for status in dict.fromkeys(TYPES[kind][0] for kind in order):
        links = (f"[`{kind}`](#{kind})" for kind in order if TYPES[kind][0] == status)
        yield f"| {status} | {', '.join(links)} |"
    yield ""
    for kind in order:
        status, title = TYPES[kind]
        meaning, action = EXPLANATIONS[kind]
        yield f"## `{kind}`\n"
        yield f"{status}, “{title}”. {meaning}\n"
        yield f"- Do: {action}"
        yield f"- Type: `{BASE}{kind}`\n"
