"""The adoptions of the sides: a profile of limits, a codebook, and a witness policy.

The profile includes line checks. The pages say which adoption binds, and since when.

Each side adopts for itself, by an act of its administrator. Only an adoption that every
side has made alike, to the letter, binds.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UnsetType

from dragoman.application.operations import webhook_endpoints
from dragoman.application.operations.report_requests import WATCH_FLOOR
from dragoman.console.admin_words import AdminWords
from dragoman.console.forms.admin_forms import colleagues, hindrance
from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import redirect
from dragoman.document.blocks import (
    Empty,
    Fold,
    Form,
    FormField,
    Group,
    Listing,
    ListingRow,
    Paragraph,
    Points,
    Remark,
    Section,
    Verbatim,
    columns,
    section,
)
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.deadlines import UNTIMED, profile_of
from dragoman.domain.acts.line_checks import schedule_of
from dragoman.i18n.words import LANGUAGES, TAGS, URGENT_LANGUAGES
from dragoman.limits import CHECK_SECONDS, CHECK_STEP_SECONDS, CHECKED_HEAD_SECONDS
from dragoman.members.runs import (
    Aside,
    Break,
    Cell,
    Mark,
    Runs,
    StandingSource,
    joined,
    sourced,
)
from dragoman.stores.watch_floor import WatchChecks
from dragoman.text import sentence
from dragoman.tlog.policy import Policy
from dragoman_schemas.acts.office.channel import LineChecks
from dragoman_schemas.codebook import CODEBOOKS, Codebook
from dragoman_schemas.profiles import PROFILES, Profile
from dragoman_schemas.responses import Covered
from dragoman_schemas.state import Adopted, AdoptedCodebook, AdoptedPolicy

# Limits


async def limits(context: PageContext) -> Page:
    """Return the page with the profiles beside each other, and the one that binds."""
    words = AdminWords(context)
    say, timed = words.w.say, context.registry.kind not in UNTIMED
    adopt = words.adopt(
        "profile-adoption",
        say("Adopt a profile"),
        say("Administrators of a side adopt limits for it."),
        "dragoman adopt profile default --line-check checks.json "
        f"{words.where} --sign YOUR-KEY.pem",
        '{"at":["06:00","18:00"],"zone":"Europe/Brussels","sent_by":"alternating"}',
    )
    checks = (_watch_check(words),) if timed else ()
    sections = (_adopted_limits(words), _beside_each_other(words), adopt, *checks)
    return words.page("/admin/profiles", say("Limits"), _binding(words), sections=sections)


def _binding(words: AdminWords) -> Cell:
    """Return the sentence on the limits that bind, if any do."""
    say, registry = words.w.say, words.context.registry
    profile, since = profile_of(registry)
    if registry.kind in UNTIMED:
        return say("This channel has no clocks by rule: limits bind nobody here.")
    if since:
        bind = say(
            "The limits of %(profile)s bind: every side has adopted them.", profile=profile.name
        )
        return words.of_record((bind, " ", words.record(since)), since)
    if len(registry.profiles) < len(words.context.sides):
        return say(
            "No limit binds: not every side has adopted a profile. Those of %(profile)s are shown "
            "as a courtesy, and nothing lapses.",
            profile=profile.name,
        )
    return say(
        "No limit binds: the sides have adopted different profiles. Those of %(profile)s are shown "
        "as a courtesy, and nothing lapses.",
        profile=profile.name,
    )


def _adopted_limits(words: AdminWords) -> Section:
    say, registry = words.w.say, words.context.registry
    adoptions = words.adoptions(
        registry.profiles,
        lambda adoption: (
            Mark("strong", adoption.profile),
            " ",
            Aside(_checks_of(words, adoption)),
        ),
    )
    if registry.kind in UNTIMED:
        return adoptions
    schedule = schedule_of(registry)
    note = (
        say(
            "The line is not checked by schedule: that takes the same profile and the same checks "
            "of every side."
        )
        if schedule is None
        else say(
            "The line is checked from %(t)s on: every side has adopted the same checks.",
            t=words.w.written(schedule.start, "minute"),
        )
    )
    return section(adoptions.title, *adoptions.blocks, Remark(note))


def _checks_of(words: AdminWords, adopted: Adopted) -> str:
    """Return the line checks of an adoption."""
    say, w = words.w.say, words.w
    if isinstance(adopted.line_check, UnsetType):
        return say("without line checks")
    checks = msgspec.json.decode(adopted.line_check, type=LineChecks)
    times = say("line checks at %(times)s, %(zone)s", times=w.listed(checks.at), zone=checks.zone)
    sent = (
        say("sent by the sides in turn")
        if checks.sent_by == "alternating"
        else say("sent by %(side)s", side=checks.sent_by.upper())
    )
    begin = checks.from_
    since = (say("from %(t)s", t=w.written(begin, "minute")),) if isinstance(begin, str) else ()
    return w.listed((times, sent, *since))


def _beside_each_other(words: AdminWords) -> Section:
    """Return the limits of the profiles beside each other."""
    say, (profile, since) = words.w.say, profile_of(words.context.registry)
    differs = (" ", Mark("icon", "", "differs"), Aside(say("differs")))

    def row(name: str, label: str) -> ListingRow:
        values = [limits_of[name] for limits_of in _LIMITS.values()]
        cells = (_written(words, name, value) for value in values)
        marked = joined((label, () if len({*values}) == 1 else differs))
        return ListingRow((marked, *cells), {"limit": name})

    title = say("The profiles beside each other")
    profiles = (
        words.w.listed((name, say("binds"))) if since and name == profile.name else name
        for name in _LIMITS
    )
    groups = tuple(
        Group(tuple(row(*limit) for limit in names.items()), (heading,))
        for heading, names in _limit_names(words).items()
    )
    table = Listing(title, (say("Limit"), *profiles), groups, headed=True)
    return section(title, table, aside=say("what differs is marked"))


def _written(words: AdminWords, name: str, value: int | str | None) -> str:
    """Return a limit: seconds, or months, or a day of a year, as its name says."""
    w, now = words.w, words.context.moment
    if value is None:
        return w.say("none")
    if isinstance(value, str):
        years, month, day = map(int, value.split())
        date = now.replace(year=now.year + years, month=month, day=day)
        return w.say("%(day)s, for the year %(year)s", day=w.day(date), year=now.year)
    if name.endswith("_months"):
        return w.count("%(n)s month", "%(n)s months", value)
    return w.span(value)


def _limits_of(profile: Profile) -> Iterator[tuple[str, int | str | None]]:
    """Yield the limits of a profile by name; composite limits part by part."""
    for name in profile.__struct_fields__[1:]:
        value = getattr(profile, name)
        match name:
            case "acknowledgement":
                yield from (
                    (f"{name}.{precedence}", seconds) for precedence, seconds in value.items()
                )
            case "annual":
                yield from (
                    (f"{name}.{kind}", " ".join(map(str, day))) for kind, day in value.items()
                )
            case "ladder":
                yield from (
                    (f"{name}.{rung}", getattr(value, rung, None))
                    for rung in ("answer", "urgent", "meeting")
                )
            case _:
                yield name, value


_LIMITS: Final = {name: dict(_limits_of(profile)) for name, profile in PROFILES.items()}
"""The limits of each profile by name, in seconds, or in months if the name says so.

