"""The pages of a host's operator: channels, tokens, subjects, and health.

They show channels by name and settings, and no message. Only the operator sees them.

The pages use the functions behind `/v1/channels`, `/v1/tokens`, `/v1/subjects`,
`/v1/openings` and `/readyz`. A token appears once, in the response to its form.
"""

from datetime import UTC
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.operations import access_tokens, channel_view, host_health
from dragoman.application.service import Service
from dragoman.console.admin.admin_forms import address, sliced
from dragoman.console.context import PageContext
from dragoman.console.display.act_display import other_languages
from dragoman.console.first_hour import checklists
from dragoman.console.forms.confirm import EndingPage, ask
from dragoman.console.forms.form_state import FormState
from dragoman.console.host_admin.officer_rows import ROLES, officers_of, rows_of
from dragoman.console.rendering import Page, PageRoute, refused
from dragoman.console.sessions import redirect
from dragoman.domain.record.validation_errors import faults_of
from dragoman.i18n.words import LANGUAGES
from dragoman.members.input import not_understood, times
from dragoman.members.texts import language
from dragoman.text import sentence
from dragoman_schemas.acts.office.channel import Kind
from dragoman_schemas.host_responses import (
    ChannelView,
    Health,
    IssuedToken,
    NewChannel,
    NewSubject,
    NewToken,
    OpeningTerms,
    SubjectView,
    TokenView,
)

_KINDS: Final[tuple[str, ...]] = get_args(Kind)


def _operator(context: PageContext) -> Service:
    """Return the service, for its operator alone. Raises `Refused`."""
    return access_tokens.operator(context.call)


def _values(context: PageContext, **more: Any) -> dict[str, Any]:
    return {"server": address(context), "said": context.request.query.get("said", ""), **more}


# The host, and its channels


class ChannelRow(Struct, frozen=True, kw_only=True):
    """A channel of this host.

    `live` says whether this host follows the log live. `broken` says why nothing is
    written to it.
    """

    name: str
    kind: str
    sides: tuple[str, ...]
    custody: str
    position: int
    as_of: str
    live: bool
    broken: str


class HostView(Struct, frozen=True, kw_only=True):
    """The health of the host, and its counts."""

    health: Health
    channels: tuple[ChannelRow, ...]
    tokens: int
    subjects: int


async def host(context: PageContext) -> Page:
    """Return the page with the health of the host, and its channels."""
    service = _operator(context)
    rows = [
        ChannelRow(
            name=projection.name,
            kind=projection.registry.kind,
            sides=tuple(side.name for side in projection.registry.sides),
            custody=projection.registry.custody,
            position=projection.state.position,
            as_of=service.as_of(projection),
            live=service.is_live(projection),
            broken=str(projection.read_only or projection.doubt or ""),
        )
        for projection in service.visible(context.grant)
    ]
    channel_rows, following = sliced(context, rows)
    conditions = await host_health.conditions(context.request.app, is_operator=True)
    view = HostView(
        health=host_health.health(conditions),
        channels=tuple(channel_rows),
        tokens=len(await access_tokens.tokens_of(service)),
        subjects=len(await access_tokens.subjects_of(service)),
    )
    values = _values(
        context,
        total=len(rows),
        following=following,
        first_hour=checklists.of_operator(context, is_healthy=view.health.status == "ok"),
        why={
            condition.name: context.words.sentence(condition.why)
            for condition in conditions
            if condition.why is not None
        },
        broken={
            name: context.words.sentence(text)
            for name, projection in service.channels.items()
            if (text := projection.read_only or projection.doubt) is not None
        },
    )
    return Page(template="host.html", view=view, rows=view.channels, values=values)


class ChannelSettings(Struct, frozen=True, kw_only=True):
    """The settings of a channel, without anything that was said in it."""

    channel: ChannelView
    as_of: str
    live: bool
    broken: str


async def channel(context: PageContext) -> Page:
    """Return the settings of one channel, as the operator may see them."""
    service, name = _operator(context), context.request.match_info["name"]
    projection = service.channels.get(name)
    if projection is None or not projection.is_channel:
        raise refused(
            "not-found",
            sentence(
                "There is no channel %(channel)s on this host; go back to the list.",
                channel=name[:63],
            ),
        )
    broken = projection.read_only or projection.doubt
    view = ChannelSettings(
        channel=channel_view.view_of(projection),
        as_of=service.as_of(projection),
        live=service.is_live(projection),
        broken=str(broken or ""),
    )
    return Page(
        template="host_channel.html",
        view=view,
        rows=[view.channel],
        values=_values(
            context,
            broken="" if broken is None else context.words.sentence(broken),
        ),
    )


