"""What the sides have adopted: a profile of limits with its line checks, a codebook, a policy of witnesses; what binds, and since when.

Each side adopts for itself, by an act of its administrator. What binds is what every side has adopted alike, to the letter: a form begins
with what was adopted last, by whichever side.
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
from dragoman.console.admin.admin_forms import address, at_the_end, colleagues, hindrance, keep
from dragoman.console.display.office_clocks import office_of
from dragoman.console.forms.form_state import Filled
from dragoman.console.rendering import Page, PageContext, PageRoute, refused
from dragoman.console.sessions import see
from dragoman.domain import notation
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.deadlines import UNTIMED, profile_of
from dragoman.domain.acts.line_checks import schedule_of
from dragoman.limits import CHECK_SECONDS, CHECK_STEP_SECONDS, CHECKED_HEAD_SECONDS
from dragoman.stores.watch_floor import WatchChecks
from dragoman.text import sentence
from dragoman_schemas.acts.channel import LineChecks
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.fields import Timestamp
from dragoman_schemas.profiles import PROFILES, Profile
from dragoman_schemas.responses import Covered
from dragoman_schemas.state import Adopted, AdoptedCodebook, AdoptedPolicy

_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3])[:.h]([0-5][0-9])")
_WRITTEN: Final = re.compile(get_args(Timestamp)[1].pattern)
_ALTERNATING: Final = "alternating"


def _values(here: PageContext, **more: Any) -> dict[str, Any]:
    return {
        "hindrance": hindrance(here),
        "who": colleagues(here),
        "server": address(here),
        "said": here.request.query.get("said", ""),
        **more,
    }


# Limits


class LimitRow(Struct, frozen=True, kw_only=True):
    """One limit in each profile: seconds, or months where its name says so; a day of the year as `years month day`; null for none."""

    limit: str
    default: int | str | None
    vienna: int | str | None
    shanghai: int | str | None


class Limits(Struct, frozen=True, kw_only=True):
    """Who has adopted which profile; `binding` is the record from which its limits bind, null while they are a courtesy.

    `line_checks` are those that bind, from `checked_from` on.
    """

    channel: str
    position: int
    profile: str
    binding: int | None
    adopted: dict[str, Adopted]
    line_checks: LineChecks | None
    checked_from: str
    limits: tuple[LimitRow, ...]


async def limits(here: PageContext, filled: Filled | None = None) -> Page:
    """The profiles beside each other, and which of them binds."""
    profile, since = profile_of(here.registry)
    schedule = schedule_of(here.registry)
    form = filled or Filled(_schedule_form(here))
    view = Limits(
        channel=here.name,
        position=here.position,
        profile=profile.name,
        binding=since,
        adopted=here.registry.profiles,
        line_checks=None if schedule is None else schedule.checks,
        checked_from="" if schedule is None else here.words.stamp(schedule.start),
        limits=_LIMITS,
    )
    read = {side: _checks(each) for side, each in here.registry.profiles.items()}
    senders = [
        (_ALTERNATING, here.words.say("the sides in turn")),
        *((side, side.upper()) for side in here.sides),
    ]
    timed = here.registry.kind not in UNTIMED
    checks = here.service.access.watching.checked(here.registry.cid, here.side)
    values = _values(
        here,
        filled=form,
        profiles=[*PROFILES],
        schedules=read,
        timed=timed,
        senders=senders,
        checks=checks,
        own_offices=sorted(_own_offices(here)),
        check_hindrance=hindrance(here, webhook_endpoints.ENTERING, kept=False),
        check_s=CHECK_SECONDS,
        check_step_s=CHECK_STEP_SECONDS,
        check_head_s=CHECKED_HEAD_SECONDS,
    )
    return Page(
        template="profiles.html", view=view, rows=view.limits, values=values, status=form.status
    )


def _own_offices(here: PageContext) -> set[str]:
    """The offices of the reader's side in which somebody is in office."""
    return {
        each.office
        for name, each in here.registry.officers.items()
        if name.startswith(f"{here.side}/") and each.until is None
    }


async def check_watch(here: PageContext) -> web.StreamResponse:
    """Say in which offices of the own side a quiet watch is checked: a matter of the side's own, which stands in no log. Raises `Refused`."""
    filled = await Filled.of(here.request)
    if hindrance(here, webhook_endpoints.ENTERING, kept=False):
        raise refused(
            "not-permitted",
            sentence(
                "Heads of office and administrators of a side say where its quiet watch is checked."
            ),
        )
    offices = tuple(each for each in sorted(_own_offices(here)) if each in filled.all("office"))
    await here.service.access.watching.check(
        here.registry.cid, here.side, WatchChecks(offices=offices, by=here.grant.actor)
    )
    return see(here.link("/admin/profiles", said="recorded") + "#check")


