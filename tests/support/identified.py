"""The identity of a side in several trial channels, as the operator enters it."""

import json
from collections.abc import Iterable
from typing import Any

from dragoman.stores.identities import canonical
from service import Answer, Caller


async def entered(
    operator: Caller, identity: str, version: int, pairs: Iterable[tuple[str, str]]
) -> Answer:
    """Enter an identity, whose pairs are a channel's name and a side; its answer."""
    body = raw({"entry": await entry(operator, identity, version, pairs), "signatures": []})
    return await operator.call("PUT", f"/v1/identities/{identity}", body)


async def entry(
    operator: Caller, identity: str, version: int, pairs: Iterable[tuple[str, str]]
) -> Any:
    """An entry of an identity, decoded."""
    channels = (await operator.get("/v1/channels")).json["channels"]
    cids = {channel["name"]: channel["cid"] for channel in channels}
    named = [(cids[name], side) for name, side in pairs]
    return json.loads(canonical(identity, version, named))


async def one_side(operator: Caller, side: str, *channels: str) -> None:
    """Let a side of the same name be one side in some channels."""
    answer = await entered(operator, side, 1, [(name, side) for name in channels])
    assert answer.status == 200, answer.body


def raw(body: Any) -> bytes:
    """JSON without spaces, as an entry must be."""
    return json.dumps(body, separators=(",", ":")).encode()
