"""Choices in the forms of agreements: mechanisms, topics carried over, and bundles.

mechanism_choices(context)         the mechanisms to which a meeting may belong
handed_choices(writing)            the recommendations that a side may answer
carried_topics(writing, fields)    open undertakings that an agenda may take up
with_bundle(writing, fields)       the form of a transmittal, filled in from its bundle
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict
from multidict import MultiDict

from dragoman.application.operations import transmittals
from dragoman.console.compose.writing import Writing
from dragoman.console.display.act_display import Display
from dragoman.console.forms.exchange_choices import ExchangeChoice
from dragoman.console.page.context import PageContext
from dragoman.domain.release_bundle import Proved
from dragoman.domain.views import transmittals as handed_over
from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.kind import PREFIX, form_fields
from dragoman.projection.queries import mechanisms, undertakings
from dragoman.projection.view import View
from dragoman.text import sentence
from dragoman_schemas.agreement_responses import UndertakingView
from dragoman_schemas.fields import Attachment

AGENDAS: Final = {"agenda": "topics", "meeting-request": "agenda"}
"""The acts that give an agenda, and the members that hold its topics."""

_PREFILLED: Final = {
    "undertaking": ("of",),
    "meeting-request": ("mechanism",),
    "recommendation-answer": ("q", "of"),
    "fate": ("answered_by",),
}
"""Members that the address of a form may fill in, by act."""

_TOPIC: Final = 300
"""The number of characters of an undertaking that its topic has."""


class AgreementFormQuery(Struct, frozen=True, kw_only=True):
    """The members that the address of a form may fill in."""

    of: str = ""
    mechanism: str = ""
    q: str = ""
    answered_by: str = ""


class CarriedTopic(Struct, frozen=True, kw_only=True):
    """An open undertaking as a topic of an agenda: its id and its line."""

    id: str
    line: str


def prefilled(writing: Writing) -> list[tuple[str, str]]:
    """Return the fields that the address of a form fills in."""
    query = asdict(writing.context.asked(AgreementFormQuery))
    names = _PREFILLED.get(writing.act, ())
    return [(f"{PREFIX}.{name}", query[name]) for name in names if query[name]]


async def mechanism_choices(context: PageContext) -> list[ExchangeChoice]:
    """Return the mechanisms of the channel: those that work come first."""
    await context.projection.in_file()
    states = await context.ask(View.states, mechanisms.FORMAT)
    display = Display(context.words, (), {}, context.link)
    standing = [state for state in states if state.cancellation is None]
    return [
        ExchangeChoice(
            value=state.number or state.id,
            shown=display.text(msgspec.json.decode(state.content["name"]))
            if state.status == "in_force"
            else context.words.say(
                "%(what)s (%(status)s)",
                what=context.words.text(state.content["name"])[1],
                status=context.words.status(state.status),
            ),
        )
        for state in sorted(standing, key=lambda state: state.status != "in_force")
    ]


def handed_choices(writing: Writing) -> list[ExchangeChoice]:
    """Return the recommendations of a transmittal, each with its number."""
    state, words = writing.exchange, writing.context.words
    if state is None or state.act != "transmittal":
        return []
    handed = handed_over.recommendations(
        state, writing.context.sides, writing.context.service.now()
    )
    return [
        ExchangeChoice(
            value=str(item.q),
            shown=words.say(
                "%(n)s: %(text)s", n=words.number(item.q), text=words.text(item.text)[1]
            ),
        )
        for item in handed
    ]


async def carried_topics(writing: Writing, fields: Mapping[str, Any]) -> list[CarriedTopic]:
    """Return the open undertakings of a channel that an agenda has not taken up yet."""
    member = AGENDAS.get(writing.act)
    if member is None:
        return []
    typed = str(fields.get(f"{PREFIX}.{member}", ""))
    topics = await open_topics(writing.context)
    return [topic for topic in topics if topic.line not in typed]


async def open_topics(context: PageContext) -> list[CarriedTopic]:
    """Return the open undertakings of a channel as topics, by due date."""
    await context.projection.in_file()
    views = await context.ask(undertakings.unfinished)
    return [CarriedTopic(id=view.exchange, line=topic_of(context.words, view)) for view in views]


def topic_of(words: Words, view: UndertakingView) -> str:
    """Return an undertaking as one line of an agenda, with its number."""
    text = " ".join(words.text(view.what)[1].split())
    return words.say(
        "Undertaking of %(side)s, due %(t)s: %(what)s (%(number)s)",
        side=view.by.upper(),
        t=words.written(view.by_when, "day"),
        what=text if len(text) <= _TOPIC else text[: _TOPIC - 1] + "…",
        number=view.number or view.exchange,
    )


async def with_topics(
    writing: Writing, fields: MultiDict[str], chosen: Collection[str]
) -> MultiDict[str]:
    """Return the fields of an agenda with some open undertakings as further topics."""
    member = AGENDAS.get(writing.act)
    if member is None:
        return fields
    name = f"{PREFIX}.{member}"
    typed = str(fields.get(name, "")).rstrip()
    lines = [topic.line for topic in await open_topics(writing.context) if topic.id in chosen]
    new = [line for line in lines if line not in typed]
    fields[name] = "\n".join([*([typed] if typed else []), *new])
    return fields


# Transmittals

BUNDLE: Final = "f.bundle"
"""The field of a transmittal that has the file that is handed over."""


def upload_field(writing: Writing) -> str:
    """Return the field to which an uploaded file goes."""
    return BUNDLE if writing.act == "transmittal" else "f.attachments"


async def with_bundle(writing: Writing, fields: MultiDict[str]) -> tuple[MultiDict[str], str]:
    """Return the fields of a transmittal, filled in from its bundle, and a problem.

    The problem is empty where the file is a bundle that proves itself. Its
    recommendations then replace those in the form.
    """
    context = writing.context
    chosen = fields.get(BUNDLE, "")
    try:
        attachment = msgspec.json.decode(chosen.encode(), type=Attachment)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return fields, context.words.say("Choose the bundle, or a file from this computer, first.")
    result = await transmittals.checked(context.call, context.projection, attachment)
    if result.proved is None:
        why = sentence("it is not a bundle") if result.why is None else result.why
        return fields, context.words.say(
            "Nothing could be read from this file: %(why)s.", why=context.words.sentence(why)
        )
    handed, names = _handed(result.proved), ["source", "recommendations"]
    if not any(fields.getall(name)[0] for name in _under(fields, ["title"])):
        names.append("title")
    for name in _under(fields, names):
        del fields[name]
    members = [member for member in shapes.members(writing.act) if member.name in names]
    fields.extend(form_fields(context.registry.languages, members, handed))
    return fields, ""


def _under(fields: MultiDict[str], names: Sequence[str]) -> list[str]:
    """Return the names of the fields that belong to some members."""
    prefixes = tuple(f"{PREFIX}.{name}." for name in names)
    return [name for name in dict.fromkeys(fields) if name.startswith(prefixes)]


def _handed(proved: Proved) -> dict[str, Any]:
    """Return the members of a transmittal that a proven bundle gives."""
    acts = {record: json.loads(act) for record, act in proved.acts.items()}
    return {
        "title": Raw(proved.text["title"]),
        "source": {"cid": proved.cid, "release": proved.release, "terms": proved.terms},
        "recommendations": [
            {
                "text": act["text"],
                **({"area": act["area"]} if "area" in act else {}),
                "record": record,
            }
            for record, act in acts.items()
            if act["act"] == "recommendation" and "text" in act
        ],
    }
