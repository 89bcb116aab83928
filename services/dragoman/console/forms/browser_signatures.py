"""Acts that a page signs: the browser made the officer's key and never gives it out; it signs the very bytes that will be recorded.

    form ─ sign=ask ─▶ the act with `signed`, and the head to be verified ─▶ signed in the page
      └─ the same form once more, with `signed` and `signatures` ─▶ recorded

Asked for where the channel asks it: of the families that its opening names, and of who
keeps a channel whose sides keep their own keys.
"""

from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Struct

from dragoman.application.http import body_workers, submission
from dragoman.application.http.request import ApiReply
from dragoman.console.audit.verified_heads import SignedHead, head, recent
from dragoman.console.rendering import HEADERS, PageContext, refused
from dragoman.console.sessions import form_of, said
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.record.codec import read_act, type_of
from dragoman.limits import SIGNATURES
from dragoman.text import sentence
from dragoman.tlog import dsse
from dragoman_schemas.act_frame import Act

_SIGNED: Final = b',"signed":{'


class ToSign(Struct, frozen=True, kw_only=True):
    """What a page is asked to sign: the act's bytes as text, and the head by which it verifies `seen`. An empty act asks for no signature."""

    act: str = ""
    cid: str = ""
    log: str = ""
    head: str = ""
    consistency: str = ""


class SignatureAsked(Exception):
    """A form asked what it is to sign; carries the answer."""

    def __init__(self, sign: ToSign) -> None:
        """Keep what is to be signed."""
        super().__init__()
        self.asked = sign


def bare(act: bytes) -> bytes:
    """Return an act without `signed`, which is its last member."""
    at = act.rfind(_SIGNED)
    return act if at < 0 else act[:at] + b"}"


def asks(context: PageContext, name: str, exchange: str = "") -> bool:
    """Return whether an act must be signed by its author: one that opens an exchange, is of the channel, or carries an exchange on."""
    rule = RULES[name]
    if rule.who is Who.KEEPERS:
        return context.registry.custody == "sides"
    known = context.projection.exchange(exchange) if exchange else None
    family = rule.family or ("" if known is None else known.family)
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
    """Take a body in as the reader's post, signed in the page where that is asked. Raises `Refused`, `Malformed`, `SignatureAsked`."""
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
    """Return the act as it was signed in the page, and its signatures; as it is where none is asked. Raises `Refused`, `SignatureAsked`."""
    form = await form_of(context.request)
    if not asks(context, _name(data), exchange):
        if said(form, "sign"):
            raise SignatureAsked(ToSign())
        return act, ""
    if said(form, "signatures"):
        signed = said(form, "signed").encode()
        if signed != act if data.signed is not UNSET else bare(signed) != act:
            raise refused(
                "moved",
                sentence(
                    "What was signed is not what this form says now. Look again, then press again."
                ),
            )
        return signed, signatures_in(said(form, "signatures"))
    if not said(form, "sign"):
        raise refused(
            "not-permitted",
            sentence(
                "This channel asks for the author’s signature. The page signs with a key of this browser where scripts are on; the command line with --sign."
            ),
        )
    if data.signed is UNSET:
        act = await bound(
            context,
            act,
            data,
            id=submission.id_of(context.projection, context.grant.actor, data, key),
            exchange=exchange,
        )
    raise SignatureAsked(await to_sign(context, act))


def _name(data: Act) -> str:
    return str(data.__struct_config__.tag)


def signatures_in(text: str) -> str:
    """Signatures that a form brought. Raises `Refused`."""
    if dsse.read_signatures(text, SIGNATURES) is None:
        raise refused(
            "bad-request",
            sentence("The signature that came with this form cannot be read. Press again."),
        )
    return text


async def bound(
    context: PageContext, act: bytes, data: Act, *, id: str, exchange: str, author: str = ""
) -> bytes:
    """Return the act with `signed`: where it stands, whose it is, and the newest signed head. Raises `Refused`, `LogUnreachable`."""
    registry, name = context.projection.registry, _name(data)
    known = context.projection.exchange(exchange) if exchange else None
    of_channel = RULES[name].family == "channel" and name not in FORMATS
    newest, _ = await _newest(context)
    signed = {
        "channel": registry.cid,
        "type": type_of(name, RULES[name].version),
        "exchange": registry.id if of_channel else exchange,
        "id": id,
        "author": author or context.grant.actor,
        "after": registry.etag if of_channel else known.revision if known is not None else "",
        "seen": {"size": newest.size, "root": newest.root},
    }
    return act[:-1] + b',"signed":' + msgspec.json.encode(signed) + b"}"


async def to_sign(context: PageContext, act: bytes) -> ToSign:
    """Return what the page is given, so that it signs nothing that it has not verified. Raises `Refused`, `LogUnreachable`."""
    registry = context.projection.registry
    _, note = await _newest(context)
    return ToSign(
        act=act.decode(),
        cid=registry.cid,
        log=str(log_policy.log_of(registry)),
        head=note,
        consistency=f"/c/{context.name}/records/consistency",
    )


async def _newest(context: PageContext) -> tuple[SignedHead, str]:
    """Return the newest signed head, and its note."""
    registry = context.projection.registry
    sealed_heads = await recent(context.service.seals, context.name, 1)
    newest = head(sealed_heads[0], log_policy.log_of(registry), None) if sealed_heads else None
    if newest is None or not newest.signed:
        raise refused(
            "unavailable",
            sentence(
                "No head of this log is signed yet, which a signature rests on. Try again in a moment."
            ),
        )
    return newest, sealed_heads[0].note.decode()


def answer(sign: ToSign) -> web.Response:
    """Return what is to be signed, for the page's script."""
    return web.Response(
        body=msgspec.json.encode(sign), headers=HEADERS, content_type="application/json"
    )