A day of the year is `years month day`. None means no limit.
"""


def _limit_names(words: AdminWords) -> dict[str, dict[str, str]]:
    """Return the limits with their names, in groups with headings."""
    say = words.w.say
    return {
        say("Receipts and the line"): {
            "acknowledgement.flash": say("Acknowledgement of a flash message"),
            "acknowledgement.immediate": say("Acknowledgement of an immediate message"),
            "acknowledgement.priority": say("Acknowledgement of a priority message"),
            "acknowledgement.routine": say("Acknowledgement of a routine message, in duty days"),
            "echo": say("Echo of a line check"),
            "second_key": say("Confirmation by a second officer"),
            "objection": say("Objection to a closure by the side that opened the matter"),
            "amplification": say("Plain words after a coded message"),
            "passed_on": say("Passing a message without a window on"),
            "passed_on_before": say("Passing a message on, before its window opens"),
        },
        say("The ladder after a request for explanation"): {
            "ladder.answer": say("Answer to a request for explanation"),
            "ladder.urgent": say("The same, if it is urgent"),
            "ladder.meeting": say("Meeting after that, if it is owed"),
        },
        say("Meetings, calls and visits"): {
            "meeting_answer": say("Answer to a meeting request"),
            "meeting_answer_lead": say("The same, before the date of the meeting"),
            "ladder_answer": say("Answer to a meeting on the ladder"),
            "venue": say("Venue left open, before the default venue applies"),
            "call_answer": say("Answer to a call request"),
            "call_answer_flash": say("Answer to a call request that is a flash"),
            "call_note": say("Note after a call"),
            "readout": say("Readout after a meeting"),
            "visit_answer_lead": say("Answer to an invitation, before the visit"),
            "visit_of_concern": say("Answer to a visit of concern"),
            "access_to_people": say("Access to people who are held"),
            "inspection_answer": say("Answer to a request to inspect"),
            "inspection_lead": say("A request to inspect, before the arrival"),
            "inspection_lead_most": say("The same, at most"),
            "visit_report": say("Report of the visitors, after they have left"),
            "transmittal_answer": say("Answer to recommendations that were handed over"),
        },
        say("Incidents, emergencies and warnings"): {
            "first_report": say("First report of an incident, from when it is known"),
            "first_update": say("First update of an incident"),
            "update": say("Further updates"),
            "incident_clarification": say("Answer to a question about an incident"),
            "final_report": say("Final report of an incident"),
            "encounter_report": say("Report of an encounter"),
            "counter_account": say("The other side’s account of an encounter"),
            "emergency_report": say("Report of an emergency"),
            "all_clear": say("All clear, from when the area is free"),
            "warning_answer": say("Answer to a terrorism warning"),
            "warning_imminent": say("The same, if it is imminent"),
            "inquiry_answer": say("Answer to an inquiry about an ICT incident"),
        },
        say("Notices in advance"): {
            "activity_lead": say("Notice of a military activity, before it"),
            "bomber_lead": say("Notice of an exercise of strategic bombers, before it"),
            "activity_change": say("Notice of a change, after the decision"),
            "after_activity": say("Report after an activity"),
            "launch_lead": say("Notice of a launch, before it"),
            "launch_campaign": say("A window from this length on is a campaign"),
            "launch_campaign_lead": say("Notice of a campaign, before it"),
            "launch_valid": say("A launch notice is valid for"),
            "launch_report": say("Report after a launch"),
            "completed": say("Word that an announced event is over, after its window"),
            "area_lead": say("Notice of a danger area, before it"),
            "area_aim": say("The same, as the sides aim at"),
            "movement_lead": say("Notice of a humanitarian movement, before it"),
            "urgent_movement_lead": say("The same, if it is urgent"),
        },
        say("What is confirmed again, and yearly data"): {
            "site_reconfirmed": say("Humanitarian sites are confirmed again after"),
            "contact_reconfirmed": say("Points of contact are confirmed again after"),
            "area_reconfirmed": say("Danger areas until further notice are confirmed again after"),
            "contact_retested": say("The same, after a test that failed"),
            "data_change": say("Notice of changed yearly data"),
            "half_year": say("Half-yearly data, after the half year"),
            "planning_months": say("Defence planning, after the budget"),
            "data_question_months": say("Questions about yearly data may be asked for"),
            "data_answer": say("Answer to a question about yearly data"),
            "annual.annual_calendar": say("Annual calendar, at the latest"),
            "annual.force_information": say("Force information, at the latest"),
            "annual.missile_declaration": say("Missile declaration, at the latest"),
        },
    }


# The check of a quiet watch


def _watch_check(words: AdminWords) -> Section:
    """Return the offices in which a quiet watch is checked, and their form."""
    context, say, w = words.context, words.w.say, words.w
    checked = context.request.app[WATCH_FLOOR].checked(context.registry.cid, context.side)
    about = say(
        "On a quiet watch an armed screen asks whether somebody is there, after %(d)s in which "
        "nobody typed or moved the pointer. It asks with a sound after %(a)s more, tells the "
        "deputies after %(a)s more, and the head of office after %(b)s more.",
        d=w.span(CHECK_SECONDS),
        a=w.span(CHECK_STEP_SECONDS),
        b=w.span(CHECKED_HEAD_SECONDS),
    )
    part = partial(
        section,
        say("Watch check"),
        Paragraph(about),
        aside=say("only of %(side)s; in no log", side=context.side.upper()),
        anchor="check",
    )
    if why := hindrance(context, webhook_endpoints.ENTERING, flag=False):
        offices = Mark("strong", w.listed(checked.offices) or say("no office"))
        whose = say("Heads of office and administrators of a side add its endpoints.")
        return part(
            Paragraph((say("Checked in"), w.colon, offices)),
            words.hindered(why, whose, colleagues(context)),
        )
    field = FormField(
        control="checks",
        name="office",
        label=say("Checked in"),
        values=checked.offices,
        options=tuple((office, office) for office in sorted(_own_offices(context))),
    )
    return part(Form(to="/admin/watch-check", parts=(field,), button=say("Keep this")))


def _own_offices(context: PageContext) -> set[str]:
    """Return the offices of the reader's side that have an officer in office."""
    return {
        officer.office
        for name, officer in context.registry.officers.items()
        if name.startswith(f"{context.side}/") and officer.until is None
    }


