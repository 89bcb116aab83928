"""The pages of tokens, and of the provider's subjects: for whom they speak, and where.

The pages use the functions behind `/v1/tokens` and `/v1/subjects`. A token appears
once, in the response to its form.
"""

from datetime import UTC
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.operations import access_tokens
from dragoman.application.service import Service
from dragoman.console.forms.confirm import ask
from dragoman.console.forms.form_state import FormState, converted
from dragoman.console.grant_words import NONE, GrantWords
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.console.page.sessions import redirect
from dragoman.document.blocks import (
    Empty,
    Form,
    FormField,
    PageDocument,
    Paragraph,
    Remark,
    Section,
    columns,
    line,
    section,
)
from dragoman.members.input import not_understood, times
from dragoman.members.runs import Mark, PageLink
from dragoman.office.host.operator_forms import operator_of, route
from dragoman_schemas.host_responses import (
    IssuedToken,
    NewSubject,
    NewToken,
    SubjectView,
    TokenView,
)


class GrantsQuery(Struct, frozen=True, kw_only=True):
    """The side or officer whose tokens are listed, and what is to be ended."""

    of: str = ""
    token: str = ""
    subject: str = ""


async def tokens_page(
    context: PageContext, filled: FormState | None = None, *, issued: IssuedToken | None = None
) -> Page:
    """Return the tokens in force, and the form for a new one.

    `issued` is the token that a form has just made.
    """
    service, words = operator_of(context), GrantWords(context)
    say, form = words.w.say, filled or FormState({"scope": ["act"]})
    announced = {
        "revoked": say("Revoked. The token stops working everywhere within a second."),
        "gone": say("There is no such token any more."),
    }.get(context.said, "")
    if issued is not None:
        once = say("Issued. The token is shown this once.")
        announced = once if issued.token else say("This token was issued before.")
    in_force = await _tokens_in_force(words, service)
    document = PageDocument(
        title=say("Tokens"),
        announced=announced,
        faults=form.faults_in(words.w),
        lead=say(
            "A token speaks for one officer, in the channels that it names. The service keeps "
            "only its digest."
        ),
        places=words.places("/host/tokens"),
        sections=(in_force,) if issued is None else (_issued(words, issued), in_force),
        beside=(section(say("Issue a token"), _new_token(words, service, form)),),
    )
    return Page(view=document, status=form.status)


def _issued(words: GrantWords, issued: IssuedToken) -> Section:
    """Return the section that shows a new token, which no other page shows."""
    w, say = words.w, words.w.say
    title, aside = say("For %(actor)s", actor=issued.actor), Mark("id", issued.id)
    if not issued.token:
        gone = say("It was shown then, and is not kept. If it is lost, revoke it and make another.")
        return section(title, Paragraph(gone), aside=aside)
    ends = (
        say("It ends %(t)s.", t=w.written(issued.expires, "minute"))
        if issued.expires
        else say("It does not end by itself.")
    )
    where = say("In %(channels)s.", channels=words.channels(issued.identity, issued.channels))
    once = say("Give it to the officer by a way that nobody else reads. It is not shown again.")
    return section(
        title,
        Paragraph(once),
        Paragraph(Mark("secret", issued.token, "token-once")),
        Remark((where, " ", ends)),
        aside=aside,
    )


