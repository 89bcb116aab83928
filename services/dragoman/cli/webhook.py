"""The commands `dragoman listen` and `dragoman webhook`.

`listen` forwards records to a program under development. `webhook` has them sent to a
URL or an address for good.
"""

import asyncio
import secrets
import time
from typing import Annotated, Any, Literal
from urllib.parse import quote

import aiohttp
import msgspec
from cyclopts import App, Parameter

from dragoman.cli.common import (
    EVERYWHERE,
    FAILED,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    say,
    table,
)
from dragoman.client import new_key
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.record.codec import parse_stored
from dragoman.interop import webhook_signatures as signing
from dragoman_schemas.responses import Entry
from dragoman_schemas.watch_responses import Alarm

webhook = App(
    name="webhook",
    help="Choose where your side is notified of records, as head of office or administrator.",
)
_TRY_SECONDS = 15.0


async def listen(
    *,
    forward_to: Annotated[
        str, Parameter(help="The URL of your program, like http://127.0.0.1:9000/hook.")
    ],
    from_: Annotated[
        int | None,
        Parameter(name="--from", help="Begin at this position. Default: with the next record."),
    ] = None,
    secret: Annotated[
        str | None,
        Parameter(help="The shared secret, whsec_…. Default: a new one, which is printed."),
    ] = None,
    with_own: Annotated[
        bool, Parameter(name="--own", negative=(), help="Include your own side's acts.")
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Forward a channel's records to a URL on your own machine, for development.

    Each act of the other sides is sent once, whatever the answer. It is signed with a
    shared secret, as the notifier signs.
    """
    if secret is not None and not secret.startswith(signing.SHARED):
        raise UsageError(f"a shared secret begins with {signing.SHARED}")
    shared = secret or signing.shared_secret(secrets.token_bytes(32))
    client = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=_TRY_SECONDS),
        headers={"User-Agent": "dragoman-courier"},
    )
    async with connected(target) as caller, client as session:
        side = (
            ""
            if with_own
            else (await caller.call("GET", "/v1/me")).json()["actor"].partition("/")[0]
        )
        channel = await channel_of(target, caller)
        say(f"forwarding {channel} at {caller.base_url} to {forward_to}; Ctrl-C ends")
        say(f"the secret that signs is {shared}")
        async for entry in caller.follow(channel, None if from_ is None else from_ - 1):
            if (
                not isinstance(entry, Alarm)
                and entry.valid
                and isinstance(entry.record, msgspec.Raw)
            ):
                record = parse_stored(bytes(entry.record))
                if record.side != side and not RULES[record.name].silent:
                    out(await _forward(session, forward_to, shared, entry, bytes(entry.record)))
    return 0


async def _forward(
    session: aiohttp.ClientSession, url: str, secret: str, entry: Entry, raw: bytes
) -> str:
    record = msgspec.json.decode(raw)
    headers = {
        "Content-Type": "application/cloudevents+json",
        "Dragoman-Position": str(entry.position),
    }
    headers |= signing.headers(secret, record["id"], int(time.time()), raw)
    try:
        async with session.post(url, data=raw, headers=headers, allow_redirects=False) as response:
            outcome = str(response.status)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        outcome = f"not reached: {error or type(error).__name__}"
    return f"{entry.position:>7}  {record['data']['act']:<24} {outcome}"


@webhook.command
async def add(
    to: Annotated[str, Parameter(help="An https URL or an e-mail address.")],
    *,
    act: Annotated[list[str] | None, Parameter(negative=(), help="Only these acts.")] = None,
    family: Annotated[list[str] | None, Parameter(negative=(), help="Only these families.")] = None,
    precedence: Annotated[
        Literal["flash", "immediate", "priority", "routine"] | None,
        Parameter(help="Only acts of this precedence or a higher one."),
    ] = None,
    with_own: Annotated[
        bool, Parameter(name="--own", negative=(), help="Include your own side's acts.")
    ] = False,
    signature: Annotated[
        Literal["ed25519", "hmac"],
        Parameter(help="Sign with a key pair of the endpoint, or with a shared secret."),
    ] = "ed25519",
    language: Annotated[
        Literal["en", "fr", "zh"], Parameter(help="The language of the mails.")
    ] = "en",
    target: Target = EVERYWHERE,
) -> int:
    """Let the notifier send records to a URL or an address from now on.

    The key that verifies its signatures is printed once.
    """
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        request: dict[str, Any] = {
            "channel": channel,
            "acts": act or [],
            "families": family or [],
            "own": with_own,
            "signature": signature,
            "language": language,
        }
        request["url" if "://" in to else "address"] = to
        if precedence:
            request["precedence"] = precedence
        added = (
            await caller.call(
                "POST", "/v1/webhooks", msgspec.json.encode(request), {"Idempotency-Key": new_key()}
            )
        ).json()
    if target.json:
        out_json(added)
        return 0
    out(added["id"])
    say(
        f"{added['side']} is notified of {channel} at {added['target']} "
        f"from position {added['position']} on"
    )
    if added["means"] == "webhook":
        say(f"its signatures are checked with {added.get('secret') or added['public_key']}")
    return 0


@webhook.command(name="list")
async def webhook_list(*, target: Target = EVERYWHERE) -> int:
    """List the endpoints of your side, with their progress."""
    async with connected(target) as caller:
        endpoints = (await caller.call("GET", "/v1/webhooks")).json()["endpoints"]
    if target.json:
        out_json(endpoints)
        return 0
    rows = [
        [
            e["id"],
            e["channel"],
            e["target"],
            str(e["position"]),
            str(e.get("waiting", 0)),
            str(e.get("parked", 0)),
            e.get("stopped", ""),
        ]
        for e in endpoints
    ]
    table(rows, ["ID", "CHANNEL", "TO", "TOLD UP TO", "WAITING", "PARKED", ""])
    return 0


@webhook.command
async def show(
    id: Annotated[str, Parameter(help="The id of the endpoint.")], *, target: Target = EVERYWHERE
) -> int:
    """Show the failed deliveries of an endpoint.

    They wait for another try, or were given up.
    """
    async with connected(target) as caller:
        deliveries = (await caller.call("GET", f"/v1/webhooks/{quote(id)}/deliveries")).json()[
            "deliveries"
        ]
    if target.json:
        out_json(deliveries)
        return 0
    rows = [
        [
            str(d["position"]),
            str(d["tries"]),
            "parked" if d.get("parked") else d["again"],
            d["answered"],
        ]
        for d in deliveries
    ]
    table(rows, ["POSITION", "TRIES", "AGAIN", "ANSWERED"])
    return 0


@webhook.command
async def remove(
    id: Annotated[str, Parameter(help="The id of the endpoint.")], *, target: Target = EVERYWHERE
) -> int:
    """Remove an endpoint, to which nothing more is sent."""
    async with connected(target) as caller:
        await caller.call("DELETE", f"/v1/webhooks/{quote(id)}")
    say(f"endpoint {id} is removed")
    return 0


@webhook.command
async def resend(
    id: Annotated[str, Parameter(help="The id of the endpoint.")],
    position: Annotated[int, Parameter(help="The position of the record.")],
    *,
    target: Target = EVERYWHERE,
) -> int:
    """Send a record to an endpoint once more, now.

    The command waits until the outcome is known.
    """
    async with connected(target) as caller:
        await caller.call("POST", f"/v1/webhooks/{quote(id)}/deliveries/{position}/resend")
        for _ in range(40):
            await asyncio.sleep(0.5)
            deliveries = (await caller.call("GET", f"/v1/webhooks/{quote(id)}/deliveries")).json()[
                "deliveries"
            ]
            still = next(
                (delivery for delivery in deliveries if delivery["position"] == position), None
            )
            if still is None:
                say(f"position {position} was taken")
                return 0
            if still["tries"]:
                say(f"position {position} was not taken: {still['answered']}")
                return FAILED
    say("the notifier has not tried yet; is one running?")
    return FAILED
