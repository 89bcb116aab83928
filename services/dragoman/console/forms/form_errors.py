"""Faults of an act in the words of its form.

    /facts/en     Expected `str` of length <= 60000
                  → field f.facts.en, link #f-facts-en,
                    "Facts: this is too long, at most 60,000 characters."
    /windows/1    the window ends before it begins …
                  → field f.windows.1.to,
                    "Possible times: this ends before it begins. …"

The rules of the log describe faults for programs, by the names of members. An officer
knows neither pointers nor identifiers. So this module says at which field a fault is
shown, where its link leads, and what the officer can do. A rule's sentence with such
names has a plain sentence here. A name that is a value is looked up in the vocabulary.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from dragoman.i18n.vocabulary import known
from dragoman.i18n.words import Words
from dragoman.members.groups import GroupKind, RowsKind
from dragoman.members.kind import FieldError, Kind, Member
from dragoman.members.texts import LineKind
from dragoman.text import NameValue, Text, sentence

# Fields at which faults are shown


def at_field(
    fault: FieldError,
    members: Iterable[Member],
    languages: Sequence[str],
    *,
    extra: Mapping[str, str] | None = None,
) -> FieldError:
    """Return a fault with its field on the form, and the id of the control to correct.

    `extra` has the ids of fields that belong to no member.
    """
    if fault.field in (extra or {}):
        return replace(fault, anchor=(extra or {})[fault.field])
    head, *path = fault.field.split(".")
    within = _within(members, head, path, languages) if head == "f" and path else None
    if within is None:
        return replace(fault, anchor="")
    field, anchor = within
    return replace(fault, field=field, anchor=_id(anchor))


def _id(field: str) -> str:
    return field.replace(".", "-")


def _within(
    members: Iterable[Member], prefix: str, path: Sequence[str], languages: Sequence[str]
) -> tuple[str, str] | None:
    """Return the field that shows a fault, and the field to which its link leads.

    None where the form has no such field.
    """
    member = next((item for item in members if item.name == path[0]), None)
    if member is None:
        return None
    name, rest = f"{prefix}.{path[0]}", path[1:]
    match member.kind:
        case GroupKind() if rest:
            inner = _within(member.kind.members, name, rest, languages)
        case RowsKind() if len(rest) > 1:
            inner = _within(member.kind.parts, f"{name}.{rest[0]}", rest[1:], languages)
        case _:
            inner = None
    return inner or member.kind.field_at(name, rest, languages)


# Sentences about faults


_PLAIN: Final = {
    "a reply must say something; give text, answers by question number, or agreed phrases": sentence(
        "Write an answer, or choose an agreed phrase."
    ),
    "an update must say something; give text, or fields that are new, or next_update": sentence(
        "Write what is new, or say when the next update comes."
    ),
    "give the file or its totals, or say nil_return: one of the two": sentence(
        "Attach the file or give its totals; or answer Yes here where there is nothing to report."
    ),
    "no other side has given an agenda yet; give yours with `agenda`": sentence(
        "No other side has given an agenda yet. Give yours first."
    ),
    "no other side has proposed a joint readout; give yours with `readout`": sentence(
        "No other side has proposed a joint readout. Give yours first."
    ),
    "say where it was published, or give the sha256 of its file": sentence(
        "Say where it was published, or attach it."
    ),
    "say when: give a window, or a time": sentence(
        "Say when: give the beginning and the end, or one time."
    ),
    "there are %(n)s windows, counted from 0; name one of them": sentence(
        "Choose one of the times that are offered."
    ),
    "%(n)s times are offered; say which one you accept, counted from 0": sentence(
        "Choose one of the times that are offered."
    ),
    "window %(window)s was accepted already; accept the same one": sentence(
        "Another side has accepted another time. Choose the same one."
    ),
    "the time ends before it begins; check its end": sentence(
        "This ends before it begins. Check the end date."
    ),
    "a point has both lat and lon; give the other one as well": sentence(
        "A latitude and a longitude are needed: N or S, and E or W."
    ),
    "a place is a point, a polygon or a circle; give one": sentence(
        "Give a point, or the corners of an area, but not both."
    ),
    "the place is empty; give lat and lon, a polygon, a circle, a name or text": sentence(
        "Say where: a position, an area, or a name."
    ),
    "one end is not a valid time; write it like 2026-11-26T08:00Z, in the years 1000 to 9000": sentence(
        "There is no such time."
    ),
    "%(time)s is not a valid time; write it like 2026-11-24T03:05+08:00, in the years 1000 to "
    "9000": sentence("There is no such time."),
    "%(id)s is not a message to %(side)s in this exchange; leave it out for the newest": sentence(
        "Choose a message of this exchange."
    ),
    "%(id)s is not a message of this exchange; leave it out for the opening": sentence(
        "Choose a message of this exchange."
    ),
    "%(id)s is not a translation in this exchange; name the id of one": sentence(
        "Choose one of the translations in this exchange."
    ),
    "there is no agreed phrase %(phrase)s; GET /codebook lists them": sentence(
        "Choose from the list."
    ),
    "original names one of the languages of text; give text by language": sentence(
        "Choose a language in which the text is written."
    ),
    "nobody of that id is in the channel's register of people; enter them with POST /people "
    "first": sentence("This person is not in the register of people any more. Choose another one."),
    "the entry was erased; enter the person again with POST /people": sentence(
        "This person was erased from the register. Enter them again."
    ),
    "the entry's commitment is now %(commitment)s; read the entry, and use that commitment": sentence(
        "The entry of this person has changed. Open the form again, and choose the person "
        "once more."
    ),
    "there is no such file here for your side; PUT it under /files first": sentence(
        "This file is not here. Attach it again."
    ),
    "an office begins as proposed, and every other side must agree to it; enter an older "
    "office with for_the_record": sentence(
        "A new office begins as proposed. Choose that; or choose Entered for the record if "
        "it existed before."
    ),
    "%(side)s is not a side of %(channel)s; its sides are %(sides)s": sentence(
        "Choose a side of this channel."
    ),
    "a %(kind)s has %(members)s; give %(name)s": sentence(
        "This must be filled in for what you chose above."
    ),
    "a %(act)s has no %(name)s; say it in facts, or leave it out": sentence(
        "This has no place here. Say it in the facts, or leave it empty."
    ),
    "name every record of these exchanges as the log has them now; draft it again": sentence(
        "Something was said in them since you read them. Look again, then press again."
    ),
    "a suspension needs a written reason; give it in `reason`": sentence(
        "A suspension needs a written reason. Give the reason."
    ),
    "it is missing; give it": sentence("This must be filled in."),
    "it is empty; give it, or leave it out": sentence("This must be filled in."),
}
"""Sentences of the rules with names of members, and the sentences for officers."""

_WRITTEN: Final = "write it as %(form)s"
_LENGTH: Final = "Expected `%(wanted)s` of length %(is)s %(limit)s"
_RANGE: Final = "Expected `%(wanted)s` %(is)s %(limit)s"
_VALIDATORS: Final = (
    *(
        "Expected ",
        "Invalid ",
        "there is no %(value)s here",
        "there is no such member",
        "a text contains",
        "%(error)s; send valid JSON",
    ),
    *("byte %(n)s", "a byte order mark", "there is white space", "%(text)s"),
)
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T\S+")
_CONTEXTS: Final = ("act", "field", "value", "status")


def officer_text(words: Words, kind: Kind | None, detail: Text, sides: Iterable[str] = ()) -> str:
    """Return the sentence for an officer about a fault of a member of that type.

    `detail` is the sentence of a rule or of a validator.
    """
    message = detail.message
    if message in _PLAIN:
        return words.sentence(_PLAIN[message])
    if (
        kind is not None
        and kind.is_listed
        and (message == _WRITTEN or message.startswith(_VALIDATORS))
    ):
        return words.say("Choose from the list.")
    if message == _LENGTH:
        return _of_length(words, kind, detail)
    if message == _RANGE:
        limit = words.number(float(str(detail.values["limit"])))
        return (
            words.say("This is at most %(n)s.", n=limit)
            if "<" in str(detail.values["is"])
            else words.say("This is at least %(n)s.", n=limit)
        )
    if message.startswith(_VALIDATORS):
        return words.say(
            "This cannot be recorded as it is written. Type it again, without special characters."
        )
    if isinstance(kind, LineKind):
        return words.whole(detail)  # What somebody typed is no name of the vocabulary.
    values = {name: _value(words, value, frozenset(sides)) for name, value in detail.values.items()}
    return words.whole(replace(detail, values=values))


def _of_length(words: Words, kind: Kind | None, detail: Text) -> str:
    limit = words.number(int(str(detail.values["limit"])))
    if "<" in str(detail.values["is"]):
        of_text = detail.values["wanted"] == "str"
        return (
            words.say("This is too long: at most %(n)s characters.", n=limit)
            if of_text
            else words.say("These are too many: at most %(n)s.", n=limit)
        )
    if kind is not None and kind.at_least:
        return words.say("At least %(n)s are needed.", n=limit)
    return words.say("This must be filled in.")


def _value(words: Words, value: object, sides: frozenset[str]) -> object:
    """Return a value of a sentence as an officer knows it.

    Times are written as on pages, sides in capitals, and names from the vocabulary.
    """
    if not isinstance(value, str):
        return value
    if _TIME.fullmatch(value):
        return words.written(value, "minute")
    parts = value.split(", ")
    if all(part in sides for part in parts):
        return ", ".join(part.upper() for part in parts)
    name_values = [
        next(
            (NameValue(context, part) for context in _CONTEXTS if (context, part) in known()), None
        )
        for part in parts
    ]
    return tuple(name_values) if all(name_values) else value


# Sentences about a request as a whole


_SEND_AGAIN: Final = sentence(
    "Nothing was recorded: %(error)s. Send it again in a moment: it cannot be recorded twice."
)
_NO_EXCHANGE: Final = sentence("There is no such exchange here, or there was none at that time.")

_ON_PAGES: Final = {
    "This path does not exist; GET /v1/openapi.json lists all paths.": sentence(
        "This page does not exist. Check the address, or go to the board."
    ),
    "There is no such exchange here, or was none at that position; list them under "
    "/exchanges.": _NO_EXCHANGE,
    "There is no exchange %(exchange)s in %(channel)s; list them under /exchanges.": _NO_EXCHANGE,
    "There is no channel %(channel)s for this token; GET /v1/channels lists those there are.": sentence(
        "There is no channel %(channel)s for you here."
    ),
    "This exchange is not a joint report. Open it under /exchanges.": sentence(
        "This exchange is not a joint report."
    ),
    "There is no such draft of your side; GET /drafts lists those there are.": sentence(
        "There is no such draft of your side."
    ),
    "There is no such entry in the channel's register of people; GET /people lists those "
    "there are.": sentence("There is no such entry in the register of people."),
    "There is no such endpoint of your side; GET /v1/webhooks lists those there are.": sentence(
        "There is no such endpoint of your side."
    ),
    "There is no token of that id; GET /v1/tokens lists them.": sentence("There is no such token."),
    "There is no subject of that id; GET /v1/subjects lists them.": sentence(
        "There is no such subject."
    ),
    "%(error)s. Try again with the same Idempotency-Key.": sentence(
        "%(error)s. Try again in a moment."
    ),
    "Nothing was recorded: %(error)s. Try again with the same Idempotency-Key.": _SEND_AGAIN,
    "Nothing was recorded: %(error)s. Send it again with the same Idempotency-Key; it cannot "
    "be recorded twice.": _SEND_AGAIN,
    "Nothing was recorded: the exchange cannot be looked up now: %(error)s. Try again with "
    "the same Idempotency-Key.": _SEND_AGAIN,
    "It may or may not be recorded: %(error)s. Send it again with the same Idempotency-Key; "
    "it cannot be recorded twice.": sentence(
        "It may or may not be recorded: %(error)s. Send it again: it cannot be recorded twice."
    ),
    "Nothing was recorded: earlier posts to this exchange are still waiting for the log. Try "
    "again with the same Idempotency-Key.": sentence(
        "Nothing was recorded: earlier messages of this exchange still wait for the log. "
        "Send it again in a moment."
    ),
    "Other posts to this exchange were faster. Read it, and post again with the same "
    "Idempotency-Key.": sentence(
        "Others write in this exchange at this moment. Read it, and send yours again."
    ),
    "The exchange has moved since you read it; read it again, and post with its new ETag.": sentence(
        "The exchange has moved since you read it. Read it, and write again."
    ),
    "Only these roles can send %(act)s: %(roles)s. %(actor)s has %(held)s.": sentence(
        "You cannot do this as %(held)s: %(act)s. Only these roles can: %(roles)s."
    ),
}
"""Sentences of the API for programs, and the sentences that pages show instead."""


def plain(detail: Text) -> Text:
    """Return an error in words for a page, without paths and headers of the API.

    An act that a sentence of such a page names has its name from the vocabulary.
    """
    text = _ON_PAGES.get(detail.message)
    if text is None:
        return detail
    act = detail.values.get("act")
    values = dict(detail.values)
    if isinstance(act, str) and ("act", act) in known():
        values["act"] = NameValue("act", act)
    return replace(detail, message=text.message, values=values)
