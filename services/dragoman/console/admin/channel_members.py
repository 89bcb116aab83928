"""Who keeps a channel: its sides and how it stands, its officers, its keys. Everybody reads them; administrators of a side change their own.

Every change is an act of the channel's own family. Where the sides keep their own keys such acts are signed with a key that no page ever
sees: the pages give the command in place of a form. How the channel stands is drafted by one officer and released by another.
"""

from typing import Any, Final, get_args

import msgspec
from aiohttp import web
from msgspec import Raw, Struct

from dragoman.application.http import submission
from dragoman.application.operations import drafts
from dragoman.console.admin import adoptions, browser_key, endpoints_page, erasure_pages
from dragoman.console.admin.admin_forms import (
    address,
    at_the_end,
    colleagues,
    has_key,
    hindrance,
    keep,
    sliced,
    times_of,
)
from dragoman.console.display.act_display import language
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.confirm import Asking, ask
from dragoman.console.forms.form_state import Filled
from dragoman.console.rendering import Page, PageContext, PageRoute
from dragoman.console.sessions import see
from dragoman.domain.acts.access import ROOT
from dragoman.domain.acts.act_rules import HEADS, OFFICERS
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.codec import is_name, read_act
from dragoman.text import sentence
from dragoman_schemas.acts.channel import Role
from dragoman_schemas.responses import NewDraft
from dragoman_schemas.state import Status

_ROLES: Final[tuple[Role, ...]] = get_args(Role)
_STATUSES: Final = ("in_force", "degraded", "suspended", "resumed")

# The channel as a whole


class SideRow(Struct, frozen=True, kw_only=True):
    """A side: its offices and officers in office, its root keys by their ids, how many of them must sign, and up to where it was delivered."""

    side: str
    offices: tuple[str, ...]
    officers: int
    threshold: int
    roots: tuple[str, ...]
    next_roots: str
    delivered: int


class Administration(Struct, frozen=True, kw_only=True):
    """A channel's settings. `log` is the verifier key of its signed heads; `status` is null where nobody has said how it stands."""

    channel: str
    position: int
    cid: str
    kind: str
    custody: str
    languages: tuple[str, ...]
    marking: str
    exercise_of: str
    log: str
    rules: int
    opened: str
    required_signatures: tuple[str, ...]
    status: Status | None
    sides: tuple[SideRow, ...]


async def administration(here: PageContext, filled: Filled | None = None) -> Page:
    """The channel's sides, and how it stands."""
    registry = here.registry
    form = filled or Filled({"language": [_language(here)]})
    view = Administration(
        channel=here.name,
        position=here.position,
        cid=registry.cid,
        kind=registry.kind,
        custody=registry.custody,
        languages=registry.languages,
        marking=registry.marking,
        exercise_of="" if registry.exercise_of is None else registry.exercise_of.name,
        log=str(log_of(registry)),
        rules=registry.rules,
        opened=registry.opened.time,
        required_signatures=registry.required_signatures,
        status=registry.status,
        sides=tuple(_side_row(here, side) for side in here.sides),
    )
    values = {
        "filled": form,
        "named_languages": [(tag, language(tag)) for tag in registry.languages],
        "hindrance": "signed"
        if _signs(here) and not has_key(here)
        else hindrance(here, OFFICERS, kept=False),
        "heads": colleagues(here, HEADS),
        "who": colleagues(here, OFFICERS),
        "server": address(here),
        "said": here.request.query.get("said", ""),
    }
    return Page(
        template="admin.html", view=view, rows=view.sides, values=values, status=form.status
    )


def _side_row(here: PageContext, name: str) -> SideRow:
    registry = here.registry
    side = next(each for each in registry.sides if each.name == name)
    there = [
        each
        for officer, each in registry.officers.items()
        if officer.startswith(f"{name}/") and each.until is None
    ]
    delivered = registry.delivered.get(name)
    return SideRow(
        side=name,
        offices=tuple(sorted({each.office for each in there})),
        officers=len(there),
        threshold=side.threshold,
        roots=side.roots,
        next_roots=side.next_roots,
        delivered=0 if delivered is None else delivered.upto,
    )


