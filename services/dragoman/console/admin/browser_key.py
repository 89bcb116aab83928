"""An officer's own key, made in the browser: how it comes into the channel.

    browser makes a key ─ signs its own entry ─▶ waits ─ an administrator of the side compares the words, signs and records it ─▶ valid

    /key                              the reader's keys in the channel, and that of this browser
    /admin/keys/enter, /decline       what an administrator does with an entry that waits
    /admin/keys/asked/{officer}       the entry as a file, to be signed on a machine of the administrator's own: `dragoman keys admit`

The private part never leaves the browser, which cannot give it out: it is not extractable, for a page of ours either.
"""

import secrets
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.console.admin.admin_forms import colleagues
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.browser_signatures import SignatureAsked
from dragoman.console.forms.form_state import Filled
from dragoman.console.rendering import HEADERS, Page, PageContext, PageRoute, refused
from dragoman.console.sessions import form_of, said, see
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.access import ROOT
from dragoman.domain.record import ids
from dragoman.domain.record.codec import read_act
from dragoman.interop.check_words import check_words
from dragoman.limits import SIGNATURES
from dragoman.stores.enrolments import Enrolment
from dragoman.text import sentence
from dragoman.tlog import dsse


class OwnKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key of the reader's in the channel: by its id, valid from a record on, until another."""

    key: str
    since: int
    until: int | None = None


class Waits(Struct, frozen=True, kw_only=True):
    """An entry that waits: whose, by which key id, its check words, which administrator is asked, and since when."""

    officer: str
    key: str
    words: tuple[str, ...]
    administrator: str
    asked: str


class OwnKeys(Struct, frozen=True, kw_only=True):
    """The reader's keys in a channel; of which families it asks its officers' signatures."""

    channel: str
    required_signatures: tuple[str, ...]
    keys: tuple[OwnKey, ...]
    waits: Waits | None


def waits_of(enrolment: Enrolment) -> Waits:
    """What waits, as pages show it."""
    return Waits(
        officer=enrolment.officer,
        key=enrolment.key,
        words=check_words(enrolment.key),
        administrator=enrolment.administrator,
        asked=enrolment.asked,
    )


def waiting(here: PageContext) -> tuple[Waits, ...]:
    """The entries of the reader's side that wait; for its administrators alone, and never in the past."""
    if here.past or "administrator" not in here.roles:
        return ()
    listed = here.service.access.enrolments.listed(here.registry.cid, here.side)
    return tuple(waits_of(each) for each in listed if _standing(here, each) is not None)


def _standing(here: PageContext, enrolment: Enrolment | None) -> Enrolment | None:
    """An entry, unless its key is in the channel by now: the command line enters one and knows nothing of what waits."""
    return (
        None if enrolment is None or enrolment.key in here.projection.registry.keys else enrolment
    )


# The officer's page


async def own_key(here: PageContext, filled: Filled | None = None) -> Page:
    """The reader's keys, and what this browser can do about one."""
    if here.roles == (ROOT,) or here.grant.is_operator:
        raise refused(
            "not-permitted",
            sentence(
                "Officers have keys of their own here; root keys are kept apart, on the command line."
            ),
        )
    keys = tuple(
        OwnKey(key=id, since=max(1, each.since), until=each.until)
        for id, each in sorted(here.registry.keys.items(), key=lambda key: key[1].since)
        if each.owner == here.grant.actor
    )
    found = (
        None
        if here.past
        else _standing(
            here, here.service.access.enrolments.find(here.registry.cid, here.grant.actor)
        )
    )
    view = OwnKeys(
        channel=here.name,
        required_signatures=here.registry.required_signatures,
        keys=keys,
        waits=None if found is None else waits_of(found),
    )
    form = filled or Filled()
    return Page(
        template="own_key.html",
        view=view,
        rows=keys,
        status=form.status,
        values={
            "filled": form,
            "administrators": [
                each for each in colleagues(here) if f"{here.side}/{each}" != here.grant.actor
            ]
            or list(colleagues(here)),
            "log": str(log_policy.log_of(here.registry)),
            "may_ask": not here.past and here.grant.scope != "read" and here.writable,
            "said": here.request.query.get("said", ""),
        },
    )