async def _tokens_in_force(words: GrantWords, service: Service) -> Section:
    """Return the tokens in force, of one side or officer if the address says so."""
    context, say = words.context, words.w.say
    of = context.asked(GrantsQuery).of
    tokens = [
        token
        for token in reversed(await access_tokens.tokens_of(service))
        if _is_of(token.actor, of)
    ]
    views, rest = words.paged(tokens)
    table = columns(
        say("Tokens"),
        views,
        (say("Speaks for"), lambda token: Mark("strong", token.actor)),
        (say("Channels"), lambda token: words.channels(token.identity, token.channels)),
        (say("May"), lambda token: words.scope(token.scope)),
        (say("Issued"), lambda token: words.date(token.issued)),
        (
            say("Ends"),
            lambda token: words.ends(token.expires, is_soon=access_tokens.is_ending(token)),
        ),
        (say("Label"), lambda token: token.label or NONE),
        (say("Token id"), lambda token: Mark("id", token.id)),
        (say("Revoke"), lambda token: _revocation(words, token)),
        empty=Empty(say("No token of %(who)s is in force.", who=of)),
    )
    return section(
        say("In force"),
        Form(
            to="//host/tokens",
            gets=True,
            parts=(line("of", say("Of a side or an officer"), of),),
            button=say("Show"),
            beside=(PageLink(say("show all"), "//host/tokens"),) if of else (),
        ),
        table,
        rest,
        aside=say("the newest first"),
    )


def _revocation(words: GrantWords, token: TokenView) -> PageLink:
    name, spoken = words.w.say("revoke"), words.w.listed((token.id, token.actor))
    return PageLink(name, "//host/tokens/revoke", query={"token": token.id}, spoken=spoken)


def _new_token(words: GrantWords, service: Service, form: FormState) -> Form:
    w, say = words.w, words.w.say
    field, days = partial(form.field, w), service.token_life.default_days
    ends = (
        w.count(
            "Like 1 Jan 2027 00:00Z. Left empty, it ends after %(n)s day.",
            "Like 1 Jan 2027 00:00Z. Left empty, it ends after %(n)s days.",
            days,
        )
        if days
        else say("Like 1 Jan 2027 00:00Z. Left empty, it does not end by itself.")
    )
    label = say("What it is for, so that you know it again.")
    return Form(
        to="//host/tokens",
        parts=(
            *_grant_fields(words, service, form, say("It may")),
            field("line", "expires", say("Ends (optional)"), ends),
            field("line", "label", say("Label (optional)"), label),
        ),
        button=say("Issue the token"),
        key=form.key,
    )


def _grant_fields(
    words: GrantWords, service: Service, form: FormState, scope: str
) -> tuple[FormField, ...]:
    """Return the fields of every grant: for whom, where, and how far."""
    say, field = words.w.say, partial(form.field, words.w)
    actor = say("Like nato/o-17. An administrator of the side has entered the officer.")
    identity = say("With it and no channel, it is for every channel of that side, now and later.")
    names = [projection.name for projection in service.visible(words.context.grant)]
    channels = field(
        "checks",
        "channels",
        say("In these channels (optional)"),
        say("If you choose none: the only channel of the officer."),
        ((name, name) for name in names),
    )
    scopes = (
        ("act", say("act"), say("whatever the officer’s roles permit")),
        ("read", say("read only"), say("nothing is posted with it")),
    )
    return (
        field("line", "actor", say("Officer, with the side"), actor),
        *((channels,) if names else ()),
        field("line", "identity", say("Identity of the side (optional)"), identity),
        field("radios", "scope", scope, options=scopes),
    )


def _is_of(actor: str, text: str) -> bool:
    return text in ("", actor, actor.partition("/")[0])


