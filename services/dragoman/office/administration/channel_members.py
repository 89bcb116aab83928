"""The pages of a channel's members: its sides and status, its officers, and its keys.

Everybody can read them. Administrators of a side change their own side.

Every change is an act of the channel, whose form is below `/admin/acts`. Where the
sides keep their own keys, an officer without such a key sees the command instead.
"""

from collections import Counter
from typing import Final

from aiohttp import web
from msgspec import Struct, UnsetType
from msgspec.structs import replace

from dragoman.console.admin_words import AdminWords
from dragoman.console.forms.admin_forms import colleagues, has_key, hindrance, times_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.document.blocks import (
    Block,
    Empty,
    Facts,
    Paragraph,
    Quote,
    Remark,
    Section,
    Verbatim,
    columns,
    section,
)
from dragoman.domain.acts.access import ROOT
from dragoman.domain.acts.act_rules import HEADS, OFFICERS
from dragoman.domain.acts.log_policy import log_of
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    Mark,
    MessageSource,
    PageLink,
    QuotedText,
    Role,
    Sourced,
    StandingSource,
    joined,
    listed,
    sourced,
)
from dragoman.members.texts import language
from dragoman.office.administration import (
    adoptions,
    browser_key,
    endpoints_page,
    erasure_pages,
    moved_forms,
    onward_lists,
    own_office,
    rules_page,
)
from dragoman_schemas.acts.office.channel import ChannelOpening
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import EndOfChannel, Key, OfficerState

# The channel as a whole


async def administration(context: PageContext) -> Page:
    """Return the page with the channel's sides and its status."""
    words = AdminWords(context)
    say = words.w.say
    first = await context.in_thread(context.projection.record_at, 1)
    assert first is not None and isinstance(first.data, ChannelOpening)
    return words.page(
        "/admin",
        say("Administration"),
        say(
            "Who keeps this channel, and what the sides have adopted. Every change is a record of "
            "the log, which both sides read."
        ),
        sections=(
            _sides(words),
            _settings(words, first.data),
            *_arrangement(words, first.data),
            *_handovers(words),
        ),
        beside=(*_office(context), *_standing(words)),
    )


def _standing(words: AdminWords) -> tuple[Section, ...]:
    """Return the end of the channel, or its status and the way to set it."""
    ended = words.context.registry.ended
    return (_status(words), _status_change(words)) if ended is None else (_end(words, ended),)


def _office(context: PageContext) -> tuple[Section, ...]:
    """Return the setting of the reader's office, if the reader is of a side."""
    return (own_office.setting(context),) if context.side in context.sides else ()


def _sides(words: AdminWords) -> Section:
    say, registry = words.w.say, words.context.registry
    states = {state.name: state for state in registry.sides}
    in_office = {
        side: [
            officer
            for name, officer in registry.officers.items()
            if name.startswith(f"{side}/") and officer.until is None
        ]
        for side in states
    }

    def count(side: str) -> Cell:
        spoken = say("officers of %(side)s", side=side.upper())
        number = words.w.number(len(in_office[side]))
        return PageLink(number, "/admin/officers", query={"side": side}, spoken=spoken)

    def roots(side: str) -> Cell:
        state = states[side]
        rule = say("%(a)s of %(b)s must sign", a=state.threshold, b=len(state.roots))
        keys = [
            words.of_record(Mark("code", root), max(1, registry.keys[root].since))
            for root in state.roots
        ]
        announced = (say("The next ones are announced:"), " ", Mark("code", state.next_roots))
        following = (Aside(announced),) if state.next_roots else ()
        return joined((listed((rule, *keys), Break("; ")), following))

    def delivered(side: str) -> Cell:
        upto = registry.delivered.get(side)
        if upto is None:
            return say("nothing yet")
        return words.of_record(words.record(upto.upto), upto.recorded.position)

    command = "dragoman channel admit"
    further = say(
        "A further side is admitted by the signatures of all sides, on the command line: "
        "%(command)s.",
        command=command,
    )
    return section(
        say("Sides"),
        columns(
            say("Sides"),
            words.context.sides,
            (say("Side"), words.side),
            (
                say("Offices"),
                lambda side: (
                    words.w.listed(sorted({officer.office for officer in in_office[side]}))
                    or say("none")
                ),
            ),
            (say("In office"), count),
            (say("Root keys"), roots),
            (say("Delivered up to"), delivered),
        ),
        Remark(further),
        aside=say("in the order of the opening"),
    )


