"""Forms of an erasure and of the consents to it.

    /admin/acts/erasure-consent?f.records=NUMBER      a consent
    …&f.withdrawn=yes                                 the same taken back
    /admin/acts/erasure?f.records=NUMBER              in a trial, the erasure

An officer names exchanges, by number or id. The act names every record of them as they
are now, so the check page shows exactly what a consent covers. Once something more was
said in them, the checked act is refused, and the form says so.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman.console.page.context import PageContext
from dragoman.domain.record.errors import Malformed
from dragoman.members.kind import Kind
from dragoman.members.sides import ReferencesKind
from dragoman.text import sentence


def consent_kinds(context: PageContext) -> dict[str, Kind | None]:
    """Return the kind by which a form asks for exchanges in place of their records."""
    return {"records": ReferencesKind()}


def erasure_kinds(context: PageContext) -> dict[str, Kind | None]:
    """Return the same for an erasure. In a trial its reasons are in the consents."""
    return {"records": ReferencesKind(), "reason": None}


def erasure_hints(context: PageContext) -> dict[str, str]:
    """Return the hints of both forms."""
    say = context.words.say
    return {
        "records": say("Each by its number or its id. The page then shows their content."),
        "withdrawn": say("Yes takes back a consent that has not led to an erasure yet."),
    }


def with_records(context: PageContext, content: dict[str, Any]) -> dict[str, Any]:
    """Return an act that names every record of the exchanges that were typed.

    Raises `Malformed` for a name that belongs to no exchange.
    """
    names = [name for line in content["records"] for name in line.split()]
    ids = dict.fromkeys(_exchange(context, name) for name in names)
    records = sorted(
        (record for id in ids for record in context.projection.records_of(id)),
        key=lambda record: record.position,
    )
    act = {**content, "records": msgspec.to_builtins(records)}
    if not act.get("withdrawn"):
        act.pop("withdrawn", None)
    return act


def _exchange(context: PageContext, name: str) -> str:
    state = context.projection.exchange(context.projection.numbered(name) or name)
    if state is None:
        raise Malformed(
            "/records",
            sentence("There is no exchange %(name)s here. Give its number or its id.", name=name),
        )
    return state.id


def after_consent(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the exchanges of a consent, and its consequences."""
    say = context.words.say
    if content.get("withdrawn"):
        return [
            *_exchanges(context, content),
            say(
                "The log keeps the consent and its withdrawal. Nothing is erased without a "
                "new consent."
            ),
        ]
    follows = [
        *_exchanges(context, content),
        say(
            "The consent covers what these exchanges contain now. If anything is said in one "
            "of them later, it needs a new consent."
        ),
        say(
            "Once every side has consented, the exchanges can be erased from every page, "
            "list and search, completely and for ever."
        ),
    ]
    if context.registry.custody == "sides":
        follows.append(say("Every side signs the erasure itself as well, on the command line."))
    return follows


def after_erasure(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return the exchanges of an erasure, and its consequences."""
    say = context.words.say
    return [
        *_exchanges(context, content),
        say(
            "The exchanges disappear from every page, list and search. The record keeps their "
            "numbers, times and authors."
        ),
        say(
            "The operator then deletes the bytes from the disks of this host. A mirror deletes "
            "them by itself."
        ),
    ]


def _exchanges(context: PageContext, content: Mapping[str, Any]) -> list[str]:
    """Return a line for each exchange, with the number of its records."""
    words, subjects = context.words, [record["subject"] for record in content["records"]]
    states = (context.projection.exchange(id) for id in dict.fromkeys(subjects))
    return [
        words.count(
            "%(number)s, %(what)s: %(n)s record",
            "%(number)s, %(what)s: %(n)s records",
            subjects.count(state.id),
            number=state.number or state.id,
            what=context.subject(state)[1],
        )
        for state in states
        if state is not None
    ]