def _language(here: PageContext) -> str:
    """The language of the channel in which the reader most likely writes."""
    own = here.words.language
    return next(
        (each for each in here.registry.languages if each.partition("-")[0] == own),
        here.registry.languages[0],
    )


def _signs(here: PageContext) -> bool:
    """Whether what is said of the channel as a whole must be signed by its officers themselves, though they might say it."""
    return "channel" in here.registry.required_signatures and not hindrance(
        here, OFFICERS, kept=False
    )


async def draft_status(here: PageContext) -> Page | web.StreamResponse:
    """Keep how the channel is to stand as a draft, for a colleague to release."""
    filled = await Filled.of(here.request)
    status, reason, language = filled["status"], filled["reason"], filled["language"]
    if status not in _STATUSES:
        filled.wrong("status", here.words.say("Choose how the channel is to stand."))
    if status == "suspended" and not reason:
        filled.wrong("reason", here.words.say("A suspension says in writing why. Give the reason."))
    if not filled.faults:
        act: dict[str, Any] = {"act": "channel-status", "status": status}
        if reason:
            act["reason"] = {language: reason} if language in here.registry.languages else reason
        body = msgspec.json.encode(act)
        with filled.trying("status", reason="/reason"):
            act_bytes, data = read_act(body, cut=False)
            signed, signatures = await browser_signatures.signed_by(
                here, act_bytes, data, exchange="", key=filled.key
            )
            await drafts.keep_new(
                here.call, NewDraft(act=Raw(signed)), 201, filled.key, signatures, handed=True
            )
            return see(here.link("/admin", said="drafted"))
    await at_the_end(here)
    return await administration(here, filled)


# Officers


class OfficerRow(Struct, frozen=True, kw_only=True):
    """An officer: in office since a record, with these roles, until a record if revoked. `keys` are those that are valid."""

    officer: str
    office: str
    roles: tuple[str, ...]
    since: int
    since_time: str
    until: int | None
    until_time: str
    keys: int


class Officers(Struct, frozen=True, kw_only=True):
    """The officers of a channel, those in office first; `total` of all."""

    channel: str
    position: int
    total: int
    officers: tuple[OfficerRow, ...]


async def officers(here: PageContext, filled: Filled | None = None) -> Page:
    """The officers of all sides, and the form by which one is entered."""
    registry = here.registry
    only = here.request.query.get("side", "")
    order = {side: place for place, side in enumerate(here.sides)}
    known = sorted(
        (
            (name, each)
            for name, each in registry.officers.items()
            if only in ("", name.partition("/")[0])
        ),
        key=lambda known: (known[1].until is not None, order[known[0].partition("/")[0]], known[0]),
    )
    rows = [
        OfficerRow(
            officer=name,
            office=each.office,
            roles=each.roles,
            since=each.since,
            since_time="",
            until=each.until,
            until_time="",
            keys=sum(key.owner == name and key.until is None for key in registry.keys.values()),
        )
        for name, each in known
    ]
    shown, following = sliced(here, rows)
    times = await times_of(here, [at for row in shown for at in (row.since, row.until or 0)])
    shown = [
        msgspec.structs.replace(
            row, since_time=times.get(row.since, ""), until_time=times.get(row.until or 0, "")
        )
        for row in shown
    ]
    form = filled or _as_it_stands(here)
    view = Officers(
        channel=here.name, position=here.position, total=len(rows), officers=tuple(shown)
    )
    values = {
        "filled": form,
        "all_roles": _ROLES,
        "hindrance": hindrance(here),
        "who": colleagues(here),
        "only": only,
        "following": following,
        "changing": here.request.query.get("change", ""),
        "offices": sorted(
            {
                each.office
                for name, each in registry.officers.items()
                if name.startswith(f"{here.side}/")
            }
        ),
        "server": address(here),
        "said": here.request.query.get("said", ""),
    }
    return Page(
        template="officers.html", view=view, rows=view.officers, values=values, status=form.status
    )


def _as_it_stands(here: PageContext) -> Filled:
    """The form with an officer of the own side in it, who is to be changed; or empty."""
    name = here.request.query.get("change", "")
    known = here.registry.officers.get(f"{here.side}/{name}")
    if known is None or known.until is not None:
        return Filled()
    return Filled({"officer": [name], "office": [known.office], "roles": known.roles})


