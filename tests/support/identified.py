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


async def joined(operator: Caller, side: str, channel: str, other: str) -> None:
    """Let a side be one side in two channels, in whatever identity it has in the first."""
    cids = {
        known["name"]: known["cid"]
        for known in (await operator.get("/v1/channels")).json["channels"]
    }
    lines = (await operator.get("/v1/identities")).json["identities"]
    views = [(await operator.get(f"/v1/identities/{line['identity']}")).json for line in lines]
    name, version, pairs = next(
        (
            (view["identity"], view["version"], had)
            for view in views
            if (cids[channel], side)
            in (had := [(pair["channel"], pair["side"]) for pair in view["pairs"]])
        ),
        (f"{side}-of-{channel}", 0, [(cids[channel], side)]),
    )
    wanted = {(cids[other], side), *pairs}
    if wanted != set(pairs):
        body = {"entry": json.loads(canonical(name, version + 1, wanted)), "signatures": []}
        answer = await operator.call("PUT", f"/v1/identities/{name}", raw(body))
        assert answer.status == 200, answer.body
