"""The description of the API as a test reads it: what an operation takes, and whether an answer is
one that it describes. It is made from the code, as the service makes it.
"""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.office.description import document
from dragoman.office.generate_docs import descriptions
from service import Answer

DOCUMENT: Final[dict[str, Any]] = json.loads(msgspec.json.encode(document()))
OPERATIONS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}

CALLERS: Final[dict[str, str]] = {
    "new_channel": "operator",
    "open_channel": "operator",
    "show_terms": "operator",
    "list_tokens": "operator",
    "issue_token": "operator",
    "revoke_token": "operator",
    "list_subjects": "operator",
    "map_subject": "operator",
    "forget_subject": "operator",
    "post_opening": "nato/duty_officer",
    "post_act": "china/duty_officer",
    "show_turn_over": "nato/duty_officer",
    "answer_turn_over_points": "nato/duty_officer",
    "new_endpoint": "nato/head_of_office",
    "remove_endpoint": "nato/administrator",
    "resend": "nato/administrator",
    "test_endpoint": "nato/administrator",
    **dict.fromkeys(
        ("put_roster", "put_roster_subscription", "put_roster_settings", "set_cover"),
        "nato/head_of_office",
    ),
    **dict.fromkeys(("remove_roster", "erase_roster_officer"), "nato/administrator"),
}
"""The caller of each operation; by default an officer of nato."""


def written(folder: Path, name: str = "openapi") -> Path:
    """Write the description of the API or of its streams into a folder, for another program."""
    files = {path.stem: (path, text) for path, text in descriptions(folder)}
    path, text = files[name]
    path.write_text(text)
    return path


def check(operation: str, answer: Answer) -> None:
    """An answer has a status, headers, a type and a shape that its operation describes."""
    from jsonschema import Draft202012Validator  # takes a second, in each process that collects

    _, _, described = OPERATIONS[operation]
    if "308" in described["responses"] and answer.status == 200:
        return  # the client has followed it to an operation that is described itself
    found = described["responses"].get(str(answer.status))
    assert found is not None, (operation, answer.status, answer.body)
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    content = found.get("content", {})
    assert kind in content or not (content or answer.body), (operation, answer.status, kind)
    schema = content.get(kind, {}).get("schema")
    if schema is not None and kind in ("application/json", "application/problem+json"):
        faults = [
            *Draft202012Validator({**schema, "components": DOCUMENT["components"]}).iter_errors(
                answer.json
            )
        ]
        assert not faults, (operation, faults[0].message, list(faults[0].absolute_path))
    for name in (
        "Location",
        "ETag",
        "Link",
        "Dragoman-Position",
        "Retry-After",
        "RateLimit",
        "Idempotent-Replayed",
    ):
        if name in answer.headers:
            assert name in found.get("headers", {}), (operation, answer.status, name)
