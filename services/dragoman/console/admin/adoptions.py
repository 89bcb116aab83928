"""The adoptions of the sides: a profile of limits, a codebook, and a witness policy.

The profile includes line checks. The pages say which adoption binds, and since when.

Each side adopts for itself, by an act of its administrator. Only an adoption that every
side has made alike, to the letter, binds. Each form therefore begins with the newest
adoption of any side.
"""

import re
from collections.abc import Iterator
from datetime import UTC
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from msgspec import Struct, UnsetType

from dragoman.application.operations import webhook_endpoints
from dragoman.application.operations.report_requests import WATCH_FLOOR
from dragoman.console.admin.admin_forms import (
    address,
    at_the_end,
    colleagues,
    hindrance,
    record_act,
)
from dragoman.console.context import PageContext
from dragoman.console.display.office_clocks import office_of
from dragoman.console.forms.form_state import FormState
from dragoman.console.rendering import Page, PageRoute, refused
from dragoman.console.sessions import redirect
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.deadlines import UNTIMED, profile_of
from dragoman.domain.acts.line_checks import schedule_of
from dragoman.limits import CHECK_SECONDS, CHECK_STEP_SECONDS, CHECKED_HEAD_SECONDS
from dragoman.members.input import not_understood, times
from dragoman.stores.watch_floor import WatchChecks
from dragoman.text import sentence
from dragoman_schemas.acts.office.channel import LineChecks
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.fields import Timestamp
from dragoman_schemas.profiles import PROFILES, Profile
from dragoman_schemas.responses import Covered
from dragoman_schemas.state import Adopted, AdoptedCodebook, AdoptedPolicy

_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3])[:.h]([0-5][0-9])")
_WRITTEN: Final = re.compile(get_args(Timestamp)[1].pattern)
_ALTERNATING: Final = "alternating"


def _values(context: PageContext, **more: Any) -> dict[str, Any]:
    return {
        "hindrance": hindrance(context),
        "who": colleagues(context),
        "server": address(context),
        "said": context.request.query.get("said", ""),
        **more,
    }


# Limits


class LimitRow(Struct, frozen=True, kw_only=True):
    """One limit in each profile, in seconds, or in months if its name says so.

    A day of the year is `years month day`. Null means no limit.
    """

    limit: str
    default: int | str | None
    vienna: int | str | None
    shanghai: int | str | None


class Limits(Struct, frozen=True, kw_only=True):
    """The profiles that the sides have adopted, and their limits.

    `binding` is the record from which the limits bind, and null while they are a
    courtesy. `line_checks` are the binding ones, from the time `checked_from` on.
    """

    channel: str
    position: int
    profile: str
    binding: int | None
    adopted: dict[str, Adopted]
    line_checks: LineChecks | None
    checked_from: str
    limits: tuple[LimitRow, ...]


