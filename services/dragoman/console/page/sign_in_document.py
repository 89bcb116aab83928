"""The page on which officers sign in: by a token, or at their provider."""

from dragoman.document.blocks import (
    Buttons,
    Form,
    FormField,
    PageDocument,
    Paragraph,
    Section,
    section,
)
from dragoman.i18n.words import Words
from dragoman.members.runs import Mark, PageLink


def laid_out(
    words: Words,
    next: str,
    *,
    provider: str,
    has_failed: bool,
    is_out: bool,
    kept_form: bool | None,
) -> PageDocument:
    """Return the page. It leads on to the address `next`.

    `kept_form` says whether a form is kept; None for a form that could not be kept.
    """
    say = words.say
    unknown = say("This token is not known here. Copy it whole, or ask the operator for a new one.")
    signed_out = (
        say("You are signed out."),
        say("You may still be signed in at %(provider)s.", provider=provider) if provider else "",
    )
    token = FormField(
        control="password",
        name="token",
        label=say("Token"),
        hint=say("The operator gives each officer one. It begins with %(prefix)s.", prefix="drg_"),
        fault=unknown if has_failed else "",
        leads=not has_failed and not provider,
    )
    form = Form(to="//sign-in", parts=(token,), button=say("Sign in"), values={"next": next})
    return PageDocument(
        title=say("Sign in"),
        faults=(("token", unknown),) if has_failed else (),
        lead=(words.sentences(filter(None, signed_out)),) if is_out else (),
        sections=(
            *((_ended(words, kept_form),) if kept_form is not False else ()),
            *((_provider(words, provider, next),) if provider else ()),
            section("", form),
        ),
    )


def _ended(words: Words, kept_form: bool | None) -> Section:
    """Return the sentences about a form that was sent after its session had ended."""
    if kept_form is None:
        lost = words.say(
            "Your session had ended. Nothing was recorded, and what you wrote could not be kept "
            "here."
        )
        there = words.say("The page before this one may still have it.")
        return section("", Paragraph((Mark("strong", lost), " ", there)), unkept="yes")
    ended = words.say("Your session had ended. What you wrote is kept for an hour.")
    again = words.say(
        "Sign in as the same officer, and it is filled in again. A file has to be chosen again."
    )
    return section("", Paragraph((Mark("strong", ended), " ", again)), kept="yes")


def _provider(words: Words, provider: str, next: str) -> Section:
    name = words.say("Sign in with %(provider)s", provider=provider)
    link = PageLink(name, "//signin/oidc", "button", query={"next": next})
    return section("", Buttons((link,)), words.say("or with a token"), provider="yes")
