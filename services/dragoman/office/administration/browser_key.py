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

from dragoman.application.http import submission
from dragoman.console.admin_words import AdminWords
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.admin_forms import colleagues
from dragoman.console.forms.browser_signatures import SignatureRequired
from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import HEADERS, Page, PageRoute, refused
from dragoman.console.page.sessions import form_of, redirect, said
from dragoman.document.blocks import (
    Block,
    Buttons,
    Facts,
    Form,
    PageDocument,
    Paragraph,
    Points,
    Remark,
    Section,
    Verbatim,
    section,
)
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.access import ROOT
from dragoman.domain.record import ids
from dragoman.domain.record.codec import read_act
from dragoman.interop.check_words import check_words
from dragoman.limits import SIGNATURES
from dragoman.members.runs import Aside, Break, Mark, PageLink, PressButton, Runs
from dragoman.stores.enrolments import Enrolment, Enrolments
from dragoman.text import sentence
from dragoman.tlog import dsse
from dragoman_schemas.state import Key

ENROLMENTS: Final = web.AppKey("enrolments", Enrolments)


def waiting(context: PageContext) -> tuple[Enrolment, ...]:
    """Return the waiting entries of the reader's side.

    Only its administrators see them, and no page of the past does.
    """
    if context.past or "administrator" not in context.roles:
        return ()
    listed = context.request.app[ENROLMENTS].listed(context.registry.cid, context.side)
    return tuple(enrolment for enrolment in listed if _standing(context, enrolment) is not None)


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
    words, form = AdminWords(context), filled or FormState()
    say, required = words.w.say, context.registry.required_signatures
    enrolment = (
        None
        if context.past
        else _standing(
            context,
            context.request.app[ENROLMENTS].find(context.registry.cid, context.grant.actor),
        )
    )
    announced = {
        "asked": say("Asked. Read the four words to the administrator by telephone."),
        "withdrawn": say("Taken back."),
    }
    why = say(
        "A key of your own signs what you say, so that nobody can say it for you: not a colleague, "
        "and not this host."
    )
    demand = (
        say(
            "This channel asks for it in: %(families)s.",
            families=words.w.listed(map(words.w.value, required)),
        )
        if required
        else say("This channel leaves it to each officer.")
    )
    document = PageDocument(
        title=say("Your key"),
        announced=announced.get(context.said, ""),
        script="own_key.js",
        faults=form.faults_in(words.w),
        area="admin",
        crumbs=(PageLink(say("Keys"), "/admin/keys"),),
        lead=words.w.sentences((why, demand)),
        sections=(_in_browser(words, form, enrolment),),
        beside=(*((_waits(words, enrolment),) if enrolment else ()), *_elsewhere(words)),
    )
    return Page(view=document, status=form.status)


def _own_keys(context: PageContext) -> dict[str, Key]:
    """Return the reader's keys, the oldest first."""
    every = sorted(context.registry.keys.items(), key=lambda key: key[1].since)
    return {id: key for id, key in every if key.owner == context.grant.actor}