async def limits(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the page with the profiles beside each other, and the one that binds."""
    profile, since = profile_of(context.registry)
    schedule = schedule_of(context.registry)
    form = filled or FormState(_schedule_form(context))
    view = Limits(
        channel=context.name,
        position=context.position,
        profile=profile.name,
        binding=since,
        adopted=context.registry.profiles,
        line_checks=None if schedule is None else schedule.checks,
        checked_from="" if schedule is None else context.words.stamp(schedule.start),
        limits=_LIMITS,
    )
    read = {side: _checks(value) for side, value in context.registry.profiles.items()}
    senders = [
        (_ALTERNATING, context.words.say("the sides in turn")),
        *((side, side.upper()) for side in context.sides),
    ]
    timed = context.registry.kind not in UNTIMED
    checks = context.request.app[WATCH_FLOOR].checked(context.registry.cid, context.side)
    values = _values(
        context,
        filled=form,
        profiles=[*PROFILES],
        schedules=read,
        timed=timed,
        senders=senders,
        checks=checks,
        own_offices=sorted(_own_offices(context)),
        check_hindrance=hindrance(context, webhook_endpoints.ENTERING, flag=False),
        check_s=CHECK_SECONDS,
        check_step_s=CHECK_STEP_SECONDS,
        check_head_s=CHECKED_HEAD_SECONDS,
    )
    return Page(
        template="profiles.html", view=view, rows=view.limits, values=values, status=form.status
    )


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


def _checks(adopted: Adopted) -> LineChecks | None:
    return (
        None
        if isinstance(adopted.line_check, UnsetType)
        else msgspec.json.decode(adopted.line_check, type=LineChecks)
    )


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


_LIMITS: Final = tuple(
    LimitRow(limit=name, default=value, vienna=vienna, shanghai=shanghai)
    for (name, value), (_, vienna), (_, shanghai) in zip(
        *(_limits_of(PROFILES[item]) for item in ("default", "vienna", "shanghai")), strict=True
    )
)


def _schedule_form(context: PageContext) -> dict[str, list[str]]:
    """Return the first content of the form: the newest adoption of any side."""
    profile = max(
        context.registry.profiles.values(), key=lambda item: item.adopted.position, default=None
    )
    zone = office_of(context.side, context.projection.office(context.side)).zone
    if profile is None:
        return {"profile": ["default"], "zone": [zone], "sent_by": [_ALTERNATING]}
    checks = _checks(profile)
    if checks is None:
        return {"profile": [profile.profile], "zone": [zone], "sent_by": [_ALTERNATING]}
    begins = [] if isinstance(checks.from_, UnsetType) else [checks.from_]
    return {
        "profile": [profile.profile],
        "times": [" ".join(checks.at)],
        "zone": [checks.zone],
        "sent_by": [checks.sent_by],
        "from": begins,
    }


async def adopt_profile(context: PageContext) -> Page | web.StreamResponse:
    """Adopt a profile for the reader's side, with or without line checks."""
    filled = await FormState.of(context.request)
    if filled["profile"] not in PROFILES:
        filled.wrong("profile", context.words.say("Choose a profile."))
    act: dict[str, Any] = {"act": "profile-adoption", "profile": filled["profile"]}
    if filled["times"]:
        act["line_check"] = _line_check(context, filled)
    if not filled.faults:
        fields = {
            "times": "/line_check/at",
            "zone": "/line_check/zone",
            "sent_by": "/line_check/sent_by",
            "from": "/line_check/from",
        }
        if position := await record_act(context, filled, act, "profile", **fields):
            return redirect(context.link("/admin/profiles", after=position, said="recorded"))
    await at_the_end(context)
    return await limits(context, filled)


def _line_check(context: PageContext, filled: FormState) -> dict[str, Any]:
    """Return the schedule for the act; the form shows any errors in it."""
    say = context.words.say
    words = filled["times"].replace(",", " ").replace("、", " ").split()
    matches = [_CLOCK.fullmatch(word) for word in words]
    if not all(matches):
        filled.wrong("times", say("Give times of the day with blanks between, like 06:00 18:00."))
    if not filled["zone"]:
        filled.wrong("zone", say("Give the time zone of these times, like Europe/Brussels."))
    if filled["sent_by"] not in (*context.sides, _ALTERNATING):
        filled.wrong("sent_by", say("Choose who sends the checks."))
    at = sorted({f"{int(item[1]):02}:{item[2]}" for item in matches if item is not None})
    return {
        "at": at,
        "zone": filled["zone"],
        "sent_by": filled["sent_by"],
        **_from(context, filled),
    }


def _from(context: PageContext, filled: FormState) -> dict[str, str]:
    """Return the start of the schedule, if the form has one.

    A text in the log's own notation stays unchanged, because both sides must say the
    same.
    """
    text = filled["from"]
    if not text or _WRITTEN.fullmatch(text):
        return {"from": text} if text else {}
    zone = office_of(context.side, context.projection.office(context.side)).zone
    try:
        moment = times.read_moment(text, context.moment, ZoneInfo(zone))
    except not_understood.NotUnderstoodInput:
        filled.wrong("from", context.words.say("Give a day and a time, like 1 Dec 2026 06:00Z."))
        return {}
    return {"from": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"}


# The codebook


class CodedRow(Struct, frozen=True, kw_only=True):
    """A coded message or an agreed phrase, in the three languages.

    `key` is the number of a message or the key of a phrase.
    """

    codebook: str
    version: int
    kind: str
    key: str
    en: str
    fr: str
    zh: str


class Codebooks(Struct, frozen=True, kw_only=True):
    """The codebooks that exist, with their content and their adoptions."""

    channel: str
    position: int
    adopted: dict[str, AdoptedCodebook]
    missing: tuple[str, ...]
    messages: tuple[CodedRow, ...]


async def codebooks(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the codebooks with their content, and the sides that adopted them."""
    form = filled or FormState({"codebook": [next(iter(CODEBOOKS))]})
    view = Codebooks(
        channel=context.name,
        position=context.position,
        adopted=context.registry.codebooks,
        missing=tuple(side for side in context.sides if side not in context.registry.codebooks),
        messages=_CODED,
    )
    say = context.words.say
    choices = [
        (codebook.name, say("%(name)s, version %(n)s", name=codebook.name, n=codebook.version))
        for codebook in CODEBOOKS.values()
    ]
    values = _values(context, filled=form, books=[*CODEBOOKS.values()], choices=choices)
    return Page(
        template="codebook.html", view=view, rows=view.messages, values=values, status=form.status
    )


def _coded() -> Iterator[CodedRow]:
    for book in CODEBOOKS.values():
        for kind, texts in (
            ("message", {str(key): value for key, value in book.texts.items()}),
            ("phrase", book.phrases),
        ):
            for key, text in texts.items():
                yield CodedRow(
                    codebook=book.name,
                    version=book.version,
                    kind=kind,
                    key=key,
                    en=text["en"],
                    fr=text["fr"],
                    zh=text["zh"],
                )


_CODED: Final = tuple(_coded())


async def adopt_codebook(context: PageContext) -> Page | web.StreamResponse:
    """Adopt the newest version of a codebook for the reader's side."""
    filled = await FormState.of(context.request)
    book = CODEBOOKS.get(filled["codebook"])
    if book is None:
        filled.wrong("codebook", context.words.say("Choose a codebook."))
    else:
        act = {"act": "codebook-adoption", "codebook": book.name, "version": book.version}
        if position := await record_act(context, filled, act, "codebook"):
            return redirect(context.link("/admin/codebook", after=position, said="recorded"))
    await at_the_end(context)
    return await codebooks(context, filled)


# Witnesses


class WitnessRow(Struct, frozen=True, kw_only=True):
    """A witness of the policy in force: its verifier key, and its URL if it has one."""

    name: str
    key: str
    url: str


class GroupRow(Struct, frozen=True, kw_only=True):
    """A group of the policy in force: its members, and how many of them must sign."""

    name: str
    threshold: int
    members: tuple[str, ...]


class PolicyPage(Struct, frozen=True, kw_only=True):
    """The policy in force, its content, and the sides' adoptions.

    `policy` is empty if no policy is in force. `covered` says how far the log is final
    by it, now.
    """

    channel: str
    position: int
    policy: str
    quorum: str
    witnesses: tuple[WitnessRow, ...]
    groups: tuple[GroupRow, ...]
    adopted: dict[str, AdoptedPolicy]
    covered: Covered | None


async def witnesses(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the policy that says whose countersignatures make a record final."""
    registry = context.registry
    policy = log_policy.in_force(registry)
    form = filled or FormState({"policy": [_policy_text(context)]})
    view = PolicyPage(
        channel=context.name,
        position=context.position,
        policy=registry.policy,
        quorum="" if policy is None else policy.quorum,
        witnesses=()
        if policy is None
        else tuple(
            WitnessRow(name=name, key=str(key), url=policy.urls.get(name, ""))
            for name, key in policy.witnesses.items()
        ),
        groups=()
        if policy is None
        else tuple(
            GroupRow(name=name, threshold=witness_group.threshold, members=witness_group.members)
            for name, witness_group in policy.groups.items()
        ),
        adopted=registry.policies,
        covered=None
        if context.past or policy is None
        else await context.service.coverage.of(context.projection),
    )
    values = _values(context, filled=form, example=_example(context))
    return Page(
        template="policy.html", view=view, rows=view.witnesses, values=values, status=form.status
    )


def _example(context: PageContext) -> str:
    """Return a policy for these sides, with one witness for each."""
    lines = [f"witness {side}-1 {side}.example/witness+KEY" for side in context.sides]
    lines += [f"group {side} any {side}-1" for side in context.sides]
    return "\n".join([*lines, f"group every all {' '.join(context.sides)}", "quorum every"])


def _policy_text(context: PageContext) -> str:
    """Return the first content of the form: the newest adoption of any side.

    If there was no adoption, it is the policy of the opening.
    """
    policy = max(
        context.registry.policies.values(),
        key=lambda adopted_policy: adopted_policy.adopted.position,
        default=None,
    )
    return context.registry.policy if policy is None else policy.policy


async def adopt_policy(context: PageContext) -> Page | web.StreamResponse:
    """Adopt a witness policy for the reader's side."""
    filled = await FormState.of(context.request)
    text = filled["policy"]
    if not text:
        filled.wrong("policy", context.words.say("Give the text of the policy."))
    else:
        names = [
            context.registry.policy,
            *(policy.policy for policy in context.registry.policies.values()),
        ]
        exact = next((name for name in names if name.strip() == text), f"{text}\n")
        if position := await record_act(
            context, filled, {"act": "policy-adoption", "policy": exact}, "policy", policy="/policy"
        ):
            return redirect(context.link("/admin/policy", after=position, said="recorded"))
    await at_the_end(context)
    return await witnesses(context, filled)


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin/watch-check", handler=check_watch, method="POST"),
    PageRoute(path="/admin/profiles", handler=limits),
    PageRoute(path="/admin/profiles", handler=adopt_profile, method="POST"),
    PageRoute(path="/admin/codebook", handler=codebooks),
    PageRoute(path="/admin/codebook", handler=adopt_codebook, method="POST"),
    PageRoute(path="/admin/policy", handler=witnesses),
    PageRoute(path="/admin/policy", handler=adopt_policy, method="POST"),
)
