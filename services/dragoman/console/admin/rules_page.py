"""The versions of the rules: which is in force, and which the sides have adopted.

    /c/{channel}/admin/rules      the versions, the adoptions, and the form

A later version brings acts, members and rules. It is in force once every side has
adopted it, by an act of an administrator. A program that lacks it reads the channel up
to there and records nothing more.
"""

from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from dragoman import __version__
from dragoman.console.admin.admin_forms import (
    address,
    at_the_end,
    colleagues,
    hindrance,
    record_act,
)
from dragoman.console.context import PageContext
from dragoman.console.forms.form_state import FormState
from dragoman.console.rendering import Page, PageRoute
from dragoman.console.sessions import redirect
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.versions import adoption
from dragoman_schemas.acts import rules_versions
from dragoman_schemas.state import AdoptedRules


class RulesPage(Struct, frozen=True, kw_only=True):
    """The version in force, the versions of this program, and the sides' adoptions.

    `later` has, for each later version, the acts that it adds or changes. `missing` are
    the sides that have not adopted the version that others wait for.
    """

    channel: str
    position: int
    rules: int
    newest: int
    later: dict[int, tuple[str, ...]]
    adopted: dict[str, AdoptedRules]
    waiting: dict[int, tuple[str, ...]]
    missing: dict[int, tuple[str, ...]]


async def rules(context: PageContext, filled: FormState | None = None) -> Page:
    """Return the page with the versions of the rules, and the sides' adoptions."""
    registry = context.registry
    waiting = adoption.pending(registry)
    later = {
        number: tuple(sorted(acts))
        for number, acts in rules_versions.CHANGES.items()
        if number > registry.rules
    }
    adopted = registry.rules_adopted.get(context.side)
    is_pending = adopted is not None and adopted.rules > registry.rules
    choices = [
        *((str(number), context.words.say("Rules %(n)s", n=number)) for number in later),
        *(
            [(str(registry.rules), context.words.say("Take the adoption back"))]
            if is_pending
            else []
        ),
    ]
    form = filled or FormState({"rules": [choices[0][0]] if choices else []})
    view = RulesPage(
        channel=context.name,
        position=context.position,
        rules=registry.rules,
        newest=rules_versions.NEWEST,
        later=later,
        adopted=registry.rules_adopted,
        waiting=waiting,
        missing={
            number: tuple(side for side in full_sides(registry) if side not in sides)
            for number, sides in waiting.items()
        },
    )
    values: dict[str, Any] = {
        "filled": form,
        "hindrance": hindrance(context),
        "who": colleagues(context),
        "server": address(context),
        "said": context.request.query.get("said", ""),
        "choices": choices,
    }
    return Page(template="rules.html", view=view, values=values, status=form.status)


async def adopt_rules(context: PageContext) -> Page | web.StreamResponse:
    """Adopt a version of the rules for the reader's side, or take an adoption back."""
    filled = await FormState.of(context.request)
    number = filled["rules"]
    if number not in {str(version) for version in rules_versions.ACTS}:
        filled.wrong("rules", context.words.say("Choose a version."))
    else:
        act: dict[str, Any] = {"act": "rules-adoption", "rules": int(number)}
        if int(number) > context.registry.rules:
            act["release"] = __version__
        if position := await record_act(context, filled, act, "rules", rules="/rules"):
            return redirect(context.link("/admin/rules", after=position, said="recorded"))
    await at_the_end(context)
    return await rules(context, filled)


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/admin/rules", handler=rules),
    PageRoute(path="/admin/rules", handler=adopt_rules, method="POST"),
)
