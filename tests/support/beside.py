"""People and files for acts that name them: entered and put as an officer would, before the act is
posted.
"""

import hashlib
import secrets
from typing import Any

from service import Answer, Caller, new_key

MS_LI = {
    "name": "Li Wei",
    "post": "Duty officer",
    "institution": "Liaison office, Beijing",
    "telephones": ["+86 10 5550 0100"],
    "emails": ["li.wei@liaison.example"],
    "languages": ["zh", "en"],
}


async def enter(
    caller: Caller, entry: Any = MS_LI, *, key: str = "", channel: str = "nato-china"
) -> Any:
    """Enter somebody; the entry as it is answered."""
    answer = await caller.post(f"/v1/channels/{channel}/people", entry, key=key or new_key())
    assert answer.status == 201, answer.body
    return answer.json


def named(entry: Any) -> dict[str, str]:
    """Somebody as acts name them."""
    return {"id": entry["id"], "commitment": entry["commitment"]}


def digest(content: bytes) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


async def put(
    caller: Caller, content: bytes, media_type: str = "text/plain", *, channel: str = "nato-china"
) -> Answer:
    """Put a file."""
    return await caller.call(
        "PUT", f"/v1/channels/{channel}/files/{digest(content)}", content, Content_Type=media_type
    )


def attached(content: bytes, media_type: str = "text/plain") -> dict[str, Any]:
    """A file as acts attach it."""
    return {
        "sha256": digest(content),
        "media_type": media_type,
        "bytes": len(content),
        "title": "Annex",
    }


async def provided(caller: Caller, value: Any, channel: str = "nato-china") -> Any:
    """An act with everybody, every file and every record that it names entered, put and posted;
    people keep their ids, files get bytes.
    """
    if isinstance(value, list):
        return [await provided(caller, inner, channel) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"id", "commitment"}:
        return named(await enter(caller, key=value["id"], channel=channel))
    if value.keys() == {"record", "exchange", "commit"}:
        opened = (
            await caller.open(
                {
                    "act": "recommendation",
                    "text": "Talk more often.",
                    "area": "maritime-security",
                    "addressees": ["nato"],
                },
                channel,
            )
        ).json
        return {"record": opened["id"], "exchange": opened["exchange"], "commit": opened["commit"]}
    if value.keys() == {"sha256", "media_type", "bytes", "title"}:
        content = secrets.token_bytes(100)
        assert (await put(caller, content, value["media_type"], channel=channel)).status == 201
        return attached(content, value["media_type"])
    return {name: await provided(caller, inner, channel) for name, inner in value.items()}
