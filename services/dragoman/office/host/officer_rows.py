"""The rows of first officers in the form that opens a trial channel.

Each officer has a row of fields. A button sends the form back with one row more, so
that it works without scripts. An empty row is no officer. All faults are noted at once.
"""

import re
from functools import partial
from typing import Any, Final, get_args

from msgspec import Struct

from dragoman.console.forms.form_state import FormState
from dragoman.console.page.context import PageContext
from dragoman.document.blocks import FieldGroup, FormButton
from dragoman.i18n.words import Words
from dragoman_schemas.acts.office.channel import Role

_LEAST: Final = 2
_MOST: Final = 200
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

ROLES: Final[tuple[str, ...]] = get_args(Role)
"""The roles of a row, in the order of the form."""

FIELDS: Final = ("side", "name", "office")
"""The fields of a row that are typed."""


class FirstOfficerRow(Struct, frozen=True, kw_only=True):
    """One row of the form: its number, what is typed, and the roles that are chosen."""

    number: int
    texts: dict[str, str]
    roles: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Return whether the row names no officer."""
        return not self.roles and not any(self.texts.values())


def rows_of(filled: FormState) -> list[FirstOfficerRow]:
    """Return the rows of a form, and one more if its button asked for that."""
    sent = filled["rows"]
    count = int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 4 else _LEAST
    count += filled["do"] == "row"
    return [
        FirstOfficerRow(
            number=number,
            texts={name: filled[f"officer-{number}-{name}"] for name in FIELDS},
            roles=tuple(role for role in filled.all(f"officer-{number}-roles") if role in ROLES),
        )
        for number in range(1, max(1, min(count, _MOST)) + 1)
    ]


def officer_fields(words: Words, filled: FormState) -> FieldGroup:
    """Return the fields of the first officers, and the button for one row more."""
    say, rows = words.say, rows_of(filled)
    hint = say("Each side needs an administrator, who enters the others. An empty row is left out.")
    groups = (_row_fields(words, filled, row.number) for row in rows)
    another = FormButton(say("Add another officer"), "do", "row")
    return FieldGroup(say("First officers"), (*groups, another), hint)


def _row_fields(words: Words, filled: FormState, row: int) -> FieldGroup:
    say, number, field = words.say, words.number(row), partial(filled.field, words)
    name, at = say("Name of officer %(n)s", n=number), f"officer-{row}"
    roles = ((role, words.value(role)) for role in ROLES)
    return FieldGroup(
        say("Officer %(n)s", n=number),
        (
            field("line", f"{at}-side", say("Side of officer %(n)s", n=number)),
            field("line", f"{at}-name", name, say("Not a person’s name: like o-17.")),
            field("line", f"{at}-office", say("Office of officer %(n)s", n=number)),
            field("checks", f"{at}-roles", say("Roles of officer %(n)s", n=number), "", roles),
        ),
    )


def officers_of(context: PageContext, filled: FormState, sides: list[str]) -> list[dict[str, Any]]:
    """Return the officers of a form, and note every fault beside its field."""
    say = context.words.say
    rows = [row for row in rows_of(filled) if not row.is_empty]
    names = [f"{row.texts['side']}/{row.texts['name']}" for row in rows]
    for row, name in zip(rows, names, strict=True):
        _check(context.words, filled, row, sides)
        if row.texts["name"] and names.count(name) > 1:
            filled.wrong(f"officer-{row.number}-name", say("%(who)s is entered twice.", who=name))
    without = [
        side
        for side in sides
        if not any(row.texts["side"] == side and "administrator" in row.roles for row in rows)
    ]
    if rows and without:
        filled.wrong(
            "officer-1-side",
            say(
                "Each side needs an administrator, who enters the others. Missing: %(sides)s.",
                sides=context.words.listed(side.upper() for side in without),
            ),
        )
    return [
        {
            "side": row.texts["side"],
            "officer": row.texts["name"],
            "office": row.texts["office"],
            "roles": list(row.roles),
        }
        for row in rows
    ]


def _check(words: Words, filled: FormState, row: FirstOfficerRow, sides: list[str]) -> None:
    say, number = words.say, row.number
    if row.texts["side"] not in sides:
        filled.wrong(
            f"officer-{number}-side",
            say("Officer %(n)s: choose a side of this channel.", n=words.number(number)),
        )
    wanted = {
        "name": say(
            "Officer %(n)s: give a name of small letters and digits, like o-17.",
            n=words.number(number),
        ),
        "office": say(
            "Officer %(n)s: give an office of small letters and digits, like brussels.",
            n=words.number(number),
        ),
    }
    for name, sentence in wanted.items():
        if not _NAME.fullmatch(row.texts[name]):
            filled.wrong(f"officer-{number}-{name}", sentence)
    if not row.roles:
        filled.wrong(
            f"officer-{number}-roles",
            say("Officer %(n)s: choose at least one role.", n=words.number(number)),
        )
