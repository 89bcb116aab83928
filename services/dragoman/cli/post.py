"""The commands `dragoman post`, `act`, `draft`, `release` and `import`.

They open exchanges and carry them on. `draft` and `release` are for acts that take two
officers.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from msgspec import Struct, UnsetType
from msgspec.structs import replace

from dragoman.cli.common import (
    EVERYWHERE,
    File,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    read_input,
    say,
)
from dragoman.cli.signature import Passphrase, Sign, seed_of, sign_act, signature_headers
from dragoman.client import Client, Posted, ProblemResponse, new_key
from dragoman.domain.acts import consent
from dragoman.domain.record import nesting
from dragoman.domain.record.codec import read_act
from dragoman.i18n.words import words
from dragoman.members import readings
from dragoman_schemas.responses import ActLine, Standing

Wait = Annotated[
    int,
    Parameter(
        help="Seconds to wait for the sides' witnesses until the record is final; at most 20."
    ),
]
Key = Annotated[
    str | None,
    Parameter(help="The Idempotency-Key, to send a post again whose outcome is unknown."),
]


class _NamedAct(Struct):
    """The name of an act, read without its other members."""

    act: str


async def post(
    file: File,
    *,
    batch: Annotated[
        bool,
        Parameter(
            help="FILE has many acts, one a line, each the act itself or "
            '{"exchange": "…", "act": {…}}. The same file is recorded once.'
        ),
    ] = False,
    key: Key = None,
    sign: Sign = (),
    passphrase: Passphrase = None,
    wait: Wait = 0,
    target: Target = EVERYWHERE,
) -> int:
    """Open an exchange with the act in FILE, or on standard input for `-`.

    An incident needs its act and four members: kind, time, place and facts. The service
    adds the rest.
    """
    if batch:
        if key or sign or wait:
            raise UsageError("--batch goes without --key, --sign and --wait")
        return await _send_batch(read_input(file), target)
    return await _send(
        read_input(file), target, key=key, sign=sign, passphrase=passphrase, wait=wait
    )


async def act(
    exchange: Annotated[str, Parameter(help="The exchange, by its number or id.")],
    what: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True,
            help="The name of an act, or a file with it, or - for standard input; for a data "
            "series also a file of values that ends with .csv.",
        ),
    ],
    *,
    if_match: Annotated[
        str | None, Parameter(help="The ETag that you saw. Acts of consent need it.")
    ] = None,
    key: Key = None,
    sign: Sign = (),
    passphrase: Passphrase = None,
    wait: Wait = 0,
    target: Target = EVERYWHERE,
) -> int:
    """Carry on EXCHANGE, which is named by its number or id.

    WHAT is a file, `-`, or the name of an act without content, such as
    `acknowledgement`. Each line of a CSV file is a time and a value, such as
    `2026-11-24T03:05Z,4.25`.
    """
    if not exchange:
        raise UsageError("name the exchange by its number or id: EXCHANGE is empty")
    raw = (
        _values(what)
        if what.endswith(".csv")
        else read_input(what)
        if what == "-" or Path(what).exists()
        else json.dumps({"act": what}, separators=(",", ":")).encode()
    )
    return await _send(
        raw,
        target,
        key=key,
        exchange=exchange,
        if_match=if_match or "",
        sign=sign,
        passphrase=passphrase,
        wait=wait,
    )


def _values(path: str) -> bytes:
    """Return the act that gives the values of a CSV file. Raises `UsageError`."""
    lines = read_input(path).decode("utf-8-sig", errors="replace").splitlines()
    values, wrong = readings.readings(lines)
    if wrong or not values:
        fault = words("en").sentence(readings.unreadable(wrong or 1))
        raise UsageError(f"{path}: {fault}")
    return msgspec.json.encode({"act": "data-values", "values": values})


async def draft(
    file: Annotated[
        str | None,
        Parameter(allow_leading_hyphen=True, help="A file with the act, or - for standard input."),
    ] = None,
    *,
    exchange: Annotated[str, Parameter(help="The exchange to carry on, by its number or id.")] = "",
    if_match: Annotated[
        str | None, Parameter(help="The ETag that you saw. Acts of consent need it.")
    ] = None,
    key: Key = None,
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Draft the act in FILE, or on standard input for `-`.

    Without FILE, list the drafts of your side.
    """
    raw = b"" if file is None else read_input(file)
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        if file is None:
            drafts = await caller.drafts(channel)
        else:
            id = await caller.exchange_of(channel, exchange) if exchange else ""
            raw = await caller.with_terms(channel, id, raw) if id else raw
            written, used, headers = (
                await _sign(caller, channel, raw, id, key, sign, passphrase)
                if sign
                else (raw, key or new_key(), {})
            )
            drafts = (
                await caller.draft(
                    channel,
                    written,
                    key=used,
                    exchange=id,
                    if_match=if_match or "",
                    headers=headers,
                ),
            )
    for draft_view in drafts:
        if target.json:
            out_json(draft_view)
        else:
            out(draft_view.id)
            say(
                f"{msgspec.json.decode(draft_view.act, type=_NamedAct).act}, "
                f"drafted by {draft_view.author} at {draft_view.updated}"
                f"{', takes two officers' if draft_view.two_key else ''}"
            )
    return 0


