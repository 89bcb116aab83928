"""The own key of an officer, made in the browser: its way into the channel.

    1. The browser makes a key and signs the key's own entry.
    2. The entry waits until an administrator of the side compares the check words.
    3. The administrator signs the entry and records it. From then on the key is valid.

    /key                              the reader's keys, and that of this browser
    /admin/keys/enter, /decline       an administrator's decision on a waiting entry
    /admin/keys/asked/{officer}       the entry as a file, for signing on the
                                      administrator's machine: `dragoman keys admit`

The private part never leaves the browser. Not even a page of ours can extract it.
"""

import secrets
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.admin_forms import colleagues
from dragoman.console.forms.browser_signatures import SignatureRequired
from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import HEADERS, Page, PageRoute, refused
from dragoman.console.page.sessions import form_of, redirect, said
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.access import ROOT
from dragoman.domain.record import ids
from dragoman.domain.record.codec import read_act
from dragoman.interop.check_words import check_words
from dragoman.limits import SIGNATURES
from dragoman.stores.enrolments import Enrolment, Enrolments
from dragoman.text import sentence
from dragoman.tlog import dsse

ENROLMENTS: Final = web.AppKey("enrolments", Enrolments)


class OwnKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key of the reader in the channel, by its id.

    It is valid from the record `since`, up to the record `until`.
    """

    key: str
    since: int
    until: int | None = None


class WaitingKey(Struct, frozen=True, kw_only=True):
    """An entry that waits for an administrator.

    It has the officer, the key's id, and its check words. It also has the chosen
    administrator, and the time of the request.
    """

    officer: str
    key: str
    words: tuple[str, ...]
    administrator: str
    asked: str


class OwnKeys(Struct, frozen=True, kw_only=True):
    """The reader's keys in a channel.

    `required_signatures` are the families in which officers must sign.
    """

    channel: str
    required_signatures: tuple[str, ...]
    keys: tuple[OwnKey, ...]
    waits: WaitingKey | None


def waits_of(enrolment: Enrolment) -> WaitingKey:
    """Return a waiting entry as pages show it."""
    return WaitingKey(
        officer=enrolment.officer,
        key=enrolment.key,
        words=check_words(enrolment.key),
        administrator=enrolment.administrator,
        asked=enrolment.asked,
    )


def waiting(context: PageContext) -> tuple[WaitingKey, ...]:
    """Return the waiting entries of the reader's side.

    Only its administrators see them, and no page of the past does.
    """
    if context.past or "administrator" not in context.roles:
        return ()
    listed = context.request.app[ENROLMENTS].listed(context.registry.cid, context.side)
    return tuple(
        waits_of(enrolment) for enrolment in listed if _standing(context, enrolment) is not None
    )


def _standing(context: PageContext, enrolment: Enrolment | None) -> Enrolment | None:
    """Return an entry, or None if its key is in the channel by now.

    The command line may have entered the key, and does not know about waiting entries.
    """
    return (
        None
        if enrolment is None or enrolment.key in context.projection.registry.keys
        else enrolment
    )


# The officer's page


async def own_key(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the reader's keys, and the possible actions of this browser's key."""
    if context.roles == (ROOT,) or context.grant.is_operator:
        raise refused(
            "not-permitted",
            sentence(
                "Officers have keys of their own here; root keys are kept apart, on the command "
                "line."
            ),
        )
    keys = tuple(
        OwnKey(key=id, since=max(1, value.since), until=value.until)
        for id, value in sorted(context.registry.keys.items(), key=lambda key: key[1].since)
        if value.owner == context.grant.actor
    )
    enrolment = (
        None
        if context.past
        else _standing(
            context,
            context.request.app[ENROLMENTS].find(context.registry.cid, context.grant.actor),
        )
    )
    view = OwnKeys(
        channel=context.name,
        required_signatures=context.registry.required_signatures,
        keys=keys,
        waits=None if enrolment is None else waits_of(enrolment),
    )
    form = filled or FormState()
    return Page(
        template="own_key.html",
        view=view,
        rows=keys,
        status=form.status,
        values={
            "filled": form,
            "administrators": [
                colleague
                for colleague in colleagues(context)
                if f"{context.side}/{colleague}" != context.grant.actor
            ]
            or list(colleagues(context)),
            "log": str(log_policy.log_of(context.registry)),
            "may_ask": not context.past and context.grant.scope != "read" and context.writable,
            "said": context.said,
        },
    )


