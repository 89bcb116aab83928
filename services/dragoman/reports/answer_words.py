"""The words for a side's answer, as pages, reports and commands say them."""

from collections.abc import Mapping

from dragoman.i18n.words import Words
from dragoman.text import NameValue, Text, sentence
from dragoman_schemas.responses import SideAnswer


def answer_text(words: Words, answer: SideAnswer) -> str:
    """Return an answer with its side and its time, without its reason."""
    values = {"side": answer.side.upper(), "t": answer.time and words.written(answer.time, "day")}
    match answer.answer:
        case "agreed":
            return words.say("agreed by %(side)s, %(t)s", **values)
        case "agreed_in_part":
            return words.say("agreed in part by %(side)s, %(t)s", **values)
        case "agreed_earlier":
            return words.say("agreed by %(side)s, %(t)s, to an earlier text", **values)
        case "refused":
            return words.say("refused by %(side)s, %(t)s", **values)
        case "withdrew":
            return words.say("agreement taken back by %(side)s, %(t)s", **values)
        case "proposed_otherwise":
            return words.say("%(side)s proposed otherwise, %(t)s", **values)
        case "proposed":
            return words.say("%(side)s proposed what is accepted, %(t)s", **values)
        case "ad_referendum":
            return words.say("agreed by %(side)s ad referendum, %(t)s", **values)
        case "second_key_due":
            return words.say(
                "agreed by one officer of %(side)s, %(t)s; a second officer must confirm it",
                **values,
            )
        case "silent":
            return words.say("%(side)s has not answered", side=answer.side.upper())


def represented_text(represented: Mapping[str, bool]) -> Text:
    """Return for which sides a text speaks, and whether each has confirmed it."""
    return sentence(
        "Said in the name of other sides: %(sides)s",
        sides=tuple(
            sentence("%(side)s (confirmed)", side=NameValue("side", side))
            if is_confirmed
            else sentence("%(side)s (not confirmed)", side=NameValue("side", side))
            for side, is_confirmed in represented.items()
        ),
    )