def _checks(adopted: Adopted) -> LineChecks | None:
    return (
        None
        if isinstance(adopted.line_check, UnsetType)
        else msgspec.json.decode(adopted.line_check, type=LineChecks)
    )


def _limits_of(profile: Profile) -> Iterator[tuple[str, int | str | None]]:
    """The limits of a profile by name, those with several parts by part."""
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
        *(_limits_of(PROFILES[each]) for each in ("default", "vienna", "shanghai")), strict=True
    )
)


def _schedule_form(here: PageContext) -> dict[str, list[str]]:
    """What stands in the form at first: what was adopted last, by whichever side."""
    found = max(
        here.registry.profiles.values(), key=lambda each: each.adopted.position, default=None
    )
    zone = office_of(here.side, here.projection.office(here.side)).zone
    if found is None:
        return {"profile": ["default"], "zone": [zone], "sent_by": [_ALTERNATING]}
    checks = _checks(found)
    if checks is None:
        return {"profile": [found.profile], "zone": [zone], "sent_by": [_ALTERNATING]}
    begins = [] if isinstance(checks.from_, UnsetType) else [checks.from_]
    return {
        "profile": [found.profile],
        "times": [" ".join(checks.at)],
        "zone": [checks.zone],
        "sent_by": [checks.sent_by],
        "from": begins,
    }


async def adopt_profile(here: PageContext) -> Page | web.StreamResponse:
    """Adopt a profile for the own side, with or without line checks."""
    filled = await Filled.of(here.request)
    if filled["profile"] not in PROFILES:
        filled.wrong("profile", here.words.say("Choose a profile."))
    act: dict[str, Any] = {"act": "profile-adoption", "profile": filled["profile"]}
    if filled["times"]:
        act["line_check"] = _line_check(here, filled)
    if not filled.faults:
        fields = {
            "times": "/line_check/at",
            "zone": "/line_check/zone",
            "sent_by": "/line_check/sent_by",
            "from": "/line_check/from",
        }
        if position := await keep(here, filled, act, "profile", **fields):
            return see(here.link("/admin/profiles", after=position, said="recorded"))
    await at_the_end(here)
    return await limits(here, filled)


def _line_check(here: PageContext, filled: Filled) -> dict[str, Any]:
    """The schedule as the act has it; what is wrong with it is said in the form."""
    say = here.words.say
    words = filled["times"].replace(",", " ").replace("、", " ").split()
    found = [_CLOCK.fullmatch(word) for word in words]
    if not all(found):
        filled.wrong("times", say("Give times of the day with blanks between, like 06:00 18:00."))
    if not filled["zone"]:
        filled.wrong("zone", say("Give the time zone of these times, like Europe/Brussels."))
    if filled["sent_by"] not in (*here.sides, _ALTERNATING):
        filled.wrong("sent_by", say("Choose who sends the checks."))
    at = sorted({f"{int(each[1]):02}:{each[2]}" for each in found if each is not None})
    return {"at": at, "zone": filled["zone"], "sent_by": filled["sent_by"], **_from(here, filled)}