async def check_watch(context: PageContext) -> web.StreamResponse:
    """Store the offices of the reader's side in which a quiet watch is checked.

    This is a matter of that side alone and is in no log. Raises `Refused`.
    """
    filled = await FormState.of(context.request)
    if hindrance(context, webhook_endpoints.ENTERING, flag=False):
        raise refused(
            "not-permitted",
            sentence(
                "Heads of office and administrators of a side say where its quiet watch is checked."
            ),
        )
    offices = tuple(
        own_office
        for own_office in sorted(_own_offices(context))
        if own_office in filled.all("office")
    )
    await context.request.app[WATCH_FLOOR].check(
        context.registry.cid, context.side, WatchChecks(offices=offices, by=context.grant.actor)
    )
    return redirect(context.link("/admin/profiles", said="recorded") + "#check")


# The codebook


async def codebooks(context: PageContext) -> Page:
    """Return the codebooks with their content, and the sides that adopted them."""
    words = AdminWords(context)
    say = words.w.say
    adopted = context.registry.codebooks
    lead = (
        say("Every side has adopted a codebook: a coded message reads in every language at once.")
        if adopted.keys() >= {*context.sides}
        else say(
            "Not every side has adopted a codebook. A coded message is sent all the same, and its "
            "plain words follow."
        )
    )
    return words.page(
        "/admin/codebook",
        say("Codebook"),
        lead,
        sections=tuple(_book(words, book) for book in CODEBOOKS.values()),
        beside=(
            words.adoptions(adopted, lambda adoption: _named(words, adoption)),
            words.adopt(
                "codebook-adoption",
                say("Adopt a codebook"),
                say("Administrators of a side adopt a codebook for it."),
                f"dragoman adopt codebook starter {words.where} --sign YOUR-KEY.pem",
            ),
        ),
    )


