"""The words for the standing of an undertaking: pages, charts and reports say them."""

from dragoman.i18n.words import Words
from dragoman.reports.answer_words import answer_text
from dragoman_schemas.agreement_responses import UndertakingStanding, UndertakingView


def standing_text(words: Words, standing: UndertakingStanding) -> str:
    """Return a standing without sides, for a heading and a count."""
    match standing:
        case "late":
            return words.say("late")
        case "due":
            return words.say("still to be done")
        case "said":
            return words.say("said, not confirmed")
        case "refused":
            return words.say("refused")
        case "done":
            return words.say("done, not confirmed")
        case "confirmed":
            return words.say("confirmed")
        case "ended":
            return words.say("ended without it")


def standing_of(words: Words, view: UndertakingView) -> str:
    """Return the standing of an undertaking, with the sides whose word it is.

    Under the Chatham House Rule, the author is a participant.
    """
    author = view.said_by.upper() or words.say("a participant")
    match view.standing:
        case "said":
            return words.say("said by %(side)s, not confirmed", side=author)
        case "refused":
            refusals = (answer_text(words, it) for it in view.answers if it.answer == "refused")
            return "; ".join([words.say("said by %(side)s", side=author), *refusals])
        case "confirmed" if view.late:
            return words.say("confirmed, after its date")
        case standing:
            return standing_text(words, standing)