async def enter_officer(here: PageContext) -> Page | web.StreamResponse:
    """Enter an officer of the own side, or change one's office and roles."""
    filled, say = await Filled.of(here.request), here.words.say
    name, office = filled["officer"], filled["office"]
    if not is_name(name):
        filled.wrong(
            "officer",
            say(
                "Give a name of office, like o-17: small letters and digits, with hyphens between."
            ),
        )
    if not is_name(office):
        filled.wrong(
            "office",
            say("Give the office, like brussels: small letters and digits, with hyphens between."),
        )
    if not filled.all("roles"):
        filled.wrong("roles", say("Choose at least one role."))
    if not filled.faults:
        roles = [role for role in _ROLES if role in filled.all("roles")]
        act = {"act": "officer", "officer": name, "office": office, "roles": roles}
        if position := await keep(here, filled, act, "officer", office="/office", roles="/roles"):
            return see(here.link("/admin/officers", after=position, said="recorded"))
    await at_the_end(here)
    return await officers(here, filled)


async def ask_revocation(
    here: PageContext, filled: Filled | None = None
) -> Page | web.StreamResponse:
    """Ask once before an officer is revoked."""
    name = filled["officer"] if filled else here.request.query.get("officer", "")
    actor = f"{here.side}/{name}"
    known = here.registry.officers.get(actor)
    if hindrance(here) or known is None or known.until is not None:
        return see(here.link("/admin/officers"))
    return ask(
        here,
        Asking(act="officer-revocation", of=actor),
        question=here.words.say("Revoke %(officer)s?", officer=actor),
        follows=_what_follows(here, actor),
        button=here.words.say("Revoke %(officer)s", officer=name),
        back=(here.link("/admin/officers"), here.words.say("Keep in office")),
        area="admin",
        filled=filled,
        hidden={"officer": name},
        reason=True,
        signs=here.registry.custody == "sides",
    )


def _what_follows(here: PageContext, actor: str) -> list[str]:
    """What follows from revoking an officer, in sentences."""
    say, registry = here.words.say, here.registry
    follows = [
        say(
            "From the record on %(officer)s may read and do nothing more in this channel.",
            officer=actor,
        ),
        say("Pages and streams that are open end. Calendar links end too."),
        say(
            "What %(officer)s has said and signed stays in the record, and stays valid.",
            officer=actor,
        ),
        say("The name does not return: nobody can be entered under it again."),
    ]
    keys = sum(key.owner == actor and key.until is None for key in registry.keys.values())
    if keys:
        follows.append(
            here.words.count("%(n)s key signs nothing more.", "%(n)s keys sign nothing more.", keys)
        )
    held = registry.watches.get(here.side)
    if held is not None and held.since.by == actor:
        follows.append(
            say("%(officer)s has the watch now. Have a colleague take it first.", officer=actor)
        )
    if colleagues(here) == (actor.partition("/")[2],):
        follows.append(
            say(
                "%(officer)s is the only administrator of %(side)s in office.",
                officer=actor,
                side=here.side.upper(),
            )
            + " "
            + say("After this nobody can enter or revoke officers of this side.")
        )
    return follows


async def revoke_officer(here: PageContext) -> Page | web.StreamResponse:
    """Revoke an officer of the own side."""
    filled = await Filled.of(here.request)
    act = {"act": "officer-revocation", "officer": filled["officer"]} | (
        {"reason": filled["reason"]} if filled["reason"] else {}
    )
    if position := await keep(here, filled, act, "reason"):
        return see(here.link("/admin/officers", after=position, said="revoked"))
    await at_the_end(here)
    return await ask_revocation(here, filled)


# Keys


class KeyRow(Struct, frozen=True, kw_only=True):
    """A key by its id: whose it is, valid from a record on, until another. A `root` key is of its side, and no officer's.

    What it signed from `suspect_from` on is disputed.
    """

    key: str
    owner: str
    root: bool
    since: int
    until: int | None
    suspect_from: int | None = None