def _settings(words: AdminWords, opening: ChannelOpening) -> Section:
    say, w, registry = words.w.say, words.w, words.context.registry
    kinds = {
        "official": say("official channel"),
        "track2": say("Track 2 channel"),
        "exercise": say("exercise, apart from the live channel"),
        "desk": say("a side’s own desk"),
    }
    live = registry.exercise_of
    of_live = () if live is None else (Aside(say("exercise of %(name)s", name=live.name)),)
    by_sides = registry.custody == "sides"
    signing = w.listed(registry.required_signatures) or say("no family: each officer decides")
    types = registry.file_types
    attachable = say("all types") if types is None else w.listed(types) or say("no files")
    since = tuple(
        it.adopted.position for it in registry.rules_adopted.values() if it.rules == registry.rules
    )
    rules = StandingSource("rules", records=since or (1,))

    def opened(role: Role, text: str) -> Sourced:
        return words.of_record(Mark(role, text), 1)

    earlier = or_default(opening.continues, None)
    continued: tuple[tuple[str, Cell], ...] = ()
    if earlier is not None:
        head = say("at %(n)s records, with the root %(root)s", n=earlier.size, root=earlier.root)
        goes_on = (Mark("code", earlier.cid), " ", Aside(head))
        continued = ((say("Goes on from the channel"), words.of_record(goes_on, 1, "continues")),)

    facts: tuple[tuple[str, Cell], ...] = (
        (say("Kind"), (opened("strong", kinds[registry.kind]), *of_live)),
        (
            say("Keys"),
            opened(
                "strong",
                say("kept by the sides themselves")
                if by_sides
                else say("kept by this host: a trial"),
            ),
        ),
        (say("Languages"), opened("strong", w.listed(registry.languages))),
        (say("Marking"), opened("strong", registry.marking)),
        (say("Officers must sign every act of"), opened("strong", signing)),
        (say("Files that acts may attach"), opened("strong", attachable)),
        (say("Rules"), sourced(Mark("strong", say("version %(n)s", n=registry.rules)), rules)),
        (say("Channel id: auditors start from it"), opened("code", registry.cid)),
        (say("Verifier key of the log"), opened("code", str(log_of(registry)))),
        *continued,
    )
    note = say(
        "None of this can be changed. Write the last two values down on paper: what a server says "
        "about them later proves nothing."
    )
    record = words.record(1, registry.opened.time)
    return section(say("As it was opened"), Facts(facts), Remark(note), aside=record)


def _handovers(words: AdminWords) -> tuple[Section, ...]:
    """Return the handovers of the log, if there are any, each with its key."""
    say, registry = words.w.say, words.context.registry
    log = log_of(registry)
    facts = tuple(
        (
            say("Verifier key of the log from record %(n)s on", n=handover.since),
            words.of_record(Mark("code", str(log.at(handover.since))), handover.since, "key"),
        )
        for handover in registry.handovers
    )
    note = say(
        "Every side signed that another key signs the log from there on. The key that you wrote "
        "down at the opening stays right: it leads to these."
    )
    return (section(say("Handed over"), Facts(facts), Remark(note)),) if facts else ()


def _arrangement(words: AdminWords, opening: ChannelOpening) -> tuple[Section, ...]:
    """Return the arrangement that the sides signed with the opening, if any."""
    texts = opening.arrangement
    if isinstance(texts, UnsetType):
        return ()
    every = texts if isinstance(texts, dict) else {"": texts}
    source = MessageSource(1, "arrangement")
    agreed = words.w.say("All sides agreed to this text by signing the opening.")
    quotes = (
        Quote(language(tag) if tag else "", QuotedText(text, tag), source)
        for tag, text in every.items()
    )
    return (section(words.w.field("arrangement"), Remark(agreed), *quotes),)