def _from(here: PageContext, filled: Filled) -> dict[str, str]:
    """From when on, if that is said: to the letter where it is written as the log has it, since both sides must say the same."""
    text = filled["from"]
    if not text or _WRITTEN.fullmatch(text):
        return {"from": text} if text else {}
    zone = office_of(here.side, here.projection.office(here.side)).zone
    try:
        moment = notation.read_moment(text, here.moment, ZoneInfo(zone))
    except notation.NotUnderstoodInput:
        filled.wrong("from", here.words.say("Give a day and a time, like 1 Dec 2026 06:00Z."))
        return {}
    return {"from": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"}


# The codebook


class CodedRow(Struct, frozen=True, kw_only=True):
    """A coded message, by its number, or an agreed phrase, by its key, in the three languages."""

    codebook: str
    version: int
    kind: str
    key: str
    en: str
    fr: str
    zh: str


class Codebooks(Struct, frozen=True, kw_only=True):
    """Who has adopted which codebook, and what stands in the books that there are."""

    channel: str
    position: int
    adopted: dict[str, AdoptedCodebook]
    missing: tuple[str, ...]
    messages: tuple[CodedRow, ...]


async def codebooks(here: PageContext, filled: Filled | None = None) -> Page:
    """The codebooks with what they say, and who has adopted them."""
    form = filled or Filled({"codebook": [next(iter(CODEBOOKS))]})
    view = Codebooks(
        channel=here.name,
        position=here.position,
        adopted=here.registry.codebooks,
        missing=tuple(side for side in here.sides if side not in here.registry.codebooks),
        messages=_CODED,
    )
    say = here.words.say
    choices = [
        (each.name, say("%(name)s, version %(n)s", name=each.name, n=each.version))
        for each in CODEBOOKS.values()
    ]
    values = _values(here, filled=form, books=[*CODEBOOKS.values()], choices=choices)
    return Page(
        template="codebook.html", view=view, rows=view.messages, values=values, status=form.status
    )


def _coded() -> Iterator[CodedRow]:
    for book in CODEBOOKS.values():
        for kind, texts in (
            ("message", {str(key): each for key, each in book.texts.items()}),
            ("phrase", book.phrases),
        ):
            for key, each in texts.items():
                yield CodedRow(
                    codebook=book.name,
                    version=book.version,
                    kind=kind,
                    key=key,
                    en=each["en"],
                    fr=each["fr"],
                    zh=each["zh"],
                )


_CODED: Final = tuple(_coded())


async def adopt_codebook(here: PageContext) -> Page | web.StreamResponse:
    """Adopt the newest version of a codebook for the own side."""
    filled = await Filled.of(here.request)
    book = CODEBOOKS.get(filled["codebook"])
    if book is None:
        filled.wrong("codebook", here.words.say("Choose a codebook."))
    else:
        act = {"act": "codebook-adoption", "codebook": book.name, "version": book.version}
        if position := await keep(here, filled, act, "codebook"):
            return see(here.link("/admin/codebook", after=position, said="recorded"))
    await at_the_end(here)
    return await codebooks(here, filled)


# Witnesses


class WitnessRow(Struct, frozen=True, kw_only=True):
    """A witness of the policy in force: its verifier key, and where it is, if that is said."""

    name: str
    key: str
    url: str


class GroupRow(Struct, frozen=True, kw_only=True):
    """A group of the policy in force: so many of these."""

    name: str
    threshold: int
    members: tuple[str, ...]


class PolicyPage(Struct, frozen=True, kw_only=True):
    """The policy in force, empty for none, what it says, and who has adopted which; `covered` is how far the log is final by it, now."""

    channel: str
    position: int
    policy: str
    quorum: str
    witnesses: tuple[WitnessRow, ...]
    groups: tuple[GroupRow, ...]
    adopted: dict[str, AdoptedPolicy]
    covered: Covered | None


async def witnesses(here: PageContext, filled: Filled | None = None) -> Page:
    """Whose countersignatures make a record final."""
    registry = here.registry
    found = log_policy.in_force(registry)
    form = filled or Filled({"policy": [_policy_text(here)]})
    view = PolicyPage(
        channel=here.name,
        position=here.position,
        policy=registry.policy,
        quorum="" if found is None else found.quorum,
        witnesses=()
        if found is None
        else tuple(
            WitnessRow(name=name, key=str(key), url=found.urls.get(name, ""))
            for name, key in found.witnesses.items()
        ),
        groups=()
        if found is None
        else tuple(
            GroupRow(name=name, threshold=each.threshold, members=each.members)
            for name, each in found.groups.items()
        ),
        adopted=registry.policies,
        covered=None
        if here.past or found is None
        else await here.service.coverage.of(here.projection),
    )
    values = _values(here, filled=form, example=_example(here))
    return Page(
        template="policy.html", view=view, rows=view.witnesses, values=values, status=form.status
    )


def _example(here: PageContext) -> str:
    """A policy for these sides, with a witness of each."""
    lines = [f"witness {side}-1 {side}.example/witness+KEY" for side in here.sides]
    lines += [f"group {side} any {side}-1" for side in here.sides]
    return "\n".join([*lines, f"group every all {' '.join(here.sides)}", "quorum every"])


def _policy_text(here: PageContext) -> str:
    """What stands in the form at first: what was adopted last, by whichever side, or else with the opening."""
    found = max(
        here.registry.policies.values(), key=lambda each: each.adopted.position, default=None
    )
    return here.registry.policy if found is None else found.policy


async def adopt_policy(here: PageContext) -> Page | web.StreamResponse:
    """Adopt a policy of witnesses for the own side."""
    filled = await Filled.of(here.request)
    text = filled["policy"]
    if not text:
        filled.wrong("policy", here.words.say("Give the text of the policy."))
    else:
        known = [here.registry.policy, *(each.policy for each in here.registry.policies.values())]
        exact = next((each for each in known if each.strip() == text), f"{text}\n")
        if position := await keep(
            here, filled, {"act": "policy-adoption", "policy": exact}, "policy", policy="/policy"
        ):
            return see(here.link("/admin/policy", after=position, said="recorded"))
    await at_the_end(here)
    return await witnesses(here, filled)


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin/watch-check", handler=check_watch, method="POST"),
    PageRoute(path="/admin/profiles", handler=limits),
    PageRoute(path="/admin/profiles", handler=adopt_profile, method="POST"),
    PageRoute(path="/admin/codebook", handler=codebooks),
    PageRoute(path="/admin/codebook", handler=adopt_codebook, method="POST"),
    PageRoute(path="/admin/policy", handler=witnesses),
    PageRoute(path="/admin/policy", handler=adopt_policy, method="POST"),
)