class KeysView(Struct, frozen=True, kw_only=True):
    """The keys of a channel, those that are valid first; `total` of all."""

    channel: str
    position: int
    custody: str
    total: int
    keys: tuple[KeyRow, ...]


async def keys(here: PageContext) -> Page:
    """The keys of all sides, and how they are entered and revoked."""
    order = {side: place for place, side in enumerate(here.sides)}
    rows = sorted(
        (
            KeyRow(
                key=id,
                owner=each.owner,
                root=each.owner.endswith(f"/{ROOT}"),
                since=max(1, each.since),
                until=each.until,
                suspect_from=each.suspect_from,
            )
            for id, each in here.registry.keys.items()
        ),
        key=lambda row: (
            row.until is not None,
            order[row.owner.partition("/")[0]],
            not row.root,
            row.owner,
            row.since,
            row.key,
        ),
    )
    shown, following = sliced(here, rows)
    view = KeysView(
        channel=here.name,
        position=here.position,
        custody=here.registry.custody,
        total=len(rows),
        keys=tuple(shown),
    )
    values = {
        "hindrance": hindrance(here),
        "who": colleagues(here),
        "following": following,
        "server": address(here),
        "waiting": browser_key.waiting(here),
        "said": here.request.query.get("said", ""),
    }
    return Page(template="keys.html", view=view, rows=view.keys, values=values)


async def ask_key_revocation(
    here: PageContext, filled: Filled | None = None
) -> Page | web.StreamResponse:
    """Ask once before a key is revoked."""
    id = filled["of"] if filled else here.request.query.get("of", "")
    key = here.registry.keys.get(id)
    if (
        hindrance(here)
        or key is None
        or key.until is not None
        or key.owner.partition("/")[0] != here.side
    ):
        return see(here.link("/admin/keys"))
    say = here.words.say
    return ask(
        here,
        Asking(act="key-revocation", of=id),
        question=say("Revoke a key of %(officer)s?", officer=key.owner),
        follows=[
            say(
                "The key %(key)s signs nothing more from the record on, and does not return.",
                key=id,
            ),
            say(
                "What it has signed stays in the record, and stays valid; from the record on that you name below it is shown as disputed."
            ),
            say("%(officer)s stays in office, and can be given another key.", officer=key.owner),
        ],
        button=say("Revoke this key"),
        back=(here.link("/admin/keys"), say("Keep it valid")),
        area="admin",
        filled=filled,
        hidden={"of": id},
        reason=True,
        suspects=True,
        signs=here.registry.custody == "sides",
    )


async def revoke_key(here: PageContext) -> Page | web.StreamResponse:
    """Revoke a key of the own side, in a trial."""
    filled = await Filled.of(here.request)
    suspected = submission.whole(filled["suspect_from"])
    if filled["suspect_from"] and not suspected:
        filled.wrong(
            "suspect_from",
            sentence(
                "give the number of a record, for instance %(n)s, or leave it empty",
                n=here.position,
            ),
        )
        return await ask_key_revocation(here, filled)
    named: dict[str, Any] = {"suspect_from": suspected} if suspected else {}
    act = {"act": "key-revocation", "key": filled["of"], **named} | (
        {"reason": filled["reason"]} if filled["reason"] else {}
    )
    if position := await keep(here, filled, act, "reason", suspect_from="/suspect_from"):
        return see(here.link("/admin/keys", after=position, said="revoked"))
    await at_the_end(here)
    return await ask_key_revocation(here, filled)


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin", handler=administration),
    PageRoute(path="/admin", handler=draft_status, method="POST"),
    PageRoute(path="/admin/officers", handler=officers),
    PageRoute(path="/admin/officers", handler=enter_officer, method="POST"),
    PageRoute(path="/admin/officers/revoke", handler=ask_revocation),
    PageRoute(path="/admin/officers/revoke", handler=revoke_officer, method="POST"),
    PageRoute(path="/admin/keys", handler=keys),
    PageRoute(path="/admin/keys/revoke", handler=ask_key_revocation),
    PageRoute(path="/admin/keys/revoke", handler=revoke_key, method="POST"),
    *browser_key.SHEETS,
    *adoptions.SHEETS,
    *erasure_pages.SHEETS,
    *endpoints_page.SHEETS,
)