def _named(words: AdminWords, adoption: AdoptedCodebook) -> Cell:
    version = words.w.say("%(name)s, version %(n)s", name=adoption.codebook, n=adoption.version)
    return Mark("strong", version)


def _book(words: AdminWords, book: Codebook) -> Section:
    say = words.w.say
    texts = tuple(
        (name, lambda row, code=code: Mark("language", row[1][code], TAGS[code]))
        for code, name in (LANGUAGES | URGENT_LANGUAGES).items()
    )
    sent = (say("Sent as"), lambda row: Mark("strong", f"{book.code_word} {row[0]}"))
    phrases = words.w.count("%(n)s agreed phrase", "%(n)s agreed phrases", len(book.phrases))
    table = columns(say("Agreed phrases"), book.phrases.items(), *texts)
    return section(
        say("%(name)s, version %(n)s", name=book.name, n=book.version),
        columns(say("Coded messages"), book.texts.items(), sent, *texts),
        Fold(phrases, (table,)) if table else None,
        Remark(say("A version never changes: another wording is another version.")),
        aside=say("code word %(word)s", word=book.code_word),
    )


# Witnesses


async def witnesses(context: PageContext) -> Page:
    """Return the policy that says whose countersignatures make a record final."""
    words, policy = AdminWords(context), log_policy.in_force(context.registry)
    say, registry = words.w.say, context.registry
    covered = (
        None
        if context.past or policy is None
        else await context.service.coverage.of(context.projection)
    )
    lead = (
        say("No policy is in force. Only the signature of this host vouches for the record.")
        if policy is None
        else say(
            "A record is final once the witnesses of the policy have countersigned a head over it: "
            "then no other log can be shown to anybody in its place."
        )
    )
    by_opening = say("by the opening") if policy and not registry.policies else ""
    return words.page(
        "/admin/policy",
        say("Witnesses"),
        lead,
        sections=(
            _in_force(words, policy, covered),
            words.adoptions(
                registry.policies,
                lambda adoption: (
                    say("the policy in force")
                    if adoption.policy == registry.policy
                    else say("another policy, which waits for the other sides")
                ),
                by_opening,
                lambda adoption: _waiting_policy(words, adoption),
            ),
        ),
        beside=(
            words.adopt(
                "policy-adoption",
                say("Adopt a policy"),
                say("Administrators of a side adopt a policy for it."),
                f"dragoman adopt policy policy.txt {words.where} --sign YOUR-KEY.pem",
            ),
            _how_written(words),
        ),
    )