# A trial channel


class OpeningForm(Struct, frozen=True, kw_only=True):
    """The possible kinds of a trial channel, and the live channels for an exercise."""

    kinds: tuple[str, ...]
    live: tuple[str, ...]


async def opening(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the form that opens a trial channel."""
    service = _operator(context)
    form = filled or FormState({"kind": ["official"], "languages": ["en"]})
    live = tuple(
        projection.name
        for projection in service.visible(context.grant)
        if projection.registry.kind != "exercise"
    )
    view = OpeningForm(kinds=_KINDS, live=live)
    options = [
        ("", context.words.say("no channel: this is not an exercise")),
        *((name, name) for name in live),
    ]
    return Page(
        template="host_open.html",
        view=view,
        values=_values(
            context,
            filled=form,
            exercise_options=options,
            rows=rows_of(form),
            roles=ROLES,
            **_languages(form),
        ),
        status=form.status,
    )


def _languages(form: FormState) -> dict[str, list[tuple[str, str]]]:
    """Return the languages to choose from, those of the pages first."""
    return {
        "languages_here": [(tag, language(tag)) for tag in LANGUAGES],
        "languages_beside": other_languages(LANGUAGES, form.all("languages")),
    }


async def open_trial(context: PageContext) -> Page | web.StreamResponse:
    """Open a trial channel, with its first officers."""
    service, filled = _operator(context), await FormState.of(context.request)
    if filled["do"] == "row":
        return await opening(context, filled)
    members = _members(context, filled)
    fields = {
        "name": "/name",
        "kind": "/kind",
        "sides": "/sides",
        "observers": "/observers",
        "languages": "/languages",
        "marking": "/marking",
        "exercise_of": "/exercise_of",
        "officer-1-side": "/officers",
    }
    if not filled.faults:
        with filled.trying("name", **fields):
            new = _converted(members, NewChannel)
            if not _is_open(service, new):
                await service.openings.open_trial(new)
            return redirect(context.to(f"/host/channels/{new.name}", said="opened"))
    return await opening(context, filled)


def _members(context: PageContext, filled: FormState) -> dict[str, Any]:
    """Return the content of the form; the form shows errors of single fields."""
    say = context.words.say
    members: dict[str, Any] = {
        "name": filled["name"],
        "kind": filled["kind"],
        "sides": _words(filled["sides"]),
        "observers": _words(filled["observers"]),
        "languages": list(dict.fromkeys(text for text in filled.all("languages") if text)),
    }
    if not filled["name"]:
        filled.wrong("name", say("Give the channel a name."))
    if not members["sides"]:
        filled.wrong("sides", say("Name the sides."))
    if not members["languages"]:
        filled.wrong("languages", say("Choose at least one language."))
    if filled["kind"] == "exercise" and not filled["exercise_of"]:
        filled.wrong("exercise_of", say("Choose the channel that is exercised."))
    members |= {name: filled[name] for name in ("marking", "exercise_of") if filled[name]}
    members["officers"] = officers_of(context, filled, members["sides"])
    return members


def _words(text: str) -> list[str]:
    return text.replace(",", " ").replace("、", " ").split()


def _converted(fields: dict[str, Any], shape: Any) -> Any:
    """Return the fields of a form as a shape. Raises `Malformed`."""
    try:
        return msgspec.convert(fields, shape)
    except msgspec.ValidationError as error:
        raise faults_of(error, msgspec.json.encode(fields), shape) from None


def _is_open(service: Service, new: NewChannel) -> bool:
    """Return whether the very same channel is open already.

    It is after a second press of the button.
    """
    projection = service.channels.get(new.name)
    if projection is None or not projection.is_channel:
        return False
    registry = projection.registry
    same = (registry.kind, tuple(side.name for side in registry.sides), registry.languages) == (
        new.kind,
        new.sides,
        new.languages,
    )
    return (
        same
        and registry.custody == "host"
        and {*registry.officers}
        == {f"{officer.side}/{officer.officer}" for officer in new.officers}
    )


# A channel whose sides keep their own keys


class TermsView(Struct, frozen=True, kw_only=True):
    """The content that this host puts into an opening of that name.

    `terms` is null if no name was given.
    """

    name: str
    terms: OpeningTerms | None


async def terms(context: PageContext) -> Page:
    """Return the terms of an opening.

    The page says how the sides and the operator get from the terms to a channel.
    """
    service, name = _operator(context), context.request.query.get("name", "").strip()
    filled = FormState({"name": [name]})
    opening_terms = None
    if name:
        with filled.trying("name"):
            opening_terms = await service.openings.terms(name)
    return Page(
        template="host_terms.html",
        view=TermsView(name=name, terms=opening_terms),
        values=_values(context, filled=filled),
        status=filled.status,
    )


# Tokens


class TokensPage(Struct, frozen=True, kw_only=True):
    """The tokens in force, the newest first.

    `total` counts all that match the search.
    """

    total: int
    tokens: tuple[TokenView, ...]


async def tokens_page(
    context: PageContext, filled: FormState | None = None, *, issued: IssuedToken | None = None
) -> Page:
    """Return the tokens in force, and the form for a new one.

    `issued` is the token that a form has just made.
    """
    service = _operator(context)
    of = context.request.query.get("of", "").strip()
    tokens = [
        token
        for token in reversed(await access_tokens.tokens_of(service))
        if _is_of(token.actor, of)
    ]
    token_views, following = sliced(context, tokens)
    form = filled or FormState({"scope": ["act"]})
    view = TokensPage(total=len(tokens), tokens=tuple(token_views))
    values = _values(
        context,
        filled=form,
        issued=issued,
        of=of,
        following=following,
        channel_options=_channels(context, service),
        default_days=service.token_life.default_days,
        soon={token.id for token in token_views if access_tokens.is_ending(token)},
    )
    return Page(
        template="tokens.html", view=view, rows=view.tokens, values=values, status=form.status
    )


def _is_of(actor: str, text: str) -> bool:
    return text in ("", actor, actor.partition("/")[0])


def _channels(context: PageContext, service: Service) -> list[tuple[str, str]]:
    return [(projection.name, projection.name) for projection in service.visible(context.grant)]


async def issue(context: PageContext) -> Page:
    """Issue a token, and show it once."""
    service, filled = _operator(context), await FormState.of(context.request)
    grant = _grant_of(context, filled)
    if filled["label"]:
        grant["label"] = filled["label"]
    if filled["expires"]:
        grant["expires"] = _expiry(context, filled)
    issued = None
    if not filled.faults:
        with filled.trying(
            "actor",
            actor="/actor",
            channels="/channels",
            identity="/identity",
            label="/label",
            scope="/scope",
            expires="/expires",
        ):
            issued = await access_tokens.issue(
                service, _converted(grant, NewToken), submission.key_of(filled.key)
            )
    return await tokens_page(context, filled if issued is None else None, issued=issued)


def _grant_of(context: PageContext, filled: FormState) -> dict[str, Any]:
    """Return the officer and the channels for which a token or a subject may speak."""
    if not filled["actor"]:
        filled.wrong("actor", context.words.say("Name the officer with the side, like nato/o-17."))
    return {
        "actor": filled["actor"],
        "channels": filled.all("channels"),
        "scope": filled["scope"] or "act",
        **({"identity": filled["identity"]} if filled["identity"] else {}),
    }


def _expiry(context: PageContext, filled: FormState) -> str:
    try:
        moment = times.read_moment(filled["expires"], context.moment, ZoneInfo("UTC"))
    except not_understood.NotUnderstoodInput:
        filled.wrong("expires", context.words.say("Give a day and a time, like 1 Jan 2027 00:00Z."))
        return ""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


async def ask_revocation(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before a token is revoked."""
    service, say = _operator(context), context.words.say
    token_view = next(
        (
            token
            for token in await access_tokens.tokens_of(service)
            if token.id == context.request.query.get("token", "")
        ),
        None,
    )
    if token_view is None:
        return redirect("/host/tokens?said=gone")
    follows = [
        say(
            "Within a second, the token of %(actor)s stops working on every gateway.",
            actor=token_view.actor,
        ),
        say("Pages and streams that were opened with the token end. Calendar links end too."),
        say("%(actor)s stays in office. Another token can be issued.", actor=token_view.actor),
    ]
    if token_view.id == context.grant.id:
        follows.append(
            say(
                "This is the token with which you are signed in. You need another one to come back."
            )
        )
    return ask(
        context,
        EndingPage(act="token", of=token_view.id),
        question=say(
            "Revoke the token %(id)s of %(actor)s?", id=token_view.id, actor=token_view.actor
        ),
        follows=follows,
        button=say("Revoke this token"),
        back=("/host/tokens", say("Keep it in force")),
        area="host",
        hidden={"token": token_view.id},
    )


async def revoke(context: PageContext) -> web.StreamResponse:
    """Revoke a token; a token that is gone already is no error."""
    service, filled = _operator(context), await FormState.of(context.request)
    done = await access_tokens.revoke(service, filled["token"])
    return redirect(f"/host/tokens?said={'revoked' if done else 'gone'}")


# Subjects of the OIDC provider


class SubjectsPage(Struct, frozen=True, kw_only=True):
    """The OIDC provider, and the officers for whom its subjects speak.

    `issuer` is empty if there is no provider. `total` counts all subjects.
    """

    issuer: str
    total: int
    subjects: tuple[SubjectView, ...]


async def subjects(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the subjects that are mapped to officers, and the form for a new one."""
    service = _operator(context)
    subject_views = [*reversed(await access_tokens.subjects_of(service))]
    views, following = sliced(context, subject_views)
    form = filled or FormState({"scope": ["act"]})
    view = SubjectsPage(issuer=service.issuer, total=len(subject_views), subjects=tuple(views))
    values = _values(
        context, filled=form, following=following, channel_options=_channels(context, service)
    )
    return Page(
        template="subjects.html", view=view, rows=view.subjects, values=values, status=form.status
    )


async def map_subject(context: PageContext) -> Page | web.StreamResponse:
    """Map a subject to an officer; repeating it changes nothing."""
    service, filled = _operator(context), await FormState.of(context.request)
    mapping = _grant_of(context, filled) | {"subject": filled["subject"]}
    if not filled["subject"]:
        filled.wrong("subject", context.words.say("Give the subject, as the provider writes it."))
    if not filled.faults:
        with filled.trying(
            "subject",
            subject="/subject",
            actor="/actor",
            channels="/channels",
            identity="/identity",
            scope="/scope",
        ):
            await access_tokens.map_new(service, _converted(mapping, NewSubject))
            return redirect("/host/subjects?said=mapped")
    return await subjects(context, filled)


async def ask_forgetting(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before a subject is forgotten."""
    service, say = _operator(context), context.words.say
    subject_view = next(
        (
            subject
            for subject in await access_tokens.subjects_of(service)
            if subject.id == context.request.query.get("subject", "")
        ),
        None,
    )
    if subject_view is None:
        return redirect("/host/subjects?said=gone")
    return ask(
        context,
        EndingPage(act="subject", of=subject_view.id),
        question=say("Forget the subject %(subject)s?", subject=subject_view.subject),
        follows=[
            say(
                "Access tokens of this subject no longer speak for %(actor)s.",
                actor=subject_view.actor,
            ),
            say("Sessions of the pages that began at the provider end within a second."),
            say("Calendar links that were made with them end."),
        ],
        button=say("Forget it"),
        back=("/host/subjects", say("Keep it")),
        area="host",
        hidden={"subject": subject_view.id},
    )


async def forget(context: PageContext) -> web.StreamResponse:
    """Forget a subject; a subject that is gone already is no error."""
    service, filled = _operator(context), await FormState.of(context.request)
    done = await access_tokens.forget(service, filled["subject"])
    return redirect(f"/host/subjects?said={'forgotten' if done else 'gone'}")


def _route(path: str, handler: Any, method: str = "GET") -> PageRoute:
    return PageRoute(path=path, handler=handler, method=method, anywhere=True)


ROUTES: Final[tuple[PageRoute, ...]] = (
    _route("/host", host),
    _route("/host/channels/{name:[a-z0-9-]{1,63}}", channel),
    _route("/host/open", opening),
    _route("/host/open", open_trial, "POST"),
    _route("/host/terms", terms),
    _route("/host/tokens", tokens_page),
    _route("/host/tokens", issue, "POST"),
    _route("/host/tokens/revoke", ask_revocation),
    _route("/host/tokens/revoke", revoke, "POST"),
    _route("/host/subjects", subjects),
    _route("/host/subjects", map_subject, "POST"),
    _route("/host/subjects/forget", ask_forgetting),
    _route("/host/subjects/forget", forget, "POST"),
)