async def release(
    id: Annotated[str, Parameter(help="The id of the draft.")],
    *,
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Print the draft of an ID and release it.

    The printed act is the one that is recorded.
    """
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        draft_view = next((view for view in await caller.drafts(channel) if view.id == id), None)
        if draft_view is None:
            raise UsageError(
                f"there is no draft {id} of your side in {channel}; `dragoman draft` lists them"
            )
        say(bytes(draft_view.act).decode())
        headers = signature_headers(
            bytes(draft_view.act), [seed_of(path, passphrase) for path in sign]
        )
        posted = await caller.release(channel, draft_view, headers)
    _print(posted, target)
    return 0


async def take_in(
    file: File,
    *,
    key: Key = None,
    target: Target = EVERYWHERE,
) -> int:
    """Import a CAP alert as a draft. FILE is `-` for standard input."""
    raw = read_input(file)
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        sent = {"Idempotency-Key": f'"{key or new_key()}"', "Content-Type": "application/cap+xml"}
        answer = await caller.call("POST", f"/v1/channels/{channel}/imports", raw, sent)
    if target.json:
        out_json(answer.body)
        return 0
    result = answer.json()
    out(result["id"])
    say(
        f"drafted as {result['act']['act']}; "
        f"a colleague reads it and releases it: dragoman release {result['id']}"
    )
    return 0


async def _sign(
    caller: Client,
    channel: str,
    raw: bytes,
    exchange: str,
    key: str | None,
    sign: tuple[Path, ...],
    passphrase: Path | None,
) -> tuple[bytes, str, dict[str, str]]:
    """Return an act as it is recorded, its id, and the headers with its signatures.

    Without keys there are no such headers.
    """
    body, data = read_act(raw, cut=True)
    seeds = [seed_of(path, passphrase) for path in sign]
    if not seeds:
        return body, key or new_key(), {}
    signature = await sign_act(caller, channel, body, data, seeds, exchange=exchange, key=key)
    return signature.act, signature.id, signature.headers


async def _send(
    raw: bytes,
    target: Target,
    *,
    key: str | None,
    exchange: str = "",
    if_match: str = "",
    sign: tuple[Path, ...] = (),
    passphrase: Path | None = None,
    wait: int = 0,
) -> int:
    # An act that is not valid is reported before any request.
    read_act(_with_some_terms(raw), cut=True)
    async with connected(target) as caller:
        channel = await channel_of(target, caller)
        id = await caller.exchange_of(channel, exchange) if exchange else ""
        raw = await caller.with_terms(channel, id, raw) if id else raw
        body, used, headers = await _sign(caller, channel, raw, id, key, sign, passphrase)
        if wait:
            headers["Prefer"] = f"wait={wait}"
        try:
            posted = await caller.post(
                channel, body, key=used, exchange=id, if_match=if_match, headers=headers
            )
        except ProblemResponse as error:
            if error.problem.status == 503:
                say(f"send it again with --key {used}; it cannot be recorded twice")
            raise
    _print(posted, target)
    return 0


async def _send_batch(raw: bytes, target: Target) -> int:
    """Record the acts of a file, print the outcome of each, and return the exit code.

    A line without a key has the digest of the file and its number as the key.
    """
    digest = hashlib.sha256(raw).hexdigest()[:32]
    written = [(n, line) for n, line in enumerate(raw.splitlines(), 1) if line.strip()]
    if not written:
        raise UsageError("the file has no act: write one a line, as JSON; nothing was sent")
    lines = [msgspec.json.encode(_line(line, n, key=f"file-{digest}-{n}")) for n, line in written]
    async with connected(target) as caller:
        outcomes = await caller.post_batch(await channel_of(target, caller), lines)
    for (n, _), outcome in zip(written, outcomes, strict=True):
        if target.json:
            out(msgspec.json.encode(replace(outcome, line=n)).decode(), lines=True)
        elif not isinstance(outcome.recorded, UnsetType):
            out(outcome.recorded.number or outcome.recorded.exchange)
        elif not isinstance(outcome.problem, UnsetType):
            faults = (f"{fault.pointer}: {fault.detail}" for fault in outcome.problem.errors)
            say(" ".join([f"line {n}: {outcome.problem.detail}", *faults]))
    refused = sum(outcome.status >= 400 for outcome in outcomes)
    again = sum(outcome.replayed for outcome in outcomes)
    say(
        f"{len(outcomes) - refused} of {len(outcomes)} recorded"
        f"{f', {again} of them already before' if again else ''}; "
        f"{refused} refused"
    )
    return 1 if refused else 0


def _line(raw: bytes, number: int, *, key: str) -> ActLine:
    """Return a line of a file as a line of a request. Raises `UsageError`."""
    try:
        value: Any = nesting.decode(raw, object)
        if isinstance(value, dict) and isinstance(value.get("act"), dict):
            line = msgspec.json.decode(raw, type=ActLine)
            return line if line.key else replace(line, key=key)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"line {number} of the file: {error}; nothing was sent") from None
    return ActLine(key=key, act=msgspec.Raw(raw))


def _with_some_terms(raw: bytes) -> bytes:
    """Return an act of consent with placeholder terms, if it names none.

    The true terms are known only after the exchange has been read.
    """
    try:
        act: Any = nesting.decode(raw, object)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw
    if not isinstance(act, dict) or act.get("act") not in consent.ACTS or "terms" in act:
        return raw
    return msgspec.json.encode({**act, "terms": "0" * 64})


def _print(posted: Posted, target: Target) -> None:
    recorded = posted.recorded
    if target.json:
        out_json(recorded)
        return
    out(recorded.number or recorded.exchange)
    say(
        f"{recorded.act} {'was recorded already' if posted.replayed else 'recorded'} "
        f"at position {recorded.position} of {recorded.channel}, {recorded.time}"
    )
    say(f"exchange {recorded.exchange}")
    if recorded.one_key:
        key = json.dumps({"act": "second-key", "of": recorded.id})
        say(
            f"sent by one officer; a second officer confirms it:  "
            f"echo '{key}' | dragoman act {recorded.number or recorded.exchange} -"
        )
    if not isinstance(recorded.standing, UnsetType):
        say(in_words(recorded.standing))


def in_words(standing: Standing) -> str:
    """Return the standing of a record under the signed heads, in words."""
    if standing.proof == "final":
        return "final: the quorum of the sides' witnesses has cosigned it"
    by = (
        f"countersigned by {' and '.join(standing.countersigned_by)}"
        if standing.countersigned_by
        else "recorded"
    )
    return f"{by}, and not final yet"