async def issue(context: PageContext) -> Page:
    """Issue a token, and show it once."""
    service, filled = operator_of(context), await FormState.of(context.request)
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
                service, converted(grant, NewToken), submission.key_of(filled.key)
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
    service, say, query = operator_of(context), context.words.say, context.asked(GrantsQuery)
    token_view = next(
        (token for token in await access_tokens.tokens_of(service) if token.id == query.token),
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
    service, filled = operator_of(context), await FormState.of(context.request)
    done = await access_tokens.revoke(service, filled["token"])
    return redirect(f"/host/tokens?said={'revoked' if done else 'gone'}")


# Subjects of the OIDC provider


async def subjects(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the subjects that are mapped to officers, and the form for a new one."""
    service, words = operator_of(context), GrantWords(context)
    say, form = words.w.say, filled or FormState({"scope": ["act"]})
    announced = {
        "mapped": say("Mapped. Access tokens of the subject speak for the officer from now on."),
        "forgotten": say("Forgotten."),
        "gone": say("There is no such subject any more."),
    }
    lead = (
        say("The officers for whom access tokens of %(issuer)s speak.", issuer=service.issuer)
        if service.issuer
        else say(
            "No OIDC provider is set here. Name it in the settings, as %(setting)s; then its "
            "subjects are mapped to officers here.",
            setting="oidc.issuer",
        )
    )
    nothing = Empty(say("There is nothing to map without a provider."))
    new = _new_subject(words, service, form) if service.issuer else nothing
    document = PageDocument(
        title=say("Subjects"),
        announced=announced.get(context.said, ""),
        faults=form.faults_in(words.w),
        lead=lead,
        places=words.places("/host/subjects"),
        sections=(await _mapped(words, service),),
        beside=(section(say("Map a subject"), new),),
    )
    return Page(view=document, status=form.status)


async def _mapped(words: GrantWords, service: Service) -> Section:
    say = words.w.say
    every = [*reversed(await access_tokens.subjects_of(service))]
    views, rest = words.paged(every)
    table = columns(
        say("Subjects"),
        views,
        (words.w.name("heading", "token_subject"), lambda subject: subject.subject),
        (say("Speaks for"), lambda subject: Mark("strong", subject.actor)),
        (say("Channels"), lambda subject: words.channels(subject.identity, subject.channels)),
        (say("May"), lambda subject: words.scope(subject.scope)),
        (say("Since"), lambda subject: words.date(subject.issued)),
        (say("Forget"), lambda subject: _forgetting(words, subject)),
        empty=Empty(say("No subject is mapped. Officers come in by tokens of this host.")),
    )
    return section(say("Mapped"), table, rest)


def _forgetting(words: GrantWords, subject: SubjectView) -> PageLink:
    query = {"subject": subject.id}
    name = (words.w.say("Forget"),)
    return PageLink(name, "//host/subjects/forget", query=query, spoken=subject.subject)


def _new_subject(words: GrantWords, service: Service, form: FormState) -> Form:
    say = words.w.say
    name = words.w.name("heading", "token_subject")
    hint = say("As the provider writes it in access tokens, as sub.")
    subject = form.field(words.w, "line", "subject", name, hint)
    grant = _grant_fields(words, service, form, say("Such tokens may"))
    button = say("Map the subject")
    return Form(to="//host/subjects", parts=(subject, *grant), button=button, key=form.key)


async def map_subject(context: PageContext) -> Page | web.StreamResponse:
    """Map a subject to an officer; repeating it changes nothing."""
    service, filled = operator_of(context), await FormState.of(context.request)
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
            await access_tokens.map_new(service, converted(mapping, NewSubject))
            return redirect("/host/subjects?said=mapped")
    return await subjects(context, filled)


async def ask_forgetting(context: PageContext) -> Page | web.StreamResponse:
    """Ask once before a subject is forgotten."""
    service, say, query = operator_of(context), context.words.say, context.asked(GrantsQuery)
    subject_view = next(
        (
            subject
            for subject in await access_tokens.subjects_of(service)
            if subject.id == query.subject
        ),
        None,
    )
    if subject_view is None:
        return redirect("/host/subjects?said=gone")
    return ask(
        context,
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
    service, filled = operator_of(context), await FormState.of(context.request)
    done = await access_tokens.forget(service, filled["subject"])
    return redirect(f"/host/subjects?said={'forgotten' if done else 'gone'}")


ROUTES: Final[tuple[PageRoute, ...]] = (
    route("/host/tokens", tokens_page),
    route("/host/tokens", issue, "POST"),
    route("/host/tokens/revoke", ask_revocation),
    route("/host/tokens/revoke", revoke, "POST"),
    route("/host/subjects", subjects),
    route("/host/subjects", map_subject, "POST"),
    route("/host/subjects/forget", ask_forgetting),
    route("/host/subjects/forget", forget, "POST"),
)
