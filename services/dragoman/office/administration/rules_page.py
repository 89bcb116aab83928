"""The versions of the rules: which is in force, and which the sides have adopted.

    /c/{channel}/admin/rules      the versions, and the adoptions

A later version brings acts, members and rules. It is in force once every side has
adopted it, by an act of an administrator. A program that lacks it reads the channel up
to there and records nothing more.
"""

from typing import Any, Final

from msgspec import Struct

from dragoman.console.forms.admin_forms import address, colleagues, hindrance
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
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


async def rules(context: PageContext) -> Page:
    """Return the page with the versions of the rules, and the sides' adoptions."""
    registry = context.registry
    waiting = adoption.pending(registry)
    later = {
        number: tuple(sorted(acts))
        for number, acts in rules_versions.CHANGES.items()
        if number > registry.rules
    }
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
        "hindrance": hindrance(context),
        "who": colleagues(context),
        "server": address(context),
        "adoptable": adoption.adoptable(registry, context.side),
    }
    return Page(template="rules.html", view=view, values=values)


ROUTES: Final[tuple[PageRoute, ...]] = (PageRoute(path="/admin/rules", handler=rules),)