def _end(words: AdminWords, ended: EndOfChannel) -> Section:
    """Return the end of the channel: who said it, why, and where the sides go on."""
    say, context, at = words.w.say, words.context, ended.said
    sentence = say("Ended by all sides on %(t)s.", t=words.w.written(at.time, "minute"))
    following: tuple[Cell, ...] = ()
    if ended.successor is not None:
        name = ended.successor.name
        visible = {channel.name for channel in context.service.visible(context.grant)}
        goes_on = PageLink(name, f"//c/{name}") if name in visible else Mark("strong", name)
        cid = or_default(ended.successor.cid, "")
        parts = (say("Go on in the channel:"), " ", goes_on)
        following = (joined((*parts, " ", Mark("code", cid)) if cid else parts),)
    return section(
        say("Status of the channel"),
        Paragraph(words.of_record((sentence, " ", words.record(at.position)), at.position)),
        *(Paragraph(words.of_record(cell, at.position, "successor")) for cell in following),
        Paragraph(words.of_record(words.own(ended.reason), at.position, "reason")),
        Remark(say("Nobody owes anything here any more. The log stays, and can be read.")),
    )


def _status(words: AdminWords) -> Section:
    say, status = words.w.say, words.context.registry.status
    note = Remark(say("A suspension blocks nothing. Messages that are sent during it are marked."))
    title = say("Status of the channel")
    if status is None:
        nobody = say("Nobody has set a status. The channel is used as it was opened.")
        return section(title, Empty(nobody), note)
    at, level = status.said, {"suspended": "off", "degraded": "caution"}
    standings = {
        "in_force": say("in force"),
        "degraded": say("degraded"),
        "suspended": say("suspended"),
        "resumed": say("resumed"),
    }
    sentence = say(
        "Said by %(officer)s on %(t)s.",
        officer=words.context.titled(at.by),
        t=words.w.written(at.time, "minute"),
    )
    mark = Mark("state", standings[status.status], level.get(status.status, "normal"))
    reason = (
        None
        if isinstance(status.reason, UnsetType)
        else Paragraph(words.of_record(words.own(status.reason), at.position, "reason"))
    )
    fact = words.of_record((mark, " ", sentence, " ", words.record(at.position)), at.position)
    return section(title, Paragraph(fact), reason, note)


def _status_change(words: AdminWords) -> Section:
    """Return the way to the status, which officers set where they can sign."""
    context, say = words.context, words.w.say
    title = say("Set the status")
    if "channel" in context.registry.required_signatures and not (
        hindrance(context, OFFICERS, flag=False) or has_key(context)
    ):
        signed = say(
            "In this channel each officer signs acts of the channel’s own family. No page is given "
            "a private key: sign on your own machine."
        )
        return section(
            title,
            Paragraph(signed),
            Verbatim(f"dragoman draft status.json {words.where} --sign YOUR-KEY.pem"),
            Verbatim('{"act":"channel-status","status":"suspended","reason":"WHY"}'),
        )
    whose = say("Officers of a side draft this, and one of the two is a head of office.")
    change = words.change(title, "channel-status", title, whose, roles=OFFICERS, flag=False)
    if hindrance(context, OFFICERS, flag=False):
        return change
    two = say(
        "Two officers say this: a colleague releases the draft. One of the two is a head of office."
    )
    heads, side = words.w.listed(colleagues(context, HEADS)), context.side.upper()
    who = (say("Of %(side)s these are: %(who)s.", side=side, who=heads),) if heads else ()
    note = Remark(words.w.sentences((two, *who)))
    return replace(change, blocks=(*change.blocks, note))


# Officers


class OfficersQuery(Struct, frozen=True, kw_only=True):
    """The only side, and the officer whom an earlier address changes."""

    side: str = ""
    change: str = ""


async def officers(context: PageContext) -> Page | web.StreamResponse:
    """Return the officers of all sides, those in office first.

    The address of the earlier form for one officer leads to the form of now.
    """
    query = context.asked(OfficersQuery)
    if query.change:
        return redirect(context.link("/admin/acts/officer", **{"f.officer": query.change}))
    words, only = AdminWords(context), query.side
    say, officer = words.w.say, f"{context.side}/o-17 "
    places = [(side, side.upper()) for side in context.sides] + [("", say("all sides"))]
    sides = listed(
        (
            PageLink(name, "/admin/officers", "current" * (side == only), {"side": side})
            for side, name in places
        ),
        " ",
    )
    sign = f"{words.where} --sign YOUR-KEY.pem"
    return words.page(
        "/admin/officers",
        say("Officers"),
        say("Who may do what in this channel, by names of office and never by people’s own."),
        sections=(
            section(say("In office, and before"), *await _listed(words, only), aside=sides),
            words.change(
                say("Enter an officer of %(side)s", side=context.side.upper()),
                "officer",
                say("Enter an officer"),
                say("Administrators of a side enter and revoke its officers."),
                f"dragoman officer add {officer}--office OFFICE --role officer {sign}",
                f"dragoman officer revoke {officer}{sign}",
            ),
        ),
    )