def _in_browser(words: AdminWords, form: FormState, enrolment: Enrolment | None) -> Section:
    """Return the section in which the script shows the state of this browser's key."""
    context, say, keys = words.context, words.w.say, _own_keys(words.context)
    administrator = "" if enrolment is None else enrolment.administrator
    states = {
        "none": say("This browser has no key of yours for this channel."),
        "made": say("This browser has made a key. It is not entered in the channel yet."),
        "waits": say("This browser’s key waits for %(who)s.", who=administrator),
        "valid": say("This browser’s key is valid. It signs when you press."),
        "ended": say(
            "This browser’s key was revoked. It signs nothing more: forget it, and make another."
        ),
        "cannot": say(
            "This browser cannot make such keys, or the page did not come by https. Use another "
            "browser, or the command line."
        ),
        "forgotten": say("Forgotten."),
        "key": say("Key id"),
        "make": say("Make a key in this browser"),
        "forget": say("Forget the key of this browser"),
        "follows": say(
            "It cannot be brought back. What it signed stays valid. An administrator revokes it in "
            "the channel."
        ),
        "end": say("Forget it"),
    }
    may_ask = not context.past and context.grant.scope != "read" and context.writable
    note = say(
        "The key cannot be copied out of the browser, not even by a page. Who can use this browser "
        "under your name can sign with it: lock the screen."
    )
    off = say("Scripts are off: this page cannot say whether the browser has a key.")
    withdrawal = PressButton(say("Take the entry back"), "/key", {"do": "withdraw"})
    return section(
        say("In this browser"),
        Paragraph(Mark("state", off, "off")),
        _request(words, form) if may_ask else None,
        Buttons((withdrawal,)) if may_ask and enrolment else None,
        Remark(note),
        *(Paragraph(words.handed_over(item.since)) for item in context.registry.handovers[-1:]),
        anchor="own-key",
        cid=context.registry.cid,
        log=str(log_policy.log_of(context.registry)),
        keys=_json([*keys]),
        valid=_json([id for id, key in keys.items() if key.until is None]),
        waits="" if enrolment is None else enrolment.key,
        words=_json(states),
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _request(words: AdminWords, form: FormState) -> Form:
    """Return the form that the script shows once the browser has made a key."""
    context, say = words.context, words.w.say
    every = colleagues(context)
    others = [name for name in every if f"{context.side}/{name}" != context.grant.actor]
    options = ((name, name) for name in others or every)
    label, hint = (
        say("Administrator who enters it"),
        say("The key signs its own entry; the administrator’s signature makes it valid."),
    )
    return Form(
        to="/key",
        parts=(form.field(words.w, "select", "administrator", label, hint, options),),
        button=say("Ask for its entry"),
        values={"public": "", "do": "ask"},
        key=form.key,
        signs="key-addition",
        is_hidden=True,
    )


def _waits(words: AdminWords, enrolment: Enrolment) -> Section:
    say = words.w.say
    read = say(
        "Read these four words to %(who)s by telephone, who sees the same if it is your key:",
        who=enrolment.administrator,
    )
    return section(
        say("Waits to be entered"),
        Paragraph(read),
        Paragraph(_check_words(enrolment)),
        Facts(((say("Key id"), Mark("code", enrolment.key)),)),
        aside=_asked_at(words, enrolment),
        entry=enrolment.officer,
    )


def _check_words(enrolment: Enrolment) -> Mark:
    return Mark("language", " ".join(check_words(enrolment.key)), "en")


def _asked_at(words: AdminWords, enrolment: Enrolment) -> str:
    return words.w.say("asked %(t)s", t=words.w.written(enrolment.asked, "minute"))


def _elsewhere(words: AdminWords) -> tuple[Section, ...]:
    """Return the reader's keys in the channel, and the command for a key in a file."""
    context, say, keys = words.context, words.w.say, _own_keys(words.context)

    def point(id: str, key: Key) -> Runs:
        since = (say("valid since"), " ", words.since(max(1, key.since)))
        until = (", ", say("revoked"), " ", words.since(key.until)) if key.until else ()
        shown = words.of_record(Mark("code", id), max(1, key.since))
        return (shown, Aside((*since, *until)))

    none = Paragraph(say("You have none here yet."))
    points = Points(tuple(point(id, key) for id, key in keys.items()))
    file = say("On the command line a key in a file signs; no page can use it.")
    officer = context.grant.actor.partition("/")[2]
    return (
        section(say("Your keys in this channel"), points if keys else none),
        section(
            say("A key in a file instead"),
            Paragraph(file),
            Verbatim(f"dragoman keys new {officer}.pem"),
        ),
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
            "own-key",
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


def entries(words: AdminWords) -> tuple[Section, ...]:
    """Return the waiting entries of the reader's side, each with what may be done."""
    say, waits = words.w.say, waiting(words.context)
    if not waits:
        return ()
    ask = say(
        "Ask the officer by telephone for the four words. If they are the same, it is the "
        "officer’s key."
    )
    title = say("Keys that wait to be entered")
    return section(title, Paragraph(ask)), *(_entry(words, enrolment) for enrolment in waits)


def _entry(words: AdminWords, enrolment: Enrolment) -> Section:
    """Return a waiting entry, which the administrator whom the officer chose signs."""
    context, say, name = words.context, words.w.say, enrolment.officer.partition("/")[2]
    own_keys = context.registry.custody == "sides"
    blocks: tuple[Block, ...]
    if enrolment.administrator == context.grant.actor:
        form = Form(
            to="/admin/keys/enter",
            parts=(),
            button=say("Enter this key"),
            values={"officer": name},
            signs="key-addition" if own_keys else "",
        )
        blocks = (form, *(_in_file(words, name) if own_keys else ()))
    else:
        others = say("It was made out to %(who)s, who signs it.", who=enrolment.administrator)
        blocks = (Remark(others),)
    decline = PressButton(say("Turn it away"), "/admin/keys/decline", {"officer": name}, name)
    return section(
        name,
        Paragraph((_check_words(enrolment), Break("; "), Mark("code", enrolment.key))),
        *blocks,
        Buttons((decline,)),
        level=3,
        aside=_asked_at(words, enrolment),
        entry=enrolment.officer,
    )


def _in_file(words: AdminWords, officer: str) -> tuple[Block, ...]:
    """Return the way to sign an entry with a key in a file."""
    say, entry = words.w.say, f"{words.context.name}-{officer}-key.json"
    take = say("To sign with a key in a file instead, take the entry to your own machine:")
    link = PageLink(say("the entry"), f"/admin/keys/asked/{officer}")
    command = f"dragoman keys admit {entry} {words.where} --sign YOUR-KEY.pem"
    return Remark((take, " ", link)), Verbatim(command)


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
