"""The adoptions of the sides: a profile of limits, a codebook, and a witness policy.

The profile includes line checks. The pages say which adoption binds, and since when.

Each side adopts for itself, by an act of its administrator. Only an adoption that every
side has made alike, to the letter, binds.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct, UnsetType

from dragoman.application.operations import webhook_endpoints
from dragoman.application.operations.report_requests import WATCH_FLOOR
from dragoman.console.forms.admin_forms import address, colleagues, hindrance
from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import redirect
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.deadlines import UNTIMED, profile_of
from dragoman.domain.acts.line_checks import schedule_of
from dragoman.limits import CHECK_SECONDS, CHECK_STEP_SECONDS, CHECKED_HEAD_SECONDS
from dragoman.stores.watch_floor import WatchChecks
from dragoman.text import sentence
from dragoman_schemas.acts.office.channel import LineChecks
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.profiles import PROFILES, Profile
from dragoman_schemas.responses import Covered
from dragoman_schemas.state import Adopted, AdoptedCodebook, AdoptedPolicy


def _values(context: PageContext, **more: Any) -> dict[str, Any]:
    return {
        "hindrance": hindrance(context),
        "who": colleagues(context),
        "server": address(context),
        "said": context.said,
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


async def limits(context: PageContext) -> Page:
    """Return the page with the profiles beside each other, and the one that binds."""
    profile, since = profile_of(context.registry)
    schedule = schedule_of(context.registry)
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
    timed = context.registry.kind not in UNTIMED
    checks = context.request.app[WATCH_FLOOR].checked(context.registry.cid, context.side)
    values = _values(
        context,
        profiles=[*PROFILES],
        schedules=read,
        timed=timed,
        checks=checks,
        own_offices=sorted(_own_offices(context)),
        check_hindrance=hindrance(context, webhook_endpoints.ENTERING, flag=False),
        check_s=CHECK_SECONDS,
        check_step_s=CHECK_STEP_SECONDS,
        check_head_s=CHECKED_HEAD_SECONDS,
    )
    return Page(template="profiles.html", view=view, rows=view.limits, values=values)


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


# The codebook


class CodedRow(Struct, frozen=True, kw_only=True):
    """A coded message or an agreed phrase, by language.

    `key` is the number of a message or the key of a phrase.
    """

    codebook: str
    version: int
    kind: str
    key: str
    en: str
    fr: str
    zh: str
    ru: str


class Codebooks(Struct, frozen=True, kw_only=True):
    """The codebooks that exist, with their content and their adoptions."""

    channel: str
    position: int
    adopted: dict[str, AdoptedCodebook]
    missing: tuple[str, ...]
    messages: tuple[CodedRow, ...]


async def codebooks(context: PageContext) -> Page:
    """Return the codebooks with their content, and the sides that adopted them."""
    view = Codebooks(
        channel=context.name,
        position=context.position,
        adopted=context.registry.codebooks,
        missing=tuple(side for side in context.sides if side not in context.registry.codebooks),
        messages=_CODED,
    )
    values = _values(context, books=[*CODEBOOKS.values()])
    return Page(template="codebook.html", view=view, rows=view.messages, values=values)


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
                    ru=text["ru"],
                )


_CODED: Final = tuple(_coded())


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


async def witnesses(context: PageContext) -> Page:
    """Return the policy that says whose countersignatures make a record final."""
    registry = context.registry
    policy = log_policy.in_force(registry)
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
    values = _values(context, example=_example(context))
    return Page(template="policy.html", view=view, rows=view.witnesses, values=values)


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