async def _listed(words: AdminWords, only: str) -> tuple[Block | None, ...]:
    """Return the officers of a side or of all, and the way to the next ones."""
    context, say, registry = words.context, words.w.say, words.context.registry
    order = {side: place for place, side in enumerate(context.sides)}
    every = sorted(
        (
            (name, officer)
            for name, officer in registry.officers.items()
            if only in ("", name.partition("/")[0])
        ),
        key=lambda value: (value[1].until is not None, order[value[0].partition("/")[0]], value[0]),
    )
    shown, rest = words.paged(every)
    times = await times_of(
        context, [at for _, officer in shown for at in (officer.since, officer.until or 0)]
    )
    keys = Counter(key.owner for key in registry.keys.values() if key.until is None)

    def name(row: tuple[str, OfficerState]) -> Cell:
        side, _, officer = row[0].partition("/")
        you = (" ", Aside(say("you"))) if row[0] == context.grant.actor else ()
        return joined((Mark("side", side.upper()), " ", Mark("strong", officer), you))

    def standing(row: tuple[str, OfficerState]) -> Cell:
        until = row[1].until
        if not until:
            return Mark("state", say("in office"), "normal")
        revoked = Mark("state", say("revoked"), "off")
        return (revoked, " ", words.since(until, times.get(until, "")))

    def change(row: tuple[str, OfficerState]) -> Cell:
        side, _, officer = row[0].partition("/")
        if side != context.side or row[1].until:
            return ""
        return tuple(
            PageLink(word, f"/admin/acts/{act}", "", {"f.officer": officer}, row[0])
            for act, word in (("officer", say("change")), ("officer-revocation", say("revoke")))
        )

    table = columns(
        say("Officers"),
        shown,
        (say("Officer"), name),
        (say("Office"), lambda row: words.of_record(row[1].office, row[1].since)),
        (
            say("Roles"),
            lambda row: words.of_record(
                words.w.listed(map(words.w.value, row[1].roles)), row[1].since
            ),
        ),
        (say("Since"), lambda row: words.since(row[1].since, times.get(row[1].since, ""))),
        (say("Standing"), standing),
        (say("Keys"), lambda row: words.w.number(keys[row[0]]) if keys[row[0]] else say("none")),
        *(() if hindrance(context) else ((say("Change"), change),)),
        names=lambda row: {"officer": row[0]},
        empty=Empty(
            say("No officer has been entered. Root or an administrator enters the first officers.")
        ),
    )
    return table, rest


# Keys


async def keys(context: PageContext) -> Page:
    """Return the keys of all sides, and those that wait to be entered."""
    words = AdminWords(context)
    say, trial = words.w.say, context.registry.custody == "host"
    announced = {
        "entered": say("Entered: the key is valid from the next record on."),
        "declined": say("Turned away. The officer can ask again."),
    }
    lead = (
        say(
            "A trial: this host keeps the keys of all sides, and can sign for anybody. Officers may "
            "have keys of their own besides."
        )
        if trial
        else say(
            "The sides keep their own keys. This host cannot enter an officer, change a role, or "
            "sign for anybody."
        )
    )
    rotation = f"dragoman keys rotate-roots NEW-ROOT.pem --sign OLD-ROOT.pem {words.where}"
    replaced = (
        say("Root keys are kept by this host in a trial, and are not replaced.")
        if trial
        else say(
            "A side replaces all of its root keys at once. The old ones and the new ones sign."
        )
    )
    return words.page(
        "/admin/keys",
        say("Keys"),
        lead,
        announced=announced.get(context.said, ""),
        sections=(
            _valid(words),
            *browser_key.entries(words),
            _own(words),
            _revocation(words),
            section(say("Root keys"), Paragraph(replaced), None if trial else Verbatim(rotation)),
        ),
    )