def _waiting_policy(words: AdminWords, adoption: AdoptedPolicy) -> Cell:
    """Return the text of a policy that waits for other sides."""
    is_waiting = adoption.policy != words.context.registry.policy
    return Mark("command", adoption.policy) if is_waiting else ()


def _in_force(words: AdminWords, policy: Policy | None, covered: Covered | None) -> Section:
    """Return the policy in force: what it asks for, and its witnesses."""
    context, say, w = words.context, words.w.say, words.w
    title = say("In force")
    if policy is None:
        nothing = say(
            "The witnesses of each side appear here, once every side has adopted the same policy."
        )
        return section(title, Empty(nothing))
    registry = context.registry
    since = tuple(
        adoption.adopted.position
        for adoption in registry.policies.values()
        if adoption.policy == registry.policy
    )
    source = StandingSource("policy", records=since or (1,))
    reached = {} if covered is None else covered.sides

    def group(name: str) -> Runs:
        label = Mark("side", name.upper()) if name in context.sides else Mark("strong", name)
        upto = say("countersigned up to record %(n)s", n=w.number(reached.get(name, 0)))
        beside = (Aside(upto),) if name in reached else ()
        return (sourced((label, " ", _asks(words, policy, name)), source), *beside)

    final = say("Records that the quorum %(name)s has countersigned are final.", name=policy.quorum)
    quorum = (Mark("strong", final), Aside(_asks(words, policy, policy.quorum)))
    groups = (group(name) for name in policy.groups if name != policy.quorum)

    def key(name: str) -> Cell:
        url = policy.urls.get(name, "")
        place = (Break(" "), Mark("code", url)) if url else ()
        return sourced((Mark("code", str(policy.witnesses[name])), *place), source)

    return section(
        title,
        Points(((sourced(quorum, source),), *groups)),
        columns(
            say("Witnesses"),
            policy.witnesses,
            (say("Witness"), lambda name: Mark("strong", name)),
            (say("Verifier key"), key),
        ),
        Verbatim(registry.policy),
        aside=() if covered is None else say("final up to record %(n)s", n=w.number(covered.final)),
    )


def _asks(words: AdminWords, policy: Policy, name: str) -> str:
    """Return the members of a group, and how many must sign; or a single witness."""
    group = policy.groups.get(name)
    if group is None:
        return words.w.say("the witness %(name)s", name=name)
    members = words.w.listed(group.members)
    return words.w.say(
        "%(a)s of %(b)s: %(members)s", a=group.threshold, b=len(group.members), members=members
    )


def _how_written(words: AdminWords) -> Section:
    say = words.w.say
    explained = (
        (
            "witness NAME KEY",
            say("A witness, by the verifier key that its side has printed."),
        ),
        (
            "group NAME any|all|N NAMES",
            say("So many of these. Each side has a group, or a witness, of its own name."),
        ),
        ("quorum NAME", say("The group that makes a record final.")),
    )
    note = say(
        "A side makes its key and runs its witness on its own machine: %(command)s.",
        command="dragoman serve witness",
    )
    return section(
        say("How it is written"),
        Points(tuple((Mark("id", line), Aside(meaning)) for line, meaning in explained)),
        Verbatim(_example(words.context)),
        Remark(note),
    )


def _example(context: PageContext) -> str:
    """Return a policy for these sides, with one witness for each."""
    lines = [f"witness {side}-1 {side}.example/witness+KEY" for side in context.sides]
    lines += [f"group {side} any {side}-1" for side in context.sides]
    return "\n".join([*lines, f"group every all {' '.join(context.sides)}", "quorum every"])


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin/watch-check", handler=check_watch, method="POST"),
    PageRoute(path="/admin/profiles", handler=limits),
    PageRoute(path="/admin/codebook", handler=codebooks),
    PageRoute(path="/admin/policy", handler=witnesses),
)
