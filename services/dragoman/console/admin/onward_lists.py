"""The onward lists: to which posts each side passes on which messages.

    /c/{channel}/admin/onward                        the lists, and their history
    /c/{channel}/admin/onward?format=launch-notice   the form with that format chosen

A head of office adopts the list of the side, by an act of the channel. The act replaces
the whole list. The form asks for one format, and keeps the others as they are. Without
posts a format leaves the list.
"""

from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.admin.admin_forms import at_the_end, colleagues, hindrance, record_act
from dragoman.console.context import PageContext
from dragoman.console.forms.form_state import FormState
from dragoman.console.rendering import Page, PageRoute
from dragoman.console.sessions import redirect
from dragoman.domain.acts.act_registry import FORMATS, in_force
from dragoman.domain.acts.act_rules import HEADS
from dragoman.domain.acts.deadlines import profile_of
from dragoman.domain.acts.families.joining import INCIDENTS
from dragoman.domain.acts.window_notices import ANNOUNCED
from dragoman_schemas.state import AdoptedOnward, OnwardList

_WINDOWED: Final = ANNOUNCED | {"terrorism-warning"}
"""Formats that have a window, before which their messages are passed on."""

_MOST_MINUTES: Final = 20_160
"""The longest time before a window that a list can name: fourteen days."""


class OnwardPage(Struct, frozen=True, kw_only=True):
    """Every side's adoptions of onward lists, the newest last, and the default limits.

    `before_s` is the time before a window opens, and `soon_s` the time after a message
    without a window.
    """

    channel: str
    position: int
    adopted: dict[str, tuple[AdoptedOnward, ...]]
    before_s: int
    soon_s: int


async def onward(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the page of the onward lists, with the form of the reader's side."""
    limits, _ = profile_of(context.registry)
    chosen = context.request.query.get("format", "")
    formats = formats_of(context)
    form = filled or FormState(_beginning(context, chosen if chosen in formats else formats[0]))
    return Page(
        template="onward.html",
        view=OnwardPage(
            channel=context.name,
            position=context.position,
            adopted=context.registry.onward,
            before_s=limits.passed_on_before,
            soon_s=limits.passed_on,
        ),
        values={
            "filled": form,
            "hindrance": hindrance(context, HEADS, flag=False),
            "who": colleagues(context, HEADS),
            "said": context.request.query.get("said", ""),
            "formats": [(act, f"{context.words.act(act)}, {FORMATS[act].code}") for act in formats],
            "codes": {act: form.code for act, form in FORMATS.items()},
            "windowed": _WINDOWED,
            "in_force": {side: _in_force(context, side) for side in context.sides},
        },
        status=form.status,
    )


def formats_of(context: PageContext) -> list[str]:
    """Return the formats of the channel, those with windows and the incidents first."""
    acts = [
        act
        for act, form in in_force(context.registry).formats.items()
        if context.registry.kind in form.kinds and form.rule.message
    ]
    urgent = ANNOUNCED | INCIDENTS
    return sorted(acts, key=lambda act: (act not in urgent, FORMATS[act].code))


def _in_force(context: PageContext, side: str) -> tuple[OnwardList, ...]:
    adoptions = context.registry.onward.get(side, ())
    return adoptions[-1].lists if adoptions else ()


def _beginning(context: PageContext, act: str) -> dict[str, list[str]]:
    """Return the first content of the form: the side's list for a format."""
    onward_list = next(
        (item for item in _in_force(context, context.side) if item.format == act), None
    )
    if onward_list is None:
        return {"format": [act]}
    before = onward_list.before_min
    return {
        "format": [act],
        "posts": ["\n".join(onward_list.posts)],
        "before": [] if before is None else [str(before)],
    }


async def adopt_onward(context: PageContext) -> Page | web.StreamResponse:
    """Adopt the reader's side's list with the posts of one format changed."""
    filled = await FormState.of(context.request)
    act = filled["format"]
    if act not in formats_of(context):
        filled.wrong("format", context.words.say("Choose a format."))
    entries = [*_others(context, act), *_entry(context, filled)]
    if not filled.faults:
        body = {"act": "onward-adoption", "entries": entries}
        if position := await record_act(context, filled, body, "posts", posts="/entries"):
            return redirect(
                context.link("/admin/onward", format=act, after=position, said="recorded")
            )
    await at_the_end(context)
    return await onward(context, filled)


def _others(context: PageContext, act: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of the side's list for the other formats, as they are."""
    for item in _in_force(context, context.side):
        if item.format != act:
            yield _written(item.format, item.posts, item.before_min)


def _written(act: str, posts: tuple[str, ...], before_min: int | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"format": act, "posts": [*posts]}
    return entry if before_min is None else {**entry, "before_min": before_min}


def _entry(context: PageContext, filled: FormState) -> Iterator[dict[str, Any]]:
    """Yield the entry of the form, if it names posts.

    The form shows any errors in it.
    """
    say = context.words.say
    posts = tuple(dict.fromkeys(filter(None, map(str.strip, filled["posts"].splitlines()))))
    before = filled["before"]
    is_number = before.isdecimal() and 1 <= int(before) <= _MOST_MINUTES
    if before and not is_number:
        filled.wrong(
            "before",
            say(
                "Give the time in minutes, from 1 to %(n)s.", n=context.words.number(_MOST_MINUTES)
            ),
        )
    elif posts:
        yield _written(filled["format"], posts, int(before) if before else None)
    elif not any(item.format == filled["format"] for item in _in_force(context, context.side)):
        filled.wrong("posts", say("Name at least one post."))


ROUTES: Final = (
    PageRoute(path="/admin/onward", handler=onward),
    PageRoute(path="/admin/onward", handler=adopt_onward, method="POST"),
)
