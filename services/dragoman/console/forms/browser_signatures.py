"""Signatures of acts that an officer's browser makes.

    sign=ask                   the act with `signed`, and the head to be verified
    signed=…  signatures=…     the same form once more, which is recorded

The page asks with the first form, signs, and sends the second. The browser made the
officer's key and never gives it out. It signs the very bytes that will be recorded. A
signature is required where the channel asks for one: in the families that its opening
names, and of keepers in a channel whose sides keep their own keys.
"""

import asyncio
import time
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Struct

from dragoman.application.http import body_workers, submission
from dragoman.application.http.request import ApiReply
from dragoman.console.forms.verified_heads import SignedHead, handovers, head, recent
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import HEADERS, refused
from dragoman.console.page.sessions import form_of, said
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.act_registry import RULES, in_force
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.record.codec import read_act, type_of
from dragoman.limits import SEAL_SECONDS, SIGNATURES
from dragoman.text import sentence
from dragoman.tlog import dsse
from dragoman_schemas.act_frame import Act
from dragoman_schemas.evidence import EvidenceRecord

_SIGNED: Final = b',"signed":{'
"""The beginning of the member `signed` in the bytes of an act."""

_FIRST_HEAD_SECONDS: Final = 5.0
"""The most seconds that a person waits for the first head of a key."""


class ToSign(Struct, frozen=True, kw_only=True):
    """The bytes of an act that a page must sign, and the head that verifies `seen`.

    An empty act asks for no signature. `handovers` are the records that prove the
    handovers of the log under the head.
    """

    act: str = ""
    cid: str = ""
    log: str = ""
    head: str = ""
    consistency: str = ""
    handovers: tuple[EvidenceRecord, ...] = ()


class SignatureRequired(Exception):
    """The exception that carries the bytes to be signed to the page that asked."""

    def __init__(self, sign: ToSign) -> None:
        """Store the bytes to be signed."""
        super().__init__()
        self.data = sign


def without_signed(act: bytes) -> bytes:
    """Return an act without its last member, `signed`."""
    at = act.rfind(_SIGNED)
    return act if at < 0 else act[:at] + b"}"


def asks(context: PageContext, name: str, exchange: str = "") -> bool:
    """Return whether an act must be signed by its author.

    The act may open an exchange, continue the one of id `exchange`, or be of the
    channel.
    """
    rule = RULES[name]
    if rule.who is Who.KEEPERS:
        return context.registry.custody == "sides"
    state = context.projection.exchange(exchange) if exchange else None
    family = rule.family or ("" if state is None else state.family)
    return context.asks_signature(family)


async def record(
    context: PageContext,
    body: bytes,
    *,
    exchange: str = "",
    family: str = "",
    key: str = "",
    etag: str = "",
) -> ApiReply:
    """Record a body as the reader's post, signed in the page where that is required.

    Raises `Refused`, `Malformed` or `SignatureAsked`.
    """
    act, data = await body_workers.read(context.request, len(body), read_act, body, cut=True)
    signed, signatures = await signed_by(context, act, data, exchange=exchange, key=key)
    return await submission.record(
        context.call,
        context.projection,
        signed,
        exchange=exchange,
        family=family,
        key=key,
        etag=etag,
        signatures=signatures,
    )


async def signed_by(
    context: PageContext, act: bytes, data: Act, *, exchange: str, key: str
) -> tuple[bytes, str]:
    """Return the act as it was signed in the page, and its signatures.

    An act that needs no signature is returned as it is. Raises `Refused` or
    `SignatureAsked`.
    """
    form = await form_of(context.request)
    if not asks(context, _name(data), exchange):
        if said(form, "sign"):
            raise SignatureRequired(ToSign())
        return act, ""
    if said(form, "signatures"):
        signed = said(form, "signed").encode()
        if signed != act if data.signed is not UNSET else without_signed(signed) != act:
            raise refused(
                "moved",
                sentence("The form has changed since it was signed. Check it, then press again."),
            )
        return signed, signatures_in(said(form, "signatures"))
    if not said(form, "sign"):
        raise refused(
            "not-permitted",
            sentence(
                "This channel asks for the author’s signature. The page signs with a key of "
                "this browser where scripts are on; the command line with --sign."
            ),
        )
    if data.signed is UNSET:
        act = await with_signed(
            context,
            act,
            data,
            id=submission.id_of(context.projection, context.grant.actor, data, key),
            exchange=exchange,
        )
    raise SignatureRequired(await to_sign(context, act))


def _name(data: Act) -> str:
    return str(data.__struct_config__.tag)


def signatures_in(text: str) -> str:
    """Return the signatures in a form's field. Raises `Refused` for invalid ones."""
    if dsse.read_signatures(text, SIGNATURES) is None:
        raise refused(
            "bad-request",
            sentence("The signature that came with this form cannot be read. Press again."),
        )
    return text


async def with_signed(
    context: PageContext, act: bytes, data: Act, *, id: str, exchange: str, author: str = ""
) -> bytes:
    """Return the act with `signed`: its place, its author, and the newest signed head.

    Raises `Refused` or `LogUnreachable`.
    """
    registry, name = context.projection.registry, _name(data)
    state = context.projection.exchange(exchange) if exchange else None
    version = in_force(registry)
    of_channel = version.rules[name].family == "channel" and name not in version.formats
    newest, _ = await _newest(context)
    signed = {
        "channel": registry.cid,
        "type": type_of(name, version.rules[name].version),
        "exchange": registry.id if of_channel else exchange,
        "id": id,
        "author": author or context.grant.actor,
        "after": registry.etag if of_channel else state.revision if state is not None else "",
        "seen": {"size": newest.size, "root": newest.root},
    }
    return act[:-1] + b',"signed":' + msgspec.json.encode(signed) + b"}"


async def to_sign(context: PageContext, act: bytes) -> ToSign:
    """Return the data by which the page verifies an act before it signs it.

    Raises `Refused` or `LogUnreachable`.
    """
    registry = context.projection.registry
    newest, note = await _newest(context)
    return ToSign(
        act=act.decode(),
        cid=registry.cid,
        log=str(log_policy.log_of(registry)),
        head=note,
        consistency=f"/c/{context.name}/records/consistency",
        handovers=await handovers(context, newest.size),
    )


async def _newest(context: PageContext) -> tuple[SignedHead, str]:
    """Return the newest signed head, and its note.

    It waits a moment for the first head after an opening, or after a handover. Raises
    `Refused` if no head is signed then.
    """
    ends = time.monotonic() + _FIRST_HEAD_SECONDS
    while True:
        log = log_policy.log_of(context.projection.registry)
        sealed_heads = await recent(context.service.signed_heads, context.name, 1)
        if sealed_heads and (newest := head(sealed_heads[0], log, None)).signed:
            return newest, sealed_heads[0].note.decode()
        if time.monotonic() > ends:
            raise refused(
                "unavailable",
                sentence(
                    "A signature needs a signed head of this log, and no head is signed yet. Try "
                    "again in a moment."
                ),
            )
        await asyncio.sleep(SEAL_SECONDS)


def answer(sign: ToSign) -> web.Response:
    """Return the bytes to be signed as JSON for the page's script."""
    return web.Response(
        body=msgspec.json.encode(sign), headers=HEADERS, content_type="application/json"
    )