def _valid(words: AdminWords) -> Section:
    """Return the keys, the valid ones first."""
    context, say = words.context, words.w.say
    order = {side: place for place, side in enumerate(context.sides)}
    every = sorted(
        context.registry.keys.items(),
        key=lambda row: (
            row[1].until is not None,
            order[row[1].owner.partition("/")[0]],
            not row[1].owner.endswith(f"/{ROOT}"),
            row[1].owner,
            row[1].since,
            row[0],
        ),
    )
    shown, rest = words.paged(every)

    def owner(row: tuple[str, Key]) -> Cell:
        side, _, name = row[1].owner.partition("/")
        return (
            Mark("side", side.upper()),
            " ",
            Mark("strong", say("root") * (name == ROOT) or name),
        )

    def until(row: tuple[str, Key]) -> Cell:
        if not row[1].until:
            return say("valid")
        doubt = row[1].suspect_from
        disputed = () if doubt is None else (say("disputed from"), " ", words.record(doubt))
        shown = (Mark("state", say("revoked"), "off"), " ", words.record(row[1].until))
        return words.of_record((*shown, *((Aside(disputed),) if disputed else ())), row[1].until)

    def revocation(row: tuple[str, Key]) -> Cell:
        side, _, name = row[1].owner.partition("/")
        if side != context.side or row[1].until or name == ROOT:
            return ""
        spoken = say("a key of %(officer)s", officer=row[1].owner)
        query = {"f.key": row[0]}
        return PageLink(say("revoke"), "/admin/acts/key-revocation", "", query, spoken)

    return section(
        say("Valid, and before"),
        columns(
            say("Keys"),
            shown,
            (say("Whose"), owner),
            (
                say("Key id"),
                lambda row: words.of_record(Mark("code", row[0]), max(1, row[1].since)),
            ),
            (say("Valid since"), lambda row: words.since(max(1, row[1].since))),
            (say("Until"), until),
            *(() if hindrance(context) else ((say("Revoke"), revocation),)),
        ),
        rest,
        aside=say("a signature counts by the keys that were valid at its record"),
    )


def _own(words: AdminWords) -> Section:
    say, trial = words.w.say, words.context.registry.custody == "host"
    about = say(
        "A new key signs its own entry, so that nobody enters another’s. An officer makes one in a "
        "browser, which never gives it out, or on a machine of their own:"
    )
    sign = "" if trial else " --sign YOUR-KEY.pem"
    officer = f"{words.context.side}/o-17"
    note = (
        say("The second takes the token of an administrator; in a trial the host signs for them.")
        if trial
        else say("The second is signed by an administrator as well, whose token and key it takes.")
    )
    return section(
        say("Enter a key"),
        Paragraph((about, " ", PageLink(say("Your key"), "/key"))),
        Verbatim("dragoman keys new o-17.pem"),
        Verbatim(f"dragoman keys enrol o-17.pem --officer {officer} {words.where}{sign}"),
        Remark(note),
    )


def _revocation(words: AdminWords) -> Section:
    say, why = words.w.say, hindrance(words.context)
    title, revoke = say("Revoke a key"), "dragoman keys revoke"
    if not why:
        beside = say(
            "Beside each key of your side. A key may also revoke itself, on the command line:"
        )
        command = Verbatim(f"{revoke} o-17.pem {words.where} --sign o-17.pem")
        return section(title, Paragraph(beside), command)
    return words.change(
        title,
        "key-revocation",
        title,
        say("Administrators of a side revoke the keys of its officers, and each key itself."),
        f"{revoke} KEY-ID {words.where} --sign YOUR-KEY.pem",
    )


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin", handler=administration),
    PageRoute(path="/admin/officers", handler=officers),
    PageRoute(path="/admin/keys", handler=keys),
    *browser_key.ROUTES,
    *moved_forms.ROUTES,
    *adoptions.ROUTES,
    *onward_lists.ROUTES,
    *rules_page.ROUTES,
    *erasure_pages.ROUTES,
    *endpoints_page.ROUTES,
    *own_office.ROUTES,
)