async def ask_entry(context: PageContext) -> Page | web.StreamResponse:
    """Store the browser's request that its key be entered, or withdraw it.

    The browser signs the entry with that key.
    """
    filled, say = await FormState.of(context.request), context.words.say
    context.newest = context.projection.flushed
    if filled["do"] == "withdraw":
        await context.request.app[ENROLMENTS].drop(context.registry.cid, context.grant.actor)
        return redirect(context.link("/key", said="withdrawn"))
    public, administrator = dsse.decode_base64(filled["public"], 32), filled["administrator"]
    if public is None or not dsse.is_sound(public) or dsse.key_id(public) in context.registry.keys:
        filled.wrong(
            "make",
            say("This browser has no key that could be entered. Make one, which takes scripts."),
        )
    if administrator not in colleagues(context):
        filled.wrong("administrator", say("Choose an administrator of your side."))
    if filled.faults or public is None:
        return await own_key(context, filled)
    officer, author = context.grant.actor.partition("/")[2], f"{context.side}/{administrator}"
    body: dict[str, Any] = {"act": "key-addition", "officer": officer, "keys": [filled["public"]]}
    act, data = read_act(msgspec.json.encode(body), cut=False)
    key = filled.key or secrets.token_hex(16)
    id = ids.from_key(context.name, author, submission.key_of(key))
    if not filled["signatures"]:
        act = await browser_signatures.with_signed(
            context, act, data, id=id, exchange="", author=author
        )
        raise SignatureRequired(await browser_signatures.to_sign(context, act))
    signed = filled["signed"].encode()
    if (
        browser_signatures.without_signed(signed) != act
        or not _holds(public, signed, filled["signatures"])
        or not _is_bound(context, signed, author, id)
    ):
        raise refused("bad-request", sentence("The key has not signed its own entry. Press again."))
    await context.request.app[ENROLMENTS].keep(
        Enrolment(
            officer=context.grant.actor,
            administrator=author,
            cid=context.registry.cid,
            key=dsse.key_id(public),
            act=signed.decode(),
            signatures=filled["signatures"],
            id=key,
            asked=context.words.stamp(context.service.now()),
        )
    )
    return redirect(context.link("/key", said="asked"))


def _holds(public: bytes, signed: bytes, signatures: str) -> bool:
    by_key = dsse.read_signatures(signatures, SIGNATURES) or {}
    return {*by_key} == {dsse.key_id(public)} and dsse.verify(public, signed, *by_key.values())


def _is_bound(context: PageContext, signed: bytes, author: str, id: str) -> bool:
    bound = read_act(signed, cut=False)[1].signed
    return not isinstance(bound, msgspec.UnsetType) and (bound.channel, bound.author, bound.id) == (
        context.registry.cid,
        author,
        id,
    )


# The administrator's part


async def _asked(context: PageContext, officer: str) -> Enrolment:
    enrolment = _standing(
        context,
        context.request.app[ENROLMENTS].find(context.registry.cid, f"{context.side}/{officer}"),
    )
    if "administrator" not in context.roles or enrolment is None:
        raise refused(
            "not-found",
            sentence(
                "No key of that officer waits to be entered. The page of keys shows those that do."
            ),
        )
    return enrolment


async def enter(context: PageContext) -> web.StreamResponse:
    """Record a waiting entry with the administrator's signature.

    The administrator signs in the page. In a trial the host signs with the key that it
    keeps.
    """
    form = await form_of(context.request)
    context.newest = context.projection.flushed
    enrolment = await _asked(context, said(form, "officer"))
    if enrolment.administrator != context.grant.actor:
        raise refused(
            "not-permitted",
            sentence(
                "This entry was made out to %(administrator)s, who signs it. The officer can ask "
                "you instead.",
                administrator=enrolment.administrator,
            ),
        )
    act, data = read_act(enrolment.act.encode(), cut=False)
    _, text = await browser_signatures.signed_by(context, act, data, exchange="", key="")
    reply = await submission.record(
        context.call,
        context.projection,
        act,
        family="channel",
        key=enrolment.id,
        signatures=" ".join(sorted({*enrolment.signatures.split(), *text.split()})),
    )
    await context.request.app[ENROLMENTS].drop(enrolment.cid, enrolment.officer)
    return redirect(
        context.link("/admin/keys", after=reply.headers["Dragoman-Position"], said="entered")
    )


async def decline(context: PageContext) -> web.StreamResponse:
    """Decline a waiting entry; the officer can ask again."""
    form = await form_of(context.request)
    enrolment = await _asked(context, said(form, "officer"))
    await context.request.app[ENROLMENTS].drop(enrolment.cid, enrolment.officer)
    return redirect(context.link("/admin/keys", said="declined"))


async def asked(context: PageContext) -> web.Response:
    """Return a waiting entry as a file for the command line."""
    enrolment = await _asked(context, context.request.match_info["officer"])
    name = f"{context.name}-{enrolment.officer.partition('/')[2]}-key.json"
    body = msgspec.json.format(msgspec.json.encode(enrolment))
    return web.Response(
        body=body,
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
        content_type="application/json",
    )


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/key", handler=own_key),
    PageRoute(path="/key", handler=ask_entry, method="POST"),
    PageRoute(path="/admin/keys/enter", handler=enter, method="POST"),
    PageRoute(path="/admin/keys/decline", handler=decline, method="POST"),
    PageRoute(path="/admin/keys/asked/{officer:[a-z0-9-]{1,63}}", handler=asked),
)