async def ask_entry(here: PageContext) -> Page | web.StreamResponse:
    """The browser asks that its key be entered, and signs that entry with it; or takes that back."""
    filled, say = await Filled.of(here.request), here.words.say
    here.newest = here.projection.flushed
    if filled["do"] == "withdraw":
        await here.service.access.enrolments.drop(here.registry.cid, here.grant.actor)
        return see(here.link("/key", said="withdrawn"))
    public, administrator = dsse.decode_base64(filled["public"], 32), filled["administrator"]
    if public is None or not dsse.is_sound(public) or dsse.key_id(public) in here.registry.keys:
        filled.wrong(
            "make",
            say("This browser has no key that could be entered. Make one, which takes scripts."),
        )
    if administrator not in colleagues(here):
        filled.wrong("administrator", say("Choose an administrator of your side."))
    if filled.faults or public is None:
        return await own_key(here, filled)
    officer, author = here.grant.actor.partition("/")[2], f"{here.side}/{administrator}"
    body: dict[str, Any] = {"act": "key-addition", "officer": officer, "keys": [filled["public"]]}
    act, data = read_act(msgspec.json.encode(body), cut=False)
    key = filled.key or secrets.token_hex(16)
    id = ids.from_key(here.name, author, submission.key_of(key))
    if not filled["signatures"]:
        act = await browser_signatures.bound(here, act, data, id=id, exchange="", author=author)
        raise SignatureAsked(await browser_signatures.to_sign(here, act))
    signed = filled["signed"].encode()
    if (
        browser_signatures.bare(signed) != act
        or not _holds(public, signed, filled["signatures"])
        or not _is_bound(here, signed, author, id)
    ):
        raise refused("bad-request", sentence("The key has not signed its own entry. Press again."))
    await here.service.access.enrolments.keep(
        Enrolment(
            officer=here.grant.actor,
            administrator=author,
            cid=here.registry.cid,
            key=dsse.key_id(public),
            act=signed.decode(),
            signatures=filled["signatures"],
            id=key,
            asked=here.words.stamp(here.service.now()),
        )
    )
    return see(here.link("/key", said="asked"))


def _holds(public: bytes, signed: bytes, signatures: str) -> bool:
    found = dsse.read_signatures(signatures, SIGNATURES) or {}
    return {*found} == {dsse.key_id(public)} and dsse.verify(public, signed, *found.values())


def _is_bound(here: PageContext, signed: bytes, author: str, id: str) -> bool:
    bound = read_act(signed, cut=False)[1].signed
    return not isinstance(bound, msgspec.UnsetType) and (bound.channel, bound.author, bound.id) == (
        here.registry.cid,
        author,
        id,
    )


# The administrator's part


async def _asked(here: PageContext, officer: str) -> Enrolment:
    found = _standing(
        here, here.service.access.enrolments.find(here.registry.cid, f"{here.side}/{officer}")
    )
    if "administrator" not in here.roles or found is None:
        raise refused(
            "not-found",
            sentence(
                "No key of that officer waits to be entered. The page of keys shows those that do."
            ),
        )
    return found


async def enter(here: PageContext) -> web.StreamResponse:
    """Record an entry that waits: with the administrator's signature in the page, or with the one that the host keeps in a trial."""
    form = await form_of(here.request)
    here.newest = here.projection.flushed
    found = await _asked(here, said(form, "officer"))
    if found.administrator != here.grant.actor:
        raise refused(
            "not-permitted",
            sentence(
                "This entry was made out to %(administrator)s, who signs it. The officer can ask you instead.",
                administrator=found.administrator,
            ),
        )
    act, data = read_act(found.act.encode(), cut=False)
    _, own = await browser_signatures.signed_by(here, act, data, exchange="", key="")
    reply = await submission.record(
        here.call,
        here.projection,
        act,
        family="channel",
        key=found.id,
        signatures=" ".join(sorted({*found.signatures.split(), *own.split()})),
    )
    await here.service.access.enrolments.drop(found.cid, found.officer)
    return see(here.link("/admin/keys", after=reply.headers["Dragoman-Position"], said="entered"))


async def decline(here: PageContext) -> web.StreamResponse:
    """Turn an entry away: the officer can ask again."""
    form = await form_of(here.request)
    found = await _asked(here, said(form, "officer"))
    await here.service.access.enrolments.drop(found.cid, found.officer)
    return see(here.link("/admin/keys", said="declined"))


async def asked(here: PageContext) -> web.Response:
    """An entry that waits, as a file for the command line."""
    found = await _asked(here, here.request.match_info["officer"])
    name = f"{here.name}-{found.officer.partition('/')[2]}-key.json"
    body = msgspec.json.format(msgspec.json.encode(found))
    return web.Response(
        body=body,
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
        content_type="application/json",
    )


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/key", handler=own_key),
    PageRoute(path="/key", handler=ask_entry, method="POST"),
    PageRoute(path="/admin/keys/enter", handler=enter, method="POST"),
    PageRoute(path="/admin/keys/decline", handler=decline, method="POST"),
    PageRoute(path="/admin/keys/asked/{officer:[a-z0-9-]{1,63}}", handler=asked),
)
